//! crt.sh JSON to distinct names and to issuances, from memory: 100,000 records. `cargo bench --bench names`.

use std::fmt::Write;
use std::io::Cursor;

use ctclimb::issuance::Collection;
use ctclimb::source::dump;

/// Certificates; each is told twice, as precertificate and as certificate.
const CERTIFICATES: usize = 50_000;

fn main() {
    divan::main();
}

/// A list in the shape of crt.sh: half of the certificates renew stable names, half have a one-off label.
fn list() -> Vec<u8> {
    let mut out = String::from("[");
    for index in 0..2 * CERTIFICATES {
        let certificate = index / 2;
        let names = if certificate % 2 == 0 {
            let host = certificate % 4096;
            format!("h{host}.example.org\\nmail.h{host}.example.org\\nwww.h{host}.example.org")
        } else {
            format!("*.{certificate:032x}.xnw6x.example.net")
        };
        let comma = if index == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}{{"issuer_ca_id":295814,"issuer_name":"C=US, O=Example CA, CN=R1","common_name":"h.example.org","name_value":"{names}","id":{},"entry_timestamp":"2026-01-02T03:04:05.678","not_before":"2026-01-02T03:04:05","not_after":"2026-04-02T03:04:04","serial_number":"03{certificate:034x}","result_count":4}}"#,
            15_000_000_000_u64 + index as u64
        )
        .expect("writing to a String does not fail");
    }
    out.push(']');
    out.into_bytes()
}

fn read(list: &[u8], mut collection: Collection) -> Collection {
    let summary = dump::read(Cursor::new(list.to_vec()), "bench", &mut collection).expect("a list");
    assert_eq!(summary.records, 2 * CERTIFICATES as u64);
    collection
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn distinct_names_of_100_000_records(bencher: divan::Bencher<'_, '_>) {
    let list = list();
    bencher.counter(divan::counter::BytesCount::new(list.len())).bench(|| read(&list, Collection::names_only(None)));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn issuances_of_100_000_records(bencher: divan::Bencher<'_, '_>) {
    let list = list();
    bencher.counter(divan::counter::BytesCount::new(list.len())).bench(|| read(&list, Collection::new(None)).finish());
}
