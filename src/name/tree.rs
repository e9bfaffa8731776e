//! [`NameTree`]: every distinct name and every ancestor of it is one node; a level of the climb is a node.
//!
//! All texts lie in one arena. An ancestor's text is the tail of the text that brought it, so it costs no octets.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::{DomainName, SanRef, SubjectAltName};

/// One distinct name or ancestor in a [`NameTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The position of the node: 0 for the first one inserted. Dense, so it can index a `Vec`.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A [`SubjectAltName`] of a [`NameTree`] in four octets: a node and whether `*.` stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SanId(u32);

impl SanId {
    /// Joins a node and the wildcard mark.
    #[must_use]
    pub fn new(node: NodeId, wildcard: bool) -> Self {
        Self(node.0 << 1 | u32::from(wildcard))
    }

    /// The node of the name without `*.`.
    #[must_use]
    pub fn node(self) -> NodeId {
        NodeId(self.0 >> 1)
    }

    /// Whether `*.` stood before the name.
    #[must_use]
    pub fn wildcard(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A node in 16 octets.
#[derive(Debug, Clone)]
struct Node {
    /// Where its text starts (48 bits), its length (8 bits), the forms seen (8 bits).
    packed: u64,
    parent: u32,
}

impl Node {
    fn new(start: usize, octets: usize) -> Self {
        assert!(start < 1 << 48, "a text arena of 256 TiB fits in no memory");
        let octets = u8::try_from(octets).expect("a name has at most 253 octets");
        Self { packed: (start as u64) << 16 | u64::from(octets) << 8, parent: NONE }
    }

    fn start(&self) -> usize {
        usize::try_from(self.packed >> 16).expect("it was a usize")
    }

    fn octets(&self) -> usize {
        usize::try_from(self.packed >> 8 & 0xff).expect("one octet")
    }

    fn seen(&self, form: u64) -> bool {
        self.packed & form != 0
    }
}

/// Names looked up side by side.
pub(crate) const BATCH: usize = 16;
const NONE: u32 = u32::MAX;
const BARE: u64 = 1;
const WILDCARD: u64 = 2;

/// Every distinct name and every ancestor of it, each one node with its parent.
///
/// Nodes are numbered in order of insertion, a name before its new ancestors. At most 2^31 nodes.
#[derive(Debug, Clone, Default)]
pub struct NameTree {
    text: String,
    nodes: Vec<Node>,
    /// Half a hash and the node: a table that grows, and most that is not found, then need no look at the texts.
    index: HashTable<(u32, u32)>,
    hasher: foldhash::fast::RandomState,
}

impl NameTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts a name as a certificate carries it and marks which form was seen.
    pub fn insert(&mut self, san: &SubjectAltName) -> SanId {
        self.insert_canonical(san.name.as_str(), san.wildcard)
    }

    /// Inserts a borrowed SAN; see [`NameTree::insert`].
    pub fn insert_ref(&mut self, san: &SanRef<'_>) -> SanId {
        self.insert_canonical(san.name(), san.wildcard())
    }

    /// Marks the names, each with whether `*.` stood before it, that the tree has already: what it holds is canonical, so a
    /// text found needs no parsing.
    ///
    /// In a large tree each step of a look-up waits for memory; step by step for a batch, the waits go on side by side.
    pub(crate) fn see(&mut self, names: &[(&str, bool)], found: &mut [Option<SanId>; BATCH]) {
        let mut halves = [0; BATCH];
        for (half, (name, _)) in halves.iter_mut().zip(names) {
            *half = self.half_hash(name);
        }
        let mut ids = [NONE; BATCH];
        for (id, &half) in ids.iter_mut().zip(&halves[..names.len()]) {
            *id = self.index.find(spread(half), |entry| entry.0 == half).map_or(NONE, |entry| entry.1);
        }
        let mut starts = [None; BATCH];
        for ((start, &id), (name, _)) in starts.iter_mut().zip(&ids).zip(names) {
            *start = self.nodes.get(id as usize).filter(|node| node.octets() == name.len()).map(Node::start);
        }
        for (at, &(name, wildcard)) in names.iter().enumerate() {
            let same = |&start: &usize| &self.text.as_bytes()[start..start + name.len()] == name.as_bytes();
            let node = match starts[at].filter(same) {
                Some(_) => Some(NodeId(ids[at])),
                None if ids[at] == NONE => None,
                // Another name with the same half of a hash came first.
                None => self.find(name),
            };
            found[at] = node.map(|node| self.mark(node, wildcard));
        }
    }

    /// Inserts a name as a level only: no form of it was seen on a certificate.
    pub fn insert_level(&mut self, name: &DomainName) -> NodeId {
        self.node(name.as_str())
    }

    fn insert_canonical(&mut self, name: &str, wildcard: bool) -> SanId {
        let node = self.node(name);
        self.mark(node, wildcard)
    }

    fn mark(&mut self, node: NodeId, wildcard: bool) -> SanId {
        self.nodes[node.index()].packed |= if wildcard { WILDCARD } else { BARE };
        SanId::new(node, wildcard)
    }

    fn node(&mut self, name: &str) -> NodeId {
        if let Some(found) = self.find(name) {
            return found;
        }
        let start = self.text.len();
        self.text.push_str(name);
        let first = self.push(start, name.len());
        let (mut child, mut offset) = (first, 0);
        // Each tail after a dot is an ancestor; the first one known ends the walk, since its own ancestors are known too.
        while let Some(dot) = name[offset..].find('.') {
            offset += dot + 1;
            if let Some(parent) = self.find(&name[offset..]) {
                self.nodes[child.index()].parent = parent.0;
                break;
            }
            let parent = self.push(start + offset, name.len() - offset);
            self.nodes[child.index()].parent = parent.0;
            child = parent;
        }
        first
    }

    fn push(&mut self, start: usize, octets: usize) -> NodeId {
        let id =
            u32::try_from(self.nodes.len()).ok().filter(|&id| id < 1 << 31).expect("fewer than 2^31 distinct names");
        self.nodes.push(Node::new(start, octets));
        let half = self.half_hash(self.text_of(id));
        self.index.insert_unique(spread(half), (half, id), |&(half, _)| spread(half));
        NodeId(id)
    }

    fn find(&self, name: &str) -> Option<NodeId> {
        let half = self.half_hash(name);
        let same = |&(other, id): &(u32, u32)| other == half && self.text_of(id) == name;
        self.index.find(spread(half), same).map(|&(_, id)| NodeId(id))
    }

    #[allow(clippy::cast_possible_truncation, reason = "half of the hash is wanted")]
    fn half_hash(&self, name: &str) -> u32 {
        self.hasher.hash_one(name) as u32
    }

    fn text_of(&self, id: u32) -> &str {
        slice(&self.text, &self.nodes[id as usize])
    }

    /// The node of a canonical name, if the tree has it.
    #[must_use]
    pub fn get(&self, name: &DomainName) -> Option<NodeId> {
        self.find(name.as_str())
    }

    /// The text of a node: canonical, without `*.`.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.text_of(node.0)
    }

