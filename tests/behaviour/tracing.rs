//! One trace from a record or a request to its events, as an OTLP collector gets it.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::collector::{Collector, Exported};
use super::ears::{Heard, Told};
use super::engine::{Engine, Setup};
use super::world::{KITTY, MAP, Topic, World, alone};

const OWNER: u32 = 12_345;
const SENDER: &str = "00f067aa0ba902b7";

behaviours! {
    in an engine of its own with [("trace.sample_ratio", "0")];
    a_sampled_record_is_one_trace_up_to_its_events,
    a_sampled_request_is_one_trace_up_to_its_event,
    a_record_that_is_not_sampled_is_passed_on_and_not_exported,
    a_collector_that_never_answers_costs_its_spans_and_nothing_else,
}

mod drawn {
    use super::a_record_without_a_span_begins_a_trace;

    behaviours! {
        in an engine of its own with [
            ("trace.sample_ratio", "1"),
            ("trace.headers", "authorization=Bearer hunter2"),
        ];
        a_record_without_a_span_begins_a_trace,
    }
}

async fn traced(mut setup: Setup) -> (Setup, Collector, Arc<Engine>) {
    let collector = Collector::start();
    setup.set("trace.endpoint", &collector.endpoint);
    let engine = setup.start().await;
    (setup, collector, engine)
}

fn new_trace() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The headers of a record that belongs to a trace.
fn within(world: &World, trace: &str, flags: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut headers = world.headers();
    headers.push(("traceparent", format!("00-{trace}-{SENDER}-{flags}").into()));
    headers.push(("tracestate", "vendor=1".into()));
    headers
}

/// Awards nothing, and gives the event that says so.
async fn award(world: &World, pet: u32, headers: &[(&str, Vec<u8>)]) -> Arc<Told> {
    let transaction = Uuid::new_v4();
    let record = json!({
        "transactionId": transaction, "actorId": 0, "petId": pet, "type": "AWARD_CLOSENESS",
        "body": { "amount": 0 },
    });
    world.send_bytes(Topic::PetCommand, Some(record.to_string().as_bytes()), headers);
    let is_it = |told: &Arc<Told>| told.text.contains(&transaction.to_string());
    let all = world.engine.told.once(&world.tenant, |all| all.iter().any(is_it)).await;
    Arc::clone(all.iter().find(|told| is_it(told)).unwrap())
}

fn parent(told: &Told) -> String {
    String::from_utf8(told.header("traceparent").unwrap().to_vec()).unwrap()
}

/// The one span whose name begins so.
fn the<'a>(spans: &'a [Exported], name: &str) -> &'a Exported {
    let found: Vec<_> = spans.iter().filter(|span| span.span.name.starts_with(name)).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// That the spans of an input are one tree, and stand in the order of the work.
fn assert_is_a_tree(spans: &[Exported], root: &Exported) {
    let [round, step, commit, publish] =
        ["round", "step", "commit", "publish"].map(|name| the(spans, name));
    let ids: HashSet<String> = spans.iter().map(Exported::id).collect();
    assert_eq!(ids.len(), spans.len(), "a span's id is its own: {spans:#?}");
    for (child, parent) in [(round, root), (step, round), (commit, root), (publish, root)] {
        assert_eq!(child.parent(), parent.id(), "{} in {spans:#?}", child.span.name);
    }
    let times = [
        root.span.start_time_unix_nano,
        round.span.start_time_unix_nano,
        step.span.start_time_unix_nano,
        step.span.end_time_unix_nano,
        round.span.end_time_unix_nano,
        commit.span.start_time_unix_nano,
        commit.span.end_time_unix_nano,
        publish.span.start_time_unix_nano,
        publish.span.end_time_unix_nano,
    ];
    assert!(times.is_sorted(), "{times:?} in {spans:#?}");
    assert_eq!(root.span.end_time_unix_nano, commit.span.end_time_unix_nano);
    assert_eq!(publish.span.kind(), SpanKind::Producer);
    assert_eq!(commit.span.kind(), SpanKind::Client);
}

