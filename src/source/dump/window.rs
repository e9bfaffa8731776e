//! [`Window`]: a stream of octets seen through one buffer that grows to the largest record and no further.

use std::io::{self, Read};

/// Octets asked of the input at once.
const BLOCK: usize = 1 << 18;
/// The largest record: one that does not end within so many octets is broken.
pub(super) const MAX_RECORD: usize = 16 << 20;

/// The unread rest of a stream, as far as it is in memory.
pub(super) struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    passed: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: Vec::new(), start: 0, passed: 0, ended: false }
    }

    /// What is in memory and not consumed.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Offset of the first octet of [`Window::rest`] in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.passed
    }

    /// Whether [`Window::rest`] reaches to the end of the stream.
    pub(super) fn at_end(&self) -> bool {
        self.ended
    }

    /// Whether the rest holds as much as a record may have.
    pub(super) fn is_full(&self) -> bool {
        self.rest().len() >= MAX_RECORD
    }

    pub(super) fn consume(&mut self, octets: usize) {
        self.start += octets;
        self.passed += octets as u64;
    }

    /// Brings more of the stream into memory; `false` at its end.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        // Only what is still needed moves: at most one record.
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + BLOCK, 0);
        let mut filled = before;
        while filled < self.buffer.len() {
            match self.input.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(octets) => filled += octets,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.buffer.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(filled > before)
    }

    /// Brings at least so many octets into memory, if the stream has them.
    pub(super) fn fill_to(&mut self, octets: usize) -> io::Result<()> {
        while self.rest().len() < octets && self.more()? {}
        Ok(())
    }
}
