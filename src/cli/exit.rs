//! How the process ends.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::{admin, out};
use crate::config::{ConfigError, Loaded};

/// Exit codes, after `sysexits.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, or drained.
    Done = 0,
    /// Bad usage or configuration.
    Usage = 64,
    /// A dependency never came up.
    Unavailable = 69,
    /// A defect of ours, or a failure nobody foresaw.
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends the process with a code other than 70. Attached to a cause with
/// `anyhow::Context`, or returned by itself.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Unavailable(String),
}

/// The same failure, where it names a key of the configuration with the key's source.
pub fn sourced(failure: anyhow::Error, loaded: &Loaded) -> anyhow::Error {
    match failure.downcast() {
        Ok(Failure::Usage(text)) => Failure::Usage(loaded.sourced(&text)).into(),
        Ok(other) => other.into(),
        Err(other) => other,
    }
}

/// The code an error ends the process with.
pub fn code_of_failure(error: &anyhow::Error) -> Exit {
    match error.downcast_ref() {
        Some(Failure::Usage(_)) => Exit::Usage,
        Some(Failure::Unavailable(_)) => Exit::Unavailable,
        None if error.is::<ConfigError>() => Exit::Usage,
        None if error.downcast_ref().is_some_and(admin::Error::is_away) => Exit::Unavailable,
        None => Exit::Internal,
    }
}

/// The code a refused command line ends the process with. Help and version were asked for,
/// save the help shown because nothing was.
pub fn code_of(usage: &clap::Error) -> Exit {
    match usage.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

/// Shows what clap has to say.
pub(super) fn usage(usage: &clap::Error) -> Exit {
    // A closed pipe is no reason to end with another code.
    let _ = usage.print();
    code_of(usage)
}

/// Runs a verb; a panic is a defect of ours like any other, and has been shown already.
pub(super) fn end_of(verb: impl FnOnce() -> anyhow::Result<Exit>) -> Exit {
    // Nothing of a verb that panicked is looked at any more.
    match catch_unwind(AssertUnwindSafe(verb)) {
        Ok(result) => report(result),
        Err(_) => Exit::Internal,
    }
}

/// Shows why a verb failed, one line a problem. That nobody reads what it prints is no failure.
pub(super) fn report(result: anyhow::Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) if out::is_closed_below(&error) => return Exit::Done,
        Err(error) => error,
    };
    // Standard error may be closed as well.
    match error.downcast_ref::<ConfigError>() {
        Some(ConfigError { problems }) => {
            for problem in problems {
                let _ = writeln!(io::stderr(), "menagerie: {problem}");
            }
        }
        None => {
            let _ = writeln!(io::stderr(), "menagerie: {error:#}");
        }
    }
    code_of_failure(&error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use anyhow::{Context, anyhow};

    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn a_bad_configuration_ends_with_64() {
        let flags = vec![("kafka.gruop".to_owned(), "zoo".to_owned())];
        let error = Config::load(Sources { flags, ..Sources::default() }).unwrap_err();
        assert_eq!(report(Err(error.into())), Exit::Usage);
    }

    #[test]
    fn a_failure_keeps_its_code_under_its_cause() {
        let refused = || Err::<(), _>(anyhow!("connection refused"));
        let unavailable = refused().context(Failure::Unavailable("postgres".into())).unwrap_err();
        assert_eq!(code_of_failure(&unavailable), Exit::Unavailable);
        assert_eq!(code_of_failure(&unavailable.context("migrate")), Exit::Unavailable);
        let usage = Failure::Usage("no such pet".into());
        assert_eq!(code_of_failure(&usage.into()), Exit::Usage);
    }

    #[test]
    fn any_other_error_ends_with_70() {
        assert_eq!(report(Err(anyhow!("the impossible"))), Exit::Internal);
        assert_eq!(report(Ok(Exit::Done)), Exit::Done);
        assert_eq!(end_of(|| panic!("the impossible")), Exit::Internal);
        assert_eq!(end_of(|| Ok(Exit::Done)), Exit::Done);
    }
}
