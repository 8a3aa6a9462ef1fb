//! The consumer on the server: found, created, created again.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{self, ErrorCode};

use super::error::Error;
use super::subscription::{Order, Settings, Start};

type PullConsumer = consumer::Consumer<pull::Config>;

/// Acknowledgements that may be outstanding in a whole group.
const MAX_ACK_PENDING: i64 = 1_000;

/// How long the server keeps a nameless consumer that nobody asks anything.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(5 * 60);

/// The consumer of one subscription.
pub(super) struct Consumers {
    pub(super) client: async_nats::Client,
    jetstream: jetstream::Context,
    settings: Settings,
    pub(super) current: PullConsumer,
    /// Stream sequence before which a nameless consumer was never meant to start.
    before_start: u64,
}

impl Consumers {
    pub(super) async fn open(
        client: async_nats::Client,
        jetstream: jetstream::Context,
        settings: Settings,
    ) -> Result<Self, Error> {
        let start = match settings.start {
            Start::Now => DeliverPolicy::New,
            Start::Beginning => DeliverPolicy::All,
            Start::Time(start_time) => DeliverPolicy::ByStartTime { start_time },
        };
        let current = match &settings.durable {
            Some(durable) => durable_consumer(&jetstream, &settings, durable, start).await?,
            None => create(&jetstream, &settings, config(&settings, start)).await?,
        };
        let before_start = current.cached_info().delivered.stream_sequence;
        Ok(Self { client, jetstream, settings, current, before_start })
    }

    /// After pulling failed: makes sure that the consumer is there. A nameless one is created
    /// again after `handled`, the last sequence of which nothing before is outstanding.
    ///
    /// # Errors
    /// [`Error::ConsumerDeleted`], or as at the start.
    pub(super) async fn restore(&mut self, handled: Option<u64>) -> Result<(), Error> {
        let name = self.current.cached_info().name.clone();
        let found = self
            .jetstream
            .get_consumer_from_stream::<pull::Config, _, _>(&name, &self.settings.stream)
            .await;
        match found {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some(ErrorCode::CONSUMER_NOT_FOUND) => {
                if let Some(durable) = &self.settings.durable {
                    return Err(Error::ConsumerDeleted { durable: durable.clone() });
                }
                let start_sequence = handled.unwrap_or(self.before_start) + 1;
                let start = DeliverPolicy::ByStartSequence { start_sequence };
                tracing::info!(consumer = name, start_sequence, "consumer is gone, creating it");
                self.current =
                    create(&self.jetstream, &self.settings, config(&self.settings, start)).await?;
                Ok(())
            }
            Err(error) => Err(failed(&self.settings, "describe the consumer", &error)),
        }
    }

    /// A nameless consumer is of no use to anybody else; the server would delete it later.
    pub(super) async fn discard(self) {
        if self.settings.durable.is_none() {
            let name = &self.current.cached_info().name;
            let stream = &self.settings.stream;
            if let Err(error) = self.jetstream.delete_consumer_from_stream(name, stream).await {
                tracing::debug!(consumer = name, %error, "the server will delete the consumer");
            }
        }
    }
}

fn config(settings: &Settings, start: DeliverPolicy) -> pull::Config {
    let mut config = pull::Config {
        durable_name: settings.durable.clone(),
        description: Some("Character events".to_owned()),
        deliver_policy: start,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        max_ack_pending: match settings.order {
            Order::Strict => 1,
            Order::Any | Order::ByCharacter => MAX_ACK_PENDING,
        },
        // How often is enough is decided here, where giving up can be told to somebody.
        max_deliver: -1,
        ..pull::Config::default()
    };
    match &settings.subjects[..] {
        [subject] => config.filter_subject.clone_from(subject),
        subjects => config.filter_subjects = subjects.to_vec(),
    }
    if settings.durable.is_none() {
        config.inactive_threshold = INACTIVE_THRESHOLD;
    }
    config
}

/// The consumer of a group: as it is, with its position; only what does not touch that is
/// brought to the wanted settings.
async fn durable_consumer(
    jetstream: &jetstream::Context,
    settings: &Settings,
    durable: &str,
    start: DeliverPolicy,
) -> Result<PullConsumer, Error> {
    let found =
        jetstream.get_consumer_from_stream::<pull::Config, _, _>(durable, &settings.stream).await;
    let consumer = match found {
        Ok(consumer) => consumer,
        Err(error) if code(&error) == Some(ErrorCode::CONSUMER_NOT_FOUND) => {
            return create(jetstream, settings, config(settings, start)).await;
        }
        Err(error) => return Err(failed(settings, "describe the consumer", &error)),
    };
    let theirs = &consumer.cached_info().config;
    let differs = |field, theirs: String, ours: String| Error::ConsumerDiffers {
        durable: durable.to_owned(),
        field,
        theirs,
        ours,
    };
    if theirs.ack_policy != AckPolicy::Explicit {
        let theirs = format!("{:?}", theirs.ack_policy).to_lowercase();
        return Err(differs("ack_policy", theirs, "explicit".to_owned()));
    }
    let mut their_subjects = theirs.filter_subjects.clone();
    if !theirs.filter_subject.is_empty() {
        their_subjects.push(theirs.filter_subject.clone());
    }
    let mut our_subjects = settings.subjects.clone();
    their_subjects.sort_unstable();
    our_subjects.sort_unstable();
    if their_subjects != our_subjects {
        return Err(differs("filter", their_subjects.join(", "), our_subjects.join(", ")));
    }
    let wanted = config(settings, theirs.deliver_policy);
    let is_as_wanted = (theirs.ack_wait, theirs.max_ack_pending, theirs.max_deliver)
        == (wanted.ack_wait, wanted.max_ack_pending, wanted.max_deliver);
    if is_as_wanted { Ok(consumer) } else { create(jetstream, settings, wanted).await }
}

async fn create(
    jetstream: &jetstream::Context,
    settings: &Settings,
    config: pull::Config,
) -> Result<PullConsumer, Error> {
    jetstream
        .create_consumer_on_stream(config, &settings.stream)
        .await
        .map_err(|error| failed(settings, "create the consumer", &error))
}

fn code(error: &ConsumerError) -> Option<ErrorCode> {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => Some(error.error_code()),
        _ => None,
    }
}

fn failed(settings: &Settings, doing: &'static str, error: &ConsumerError) -> Error {
    if code(error) == Some(ErrorCode::STREAM_NOT_FOUND) {
        return Error::StreamMissing { stream: settings.stream.clone() };
    }
    let is_retryable = match error.kind() {
        ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => true,
        // 4xx is about what was asked, 5xx about the server.
        ConsumerErrorKind::JetStream(error) => error.code() >= 500,
        _ => false,
    };
    Error::JetStream { doing, reason: error.to_string(), is_retryable }
}
