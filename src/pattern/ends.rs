//! [`Ends`]: which root the last labels of names decide, so that the list of suffixes is asked once for all names whose
//! ends decide alike.

use std::collections::HashMap;

use super::hash::MixBuilder;

/// Roots by the last labels of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends(HashMap<Box<str>, Decided, MixBuilder>);

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
        let mut dots = name.bytes().enumerate().rev().filter(|(_, octet)| *octet == b'.').map(|(dot, _)| dot);
        dots.next();
        loop {
            let dot = dots.next();
            match self.0.get(&name[dot.map_or(0, |dot| dot + 1)..])? {
                Decided::Root(root) => return Some(*root),
                Decided::Further => _ = dot?,
            }
        }
    }

    /// Notes that the last `labels` labels of a name decide its root.
    pub(super) fn insert(&mut self, name: &str, labels: usize, root: u32) {
        let end = |labels: usize| name.rmatch_indices('.').nth(labels - 1).map_or(name, |(dot, _)| &name[dot + 1..]);
        for fewer in 2..labels {
            self.0.insert(end(fewer).into(), Decided::Further);
        }
        self.0.insert(end(labels).into(), Decided::Root(root));
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
