//! Panics, caught where they happen: logged once, and kept for the dead letter of the
//! input that caused them.

use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Logs panics through `tracing` instead of the standard error stream and remembers the
/// last one of each thread. Called once at start.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panicked".into());
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panic: {message}");
        LAST.set(Some(format!("{message} at {location}")));
    }));
}

/// Takes the message and place of this thread's last panic.
pub fn last() -> Option<String> {
    LAST.take()
}
