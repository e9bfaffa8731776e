//! Words that organisations use for hosts and zones. They keep a one-off `mail` out of a family of tenants, and tell a
//! column of services from a column of names. Written by hand from common practice and the conventions of DNS (RFC 2142,
//! RFC 6186, the service names of popular software).

use std::collections::HashSet;
use std::sync::OnceLock;

use super::hash::MixBuilder;

/// Common host, service, environment and role words, one a line, sorted.
const KNOWN: &str = include_str!("words.txt");

fn known() -> &'static HashSet<&'static str, MixBuilder> {
    static WORDS: OnceLock<HashSet<&'static str, MixBuilder>> = OnceLock::new();
    WORDS.get_or_init(|| KNOWN.lines().collect())
}

/// The hosts that most organisations have, sorted; written by hand. Expressions leave them out by name, so they are few.
const COMMON: &str = "account accounts admin analytics api app apps archive assets auth autoconfig autodiscover backup beta billing blog \
calendar careers cdn chat checkout cloud community confluence console contact control cpanel crm dashboard data db demo dev developer dns \
docs download downloads email erp events exchange extranet faq feedback files forum ftp gateway git gitlab grafana help helpdesk home host \
id images imap img intranet jenkins jira jobs kb ldap learn legacy link links login m mail media meet mobile monitor monitoring mx my news \
newsletter ns office old owa partner partners pay payments pop portal press prod proxy radius registry relay remote repo reports sandbox \
search secure server shop sip sites smtp sso stage staging static stats status store support survey test track training uat upload vpn \
web webdisk webmail whm wiki www";

/// The hosts that most organisations have.
pub(super) fn common_hosts() -> impl Iterator<Item = &'static str> {
    COMMON.split(' ')
}

/// Two-letter country codes in use (ISO 3166-1 alpha-2, and `uk` and `eu`), sorted.
const COUNTRIES: &str = "ad ae af ag ai al am ao ar at au aw az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cd cf cg \
ch ci ck cl cm cn co cr cu cv cw cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fm fo fr ga gb gd ge gf gg gh gi gl gm gn \
gp gq gr gt gu gw gy hk hn hr ht hu id ie il im in iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr \
ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe \
pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st sv sx sy sz tc td tf tg \
th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

/// Whether a label, without a trailing number, is a word that many organisations use for a host or a zone.
pub(super) fn is_known_host(label: &str) -> bool {
    let word = label.trim_end_matches(|c: char| c.is_ascii_digit());
    let word = if word.is_empty() { label } else { word };
    // `br3` is more likely a border router than Brazil.
    if word.len() < label.len() && is_country(word) && word != "mx" {
        return false;
    }
    is_known_word(word.strip_suffix(['-', '_']).unwrap_or(word))
}

/// Whether a label is such a word as it stands.
pub(super) fn is_known_word(label: &str) -> bool {
    known().contains(label)
}

/// What stages of a deployment are called, sorted; written by hand.
const ENVIRONMENTS: &str = "acc acceptance alpha beta canary ci demo dev devel development dr hotfix int integration lab live load nft nonprod \
nprd perf performance poc ppe pre preprod preview prd prep prod production qa qas sandbox sbx sit stable stage staging stg sys test testing \
tests training trial trn tst uat";

/// Whether a word names a stage of a deployment, a trailing number aside.
pub(super) fn is_environment(text: &str) -> bool {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    !word.is_empty() && ENVIRONMENTS.split(' ').any(|known| known == word)
}

/// Whether a text is a country code.
pub(super) fn is_country(text: &str) -> bool {
    static CODES: OnceLock<[u32; 26]> = OnceLock::new();
    let codes = CODES.get_or_init(|| {
        let mut codes = [0; 26];
        for code in COUNTRIES.split(' ') {
            let octets = code.as_bytes();
            codes[usize::from(octets[0] - b'a')] |= 1 << (octets[1] - b'a');
        }
        codes
    });
    match text.as_bytes() {
        [first @ b'a'..=b'z', second @ b'a'..=b'z'] => codes[usize::from(first - b'a')] & 1 << (second - b'a') != 0,
        _ => false,
    }
}

/// Whether two words are values of one thing rather than two names: `lgza` and `lgzb`, `dev` and `prod`, `eu` and `us`.
pub(super) fn are_of_one_kind(one: &str, other: &str) -> bool {
    let shared = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    one.len() == other.len() && shared + 1 == one.len() && shared > 0
        || [is_environment, is_country].iter().any(|is| is(one) && is(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_no_repeats() {
        let words: Vec<&str> = KNOWN.lines().collect();
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(common_hosts().all(is_known_word));
    }

    #[test]
    fn values_of_one_thing_are_told_from_two_names() {
        for (one, other, alike) in [
            ("lgza", "lgzb", true),
            ("dev", "prod", true),
            ("eu", "us", true),
            ("web", "db", false),
            ("a", "b", false),
            ("mail", "mailx", false),
        ] {
            assert_eq!(are_of_one_kind(one, other), alike, "{one} {other}");
        }
    }

    #[test]
    fn a_trailing_number_does_not_hide_a_known_host() {
        assert!(is_known_host("www2") && is_known_host("mail") && is_known_host("mx-1"));
        assert!(!is_known_host("norgen") && !is_known_host(""));
    }
}
