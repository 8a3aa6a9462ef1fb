//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

use super::keys;

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        path: PathBuf,
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// The file that the environment variable names.
    EnvFile {
        variable: String,
        path: PathBuf,
    },
    /// `--set`.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(variable) => f.write_str(variable),
            Self::EnvFile { variable, path } => write!(f, "{variable}, {}", path.display()),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    #[error("unknown key `{key}` ({origin}), the nearest valid key is {}", self.suggestion())]
    UnknownKey { key: String, origin: Origin, nearest: String },
    #[error("`{key}` ({origin}): {reason}")]
    BadValue { key: String, origin: Origin, reason: String },
    #[error("{}:{line}: {reason}", path.display())]
    Syntax { path: PathBuf, line: usize, reason: String },
    #[error("cannot read {} ({named_by}): {reason}", path.display())]
    Unreadable { path: PathBuf, named_by: String, reason: String },
}

impl Problem {
    /// The nearest key, spelled as its source would have to spell it.
    fn suggestion(&self) -> String {
        match self {
            Self::UnknownKey { origin: Origin::Env(_), nearest, .. } => {
                format!("`{nearest}` ({})", keys::variable(nearest))
            }
            Self::UnknownKey { nearest, .. } => format!("`{nearest}`"),
            _ => String::new(),
        }
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
