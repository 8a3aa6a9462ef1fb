//! What the supervisor is told and asked.

use std::time::Duration;

use actix::Message;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::domain::CharacterKey;
use crate::engine::record::Batch;
use crate::engine::request::Errand;
use crate::engine::round::{Answer, Round};
use crate::telemetry::mailbox::Envelope;

/// A batch from the intake. Bounded by the intake's credits.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    pub batch: Batch,
    pub envelope: Envelope,
}

/// A request whose sender waits for the commit. Goes by way of the [inbox](super::inbox).
pub struct Ask {
    pub errand: Errand,
    pub reply: oneshot::Sender<Answer>,
    /// Its place among `engine.max_requests`; given back with the answer.
    pub permit: OwnedSemaphorePermit,
    pub envelope: Envelope,
}

/// Characters whose hunger or expiry is due.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Due {
    pub keys: Vec<CharacterKey>,
    pub envelope: Envelope,
}

/// A round is in SQL.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Committed {
    pub number: i64,
    /// Of the intake's, given back with it.
    pub credits: usize,
    pub envelope: Envelope,
}

/// A round the committer gives back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeBack {
    pub round: Round,
    /// Why the database will not take it as it is; none if it only stood behind such a one.
    pub refusal: Option<String>,
    pub envelope: Envelope,
}

/// Time passes: renew the lease if nothing else did, and retire the idle.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Tend {
    /// A commit at least this often.
    pub renew_after: Duration,
    pub envelope: Envelope,
}

/// Finish what was accepted and say when all of it is committed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain {
    pub done: oneshot::Sender<()>,
    pub envelope: Envelope,
}
