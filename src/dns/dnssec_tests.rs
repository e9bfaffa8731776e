//! DNSSEC faults over real signatures: what is bogus, what is insecure, and whom each fault is laid to.

use super::diagnosis_kit::{NOW, Packet, Rr, SignedWorld, Signer, a, caa, cname, nsec, rr, soa};
use crate::caa::{Anchoring, Cause, DsEvidence, Security, anchoring, causes, rtype, security};

const LEVEL: &str = "www.z.test";

fn codes(causes: &[Cause]) -> String {
    causes.iter().map(|cause| cause.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// What is found where a sound zone is changed in one way.
fn found(change: impl FnOnce(&mut SignedWorld)) -> (String, Security, Vec<Cause>) {
    let mut world = SignedWorld::new();
    change(&mut world);
    let found = causes(&world.view, LEVEL);
    (codes(&found), security(&world.view, LEVEL), found)
}

/// The sound answers with CAA's replaced.
fn answering(world: &mut SignedWorld, caa: Packet) {
    let (keys, a) = (world.good_keys(), world.good_a());
    world.serve(&keys, &[("caa", caa), ("a", a)]);
}

fn authority(records: Vec<Rr>) -> Packet {
    Packet { authority: records, ..Packet::default() }
}

#[test]
fn a_sound_zone_is_secure() {
    let nodata = |world: &mut SignedWorld| answering(world, world.good_nodata());
    assert_eq!(found(nodata).0, "");
    assert_eq!(found(nodata).1, Security::Secure);
    // A set, a name that does not exist, a name from a wildcard, an alias.
    let set = |world: &mut SignedWorld| {
        let answers = world.signed(&[caa(LEVEL, "ca.example"), caa(LEVEL, "other.example")]);
        answering(world, Packet { answers, ..Packet::default() });
    };
    assert_eq!((found(set).0.as_str(), found(set).1), ("", Security::Secure));
    let nxdomain = |world: &mut SignedWorld| {
        let denial = [soa("z.test"), nsec("z.test", "z.test", &[rtype::SOA, rtype::NS])];
        let packet = Packet { rcode: 3, ..authority(world.signed(&denial)) };
        let keys = world.good_keys();
        world.serve(&keys, &[("caa", packet.clone()), ("a", packet.clone()), ("lower", packet)]);
    };
    assert_eq!((found(nxdomain).0.as_str(), found(nxdomain).1), ("", Security::Secure));
}

#[test]
fn signatures_are_good_late_early_missing_or_wrong() {
    let with = |sign: fn(&Signer, &[Rr]) -> Option<Rr>| {
        found(move |world| {
            let set = vec![caa(LEVEL, "ca.example")];
            let answers = [set.clone(), sign(&world.zone, &set).into_iter().collect()].concat();
            answering(world, Packet { answers, ..Packet::default() });
        })
    };
    let good = with(|signer, set| Some(signer.sign(set)));
    assert_eq!((good.0.as_str(), good.1), ("", Security::Secure));
    for (sign, expected) in [
        (
            (|signer, set| Some(signer.sign_for(set, NOW - 20, NOW - 10, 3))) as fn(&Signer, &[Rr]) -> Option<Rr>,
            "dnssec-expired",
        ),
        (|signer, set| Some(signer.sign_for(set, NOW + 10, NOW + 20, 3)), "dnssec-expired"),
        (|_, _| None, "dnssec-bad-signature"),
        (|_, set| Some(Signer::new("z.test", 9).sign(set)), "dnssec-bad-signature"),
        (
            |signer, set| Some(Signer { zone: "test".into(), ..Signer::new(&signer.zone, 2) }.sign(set)),
            "dnssec-bad-signature",
        ),
        (
            |signer, set| {
                let mut bad = signer.sign(set);
                *bad.data.last_mut().unwrap() ^= 1;
                Some(bad)
            },
            "dnssec-bad-signature",
        ),
    ] {
        let (codes, security, causes) = with(sign);
        assert_eq!((codes.as_str(), security), (expected, Security::Bogus));
        assert!(causes[0].breaks_lookup && causes[0].servers.len() == 1, "{causes:?}");
    }
}

#[test]
fn ds_and_keys_go_together_or_not() {
    let delegated = |ds: fn(&SignedWorld) -> Vec<Rr>| {
        found(move |world| {
            let ds = ds(world);
            world.delegate(&ds);
            answering(world, world.good_nodata());
        })
    };
    // One of two fits: a key roll.
    let roll = delegated(|world| vec![Signer::new("z.test", 7).ds(), world.zone.ds()]);
    assert_eq!((roll.0.as_str(), roll.1), ("", Security::Secure));
    let none = delegated(|_| vec![Signer::new("z.test", 7).ds()]);
    assert_eq!((none.0.as_str(), none.1), ("dnssec-ds-mismatch", Security::Bogus));
    assert!(none.2[0].who.starts_with("the owner of z.test, at the registrar"), "{:?}", none.2);
    // What validators cannot use makes the zone insecure, not bogus; also beside keys that do not fit.
    for place in [2, 3] {
        let found = found(|world| {
            let mut ds = world.zone.ds();
            ds.data[place] = 250;
            world.delegate(&[ds]);
            answering(world, world.good_nodata());
        });
        assert_eq!((found.0.as_str(), found.1), ("", Security::Insecure), "octet {place}");
    }
    // SHA-1 fits, SHA-256 does not (RFC 4509 section 3).
    let mixed = delegated(|world| {
        let digest = ring::digest::digest(
            &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
            &[super::diagnosis_kit::name("z.test"), world.zone.key().data].concat(),
        );
        let fits = world.zone.ds();
        let weak = rr("z.test", rtype::DS, [&fits.data[..3], &[1], digest.as_ref()].concat());
        let mut wrong = fits;
        *wrong.data.last_mut().unwrap() ^= 1;
        vec![weak, wrong]
    });
    assert_eq!(mixed.0, "dnssec-ds-mismatch");
    assert!(mixed.2[0].evidence.contains("RFC 4509"), "{:?}", mixed.2);
}

#[test]
fn a_zone_without_keys_is_bogus_and_one_server_without_keys_is_that_servers_fault() {
    let no_keys = Packet { authority: vec![soa("z.test")], ..Packet::default() };
    let unsigned = authority(vec![soa("z.test")]);
    let all = found(|world| {
        let (keys, nodata, a) = (no_keys.clone(), unsigned.clone(), world.good_a());
        world.serve(&keys, &[("caa", nodata), ("a", a)]);
    });
    assert_eq!((all.0.as_str(), all.1), ("dnssec-no-dnskey", Security::Bogus));
    assert!(all.2[0].breaks_lookup && all.2[0].who.contains("registrar"));
    let one = found(|world| {
        answering(world, world.good_nodata());
        let a = world.good_a();
        world.serve(&no_keys, &[("caa", unsigned.clone()), ("a", a)]);
    });
    assert_eq!(one.0, "dnssec-no-dnskey");
    assert!(!one.2[0].breaks_lookup && !one.2[0].who.contains("registrar"), "{:?}", one.2);
    assert_eq!(one.2[0].servers.len(), 1);
    assert!(one.2[0].fix.contains("other servers of the zone have them"));
}

#[test]
fn absence_must_be_proven_and_no_more_than_is_true() {
    let types = |with: &[u16]| [&[rtype::A, rtype::RRSIG, rtype::NSEC], with].concat();
    for (denial, expected) in [
        (vec![nsec(LEVEL, "z.test", &types(&[]))], ""),
        (vec![], "dnssec-bad-denial"),
        // The bitmap says CAA, an alias, no A; the parent's record; a record beside the name.
        (vec![nsec(LEVEL, "z.test", &types(&[rtype::CAA]))], "dnssec-bad-denial"),
        (vec![nsec(LEVEL, "z.test", &types(&[rtype::CNAME]))], "dnssec-bad-denial"),
        (vec![nsec(LEVEL, "z.test", &[rtype::TXT, rtype::RRSIG, rtype::NSEC])], "dnssec-bad-denial"),
        (vec![nsec(LEVEL, "z.test", &types(&[rtype::NS]))], "dnssec-bad-denial"),
        (vec![nsec("a.z.test", "b.z.test", &types(&[]))], "dnssec-bad-denial"),
        // The whole zone is empty, says the record.
        (vec![nsec("z.test", "z.test", &[rtype::SOA, rtype::NS])], "dnssec-bad-denial"),
        // The name is not there, in the compact form: fine for NODATA (RFC 9824).
        (vec![nsec(LEVEL, "\\000.www.z.test", &[rtype::RRSIG, rtype::NSEC, 128])], ""),
    ] {
        let compact = denial.iter().any(|record| record.data.starts_with(b"\x04\\000"));
        let got = found(|world| {
            let records = world.signed(&[vec![soa("z.test")], denial.clone()].concat());
            let keys = world.good_keys();
            let a = if compact { authority(records.clone()) } else { world.good_a() };
            world.serve(&keys, &[("caa", authority(records)), ("a", a)]);
        });
        assert_eq!(got.0, expected, "{denial:?}");
    }
    // Only a wrong word about CAA breaks CAA's lookup.
    let lacks_a = found(|world| {
        let denial = nsec(LEVEL, "z.test", &[rtype::TXT, rtype::RRSIG, rtype::NSEC]);
        answering(world, authority(world.signed(&[soa("z.test"), denial])));
    });
    assert!(!lacks_a.2[0].breaks_lookup);
}

#[test]
fn a_set_that_the_denial_records_leave_out_is_told() {
    for (types, expected) in [(vec![rtype::A, rtype::CAA], ""), (vec![rtype::A], "dnssec-bad-denial")] {
        let got = found(|world| {
            let set = world.signed(&[caa(LEVEL, "ca.example")]);
            let denial = authority(world.signed(&[soa("z.test"), nsec(LEVEL, "z.test", &types)]));
            let (keys, a) = (world.good_keys(), world.good_a());
            world.serve(&keys, &[("caa", Packet { answers: set, ..Packet::default() }), ("a", a), ("unknown", denial)]);
        });
        assert_eq!(got.0, expected, "{types:?}");
        assert!(got.2.iter().all(|cause| !cause.breaks_lookup));
    }
}

#[test]
fn a_wildcard_needs_the_proof_that_nothing_is_closer() {
    for (kind, denial, expected) in [
        (rtype::CAA, Some(nsec("a.z.test", "z.test", &[rtype::A])), ""),
        (rtype::CAA, None, "dnssec-bad-denial"),
        (rtype::CAA, Some(nsec("x.z.test", "z.test", &[rtype::A])), "dnssec-bad-denial"),
        (rtype::CNAME, Some(nsec("a.z.test", "z.test", &[rtype::A])), ""),
        (rtype::CNAME, None, "dnssec-bad-denial"),
    ] {
        let got = found(|world| {
            let set = if kind == rtype::CAA { vec![caa(LEVEL, "x")] } else { vec![cname(LEVEL, "t.other")] };
            let answers = vec![set[0].clone(), world.zone.sign_for(&set, NOW - 10, NOW + 10, 2)];
            let records = denial.clone().map_or_else(Vec::new, |nsec| world.signed(&[nsec]));
            let packet = Packet { answers, authority: records, ..Packet::default() };
            let keys = world.good_keys();
            world.serve(&keys, &[("caa", packet.clone()), ("a", packet)]);
        });
        assert_eq!(got.0, expected, "{kind} {denial:?}");
    }
}

#[test]
fn an_empty_non_terminal_shows_in_the_denial_records() {
    let got = found(|world| {
        let denial = [soa("z.test"), nsec("z.test", "a.www.z.test", &[rtype::SOA, rtype::NS])];
        let packet = Packet { rcode: 3, ..authority(world.signed(&denial)) };
        let keys = world.good_keys();
        world.serve(&keys, &[("caa", packet.clone()), ("a", packet.clone()), ("lower", packet)]);
    });
    assert_eq!(got.0, "empty-non-terminal-nxdomain");
}

#[test]
fn servers_that_publish_different_keys_are_told() {
    let got = found(|world| {
        answering(world, world.good_nodata());
        let other = Signer::new("z.test", 5);
        let ds = vec![world.zone.ds(), other.ds()];
        world.delegate(&ds);
        let sign = |records: &[Rr]| -> Vec<Rr> {
            records.iter().cloned().chain(records.iter().map(|r| other.sign(std::slice::from_ref(r)))).collect()
        };
        let keys = Packet { answers: sign(&[other.key()]), ..Packet::default() };
        let denial = [soa("z.test"), nsec(LEVEL, "z.test", &[rtype::A, rtype::RRSIG, rtype::NSEC])];
        let a = Packet { answers: sign(&[a(LEVEL)]), ..Packet::default() };
        world.serve(&keys, &[("caa", authority(sign(&denial))), ("a", a)]);
    });
    assert_eq!(got.0, "inconsistent-servers");
    assert!(got.2[0].fix.contains("RFC 8901") && got.2[0].servers.len() == 2, "{:?}", got.2);
}

/// The records that a signed world is served with.
type Records = fn(&SignedWorld) -> Vec<Rr>;

#[test]
fn what_the_parent_says_of_ds_is_the_parents_fault() {
    let root_denies = |world: &SignedWorld| {
        let denial = nsec("z.test", ".", &[rtype::NS, rtype::RRSIG, rtype::NSEC]);
        let soa = soa(".");
        vec![soa.clone(), world.root.sign(&[soa]), denial.clone(), world.root.sign(&[denial])]
    };
    // Proven: insecure. Unproven, expired, of another key: bogus, and the parent's operator must act.
    let proven = found(|world| {
        let records = root_denies(world);
        world.deny_ds(records);
        answering(world, authority(vec![soa("z.test")]));
    });
    assert_eq!((proven.0.as_str(), proven.1), ("", Security::Insecure));
    let cases: [(&str, Records); 3] = [
        ("dnssec-bad-denial", |_| vec![soa(".")]),
        ("dnssec-expired", |world| {
            let denial = nsec("z.test", ".", &[rtype::NS]);
            vec![denial.clone(), world.root.sign_for(&[denial], NOW - 20, NOW - 10, 2)]
        }),
        ("dnssec-bad-denial", |world| {
            let denial = nsec("z.test", ".", &[rtype::NS, rtype::DS]);
            vec![denial.clone(), world.root.sign(&[denial])]
        }),
    ];
    for (code, records) in cases {
        let got = found(|world| {
            let records = records(world);
            world.deny_ds(records);
            answering(world, authority(vec![soa("z.test")]));
        });
        assert_eq!((got.0.as_str(), got.1), (code, Security::Bogus));
        assert_eq!(got.2[0].who, "the operators of the root servers");
        // A record of the zone below could not be trusted either.
        assert!(!got.2[0].about_absence);
    }
    let failed = found(|world| {
        let how = [("192.0.2.100".parse().unwrap(), "silence".to_owned())].into();
        world.set_ds(DsEvidence::Failed(how));
        answering(world, authority(vec![soa("z.test")]));
    });
    assert_eq!((failed.0.as_str(), failed.1), ("dnssec-bad-denial", Security::Bogus));
    assert!(failed.2[0].fix.contains("DS questions"), "{:?}", failed.2);
    let not_asked = found(|world| {
        world.set_ds(DsEvidence::Unknown);
        answering(world, authority(vec![soa("z.test")]));
    });
    assert_eq!((not_asked.0.as_str(), not_asked.1), ("", Security::Unknown));
}

#[test]
fn a_chain_is_anchored_by_the_published_keys_only() {
    let mut world = SignedWorld::new();
    let nodata = world.good_nodata();
    answering(&mut world, nodata);
    assert_eq!(anchoring(&world.view), Anchoring::Private);
    // The same keys at what calls itself the public root are not the world's.
    world.view.public_root = true;
    assert!(matches!(anchoring(&world.view), Anchoring::OtherKeys(_)));
    assert_eq!(security(&world.view, LEVEL), Security::Unknown);
    assert_eq!(codes(&causes(&world.view, LEVEL)), "");
    world.view.zones.get_mut(".").unwrap().servers.clear();
    assert_eq!(anchoring(&world.view), Anchoring::NoKeys);
}
