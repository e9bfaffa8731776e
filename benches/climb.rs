//! Classification and climb over one million names: the half of a lookup that decides. `cargo bench --bench climb`.

use ctclimb::caa::{Lookup, LookupOutcome, Request, Security, Transport, classify, verdict};
use ctclimb::dns::{Question, wire};
use ctclimb::name::{DomainName, NameTree, NodeId, SanId};

const NAMES: usize = 1_000_000;

fn main() {
    divan::main();
}

/// One-off labels below ten thousand groups of one domain, as hosting platforms have them.
fn tree() -> NameTree {
    let mut tree = NameTree::new();
    for index in 0..NAMES {
        let name = format!("u{index}.g{}.example.net", index % 10_000);
        tree.insert_level(&DomainName::parse(&name).expect("a name"));
    }
    tree
}

/// A negative answer with SOA, as nearly all answers are.
fn negative(question: &Question) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::encode(7, &Question { edns: None, ..question.clone() }, &mut bytes).expect("a name");
    // A response with one question and one record in the authority section.
    bytes[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 1, 0, 0]);
    let zone = b"\x07example\x03net\0";
    let soa = [&b"\x02ns"[..], zone, b"\x04host", zone, &[0; 20]].concat();
    bytes.extend(zone);
    bytes.extend([0, 6, 0, 1, 0, 0, 14, 16, 0, u8::try_from(soa.len()).expect("short")]);
    bytes.extend(soa);
    bytes
}

/// Octets of an answer to the lookup of one level, for each level of a million names.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_and_classify_one_million_answers(bencher: divan::Bencher<'_, '_>) {
    let question = Question::to_resolver("u123456.g3456.example.net");
    let bytes = negative(&question);
    bencher.bench(|| {
        let mut negative = 0;
        for _ in 0..NAMES {
            let message = wire::decode(divan::black_box(&bytes), &question).expect("an answer");
            let classified = classify(&question.name, &message);
            negative += usize::from(matches!(classified.outcome, LookupOutcome::NoData(_)));
        }
        assert_eq!(negative, NAMES);
    });
}

/// The verdict for each of a million names, all levels known.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn climb_from_one_million_names(bencher: divan::Bencher<'_, '_>) {
    let tree = tree();
    let empty = Lookup::bare(LookupOutcome::NoData(ctclimb::caa::Soa::Present), Transport::Udp);
    let lookups = vec![empty; tree.len()];
    let names: Vec<SanId> = tree.nodes().take(tree.len() - 2).map(|node| SanId::new(node, false)).collect();
    let request = Request { issuers: &["ca.example"], ..Request::default() };
    bencher.bench(|| {
        let mut levels: Vec<(NodeId, &Lookup)> = Vec::new();
        for name in &names {
            levels.clear();
            levels.extend(tree.levels(name.node()).map(|level| (level, &lookups[level.index()])));
            divan::black_box(verdict(&levels, &request, |_| Security::Unknown));
        }
    });
}
