//! [`Partition`]: records of dumps, parted by registered domain into files on disk, so that memory follows the largest part
//! and not the input.
//!
//! Each certificate goes to every registered domain it has names of. What is in no domain is counted by class.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use super::record::{read_record, write_record};
use super::shard::{Shard, stable_hash};
use crate::issuance::{Collection, Issuances, Record};
use crate::name::{DomainName, SanRef, registered_domain};

/// Files that domains are parted into.
const PARTS: u64 = 256;
/// The class of names that are at a public suffix: nobody's.
const PUBLIC_SUFFIX: &str = "public-suffix";

/// Records on their way into the parts.
pub struct Partition {
    parts: Vec<BufWriter<File>>,
    shard: Shard,
    /// Hashes of all registered domains met, those of other shards too.
    domains: HashSet<u64, foldhash::fast::RandomState>,
    facts: Facts,
    /// What disk said first.
    error: Option<io::Error>,
    buffer: Vec<u8>,
}

/// What the input held, whatever the shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Domains named, each once: by the list, or the registered domains of the dumps.
    pub domains: u64,
    /// Records read.
    pub records: u64,
    /// Domains named again in lists.
    pub repeated: u64,
    /// Entries of lists that are no domain to audit.
    pub refused: u64,
    /// Entries of certificates that are in no domain, and records that could not be read, by class.
    pub dropped: BTreeMap<String, u64>,
    /// What could not be read or was cut short, one sentence each.
    pub gaps: Vec<String>,
}

impl Partition {
    /// Empty parts in the directory for temporary files.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn new(shard: Shard) -> io::Result<Self> {
        let part = |_| tempfile::tempfile().map(|file| BufWriter::with_capacity(1 << 14, file));
        Ok(Self {
            parts: (0..PARTS).map(part).collect::<io::Result<_>>()?,
            shard,
            domains: HashSet::default(),
            facts: Facts::default(),
            error: None,
            buffer: Vec::new(),
        })
    }

    /// Takes one record.
    pub fn add(&mut self, record: &Record<'_>) {
        self.facts.records += 1;
        for (class, _) in &record.other_names {
            self.drop_as(class.as_str());
        }
        // Names of one certificate are few and mostly of one domain: a list beats a map.
        let mut by_domain: Vec<(String, Vec<Cow<'_, str>>)> = Vec::new();
        for text in &record.names {
            let san = match SanRef::parse(text) {
                Ok(san) => san,
                Err(class) => {
                    self.drop_as(class.as_str());
                    continue;
                }
            };
            let Some(domain) = registered_domain(san.name()) else {
                self.drop_as(PUBLIC_SUFFIX);
                continue;
            };
            let name: Cow<'_, str> =
                if san.wildcard() { format!("*.{}", san.name()) } else { san.name().to_owned() }.into();
            match by_domain.iter_mut().find(|(known, _)| known == domain) {
                Some((_, names)) => names.push(name),
                None => by_domain.push((domain.to_owned(), vec![name])),
            }
        }
        for (domain, names) in by_domain {
            let hash = stable_hash(&domain);
            self.domains.insert(hash);
            if !self.shard.holds_registered(&domain) {
                continue;
            }
            // Not the low bits, which the shard is made of.
            let part = usize::try_from((hash >> 32) % PARTS).unwrap_or(0);
            self.buffer.clear();
            write_record(&domain, record, &names, &mut self.buffer);
            if let Err(error) = self.parts[part].write_all(&self.buffer) {
                self.error.get_or_insert(error);
            }
        }
    }

    fn drop_as(&mut self, class: &str) {
        *self.facts.dropped.entry(class.to_owned()).or_default() += 1;
    }

    /// The parts, and what the input held.
    ///
    /// # Errors
    /// The disk was full, or failed.
    pub fn finish(mut self) -> io::Result<(Vec<Part>, Facts)> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.facts.domains = self.domains.len() as u64;
        let part = |writer: BufWriter<File>| {
            let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            Ok(Part(file))
        };
        Ok((self.parts.into_iter().map(part).collect::<io::Result<_>>()?, self.facts))
    }
}

