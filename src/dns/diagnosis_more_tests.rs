//! Rows of the decision table that look beyond the answers at one level: hosts, zones above, questions of resolvers.

use std::collections::BTreeSet;

use super::diagnosis_kit::{SignedWorld, add, address, view_of};
use crate::caa::{AuthoritativeView, Cause, HostEvidence, causes};

const ZONE: &str = "z.test";
const LEVEL: &str = "www.z.test";
const OK: &str = "ns=records caa=nodata a=records";

fn codes(causes: &[Cause]) -> Vec<&str> {
    causes.iter().map(|cause| cause.code.as_str()).collect()
}

fn host<'v>(view: &'v mut AuthoritativeView, name: &str) -> &'v mut HostEvidence {
    view.zones.get_mut(ZONE).unwrap().hosts.entry(name.to_owned()).or_default()
}

#[test]
fn a_name_server_that_is_an_alias_is_a_risk_and_breaks_nothing() {
    let mut view = view_of(ZONE, LEVEL, &[OK]);
    host(&mut view, "ns1.z.test").alias = Some("real.test".into());
    let found = causes(&view, LEVEL);
    assert_eq!(codes(&found), ["server-partly-unreachable"]);
    let cause = &found[0];
    assert!(cause.evidence.contains("ns1.z.test, an alias for real.test"), "{cause:?}");
    assert!(cause.who.starts_with("the owner of z.test") && !cause.breaks_lookup, "{cause:?}");
    // Without an address it is the missing address that counts.
    host(&mut view, "ns1.z.test").trouble = Some("the alias leads nowhere".into());
    assert!(causes(&view, LEVEL).is_empty(), "the address was asked and answers");
}

#[test]
fn a_name_server_within_the_zone_needs_glue() {
    for (name, glue, who, words) in [
        ("ns9.z.test", false, "the owner of z.test, at", "glue"),
        ("ns9.z.test", true, "the owner of z.test; the operator", ""),
        ("ns9.other", false, "the owner of z.test; the operator", ""),
    ] {
        let mut view = view_of(ZONE, LEVEL, &[OK]);
        let lost = host(&mut view, name);
        lost.trouble = Some("no address was found".into());
        if glue {
            lost.glue = BTreeSet::from([address(7)]);
        }
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), ["server-partly-unreachable"], "{name}");
        assert!(found[0].who.starts_with(who), "{name}, glue {glue}: {}", found[0].who);
        assert!(found[0].fix.contains(words), "{}", found[0].fix);
        assert_eq!(found[0].servers[0].to_string(), format!("{name} (no address)"));
    }
}

#[test]
fn a_record_with_a_tag_of_no_characters_is_told() {
    let found = causes(&view_of(ZONE, LEVEL, &["ns=records caa=notag a=records"]), LEVEL);
    assert_eq!(codes(&found), ["malformed-caa"]);
    assert!(found[0].fix.contains("a tag of no characters") && !found[0].breaks_lookup, "{found:?}");
    assert!(found[0].who.starts_with("the owner of z.test"), "{found:?}");
}

/// A zone above that answers as given at its apex, and a sound one below it.
fn below(parent: &str) -> AuthoritativeView {
    let mut view = view_of(ZONE, LEVEL, &[OK]);
    add(&mut view, "test", "test", &[parent]);
    view.zones.get_mut(ZONE).unwrap().parent = Some("test".into());
    view
}

#[test]
fn a_zone_above_that_gives_no_referral_for_caa_breaks_what_is_below() {
    let dropped = "ns=records caa=silence a=nodata unknown=nodata plain=silence lower=silence tcp=silence";
    let rejected = "ns=records caa=refused a=nodata unknown=nodata plain=refused lower=refused";
    let denied = "ns=records caa=nxdomain a=records lower=nxdomain";
    for (apex, ending, expected) in [
        (dropped, "below=silence", &["caa-dropped"][..]),
        (dropped, "below=down=z.test", &[]),
        (rejected, "below=refused", &["caa-rejected"]),
        (rejected, "below=down=z.test", &[]),
        (denied, "below=nxdomain", &["caa-nxdomain"]),
        (denied, "below=down=z.test", &[]),
        // Not asked, or sound at the apex.
        (dropped, "", &[]),
        ("ns=records caa=nodata a=nodata", "below=silence", &[]),
    ] {
        let view = below(&format!("{apex} {ending}"));
        let found = causes(&view, LEVEL);
        assert_eq!(codes(&found), expected, "{apex} {ending}: {found:#?}");
        for cause in &found {
            assert!(cause.evidence.contains("asked for CAA at z.test, which it delegates"), "{cause:?}");
            assert!(cause.fix.contains("referral") && cause.who.contains("test"), "{cause:?}");
        }
    }
}

#[test]
fn questions_with_cd_need_answers_too() {
    for (said, expected) in [
        ("records", None),
        ("nodata", None),
        // A resolver then asks without EDNS, and so without CD.
        ("formerr", None),
        ("notimp", None),
        ("refused", Some("edns-rejected")),
        ("servfail", Some("edns-rejected")),
        ("silence", Some("edns-dropped")),
    ] {
        let mut view = view_of(ZONE, LEVEL, &[OK]);
        add(&mut view, ZONE, ZONE, &[&format!("caa=nodata a=nodata lower=nodata cd={said}")]);
        for level in [ZONE, LEVEL] {
            let found = causes(&view, level);
            assert_eq!(codes(&found), Vec::from_iter(expected), "{said} at {level}");
            for cause in &found {
                assert!(cause.fix.contains("the CD bit") && cause.breaks_lookup, "{cause:?}");
            }
        }
    }
    // Without EDNS there are no signatures, and a signed zone needs them.
    for (said, expected) in [("records", None), ("formerr", Some("edns-rejected")), ("silence", Some("edns-dropped"))] {
        let mut world = SignedWorld::new();
        world.serve(&world.good_keys(), &[("caa", world.good_nodata()), ("a", world.good_a())]);
        add(&mut world.view, ZONE, ZONE, &[&format!("cd={said}")]);
        assert_eq!(codes(&causes(&world.view, LEVEL)), Vec::from_iter(expected), "{said}");
    }
}
