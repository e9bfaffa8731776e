//! Every row of the decision table with an answer that triggers it and one that nearly does, over real octets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::diagnosis_kit::{add, address, view_of};
use crate::caa::{
    AliasEnd, AliasEvidence, AuthoritativeView, Cause, HostEvidence, LevelEvidence, Line, Security, Stress, causes,
    security,
};

const ZONE: &str = "z.test";
const LEVEL: &str = "www.z.test";

fn codes(causes: &[Cause]) -> String {
    causes.iter().map(|cause| cause.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// Servers one below the other, and the codes that must be found, in order.
type Row<'a> = (&'a [&'a str], &'a str);

fn check(rows: &[Row<'_>]) {
    for (servers, expected) in rows {
        let view = view_of(ZONE, LEVEL, servers);
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), *expected, "{servers:?}\n{found:#?}");
        for cause in &found {
            assert!(!cause.fix.is_empty() && !cause.evidence.is_empty() && cause.who.contains(ZONE), "{cause:?}");
            assert!(cause.servers.iter().all(|server| !server.name.is_empty()), "{cause:?}");
        }
    }
}

const OK: &str = "ns=records caa=nodata a=records";

#[test]
fn sound_answers_have_no_cause() {
    check(&[
        (&[OK], ""),
        (&[OK, OK], ""),
        (&["ns=records caa=nxdomain a=nxdomain lower=nxdomain"], ""),
        (&["ns=records caa=records=x a=records"], ""),
        // Answers that look odd and are in order.
        (&["ns=records caa=soa=WWW.Z.TEST a=records"], ""),
        (&["ns=records caa=nodata a=servfail"], ""),
        (&["ns=records caa=nodata a=nodata lower=nodata"], ""),
        (&["ns=records caa=tc a=records tcp=nodata"], ""),
        (&["ns=records caa=alias=t.other a=alias=t.other"], ""),
        (&["ns=records caa=down=www.z.test a=down=www.z.test"], ""),
        (&["ns=servfail caa=nodata a=records"], ""),
        // A retry that is answered.
        (&["ns=records caa=servfail+nodata a=records"], ""),
    ]);
}

#[test]
fn what_keeps_an_answer_from_coming_is_told_by_the_forms_that_get_one() {
    check(&[
        // Nothing comes at all.
        (&["ns=silence apexplain=silence apextcp=closed"], "server-unreachable"),
        (&["ns=closed apexplain=closed apextcp=closed"], "server-unreachable"),
        (&["ns=silence apexplain=silence apextcp=closed", OK], "server-partly-unreachable"),
        // Alive, but not over UDP, or not at this name.
        (&["ns=silence apexplain=silence apextcp=records caa=silence a=silence tcp=nodata"], "server-unreachable"),
        (
            &["ns=records caa=silence a=silence tcp=silence plain=silence lower=silence plainest=silence"],
            "server-unreachable",
        ),
        // The zone is not there.
        (&["ns=refused caa=refused a=refused"], "lame-delegation"),
        (&["ns=notauth caa=notauth a=notauth"], "lame-delegation"),
        (&["ns=up caa=up a=up"], "lame-delegation"),
        (&["ns=self caa=self a=self"], "lame-delegation"),
        (&["ns=refused caa=refused a=silence"], "lame-delegation"),
        (&["ns=refused caa=refused a=refused", OK], "inconsistent-servers"),
        (
            &["ns=refused caa=refused a=refused", "ns=servfail caa=servfail a=servfail"],
            "lame-delegation server-failure",
        ),
        // The zone is there, and this name gets errors.
        (&["ns=records caa=refused a=refused"], "server-failure"),
        (&["ns=servfail caa=servfail a=servfail"], "server-failure"),
        (&["ns=records caa=servfail a=servfail"], "server-failure"),
        (&["ns=servfail caa=servfail a=servfail", OK], "server-failure"),
        // CAA only.
        (&["ns=records caa=silence a=records unknown=nodata plain=silence lower=silence tcp=silence"], "caa-dropped"),
        (&["ns=records caa=refused a=records unknown=nodata plain=refused lower=refused"], "caa-rejected"),
        (&["ns=records caa=servfail a=nodata unknown=servfail plain=servfail lower=servfail"], "caa-rejected"),
        (&["ns=records caa=notimp a=records plain=notimp lower=notimp"], "caa-rejected"),
        (&["ns=records caa=self a=records"], "ns-instead-of-soa not-authoritative"),
        (&["ns=records caa=nxdomain a=records lower=nxdomain"], "caa-nxdomain"),
        (&["ns=records caa=nxdomain a=nxdomain lower=nxdomain"], ""),
        // EDNS.
        (&["ns=formerr apexplain=records caa=formerr a=formerr plain=nodata lower=formerr"], "edns-rejected"),
        (
            &["ns=silence apexplain=records caa=silence a=silence plain=nodata lower=silence tcp=silence"],
            "edns-dropped",
        ),
        (&["ns=badvers apexplain=records caa=badvers a=badvers plain=nodata lower=badvers"], "edns-badvers"),
        (&["ns=badcookie apexplain=records caa=badcookie a=badcookie plain=nodata lower=badcookie"], "edns-rejected"),
        (
            &[
                "ns=silence apexplain=records caa=silence a=silence plain=silence lower=silence plainest=silence tcp=silence",
            ],
            "caa-dropped edns-dropped",
        ),
        // Size: small answers arrive with EDNS too.
        (
            &["ns=records caa=silence a=records plain=tc lower=silence 512=tc 4096=silence tcp=records=x"],
            "edns-dropped",
        ),
        // TCP.
        (&["ns=records caa=tc a=records tcp=closed"], "tcp-unavailable"),
        (&["ns=records caa=tc a=records tcp=silence"], "tcp-unavailable"),
        (&["ns=records caa=tc a=records tcp=tc"], "tcp-unavailable"),
        (&["ns=records caa=tc a=records tcp=closed", OK], "tcp-unavailable"),
        // Replies nobody can use.
        (&["ns=records caa=garbage a=garbage plain=garbage lower=garbage"], "malformed-answer"),
        (&["ns=stray caa=stray a=stray plain=stray lower=stray plainest=stray"], "malformed-answer"),
        (&["ns=records caa=wrongtype a=records plain=wrongtype lower=wrongtype"], "malformed-answer"),
        (&["ns=records caa=rrsig a=records plain=rrsig lower=rrsig"], "malformed-answer"),
        // The case of letters.
        (&["ns=records caa=nodata-case a=records-case lower=nodata"], "case-not-preserved"),
        (&["ns=records caa=nxdomain a=nxdomain lower=nodata"], "case-sensitive"),
        (&["ns=records caa=nodata a=nodata lower=records=x"], "case-sensitive"),
        (&["ns=records caa=silence a=silence lower=nodata plain=silence tcp=silence"], "case-dropped"),
        (
            &["ns=records caa=silence a=silence lower=silence plain=silence plainest=nodata tcp=silence ns=silence"],
            "edns-dropped case-dropped",
        ),
    ]);
}

#[test]
fn negative_answers_are_judged_by_their_authority_section_and_flags() {
    check(&[
        (&["ns=records caa=nosoa a=records"], "negative-without-soa"),
        (&["ns=records caa=nxnosoa a=nxnosoa lower=nxnosoa"], "negative-without-soa"),
        (&["ns=records caa=soainanswer a=records"], "negative-without-soa"),
        (&["ns=records caa=nsinstead a=records"], "ns-instead-of-soa"),
        (&["ns=records caa=soa=test a=records"], "foreign-soa"),
        (&["ns=records caa=soa=other.test a=records"], "foreign-soa"),
        (&["ns=records caa=soa=www.z.test a=records"], ""),
        (&["ns=nxsoa=test caa=nxsoa=test a=nxsoa=test lower=nxsoa=test"], "foreign-soa"),
        (&["ns=records caa=nodata-noaa a=records"], "not-authoritative"),
        (&["ns=records caa=nodata-noaa-ra a=records"], "not-authoritative"),
        (&["ns=records caa=nodata a=records-noaa"], ""),
        (&["ns=records caa=nosoa-noaa a=records"], "negative-without-soa not-authoritative"),
        // After an alias: only a server that goes on to the target owes its SOA.
        (&["ns=records caa=alias=t.z.test a=aliasa=t.z.test"], "negative-without-soa"),
        (&["ns=records caa=alias=t.z.test a=alias=t.z.test"], ""),
        (&["ns=records caa=aliassoa=t.z.test a=aliasa=t.z.test"], ""),
        (&["ns=records caa=aliasnx=t.z.test a=aliasnx=t.z.test"], "negative-without-soa"),
        // A lie about existing names shows that NXDOMAIN means nothing here.
        (&["ns=records existing=nxdomain caa=nxdomain a=nxdomain lower=nxdomain"], "empty-non-terminal-nxdomain"),
        (&["ns=records existing=nodata caa=nxdomain a=nxdomain lower=nxdomain"], ""),
        // Aliases beside data.
        (&["ns=records caa=alias=t.other a=records"], "cname-at-apex"),
        (&["ns=records caa=aliascaa=t.other a=alias=t.other"], "cname-at-apex"),
        (&["ns=records caa=odd a=records"], "malformed-caa"),
    ]);
    let apex = view_of(ZONE, ZONE, &["ns=records caa=alias=t.other a=alias=t.other"]);
    assert_eq!(codes(&causes(&apex, ZONE)), "cname-at-apex");
}

#[test]
fn servers_are_held_against_each_other_by_what_they_say_of_caa() {
    check(&[
        (&["ns=records caa=records=x a=records", OK], "inconsistent-servers"),
        (&["ns=records caa=records=x a=records", "ns=records caa=records=y a=records"], "inconsistent-servers"),
        (&["ns=records caa=records=x a=records", "ns=records caa=records=x a=records"], ""),
        (&["ns=records caa=nxdomain a=nxdomain lower=nxdomain", OK], "inconsistent-servers"),
        // One that drops CAA has said nothing that could differ.
        (
            &["ns=records caa=silence a=records unknown=nodata plain=silence lower=silence tcp=silence", OK],
            "caa-dropped",
        ),
    ]);
    // Aliases that differ from server to server, or from question to question, count by what is found where they lead.
    let steady = ["ns=records caa=alias=s.far a=alias=s.far", "ns=records caa=alias=t.far a=alias=t.far"];
    let rotating = ["ns=records caa=alias=s.far a=alias=t.far", "ns=records caa=alias=t.far a=alias=s.far"];
    for (servers, target, expected) in [
        (steady, "caa=records=x a=records", "inconsistent-servers"),
        (steady, "caa=nodata a=records", ""),
        (rotating, "caa=records=x a=records", ""),
    ] {
        let mut view = view_of(ZONE, LEVEL, &servers);
        assert_eq!(codes(&causes(&view, LEVEL)), "", "targets that were not looked at");
        add(&mut view, "far", "s.far", &["ns=records caa=nodata a=records"]);
        add(&mut view, "far", "t.far", &[target]);
        assert_eq!(codes(&causes(&view, LEVEL)), expected, "{servers:?} {target}");
    }
    let blamed = |servers: &[&str]| -> BTreeSet<IpAddr> {
        causes(&view_of(ZONE, LEVEL, servers), LEVEL)
            .iter()
            .flat_map(|c| &c.servers)
            .filter_map(|s| s.address)
            .collect()
    };
    let lame = "ns=refused caa=refused a=refused";
    assert_eq!(blamed(&[OK, lame, OK]), BTreeSet::from([address(1)]));
    let dead = "ns=silence apexplain=silence apextcp=silence";
    assert_eq!(blamed(&[dead, OK, dead]), BTreeSet::from([address(0), address(2)]));
}

#[test]
fn a_fault_of_a_part_of_the_servers_does_not_break_the_lookup() {
    let dropping = "ns=records caa=silence a=records unknown=nodata plain=silence lower=silence tcp=silence";
    let lame = "ns=refused caa=refused a=refused";
    for (servers, expected) in [
        (vec![dropping], true),
        (vec![dropping, OK], false),
        (vec![dropping, dropping], true),
        (vec![dropping, lame], true),
        (vec![dropping, lame, OK], false),
    ] {
        let found = causes(&view_of(ZONE, LEVEL, &servers), LEVEL);
        assert!(found.iter().all(|cause| cause.breaks_lookup == expected), "{servers:?} {found:?}");
    }
}

#[test]
fn late_answers_are_slow_only_if_all_are_and_the_line_is_not() {
    let late = |ms: u64| {
        format!("ns=records-late={ms} caa=nodata-late={ms}+nodata-late={ms}+nodata-late={ms} a=records-late={ms}")
    };
    for (server, line_us, expected) in [
        (late(700), 1000, "slow-server"),
        (late(400), 1000, ""),
        (late(700), 300_000, ""),
        ("ns=records caa=nodata-late=900+nodata-late=10+nodata-late=900 a=records".to_owned(), 1000, ""),
        ("ns=records caa=nodata-late=900 a=records".to_owned(), 1000, ""),
        ("ns=records caa=nodata-late=900+nodata-late=800+nodata-late=900 a=records".to_owned(), 1000, "slow-server"),
    ] {
        let view = AuthoritativeView { line_us: Some(line_us), ..view_of(ZONE, LEVEL, &[&server]) };
        assert_eq!(codes(&causes(&view, LEVEL)), expected, "{server}");
    }
}

#[test]
fn losses_together_are_a_limit_and_losses_at_any_pace_a_bad_line() {
    for (together, apart, expected) in [
        ("++----", "++++", "rate-limited"),
        ("+-----", "++-", "rate-limited"),
        ("------", "+++", "rate-limited"),
        ("++----", "----", "rate-limited"),
        ("+-+-++", "++++++++", "rate-limited"),
        ("+-+-++", "++++", "lossy-server"),
        ("--+--+", "--+", "lossy-server"),
        ("++++--", "+--", "lossy-server"),
        ("------", "---", "server-unreachable"),
        ("++++++", "+++", ""),
        ("+++-++", "+++", ""),
    ] {
        let tries = |text: &str| text.chars().map(|c| c == '+').collect();
        let otherwise = BTreeSet::from(["silence".to_owned()]);
        let answers = if expected == "server-unreachable" { "caa=silence a=silence" } else { "caa=nodata a=records" };
        let mut view = view_of(ZONE, LEVEL, &[&format!("ns=records {answers}")]);
        let server = view.zones.get_mut(ZONE).unwrap().servers.get_mut(&address(0)).unwrap();
        server.stress = Some(Stress { together: tries(together), apart: tries(apart), otherwise });
        assert_eq!(codes(&causes(&view, LEVEL)), expected, "{together} {apart}");
    }
}

#[test]
fn hosts_are_held_against_what_the_zone_says_of_them() {
    let dead = "ns=silence apexplain=silence apextcp=silence";
    // Glue that the zone does not confirm.
    let mut view = view_of(ZONE, LEVEL, &[OK, dead]);
    let host = view.zones.get_mut(ZONE).unwrap().hosts.get_mut("ns2.z.test").unwrap();
    host.glue = BTreeSet::from([address(1)]);
    host.addresses = BTreeSet::from([address(0)]);
    let found = causes(&view, LEVEL);
    assert_eq!(codes(&found), "server-partly-unreachable");
    assert!(found[0].evidence.contains("glue") && found[0].who.starts_with("the owner of z.test"), "{found:?}");
    // A host that has no address, beside one that works; and a zone all of whose hosts have none.
    for (servers, expected) in [(vec![OK], "server-partly-unreachable"), (vec![], "server-unreachable")] {
        let mut view = view_of(ZONE, LEVEL, &servers);
        let lost = HostEvidence { trouble: Some("the name does not exist".into()), ..HostEvidence::default() };
        view.zones.get_mut(ZONE).unwrap().hosts.insert("lost.test".into(), lost);
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), expected);
        assert_eq!(found[0].servers[0].to_string(), "lost.test (no address)");
    }
}

