//! The last step, when all records are in: one issuance per certificate, in an order that depends on the records alone.

use super::event::{Event, Identity};
use super::issuer::IssuerTable;
use super::matching;
use super::origins::OriginSets;
use super::{Counts, Drops, Issuance, Issuances, IssuerId, Noticed};
use crate::name::{DomainName, NameTree, SanId};

/// What a collection hands over unchanged.
pub(super) struct Gathered {
    pub(super) scope: Option<DomainName>,
    pub(super) counts: Counts,
    pub(super) drops: Drops,
    pub(super) foreign_common_names: Noticed,
}

pub(super) fn finish(
    tree: &NameTree,
    issuers: IssuerTable,
    mut events: Vec<Event>,
    mut origins: OriginSets,
    told: Gathered,
) -> Issuances {
    let (issuers, issuer_ids) = issuers.into_sorted();
    let (tree, sans) = in_text_order(tree);
    for event in &mut events {
        event.issuer = event.issuer.map(|old| issuer_ids[old.0 as usize]);
        for name in &mut event.names {
            *name = SanId::new(sans[name.node().index()], name.wildcard());
        }
        event.names.sort_unstable();
    }
    events.sort_by(|one, other| order(one).cmp(&order(other)));
    let mut issuances: Vec<_> = matching::unite(events, &issuers, &mut origins).into_iter().map(issuance).collect();
    issuances.sort_by(|one, other| final_order(one).cmp(&final_order(other)));
    let (labels, sets) = origins.into_sorted();
    let Gathered { scope, counts, drops, foreign_common_names } = told;
    Issuances { scope, tree, issuers, issuances, counts, drops, foreign_common_names, labels, sets }
}

/// Names alone, in the order of the tree.
pub(super) fn without_certificates(
    tree: NameTree,
    issuers: IssuerTable,
    origins: OriginSets,
    told: Gathered,
) -> Issuances {
    let (issuers, _) = issuers.into_sorted();
    let (labels, sets) = origins.into_sorted();
    let Gathered { scope, counts, drops, foreign_common_names } = told;
    Issuances { scope, tree, issuers, issuances: Vec::new(), counts, drops, foreign_common_names, labels, sets }
}

/// The same names, inserted in text order; and the new node of each old one.
fn in_text_order(tree: &NameTree) -> (NameTree, Vec<crate::name::NodeId>) {
    let mut nodes: Vec<_> = tree.nodes().collect();
    nodes.sort_unstable_by(|&one, &other| tree.name(one).cmp(tree.name(other)));
    let mut sorted = NameTree::new();
    for &node in &nodes {
        for (seen, wildcard) in [(tree.bare_seen(node), false), (tree.wildcard_seen(node), true)] {
            if seen {
                sorted.insert(&tree.subject_alt_name(SanId::new(node, wildcard)));
            }
        }
    }
    let new = tree.nodes().map(|node| sorted.insert_level(&tree.domain_name(node))).collect();
    (sorted, new)
}

type Order<'a> = (Option<i64>, Option<i64>, Option<IssuerId>, &'a [SanId], &'a Identity);

fn order(event: &Event) -> Order<'_> {
    (event.not_before, event.not_after, event.issuer, &event.names, &event.identity)
}

type FinalOrder<'a> = (Option<i64>, Option<i64>, Option<IssuerId>, &'a [SanId], &'a [u8], Option<i64>);

fn final_order(issuance: &Issuance) -> FinalOrder<'_> {
    let Issuance { not_before, not_after, issuer, names, serial, first_logged, .. } = issuance;
    (*not_before, *not_after, *issuer, names, serial, *first_logged)
}

fn issuance(event: Event) -> Issuance {
    Issuance {
        names_differ: event.names_differ(),
        serial: match event.identity {
            Identity::Serial(serial) => serial,
            Identity::Tbs(_) | Identity::Label(_) | Identity::Content | Identity::Logged(_) => Box::default(),
        },
        names: event.names,
        issuer: event.issuer,
        not_before: event.not_before,
        not_after: event.not_after,
        first_logged: event.first_logged,
        precertificate: event.precertificate,
        final_form: event.final_form,
        dates_differ: event.dates_differ,
        origins: event.origins,
    }
}
