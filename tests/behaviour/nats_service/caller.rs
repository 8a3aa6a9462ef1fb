//! An engine that serves over NATS, and somebody who asks it.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_nats::{HeaderMap, Message, RequestErrorKind};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::engine::{Backend, Engine, LOOK_EVERY, SOON, Setup};
use crate::world::{REGION, World};

/// Whoever is in the queue group may get a request: one engine at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Services, and the only engines that serve on them.
pub struct Scene {
    pub setup: Setup,
    pub client: async_nats::Client,
    _turn: MutexGuard<'static, ()>,
}

/// One tenant's game server.
pub struct Caller {
    pub world: World,
    pub client: async_nats::Client,
    /// Of every request.
    pub headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Scene {
    /// `None` when the services are switched off on purpose.
    pub async fn new(keys: &[(&str, &str)]) -> Option<Self> {
        let turn = ONE_AT_A_TIME.lock().await;
        let mut setup = Setup::new(Backend::Real, keys).await?;
        setup.set("nats.service", "true");
        let client = async_nats::connect(setup.config().nats.url.expose()).await.unwrap();
        Some(Self { setup, client, _turn: turn })
    }

    /// Starts an engine and waits until it answers.
    pub async fn serve(&self) -> (Arc<Engine>, Caller) {
        let engine = self.setup.start().await;
        let caller = self.caller(&engine, Uuid::new_v4());
        caller.until_served().await;
        (engine, caller)
    }

    pub fn caller(&self, engine: &Arc<Engine>, tenant: Uuid) -> Caller {
        let world = World::of(tenant, engine);
        let headers = vec![
            ("TENANT_ID", tenant.to_string()),
            ("REGION", REGION.to_owned()),
            ("MAJOR_VERSION", "83".to_owned()),
            ("MINOR_VERSION", "1".to_owned()),
        ];
        Caller { world, client: self.client.clone(), headers }
    }
}

impl Caller {
    /// Asks with the usual headers and these; the error says that nobody is there.
    pub async fn try_ask(
        &self,
        verb: &str,
        more: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, RequestErrorKind> {
        let mut headers = HeaderMap::new();
        let usual = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in usual.chain(more.iter().copied()) {
            headers.insert(name, value);
        }
        let subject = format!("menagerie.{verb}");
        match self.client.request_with_headers(subject, headers, body.into()).await {
            Ok(Message { headers, payload: body, .. }) => {
                Ok(Answer { headers: headers.unwrap_or_default(), body })
            }
            Err(error) => Err(error.kind()),
        }
    }

    pub async fn ask_with(&self, verb: &str, more: &[(&str, &str)], body: &Value) -> Answer {
        self.try_ask(verb, more, body.to_string()).await.unwrap()
    }

    /// What a request that goes well brings.
    pub async fn told(&self, verb: &str, body: Value) -> Value {
        let answer = self.ask_with(verb, &[], &body).await;
        assert_eq!(answer.error(), None, "{verb} {body}");
        match answer.body.is_empty() {
            true => Value::Null,
            false => answer.json(),
        }
    }

    /// Status and code of a request that does not.
    pub async fn refused(&self, verb: &str, body: &Value) -> (u16, String) {
        self.ask_with(verb, &[], body).await.problem()
    }

    pub async fn until_served(&self) {
        let is_there = || async {
            !matches!(
                self.try_ask("pets.get", &[], "{}").await,
                Err(RequestErrorKind::NoResponders)
            )
        };
        until("nobody serves over nats", is_there).await;
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Code and text of the service's error.
    pub fn error(&self) -> Option<(&str, &str)> {
        self.header("Nats-Service-Error-Code").zip(self.header("Nats-Service-Error"))
    }

    /// Status and code of an error of which everything else is as it should be.
    pub fn problem(&self) -> (u16, String) {
        let (status, detail) = self.error().expect("an error");
        let problem = self.json();
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"));
        assert_eq!(problem["status"].to_string(), status);
        assert_eq!(problem["detail"].as_str().unwrap().replace('\n', " "), detail);
        assert_eq!(problem["request_id"].as_str(), self.header("X-Request-Id"));
        assert_eq!(self.header("Retry-After").is_some(), status == "503");
        (status.parse().unwrap(), problem["code"].as_str().unwrap().to_owned())
    }
}

/// Waits for a condition.
pub async fn until<F: Future<Output = bool>>(otherwise: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
