//! What ends an audit from the outside: an interrupt, a request to terminate, the time that was granted.

use std::sync::Arc;
use std::time::Duration;

use super::exit::Exit;
use crate::audit::stop::{Halt, Stop};

/// Asks for the end at the first signal, and when `time` is over; a second signal ends the program at once.
///
/// Without the thread that waits, the system's own way to end a program remains.
pub fn stop_on_signals(stop: &Arc<Stop>, time: Option<Duration>) {
    let stop = Arc::clone(stop);
    let wait = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            tokio::join!(signals(&stop), deadline(&stop, time));
        });
    };
    let _ = std::thread::Builder::new().name("stop".into()).spawn(wait);
}

async fn signals(stop: &Stop) {
    for first in [true, false] {
        signal().await;
        if !first {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        stop.ask(Halt::Interrupted);
    }
}

async fn deadline(stop: &Stop, time: Option<Duration>) {
    if let Some(time) = time {
        tokio::time::sleep(time).await;
        stop.ask(Halt::Bound(format!("the {} s of `--max-time` are over", time.as_secs())));
    }
}

/// One interrupt, or what a scheduler sends before it kills.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { std::future::pending().await },
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
