//! [`Window`]: the part of a stream at hand, grown only as far as one record needs.

use std::io::{self, Read};

/// Octets asked for at a time: fits the second-level cache.
const BLOCK: usize = 256 << 10;

/// The unread octets of a stream that are in memory.
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets of the stream before `buffer[0]`.
    before: u64,
    ended: bool,
    fault: Option<io::Error>,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BLOCK], start: 0, end: 0, before: 0, ended: false, fault: None }
    }

    /// What is at hand.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether the stream has no more than what is at hand.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Position of the first octet at hand in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// Leaves the first octets behind.
    pub(super) fn pass(&mut self, octets: usize) {
        self.start = (self.start + octets).min(self.end);
    }

    /// What the stream broke with, if it did: it has ended then, and what came before is at hand.
    pub(super) fn fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    /// Reads on; afterwards there is more at hand or the stream has ended.
    pub(super) fn more(&mut self) {
        if self.ended {
            return;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.before += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(octets) => self.end += octets,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => (self.ended, self.fault) = (true, Some(error)),
            }
            return;
        }
    }

    /// Reads on until this many octets are at hand or the stream has ended; returns whether they are.
    pub(super) fn at_least(&mut self, octets: usize) -> bool {
        while self.text().len() < octets && !self.ended {
            self.more();
        }
        self.text().len() >= octets
    }
}
