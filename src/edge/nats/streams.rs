//! The two streams: what we want of them, what the server has, and what differs.
//!
//! JetStream refuses two streams whose subjects overlap (error 10065), so the pair of
//! `spec/character-events.md`, `character.>` beside `character.dlq.>`, cannot exist as it is
//! written. The event stream therefore names the subjects that are in use; a consumer on it may
//! still filter by `character.>` (`spec/rules.md`, section 3).

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use super::{NatsError, NatsOptions};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const GIB: i64 = 1 << 30;
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Every subject a character event is published on, and none of `character.dlq.>`.
pub const EVENT_SUBJECTS: [&str; 4] =
    ["character.*", "character.position.*", "character.stats.*", "character.appearance.*"];

pub const DEAD_LETTER_SUBJECTS: [&str; 1] = ["character.dlq.>"];

/// What was found, and done, per stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    pub events: StreamStatus,
    pub dead_letters: StreamStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatus {
    pub name: String,
    pub state: StreamState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Not there; nothing was done about it.
    Missing,
    Created,
    /// There, with the wanted settings.
    AsWanted,
    /// There, with other settings, which were left as they are.
    Differs(Vec<Difference>),
    /// There; these settings were other ones and are the wanted ones now.
    Updated(Vec<Difference>),
    /// Not there, and the server would not create it, with its reason.
    NotCreated(String),
    /// There, with other settings, and the server would not change them, with its reason.
    NotUpdated {
        differences: Vec<Difference>,
        reason: String,
    },
}

/// One setting of a stream that is not the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// As the server's own tools call it.
    pub field: &'static str,
    pub ours: String,
    pub theirs: String,
}

impl StreamReport {
    /// Both streams are there with the wanted settings.
    pub fn is_as_wanted(&self) -> bool {
        self.events.is_as_wanted() && self.dead_letters.is_as_wanted()
    }
}

impl StreamStatus {
    /// The stream is there with the wanted settings.
    pub fn is_as_wanted(&self) -> bool {
        use StreamState::{AsWanted, Created, Updated};
        matches!(self.state, AsWanted | Created | Updated(_))
    }
}

impl fmt::Display for StreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state } = self;
        match state {
            StreamState::Missing => write!(f, "stream {name} is missing"),
            StreamState::Created => write!(f, "stream {name} was created"),
            StreamState::AsWanted => write!(f, "stream {name} is as wanted"),
            StreamState::Differs(differences) => {
                write!(f, "stream {name} differs: {}", List(differences))
            }
            StreamState::Updated(differences) => {
                write!(f, "stream {name} was updated: {}", List(differences))
            }
            StreamState::NotCreated(reason) => {
                write!(f, "stream {name} could not be created: {reason}")
            }
            StreamState::NotUpdated { differences, reason } => {
                write!(f, "stream {name} could not be updated ({reason}): {}", List(differences))
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, wanted {}", self.field, self.theirs, self.ours)
    }
}

struct List<'a>(&'a [Difference]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{difference}")?;
        }
        Ok(())
    }
}

/// The settings of the event stream (`spec/character-events.md`, Stream Configuration).
fn events(options: &NatsOptions) -> Config {
    Config {
        name: options.stream.clone(),
        description: Some("Character events".to_owned()),
        subjects: EVENT_SUBJECTS.map(str::to_owned).to_vec(),
        max_age: 30 * DAY,
        max_bytes: 10 * GIB,
        max_messages: 1_000_000,
        ..limits(options)
    }
}

/// The settings of the dead letter stream (the same place).
fn dead_letters(options: &NatsOptions) -> Config {
    Config {
        name: options.dead_letter_stream.clone(),
        description: Some("Character events that could not be published".to_owned()),
        subjects: DEAD_LETTER_SUBJECTS.map(str::to_owned).to_vec(),
        max_age: 90 * DAY,
        max_bytes: GIB,
        max_messages: 100_000,
        ..limits(options)
    }
}

