//! The world service of the specification: keeps an index of where characters are.
//!
//! ```text
//! NATS_URL=nats://127.0.0.1:4222 cargo run --example spatial_index
//! ```
//!
//! The index lives in memory, so it is read from the beginning at each start, without a durable
//! name. Ends with Ctrl-C.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use menagerie::client::{
    Body, Delivery, Error, Options, Order, Position, Start, Stop, Subscriber, Subscription,
};
use uuid::Uuid;

/// Edge of a cell, in the units of positions.
const CELL: f64 = 100.0;

/// Characters by the cell they are in.
#[derive(Debug, Default)]
pub struct Index {
    cells: BTreeMap<Cell, HashMap<Uuid, Position>>,
    cell_of: HashMap<Uuid, Cell>,
}

/// World, zone, column, row.
type Cell = (String, String, i64, i64);

fn cell(position: &Position) -> Cell {
    // Positions are finite and within ±1e7, so this loses nothing.
    let number = |coordinate: f64| (coordinate / CELL).floor() as i64;
    let (world, zone) = (position.world_id.clone(), position.zone_id.clone());
    (world, zone, number(position.position_x), number(position.position_y))
}

impl Index {
    /// Takes an event into account; false for one that says nothing of a position.
    pub fn update(&mut self, character: Uuid, body: &Body) -> bool {
        match body {
            Body::PositionUpdated(moved) => self.put(character, moved.new_position.clone()),
            Body::Offline(_) | Body::Deleted(_) => self.remove(character),
            _ => return false,
        }
        true
    }

    fn put(&mut self, character: Uuid, position: Position) {
        self.remove(character);
        let cell = cell(&position);
        self.cell_of.insert(character, cell.clone());
        self.cells.entry(cell).or_default().insert(character, position);
    }

    fn remove(&mut self, character: Uuid) {
        let Some(cell) = self.cell_of.remove(&character) else { return };
        if let Some(here) = self.cells.get_mut(&cell) {
            here.remove(&character);
            if here.is_empty() {
                self.cells.remove(&cell);
            }
        }
    }

    /// Characters within `radius` of a position in the same zone, in no order.
    pub fn near(&self, center: &Position, radius: f64) -> Vec<Uuid> {
        let reach = (radius / CELL).ceil() as i64;
        let (world, zone, column, row) = cell(center);
        let mut found = Vec::new();
        for column in column - reach..=column + reach {
            for row in row - reach..=row + reach {
                let cell = (world.clone(), zone.clone(), column, row);
                let here = self.cells.get(&cell).into_iter().flatten();
                found.extend(
                    here.filter(|(_, at)| distance(at, center) <= radius).map(|(id, _)| id),
                );
            }
        }
        found
    }

    pub fn num_characters(&self) -> usize {
        self.cell_of.len()
    }
}

fn distance(one: &Position, other: &Position) -> f64 {
    let (x, y) = (one.position_x - other.position_x, one.position_y - other.position_y);
    x.hypot(y)
}

/// What this service hears.
pub fn subscription(subscriber: &Subscriber) -> Subscription {
    subscriber
        .types(["character.position.updated", "character.offline", "character.deleted"])
        .start_from(Start::Beginning)
        .order(Order::ByCharacter)
        .concurrency(16)
}

/// Takes one event into the index and prints what became of it.
pub fn handle(index: &Mutex<Index>, event: &Delivery) {
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    index.update(event.character_id, &event.body);
    match &event.body {
        Body::PositionUpdated(moved) => {
            let Position { world_id, zone_id, position_x, position_y, .. } = &moved.new_position;
            let num_near = index.near(&moved.new_position, CELL).len() - 1;
            println!(
                "{} is at ({position_x}, {position_y}) in {world_id}/{zone_id}, {num_near} near",
                event.character_id
            );
        }
        _ => println!("{} is gone, {} left", event.character_id, index.num_characters()),
    }
}

#[allow(dead_code, reason = "the tests include this file as a module")]
#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let subscriber = Subscriber::connect(&url, Options::default()).await?;
    println!("listening");
    let (stop, index) = (Stop::new(), Mutex::new(Index::default()));
    let run = subscription(&subscriber).stop_when(&stop).run(|event| {
        handle(&index, &event);
        std::future::ready(())
    });
    tokio::pin!(run);
    let summary = tokio::select! {
        summary = &mut run => summary?,
        _ = tokio::signal::ctrl_c() => {
            stop.stop();
            run.await?
        }
    };
    println!("handled {} events", summary.num_handled);
    Ok(())
}