#[test]
fn ipv6_that_does_not_leave_this_host_is_not_the_servers_fault() {
    let six: IpAddr = "2001:db8::1".parse().unwrap();
    let with_six = |servers: &[&str]| {
        let mut view = view_of(ZONE, LEVEL, servers);
        view.ipv6_works = Some(false);
        let zone = view.zones.get_mut(ZONE).unwrap();
        let unrouted = crate::caa::Observation::Network("network unreachable".into());
        let probe = super::diagnosis_kit::probe("ns", ZONE, ZONE, vec![unrouted]);
        let server = crate::caa::ServerEvidence {
            probes: vec![probe],
            hosts: BTreeSet::from(["ns6.z.test".to_owned()]),
            ..Default::default()
        };
        zone.servers.insert(six, server);
        causes(&view, LEVEL)
    };
    assert_eq!(codes(&with_six(&[OK])), "");
    let dead = with_six(&["ns=silence apexplain=silence apextcp=silence"]);
    assert_eq!(codes(&dead), "server-unreachable");
    assert!(dead[0].evidence.contains("2001:db8::1 was not asked"), "{dead:?}");
    assert!(!dead[0].servers.iter().any(|server| server.address == Some(six)));
    assert_eq!(codes(&with_six(&[])), "server-unreachable");
}

