//! What an interrupt (SIGINT) or a request to terminate (SIGTERM, as schedulers send it) does: the first lets whatever is waiting for the network stop cleanly, the second ends the
//! program; with nothing to stop, the first ends it too. A half-written file does not stay either way.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::sync::watch;

use super::Exit;

/// Those who wait to be told.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// Whether an interrupt came.
static CAME: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::channel(false).0);
/// Files that are not whole yet.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// How to go on after a stop.
static HINT: Mutex<String> = Mutex::new(String::new());

/// Begins to listen, once for the program. Without the thread the system's own way to end a program remains.
pub fn listen() {
    let wait = || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let mut terminations = Terminations::new();
            loop {
                tokio::select! {
                    interrupt = tokio::signal::ctrl_c() => if interrupt.is_err() { return },
                    () = terminations.next() => {}
                }
                let first = !CAME.send_replace(true);
                if !first {
                    end();
                }
                if WAITING.load(Ordering::Relaxed) == 0 {
                    say_hint();
                    end();
                }
            }
        });
    };
    let _ = std::thread::Builder::new().name("interrupt".into()).spawn(wait);
}

/// Requests to terminate, on systems that have them.
struct Terminations(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Terminations {
    #[cfg(unix)]
    fn new() -> Self {
        Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok())
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self()
    }

    /// Returns at the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[allow(clippy::print_stderr, reason = "the thread that holds the streams is busy, and the program ends here")]
fn say_hint() {
    let hint = HINT.lock().unwrap_or_else(PoisonError::into_inner);
    if !hint.is_empty() {
        eprintln!("\nctclimb: {hint}");
    }
}

/// Says what a person should know whose interrupt finds nobody waiting, in the middle of a computation.
pub fn hint(text: &str) {
    text.clone_into(&mut HINT.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Runs a future to its end, or until the person interrupts: then `None`, with everything dropped cleanly.
///
/// # Errors
/// The runtime cannot be started.
pub fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the network runtime")?;
    let stopper = Stopper::new();
    Ok(runtime.block_on(async {
        tokio::select! {
            result = future => Some(result),
            // Whatever was in flight is lost; what came before is in the case file.
            () = stopper.interrupted() => None,
        }
    }))
}

/// Lets a write beyond the limit of file sizes (`ulimit -f`) fail like one to a full disk, and not end the program.
pub fn survive_file_size_limit() {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        /// SIGXFSZ (`signal(7)`), but on architectures that nobody runs this on.
        const FILE_SIZE: i32 = 25;
        // The handler stays when its listener goes. Without it the system's own way remains.
        let _ = runtime.block_on(async {
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(FILE_SIZE)).map(drop)
        });
    }
}

/// Ends the program as an interrupt does, without files that are not whole.
pub fn end() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = std::fs::remove_file(path);
    }
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// Someone who stops by himself when an interrupt comes.
pub struct Stopper(());

impl Stopper {
    /// From here to its end the first interrupt is told, not obeyed.
    pub fn new() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// Returns when an interrupt came.
    pub async fn interrupted(&self) {
        // The sender lives as long as the program.
        let _ = CAME.subscribe().wait_for(|came| *came).await;
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A file that is removed if the program is ended before it is whole.
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Notes the file.
    pub fn new(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}
