//! [`Table`]: the open questions of one UDP socket, by message id, and which datagram answers which of them.

use std::collections::{HashMap, VecDeque};

/// Ids remembered after their time is over, so that a late answer is not taken for a stray.
const EXPIRED: usize = 4096;
/// Octets of a message header.
const HEADER: usize = 12;
/// Octets of the OPT record that a question with EDNS ends with.
const OPT: usize = 11;

/// Open questions, each with what its asker wants to know when it is over.
pub(super) struct Table<T> {
    open: HashMap<u16, Open<T>, foldhash::fast::RandomState>,
    expired: Expired,
    /// Questions so far: tells a place from a later one of the same id.
    opened: u64,
    /// Room of questions that are over.
    spare: Vec<Vec<u8>>,
}

struct Open<T> {
    number: u64,
    /// Name, type and class as they went out.
    question: Vec<u8>,
    strays: u32,
    asker: T,
}

/// A place in the table: an id, and the question's number on its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    id: u16,
    number: u64,
}

/// What a datagram is to the open questions.
pub(super) enum Fit<T> {
    /// The answer to the question of this asker, after so many datagrams under its id that were not.
    Answer(T, u32),
    /// Another one under the id of a question that is over.
    Known,
    /// Under the id of an open question, but not its answer.
    Unfit,
    /// Under no known id.
    Stray,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { open: HashMap::default(), expired: Expired::default(), opened: 0, spare: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Questions without an answer.
    pub(super) fn waiting(&self) -> usize {
        self.open.len()
    }

    /// Chooses a free random id, writes it into the query and opens a place for the answer.
    pub(super) fn open(&mut self, query: &mut [u8], edns: bool, asker: T) -> Place {
        let mut id = rand::random();
        while self.expired.holds(id) || self.open.contains_key(&id) {
            id = rand::random();
        }
        query[..2].copy_from_slice(&id.to_be_bytes());
        let mut question = self.spare.pop().unwrap_or_default();
        question.clear();
        question.extend_from_slice(&query[HEADER..query.len() - if edns { OPT } else { 0 }]);
        self.opened += 1;
        let number = self.opened;
        self.open.insert(id, Open { number, question, strays: 0, asker });
        Place { id, number }
    }

    /// Gives a datagram to the question it answers, which is over then. Its id stays known for a while: an answer that
    /// comes twice is no stray.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> Fit<T> {
        let Some(id) = datagram.first_chunk().map(|id| u16::from_be_bytes(*id)) else { return Fit::Stray };
        let Some(open) = self.open.get_mut(&id) else {
            return if self.expired.holds(id) { Fit::Known } else { Fit::Stray };
        };
        if !answers(datagram, &open.question) {
            open.strays = open.strays.saturating_add(1);
            return Fit::Unfit;
        }
        match self.close(id) {
            Some(open) => Fit::Answer(open.asker, open.strays),
            None => Fit::Known,
        }
    }

    /// Datagrams under the id of an open question that were not its answer.
    pub(super) fn strays(&self, place: Place) -> u32 {
        self.open.get(&place.id).filter(|open| open.number == place.number).map_or(0, |open| open.strays)
    }

    /// Nobody waits any more. Gives the asker, but not where an answer came before, whose id another question may have by
    /// now.
    pub(super) fn leave(&mut self, place: Place) -> Option<T> {
        self.open.get(&place.id).filter(|open| open.number == place.number)?;
        self.close(place.id).map(|over| over.asker)
    }

    /// Those who waited too long, with the datagrams under their ids that were no answer.
    pub(super) fn overdue(&mut self, mut is_overdue: impl FnMut(&T) -> bool) -> Vec<(T, u32)> {
        let ids = self.open.iter().filter(|(_, open)| is_overdue(&open.asker)).map(|(id, _)| *id);
        let ids: Vec<u16> = ids.collect();
        ids.into_iter().filter_map(|id| self.close(id)).map(|open| (open.asker, open.strays)).collect()
    }

    /// Those who wait.
    pub(super) fn askers(&self) -> impl Iterator<Item = &T> {
        self.open.values().map(|open| &open.asker)
    }

    /// Forgets all questions and gives their askers.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = T> {
        self.open.drain().map(|(_, open)| open.asker)
    }

    fn close(&mut self, id: u16) -> Option<Over<T>> {
        let open = self.open.remove(&id)?;
        self.expired.add(id);
        self.spare.push(open.question);
        Some(Over { asker: open.asker, strays: open.strays })
    }
}

