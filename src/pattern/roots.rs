//! The names of one root side by side in memory, and the sample to learn from.

use std::collections::HashMap;

use super::hash::{self, MixBuilder};
use super::settings::Settings;
use super::summary::{NameIndex, Summary};
use super::token::{self, Kind, Token};
use super::words;

/// Sampled names of one root at most; with more skeletons, fewer names of each.
const SAMPLED: usize = 4096;

/// What is known of one name, next to its neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Its index in the summary.
    pub(super) name: u32,
    start: u32,
    octets: u8,
    pub(super) seen: u8,
    pub(super) hash: u64,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// The names of one root: the part left of the root without the dot, empty for the root itself.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    pub(super) rows: Vec<Row>,
}

impl Names {
    /// Copies the names of a root out of the summary.
    pub(super) fn gather(summary: &Summary, names: &[u32]) -> Self {
        let mut gathered =
            Self { text: String::with_capacity(24 * names.len()), rows: Vec::with_capacity(names.len()) };
        for &name in names {
            let (text, row) = (summary.name(NameIndex(name)), &summary.names[name as usize]);
            let left = text[..text.len() - usize::from(row.root_octets)].trim_end_matches('.');
            gathered.rows.push(Row {
                name,
                start: u32::try_from(gathered.text.len()).expect("names under one root are bounded"),
                octets: u8::try_from(left.len()).expect("a name has at most 253 octets"),
                seen: row.seen,
                hash: row.hash,
                first: row.first,
                last: row.last,
            });
            gathered.text.push_str(left);
        }
        gathered
    }

    /// The part left of the root.
    pub(super) fn left(&self, at: u32) -> &str {
        let row = &self.rows[at as usize];
        &self.text[row.start as usize..row.start as usize + usize::from(row.octets)]
    }

    /// All positions.
    pub(super) fn positions(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.rows.len()).expect("names under one root are bounded")
    }

    /// The names to learn from: of each skeleton those with the smallest hashes.
    pub(super) fn sample(&self, among: &[u32], settings: &Settings) -> Vec<&str> {
        let mut keys: HashMap<u64, Vec<(u64, u32)>, MixBuilder> = HashMap::default();
        let mut tokens = Vec::new();
        for &at in among {
            let kept = keys.entry(skeleton(self.left(at), &mut tokens)).or_default();
            kept.push((self.rows[at as usize].hash, at));
            if kept.len() >= 2 * settings.sample {
                kept.select_nth_unstable(settings.sample);
                kept.truncate(settings.sample);
            }
        }
        let each = settings.sample.min(SAMPLED.div_ceil(keys.len().max(1))).max(1);
        // Of too many skeletons, those with the smallest keys.
        let mut kept: Vec<(u64, Vec<(u64, u32)>)> = keys.into_iter().collect();
        kept.sort_unstable();
        kept.truncate(SAMPLED);
        let mut chosen = Vec::new();
        for (_, mut rows) in kept {
            rows.sort_unstable();
            rows.truncate(each);
            chosen.extend(rows.into_iter().map(|(_, at)| self.left(at)));
        }
        chosen
    }
}

/// The context-free key of a name: what its tokens are, the width of the long ones.
fn skeleton(left: &str, tokens: &mut Vec<Token>) -> u64 {
    let mut key = u64::from(!left.contains('.') && words::is_known_host(left));
    for label in left.split('.').filter(|label| !label.is_empty()) {
        tokens.clear();
        token::tokenize(label, tokens);
        key = hash::mix(key, 0);
        for token in tokens.iter() {
            let width = if token.len > 12 { token.len } else { 0 };
            let runs = if token.kind == Kind::Mixed { runs(token.of(label)) } else { 0 };
            key = hash::mix(key, (token.kind as u64 + 1) << 16 | u64::from(runs) << 8 | u64::from(width));
        }
    }
    key
}

/// How often letters and digits take turns, up to a few, and which come first.
fn runs(text: &str) -> u8 {
    let changes =
        text.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    u8::try_from(changes.min(3)).expect("at most three") << 1 | u8::from(text.as_bytes()[0].is_ascii_digit())
}
