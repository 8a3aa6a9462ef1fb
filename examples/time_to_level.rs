//! The analytics service of the specification: how long characters take from level to level.
//!
//! ```text
//! NATS_URL=nats://127.0.0.1:4222 cargo run --example time_to_level
//! ```
//!
//! Ends with Ctrl-C.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use menagerie::client::{
    Body, Delivery, Error, Event, Options, Order, Start, Stop, Subscriber, Subscription,
};
use uuid::Uuid;

/// When each character reached its level.
#[derive(Debug, Default)]
pub struct Progress {
    reached: HashMap<Uuid, (u16, DateTime<Utc>)>,
}

/// What the analytics are told of one level.
#[derive(Debug, PartialEq, Eq)]
pub struct Tracked {
    pub character_id: Uuid,
    pub user_id: Uuid,
    pub new_level: u16,
    /// Since the level before. `None` when that was not seen.
    pub time_to_level: Option<TimeDelta>,
}

impl Progress {
    /// Takes an event into account. An earlier level than the one known is a repetition.
    pub fn update(&mut self, event: &Event) -> Option<Tracked> {
        let (character_id, user_id) = (event.character_id, event.user_id);
        match &event.body {
            Body::Created(created) => {
                self.reached.insert(character_id, (created.level, event.timestamp));
                None
            }
            Body::LevelUp(up) => {
                let before = self.reached.get(&character_id);
                if before.is_some_and(|(level, _)| *level >= up.new_level) {
                    return None;
                }
                let time_to_level = before
                    .filter(|(level, _)| *level == up.previous_level)
                    .map(|(_, since)| event.timestamp - *since);
                self.reached.insert(character_id, (up.new_level, event.timestamp));
                Some(Tracked { character_id, user_id, new_level: up.new_level, time_to_level })
            }
            Body::Deleted(deleted) if !deleted.soft_delete => {
                self.reached.remove(&character_id);
                None
            }
            _ => None,
        }
    }
}

/// What this service hears.
pub fn subscription(subscriber: &Subscriber) -> Subscription {
    subscriber
        .types(["character.created", "character.levelup", "character.deleted"])
        .start_from(Start::Beginning)
        .order(Order::ByCharacter)
        .concurrency(16)
}

/// Takes one event into account and prints what is tracked.
pub fn handle(progress: &Mutex<Progress>, event: &Delivery) -> Option<Tracked> {
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    let tracked = progress.update(event)?;
    let time = match tracked.time_to_level {
        Some(time) => format!("after {} s", time.num_seconds()),
        None => "after an unknown time".to_owned(),
    };
    println!("{} reached level {} {time}", tracked.character_id, tracked.new_level);
    Some(tracked)
}

#[allow(dead_code, reason = "the tests include this file as a module")]
#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let subscriber = Subscriber::connect(&url, Options::default()).await?;
    println!("listening");
    let (stop, progress) = (Stop::new(), Mutex::new(Progress::default()));
    let run = subscription(&subscriber).stop_when(&stop).run(|event| {
        handle(&progress, &event);
        std::future::ready(())
    });
    tokio::pin!(run);
    let summary = tokio::select! {
        summary = &mut run => summary?,
        _ = tokio::signal::ctrl_c() => {
            stop.stop();
            run.await?
        }
    };
    println!("handled {} events", summary.num_handled);
    Ok(())
}