#[test]
fn an_empty_non_terminal_needs_the_servers_own_word() {
    let mut view = view_of(
        ZONE,
        "c.z.test",
        &["ns=records caa=nxdomain a=nxdomain lower=nxdomain", "ns=records caa=nodata a=nodata lower=nodata"],
    );
    add(&mut view, ZONE, "b.c.z.test", &["caa=nxdomain a=nxdomain lower=nxdomain", "caa=nodata a=records"]);
    view.levels.get_mut("c.z.test").unwrap().known_below.insert("b.c.z.test".into());
    // The first server denies both names: it has an old zone, and is consistent in that.
    assert_eq!(codes(&causes(&view, "c.z.test")), "inconsistent-servers");
    let mut view = view_of(ZONE, "c.z.test", &["ns=records caa=nxdomain a=nxdomain lower=nxdomain"]);
    add(&mut view, ZONE, "b.c.z.test", &["caa=nodata a=records"]);
    assert_eq!(codes(&causes(&view, "c.z.test")), "");
    view.levels.get_mut("c.z.test").unwrap().known_below.insert("b.c.z.test".into());
    assert_eq!(codes(&causes(&view, "c.z.test")), "empty-non-terminal-nxdomain");
}

#[test]
fn a_zone_above_that_answers_nobody_is_the_cause_below_it() {
    let no_edns = "ns=silence apexplain=records caa=silence a=silence plain=nodata lower=silence tcp=silence";
    let late = "ns=records caa=nodata-late=4000+nodata-late=4000+nodata-late=4000 a=nodata-late=4000";
    for (above, expected) in [
        (vec![no_edns], "edns-dropped"),
        (vec![no_edns, OK], ""),
        (vec!["ns=silence caa=silence a=silence lower=nodata plain=silence tcp=silence"], "case-dropped"),
        (vec![late], "slow-server"),
        (vec!["ns=records caa=nodata-late=4000+nodata-late=4000+nodata-late=4000 a=nodata"], ""),
        // What concerns CAA only does not keep the zone below from being found.
        (vec!["ns=records caa=silence a=nodata plain=silence lower=silence tcp=silence"], ""),
        (vec!["ns=records caa=nosoa a=nodata lower=nosoa"], ""),
    ] {
        let mut view = view_of(ZONE, LEVEL, &[OK]);
        add(&mut view, "test", "test", &above);
        view.zones.get_mut(ZONE).unwrap().parent = Some("test".into());
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), expected, "{above:?}");
        assert!(found.iter().all(|cause| cause.who == "the registry of test" && cause.breaks_lookup), "{found:?}");
    }
}

