//! HTTP: the pets API on the game's listener, the probes and the metrics on the operator's
//! (`spec/interface.md` sections 2, 3 and 5).
//!
//! | file | what |
//! |---|---|
//! | [`error`] | every error a caller may meet, and how it is written |
//! | [`auth`] | who may |
//! | `frame` | what all requests have in common: their id and their deadline |
//! | `caller` | tenant and trace of a request |
//! | `asked` | what the operations want of a request, and what they answer |
//! | `pets` | the routes of the pets API |
//! | `characters` | the routes of the characters API |
//! | [`openapi`] | the document of both, and its page |
//! | `probes` | the operator's routes |
//!
//! The callers own the signals; both servers end when their `Server` is stopped or dropped.

pub mod admin;
pub mod auth;
mod console;
pub mod error;

mod asked;
pub(in crate::edge) mod caller;
pub mod characters;
pub(in crate::edge) mod frame;
pub mod openapi;
mod pets;
mod probes;

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::guard::{self, Guard};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, Resource, web};
use arc_swap::ArcSwap;

use self::admin::Admin;
use self::auth::Authority;
use self::error::{Code, Error};
use super::operations::Operations;
use crate::domain::{Catalog, Tenant};
use crate::engine::health::Health;
use crate::store::{self, Store};
use crate::telemetry::trace::Tracer;

/// Seconds a stopped server waits for answers under way; requests are bounded by then already.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 1;
/// Time in which an operator's request is answered.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What the game's routes work with.
pub struct Game {
    pub health: Arc<Health>,
    pub authority: Arc<Authority>,
    /// Empty until this process has connected to its services; requests are refused until
    /// then.
    pub store: OnceLock<Store>,
    /// Runs the store's statements: its connections live there, and a client that goes away
    /// must not cancel one.
    pub runtime: tokio::runtime::Handle,
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// Tenant of requests that name none.
    pub default_tenant: Option<Arc<Tenant>>,
    /// Time in which a request is answered, with 503 if need be.
    pub request_timeout: Duration,
    /// Says which requests are traced.
    pub tracer: Tracer,
}

impl Game {
    /// Runs a statement where the store's connections live, to its end even if the caller is
    /// gone by then. What waits for it does not hold it: statements are some kilobytes large, and
    /// all that a request waits for is moved about with it.
    ///
    /// # Errors
    /// The store's.
    pub fn run<T: Send + 'static>(
        &self,
        statement: impl Future<Output = Result<T, store::Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> {
        let running = self.runtime.spawn(statement);
        async {
            match running.await {
                Ok(result) => Ok(result?),
                Err(error) => Err(Error::caused(Code::Internal, "a statement did not end", error)),
            }
        }
    }
}

/// Serves the game's routes on `workers` threads.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_game(
    listener: TcpListener,
    workers: usize,
    operations: Arc<Operations>,
) -> io::Result<Server> {
    let game = operations.game();
    let authority = web::Data::from(Arc::clone(&game.authority));
    let patience = frame::Patience(game.request_timeout);
    let operations = web::Data::new(operations);
    let app = move || {
        App::new()
            .app_data(web::Data::clone(&authority))
            .app_data(patience)
            .app_data(web::Data::clone(&operations))
            // A path is compared with one after the other; most requests are for characters.
            .configure(characters::routes)
            .configure(pets::routes)
            .configure(openapi::pages::routes)
            .default_service(web::to(no_route))
            .wrap(from_fn(auth::callers))
            .wrap(from_fn(frame::within_deadline))
            .wrap(from_fn(frame::identified))
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .listen(listener)?;
    Ok(server.run())
}

/// Serves probes, metrics and the operator's API on one thread.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_admin(listener: TcpListener, admin: Admin) -> io::Result<Server> {
    let authority = web::Data::from(Arc::clone(&admin.game.authority));
    let health = web::Data::from(Arc::clone(&admin.game.health));
    let admin = web::Data::new(admin);
    let app = move || {
        App::new()
            .app_data(web::Data::clone(&authority))
            .app_data(web::Data::clone(&health))
            .app_data(frame::Patience(ADMIN_TIMEOUT))
            .app_data(web::Data::clone(&admin))
            .configure(probes::routes)
            .configure(admin::routes)
            .configure(console::routes)
            .default_service(web::to(no_route))
            .wrap(from_fn(auth::staff))
            .wrap(from_fn(frame::within_deadline))
            .wrap(from_fn(frame::identified))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .listen(listener)?;
    Ok(server.run())
}

/// A resource that says which methods it has when it is asked with another.
fn resource(path: &str, allow: &'static str) -> Resource {
    #[cfg(test)]
    tests::SERVED.lock().insert((path.to_owned(), allow));
    let refuse = move || async move { Err::<HttpResponse, _>(Error::method_not_allowed(allow)) };
    web::resource(path).default_service(web::to(refuse))
}

fn reading() -> impl Guard {
    guard::Any(guard::Get()).or(guard::Head())
}

async fn no_route() -> Result<(), Error> {
    Err(Error::new(Code::NoSuchRoute, "nothing is served at this path"))
}

#[cfg(test)]
mod tests;