async fn a_sampled_record_is_one_trace_up_to_its_events(setup: Setup) {
    let (_setup, collector, engine) = traced(setup).await;
    let world = World::of(Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;

    let trace = new_trace();
    let told = award(&world, pet, &within(&world, &trace, "01")).await;
    let spans = collector.once(&trace, 5).await;
    let root = the(&spans, &format!("process {}", engine.kafka.topics.pet_command));
    assert_eq!((root.parent(), root.span.kind()), (SENDER.to_owned(), SpanKind::Consumer));
    assert_is_a_tree(&spans, root);
    let publish = the(&spans, "publish CLOSENESS_CHANGED");
    assert_eq!(parent(&told), format!("00-{trace}-{}-01", publish.id()));
    assert_eq!(told.header("tracestate"), Some(&b"vendor=1"[..]));
    assert!(spans.iter().all(|span| span.span.trace_state == "vendor=1"), "{spans:#?}");
    for (key, value) in [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", &engine.kafka.topics.pet_command),
        ("menagerie.tenant", &world.tenant),
        ("menagerie.character", "12345"),
        ("menagerie.command", "AWARD_CLOSENESS"),
        ("menagerie.outcome", "applied"),
    ] {
        assert_eq!(root.attribute(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(root.resource["service.name"], "menagerie");
    assert!(root.resource.contains_key("shard.id"));

    let trace = new_trace();
    let record = json!({
        "transactionId": Uuid::new_v4(), "worldId": 0, "characterId": OWNER, "type": "LOGIN",
        "body": { "channelId": 1, "mapId": MAP, "instance": Uuid::nil() },
    });
    let headers = within(&world, &trace, "01");
    world.send_bytes(Topic::CharacterStatus, Some(record.to_string().as_bytes()), &headers);
    let is_online = |heard: &Heard| heard.subject == "character.online";
    let is_heard = |all: &[Arc<Heard>]| all.iter().any(|heard| is_online(heard));
    let all = engine.heard.once(&world.tenant, is_heard).await;
    let heard = all.iter().find(|heard| is_online(heard)).unwrap();
    let spans = collector.once(&trace, 5).await;
    assert_is_a_tree(&spans, the(&spans, "process"));
    let publish = the(&spans, "publish character.online");
    assert_eq!(heard.headers["traceparent"], format!("00-{trace}-{}-01", publish.id()));
    assert_eq!(heard.headers["tracestate"], "vendor=1");
}

async fn a_sampled_request_is_one_trace_up_to_its_event(setup: Setup) {
    let (_setup, collector, engine) = traced(setup).await;
    let world = World::of(Uuid::new_v4(), &engine);
    let trace = new_trace();
    let attributes = json!({ "ownerId": OWNER, "templateId": KITTY });
    let document = json!({ "data": { "type": "pets", "attributes": attributes } });
    let request = world.request(Method::POST, "/api/pets").json(&document);
    let request = request.header("traceparent", format!("00-{trace}-{SENDER}-01"));
    assert_eq!(request.send().await.unwrap().status(), 201);
    let spans = collector.once(&trace, 5).await;
    let root = the(&spans, "request");
    assert_eq!((root.parent(), root.span.kind()), (SENDER.to_owned(), SpanKind::Server));
    assert_is_a_tree(&spans, root);
    let told = engine.told.once(&world.tenant, |all| !all.is_empty()).await;
    let publish = the(&spans, "publish CREATED");
    assert_eq!(parent(&told[0]), format!("00-{trace}-{}-01", publish.id()));
}

async fn a_record_that_is_not_sampled_is_passed_on_and_not_exported(setup: Setup) {
    let (_setup, collector, engine) = traced(setup).await;
    let world = World::of(Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let (silent, marked) = (new_trace(), new_trace());
    let told = award(&world, pet, &within(&world, &silent, "00")).await;
    assert_eq!(parent(&told), format!("00-{silent}-{SENDER}-00"));
    assert_eq!(told.header("tracestate"), Some(&b"vendor=1"[..]));
    // Without a span of its own: drawn, and here nothing is.
    let told = award(&world, pet, &world.headers()).await;
    let begun = parent(&told);
    assert!(begun.ends_with("-00"), "{begun}");
    award(&world, pet, &within(&world, &marked, "01")).await;
    collector.once(&marked, 5).await;
    assert!(collector.of(&silent).is_empty() && collector.of(&begun[3..35]).is_empty());
}

async fn a_record_without_a_span_begins_a_trace(setup: Setup) {
    let (_setup, collector, engine) = traced(setup).await;
    let world = World::of(Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let (first, second) =
        (award(&world, pet, &world.headers()).await, award(&world, pet, &world.headers()).await);
    assert_ne!(parent(&first)[3..35], parent(&second)[3..35]);
    let begun = parent(&first);
    let spans = collector.once(&begun[3..35], 5).await;
    let root = the(&spans, "process");
    assert_eq!(root.parent(), "");
    assert_is_a_tree(&spans, root);
    assert_eq!(begun[36..52], the(&spans, "publish").id());
    assert_eq!(root.authorization.as_deref(), Some("Bearer hunter2"));
}

async fn a_collector_that_never_answers_costs_its_spans_and_nothing_else(mut setup: Setup) {
    const NUM_AWARDS: usize = 400;
    let _alone = alone().await;
    // Connections are made, and nobody ever takes them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    setup.set("trace.endpoint", &format!("http://{}", silent.local_addr().unwrap()));
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let before = world.counter("trace_spans_dropped_total", "reason=\"export\"").await;
    let headers = within(&world, &new_trace(), "01");
    let record: Value = json!({
        "transactionId": Uuid::new_v4(), "actorId": 0, "petId": pet, "type": "AWARD_CLOSENESS",
        "body": { "amount": 0 },
    });
    for _ in 0..NUM_AWARDS {
        world.send_bytes(Topic::PetCommand, Some(record.to_string().as_bytes()), &headers);
    }
    engine.told.once(&world.tenant, |all| all.len() > NUM_AWARDS).await;
    let deadline = Instant::now() + super::engine::SOON;
    while world.counter("trace_spans_dropped_total", "reason=\"export\"").await == before {
        assert!(Instant::now() < deadline, "no span was given up");
        tokio::time::sleep(super::engine::LOOK_EVERY).await;
    }
    // What is left would take the collector's time several times over.
    let asked = Instant::now();
    drop(world);
    engine.stop().await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(6), "the end took {took:?}");
}
