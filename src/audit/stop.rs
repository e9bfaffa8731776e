//! [`Stop`]: the wish to end a run before everything is audited, heard wherever the run waits.

use tokio::sync::watch;

/// Why a run ends before everything is audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The person at the terminal asked for it.
    Interrupted,
    /// Whoever read the rows is gone.
    NobodyReads,
    /// A bound that was asked for is reached, or nobody answers any more; in one clause.
    Bound(String),
}

/// A wish that anybody may have, once.
#[derive(Debug)]
pub struct Stop(watch::Sender<Option<Halt>>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stop {
    /// Asks for the end; the first reason stays.
    pub fn ask(&self, why: Halt) {
        self.0.send_if_modified(|halt| {
            let first = halt.is_none();
            halt.get_or_insert(why);
            first
        });
    }

    /// Why the run shall end, if it shall.
    #[must_use]
    pub fn why(&self) -> Option<Halt> {
        self.0.borrow().clone()
    }

    /// Whether the run shall end.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until somebody asks for the end.
    pub async fn asked(&self) {
        // The sender is `self`: it cannot be gone.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays_and_everybody_hears_of_it() {
        let stop = Stop::default();
        let waiting = stop.asked();
        tokio::pin!(waiting);
        assert!(futures::poll!(waiting.as_mut()).is_pending() && !stop.is_asked());
        stop.ask(Halt::NobodyReads);
        stop.ask(Halt::Interrupted);
        waiting.await;
        stop.asked().await;
        assert_eq!(stop.why(), Some(Halt::NobodyReads));
    }
}
