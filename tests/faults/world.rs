//! One world for one test: a database, topics and a group of its own, a process that serves
//! it, and players with their books.

use std::collections::HashSet;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::poll;
use menagerie::domain::{Tenant, TenantId};
use menagerie::edge::kafka::Options;
use menagerie::sim::shop::Shop;
use menagerie::sim::{Books, Crowd, Reader, Sender, Topics};
use menagerie::wire::kafka::command;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use uuid::Uuid;

use super::ears::{self, Journeys};
use super::ground::{Ground, TOPICS};
use super::process::{Probes, Process, SOON, until};

const NUM_OWNERS: u32 = 40;
const NUM_AT_ONCE: u32 = 10_000;

pub(super) struct World {
    pub(super) ground: Ground,
    pub(super) options: Options,
    pub(super) tenant: Tenant,
    sender: Sender,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) crowd: Option<Crowd>,
    journeys: Journeys,
    since: DateTime<Utc>,
    process: Option<Process>,
    _reader: Reader,
}

impl World {
    /// `None` when the services are switched off on purpose.
    pub(super) async fn new() -> Option<Self> {
        Self::with(&[]).await
    }

    /// With more variables for its processes, which its own clients do without.
    pub(super) async fn with(env: &[(&str, &str)]) -> Option<Self> {
        let mut ground = Ground::new().await?;
        let options = ground.kafka();
        ground.set("MENAGERIE_DATABASE__MIGRATE_ON_START", "true");
        for (variable, value) in env {
            ground.set(variable, value);
        }
        let since = Utc::now();
        create_topics(&options, &ground.name).await;
        let tenant =
            Tenant { id: TenantId(Uuid::new_v4()), region: "GMS".into(), major: 83, minor: 1 };
        let books = Arc::new(Mutex::new(Books::new()));
        let reader = Reader::start(&options, tenant.id, {
            let books = Arc::clone(&books);
            move |id, event| books.lock().announce(id, &event)
        });
        let mut process = Process::start(&ground.env, "");
        process.await_ready().await;
        Some(Self {
            sender: Sender::in_batches(options.clone(), &tenant).unwrap(),
            process: Some(process),
            crowd: None,
            journeys: Journeys::default(),
            since,
            _reader: reader.unwrap(),
            ground,
            options,
            tenant,
            books,
        })
    }

    pub(super) fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    /// Of the process that serves.
    pub(super) fn probes(&self) -> Probes {
        self.process.as_ref().unwrap().probes()
    }

    fn shop(&self) -> Shop {
        Shop::new(&self.process.as_ref().unwrap().game(), self.tenant.clone())
    }

