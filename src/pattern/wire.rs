//! The binary form of a [`Summary`]: what `--partial` writes and `--merge` reads.
//!
//! Little endian, canonical (sorted by content, so equal summaries have equal octets), closed by a checksum:
//!
//! ```text
//! magic "ctclimb\x01" | version u16 | limit u64 | issuers | overflows | roots | certificates | checksum u64
//! issuers       count u32, each: octets u16, text; sorted
//! overflows     count u32, each: octets u8, root, rows not kept u64, threshold u64; sorted; only roots that lost names
//! roots         count u32, each: octets u8, text, names u32, each: octets u8, the part left of the root, forms u8, rows u32
//!               if [`ROWS`] is among the forms, first i64 and last i64 if [`TIMES`] is; roots sorted by text, names by hash,
//!               then text
//! certificates  count u32, each: id u64, issuer u32, start i64, end i64, names u32, each: index of the name times two, plus
//!               one for `*.`; sorted
//! ```

use std::io::{self, Read, Write};

use super::hash;
use super::observation::{Limits, NameIndex};
use super::rooted::{BARE, NEVER, NameRow, RootRow, WILDCARD};
use super::summary::{NONE, Summary};

const MAGIC: &[u8; 8] = b"ctclimb\x01";
/// The version written and the only one read.
pub const VERSION: u16 = 3;

/// Beside the forms of a name: the number of its rows follows; without it, it is 1.
const ROWS: u8 = 4;
/// Beside the forms of a name: when it was first and last seen follows; without it, that is not known.
const TIMES: u8 = 8;

/// Octets before the checksum of a partial without a name: magic, version, limit and four counts.
const SHORTEST: usize = 8 + 2 + 8 + 4 * 4;

/// Why octets are not a summary.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// The stream could not be read.
    #[error("cannot read a partial")]
    Io(#[from] io::Error),
    /// There is nothing to read.
    #[error("an empty file is no partial of ctclimb, not even one of no names: make it again with `--partial`")]
    Empty,
    /// The stream does not begin as a partial does.
    #[error(
        "this is no partial of ctclimb, which `--partial` writes: it starts with `{head}`; names and dumps are read \
         without `--merge`"
    )]
    Foreign {
        /// The first octets, escaped.
        head: String,
    },
    /// A partial of another release.
    #[error(
        "a partial of format version {found}; this release reads version {VERSION}: make it again with this release"
    )]
    Version {
        /// The version found.
        found: u16,
    },
    /// The octets are not what was written.
    #[error("a damaged partial: {what} at octet {at}; make it again with `--partial`")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where it was noticed, counted from the start of the partial.
        at: usize,
    },
}

