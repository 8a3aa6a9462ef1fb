//! `serve`: the sidecar.

use std::ffi::OsString;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::ConfigArgs;
use super::exit::{self, Exit, Failure};
use crate::config::Config;
use crate::faults;
use crate::sidecar::{ConnectError, Error, Order, Sidecar};
use crate::telemetry::{logging, panics};

/// Threads for database and network futures, at most. They mostly wait.
const MAX_IO_THREADS: usize = 2;

/// Run the sidecar
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  menagerie serve --config config/menagerie.toml

SIGTERM or SIGINT drains, a second one ends at once and loses nothing; SIGHUP reads the catalog
again. Exits with 0 when drained, 64 if the configuration cannot be used, 69 if a dependency never
came up within startup.timeout, 70 for anything else, another process that took the shard among
it.")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs until a signal ends it: the first SIGTERM or SIGINT drains, the second ends at
/// once. SIGHUP reloads the catalog and the key file of
/// `auth.jwt`.
///
/// # Errors
/// A bad configuration, a service that never came up, or being fenced.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = args.config.load()?;
    serve(Arc::new(loaded.config.clone())).map_err(|failure| exit::sourced(failure, &loaded))
}

fn serve(config: Arc<Config>) -> anyhow::Result<Exit> {
    logging::init(&config.log).map_err(|error| Failure::Usage(format!("log.level: {error}")))?;
    panics::install();
    arm_faults(std::env::var_os(faults::VARIABLE))?;
    let io = runtime()?;
    let sidecar = Sidecar::open(Arc::clone(&config), io.handle().clone()).map_err(failure)?;
    introduce(&config, &sidecar)?;
    let (orders, ordered) = watch::channel(Order::Run);
    let reload = sidecar.reloader();
    let ended = actix::System::new().block_on(async move {
        actix::spawn(obey_signals(orders, reload));
        sidecar.run(ordered).await
    });
    io.shutdown_background();
    ended.map(|()| Exit::Done).map_err(failure)
}

/// Says what runs here and with what; no secret is among it.
fn introduce(config: &Config, sidecar: &Sidecar) -> anyhow::Result<()> {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        shard = config.shard.id,
        "menagerie starts"
    );
    tracing::info!(
        http = %sidecar.game_address()?,
        admin = %sidecar.admin_address()?,
        "listening"
    );
    tracing::info!(
        database = config.database.url.redacted(),
        kafka = config.kafka.bootstrap_servers,
        nats = config.nats.url.redacted(),
        "services"
    );
    let catalog = sidecar.catalog();
    let source = config.catalog.dir.as_ref().map(|dir| dir.display().to_string());
    tracing::info!(
        source = source.as_deref().unwrap_or("builtin"),
        templates = catalog.templates().count(),
        maps = catalog.maps().count(),
        "catalog"
    );
    Ok(())
}

/// Switches on the faults the environment asks for. Loud, since a promise may not hold with
/// them; as errors, so that no usual log level hides it.
pub(super) fn arm_faults(text: Option<OsString>) -> Result<(), Failure> {
    let Some(text) = text else { return Ok(()) };
    let warnings =
        faults::arm(&text.to_string_lossy()).map_err(|error| Failure::Usage(error.to_string()))?;
    for warning in warnings {
        tracing::error!("{} is set, this is no normal operation: {warning}", faults::VARIABLE);
    }
    Ok(())
}

/// Where database and network futures run, beside the arbiters. Where cores are few one thread has
/// them all: it would wake the second for futures that it is as soon done with itself.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let num_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let io = tokio::runtime::Builder::new_multi_thread()
        .worker_threads((num_cores / 2).clamp(1, MAX_IO_THREADS))
        .thread_name("io")
        .enable_all()
        .build()?;
    Ok(io)
}

pub(super) fn failure(error: Error) -> anyhow::Error {
    let text = error.to_string();
    match error {
        Error::Config(error) => error.into(),
        Error::Catalog(_)
        | Error::Keys(_)
        | Error::Trace(_)
        | Error::Listen { .. }
        | Error::Connect(ConnectError::Unusable { .. } | ConnectError::SchemaBehind { .. }) => {
            Failure::Usage(text).into()
        }
        Error::Connect(ConnectError::Unavailable { .. }) => Failure::Unavailable(text).into(),
        error => error.into(),
    }
}

/// Turns signals into orders.
pub(super) async fn obey_signals(orders: watch::Sender<Order>, reload: impl Fn()) {
    let listen = |kind| signal(kind).expect("signal handlers can be installed once at start");
    let mut terminate = listen(SignalKind::terminate());
    let mut interrupt = listen(SignalKind::interrupt());
    let mut hang_up = listen(SignalKind::hangup());
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {
                reload();
                continue;
            }
        }
        orders.send_modify(|order| {
            *order = if *order == Order::Run { Order::Drain } else { Order::Quit };
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_fault_that_is_none_ends_with_64_and_names_the_variable() {
        let error = anyhow::Error::from(arm_faults(Some("without=fences".into())).unwrap_err());
        assert_eq!(exit::code_of_failure(&error), Exit::Usage);
        assert_eq!(error.to_string(), "MENAGERIE_TEST_FAULTS: bad entry `without=fences`");
        assert_eq!(arm_faults(None), Ok(()));
    }
}
