//! The simulated world of one demo: players who play, and books that must balance.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::heard::Heard;
use super::show::{self, Moment};
use crate::cli::out::{self, Stdout};
use crate::domain::{Catalog, CharacterId, CharacterKey, Tenant};
use crate::sidecar::{Order, Outside};
use crate::sim::books::Line;
use crate::sim::heroes::Heroes;
use crate::sim::players::Players;
use crate::sim::shop::{Bought, Shop};
use crate::sim::{Books, Reader, Sender};
use crate::telemetry::metrics::METRICS;

/// Things the players do in a second.
const ACTIONS_PER_SECOND: u32 = 400;
const TICK: Duration = Duration::from_millis(25);
/// Characters that live by requests, and the time between two of their deeds.
const NUM_HEROES: usize = 6;
const HERO_EVERY: Duration = Duration::from_millis(40);
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How long the last events may take.
pub(super) const SETTLE_PATIENCE: Duration = Duration::from_secs(30);
/// What is waited for longer is told of.
const NOTICED: Duration = Duration::from_secs(2);
/// The lowest player's number; a visitor's pet belongs to nobody who plays.
const FIRST_PLAYER: u32 = 1_000;

pub(super) struct World {
    pub(super) num_characters: u32,
    pub(super) duration: Duration,
    pub(super) game: SocketAddr,
    pub(super) tenant: Tenant,
}

/// The books of a demo at one moment.
pub(super) struct Balance {
    pub(super) orders: Vec<Line>,
    /// What must not be, and how often it is.
    pub(super) violations: Vec<(&'static str, u64)>,
    pub(super) steps: Steps,
    /// Some of the pets whose closeness is wrong, in words.
    pub(super) wrong_pets: Vec<String>,
}

/// What became of the movement records.
#[derive(Clone, Copy, Default)]
pub(super) struct Steps {
    pub(super) num_applied: u64,
    pub(super) num_coalesced: u64,
    pub(super) num_ignored: u64,
}

impl World {
    pub(super) fn shop(&self) -> Shop {
        Shop::new(&format!("http://{}", self.game), self.tenant.clone())
    }

    /// Plays until time is up, somebody stops it or nobody looks any more, and says whether the
    /// books balance then.
    ///
    /// # Errors
    /// When something cannot be started or stops answering.
    pub(super) async fn play(
        &self,
        outside: &Outside,
        stopped: &watch::Receiver<Order>,
    ) -> anyhow::Result<bool> {
        let books = Arc::new(Mutex::new(Books::new()));
        let heard = Heard::listen(outside, self.players())?;
        let reader = Reader::start(&outside.kafka, self.tenant.id, {
            let books = Arc::clone(&books);
            move |id, event| {
                if event.owner.0 >= FIRST_PLAYER {
                    books.lock().announce(id, &event);
                }
            }
        })?;
        let shop = self.shop();
        let bought = self.stock(&shop, stopped).await?;
        let sender = Sender::new(outside.kafka.clone(), &self.tenant)?;
        let mut players = Players::new(&bought, Catalog::builtin(), rand::random());
        let before = Steps::so_far();
        let heroes = Troupe::begin(self.shop(), stopped.clone());
        let started = Instant::now();
        let mut num_shown = 0;
        let mut num_acted = 0;
        while started.elapsed() < self.duration && *stopped.borrow() == Order::Run {
            let due = started.elapsed().as_millis() * u128::from(ACTIONS_PER_SECOND) / 1_000;
            heard.lock().sent_away().iter().for_each(|player| players.send_away(*player));
            while num_acted < due {
                players.act(&sender, &books)?;
                num_acted += 1;
            }
            if started.elapsed() >= SHOW_EVERY * (num_shown + 1) {
                let (num_heard, newest) = {
                    let mut heard = heard.lock();
                    (heard.num_events(), heard.take_newest())
                };
                let moment = Moment::new(started.elapsed(), &players, &mut books.lock(), num_heard);
                let moment = moment.with_newest(newest);
                match show::progress(&mut Stdout, num_shown, &moment) {
                    Err(error) if out::is_closed(&error) => break,
                    shown => shown?,
                }
                num_shown += 1;
            }
            tokio::time::sleep(TICK).await;
        }
        let heroes = heroes.end().await?;
        players.log_out_all(&sender)?;
        tokio::task::spawn_blocking(move || sender.flush()).await??;
        let mut balance = || {
            let heard = heard.lock();
            heard.sent_away().iter().for_each(|player| players.send_away(*player));
            let mut balance = Balance::of(&books.lock(), &heard, &players, before);
            balance.enter_heroes(&heroes, &heard);
            balance
        };
        settle(&mut balance).await?;
        drop(reader);
        let mut balance = balance();
        balance.enter_pets(compare_pets(&shop, &players).await?);
        let num_heard = heard.lock().num_events();
        out::unless_closed(show::balance(&mut Stdout, &balance, &books.lock(), num_heard))?;
        Ok(balance.is_even())
    }

    /// All that may come to play, each by the id that its events give it.
    fn players(&self) -> impl Iterator<Item = (uuid::Uuid, CharacterId)> {
        (0..self.num_characters).map(|number| {
            let character = CharacterId(FIRST_PLAYER + number);
            (CharacterKey { tenant: self.tenant.id, character }.derived_uuid(), character)
        })
    }