impl Summary {
    /// The summary as octets; equal summaries give equal octets.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::from(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend((self.limits().names_per_root as u64).to_le_bytes());
        let used = self.used_issuers();
        put_count(&mut out, used.len());
        for (issuer, _) in &used {
            let text = cut(issuer);
            out.extend(u16::try_from(text.len()).expect("cut to fit").to_le_bytes());
            out.extend(text.as_bytes());
        }
        let mut roots: Vec<_> = self.roots.rows.iter().filter(|root| root.threshold != u64::MAX).collect();
        roots.sort_by(|a, b| a.text.cmp(&b.text));
        put_count(&mut out, roots.len());
        for root in roots {
            put_short(&mut out, root.text.as_bytes());
            out.extend((root.rows - root.kept_rows).to_le_bytes());
            out.extend(root.threshold.to_le_bytes());
        }
        let place = self.put_names(&mut out);
        self.put_certificates(&mut out, &used, &place);
        let sum = hash::hash(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// Writes the names root by root; the index of each in what is written, by [`NameIndex`].
    fn put_names(&self, out: &mut Vec<u8>) -> Vec<u32> {
        let mut place = vec![0_u32; self.count() as usize];
        let mut roots: Vec<&RootRow> = self.roots.rows.iter().filter(|root| root.kept > 0).collect();
        roots.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        put_count(out, roots.len());
        let mut count = 0;
        for root in roots {
            put_short(out, root.text.as_bytes());
            let mut names: Vec<(usize, &NameRow)> =
                root.names.iter().enumerate().filter(|(_, row)| row.kept()).collect();
            // By hash and not by text: cheap to compare, and cheap to put into a table again.
            names.sort_unstable_by(|(_, a), (_, b)| a.hash.cmp(&b.hash).then_with(|| root.name(a).cmp(root.name(b))));
            put_count(out, names.len());
            for (at, row) in names {
                place[row.name.index()] = count;
                count += 1;
                put_short(out, root.left(row).as_bytes());
                let (rows, times) = (row.rows, root.times(at));
                let flag = |there: bool, flag: u8| if there { flag } else { 0 };
                out.push(row.seen | flag(rows != 1, ROWS) | flag(times != NEVER, TIMES));
                if rows != 1 {
                    out.extend(rows.to_le_bytes());
                }
                if times != NEVER {
                    out.extend(times.0.to_le_bytes());
                    out.extend(times.1.to_le_bytes());
                }
            }
        }
        place
    }

    fn used_issuers(&self) -> Vec<(&str, u32)> {
        let mut seen = vec![false; self.issuers.len()];
        for &(certificate, name) in &self.edges {
            let issuer = self.certificates[certificate as usize].issuer;
            if issuer != NONE && self.kept(NameIndex(name >> 1)) {
                seen[issuer as usize] = true;
            }
        }
        let numbered = self.issuers.iter().map(String::as_str).zip(0..);
        let mut used: Vec<_> = numbered.filter(|&(_, at)| seen[at as usize]).collect();
        used.sort_unstable();
        used
    }

    fn put_certificates(&self, out: &mut Vec<u8>, used: &[(&str, u32)], place: &[u32]) {
        let kept = self.edges.iter().filter(|&&(_, name)| self.kept(NameIndex(name >> 1)));
        let mut edges: Vec<Edge> = kept
            .map(|&(certificate, name)| {
                let row = self.certificates[certificate as usize];
                ((row.id, row.validity), row.issuer, place[(name >> 1) as usize] << 1 | name & 1)
            })
            .collect();
        edges.sort_unstable();
        edges.dedup();
        put_count(out, edges.chunk_by(|a, b| a.0 == b.0).count());
        for names in edges.chunk_by(|a, b| a.0 == b.0) {
            let ((id, (start, end)), issuer, _) = names[0];
            let issuer = used.iter().position(|&(_, at)| at == issuer);
            out.extend(id.to_le_bytes());
            out.extend(issuer.map_or(NONE, |at| u32::try_from(at).expect("fewer than 2^32")).to_le_bytes());
            out.extend(start.to_le_bytes());
            out.extend(end.to_le_bytes());
            put_count(out, names.len());
            for (_, _, name) in names {
                out.extend(name.to_le_bytes());
            }
        }
    }

    /// Reads what [`Summary::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`PartialError`] for anything else: foreign, of another version, cut or altered.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, PartialError> {
        let mut reader = Reader { octets, at: 0 };
        if octets.is_empty() {
            return Err(PartialError::Empty);
        }
        let known = octets.len().min(MAGIC.len());
        if octets[..known] != MAGIC[..known] {
            let head = octets[..octets.len().min(16)].escape_ascii().to_string();
            return Err(PartialError::Foreign { head });
        }
        if octets.len() < MAGIC.len() {
            return Err(PartialError::Damaged { what: "cut off", at: octets.len() });
        }
        reader.at = MAGIC.len();
        let version = u16::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(PartialError::Version { found: version });
        }
        let body = octets.len().saturating_sub(8);
        if body < SHORTEST {
            return Err(PartialError::Damaged { what: "cut off", at: octets.len() });
        }
        let sum = u64::from_le_bytes(octets[body..].try_into().expect("eight octets were asked for"));
        if hash::hash(&octets[..body]) != sum {
            let what = "it was cut off, altered, or joined with another: the checksum does not fit";
            return Err(PartialError::Damaged { what, at: body });
        }
        reader.octets = &octets[..body];
        let limit = usize::try_from(u64::from_le_bytes(reader.array()?)).unwrap_or(usize::MAX);
        let mut summary = Summary::with_limits(Limits { names_per_root: limit });
        reader.fill(&mut summary)?;
        if reader.at == body { Ok(summary) } else { Err(reader.damaged("octets left over")) }
    }
}