    /// The name of a node as a [`DomainName`].
    #[must_use]
    pub fn domain_name(&self, node: NodeId) -> DomainName {
        DomainName::from_canonical(self.name(node))
    }

    /// The SAN of an id as a [`SubjectAltName`].
    #[must_use]
    pub fn subject_alt_name(&self, san: SanId) -> SubjectAltName {
        SubjectAltName { name: self.domain_name(san.node()), wildcard: san.wildcard() }
    }

    /// The node one label closer to the root; `None` for a TLD.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        let parent = self.nodes[node.index()].parent;
        (parent != NONE).then_some(NodeId(parent))
    }

    /// The node, then each ancestor, nearest first, ending with the TLD: the levels of the climb (RFC 8659 §3).
    pub fn levels(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(node), |&node| self.parent(node))
    }

    /// Whether the name itself, without `*.`, was seen on a certificate.
    #[must_use]
    pub fn bare_seen(&self, node: NodeId) -> bool {
        self.nodes[node.index()].seen(BARE)
    }

    /// Whether `*.` and the name was seen on a certificate.
    #[must_use]
    pub fn wildcard_seen(&self, node: NodeId) -> bool {
        self.nodes[node.index()].seen(WILDCARD)
    }

    /// Number of nodes, ancestors included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was inserted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes, ancestors included, in order of insertion.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).expect("fewer than 2^31 nodes")).map(NodeId)
    }

    /// The distinct SANs that were inserted, `*.` forms apart, in order of their nodes; a bare form before its wildcard.
    pub fn sans(&self) -> impl Iterator<Item = SanId> + '_ {
        self.nodes().flat_map(|node| {
            let bare = self.bare_seen(node).then_some(SanId::new(node, false));
            let wildcard = self.wildcard_seen(node).then_some(SanId::new(node, true));
            bare.into_iter().chain(wildcard)
        })
    }
}

fn slice<'a>(text: &'a str, node: &Node) -> &'a str {
    &text[node.start()..node.start() + node.octets()]
}

/// A whole hash of half of one: the table takes its place from the low bits and its tag from the high ones.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn san(text: &str) -> SubjectAltName {
        SubjectAltName::parse(text).unwrap()
    }

    #[test]
    fn both_forms_of_a_name_share_one_node() {
        let mut tree = NameTree::new();
        let bare = tree.insert(&san("a.example.net"));
        let wildcard = tree.insert(&san("*.a.example.net"));
        assert_eq!(bare.node(), wildcard.node());
        assert!(tree.bare_seen(bare.node()) && tree.wildcard_seen(bare.node()));
        assert_eq!(tree.len(), 3);
        let texts: Vec<_> = tree.sans().map(|id| tree.subject_alt_name(id).to_string()).collect();
        assert_eq!(texts, ["a.example.net", "*.a.example.net"]);
    }

    #[test]
    fn levels_end_at_the_tld() {
        let mut tree = NameTree::new();
        let node = tree.insert(&san("*.a.b.example.net")).node();
        let levels: Vec<_> = tree.levels(node).map(|level| tree.name(level)).collect();
        assert_eq!(levels, ["a.b.example.net", "b.example.net", "example.net", "net"]);
    }

    #[test]
    fn an_ancestor_that_comes_later_is_the_same_node() {
        let mut tree = NameTree::new();
        let child = tree.insert(&san("a.example.net")).node();
        let parent = tree.insert(&san("example.net")).node();
        assert_eq!(tree.parent(child), Some(parent));
        assert!(tree.bare_seen(parent));
    }

    proptest! {
        #[test]
        fn the_tree_holds_exactly_the_names_and_their_ancestors(
            names in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,4}", 0..60)
        ) {
            let mut tree = NameTree::new();
            let mut expected = BTreeSet::new();
            for name in &names {
                tree.insert(&san(name));
                expected.extend(DomainName::parse(name).unwrap().ancestors());
            }
            let found: BTreeSet<_> = tree.nodes().map(|node| tree.domain_name(node)).collect();
            prop_assert_eq!(found.len(), tree.len());
            prop_assert_eq!(found, expected);
            for node in tree.nodes() {
                prop_assert_eq!(tree.parent(node).map(|p| tree.domain_name(p)), tree.domain_name(node).parent());
            }
        }
    }
}
