//! [`Kinds`]: roughly what the names below a domain look like, told while they come in.
//!
//! A place with few labels below it is told label by label; one with many by their lengths and characters alone. Far
//! coarser than the patterns of a report, but cheap and without a second look: enough to see that nothing new comes.

use std::collections::BTreeMap;

/// Distinct labels below one place that are told apart one by one.
const FEW: usize = 40;
/// Places kept at most: beyond them nothing counts as new.
const MAX_PLACES: usize = 1 << 16;

/// The kinds of names met so far.
#[derive(Debug, Clone)]
pub(super) struct Kinds {
    places: Vec<Place>,
    count: u64,
}

/// A place in the tree of kinds, from the domain down.
#[derive(Debug, Clone, Default)]
struct Place {
    below: BTreeMap<Key, u32>,
    /// Labels below are told by their looks.
    many: bool,
    /// Names end here: bare ones, wildcards.
    ends: [bool; 2],
}

/// How a label is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Label(Box<str>),
    Looks { magnitude: u32, characters: Characters },
}

/// What a label is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Characters {
    Digits,
    Letters,
    Mixed,
    Parts,
}

impl Key {
    fn of(label: &str, many: bool) -> Self {
        if many { looks(label) } else { Self::Label(label.into()) }
    }
}

/// A label by its length, to a factor of two, and its characters.
pub(super) fn looks(label: &str) -> Key {
    let any = |wanted: fn(&u8) -> bool| label.as_bytes().iter().any(wanted);
    let characters = match (any(u8::is_ascii_digit), any(u8::is_ascii_alphabetic)) {
        _ if any(|octet| !octet.is_ascii_alphanumeric()) => Characters::Parts,
        (true, false) => Characters::Digits,
        (false, _) => Characters::Letters,
        (true, true) => Characters::Mixed,
    };
    Key::Looks { magnitude: label.len().max(1).ilog2(), characters }
}

impl Default for Kinds {
    fn default() -> Self {
        Self { places: vec![Place::default()], count: 0 }
    }
}

impl Kinds {
    /// How many kinds there are; may shrink when many turn out to be one.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes a name, given as what stands before the domain (empty for the domain itself); returns whether its kind is
    /// new.
    pub(super) fn add(&mut self, before: &str, wildcard: bool) -> bool {
        let mut new = false;
        let mut at = 0;
        for label in before.rsplit('.').filter(|label| !label.is_empty()) {
            let place = &self.places[at];
            if let Some(&below) = place.below.get(&Key::of(label, place.many)) {
                at = below as usize;
                continue;
            }
            if self.places.len() >= MAX_PLACES {
                return false;
            }
            new = true;
            if !place.many && place.below.len() >= FEW {
                self.see_many(at);
            }
            let key = Key::of(label, self.places[at].many);
            at = self.place_below(at, key);
        }
        let ends = &mut self.places[at].ends;
        self.count += u64::from(!ends.contains(&true));
        new |= !ends[usize::from(wildcard)];
        ends[usize::from(wildcard)] = true;
        new
    }

    fn place_below(&mut self, at: usize, key: Key) -> usize {
        if let Some(&below) = self.places[at].below.get(&key) {
            return below as usize;
        }
        let below = self.places.len();
        self.places.push(Place::default());
        self.places[at].below.insert(key, u32::try_from(below).expect("places are bounded"));
        below
    }

    /// Tells the labels below a place by their looks from now on.
    fn see_many(&mut self, at: usize) {
        self.places[at].many = true;
        for (key, below) in std::mem::take(&mut self.places[at].below) {
            self.attach(at, key, below as usize);
        }
    }

    /// Puts a place below another, joined with the one that looks alike.
    fn attach(&mut self, at: usize, key: Key, below: usize) {
        let key = match key {
            Key::Label(label) => Key::of(&label, self.places[at].many),
            looks @ Key::Looks { .. } => looks,
        };
        match self.places[at].below.get(&key) {
            Some(&there) => self.join(there as usize, below),
            None => {
                self.places[at].below.insert(key, u32::try_from(below).expect("places are bounded"));
            }
        }
    }

    /// Joins what is below `other` to `at`. As deep as a name has labels.
    fn join(&mut self, at: usize, other: usize) {
        let Place { below, many, ends } = std::mem::take(&mut self.places[other]);
        let own = &mut self.places[at].ends;
        self.count -= u64::from(own.contains(&true) && ends.contains(&true));
        *own = [own[0] || ends[0], own[1] || ends[1]];
        if !self.places[at].many && (many || self.places[at].below.len() + below.len() > FEW) {
            self.see_many(at);
        }
        for (key, below) in below {
            self.attach(at, key, below as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn many_labels_of_one_look_are_one_kind_and_the_odd_one_is_another() {
        let mut kinds = Kinds::default();
        let new =
            (0..500_u32).filter(|n| kinds.add(&format!("{:08x}.apps", n.wrapping_mul(2_654_435_761)), false)).count();
        assert!(new < 60, "{new}");
        let before = kinds.count();
        assert!(before <= 3, "{before}");
        assert!(kinds.add("www", false) && kinds.add("*.x".trim_start_matches("*."), true));
        assert!(kinds.add("db1.int.lab", false) && kinds.add("db2.int.lab", false), "few hosts are told one by one");
        assert_eq!(kinds.count(), before + 4);
        assert!(
            !kinds.add("0badcafe.apps", false)
                && kinds.add("0badcafe.apps", true)
                && kinds.add("api.0badcafe.apps", false)
        );
    }

    #[test]
    fn what_varies_in_the_middle_does_not_multiply_what_is_before_it() {
        let mut kinds = Kinds::default();
        for n in 0..2000 {
            for host in ["www", "mail"] {
                kinds.add(&format!("{host}.customer{n}.shop"), false);
            }
        }
        assert!(kinds.count() <= 10, "{}", kinds.count());
        assert!(!kinds.add("mail.customer9999.shop", false) && kinds.add("imap.customer1.shop", false));
    }

    proptest! {
        #[test]
        fn no_names_confuse_the_count(names in proptest::collection::vec(("([a-c0-9-]{1,3}\\.){0,3}[a-z0-9]{1,4}", any::<bool>()), 0..300)) {
            let mut kinds = Kinds::default();
            for (name, wildcard) in &names {
                kinds.add(name, *wildcard);
            }
            let ends = |place: &Place| place.ends.contains(&true);
            let (mut open, mut count) = (vec![0], 0);
            while let Some(at) = open.pop() {
                count += u64::from(ends(&kinds.places[at]));
                open.extend(kinds.places[at].below.values().map(|&below| below as usize));
            }
            prop_assert_eq!(count, kinds.count());
            prop_assert!(names.iter().all(|(name, wildcard)| !kinds.add(name, *wildcard)), "nothing is new the second time");
        }
    }
}
