//! Whether a service can be reached at all, and if not, why: the address and the cause, which
//! pools and clients that try again by themselves do not tell.

use std::io;
use std::time::{Duration, Instant};

use futures::future::join_all;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection as _};
use tokio::net::TcpStream;

use crate::store;

/// Longest wait for a broker to take a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two attempts to reach a service at start.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How an attempt to reach a service failed.
pub enum Attempt {
    Later(String),
    /// Because of this key; no waiting helps.
    Never(&'static str, String),
}

/// Tries until it succeeds, or fails once `deadline` has passed; `announce` is told once why it
/// waits.
///
/// # Errors
/// How the last attempt failed.
pub async fn insist<T, F>(
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
    announce: impl FnOnce(&str),
) -> Result<T, Attempt>
where
    F: Future<Output = Result<T, Attempt>>,
{
    let mut announce = Some(announce);
    loop {
        match attempt().await {
            Err(Attempt::Later(reason)) if Instant::now() < deadline => {
                if let Some(announce) = announce.take() {
                    announce(&reason);
                }
            }
            ended => return ended,
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Opens one connection to the server `url` names, and closes it. Of an address that is none of
/// a PostgreSQL server it says nothing: whoever uses it will.
///
/// # Errors
/// Address and cause, in words for people and without a secret.
pub async fn database(url: &str, patience: Duration) -> Result<(), String> {
    let is_server = url.starts_with("postgres:") || url.starts_with("postgresql:");
    let Ok(options) = url.parse::<PgConnectOptions>() else { return Ok(()) };
    if !is_server {
        return Ok(());
    }
    let address = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let cause = match tokio::time::timeout(patience, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            // Already known to be there.
            let _ = connection.close().await;
            return Ok(());
        }
        Ok(Err(sqlx::Error::Io(error))) => cause(&error),
        Ok(Err(sqlx::Error::Database(refusal))) => refusal.message().to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => silence(patience),
    };
    Err(format!("{address}: {cause}"))
}

/// Connects to each broker, which need not all be there, and says no more.
///
/// # Errors
/// As [`database`], for each of them.
pub async fn brokers(bootstrap_servers: &str) -> Result<(), String> {
    let attempts = bootstrap_servers.split(',').map(|server| async {
        // A broker may be named with its protocol, and without its port.
        let server = server.trim();
        let server = server.rsplit_once("://").map_or(server, |(_, server)| server);
        let address = match server.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => server.to_owned(),
            _ => format!("{server}:9092"),
        };
        match tokio::time::timeout(PATIENCE, TcpStream::connect(&address)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("{address}: {}", cause(&error))),
            Err(_) => Err(format!("{address}: {}", silence(PATIENCE))),
        }
    });
    let mut causes = Vec::new();
    for attempt in join_all(attempts).await {
        match attempt {
            Ok(()) => return Ok(()),
            Err(cause) => causes.push(cause),
        }
    }
    Err(causes.join(", "))
}

/// What the store says, without that it is the database that says it.
pub fn reason_of(error: &store::Error) -> String {
    match error {
        store::Error::Unavailable { detail } => detail.clone(),
        error => error.to_string(),
    }
}

/// An error with what caused it; where that is the network, with nothing in between.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = || std::iter::successors(error.source(), |cause| cause.source());
    let network = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    let causes = match network {
        Some(network) => vec![cause(network)],
        None => causes().map(ToString::to_string).collect(),
    };
    causes.into_iter().fold(error.to_string(), |text, cause| match text.contains(&cause) {
        true => text,
        false => format!("{text}: {cause}"),
    })
}

/// The kind where it says everything: without the number of the error.
fn cause(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        kind @ (Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NotFound
        | Kind::PermissionDenied
        | Kind::TimedOut) => kind.to_string(),
        _ => error.to_string(),
    }
}

fn silence(patience: Duration) -> String {
    format!("no answer within {}", humantime::format_duration(patience))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::*;

    fn closed() -> SocketAddr {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn who_refuses_a_connection_is_named_and_no_secret_is() {
        let address = closed();
        let url = format!("postgres://zoo:hunter2@{address}/zoo");
        let cause = database(&url, PATIENCE).await.unwrap_err();
        assert_eq!(cause, format!("{address}: connection refused"));
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = silent.local_addr().unwrap();
        let url = format!("postgres://zoo@{address}/zoo");
        let cause = database(&url, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(cause, format!("{address}: no answer within 50ms"));
    }

    #[tokio::test]
    async fn an_address_of_no_server_is_left_to_who_uses_it() {
        for url in ["sqlite:zoo.db", "mysql://zoo@127.0.0.1/zoo", "zoo"] {
            assert_eq!(database(url, PATIENCE).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn one_broker_is_enough_and_without_any_each_is_named() {
        let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (one, other) = (closed(), closed());
        let some = format!("{one}, PLAINTEXT://{}", there.local_addr().unwrap());
        assert_eq!(brokers(&some).await, Ok(()));
        let cause = brokers(&format!("{one},{other}")).await.unwrap_err();
        assert_eq!(cause, format!("{one}: connection refused, {other}: connection refused"));
    }
}
