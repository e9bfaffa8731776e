//! A label cut into tokens by what stands in it alone: separators, parts, and forms that everybody knows.
//!
//! Context-free: the same label gives the same tokens whatever its neighbours are. Whether a part is an opaque id or a
//! word with a number is decided later, from the column it stands in.

use super::class;
use super::octets::Octets;
use super::region::{is_region_word, zoneless};

/// What one token of a label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// `-`
    Dash,
    /// `_`
    Underscore,
    /// Letters only.
    Word,
    /// Digits only.
    Digits,
    /// Letters and digits.
    Mixed,
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// Eight groups of hexadecimal digits, or fewer with an empty one.
    Ipv6,
    /// Six pairs of hexadecimal digits.
    Mac,
    /// Four numbers up to 255.
    Ipv4,
    /// Year, month, day with dashes.
    Date,
    /// `v` and two to four numbers.
    Version,
    /// A region of a large cloud.
    Region,
    /// `xn--`.
    Puny,
}

impl Kind {
    /// Whether the form alone says what it is.
    pub(super) fn is_typed(self) -> bool {
        match self {
            Self::Uuid
            | Self::Ipv6
            | Self::Mac
            | Self::Ipv4
            | Self::Date
            | Self::Version
            | Self::Region
            | Self::Puny => true,
            Self::Dash | Self::Underscore | Self::Word | Self::Digits | Self::Mixed => false,
        }
    }

    /// Whether it is `-` or `_`.
    pub(super) fn is_separator(self) -> bool {
        matches!(self, Self::Dash | Self::Underscore)
    }
}

/// One token and where it stands in its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u8,
    pub(super) len: u8,
}

impl Token {
    fn new(kind: Kind, start: usize, end: usize) -> Self {
        let octet = |at: usize| u8::try_from(at).expect("a label has at most 63 octets");
        Self { kind, start: octet(start), len: octet(end - start) }
    }

    /// The token's text in its label.
    pub(super) fn of(self, label: &str) -> &str {
        &label[usize::from(self.start)..usize::from(self.start) + usize::from(self.len)]
    }

    fn end(self) -> usize {
        usize::from(self.start) + usize::from(self.len)
    }
}

/// The tokens of a label.
pub(super) fn tokens(label: &str) -> Vec<Token> {
    let octets = Octets::of(label);
    let mut tokens = Vec::with_capacity(2 * octets.count_separators() + 1);
    tokenize(label, octets, &mut tokens);
    tokens
}

/// Cuts a label into tokens, appended to `out`.
pub(super) fn tokenize(label: &str, octets: Octets, out: &mut Vec<Token>) {
    let first = out.len();
    if label.starts_with("xn--") {
        out.push(Token::new(Kind::Puny, 0, label.len()));
        return;
    }
    let mut start = 0;
    for at in octets.separators() {
        push_part(out, start, at, octets);
        let kind = if label.as_bytes()[at] == b'-' { Kind::Dash } else { Kind::Underscore };
        out.push(Token::new(kind, at, at + 1));
        start = at + 1;
    }
    push_part(out, start, label.len(), octets);
    if out.len() > first + 1 || start > 0 {
        join_typed(label, first, out);
    } else if out[first].kind != Kind::Digits && is_region_word(label) {
        out[first].kind = Kind::Region;
    }
}

fn push_part(out: &mut Vec<Token>, start: usize, end: usize, octets: Octets) {
    let kind = match octets.among(start, end) {
        (false, false) => return,
        (true, false) => Kind::Word,
        (false, true) => Kind::Digits,
        (true, true) => Kind::Mixed,
    };
    out.push(Token::new(kind, start, end));
}

/// Replaces runs of tokens that make a known form by one token.
fn join_typed(label: &str, first: usize, out: &mut Vec<Token>) {
    let mut at = first;
    while at < out.len() {
        let bounded = at == first || out[at - 1].kind.is_separator();
        if bounded
            && !out[at].kind.is_separator()
            && let Some((kind, tokens)) = class::typed_run(label, &out[at..], at > first)
        {
            let (start, end) = (usize::from(out[at].start), out[at + tokens - 1].end());
            if kind == Kind::Region && tokens > 1 && zoneless(&label[start..end]).len() < end - start {
                // `us-east-1a`: the letter of the zone stays a token of its own.
                let zone = Token::new(Kind::Word, end - 1, end);
                out.splice(at..at + tokens, [Token::new(kind, start, end - 1), zone]);
                at += 1;
            } else if kind == Kind::Ipv4 && out[at].kind == Kind::Mixed {
                // `host81-145-12-3`: the word stays a token of its own.
                let digits = out[at].of(label).trim_end_matches(|c: char| c.is_ascii_digit()).len();
                let word = Token::new(Kind::Word, start, start + digits);
                out.splice(at..at + tokens, [word, Token::new(kind, start + digits, end)]);
                at += 1;
            } else {
                out.splice(at..at + tokens, [Token::new(kind, start, end)]);
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(label: &str) -> String {
        let tokens = tokens(label);
        let shown = tokens.iter().map(|token| format!("{:?}:{}", token.kind, token.of(label)));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_label_is_cut_by_its_form_alone() {
        for (label, expected) in [
            ("www", "Word:www"),
            ("web12", "Mixed:web12"),
            ("a-1_b2", "Word:a Dash:- Digits:1 Underscore:_ Mixed:b2"),
            ("ip-10-0-0-7", "Word:ip Dash:- Ipv4:10-0-0-7"),
            ("host81-145-12-3", "Word:host Ipv4:81-145-12-3"),
            ("1-2-3-4-5", "Digits:1 Dash:- Digits:2 Dash:- Digits:3 Dash:- Digits:4 Dash:- Digits:5"),
            ("300-1-1-1", "Digits:300 Dash:- Digits:1 Dash:- Digits:1 Dash:- Digits:1"),
            ("550e8400-e29b-41d4-a716-446655440000", "Uuid:550e8400-e29b-41d4-a716-446655440000"),
            ("2001-db8-94d5-144f-25da-8e66-2d92-89f4", "Ipv6:2001-db8-94d5-144f-25da-8e66-2d92-89f4"),
            ("00-1a-2b-3c-4d-5e", "Mac:00-1a-2b-3c-4d-5e"),
            ("2024-02-29", "Date:2024-02-29"),
            ("v1-22-333", "Version:v1-22-333"),
            ("s3-website-eu-west-1", "Mixed:s3 Dash:- Word:website Dash:- Region:eu-west-1"),
            ("europe-west4", "Region:europe-west4"),
            ("db-us-east-1a", "Word:db Dash:- Region:us-east-1 Word:a"),
            ("westeurope", "Region:westeurope"),
            ("xn--bcher-kva", "Puny:xn--bcher-kva"),
            ("-a--b-", "Dash:- Word:a Dash:- Dash:- Word:b Dash:-"),
        ] {
            assert_eq!(shown(label), expected, "{label}");
        }
    }
}
