//! A consumer that hands out its records many at a time.
//!
//! [`BaseConsumer::poll`] looks at the clock, takes locks and allocates for each record.
//! `rd_kafka_consume_batch_queue` takes what waits in one go and costs the thread a third of it.
//! rdkafka has no safe form of that function, so this is the one module with unsafe code. What it
//! rests on: a record is given back to librdkafka when its [`Received`] is dropped, which cannot
//! outlive the closure it is given to; and the queue goes before its client, which the order of
//! [`RecordConsumer`]'s fields says.
//!
//! `rd_kafka_consume_callback_queue` would be as fast. It moves all that waits elsewhere while it
//! calls back, and librdkafka, which finds the queue empty, fetches more than it may hold.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings::{self as native, rd_kafka_resp_err_t as ErrorCode};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, Headers};
use rdkafka::{Message, Timestamp, TopicPartitionList};

/// Records taken at once; each may be as large as a record can be.
const MAX_TAKEN: usize = 32;
/// librdkafka's own thread answers, not a broker.
const PATIENCE: Duration = Duration::from_secs(1);

/// A consumer whose records come to a queue of their own.
pub struct RecordConsumer<C: ConsumerContext> {
    /// Before the client: fields are dropped in their order.
    records: Queue,
    client: BaseConsumer<C>,
    /// librdkafka may be wrong about where a partition stands.
    is_unsure: bool,
}

impl<C: ConsumerContext> RecordConsumer<C> {
    /// # Errors
    /// When librdkafka has no memory for a queue.
    pub fn new(client: BaseConsumer<C>) -> KafkaResult<Self> {
        // SAFETY: the client is alive, and stays so longer than the queue.
        let queue = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        let records = Queue::of(queue)?;
        Ok(Self { records, client, is_unsure: false })
    }

    /// For everything but records. It is to be polled too: statistics and errors of connections
    /// come there.
    pub fn client(&self) -> &BaseConsumer<C> {
        &self.client
    }

    /// Has a partition's records come to the queue. To be said before the partition is assigned,
    /// else the first of them go to [`client`](Self::client); and again some time after it was
    /// unassigned, for librdkafka forgets it when it has stopped reading, and keeps what it reads
    /// afterwards until it is said.
    ///
    /// # Errors
    /// When the name cannot be a topic's.
    pub fn route(&self, topic: &str, partition: i32) -> KafkaResult<()> {
        let topic = CString::new(topic).map_err(KafkaError::Nul)?;
        let client = self.client.client().native_ptr();
        // SAFETY: client and name are alive.
        let of_partition =
            unsafe { native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        let of_partition = Queue::of(of_partition)?;
        // SAFETY: both queues are alive, and of the same client.
        unsafe { native::rd_kafka_queue_forward(of_partition.as_ptr(), self.records.as_ptr()) };
        Ok(())
    }

    /// Waits at most `patience` for a record, and gives `each` it and some of those behind it, not
    /// more than `at_most`. Returns how many it gave, errors included.
    pub fn take(
        &mut self,
        patience: Duration,
        at_most: usize,
        mut each: impl FnMut(KafkaResult<Received<'_>>),
    ) -> usize {
        let mut taken = Taken::new();
        // With room for more it would wait until that is used up.
        let at_most = at_most.min(MAX_TAKEN);
        if taken.add(&self.records, at_most.min(1), patience) {
            taken.add(&self.records, at_most - 1, Duration::ZERO);
        }
        let num = taken.waiting.len();
        while let Some(received) = taken.next() {
            each(match received.of().err {
                ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(received),
                code => {
                    self.is_unsure = true;
                    Err(KafkaError::MessageConsumption(code.into()))
                }
            });
        }
        num
    }

    /// Goes on with paused partitions, each from the offset the list names: where it stands.
    /// librdkafka knows that too, unless it handed out an error, which it takes for the record that
    /// stands there. It is told only then: where a topic was made anew, telling it costs a second.
    ///
    /// # Errors
    /// When it does not answer in time. Of a partition that is stopped the offset is not set: it
    /// has to be assigned anew.
    pub fn resume(&mut self, mut partitions: TopicPartitionList) -> KafkaResult<()> {
        if self.is_unsure {
            partitions = self.client.seek_partitions(partitions, PATIENCE)?;
        }
        self.client.resume(&partitions)?;
        self.is_unsure = false;
        Ok(())
    }
}

/// Records that were taken and are still to be given to somebody; dropped, to nobody.
struct Taken {
    records: [*mut native::rd_kafka_message_t; MAX_TAKEN],
    waiting: Range<usize>,
}

impl Taken {
    fn new() -> Self {
        Self { records: [ptr::null_mut(); MAX_TAKEN], waiting: 0..0 }
    }

    /// Takes up to `num` from a queue, waiting for all of them. Says whether any came.
    fn add(&mut self, queue: &Queue, num: usize, patience: Duration) -> bool {
        let room = &mut self.records[self.waiting.end..][..num];
        let patience = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive, and there is room for so many.
        let taken = unsafe {
            native::rd_kafka_consume_batch_queue(
                queue.as_ptr(),
                patience,
                room.as_mut_ptr(),
                room.len(),
            )
        };
        self.waiting.end += usize::try_from(taken).unwrap_or_default();
        taken > 0
    }

    fn next(&mut self) -> Option<Received<'_>> {
        let index = self.waiting.next()?;
        NonNull::new(self.records[index]).map(|message| Received { message, alive: PhantomData })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

struct Queue(NonNull<native::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Queue {}

impl Queue {
    /// Takes over a queue that librdkafka gave out.
    fn of(queue: *mut native::rd_kafka_queue_t) -> KafkaResult<Self> {
        let none = || KafkaError::ClientCreation("librdkafka gave no queue".into());
        NonNull::new(queue).map(Self).ok_or_else(none)
    }

    fn as_ptr(&self) -> *mut native::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it is ours, and its client is alive.
        unsafe { native::rd_kafka_queue_destroy(self.as_ptr()) };
    }
}

/// A record as librdkafka has it, or an error of a partition.
pub struct Received<'a> {
    /// Not a reference: librdkafka keeps the headers with it once they were asked for.
    message: NonNull<native::rd_kafka_message_t>,
    alive: PhantomData<&'a ()>,
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        // SAFETY: librdkafka gave it out, and nobody has it besides.
        unsafe { native::rd_kafka_message_destroy(self.message.as_ptr()) };
    }
}

impl Received<'_> {
    fn of(&self) -> native::rd_kafka_message_t {
        // SAFETY: it is alive as long as `self`.
        unsafe { self.message.read() }
    }
}