fn aliased(target_zone: &str, target: &str, servers: &[&str]) -> AuthoritativeView {
    let answer = format!("ns=records caa=alias={target} a=alias={target}");
    let mut view = view_of(ZONE, LEVEL, &[&answer]);
    add(&mut view, target_zone, target, servers);
    let alias = AliasEvidence { chain: vec![target.to_owned()], end: AliasEnd::Target };
    view.levels.get_mut(LEVEL).unwrap().alias = Some(alias);
    view
}

#[test]
fn the_operator_of_a_broken_target_is_to_blame() {
    for (servers, expected) in [
        (vec![OK], ""),
        (vec!["ns=refused caa=refused a=refused"], "alias-target-broken"),
        (vec!["ns=silence apexplain=silence apextcp=silence"], "alias-target-broken"),
        (vec!["ns=records caa=silence a=records plain=silence lower=silence tcp=silence"], "alias-target-broken"),
        (vec!["ns=records caa=tc a=records tcp=closed"], "alias-target-broken"),
        // What does not break the lookup keeps its own name.
        (vec!["ns=records caa=nosoa a=records"], "negative-without-soa"),
        (vec!["ns=records caa=nxdomain a=records lower=nxdomain"], "caa-nxdomain"),
        (vec![OK, "ns=silence apexplain=silence apextcp=silence"], "server-partly-unreachable"),
        (vec!["ns=records caa=tc a=records tcp=closed", OK], "tcp-unavailable"),
    ] {
        let found = causes(&aliased("far.test", "t.far.test", &servers), LEVEL);
        assert_eq!(codes(&found), expected, "{servers:?}");
        assert!(found.iter().all(|cause| cause.who.contains("far.test") && cause.evidence.contains('→')), "{found:?}");
    }
    // A target in the same zone is no stranger.
    let found = causes(&aliased(ZONE, "t.z.test", &["caa=tc a=records tcp=closed"]), LEVEL);
    assert_eq!(codes(&found), "tcp-unavailable");
}

