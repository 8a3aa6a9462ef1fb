//! A consumer that hands out its records many at a time.
//!
//! [`BaseConsumer::poll`] takes several locks, looks at the clock and allocates for each record.
//! `rd_kafka_consume_callback_queue` takes all that wait under one lock and costs the thread a
//! third of it. rdkafka has no safe form of that function, so this is the one module with unsafe
//! code. What it rests on: a record lives while librdkafka calls back with it and no longer, which
//! the closure's argument says; and the queue goes before its client, which the order of
//! [`RecordConsumer`]'s fields says.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings::{self as native, rd_kafka_resp_err_t as ErrorCode};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, Headers};
use rdkafka::{Message, Timestamp};

/// A consumer whose records come to a queue of their own.
pub struct RecordConsumer<C: ConsumerContext> {
    /// Before the client: fields are dropped in their order.
    records: Queue,
    client: BaseConsumer<C>,
}

impl<C: ConsumerContext> RecordConsumer<C> {
    /// # Errors
    /// When librdkafka has no memory for a queue.
    pub fn new(client: BaseConsumer<C>) -> KafkaResult<Self> {
        // SAFETY: the client is alive, and stays so longer than the queue.
        let queue = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        let records = Queue::of(queue)?;
        Ok(Self { records, client })
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

    /// Waits at most `patience` for a record, not always so long, and gives `each` all that are
    /// there, unless it breaks. What it has not seen then comes the next time.
    pub fn take(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(KafkaResult<Received<'_>>) -> ControlFlow<()>,
    ) {
        let client = self.client.client().native_ptr();
        let mut call = Call { each: &mut each, client, panic: None };
        let patience = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: queue and `call` are alive, and `hand_out` takes what `call` is.
        unsafe {
            native::rd_kafka_consume_callback_queue(
                self.records.as_ptr(),
                patience,
                Some(hand_out),
                (&raw mut call).cast(),
            );
        }
        if let Some(panic) = call.panic {
            resume_unwind(panic);
        }
    }
}

/// What librdkafka calls back with.
struct Call<'a> {
    each: &'a mut dyn FnMut(KafkaResult<Received<'_>>) -> ControlFlow<()>,
    client: *mut native::rd_kafka_t,
    /// Must not go through librdkafka.
    panic: Option<Box<dyn Any + Send>>,
}

/// # Safety
/// `message` is a record of librdkafka's that is alive until this returns, and `call` a [`Call`]
/// that nobody else uses meanwhile.
unsafe extern "C" fn hand_out(message: *mut native::rd_kafka_message_t, call: *mut c_void) {
    // SAFETY: as above.
    let (call, code) = unsafe { (&mut *call.cast::<Call<'_>>(), (*message).err) };
    let received = match (code, NonNull::new(message)) {
        (ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR, Some(message)) => {
            Ok(Received { message, alive: PhantomData })
        }
        (code, _) => Err(KafkaError::MessageConsumption(code.into())),
    };
    let next = catch_unwind(AssertUnwindSafe(|| (call.each)(received))).unwrap_or_else(|panic| {
        call.panic = Some(panic);
        ControlFlow::Break(())
    });
    if next.is_break() {
        // SAFETY: the client is alive while it is called by.
        unsafe { native::rd_kafka_yield(call.client) };
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

/// A record as librdkafka has it.
pub struct Received<'a> {
    /// Not a reference: librdkafka keeps the headers with it once they were asked for.
    message: NonNull<native::rd_kafka_message_t>,
    alive: PhantomData<&'a ()>,
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
        name.to_str().expect("ASCII")
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
        Some(Header { key: name.to_str().unwrap_or_default(), value })
    }
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

    use rdkafka::consumer::DefaultConsumerContext;
    use rdkafka::message::OwnedHeaders;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use rdkafka::{Offset, TopicPartitionList};

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
                .insert(Header::<&str> { key: "nothing", value: None });
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

    /// The next offsets, by at most `at_most` a call.
    fn next(
        consumer: &mut RecordConsumer<DefaultConsumerContext>,
        num: usize,
        at_most: usize,
    ) -> Vec<i64> {
        let mut offsets = Vec::new();
        let begun = std::time::Instant::now();
        while offsets.len() < num && begun.elapsed() < PATIENCE {
            let until = (offsets.len() + at_most).min(num);
            // As the intake does, for who was assigned anew.
            consumer.route(TOPIC, 0).unwrap();
            consumer.take(Duration::from_millis(50), |received| {
                offsets.push(received.unwrap().offset());
                if offsets.len() < until {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
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
            consumer.take(PATIENCE, |received| {
                let received = received.unwrap();
                assert_eq!((received.topic(), received.partition()), (TOPIC, 0));
                let headers = received.headers().map(|headers| {
                    let pairs = headers
                        .iter()
                        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)));
                    assert!(headers.try_get(headers.count()).is_none());
                    pairs.collect::<Vec<_>>()
                });
                let text = |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.to_vec());
                seen.push((text(received.key()), text(received.payload()), headers));
                if seen.len() <= 5 {
                    let millis = 999 + i64::try_from(seen.len()).unwrap();
                    assert_eq!(received.timestamp(), Timestamp::CreateTime(millis));
                }
                ControlFlow::Continue(())
            });
        }
        let pair = |number: u8| {
            (
                Some(format!("key {number}").into_bytes()),
                Some(format!("payload {number}").into_bytes()),
            )
        };
        let headers =
            vec![("REGION".to_owned(), Some(b"GMS".to_vec())), ("nothing".to_owned(), None)];
        for (number, (key, payload, of_record)) in (0..5).zip(&seen) {
            assert_eq!((key.clone(), payload.clone()), pair(number));
            assert_eq!(of_record.as_ref(), (number > 0).then_some(&headers));
        }
        assert_eq!(seen[5], (None, None, None));
    }

    #[test]
    fn what_was_not_taken_comes_the_next_time() {
        let (_cluster, mut consumer) = reading(0);
        assert_eq!(next(&mut consumer, 3, 1), [0, 1, 2]);
        assert_eq!(next(&mut consumer, 3, 2), [3, 4, 5]);
        consumer.take(Duration::ZERO, |_| panic!("there is nothing left"));
    }

    #[test]
    fn a_partition_that_is_assigned_anew_begins_where_it_says() {
        let (_cluster, mut consumer) = reading(4);
        assert_eq!(next(&mut consumer, 1, 1), [4]);
        consumer.client().incremental_unassign(&list(4)).unwrap();
        consumer.route(TOPIC, 0).unwrap();
        consumer.client().incremental_assign(&list(1)).unwrap();
        assert_eq!(next(&mut consumer, 5, 5), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_panic_reaches_who_takes() {
        let (_cluster, mut consumer) = reading(0);
        let panic = catch_unwind(AssertUnwindSafe(|| -> () {
            loop {
                consumer.take(PATIENCE, |_| panic!("in the middle"));
            }
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"in the middle"));
        assert_eq!(next(&mut consumer, 5, 5), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_of_a_partition_is_handed_out() {
        let (_cluster, mut consumer) = reading(1_000);
        let mut error = None;
        let begun = std::time::Instant::now();
        while error.is_none() && begun.elapsed() < PATIENCE {
            consumer.take(Duration::from_millis(50), |received| {
                error = received.err();
                ControlFlow::Break(())
            });
        }
        assert!(matches!(error, Some(KafkaError::MessageConsumption(_))), "{error:?}");
    }
}