impl Message for Received<'_> {
    type Headers = ReceivedHeaders;

    fn key(&self) -> Option<&[u8]> {
        let message = self.of();
        // SAFETY: the key is alive as long as `self`.
        unsafe { bytes(message.key, message.key_len) }
    }

    fn payload(&self) -> Option<&[u8]> {
        let message = self.of();
        // SAFETY: the payload is alive as long as `self`.
        unsafe { bytes(message.payload, message.len) }
    }

    unsafe fn payload_mut(&mut self) -> Option<&mut [u8]> {
        let message = self.of();
        let payload = NonNull::new(message.payload.cast::<u8>())?;
        // SAFETY: the payload is alive as long as `self`; who calls knows that it may be written.
        Some(unsafe { std::slice::from_raw_parts_mut(payload.as_ptr(), message.len) })
    }

    /// # Panics
    /// Never: a topic's name is ASCII.
    fn topic(&self) -> &str {
        // SAFETY: topic and name are alive as long as `self`.
        let name = unsafe { CStr::from_ptr(native::rd_kafka_topic_name(self.of().rkt)) };
        text(name).expect("ASCII")
    }

    fn partition(&self) -> i32 {
        self.of().partition
    }

    fn offset(&self) -> i64 {
        self.of().offset
    }

    fn timestamp(&self) -> Timestamp {
        use native::rd_kafka_timestamp_type_t as Kind;
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the record is alive as long as `self`.
        let millis =
            unsafe { native::rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        match kind {
            Kind::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(millis),
            Kind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::LogAppendTime(millis),
            Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::NotAvailable,
        }
    }

    fn headers(&self) -> Option<&ReceivedHeaders> {
        let mut headers = ptr::null_mut();
        // SAFETY: the record is alive as long as `self`.
        let code =
            unsafe { native::rd_kafka_message_headers(self.message.as_ptr(), &raw mut headers) };
        let is_there = code == ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR;
        // SAFETY: librdkafka keeps them as long as the record.
        is_there.then(|| unsafe { &*headers.cast::<ReceivedHeaders>() })
    }
}