    /// A request to the process that serves, from this tenant.
    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.process.as_ref().unwrap().game());
        reqwest::Client::new()
            .request(method, url)
            .header("TENANT_ID", self.tenant.id.0.to_string())
            .header("REGION", &*self.tenant.region)
            .header("MAJOR_VERSION", self.tenant.major.to_string())
            .header("MINOR_VERSION", self.tenant.minor.to_string())
    }

    /// Brings everybody online with a pet.
    pub(super) async fn populate(&mut self) {
        let mut crowd = Crowd::hire(&self.shop(), NUM_OWNERS, 1, None, 7).await.unwrap();
        crowd.enter(&self.sender).unwrap();
        for command in crowd.take_out() {
            self.sender.command(&command).unwrap();
        }
        self.crowd = Some(crowd);
        self.await_all_read().await;
    }

    /// Sends awards, spread over half a second, so that they make many rounds.
    pub(super) async fn award(&mut self, num_awards: u32) {
        for number in 0..num_awards {
            self.award_one();
            if number % 30 == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    fn award_one(&mut self) {
        let command = self.crowd.as_mut().unwrap().award();
        self.books.lock().order(&command, Instant::now());
        self.sender.command(&command).unwrap();
    }

    /// Sends more awards than the process is through with when something else begins, and
    /// then for as long as that takes awards, and one character after another on a journey.
    pub(super) async fn play_during<T>(&mut self, what: impl Future<Output = T>) -> T {
        (0..NUM_AT_ONCE).for_each(|_| self.award_one());
        let mut what = pin!(what);
        let owners = self.crowd.as_ref().unwrap().owners();
        for owner in owners.into_iter().cycle() {
            self.journeys.send(owner, &self.sender);
            self.award(15).await;
            if let Poll::Ready(result) = poll!(&mut what) {
                return result;
            }
        }
        unreachable!("a journey without end")
    }

    /// Sends everybody on a journey.
    pub(super) fn roam(&mut self) {
        for owner in self.crowd.as_ref().unwrap().owners() {
            self.journeys.send(owner, &self.sender);
        }
    }

    /// Sends one character on a journey.
    pub(super) fn send_one(&mut self) {
        let owner = self.crowd.as_ref().unwrap().owners()[0];
        self.journeys.send(owner, &self.sender);
    }

    /// How many events of this kind other services hear on NATS.
    pub(super) async fn num_heard(&self, subject: &str) -> usize {
        let url = self.ground.get("MENAGERIE_NATS__URL");
        let heard = ears::hear_all(url, self.since, &self.tenant).await;
        heard.iter().filter(|heard| heard.subject == subject).count()
    }

    /// What other services hear on NATS, against the journeys sent.
    pub(super) async fn differences_in_journeys(&self) -> Vec<String> {
        // The books tell of commands only, and after an outage one partition is read before another.
        self.await_all_heard().await;
        let url = self.ground.get("MENAGERIE_NATS__URL");
        let heard = ears::hear_all(url, self.since, &self.tenant).await;
        self.journeys.differences(&self.crowd.as_ref().unwrap().owners(), &heard)
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Makes Kafka forget how far the group has read.
    pub(super) async fn forget_group(&self) {
        let admin: AdminClient<DefaultClientContext> = self.options.reader().create().unwrap();
        let forgotten =
            admin.delete_groups(&[&self.ground.name], &AdminOptions::new()).await.unwrap();
        for group in forgotten {
            group.unwrap();
        }
    }

    /// Ends the process as `kill -9` does, if there is one, and starts the next.
    pub(super) async fn restart_with(&mut self, faults: &str) {
        self.kill();
        let mut process = Process::start(&self.ground.env, faults);
        process.await_ready().await;
        self.process = Some(process);
    }

    pub(super) async fn start_standby(&self) -> Process {
        let process = Process::start(&self.ground.env, "");
        until("the start of the standby", async || {
            process.ask("/startupz").await.is_some_and(|(status, _)| status == 200)
        })
        .await;
        process
    }

    /// Leaves the process that serves to the caller.
    pub(super) fn take_process(&mut self) -> Process {
        self.process.take().unwrap()
    }

    pub(super) fn serve_by(&mut self, process: Process) {
        self.process = Some(process);
    }

    /// Kills the process that serves and waits until the standby does.
    pub(super) async fn replace_by(&mut self, mut standby: Process) {
        self.kill();
        standby.await_ready().await;
        self.process = Some(standby);
    }

    pub(super) async fn wait_for_end(&mut self) -> ExitStatus {
        self.process().wait_for_end().await
    }

    /// Pauses the process that serves, lets the standby take over, and gives the paused one.
    pub(super) async fn pause_and_replace_by(&mut self, mut standby: Process) -> Process {
        let paused = self.take_process();
        paused.signal("-STOP");
        standby.await_ready().await;
        self.serve_by(standby);
        paused
    }

    /// Waits until everything sent so far stands on its topic.
    pub(super) fn flush(&self) {
        tokio::task::block_in_place(|| self.sender.flush()).unwrap();
    }

    /// Waits until the process has committed everything sent so far.
    pub(super) async fn await_all_read(&self) {
        self.flush();
        let consumed = [
            self.options.topics.pet_command.as_str(),
            self.options.topics.character_status.as_str(),
        ];
        let topics = Topics::new(&self.options).unwrap();
        // A broker that was away knows no leaders and no coordinator at first.
        let mut ends = None;
        until("the topics' ends", async || {
            ends = tokio::task::block_in_place(|| topics.ends(&consumed)).ok();
            ends.is_some()
        })
        .await;
        let ends = ends.unwrap();
        until("all records read", async || {
            tokio::task::block_in_place(|| topics.lag(&ends)).is_ok_and(|lag| lag == 0)
        })
        .await;
    }

    /// Waits until all that came of what was sent so far has left for NATS.
    pub(super) async fn await_all_heard(&self) {
        self.await_all_read().await;
        let left = "select count(*) from outbox where sink = 'nats'";
        until("an empty outbox", async || self.ground.count(left).await == 0).await;
    }

    /// Awards without an event.
    pub(super) fn lost(&self) -> u64 {
        self.books.lock().num_open()
    }

    /// Lines of the books that differ once everything has settled, and pets in another state.
    pub(super) async fn differences(&mut self) -> Vec<String> {
        self.uneven(|_| true).await
    }

    /// The same, leaving out events that stand twice under one id.
    pub(super) async fn differences_in_effect(&mut self) -> Vec<String> {
        self.uneven(|what| what != "events seen twice").await
    }

    async fn uneven(&self, counts: impl Fn(&str) -> bool) -> Vec<String> {
        let deadline = Instant::now() + SOON;
        let uneven = loop {
            let mut lines = self.books.lock().lines();
            lines.retain(|line| counts(line.what) && !line.is_balanced());
            if lines.is_empty() || Instant::now() > deadline {
                break lines.into_iter();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut differences: Vec<String> = uneven.map(|line| format!("{line:?}")).collect();
        if !differences.is_empty() {
            // If there are any, it is the harness: what never reached Kafka nobody can have lost.
            let num_unsent = self.sender.num_in_flight();
            differences.push(format!("{num_unsent} records are still with the sender"));
            let num_twice = tokio::task::block_in_place(|| self.num_sent_twice());
            differences.push(format!("{num_twice} commands stand twice on their topic"));
        }
        differences.extend(self.crowd.as_ref().unwrap().audit(&self.shop()).await.unwrap());
        differences
    }

    /// Awards that the sender's producer has written more than once: each has a transaction of its
    /// own.
    fn num_sent_twice(&self) -> usize {
        let topic = self.options.topics.pet_command.as_str();
        let ends = Topics::new(&self.options).unwrap().ends(&[topic]).unwrap();
        let mut left: i64 = ends.values().sum();
        let consumer: BaseConsumer =
            self.options.reader().set("enable.partition.eof", "false").create().unwrap();
        let mut list = TopicPartitionList::new();
        for (topic, partition) in ends.keys() {
            list.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut seen, mut num_twice) = (HashSet::new(), 0);
        while left > 0 {
            let Some(Ok(message)) = consumer.poll(SOON) else { break };
            left -= 1;
            let command = message.payload().and_then(|payload| command::decode(payload).ok());
            if let Some(command) = command.filter(|command| !command.transaction.is_nil()) {
                num_twice += usize::from(!seen.insert(command.transaction));
            }
        }
        num_twice
    }

    /// Whether this line of the books shows more announced than ordered before long.
    pub(super) async fn comes_to_exceed(&self, what: &str) -> bool {
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            let lines = self.books.lock().lines();
            if lines.iter().any(|line| line.what == what && line.announced > line.ordered) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    pub(super) async fn close(mut self) {
        self.kill();
        // A Kafka that was killed looks through all it has.
        let admin: AdminClient<DefaultClientContext> = self.options.reader().create().unwrap();
        let topics = TOPICS.map(|topic| format!("{}.{topic}", self.ground.name));
        let topics = topics.each_ref().map(String::as_str);
        for deleted in admin.delete_topics(&topics, &AdminOptions::new()).await.unwrap() {
            deleted.unwrap();
        }
        self.ground.close().await;
    }
}

async fn create_topics(options: &Options, name: &str) {
    let admin: AdminClient<DefaultClientContext> = options.reader().create().unwrap();
    let names = TOPICS.map(|topic| format!("{name}.{topic}"));
    let topics: Vec<NewTopic<'_>> =
        names.iter().map(|name| NewTopic::new(name, 3, TopicReplication::Fixed(1))).collect();
    for created in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
        created.unwrap();
    }
    let topics = Topics::new(options).unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A partition without a leader yet is an error.
    until("the topics", async || {
        tokio::task::block_in_place(|| topics.ends(&names)).is_ok_and(|ends| ends.len() == 15)
    })
    .await;
}
