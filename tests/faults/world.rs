//! One world for one test: a database, topics and a group of its own, a process that serves
//! it, and players with their books.

use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use menagerie::config::{Config, Sources};
use menagerie::domain::{Tenant, TenantId};
use menagerie::edge::kafka::Options;
use menagerie::sidecar::ports::kafka_options;
use menagerie::sim::shop::Shop;
use menagerie::sim::{Books, Crowd, Reader, Sender, Topics};
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sea_orm::{ConnectionTrait, Database};
use tokio::sync::{Mutex as Turn, MutexGuard};
use uuid::Uuid;

/// Two cores: one world at a time.
static ONE_AT_A_TIME: Turn<()> = Turn::const_new(());

pub(super) const SOON: Duration = Duration::from_secs(60);
const NUM_OWNERS: u32 = 40;
const TOPICS: [&str; 5] = [
    "EVENT_TOPIC_CHARACTER_STATUS",
    "EVENT_TOPIC_ASSET_STATUS",
    "COMMAND_TOPIC_PET",
    "COMMAND_TOPIC_PET_MOVEMENT",
    "EVENT_TOPIC_PET_STATUS",
];

/// A process of the binary that serves, killed when dropped.
pub(super) struct Process {
    child: Child,
    game: u16,
    admin: u16,
}

pub(super) struct World {
    name: String,
    server: String,
    env: Vec<(String, String)>,
    options: Options,
    tenant: Tenant,
    sender: Sender,
    books: Arc<Mutex<Books>>,
    crowd: Option<Crowd>,
    process: Option<Process>,
    _reader: Reader,
    _turn: MutexGuard<'static, ()>,
}

