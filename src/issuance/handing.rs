//! Who gets what a [`Collection`](super::Collection) does not keep.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Record;
use crate::name::SanRef;

/// Who gets the records instead.
pub(super) type Forward = Taker<dyn FnMut(&Record<'_>) + Send>;

/// Who gets canonical names of plain lists, each with whether `*.` stood before it.
type Names = dyn FnMut(&[(&str, bool)]) + Send;

/// A function that all clones of a collection share.
pub(super) struct Taker<T: ?Sized>(pub(super) Arc<Mutex<T>>);

impl<T: ?Sized> Taker<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Clone for Taker<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> fmt::Debug for Taker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taker")
    }
}

/// Names handed over at a time: one call and one lock for all of them.
const BATCH: usize = 256;

/// Names of plain lists on their way to who gets them.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    take: Taker<Names>,
    /// The names that wait, end to end, and of each where it ends and whether `*.` stood before it.
    text: String,
    waiting: Vec<(usize, bool)>,
}

impl Lists {
    pub(super) fn new(take: impl FnMut(&[(&str, bool)]) + Send + 'static) -> Self {
        Self { take: Taker(Arc::new(Mutex::new(take))), text: String::new(), waiting: Vec::new() }
    }

    pub(super) fn add(&mut self, san: &SanRef<'_>) {
        self.text.push_str(san.name());
        self.waiting.push((self.text.len(), san.wildcard()));
        if self.waiting.len() == BATCH {
            self.hand_over();
        }
    }

    /// Hands over what waits.
    pub(super) fn hand_over(&mut self) {
        let mut names = [("", false); BATCH];
        let mut start = 0;
        for (name, &(end, wildcard)) in names.iter_mut().zip(&self.waiting) {
            *name = (&self.text[start..end], wildcard);
            start = end;
        }
        self.take.lock()(&names[..self.waiting.len()]);
        self.text.clear();
        self.waiting.clear();
    }
}
