//! The state changes of awards and nothing else: the last state of each pet of a round of commands,
//! as one multi-row statement.

use std::time::{Duration, Instant};

use menagerie::domain::pet::Pet;
use menagerie::domain::{CharacterId, PetId, TenantId};
use menagerie::store::{PetRow, Work};
use rand::RngExt as _;
use rustc_hash::FxHashMap;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, Statement};
use uuid::Uuid;

use crate::{Ground, MAX_ROUND};

const UPDATE: &str = "update pets p set level = n.level, closeness = n.closeness \
    from unnest($1::bigint[], $2::smallint[], $3::integer[]) as n (id, level, closeness) \
    where p.tenant = $4 and p.id = n.id";

pub async fn run(ground: &Ground, num_pets: u32, seconds: u64) -> anyhow::Result<()> {
    let tenant = TenantId(Uuid::now_v7());
    let mut round = ground.round;
    let numbers: Vec<u32> = (1..=num_pets).collect();
    for numbers in numbers.chunks(MAX_ROUND) {
        let pets = numbers.iter().map(|&number| PetRow {
            tenant,
            owner: CharacterId(number),
            pet: Pet::new(PetId(number), 5_000_017),
        });
        round += 1;
        let work = Work { pets: pets.collect(), ..Work::default() };
        ground.store.commit(&ground.fence, round, work.into()).await?;
    }
    let mut options = ConnectOptions::new(&ground.database_url);
    options.max_connections(1).test_before_acquire(false).sqlx_logging(false);
    let connection = Database::connect(options).await?;
    let mut closeness = vec![0_i32; num_pets as usize + 1];
    let started = Instant::now();
    let mut num_rounds = 0_u64;
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut changed: FxHashMap<i64, i32> = FxHashMap::default();
        for _ in 0..MAX_ROUND {
            let pet = rand::rng().random_range(1..=num_pets);
            let now = &mut closeness[pet as usize];
            *now = (*now + 1) % 30_000;
            changed.insert(pet.into(), *now);
        }
        let (ids, closeness): (Vec<i64>, Vec<i32>) = changed.into_iter().unzip();
        let (num, levels) = (ids.len() as u64, vec![1_i16; ids.len()]);
        let values = [ids.into(), levels.into(), closeness.into(), tenant.0.into()];
        let statement =
            Statement::from_sql_and_values(connection.get_database_backend(), UPDATE, values);
        let done = connection.execute_raw(statement).await?;
        anyhow::ensure!(done.rows_affected() == num, "pets are missing");
        num_rounds += 1;
    }
    let rate = (num_rounds * MAX_ROUND as u64) as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.0}");
    Ok(())
}