/// A certificate by id and validity, its issuer, and one of its names.
type Edge = ((u64, (i64, i64)), u32, u32);

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn damaged(&self, what: &'static str) -> PartialError {
        PartialError::Damaged { what, at: self.at }
    }

    fn take(&mut self, octets: usize) -> Result<&'a [u8], PartialError> {
        let end = self.at.checked_add(octets).ok_or(self.damaged("cut off"))?;
        let slice = self.octets.get(self.at..end).ok_or(self.damaged("cut off"))?;
        self.at = end;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PartialError> {
        Ok(self.take(N)?.try_into().expect("as many octets as were asked for"))
    }

    fn count(&mut self) -> Result<u32, PartialError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn text(&mut self, octets: usize) -> Result<&'a str, PartialError> {
        let damaged = self.damaged("text that is not UTF-8");
        std::str::from_utf8(self.take(octets)?).map_err(|_| damaged)
    }

    fn fill(&mut self, summary: &mut Summary) -> Result<(), PartialError> {
        let mut issuers = Vec::new();
        for _ in 0..self.count()? {
            let octets = u16::from_le_bytes(self.array()?);
            issuers.push(summary.issuer(self.text(usize::from(octets))?));
        }
        let mut roots = Vec::new();
        for _ in 0..self.count()? {
            let [octets] = self.array()?;
            let text = self.text(usize::from(octets))?;
            roots.push((text, u64::from_le_bytes(self.array()?), u64::from_le_bytes(self.array()?)));
        }
        let names = self.names(summary)?;
        for (root, rows, threshold) in roots {
            summary.add_overflow(root, rows, threshold);
        }
        for _ in 0..self.count()? {
            let id = u64::from_le_bytes(self.array()?);
            let issuer = self.count()?;
            let issuer = if issuer == NONE {
                None
            } else {
                Some(*issuers.get(issuer as usize).ok_or(self.damaged("an issuer that is not there"))?)
            };
            let validity = (i64::from_le_bytes(self.array()?), i64::from_le_bytes(self.array()?));
            for _ in 0..self.count()? {
                let name = self.count()?;
                let at = *names.get((name >> 1) as usize).ok_or(self.damaged("a name that is not there"))?;
                summary.link(id, issuer, validity, (at, name & 1 == 1));
            }
        }
        Ok(())
    }

    fn names(&mut self, summary: &mut Summary) -> Result<Vec<NameIndex>, PartialError> {
        let mut names = Vec::new();
        let mut text = String::new();
        for _ in 0..self.count()? {
            let [octets] = self.array()?;
            let root = self.text(usize::from(octets))?;
            for _ in 0..self.count()? {
                let [octets] = self.array()?;
                let left = self.text(usize::from(octets))?;
                text.clear();
                text.push_str(left);
                text.push_str(if left.is_empty() { "" } else { "." });
                text.push_str(root);
                if !is_canonical(&text) {
                    return Err(self.damaged("what is no name"));
                }
                names.push(self.name(&text, summary)?);
            }
        }
        Ok(names)
    }

    /// What is told of one name.
    fn name(&mut self, text: &str, summary: &mut Summary) -> Result<NameIndex, PartialError> {
        let [flags] = self.array()?;
        let seen = flags & (BARE | WILDCARD);
        if seen == 0 || flags & !(BARE | WILDCARD | ROWS | TIMES) != 0 {
            return Err(self.damaged("a name without a form"));
        }
        let rows = if flags & ROWS == 0 { 1 } else { self.count()? };
        let at = summary.add_rows(text, seen, rows).ok_or(self.damaged("more names than its limit"))?;
        if flags & TIMES != 0 {
            summary.widen(at, (i64::from_le_bytes(self.array()?), i64::from_le_bytes(self.array()?)));
        }
        Ok(at)
    }
}

fn is_canonical(name: &str) -> bool {
    crate::name::DomainName::parse(name).is_ok_and(|parsed| parsed.as_str() == name)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).expect("fewer than 2^32 entries").to_le_bytes());
}

fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    out.push(u8::try_from(text.len()).expect("a name has at most 253 octets"));
    out.extend(text);
}

/// The start of an issuer's name that fits the format.
fn cut(text: &str) -> &str {
    let end = text.len().min(usize::from(u16::MAX));
    (0..=end).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Writes a summary as a partial.
///
/// # Errors
/// What the writer says.
pub fn write_partial(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&summary.to_bytes())?;
    out.flush()
}

