//! What ends an audit from the outside: an interrupt, a request to terminate, the time that was granted.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::interrupt::Stopper;
use crate::audit::stop::{Halt, Stop};

/// Asks for the end at the first signal; a second one ends the program at once, as everywhere.
pub fn stop_on_signals(stop: &Arc<Stop>) {
    let stop = Arc::clone(stop);
    // Made here, so that an interrupt right after is told too.
    let stopper = Stopper::new();
    wait_for("stop", async move {
        stopper.interrupted().await;
        stop.ask(Halt::Interrupted);
    });
}

/// Asks for the end when `time` is over.
pub fn stop_in_time(stop: &Arc<Stop>, time: Option<Duration>) {
    let Some(time) = time else { return };
    let stop = Arc::clone(stop);
    wait_for("time", async move {
        tokio::time::sleep(time).await;
        stop.ask(Halt::Bound(format!("the {} s of `--max-time` are over", time.as_secs())));
    });
}

/// Waits on a thread of its own. Without it, the system's own way to end a program remains.
fn wait_for(name: &str, event: impl Future<Output = ()> + Send + 'static) {
    let wait = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(event);
    };
    let _ = std::thread::Builder::new().name(name.into()).spawn(wait);
}
