//! Subscribing to character events from other services.
//!
//! Menagerie publishes ten types of events on NATS JetStream
//! (`docs/spec/character-events.md`). This library reads them, typed, without losing one:
//!
//! ```no_run
//! use menagerie::client::{Body, Delivery, Error, Options, Start, Subscriber};
//!
//! # async fn example() -> Result<(), Error> {
//! let subscriber = Subscriber::connect("nats://127.0.0.1:4222", Options::default()).await?;
//! subscriber
//!     .all()
//!     .durable("world-service")
//!     .start_from(Start::Now)
//!     .run(|event: Delivery| async move {
//!         match &event.body {
//!             Body::LevelUp(up) => println!("{} is now level {}", up.name, up.new_level),
//!             Body::Unknown(unknown) => println!("news to me: {}", unknown.json()),
//!             _ => println!("{} of {}", event.event_type, event.character_id),
//!         }
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! **What to hear.** [`Subscriber::all`], [`Subscriber::only`] one type, read as that type, or
//! [`Subscriber::types`]; [`Subscription::of_user`], [`of_character`](Subscription::of_character)
//! and [`of_tenant`](Subscription::of_tenant) are looked at in the client, since subjects carry
//! no ids.
//!
//! **Sharing load.** Every process that runs a subscription under one
//! [`durable`](Subscription::durable) name (the specification's queue group) gets a share:
//!
//! ```no_run
//! # use menagerie::client::{Delivery, Error, LevelUp, Order, Start, Stop, Subscriber};
//! # async fn track(_: &LevelUp) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example(subscriber: Subscriber) -> Result<(), Error> {
//! let stop = Stop::new();
//! tokio::spawn({
//!     let stop = stop.clone();
//!     async move {
//!         let _ = tokio::signal::ctrl_c().await;
//!         stop.stop();
//!     }
//! });
//! let summary = subscriber
//!     .only::<LevelUp>()
//!     .group("analytics")
//!     .start_from(Start::Beginning)
//!     .order(Order::ByCharacter)
//!     .concurrency(16)
//!     .stop_when(&stop)
//!     .run(|event: Delivery<LevelUp>| async move { track(&event.body).await })
//!     .await?;
//! println!("handled {} events", summary.num_handled);
//! # Ok(())
//! # }
//! ```
//!
//! **At least once.** An event is acknowledged after its handler is through. One that fails comes
//! again ([`Backoff`], [`Subscription::max_deliveries`]); so does one whose process dies. Events
//! that were handled are known by their id for a while ([`Subscription::recent_ids`]), and for
//! longer with an [`EventIds`] of one's own. Handlers have to be safe to repeat nevertheless.
//!
//! **Order.** Without failures and with one handler at a time, events come in the stream's order.
//! Whoever needs that always chooses an [`Order`]. [`Meta::seq`] is gapless for each character.
//!
//! **Ending.** [`Stop::stop`] lets handlers finish and waits for the acknowledgements. A lost
//! connection ends nothing.
//!
//! It knows nothing of the engine, and can be moved to a crate of its own as it stands.

mod consumer;
mod delivery;
mod error;
mod event;
mod ids;
mod lanes;
mod pull;
mod run;
mod stop;
mod subscriber;
mod subscription;
mod verdict;

pub use delivery::{Delivery, Meta, Tenant};
pub use error::Error;
pub use event::{
    AppearanceUpdated, Body, Created, Deleted, Event, Kind, LevelUp, Offline, Online, Position,
    PositionUpdated, Readable, Restored, Selected, StatsUpdated, Unknown, Unreadable,
};
pub use ids::{BoxError, EventIds, Recent};
pub use run::Summary;
pub use stop::Stop;
pub use subscriber::{Options, Subscriber};
pub use subscription::{Abandoned, Order, Start, Subscription, Why};
pub use verdict::{Backoff, IntoVerdict, Verdict};