/// A record's headers as librdkafka has them: only ever a reference to its own list.
#[repr(transparent)]
pub struct ReceivedHeaders(native::rd_kafka_headers_t);

impl Headers for ReceivedHeaders {
    fn count(&self) -> usize {
        // SAFETY: the list is alive as long as `self`.
        unsafe { native::rd_kafka_header_cnt(&raw const self.0) }
    }

    /// A name that is no UTF-8 reads as empty.
    fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
        let mut name: *const c_char = ptr::null();
        let (mut value, mut len) = (ptr::null(), 0);
        // SAFETY: the list is alive as long as `self`.
        let code = unsafe {
            native::rd_kafka_header_get_all(
                &raw const self.0,
                index,
                &raw mut name,
                &raw mut value,
                &raw mut len,
            )
        };
        if code != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        // SAFETY: librdkafka ends a name with a 0, and keeps both as long as the list.
        let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, len)) };
        Some(Header { key: text(name).unwrap_or_default(), value })
    }
}

/// What it says if that is UTF-8. Nearly always it is short and ASCII, which is seen sooner.
fn text(bytes: &CStr) -> Option<&str> {
    let bytes = bytes.to_bytes();
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Some(unsafe { str::from_utf8_unchecked(bytes) });
    }
    str::from_utf8(bytes).ok()
}

