//! Actors that hold nothing and have one kind of message: what actix itself takes for each.

use std::fs;

use actix::{Actor, Addr, Context, Handler, Message};
use anyhow::Context as _;

/// Started before anything is measured, so that what the first ones cause does not count.
const NUM_BEFORE: usize = 1_000;

struct Bare;

impl Actor for Bare {
    type Context = Context<Self>;
}

/// Handled once by each: before that nothing has waited in its mailbox.
#[derive(Message)]
#[rtype(result = "()")]
struct Greeting;

impl Handler<Greeting> for Bare {
    type Result = ();

    fn handle(&mut self, Greeting: Greeting, _: &mut Context<Self>) {}
}

/// Prints what each of `number` actors adds to the process's resident memory.
pub fn run(number: usize) -> anyhow::Result<()> {
    anyhow::ensure!(number > 0, "NUMBER is 0");
    actix_rt::System::new().block_on(async {
        let _before = start(NUM_BEFORE).await?;
        let before = resident_kib()?;
        let _actors = start(number).await?;
        println!("{:.3}", (resident_kib()? - before) / number as f64);
        Ok(())
    })
}

async fn start(number: usize) -> anyhow::Result<Vec<Addr<Bare>>> {
    let actors: Vec<_> = (0..number).map(|_| Bare.start()).collect();
    for actor in &actors {
        actor.send(Greeting).await?;
    }
    Ok(actors)
}

fn resident_kib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("the kernel tells no VmRSS")?.parse()?)
}