#[test]
fn chains_that_lead_nowhere_are_loops() {
    for (chain, end, expected) in [
        (vec!["a.test", LEVEL], AliasEnd::Loop, "alias-loop"),
        (vec!["a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test"], AliasEnd::TooLong, "alias-loop"),
        (vec!["a.test"], AliasEnd::Target, ""),
    ] {
        let mut view = view_of(ZONE, LEVEL, &["ns=records caa=alias=a.test a=alias=a.test"]);
        let chain = chain.into_iter().map(str::to_owned).collect();
        view.levels.get_mut(LEVEL).unwrap().alias = Some(AliasEvidence { chain, end });
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), expected);
        assert!(found.iter().all(|cause| cause.evidence.len() < 200));
    }
}

#[test]
fn a_fault_at_a_registry_is_named_so() {
    for (zone, expected) in [
        ("test", "the registry of test"),
        ("co.uk", "the registry of co.uk"),
        ("example.co.uk", "the operator of the name servers of example.co.uk"),
        ("github.io", "the operator of the name servers of github.io"),
    ] {
        let view = view_of(zone, zone, &["ns=records caa=nosoa a=nodata lower=nosoa"]);
        let found = causes(&view, zone);
        assert_eq!((codes(&found).as_str(), found[0].who.as_str()), ("negative-without-soa", expected));
        let for_owners = found[0].fix.contains("works around it");
        assert_eq!(for_owners, !expected.starts_with("the registry"), "nobody can publish at a public suffix");
    }
}

