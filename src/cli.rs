//! The command line. One file per verb; what they share stands here.

pub mod actors;
mod admin;
mod agree;
pub mod check;
pub mod config;
pub mod dead_letters;
pub mod demo;
pub mod exit;
pub mod healthcheck;
pub mod load;
mod look;
pub mod migrate;
mod out;
pub mod outbox;
pub mod schema;
pub mod serve;
mod table;
pub mod tail;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, Loaded, Sources};
use exit::Exit;

/// An actor-based pet and character simulation engine, run beside the game servers.
#[derive(Debug, Parser)]
#[command(name = "menagerie", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  menagerie demo                       watch it at work, with no service installed
  menagerie check && menagerie serve   look at what it needs, then run it

Exit codes: 0 done or drained, 64 bad usage or configuration, 69 a dependency never came up
within startup.timeout or the process asked does not answer, 70 anything else.")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Serve(serve::Args),
    Demo(demo::Args),
    Check(check::Args),
    /// Change or show the database's schema
    #[command(subcommand)]
    Migrate(migrate::Verb),
    /// Ask a running process whether it is ready
    Healthcheck(healthcheck::Args),
    Tail(tail::Args),
    /// Look at the actors of a running process, or end one
    #[command(subcommand)]
    Actors(actors::Verb),
    /// Look at what a running process has still to publish
    #[command(subcommand)]
    Outbox(outbox::Verb),
    /// Look at records that could not be processed, and do something about them
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    /// Show the effective configuration, or its schema
    #[command(subcommand)]
    Config(config::Verb),
    /// Show what the brokers carry and HTTP answers, as JSON Schema, AsyncAPI and OpenAPI
    #[command(subcommand)]
    Schema(schema::Verb),
    Load(load::Args),
}

/// Where a verb takes its configuration from, besides the environment.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file; without one, each key has its default
    #[arg(long, value_name = "FILE", env = "MENAGERIE_CONFIG", value_parser = file())]
    config: Option<PathBuf>,
    /// Set one key, such as kafka.group=zoo; stronger than file and environment
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    flags: Vec<(String, String)>,
}

impl ConfigArgs {
    /// Loads the configuration of this process.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        Config::load(Sources {
            file: self.config.clone().filter(|path| !path.as_os_str().is_empty()),
            env: environment(),
            flags: self.flags.clone(),
        })
    }
}

/// The environment of this process; what is no text in it becomes what no key accepts.
fn environment() -> Vec<(String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// A path, or nothing: an empty variable counts as unset, which clap's own parser refuses.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// A duration in which something can happen.
fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing can happen in no time".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses the command line and hands the verb to `run`; the process ends with the result.
pub fn main(run: impl FnOnce(Verb) -> anyhow::Result<Exit>) -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => exit::end_of(|| run(cli.verb)),
        Err(usage) => exit::usage(&usage),
    }
    .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Verb, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.verb)
    }

    #[test]
    fn the_parser_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_verb_shows_an_example_that_fits_100_columns() {
        fn visit(command: &clap::Command, path: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{path} has no example");
            let longest = help.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(100), "{path} has a line of {longest:?}");
            for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
                visit(verb, &format!("{path} {}", verb.get_name()));
            }
        }
        visit(&Cli::command(), "menagerie");
    }

    #[test]
    fn the_verbs_stand_in_the_order_in_which_they_are_met() {
        let verbs: Vec<String> =
            Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        let expected = "serve demo check migrate healthcheck tail actors outbox dead-letters config \
                        schema load";
        assert_eq!(verbs.join(" "), expected);
    }

    #[test]
    fn a_key_is_set_by_a_flag() {
        let Verb::Config(config::Verb::Print(args)) =
            parse("menagerie config print --set shard.id=world-7 --set log.level=a=b").unwrap()
        else {
            panic!("another verb")
        };
        let [first, second] = &args.flags[..] else { panic!("{:?}", args.flags) };
        assert_eq!((first.0.as_str(), first.1.as_str()), ("shard.id", "world-7"));
        assert_eq!((second.0.as_str(), second.1.as_str()), ("log.level", "a=b"));
    }

    #[test]
    fn the_configuration_takes_no_variable_of_the_command_line_for_a_typing_error() {
        fn visit(command: &clap::Command) {
            for variable in command.get_arguments().filter_map(clap::Arg::get_env) {
                let variable = variable.to_str().unwrap().to_owned();
                let env = vec![(variable, "x".to_owned())];
                Config::load(Sources { env, ..Sources::default() }).unwrap();
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Cli::command());
    }

    #[test]
    fn an_operators_verb_without_sense_is_bad_usage() {
        for line in [
            "tail --character zoo",
            "tail --subject a.>.b",
            "tail --pet n:1",
            "tail --tenant zoo",
            "actors list --online --offline",
            "actors list --kind pet",
            "actors list --sort name",
            "actors list --limit 0",
            "actors list --limit 1 --all",
            "actors inspect 12345",
            "actors kick",
            "actors restart 083839c6-c47c-42a6-9585-76492795d123/1 --reason x",
            "outbox retry rabbit",
            "dead-letters show",
            "dead-letters redeliver",
            "dead-letters redeliver --all --yes",
            "dead-letters redeliver 1 --all --reason x",
            "dead-letters drop 1 --reason x",
        ] {
            let usage = parse(&format!("menagerie {line}")).err();
            assert_eq!(usage.map(|usage| exit::code_of(&usage)), Some(Exit::Usage), "{line}");
        }
    }

    /// What each verb that asks a running process understands, and none asks another way.
    #[test]
    fn every_operators_verb_takes_an_address_and_a_token() {
        let command = Cli::command();
        let mut asking = Vec::new();
        for name in ["tail", "actors", "outbox", "dead-letters"] {
            let verb = command.find_subcommand(name).unwrap();
            let below: Vec<_> = verb.get_subcommands().collect();
            asking.extend(if below.is_empty() { vec![verb] } else { below });
        }
        assert_eq!(asking.len(), 12);
        for verb in asking {
            let flags: Vec<_> = verb.get_arguments().filter_map(clap::Arg::get_long).collect();
            for flag in ["admin", "token", "token-file", "json", "config", "set"] {
                assert!(flags.contains(&flag), "{} has no --{flag}", verb.get_name());
            }
            let help = verb.clone().render_long_help().to_string();
            assert!(!help.contains("--token $") && !help.contains("--token="), "{help}");
        }
    }

    #[test]
    fn wrong_usage_exits_with_64_and_help_with_0() {
        let code = |line| exit::code_of(&parse(line).unwrap_err());
        assert_eq!(code("menagerie fly"), Exit::Usage);
        assert_eq!(code("menagerie"), Exit::Usage);
        assert_eq!(code("menagerie config print --set shard.id"), Exit::Usage);
        assert_eq!(code("menagerie demo --for 0s"), Exit::Usage);
        assert_eq!(code("menagerie load --rate 50 --for 0s"), Exit::Usage);
        assert_eq!(code("menagerie load --backlog 0"), Exit::Usage);
        assert_eq!(code("menagerie config print --help"), Exit::Done);
        assert_eq!(code("menagerie tail --help"), Exit::Done);
        assert_eq!(code("menagerie --version"), Exit::Done);
    }
}
