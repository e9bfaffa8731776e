//! What ends an audit from the outside: an interrupt, a request to terminate, the time that was granted.

use std::sync::Arc;
use std::time::Duration;

use super::interrupt::{self, Stopper};
use crate::audit::stop::{Halt, Stop};

/// Asks for the end at the first signal, and when `time` is over; a second signal ends the program at once.
///
/// Without the thread that waits, the system's own way to end a program remains.
pub fn stop_on_signals(stop: &Arc<Stop>, time: Option<Duration>) {
    let stop = Arc::clone(stop);
    // Made here, so that an interrupt right after is told too.
    let stopper = Stopper::new();
    let wait = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            tokio::join!(signals(&stop, &stopper), deadline(&stop, time));
        });
    };
    let _ = std::thread::Builder::new().name("stop".into()).spawn(wait);
}

/// The second interrupt is the listener's; a second request to terminate, or one of the other kind, is ours.
async fn signals(stop: &Stop, stopper: &Stopper) {
    let by_interrupt = tokio::select! {
        () = stopper.interrupted() => true,
        () = terminated() => false,
    };
    stop.ask(Halt::Interrupted);
    if by_interrupt {
        terminated().await;
    } else {
        tokio::select! {
            () = stopper.interrupted() => {}
            () = terminated() => {}
        }
    }
    interrupt::end();
}

async fn deadline(stop: &Stop, time: Option<Duration>) {
    if let Some(time) = time {
        tokio::time::sleep(time).await;
        stop.ask(Halt::Bound(format!("the {} s of `--max-time` are over", time.as_secs())));
    }
}

/// What a scheduler sends before it kills.
async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        terminate.recv().await;
        return;
    }
    std::future::pending::<()>().await;
}