struct Over<T> {
    asker: T,
    strays: u32,
}

/// Ids whose time is over: the last [`EXPIRED`] of them.
struct Expired {
    order: VecDeque<u16>,
    /// A bit for each id.
    held: Box<[u64]>,
}

impl Default for Expired {
    fn default() -> Self {
        Self { order: VecDeque::new(), held: vec![0; (1 << 16) / 64].into() }
    }
}

impl Expired {
    fn holds(&self, id: u16) -> bool {
        self.held[usize::from(id >> 6)] & (1 << (id & 63)) != 0
    }

    /// Remembers an id, and forgets the oldest.
    fn add(&mut self, id: u16) {
        self.held[usize::from(id >> 6)] |= 1 << (id & 63);
        self.order.push_back(id);
        if self.order.len() > EXPIRED
            && let Some(oldest) = self.order.pop_front()
        {
            self.held[usize::from(oldest >> 6)] &= !(1 << (oldest & 63));
        }
    }
}

/// Whether a datagram of the right id is an answer to the question, by its header and question section.
///
/// A question in another case is the same question (RFC 4343). No question at all is accepted beside an error code, since
/// some servers answer so to what they cannot read.
fn answers(datagram: &[u8], question: &[u8]) -> bool {
    let Some((header, rest)) = datagram.split_first_chunk::<HEADER>() else { return false };
    let (is_response, rcode, questions) = (header[2] & 0x80 != 0, header[3] & 0x0f, [header[4], header[5]]);
    let name = question.len() - 4;
    let same = || {
        // Nearly every server repeats it as it was sent.
        rest.starts_with(question)
            || rest.len() >= question.len()
                && rest[..name].eq_ignore_ascii_case(&question[..name])
                && rest[name..question.len()] == question[name..]
    };
    is_response && (questions == [0, 1] && same() || questions == [0, 0] && rcode != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Question, wire};

    fn open(table: &mut Table<u32>, name: &str, asker: u32) -> (Place, Vec<u8>) {
        let mut query = Vec::new();
        wire::encode(0, &Question::to_resolver(name), &mut query).unwrap();
        let place = table.open(&mut query, true, asker);
        query[2] |= 0x80;
        (place, query)
    }

    #[test]
    fn an_answer_is_taken_once_and_known_afterwards() {
        let mut table = Table::default();
        let (_, answer) = open(&mut table, "a.example", 1);
        let (place, other) = open(&mut table, "b.example", 2);
        let forged = [&answer[..2], &other[2..]].concat();
        assert!(matches!(table.receive(&forged), Fit::Unfit));
        let upper = answer.to_ascii_uppercase();
        let upper = [&answer[..12], &upper[12..]].concat();
        assert!(matches!(table.receive(&upper), Fit::Answer(1, 1)));
        assert!(matches!(table.receive(&answer), Fit::Known));
        assert_eq!(table.waiting(), 1);
        assert_eq!((table.leave(place), table.leave(place)), (Some(2), None));
        assert!(matches!(table.receive(&other), Fit::Known));
        assert_eq!(table.waiting(), 0);
    }

    #[test]
    fn a_query_and_a_datagram_without_an_id_are_no_answers() {
        let mut table = Table::default();
        let (place, mut answer) = open(&mut table, "a.example", 1);
        answer[2] &= 0x7f;
        assert!(matches!(table.receive(&answer), Fit::Unfit));
        assert!(matches!(table.receive(&[0]), Fit::Stray));
        assert!(matches!(table.receive(&answer[..2]), Fit::Unfit));
        assert_eq!(table.strays(place), 2);
    }

    #[test]
    fn an_id_is_forgotten_after_many_others() {
        let mut expired = Expired::default();
        for id in 0..=4096 {
            expired.add(id);
        }
        assert!(!expired.holds(0) && expired.holds(1) && expired.holds(4096) && !expired.holds(4097));
    }

    #[test]
    fn those_who_wait_too_long_are_told_with_their_strays() {
        let mut table = Table::default();
        let (_, answer) = open(&mut table, "a.example", 1);
        open(&mut table, "b.example", 2);
        table.receive(&answer[..11]);
        assert_eq!(table.overdue(|asker| *asker == 1), [(1, 1)]);
        assert_eq!(table.askers().collect::<Vec<_>>(), [&2]);
        assert_eq!(table.give_up().collect::<Vec<_>>(), [2]);
    }
}