/// # Safety
/// `len` bytes stand at `data`, unless it is null, and stay there for `'a`.
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as above.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Instant;

    use rdkafka::Offset;
    use rdkafka::consumer::DefaultConsumerContext;
    use rdkafka::message::OwnedHeaders;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaErrorCode, RDKafkaRespErr};

    use super::*;
    use crate::edge::embedded::kafka::EmbeddedKafka;
    use crate::edge::kafka::client::{Options, Topics};

    const TOPIC: &str = "pet_command";
    const PATIENCE: Duration = Duration::from_secs(20);
    const NUM_RECORDS: i64 = 5;

    /// A cluster with a partition of five records, and a consumer that reads them from here on.
    fn reading(offset: i64) -> (EmbeddedKafka, RecordConsumer<DefaultConsumerContext>) {
        let cluster = EmbeddedKafka::start([TOPIC], 1).unwrap();
        let options = Options::sample(cluster.bootstrap_servers(), Topics::default());
        let producer: BaseProducer = options.producer().create().unwrap();
        for number in 0..NUM_RECORDS {
            let headers = OwnedHeaders::new()
                .insert(Header { key: "REGION", value: Some("GMS") })
                .insert(Header::<&str> { key: "nothing", value: None })
                .insert(Header { key: "größe", value: Some("7") });
            let (key, payload) = (format!("key {number}"), format!("payload {number}"));
            let mut record = BaseRecord::to(TOPIC).partition(0).key(&key).payload(&payload);
            record = record.timestamp(1_000 + number);
            if number > 0 {
                record = record.headers(headers);
            }
            producer.send(record).unwrap();
        }
        // Neither key nor payload.
        producer.send(BaseRecord::<(), ()>::to(TOPIC).partition(0)).unwrap();
        producer.flush(PATIENCE).unwrap();
        let consumer = RecordConsumer::new(options.consumer().create().unwrap()).unwrap();
        consumer.route(TOPIC, 0).unwrap();
        consumer.client().assign(&list(offset)).unwrap();
        (cluster, consumer)
    }

    fn list(offset: i64) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(TOPIC, 0, Offset::Offset(offset)).unwrap();
        list
    }

    /// The next offsets.
    fn next(consumer: &mut RecordConsumer<DefaultConsumerContext>, num: usize) -> Vec<i64> {
        let mut offsets = Vec::new();
        let begun = Instant::now();
        while offsets.len() < num && begun.elapsed() < PATIENCE {
            // As the intake does, for who was assigned anew.
            consumer.route(TOPIC, 0).unwrap();
            let num_left = num - offsets.len();
            consumer.take(Duration::from_millis(50), num_left, |received| {
                offsets.push(received.unwrap().offset());
            });
            assert!(consumer.client().poll(Duration::ZERO).is_none(), "a record beside the queue");
        }
        offsets
    }

    #[test]
    fn records_have_what_was_produced() {
        let (_cluster, mut consumer) = reading(0);
        let mut seen = Vec::new();
        while seen.len() < 6 {
            let num_before = seen.len();
            let num = consumer.take(PATIENCE, usize::MAX, |received| {
                let received = received.unwrap();
                assert_eq!((received.topic(), received.partition()), (TOPIC, 0));
                let headers = received.headers().map(|headers| {
                    assert!(headers.try_get(headers.count()).is_none());
                    let owned = |header: Header<'_, &[u8]>| {
                        (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
                    };
                    headers.iter().map(owned).collect::<Vec<_>>()
                });
                let [key, payload] = [received.key(), received.payload()];
                let [key, payload] = [key, payload].map(|bytes| bytes.map(<[u8]>::to_vec));
                seen.push((received.timestamp(), key, payload, headers));
            });
            assert_eq!(seen.len(), num_before + num);
        }
        let headers = vec![
            ("REGION".to_owned(), Some(b"GMS".to_vec())),
            ("nothing".to_owned(), None),
            ("größe".to_owned(), Some(b"7".to_vec())),
        ];
        for (number, (timestamp, key, payload, of_record)) in (0..NUM_RECORDS).zip(&seen) {
            assert_eq!(*timestamp, Timestamp::CreateTime(1_000 + number));
            assert_eq!(*key, Some(format!("key {number}").into_bytes()));
            assert_eq!(*payload, Some(format!("payload {number}").into_bytes()));
            assert_eq!(of_record.as_ref(), (number > 0).then_some(&headers));
        }
        let (_, key, payload, headers) = &seen[5];
        assert_eq!((key, payload, headers), (&None, &None, &None));
    }

    #[test]
    fn a_partition_that_is_assigned_anew_begins_where_it_says() {
        let (_cluster, mut consumer) = reading(4);
        assert_eq!(next(&mut consumer, 1), [4]);
        assert_eq!(next(&mut consumer, 1), [5]);
        consumer.client().incremental_unassign(&list(4)).unwrap();
        consumer.route(TOPIC, 0).unwrap();
        consumer.client().incremental_assign(&list(1)).unwrap();
        assert_eq!(next(&mut consumer, 5), [1, 2, 3, 4, 5]);
    }

    /// What is dropped before it was looked at goes back to librdkafka as well.
    #[test]
    fn a_panic_leaves_nothing_behind() {
        let (_cluster, mut consumer) = reading(0);
        let begun = Instant::now();
        let mut has_panicked = false;
        while !has_panicked && begun.elapsed() < PATIENCE {
            let take = || consumer.take(PATIENCE, 6, |_| panic!("at the first of them"));
            has_panicked = catch_unwind(AssertUnwindSafe(take)).is_err();
        }
        assert!(has_panicked);
        consumer.client().incremental_unassign(&list(0)).unwrap();
        consumer.client().incremental_assign(&list(0)).unwrap();
        assert_eq!(next(&mut consumer, 6), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_stands_for_no_record() {
        let cluster = MockCluster::<DefaultProducerContext>::new(1).unwrap();
        cluster.create_topic(TOPIC, 1, 1).unwrap();
        let options = Options::sample(&cluster.bootstrap_servers(), Topics::default());
        let producer: BaseProducer = options.producer().create().unwrap();
        let produce = || {
            producer.send(BaseRecord::<(), _>::to(TOPIC).partition(0).payload("x")).unwrap();
            producer.flush(PATIENCE).unwrap();
        };
        produce();
        let mut consumer = RecordConsumer::new(options.consumer().create().unwrap()).unwrap();
        consumer.route(TOPIC, 0).unwrap();
        consumer.client().assign(&list(0)).unwrap();
        assert_eq!(next(&mut consumer, 1), [0]);
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG;
        let mut seen = None;
        let begun = Instant::now();
        while seen.is_none() && begun.elapsed() < PATIENCE {
            // Not every one is told of.
            cluster.request_errors(RDKafkaApiKey::Fetch, &[error]);
            consumer.take(Duration::from_millis(50), 1, |received| seen = received.err());
        }
        cluster.clear_request_errors(RDKafkaApiKey::Fetch);
        let code = RDKafkaErrorCode::InvalidMessage;
        assert_eq!(seen, Some(KafkaError::MessageConsumption(code)));
        consumer.client().pause(&list(1)).unwrap();
        produce();
        consumer.resume(list(1)).unwrap();
        assert_eq!(next(&mut consumer, 1), [1]);
    }
}