#[test]
fn what_the_public_root_seems_to_do_wrong_too_lies_on_the_way() {
    let faulty = "ns=silence apexplain=records caa=silence a=silence plain=nodata lower=silence tcp=silence";
    let public = |line: &[&str]| {
        let mut view = view_of(ZONE, LEVEL, &[faulty]);
        view.public_root = true;
        let root = view_of(".", "net", line);
        view.line = LevelEvidence { zone: ".".into(), ..root.levels["net"].clone() };
        view.zones.insert(".".into(), root.zones["."].clone());
        view
    };
    let sound = "ns=records caa=down=net a=down=net plain=down=net lower=down=net tcp=down=net";
    let no_edns = "ns=records caa=silence a=silence plain=down=net lower=silence tcp=down=net";
    for (line, expected, says) in [
        (vec![sound], "edns-dropped", None),
        (vec![no_edns], "", Some("edns-dropped")),
        (vec![no_edns, sound], "edns-dropped", None),
        (vec!["ns=silence apexplain=silence"], "", Some("lets no DNS questions out")),
        (vec!["ns=records-noaa-ra caa=nodata-noaa-ra a=nodata-noaa-ra"], "", Some("redirects")),
    ] {
        let view = public(&line);
        assert_eq!(codes(&causes(&view, LEVEL)), expected, "{line:?}");
        let sentence = Line::of(&view).sentence();
        assert_eq!(sentence.is_some(), says.is_some(), "{sentence:?}");
        assert!(says.is_none_or(|says| sentence.unwrap().contains(says)));
    }
    let blind = public(&["ns=silence apexplain=silence"]);
    assert_eq!(security(&blind, LEVEL), Security::Unknown);
    // Of a private root nothing is known, and nothing is excused.
    let private = AuthoritativeView { public_root: false, ..public(&[no_edns]) };
    assert_eq!(codes(&causes(&private, LEVEL)), "edns-dropped");
}

#[test]
fn a_tcp_fault_of_the_line_shows_at_the_root() {
    let mut view = view_of(ZONE, LEVEL, &["ns=records caa=tc a=records tcp=silence"]);
    view.public_root = true;
    let root = view_of(".", "net", &["ns=records caa=down=net a=down=net plain=down=net lower=down=net tcp=silence"]);
    view.line = LevelEvidence { zone: ".".into(), ..root.levels["net"].clone() };
    view.zones.insert(".".into(), root.zones["."].clone());
    assert_eq!(codes(&causes(&view, LEVEL)), "");
    assert!(Line::of(&view).sentence().unwrap().contains("tcp-unavailable"));
}