    /// Gives every character one to three pets.
    async fn stock(
        &self,
        shop: &Shop,
        stopped: &watch::Receiver<Order>,
    ) -> anyhow::Result<Vec<Bought>> {
        let templates: Vec<u32> = Catalog::builtin().templates().map(|t| t.id).collect();
        let mut bought = Vec::new();
        for number in 0..self.num_characters {
            if *stopped.borrow() != Order::Run {
                break;
            }
            let owner = CharacterId(FIRST_PLAYER + number);
            for nth in 0..=number % 3 {
                let template = templates[(number + nth) as usize % templates.len()];
                bought.push(shop.buy(owner, template, "Pet").await?);
            }
        }
        Ok(bought)
    }
}

impl Balance {
    pub(super) fn of(books: &Books, heard: &Heard, players: &Players, before: Steps) -> Self {
        let steps = Steps::so_far().since(before);
        let (sent, announced) = (players.comings(), heard.comings());
        let line = |what, ordered, announced| Line { what, ordered, announced };
        let mut orders = books.orders().to_vec();
        orders.extend([
            line("logins, on NATS", sent.num_logins, announced.num_logins),
            line("logouts, on NATS", sent.num_logouts, announced.num_logouts),
            line("map changes, on NATS", sent.num_travels, announced.num_travels),
            line("steps, by the metrics", players.tally.num_steps, steps.total()),
        ]);
        let mut violations: Vec<(&str, u64)> =
            books.violations().iter().map(|line| (line.what, line.announced)).collect();
        violations.push(("NATS events seen twice", heard.num_repeated));
        violations.push(("NATS events missed", heard.num_missed));
        violations.retain(|(_, count)| *count > 0);
        Self { orders, violations, steps, wrong_pets: Vec::new() }
    }

    /// Enters what the heroes asked for over HTTP.
    fn enter_heroes(&mut self, heroes: &Heroes, heard: &Heard) {
        self.orders.extend(heroes.expected().iter().map(|(event, expected)| Line {
            what: event,
            ordered: *expected,
            announced: heard.count(event, heroes.ids()),
        }));
    }

    /// Enters the pets of which the API tells another closeness than the game gave them.
    fn enter_pets(&mut self, wrong: Vec<String>) {
        if !wrong.is_empty() {
            self.violations.push(("pets with another closeness", wrong.len() as u64));
        }
        self.wrong_pets = wrong;
    }

    pub(super) fn is_even(&self) -> bool {
        self.violations.is_empty() && self.orders.iter().all(Line::is_balanced)
    }
}

impl Steps {
    /// In this process, since it began.
    fn so_far() -> Self {
        let movement = &METRICS.movement;
        Self {
            num_applied: movement.applied.get(),
            num_coalesced: movement.coalesced.get(),
            num_ignored: movement.num_ignored(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            num_applied: self.num_applied - before.num_applied,
            num_coalesced: self.num_coalesced - before.num_coalesced,
            num_ignored: self.num_ignored.saturating_sub(before.num_ignored),
        }
    }

    fn total(self) -> u64 {
        self.num_applied + self.num_coalesced + self.num_ignored
    }
}

/// The heroes at play, beside the players.
struct Troupe {
    must_end: watch::Sender<bool>,
    playing: tokio::task::JoinHandle<anyhow::Result<Heroes>>,
}

impl Troupe {
    fn begin(shop: Shop, stopped: watch::Receiver<Order>) -> Self {
        let (must_end, ended) = watch::channel(false);
        let playing = actix::spawn(async move {
            let mut heroes = Heroes::new(shop, NUM_HEROES, rand::random());
            while !*ended.borrow() && *stopped.borrow() == Order::Run {
                heroes.act().await?;
                tokio::time::sleep(HERO_EVERY).await;
            }
            anyhow::Ok(heroes)
        });
        Self { must_end, playing }
    }

    /// Waits for the deed under way.
    async fn end(self) -> anyhow::Result<Heroes> {
        self.must_end.send_replace(true);
        self.playing.await?
    }
}

/// Waits until every order was announced, or patience ends. Says so where it is noticed.
async fn settle(mut balance: impl FnMut() -> Balance) -> io::Result<()> {
    let began = Instant::now();
    let mut is_told = false;
    while began.elapsed() < SETTLE_PATIENCE && !balance().orders.iter().all(Line::is_balanced) {
        if began.elapsed() > NOTICED && !std::mem::replace(&mut is_told, true) {
            let patience = humantime::format_duration(SETTLE_PATIENCE);
            let told =
                writeln!(Stdout, "waiting, for at most {patience}, for what is not announced yet");
            out::unless_closed(told)?;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(())
}

/// Pets of which the API tells another closeness than the game must have given them.
async fn compare_pets(shop: &Shop, players: &Players) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (pet, expected) in players.closeness() {
        let stored = shop.look_up(pet).await?["closeness"].as_u64();
        if stored != Some(u64::from(expected)) {
            wrong.push(format!("pet {pet}: {expected} expected, {stored:?} stored"));
        }
    }
    Ok(wrong)
}
