//! The heroes: characters that live by requests over HTTP, so that every character event
//! there is happens, and what must be announced of them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shop::Shop;

const CLASSES: [&str; 4] = ["warrior", "mage", "ranger", "druid"];
const NAMES: [&str; 8] = ["Rowan", "Isolde", "Bram", "Ysolt", "Corin", "Maeve", "Tamsin", "Osric"];
/// A life, over and over, once the hero was created.
const LIFE: [Deed; 11] = [
    Deed::Select,
    Deed::ComeOnline,
    Deed::Walk,
    Deed::Walk,
    Deed::Learn,
    Deed::Train,
    Deed::Walk,
    Deed::Dress,
    Deed::GoOffline,
    Deed::Vanish,
    Deed::Return,
];

#[derive(Clone, Copy)]
enum Deed {
    Select,
    ComeOnline,
    Walk,
    Learn,
    Train,
    Dress,
    GoOffline,
    Vanish,
    Return,
}

/// How often each event must be announced, by its type.
pub type Expected = BTreeMap<&'static str, u64>;

/// A handful of heroes, each of a user of its own.
pub struct Heroes {
    shop: Shop,
    heroes: Vec<Hero>,
    num_wanted: usize,
    next: usize,
    expected: Expected,
    rng: SmallRng,
}

struct Hero {
    id: Uuid,
    level: u64,
    experience: u64,
    hair_style: i64,
    num_deeds: usize,
}

impl Heroes {
    pub fn new(shop: Shop, num_wanted: usize, seed: u64) -> Self {
        let rng = SmallRng::seed_from_u64(seed);
        Self { shop, heroes: Vec::new(), num_wanted, next: 0, expected: Expected::new(), rng }
    }

    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.heroes.iter().map(|hero| hero.id)
    }

    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Lets one hero do one thing, in turns.
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn act(&mut self) -> anyhow::Result<()> {
        if self.heroes.len() < self.num_wanted {
            return self.create().await;
        }
        let position = self.next % self.heroes.len();
        self.next += 1;
        let deed = LIFE[self.heroes[position].num_deeds % LIFE.len()];
        self.heroes[position].num_deeds += 1;
        self.do_one(position, deed).await
    }

    async fn create(&mut self) -> anyhow::Result<()> {
        let number = self.heroes.len();
        let body = json!({
            "user_id": Uuid::new_v4(),
            // A demo's database is its own, and so are the names.
            "name": format!("{} {}", NAMES[number % NAMES.len()], number + 1),
            "class_type": CLASSES[number % CLASSES.len()], "race": "human", "gender": "other",
        });
        let answer = self.ask(Method::POST, "", &body).await?;
        let id = answer["character_id"].as_str().and_then(|id| id.parse().ok());
        let id = id.context("the answer names no character")?;
        self.heroes.push(Hero { id, level: 1, experience: 0, hair_style: 0, num_deeds: 0 });
        self.expect("character.created", 1);
        Ok(())
    }

    async fn do_one(&mut self, position: usize, deed: Deed) -> anyhow::Result<()> {
        let Hero { id, level, experience, hair_style, .. } = self.heroes[position];
        let path = |rest: &str| format!("/{id}{rest}");
        match deed {
            Deed::Select => {
                self.ask(Method::POST, &path("/select"), &json!({ "ip": "192.0.2.1" })).await?;
                self.expect("character.selected", 1);
            }
            Deed::ComeOnline => {
                let body = json!({ "world_id": "0", "zone_id": "100000000" });
                self.ask(Method::POST, &path("/online"), &body).await?;
                self.expect("character.online", 1);
            }
            Deed::Walk => {
                let mut coordinate = || self.rng.random_range(-400.0..400.0_f64).round();
                let body = json!({
                    "world_id": "0", "zone_id": "100000000", "position_x": coordinate(),
                    "position_y": coordinate(), "position_z": 0.0, "movement_type": "walk",
                });
                self.ask(Method::PUT, &path("/position"), &body).await?;
                self.expect("character.position.updated", 1);
            }
            Deed::Learn => {
                // Level L needs 100 * (L - 1)^2 in all.
                let amount = (100 * level * level).saturating_sub(experience).max(1);
                let body = json!({ "amount": amount });
                let answer = self.ask(Method::POST, &path("/experience"), &body).await?;
                let reached = answer["level"].as_u64().context("no level")?;
                self.heroes[position].level = reached;
                self.heroes[position].experience =
                    answer["experience"].as_u64().context("no experience")?;
                self.expect("character.levelup", reached - level);
            }
            Deed::Train => {
                self.ask(Method::POST, &path("/stats/allocate"), &json!({ "vitality": 1 })).await?;
                self.expect("character.stats.updated", 1);
            }
            Deed::Dress => {
                let hair_style = (hair_style + 1) % 64;
                self.heroes[position].hair_style = hair_style;
                let body = json!({ "hair_style": hair_style, "reason": "cosmetic_shop" });
                self.ask(Method::PUT, &path("/appearance"), &body).await?;
                self.expect("character.appearance.updated", 1);
            }
            Deed::GoOffline => {
                self.ask(Method::POST, &path("/offline"), &json!({ "reason": "logout" })).await?;
                self.expect("character.offline", 1);
            }
            Deed::Vanish => {
                self.ask(Method::DELETE, &path(""), &json!({})).await?;
                self.expect("character.deleted", 1);
            }
            Deed::Return => {
                self.ask(Method::POST, &path("/restore"), &json!({})).await?;
                self.expect("character.restored", 1);
            }
        }
        Ok(())
    }

    fn expect(&mut self, event: &'static str, count: u64) {
        *self.expected.entry(event).or_default() += count;
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("/api/v1/characters{path}");
        let answer = self.shop.request(method.clone(), &path).json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{method} {path}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}
