//! The social service of the specification: tells a character's friends that it came online.
//!
//! ```text
//! NATS_URL=nats://127.0.0.1:4222 FRIENDS=friends.json cargo run --example friends_online
//! ```
//!
//! `friends.json` is an object from a character's id to an array of its friends' ids. Who is
//! online is known in memory, from the moment of the start. Ends with Ctrl-C.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use menagerie::client::{
    Body, Delivery, Error, Options, Order, Start, Stop, Subscriber, Subscription,
};
use uuid::Uuid;

/// Who is whose friend, and who is online.
#[derive(Debug, Default)]
pub struct Friends {
    friends: HashMap<Uuid, Vec<Uuid>>,
    online: HashSet<Uuid>,
}

/// A line for one friend.
#[derive(Debug, PartialEq, Eq)]
pub struct Notification {
    pub to: Uuid,
    pub text: String,
}

impl Friends {
    pub fn new(friends: HashMap<Uuid, Vec<Uuid>>) -> Self {
        Self { friends, online: HashSet::new() }
    }

    /// Takes an event into account; returns whom to tell what. A repetition tells nobody twice.
    pub fn update(&mut self, character: Uuid, body: &Body) -> Vec<Notification> {
        match body {
            Body::Online(online) if self.online.insert(character) => {
                let friends = self.friends.get(&character).into_iter().flatten();
                let friends = friends.filter(|friend| self.online.contains(friend));
                let text = format!("{} is online", online.name);
                friends.map(|friend| Notification { to: *friend, text: text.clone() }).collect()
            }
            Body::Offline(_) | Body::Deleted(_) => {
                self.online.remove(&character);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

/// What this service hears. One event at a time: a logout that overtakes its login would leave a
/// character online for ever.
pub fn subscription(subscriber: &Subscriber) -> Subscription {
    subscriber
        .types(["character.online", "character.offline", "character.deleted"])
        .start_from(Start::Now)
        .order(Order::Strict)
}

/// Takes one event into account and prints the notifications.
pub fn handle(friends: &Mutex<Friends>, event: &Delivery) -> Vec<Notification> {
    let mut friends = friends.lock().unwrap_or_else(PoisonError::into_inner);
    let notifications = friends.update(event.character_id, &event.body);
    for Notification { to, text } in &notifications {
        println!("to {to}: {text}");
    }
    notifications
}

#[allow(dead_code, reason = "the tests include this file as a module")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let friends = match std::env::var("FRIENDS") {
        Ok(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        Err(_) => HashMap::new(),
    };
    let subscriber = Subscriber::connect(&url, Options::default()).await?;
    println!("listening; {} characters have friends", friends.len());
    let (stop, friends) = (Stop::new(), Mutex::new(Friends::new(friends)));
    let run = subscription(&subscriber).stop_when(&stop).run(|event| {
        println!("{} of {}", event.event_type, event.character_id);
        handle(&friends, &event);
        std::future::ready(())
    });
    tokio::pin!(run);
    let summary: Result<_, Error> = tokio::select! {
        summary = &mut run => summary,
        _ = tokio::signal::ctrl_c() => {
            stop.stop();
            run.await
        }
    };
    println!("handled {} events", summary?.num_handled);
    Ok(())
}
