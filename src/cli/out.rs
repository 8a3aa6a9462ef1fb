//! Standard output, which its reader may close: `menagerie demo | head -3`.

use std::future::pending;
use std::io::{self, Write};
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::unix::pipe;

/// Standard output, a line at a time: a reader sees each as soon as it is complete.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Stdout;

/// What a write to a closed standard output fails with, to be told from a socket that broke.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("standard output is closed")]
struct Closed;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, Closed),
        _ => error,
    }
}

/// Whether nobody reads what we write any more.
pub(super) fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<Closed>())
}

/// The same for an error with a cause.
pub(super) fn is_closed_below(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref()).any(is_closed)
}

/// Waits until nobody reads standard output, also while there is nothing to write. For ever
/// where the system tells nothing of it, as of a file.
///
/// # Panics
/// Outside a runtime.
pub(super) async fn closed() {
    let output = io::stdout().as_fd().try_clone_to_owned();
    // Only listened to, so that it need not be a pipe.
    match output.and_then(pipe::Sender::from_owned_fd_unchecked) {
        // However the waiting ends, there is nothing further to wait for.
        Ok(output) => drop(output.ready(Interest::ERROR).await),
        Err(_) => pending().await,
    }
}

/// Success also if nobody reads: for a verb whose exit code says more than what it prints.
///
/// # Errors
/// Any other failure to write.
pub(super) fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if is_closed(&error) => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_closed_output_is_told_from_another_broken_pipe() {
        let closed = || Err::<(), _>(named(io::ErrorKind::BrokenPipe.into()));
        let full = || Err::<(), _>(named(io::ErrorKind::StorageFull.into()));
        let socket = || Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(unless_closed(closed()).is_ok());
        assert!(unless_closed(full()).is_err() && unless_closed(socket()).is_err());
        let below = |written: io::Result<()>| {
            written.context("report").map_err(|error| is_closed_below(&error))
        };
        assert_eq!(below(closed()), Err(true));
        assert_eq!(below(socket()), Err(false));
    }
}
