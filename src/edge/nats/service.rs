//! The NATS micro service `menagerie` (ADR-32, `spec/interface.md` section 4): the operations
//! of the game API for whoever has a connection to NATS anyway. `docs/nats-service.md` lists
//! the subjects.
//!
//! | file | what |
//! |---|---|
//! | `verb` | the subjects, and the operation behind each |
//! | `message` | headers in, answers out |
//!
//! It is there only while this process has the shard: the queue group gives a request to any of
//! its members, and one that stands by could only refuse it.
//!
//! It has a connection of its own. Whoever floods it does not hold up the acknowledgements of
//! events, and it can be drained: every request that the server has given to us by then is
//! answered. Answers leave over the other connection, which is closed last.

mod message;
mod verb;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use async_nats::Client;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{self, Request, ServiceExt as _};
use futures::stream::select_all;
use futures::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use self::message::Reply;
use self::verb::Verb;
use super::{Nats, NatsError};
use crate::edge::http::error::{Code, Error};
use crate::edge::operations::{Call, IDEMPOTENCY_KEY, MAX_BODY_BYTES, Operations};
use crate::engine::request::Rendered;

/// Of the service and of its queue group.
const NAME: &str = "menagerie";
const DESCRIPTION: &str = "Characters and their pets: the operations of the game API";
/// Between two attempts to connect.
const CONNECT_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the server to have heard that no more requests are wanted, and for the
/// answers that are still due.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running service. Dropped, it ends at once.
pub struct Service {
    must_end: watch::Sender<bool>,
    work: Arc<Work>,
    /// Takes requests; over once the last of them was taken.
    taking: tokio::sync::Mutex<JoinHandle<()>>,
}

/// What answering takes.
struct Work {
    operations: Arc<Operations>,
    /// Where answers leave.
    client: Client,
    /// Requests under way, against `engine.max_requests`.
    places: Arc<Semaphore>,
    num_places: u32,
    /// Shown to operators.
    shard: String,
}