fn limits(options: &NatsOptions) -> Config {
    Config {
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: options.num_replicas,
        ..Config::default()
    }
}

pub(super) async fn ensure(
    jetstream: &Context,
    options: &NatsOptions,
) -> Result<StreamReport, NatsError> {
    // Events first: an event stream that is narrowed by an update makes room for the other.
    let events = ensure_stream(jetstream, events(options), options.update_streams).await?;
    if let StreamState::NotCreated(reason) = events.state {
        return Err(NatsError::Stream { stream: events.name, reason });
    }
    let dead_letters =
        ensure_stream(jetstream, dead_letters(options), options.update_streams).await?;
    let report = StreamReport { events, dead_letters };
    log(&report);
    Ok(report)
}

pub(super) async fn inspect(
    jetstream: &Context,
    options: &NatsOptions,
) -> Result<StreamReport, NatsError> {
    Ok(StreamReport {
        events: inspect_stream(jetstream, &events(options)).await?.0,
        dead_letters: inspect_stream(jetstream, &dead_letters(options)).await?.0,
    })
}

fn log(report: &StreamReport) {
    for stream in [&report.events, &report.dead_letters] {
        match stream.is_as_wanted() {
            true => tracing::info!("{stream}"),
            false => tracing::warn!("{stream}"),
        }
    }
}

async fn ensure_stream(
    jetstream: &Context,
    wanted: Config,
    may_update: bool,
) -> Result<StreamStatus, NatsError> {
    let (found, theirs) = inspect_stream(jetstream, &wanted).await?;
    let state = match (found.state, theirs) {
        (StreamState::Missing, _) => create(jetstream, wanted).await?,
        (StreamState::Differs(differences), Some(theirs)) if may_update => {
            update(jetstream, theirs, wanted, differences).await
        }
        (state, _) => state,
    };
    Ok(StreamStatus { name: found.name, state })
}

/// What is there, and its settings. The state is [`Missing`](StreamState::Missing),
/// [`AsWanted`](StreamState::AsWanted) or [`Differs`](StreamState::Differs).
async fn inspect_stream(
    jetstream: &Context,
    wanted: &Config,
) -> Result<(StreamStatus, Option<Config>), NatsError> {
    let name = wanted.name.clone();
    match jetstream.get_stream(&name).await {
        Ok(stream) => {
            let theirs = stream.cached_info().config.clone();
            let differences = compare(wanted, &theirs);
            let state = if differences.is_empty() {
                StreamState::AsWanted
            } else {
                StreamState::Differs(differences)
            };
            Ok((StreamStatus { name, state }, Some(theirs)))
        }
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(answer)
                if answer.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok((StreamStatus { name, state: StreamState::Missing }, None))
            }
            _ => Err(NatsError::Stream { stream: name, reason: unanswered(&error) }),
        },
    }
}

/// The client tells a request that nobody answered in the words for a missing resource; as every
/// JetStream answers this one, it means that there is none.
fn unanswered(error: &GetStreamError) -> String {
    let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
    match request.map(RequestError::kind) {
        Some(RequestErrorKind::NoResponders) => "JetStream is not enabled".to_owned(),
        _ => error.to_string(),
    }
}

async fn create(jetstream: &Context, wanted: Config) -> Result<StreamState, NatsError> {
    let name = wanted.name.clone();
    match jetstream.create_stream(wanted).await {
        Ok(_) => Ok(StreamState::Created),
        Err(error) => match error.kind() {
            CreateStreamErrorKind::JetStream(answer) => {
                Ok(StreamState::NotCreated(answer.to_string()))
            }
            _ => Err(NatsError::Stream { stream: name, reason: error.to_string() }),
        },
    }
}

