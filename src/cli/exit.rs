//! [`Exit`]: every way the program ends, as a number scripts can rely on.

/// Exit codes. The highest reason wins: a finding before an incomplete run, a run that could not start before both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Complete, and nothing at or above `--fail-on`.
    Complete,
    /// Complete or not, with findings at or above `--fail-on`.
    Findings,
    /// The command line or the configuration is wrong.
    Usage,
    /// Something asked for was not obtained; the coverage says what. No finding at or above `--fail-on`.
    Incomplete,
    /// The work could not be done at all: unreadable input, unwritable output, every source failed.
    Failed,
    /// Interrupted, after a clean stop that leaves the case resumable.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Failed => 4,
            Self::Interrupted => 130,
        }
    }
}