/// Reads partials and merges them into one summary.
///
/// Every input is read to its end, also after one of them failed, so that no writer at the other end of a pipe breaks.
///
/// # Errors
/// The first failure, with the position of the input it came from.
pub fn merge_partials<R: Read>(
    inputs: impl IntoIterator<Item = io::Result<R>>,
) -> Result<Summary, (usize, PartialError)> {
    let (mut merged, mut failure): (Option<Summary>, _) = (None, None);
    for (at, input) in inputs.into_iter().enumerate() {
        let mut octets = Vec::new();
        let read = input.and_then(|input| read_partial(input, &mut octets)).map_err(PartialError::Io);
        if failure.is_some() {
            continue;
        }
        match read.and_then(|_| Summary::from_bytes(&octets)) {
            Ok(part) => match &mut merged {
                Some(whole) => whole.merge(&part),
                None => merged = Some(part),
            },
            Err(error) => failure = Some((at, error)),
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(merged.unwrap_or_default()),
    }
}

/// Reads an input to its end, and holds it if it begins as a partial does; of anything else its head.
fn read_partial(mut input: impl Read, octets: &mut Vec<u8>) -> io::Result<u64> {
    input.by_ref().take(16).read_to_end(octets)?;
    if octets.starts_with(MAGIC) {
        Ok(input.read_to_end(octets)? as u64)
    } else {
        io::copy(&mut input, &mut io::sink())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::*;
    use proptest::prelude::*;

    const GOLDEN: &str = "6374636c696d620103000000400000000000010000001d00433d55532c204f3d4c6574277320456e63727970742c20434e3d\
        52313100000000010000000b6578616d706c652e6e65740200000001610f0200000000f153650000000000f1536500000000\
        01620900f153650000000000f15365000000000200000001000000000000000000000000f15365000000000098ca65000000\
        0002000000000000000100000002000000000000000000000000f15365000000000098ca6500000000010000000200000099\
        9ad55fdfeaee03";

    fn sample() -> Summary {
        let mut summary = Summary::new();
        let issuer = summary.issuer("C=US, O=Let's Encrypt, CN=R11");
        for (name, wildcard, certificate) in
            [("b.example.net", false, 2), ("a.example.net", false, 1), ("a.example.net", true, 1)]
        {
            summary.add(&Observation {
                name,
                wildcard,
                certificate: Some(certificate),
                issuer: Some(issuer),
                not_before: Some(1_700_000_000),
                not_after: Some(1_707_776_000),
            });
        }
        summary
    }

    #[test]
    fn what_is_written_is_read_again_octet_for_octet() {
        let octets = sample().to_bytes();
        assert_eq!(Summary::from_bytes(&octets).unwrap().to_bytes(), octets);
    }

    #[test]
    fn the_format_stays_what_it_was() {
        let hex: String = sample().to_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hex, GOLDEN, "a changed format needs a new version");
    }

    #[test]
    fn another_version_and_damage_are_refused_with_a_reason() {
        let octets = sample().to_bytes();
        let mut newer = octets.clone();
        newer[8] = 9;
        assert!(Summary::from_bytes(&newer).unwrap_err().to_string().contains("version 9"));
        let mut flipped = octets.clone();
        flipped[40] ^= 1;
        assert!(Summary::from_bytes(&flipped).unwrap_err().to_string().contains("damaged"));
        assert!(Summary::from_bytes(&octets[..octets.len() - 1]).is_err());
        assert!(Summary::from_bytes(b"[{\"id\":1}]").unwrap_err().to_string().contains("[{"));
        assert!(Summary::from_bytes(b"").unwrap_err().to_string().starts_with("an empty file"));
        for end in 1..octets.len() {
            let why = Summary::from_bytes(&octets[..end]).unwrap_err().to_string();
            assert!(why.starts_with("a damaged partial: ") && why.contains("cut off"), "{end}: {why}");
        }
        assert_eq!(Summary::new().to_bytes().len(), SHORTEST + 8);
    }

    #[test]
    fn all_inputs_are_read_to_their_end_before_the_first_failure_is_told() {
        let good = sample().to_bytes();
        let mut last = io::Cursor::new(good.clone());
        let inputs: Vec<io::Result<Box<dyn Read + '_>>> = vec![Ok(Box::new(&b"nonsense"[..])), Ok(Box::new(&mut last))];
        let (at, error) = merge_partials(inputs).unwrap_err();
        assert!(at == 0 && error.to_string().contains("nonsense"));
        assert_eq!(last.position(), good.len() as u64);
    }

    proptest! {
        #[test]
        fn any_octets_are_a_summary_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..200), fix: bool) {
            if fix {
                let mut whole = Vec::from(MAGIC);
                whole.extend(VERSION.to_le_bytes());
                whole.append(&mut octets);
                let sum = hash::hash(&whole);
                whole.extend(sum.to_le_bytes());
                octets = whole;
            }
            let _ = Summary::from_bytes(&octets);
        }

        #[test]
        fn a_merge_is_the_summary_of_all_rows(
            rows in proptest::collection::vec(("[a-c]{1,2}", any::<bool>(), 0u64..4, 0i64..5), 0..40),
            cut in 0usize..40,
            limit in 1usize..8,
        ) {
            let limits = Limits { names_per_root: limit };
            let (mut whole, mut parts) = (Summary::with_limits(limits), [Summary::with_limits(limits), Summary::with_limits(limits)]);
            for (at, (label, wildcard, certificate, time)) in rows.iter().enumerate() {
                let name = format!("{label}.example.net");
                let row = Observation {
                    name: &name, wildcard: *wildcard, certificate: Some(*certificate), issuer: None,
                    not_before: Some(*time), not_after: Some(*time + 90 * i64::try_from(*certificate).unwrap()),
                };
                whole.add(&row);
                parts[usize::from(at >= cut)].add(&row);
            }
            let [mut first, second] = parts.clone();
            first.merge(&second);
            let [third, mut fourth] = parts;
            fourth.merge(&third);
            prop_assert_eq!(whole.to_bytes(), first.to_bytes());
            prop_assert_eq!(whole.to_bytes(), fourth.to_bytes());
        }
    }
}
