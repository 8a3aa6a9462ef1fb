//! The binary: one line per verb.

use std::process::ExitCode;

use menagerie::cli::{self, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(|verb| match verb {
        Verb::Config(verb) => cli::config::run(verb),
        Verb::Healthcheck(args) => cli::healthcheck::run(&args),
        Verb::Serve(args) => cli::serve::run(&args),
        Verb::Demo(args) => cli::demo::run(&args),
        Verb::Tail(args) => cli::tail::run(&args),
        Verb::Actors(verb) => cli::actors::run(&verb),
        Verb::Outbox(verb) => cli::outbox::run(&verb),
        Verb::DeadLetters(verb) => cli::dead_letters::run(&verb),
        Verb::Check(args) => cli::check::run(&args),
        Verb::Load(args) => cli::load::run(&args),
        Verb::Migrate(verb) => cli::migrate::run(&verb),
        Verb::Schema(verb) => cli::schema::run(&verb),
    })
}