impl Process {
    fn start(env: &[(String, String)], faults: &str) -> Self {
        let (game, admin) = (free_port(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_menagerie"));
        command
            .arg("serve")
            .envs(env.iter().cloned())
            .env("MENAGERIE_HTTP__LISTEN", format!("127.0.0.1:{game}"))
            .env("MENAGERIE_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !faults.is_empty() {
            command.env("MENAGERIE_TEST_FAULTS", faults);
        }
        Self { child: command.spawn().unwrap(), game, admin }
    }

    pub(super) async fn ask(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.admin);
        let answer = reqwest::get(url).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Lets a paused process go on.
    pub(super) fn wake(&self) {
        self.signal("-CONT");
    }

    /// Waits until the process ends by itself.
    pub(super) async fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it is ready, or was ready and has ended already.
    async fn await_ready(&mut self) {
        let deadline = Instant::now() + SOON;
        while self.ask("/readyz").await.is_none_or(|(status, _)| status != 200) {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            assert!(Instant::now() < deadline, "the process is not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl World {
    /// `None` when the services are switched off on purpose.
    pub(super) async fn new() -> Option<Self> {
        if std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off") {
            return None;
        }
        let turn = ONE_AT_A_TIME.lock().await;
        let service = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!("{name} is not set; run scripts/test, or set MENAGERIE_TEST_SERVICES=off")
            })
        };
        let server = service("MENAGERIE_TEST_POSTGRES");
        let name = format!("faults_{}", Uuid::new_v4().simple());
        execute(&server, &format!("create database {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let mut env: Vec<(String, String)> = [
            ("MENAGERIE_DATABASE__URL", format!("{base}/{name}")),
            ("MENAGERIE_DATABASE__MIGRATE_ON_START", "true".into()),
            ("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", service("MENAGERIE_TEST_KAFKA")),
            ("MENAGERIE_KAFKA__GROUP", name.clone()),
            ("MENAGERIE_NATS__URL", service("MENAGERIE_TEST_NATS")),
            ("MENAGERIE_SHARD__ID", name.clone()),
            ("MENAGERIE_SHARD__LEASE", "1s".into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        env.extend(TOPICS.map(|topic| (topic.to_owned(), format!("{name}.{topic}"))));
        let sources = Sources { file: None, env: env.clone(), flags: Vec::new() };
        let config = Config::load(sources).unwrap().config;
        let (options, _) = kafka_options(&config.kafka).unwrap();
        create_topics(&options, &name).await;
        let tenant =
            Tenant { id: TenantId(Uuid::new_v4()), region: "GMS".into(), major: 83, minor: 1 };
        let books = Arc::new(Mutex::new(Books::new()));
        let reader = Reader::start(&options, {
            let books = Arc::clone(&books);
            move |id, event| books.lock().announce(id, &event)
        });
        let mut process = Process::start(&env, "");
        process.await_ready().await;
        Some(Self {
            sender: Sender::new(options.clone(), &tenant).unwrap(),
            process: Some(process),
            crowd: None,
            _reader: reader.unwrap(),
            _turn: turn,
            name,
            server,
            env,
            options,
            tenant,
            books,
        })
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    fn shop(&self) -> Shop {
        let port = self.process.as_ref().unwrap().game;
        Shop::new(&format!("http://127.0.0.1:{port}"), self.tenant.clone())
    }

    /// A request to the process that serves, from this tenant.
    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let port = self.process.as_ref().unwrap().game;
        let url = format!("http://127.0.0.1:{port}{path}");
        reqwest::Client::new()
            .request(method, url)
            .header("TENANT_ID", self.tenant.id.0.to_string())
            .header("REGION", &*self.tenant.region)
            .header("MAJOR_VERSION", self.tenant.major.to_string())
            .header("MINOR_VERSION", self.tenant.minor.to_string())
    }

    /// Brings everybody online with a pet.
    pub(super) async fn populate(&mut self) {
        let crowd = Crowd::hire(&self.shop(), NUM_OWNERS, 1, 7).await.unwrap();
        crowd.enter(&self.sender).unwrap();
        self.crowd = Some(crowd);
        self.await_all_read().await;
    }

    /// Sends awards, spread over half a second, so that they make many rounds.
    pub(super) async fn award(&mut self, num_awards: u32) {
        let crowd = self.crowd.as_mut().unwrap();
        for number in 0..num_awards {
            let (command, _) = crowd.award();
            self.books.lock().order(&command, Instant::now());
            self.sender.command(&command).unwrap();
            if number % 30 == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Makes Kafka forget how far the group has read. The process must be gone.
    pub(super) async fn forget_group(&self) {
        let admin: AdminClient<DefaultClientContext> = self.options.reader().create().unwrap();
        let forgotten = admin.delete_groups(&[&self.name], &AdminOptions::new()).await.unwrap();
        for group in forgotten {
            group.unwrap();
        }
    }

    /// Ends the process as `kill -9` does, if there is one, and starts the next.
    pub(super) async fn restart_with(&mut self, faults: &str) {
        self.kill();
        let mut process = Process::start(&self.env, faults);
        process.await_ready().await;
        self.process = Some(process);
    }

    pub(super) async fn start_standby(&self) -> Process {
        let process = Process::start(&self.env, "");
        let deadline = Instant::now() + SOON;
        while process.ask("/startupz").await.is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < deadline, "the standby has not started");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process
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
        let paused = self.process.take().unwrap();
        paused.signal("-STOP");
        standby.await_ready().await;
        self.process = Some(standby);
        paused
    }

    /// Waits until the process has committed everything sent so far.
    pub(super) async fn await_all_read(&self) {
        tokio::task::block_in_place(|| {
            self.sender.flush().unwrap();
            let consumed = [
                self.options.topics.pet_command.as_str(),
                self.options.topics.character_status.as_str(),
            ];
            let topics = Topics::new(&self.options).unwrap();
            let ends = topics.ends(&consumed).unwrap();
            let deadline = Instant::now() + SOON;
            while topics.lag(&ends).unwrap() > 0 {
                assert!(Instant::now() < deadline, "records are left unread");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
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
        differences.extend(self.crowd.as_ref().unwrap().audit(&self.shop()).await.unwrap());
        differences
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
        execute(&self.server, &format!("drop database {} with (force)", self.name)).await;
    }
}

async fn execute(server: &str, sql: &str) {
    let connection = Database::connect(server).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
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
    let deadline = Instant::now() + SOON;
    while tokio::task::block_in_place(|| topics.ends(&names)).is_ok_and(|ends| ends.len() < 15) {
        assert!(Instant::now() < deadline, "the topics do not appear");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
