//! The hot paths of the wire: a record in, an event out, and the outbox rows in between.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use menagerie::domain::character::{self, Asset, AssetChange, Place, Status, StatusChange};
use menagerie::domain::pet::{self, Body, Command, MAX_LEVEL, Order};
use menagerie::domain::{CharacterId, PetId};
use menagerie::engine::outbox::row::Row;
use menagerie::wire::kafka::{asset, command, headers, movement, status};
use menagerie::wire::nats;

use samples::{KITTY, MAP, closeness_changed, start, transaction};

mod samples;

const OWNER: CharacterId = CharacterId(12_345);
const PET: PetId = PetId(4_711);
/// Events of one outbox row.
const NUM_EVENTS: u32 = 1_000;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    for order in [
        Order::AwardCloseness { amount: 5 },
        Order::Attempt { command: 1 },
        Order::Spawn { lead: true },
        Order::Exclude { items: (2_000_000..2_000_010).collect() },
    ] {
        decode_command(&mut group, order);
    }
    decode_movement(&mut group);
    let (channel, map, instance) = (1, MAP, transaction(1));
    decode_status(&mut group, StatusChange::Login { channel, map, instance });
    let target = Some((-321, 200));
    decode_status(&mut group, StatusChange::MapChanged { channel, map, instance, target });
    decode_asset(&mut group, "CREATED for a pet", KITTY, true);
    decode_asset(&mut group, "CREATED for something else", 2_000_000, false);
    decode_headers(&mut group);
    group.finish();
}

fn decode_command(group: &mut Group<'_>, order: Order) {
    let sent = Command { transaction: transaction(1), actor: OWNER, pet: PET, order };
    let record = command::encode(&sent);
    assert_eq!(command::decode(&record).as_ref(), Ok(&sent));
    group.bench_function(sent.order.name(), |b| b.iter(|| command::decode(black_box(&record))));
}

fn decode_movement(group: &mut Group<'_>) {
    let sent = samples::movement(OWNER.0);
    let record = movement::encode(&sent);
    assert_eq!(movement::decode(&record), Ok(sent));
    group.bench_function("movement", |b| b.iter(|| movement::decode(black_box(&record))));
}

fn decode_status(group: &mut Group<'_>, change: StatusChange) {
    use menagerie::wire::kafka::character::{decode, encode};
    let sent = Status { transaction: transaction(2), world: 0, at: start(), change };
    let record = encode(OWNER, &sent);
    assert_eq!(decode(&record, start()).as_ref(), Ok(&Some((OWNER, sent.clone()))));
    group.bench_function(sent.change.name(), |b| b.iter(|| decode(black_box(&record), start())));
}

fn decode_asset(group: &mut Group<'_>, name: &str, template_id: u32, is_ours: bool) {
    let change = AssetChange::Recorded { name: "CREATED", pet: PET };
    let sent = Asset { asset: 77, template_id, slot: 5, change };
    let record = asset::encode(OWNER, &sent);
    assert_eq!(asset::decode(&record), Ok(is_ours.then_some((OWNER, sent))));
    group.bench_function(name, |b| b.iter(|| asset::decode(black_box(&record))));
}

/// What stands beside every record: the tenant, and here a trace as well.
fn decode_headers(group: &mut Group<'_>) {
    let tenant = samples::tenant();
    let id = tenant.id.to_string();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sent: [(&str, &[u8]); 5] = [
        (headers::TENANT_ID, id.as_bytes()),
        (headers::REGION, tenant.region.as_bytes()),
        (headers::MAJOR_VERSION, &tenant.major.to_be_bytes()),
        (headers::MINOR_VERSION, &tenant.minor.to_be_bytes()),
        (headers::TRACEPARENT, trace.as_bytes()),
    ];
    let read = headers::read(sent.into_iter()).unwrap();
    assert_eq!(read.tenant.map(headers::TenantHeaders::to_tenant), Some((*tenant).clone()));
    assert!(read.traceparent.is_some());
    group.bench_function("headers", |b| {
        b.iter(|| headers::read(black_box(&sent).iter().copied()));
    });
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(1));
    let spawned = Body::Spawned {
        template_id: KITTY,
        name: "Brown Kitty".into(),
        slot: 0,
        level: MAX_LEVEL,
        closeness: 1_234,
        fullness: 94,
        x: -321,
        y: 200,
        stance: 2,
        fh: 99,
    };
    let answered = Body::CommandResponse {
        slot: 0,
        closeness: 1_234,
        fullness: 94,
        command: 1,
        success: true,
    };
    let [spawned, answered] =
        [spawned, answered].map(|body| pet::Event { pet: PET, owner: OWNER, body });
    for event in [closeness_changed(1), answered, spawned] {
        let mut out = Vec::with_capacity(512);
        status::encode(&event, &mut out);
        assert_eq!(status::decode(&out).as_ref(), Ok(&event));
        group.bench_function(event.body.name(), |b| {
            b.iter(|| {
                out.clear();
                status::encode(black_box(&event), &mut out);
                out.len()
            });
        });
    }
    let moved = moved();
    let id = transaction(9);
    let message = String::from_utf8(nats::event::encode(id, &moved)).unwrap();
    assert!(message.contains(&id.to_string()) && message.contains("-321"), "{message}");
    group.bench_function(moved.body.name(), |b| {
        b.iter(|| nats::event::encode(id, black_box(&moved)));
    });
    group.finish();
}

fn moved() -> character::Event {
    let body = character::Body::PositionUpdated {
        previous: Some(Place::on_map(0, MAP, (100, 200))),
        new: Place::on_map(0, MAP, (-321, 200)),
        movement: "walk".into(),
    };
    let (character, user) = (transaction(3), transaction(4));
    character::Event { character, user, at: start(), seq: 17, body }
}

/// One row of [`NUM_EVENTS`] events: made, compressed, read again after a restart, and gone
/// through by whoever publishes it.
fn outbox(c: &mut Criterion) {
    let events: Vec<_> = (0..NUM_EVENTS).map(closeness_changed).collect();
    let writer = samples::announce(&events);
    let body = writer.body();
    let read = || Row::read(1, NUM_EVENTS, start(), &body).unwrap();
    let row = read();
    for (entry, event) in row.entries().zip(&events) {
        assert_eq!(status::decode(entry.payload).as_ref(), Ok(event));
    }
    assert_eq!(row.entries().count(), events.len());

    let mut group = c.benchmark_group("outbox");
    group.throughput(Throughput::Elements(NUM_EVENTS.into()));
    group.bench_function("write", |b| {
        b.iter_with_large_drop(|| samples::announce(black_box(&events)));
    });
    group.bench_function("compress", |b| b.iter_with_large_drop(|| writer.body()));
    group.bench_function("read", |b| b.iter_with_large_drop(read));
    group.bench_function("go through", |b| {
        b.iter(|| {
            for entry in row.entries() {
                black_box(entry);
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = samples::measured_for(2);
    targets = decode, encode, outbox
}
criterion_main!(benches);
