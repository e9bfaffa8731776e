//! The recogniser and the reader of every kind of dump: crt.sh and Cert Spotter JSON, PEM, DER, tiles, lists of names.

#![no_main]

use std::io::{self, Read};

use ctclimb::issuance::Collection;
use ctclimb::source::dump::read;
use libfuzzer_sys::fuzz_target;

/// A file that comes a few octets at a time.
struct Drip(io::Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

fuzz_target!(|data: &[u8]| {
    // What comes out of a damaged compression depends on the pieces; it is the business of the decoders.
    if matches!(data, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]) {
        return;
    }
    let read_into = |mut collection: Collection, piece| {
        let summary = read(Drip(io::Cursor::new(data.to_vec()), piece), "fuzz", &mut collection);
        (summary.map_err(|error| error.to_string()), collection)
    };
    let (whole, all) = read_into(Collection::new(None), usize::MAX);
    let (dripped, _) = read_into(Collection::new(None), 1 + data.len() % 61);
    let (named, names) = read_into(Collection::names_only(None), usize::MAX);
    assert_eq!(whole, dripped);
    assert_eq!(whole, named);
    let issued = all.finish();
    assert_eq!(issued.distinct_names(), names.tree().sans().count() as u64);
    assert_eq!(&issued.drops, names.drops());
});