/// The records of some registered domains.
#[derive(Debug)]
pub struct Part(File);

impl Part {
    /// The domains of this part in order of their names, each with what was issued for it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn read(self) -> io::Result<PartReader> {
        let mut octets = Vec::new();
        BufReader::new(self.0).read_to_end(&mut octets)?;
        let mut domains: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut at = 0;
        while at < octets.len() {
            let (domain, _, next) = read_record(&octets, at).ok_or(io::ErrorKind::InvalidData)?;
            match domains.get_mut(domain) {
                Some(records) => records.push(at),
                None => {
                    domains.insert(domain.to_owned(), vec![at]);
                }
            }
            at = next;
        }
        Ok(PartReader { octets, domains: domains.into_iter() })
    }
}

/// Domains of a part, one after the other.
#[derive(Debug)]
pub struct PartReader {
    octets: Vec<u8>,
    domains: std::collections::btree_map::IntoIter<String, Vec<usize>>,
}

impl PartReader {
    /// The next domain's name and where its records stand.
    pub fn next_domain(&mut self) -> Option<(DomainName, Vec<usize>)> {
        self.domains.by_ref().find_map(|(domain, records)| Some((DomainName::parse(&domain).ok()?, records)))
    }

    /// What was issued for a domain.
    #[must_use]
    pub fn issued(&self, domain: &DomainName, records: &[usize]) -> Issuances {
        let mut collection = Collection::new(Some(domain.clone()));
        let origin = collection.origin("dump");
        for &at in records {
            if let Some((_, record, _)) = read_record(&self.octets, at) {
                collection.add(&record, origin);
            }
        }
        collection.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(names: &[&'a str], serial: &'a str) -> Record<'a> {
        Record {
            names: names.iter().map(|&name| name.into()).collect(),
            issuer: Some("CN=Test CA".into()),
            serial: Some(serial.into()),
            not_before: Some(1),
            ..Record::default()
        }
    }

    fn parted(shard: Shard) -> (BTreeMap<String, (u64, u64)>, Facts) {
        let mut partition = Partition::new(shard).unwrap();
        partition.add(&record(&["a.example.net", "*.example.org", "webmaster@example.org", "co.uk"], "01"));
        partition.add(&record(&["A.example.net.", "*.example.org"], "01"));
        partition.add(&record(&["b.example.net"], "02"));
        partition.add(&record(&["192.0.2.1"], "03"));
        let (parts, facts) = partition.finish().unwrap();
        let mut domains = BTreeMap::new();
        for part in parts {
            let mut reader = part.read().unwrap();
            while let Some((domain, records)) = reader.next_domain() {
                let issued = reader.issued(&domain, &records);
                domains.insert(domain.to_string(), (issued.certificates(), issued.distinct_names()));
            }
        }
        (domains, facts)
    }

    #[test]
    fn a_certificate_counts_for_every_domain_it_names() {
        let (domains, facts) = parted(Shard::WHOLE);
        assert_eq!(domains, BTreeMap::from([("example.net".into(), (2, 2)), ("example.org".into(), (1, 1))]));
        assert_eq!((facts.records, facts.domains), (4, 2));
        let dropped: Vec<_> = facts.dropped.iter().map(|(class, count)| (class.as_str(), *count)).collect();
        assert_eq!(dropped, [("email", 1), ("ip-address", 1), ("public-suffix", 1)]);
    }

    #[test]
    fn shards_know_the_whole_and_hold_their_share() {
        let shards: Vec<_> = (1..=3).map(|n| parted(format!("{n}/3").parse().unwrap())).collect();
        let mut all = BTreeMap::new();
        for (domains, facts) in shards {
            assert_eq!((facts.domains, facts.records), (2, 4));
            all.extend(domains);
        }
        assert_eq!(all, parted(Shard::WHOLE).0);
    }
}
