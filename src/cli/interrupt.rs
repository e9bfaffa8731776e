//! Signals: Ctrl-C once is a clean stop, twice is now.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use anyhow::Context as _;
use tokio::sync::oneshot;

use super::exit::Exit;

/// Who is told of the first interrupt.
enum Listener {
    /// A future that is waited for.
    Waiting(oneshot::Sender<()>),
    /// Somebody who looks at the flag.
    Looking(Arc<AtomicBool>),
}

static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());
/// How to go on after a stop.
static HINT: Mutex<String> = Mutex::new(String::new());

fn listeners() -> std::sync::MutexGuard<'static, Vec<Listener>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
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
    let (told, interrupted) = oneshot::channel();
    listen(Listener::Waiting(told));
    Ok(runtime.block_on(async {
        tokio::select! {
            result = future => Some(result),
            // Whatever was in flight is lost; what came before is in the case file.
            Ok(()) = interrupted => None,
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

/// Says what a person should know whose interrupt finds nobody waiting, in the middle of a computation.
pub fn hint(text: &str) {
    text.clone_into(&mut HINT.lock().unwrap_or_else(PoisonError::into_inner));
}

/// A flag that the first interrupt sets.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    listen(Listener::Looking(Arc::clone(&flag)));
    flag
}

fn listen(listener: Listener) {
    static STARTED: Once = Once::new();
    // Those that stopped waiting need not be told.
    let mut all = listeners();
    all.retain(|listener| match listener {
        Listener::Waiting(told) => !told.is_closed(),
        Listener::Looking(_) => true,
    });
    all.push(listener);
    drop(all);
    STARTED.call_once(|| {
        // Without the thread the system's own way to end a program remains.
        let _ = std::thread::Builder::new().name("interrupt".into()).spawn(wait);
    });
}

#[allow(clippy::print_stderr, reason = "the thread that holds the streams is busy, and the program ends here")]
fn wait() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let mut times = 0;
        while tokio::signal::ctrl_c().await.is_ok() {
            let mut told = 0;
            for listener in listeners().drain(..) {
                told += match listener {
                    Listener::Waiting(waiting) => usize::from(waiting.send(()).is_ok()),
                    Listener::Looking(flag) => usize::from(!flag.swap(true, Ordering::Relaxed)),
                };
            }
            times += 1;
            // Nobody waits, or it is the second time.
            if told == 0 {
                let hint = HINT.lock().unwrap_or_else(PoisonError::into_inner);
                if times == 1 && !hint.is_empty() {
                    eprintln!("\nctclimb: {hint}");
                }
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        }
    });
}