impl Service {
    /// Starts it in the background: a server that is away is waited for.
    pub fn start(
        nats: Arc<Nats>,
        operations: Arc<Operations>,
        shard: &str,
        max_requests: usize,
        runtime: &Runtime,
    ) -> Self {
        let num_places =
            u32::try_from(max_requests.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let work = Arc::new(Work {
            operations,
            client: nats.client().clone(),
            places: Arc::new(Semaphore::new(num_places as usize)),
            num_places,
            shard: shard.to_owned(),
        });
        let (must_end, ends) = watch::channel(false);
        let taking = runtime.spawn(take(Arc::clone(&work), nats, ends));
        Self { must_end, work, taking: tokio::sync::Mutex::new(taking) }
    }

    /// Takes no more requests, and answers those it has, for as long as that is soon.
    pub async fn stop(&self) {
        self.must_end.send_replace(true);
        let mut taking = self.taking.lock().await;
        if !taking.is_finished() && tokio::time::timeout(PATIENCE, &mut *taking).await.is_err() {
            taking.abort();
            tracing::warn!("the nats service was cut off, the connection does not answer");
        }
        self.settle().await;
    }

    /// Waits until nothing is under way any more, for as long as that is soon.
    pub async fn settle(&self) {
        let all = self.work.places.acquire_many(self.work.num_places);
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::info!("requests over nats are still under way");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.taking.get_mut().abort();
    }
}

/// Connects, subscribes, and takes requests until told to end.
async fn take(work: Arc<Work>, nats: Arc<Nats>, mut ends: watch::Receiver<bool>) {
    let client = tokio::select! {
        client = connect(&nats) => client,
        () = ended(&mut ends) => return,
    };
    let opened = match client {
        Ok(client) => open(&client, &work.shard).await.map(|opened| (client, opened)),
        Err(error) => Err(error.into()),
    };
    let (client, (_discovery, endpoints)) = match opened {
        Ok(opened) => opened,
        Err(error) => return tracing::error!("there is no nats service: {error}"),
    };
    let requests =
        endpoints.into_iter().map(|(verb, endpoint)| endpoint.map(move |request| (verb, request)));
    let mut requests = select_all(requests);
    tracing::info!("the nats service is there");
    let mut is_draining = false;
    loop {
        tokio::select! {
            () = ended(&mut ends), if !is_draining => {
                is_draining = true;
                if client.drain().await.is_err() {
                    return;
                }
            }
            // Ends with the last subscription: after the drain, what was delivered is taken.
            next = requests.next() => match next {
                Some((verb, request)) => work.take(verb, request).await,
                None if is_draining => return,
                None => return tracing::error!("the connection of the nats service is closed"),
            },
        }
    }
}

/// The answers to `$SRV.PING` and the like. The library gives them in a task that would outlive
/// a service that is dropped.
struct Discovery(Option<service::Service>);

impl Drop for Discovery {
    fn drop(&mut self) {
        let stopped = self.0.take().and_then(|service| service.stop().now_or_never());
        debug_assert!(matches!(stopped, Some(Ok(()))), "stopping waits for nothing");
    }
}

/// Returns once nothing more is to be taken.
async fn ended(ends: &mut watch::Receiver<bool>) {
    let _ = ends.wait_for(|ends| *ends).await;
}

async fn connect(nats: &Nats) -> Result<Client, NatsError> {
    loop {
        match nats.another("menagerie-service").await {
            Err(error) if error.is_retryable() => {
                tracing::warn!("the nats service waits for a connection: {error}");
                tokio::time::sleep(CONNECT_EVERY).await;
            }
            client => return client,
        }
    }
}

async fn open(
    client: &Client,
    shard: &str,
) -> Result<(Discovery, Vec<(Verb, Endpoint)>), async_nats::Error> {
    let service = client
        .service_builder()
        .description(DESCRIPTION)
        .queue_group(NAME)
        .metadata(HashMap::from([("shard".to_owned(), shard.to_owned())]))
        .start(NAME, env!("CARGO_PKG_VERSION"))
        .await?;
    let group = service.group(NAME);
    let mut endpoints = Vec::with_capacity(Verb::ALL.len());
    for verb in Verb::ALL {
        let subject = verb.subject();
        // ADR-32 wants names without a full stop.
        let endpoint = group.endpoint_builder().name(subject.replace('.', "-"));
        endpoints.push((verb, endpoint.add(subject).await?));
    }
    Ok((Discovery(Some(service)), endpoints))
}

impl Work {
    /// Answers in a task of its own, or at once if there are too many.
    async fn take(self: &Arc<Self>, verb: Verb, request: Request) {
        let headers = message::headers(&request);
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                let work = Arc::clone(self);
                tokio::spawn(async move {
                    let answer = work.answer(verb, &headers, &request).await;
                    Reply::new(&headers, answer).send(&work.client, request).await;
                    drop(place);
                });
            }
            Err(_) => {
                let full = Error::new(Code::Overloaded, "too many requests are waiting");
                Reply::new(&headers, Err(full)).send(&self.client, request).await;
            }
        }
    }

    async fn answer(
        &self,
        verb: Verb,
        headers: &HeaderMap,
        request: &Request,
    ) -> Result<Rendered, Error> {
        let timeout = self.operations.game().request_timeout;
        let performed = self.perform(verb, headers, &request.message.payload);
        tokio::time::timeout(timeout, performed).await.unwrap_or_else(|_| Err(Error::timed_out()))
    }

    async fn perform(
        &self,
        verb: Verb,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Rendered, Error> {
        let game = self.operations.game();
        let principal = game.authority.caller(headers)?;
        let mut call = Call::of(principal, headers, game.default_tenant.as_ref())?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Error::body_too_large());
        }
        if let Some(key) = headers.get(IDEMPOTENCY_KEY) {
            let parts = [b"NATS", verb.subject().as_bytes(), body];
            call.repeatable(key.to_str().unwrap_or_default(), &parts)?;
        }
        verb.perform(&self.operations, &call, body).await
    }
}
