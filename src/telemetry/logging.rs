//! Log lines on stderr, as text or JSON; the level can be changed while the process runs.

mod repeats;

use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::{Log, LogFormat};
use repeats::Throttled;

/// Libraries whose `info` is of no use to an operator. Below a level of `warn` they keep
/// to it, unless a directive names them.
const NOISY: [&str; 8] = [
    "actix_http",
    "actix_server",
    "actix_web",
    "async_nats",
    "librdkafka",
    "rdkafka",
    "sea_orm",
    "sqlx",
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{level}` is neither a level (error, warn, info, debug, trace, off) nor a directive")]
    NotALevel { level: String },
    #[error("`{directives}` is not a list of directives: {source}")]
    NotDirectives { directives: String, source: ParseError },
    #[error("logging is set up already: {0}")]
    AlreadySetUp(#[from] TryInitError),
    #[error("logging has ended: {0}")]
    Ended(#[from] reload::Error),
}

/// Changes the level of the process's log.
#[derive(Clone, Debug)]
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
    /// The directives in force, as they were given.
    level: Arc<Mutex<String>>,
}

impl LogHandle {
    /// The directives in force, as they were given.
    pub fn level(&self) -> String {
        self.level.lock().clone()
    }

    /// Puts other directives into force, for all threads at once.
    ///
    /// # Errors
    /// Directives that cannot be parsed; the old ones stay.
    pub fn set_level(&self, directives: &str) -> Result<(), Error> {
        let filter = parse_filter(directives)?;
        let mut level = self.level.lock();
        self.filter.reload(filter)?;
        directives.clone_into(&mut level);
        Ok(())
    }
}

/// Of the process's log; there is only one.
static HANDLE: OnceLock<LogHandle> = OnceLock::new();

/// The process's log, once it is set up.
pub fn handle() -> Option<&'static LogHandle> {
    HANDLE.get()
}

/// Sets up logging for the process, including what libraries write through `log`.
///
/// # Errors
/// Directives that cannot be parsed; a second call.
pub fn init(log: &Log) -> Result<LogHandle, Error> {
    let (subscriber, handle) = build(log, io::stderr().is_terminal(), io::stderr)?;
    subscriber.try_init()?;
    let _ = HANDLE.set(handle.clone());
    Ok(handle)
}

fn build<W>(
    log: &Log,
    with_colours: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, LogHandle), Error>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse_filter(&log.level)?);
    // What cannot be written, be it that standard error is closed, must not end who logs it.
    let lines = fmt::layer().with_ansi(with_colours).with_writer(writer).log_internal_errors(false);
    let lines = match log.format {
        LogFormat::Text => {
            lines.map_event_format(|lines| Throttled::new(lines, log.max_repeats)).boxed()
        }
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .map_event_format(|lines| Throttled::new(lines, log.max_repeats))
            .boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    Ok((subscriber, LogHandle { filter: handle, level: Arc::new(Mutex::new(log.level.clone())) }))
}

/// Reads `info` or `info,menagerie::engine=debug,sqlx=info`.
///
/// # Errors
/// Text that is neither, among it a misspelled level: `EnvFilter` by itself would take it
/// for the name of a crate and be silent about all others.
pub fn parse_filter(directives: &str) -> Result<EnvFilter, Error> {
    let mut default = None;
    for directive in directives.split(',').map(str::trim) {
        if !directive.contains(['=', '[']) {
            // Nothing at all parses as a level too.
            let level = directive.parse::<LevelFilter>().ok().filter(|_| !directive.is_empty());
            let not_a_level = || Error::NotALevel { level: directive.to_owned() };
            default = Some(level.ok_or_else(not_a_level)?);
        }
    }
    let mut all = String::new();
    if default.is_some_and(|level| level > LevelFilter::WARN) {
        // Before the operator's own directives, since of two for one target the last counts.
        all.extend(NOISY.iter().map(|target| format!("{target}=warn,")));
    }
    all.push_str(directives);
    EnvFilter::builder()
        .parse(&all)
        .map_err(|source| Error::NotDirectives { directives: directives.to_owned(), source })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use tracing::{debug, info, subscriber::with_default};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(pub Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).unwrap()
        }
    }

    fn logged(level: &str, format: LogFormat, work: impl FnOnce(&LogHandle)) -> String {
        let log = Log { level: level.to_owned(), format, max_repeats: 2 };
        let lines = Lines::default();
        let writer = lines.clone();
        let (subscriber, handle) = build(&log, false, move || writer.clone()).unwrap();
        with_default(subscriber, || work(&handle));
        lines.text()
    }

    #[test]
    fn the_level_changes_at_run_time() {
        let text = logged("info", LogFormat::Text, |handle| {
            debug!("before");
            handle.set_level("debug").unwrap();
            assert_eq!(handle.level(), "debug");
            debug!("after");
        });
        assert!(!text.contains("before") && text.contains("after"), "{text}");
    }

    #[test]
    fn bad_directives_leave_the_level_as_it_was() {
        let text = logged("info", LogFormat::Text, |handle| {
            for bad in ["inof", "menagerie=loud", "", "info,,"] {
                assert!(handle.set_level(bad).is_err(), "`{bad}` was accepted");
            }
            assert_eq!(handle.level(), "info");
            info!("still here");
        });
        assert!(text.contains("still here"), "{text}");
    }

    #[test]
    fn a_json_line_has_the_fields_at_its_top() {
        let text = logged("info", LogFormat::Json, |_| info!(pet = 17, "spawned"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["message"], &line["pet"]), (&"spawned".into(), &17.into()));
    }

    #[test]
    fn what_is_repeated_too_often_is_left_out_in_either_format() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged("info", format, |_| (0..9).for_each(|n| info!(n, "again")));
            assert_eq!(text.lines().count(), 2, "{text}");
        }
    }

    #[test]
    fn libraries_keep_to_warnings() {
        let text = logged("debug", LogFormat::Text, |_| {
            info!(target: "sqlx::query", "select");
            tracing::warn!(target: "sqlx::query", "slow");
            info!(target: "menagerie::engine", "round");
        });
        assert!(!text.contains("select"), "{text}");
        assert!(text.contains("slow") && text.contains("round"), "{text}");
    }

    #[test]
    fn a_directive_for_a_library_counts() {
        let text = logged("info,sqlx=info", LogFormat::Text, |_| {
            info!(target: "sqlx::query", "select");
        });
        assert!(text.contains("select"), "{text}");
    }

    #[test]
    fn a_level_above_warn_holds_for_libraries_too() {
        let text = logged("error", LogFormat::Text, |_| {
            tracing::warn!(target: "sqlx::query", "slow");
        });
        assert_eq!(text, "");
    }
}