/// Settings that are none of ours stay as they are.
async fn update(
    jetstream: &Context,
    theirs: Config,
    wanted: Config,
    differences: Vec<Difference>,
) -> StreamState {
    let merged = Config {
        subjects: wanted.subjects,
        retention: wanted.retention,
        storage: wanted.storage,
        discard: wanted.discard,
        discard_new_per_subject: wanted.discard_new_per_subject,
        max_age: wanted.max_age,
        max_bytes: wanted.max_bytes,
        max_messages: wanted.max_messages,
        max_messages_per_subject: wanted.max_messages_per_subject,
        max_message_size: wanted.max_message_size,
        duplicate_window: wanted.duplicate_window,
        num_replicas: wanted.num_replicas,
        no_ack: wanted.no_ack,
        ..theirs
    };
    match jetstream.update_stream(&merged).await {
        Ok(_) => StreamState::Updated(differences),
        Err(error) => StreamState::NotUpdated { differences, reason: error.to_string() },
    }
}

/// The settings we care for that are other ones on the server.
fn compare(ours: &Config, theirs: &Config) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut check = |field, ours: String, theirs: String| {
        if ours != theirs {
            found.push(Difference { field, ours, theirs });
        }
    };
    check("subjects", subjects(ours), subjects(theirs));
    check("retention", format!("{:?}", ours.retention), format!("{:?}", theirs.retention));
    check("storage", format!("{:?}", ours.storage), format!("{:?}", theirs.storage));
    check("discard", format!("{:?}", ours.discard), format!("{:?}", theirs.discard));
    check("max_age", duration(ours.max_age), duration(theirs.max_age));
    check("max_bytes", limit(ours.max_bytes), limit(theirs.max_bytes));
    check("max_msgs", limit(ours.max_messages), limit(theirs.max_messages));
    check(
        "max_msgs_per_subject",
        limit(ours.max_messages_per_subject),
        limit(theirs.max_messages_per_subject),
    );
    check(
        "max_msg_size",
        limit(ours.max_message_size.into()),
        limit(theirs.max_message_size.into()),
    );
    check("duplicate_window", duration(ours.duplicate_window), duration(theirs.duplicate_window));
    check("num_replicas", ours.num_replicas.to_string(), theirs.num_replicas.to_string());
    check("no_ack", ours.no_ack.to_string(), theirs.no_ack.to_string());
    check("sealed", ours.sealed.to_string(), theirs.sealed.to_string());
    found
}

fn subjects(config: &Config) -> String {
    // Their order means nothing.
    let subjects: BTreeSet<&str> = config.subjects.iter().map(String::as_str).collect();
    subjects.into_iter().collect::<Vec<_>>().join(" ")
}

/// The server stores "no limit" as -1, whatever it was asked with.
fn limit(value: i64) -> String {
    if value <= 0 { "unlimited".to_owned() } else { value.to_string() }
}

/// In days where it can be: humantime would turn 90 of them into months.
fn duration(value: Duration) -> String {
    let seconds = value.as_secs();
    if value.is_zero() {
        "unlimited".to_owned()
    } else if value.subsec_nanos() == 0 && seconds.is_multiple_of(DAY.as_secs()) {
        format!("{}d", seconds / DAY.as_secs())
    } else {
        humantime::format_duration(value).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_subjects_and_the_spelling_of_no_limit_are_no_difference() {
        let ours = events(&NatsOptions::default());
        let mut theirs = ours.clone();
        theirs.subjects.reverse();
        theirs.max_message_size = -1;
        theirs.max_messages_per_subject = -1;
        assert_eq!(compare(&ours, &theirs), []);
    }

    #[test]
    fn a_difference_is_told_in_the_words_of_the_server() {
        let ours = dead_letters(&NatsOptions::default());
        let theirs = Config { max_age: 7 * DAY, max_messages: -1, ..ours.clone() };
        let status = StreamStatus {
            name: "CHARACTER_EVENTS_DLQ".to_owned(),
            state: StreamState::Differs(compare(&ours, &theirs)),
        };
        assert_eq!(
            status.to_string(),
            "stream CHARACTER_EVENTS_DLQ differs: max_age is 7d, wanted 90d; \
             max_msgs is unlimited, wanted 100000"
        );
    }
}
