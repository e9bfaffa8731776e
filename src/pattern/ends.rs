//! [`Ends`]: which root the last labels of names decide, so that the list of suffixes is asked once for all names whose
//! ends decide alike.

use hashbrown::HashTable;

use super::hash;

/// Roots by the last labels of names. The texts lie side by side: every name of a list comes by here.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    table: HashTable<End>,
    text: String,
}

/// The last labels of some names.
#[derive(Debug, Clone)]
struct End {
    hash: u64,
    start: u32,
    octets: u8,
    decided: Decided,
}

/// What the last labels of a name decide.
#[derive(Debug, Clone, Copy)]
enum Decided {
    Root(u32),
    /// Nothing without the next label.
    Further,
}

impl Ends {
    /// The root of a name, where names with its last labels were seen before.
    pub(super) fn get(&self, name: &str) -> Option<u32> {
        let mut dot = memchr::memrchr(b'.', name.as_bytes())?;
        loop {
            let next = memchr::memrchr(b'.', &name.as_bytes()[..dot]);
            let end = &name[next.map_or(0, |dot| dot + 1)..];
            match self.find(end, hash::hash(end.as_bytes()))? {
                Decided::Root(root) => return Some(root),
                Decided::Further => dot = next?,
            }
        }
    }

    fn find(&self, end: &str, hash: u64) -> Option<Decided> {
        let text = |known: &End| &self.text[known.start as usize..known.start as usize + usize::from(known.octets)];
        self.table.find(hash, |known| known.hash == hash && text(known) == end).map(|known| known.decided)
    }

    /// Notes that the last `labels` labels of a name decide its root.
    pub(super) fn insert(&mut self, name: &str, labels: usize, root: u32) {
        let end = |labels: usize| name.rmatch_indices('.').nth(labels - 1).map_or(name, |(dot, _)| &name[dot + 1..]);
        for fewer in 2..labels {
            self.put(end(fewer), Decided::Further);
        }
        self.put(end(labels), Decided::Root(root));
    }

    fn put(&mut self, end: &str, decided: Decided) {
        let hash = hash::hash(end.as_bytes());
        if self.find(end, hash).is_none() {
            let start = u32::try_from(self.text.len()).expect("fewer ends than names");
            let octets = u8::try_from(end.len()).expect("a name has at most 253 octets");
            self.text.push_str(end);
            self.table.insert_unique(hash, End { hash, start, octets, decided }, |known| known.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_labels_are_looked_at_as_decide() {
        let mut ends = Ends::default();
        ends.insert("a.example.net", 2, 1);
        ends.insert("a.example.co.uk", 3, 2);
        let found = ["b.example.net", "example.net", "x.y.example.co.uk", "example.co.uk"].map(|name| ends.get(name));
        assert_eq!(found, [Some(1), Some(1), Some(2), Some(2)]);
        for unknown in ["net", "co.uk", "uk", "other.co.uk", "b.other.net"] {
            assert_eq!(ends.get(unknown), None, "{unknown}");
        }
    }
}
