//! What can go wrong with the database, in the callers' terms. The only place that reads
//! SQLSTATE and SQLite result codes.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Any statement of the store that failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The database refused the data itself: a constraint, a range, an encoding. The same
    /// data will be refused again.
    #[error("the database refused the data: {detail}")]
    Refused {
        /// SQLSTATE, or the extended result code of SQLite.
        code: Option<String>,
        detail: String,
    },
    /// The database could not be asked, or did not answer in time. Whether the statement
    /// took effect may be unknown.
    #[error("the database is not available: {detail}")]
    Unavailable { detail: String },
    /// A stored value lies outside the range of its type here.
    #[error("{table}.{column} holds a value out of range: {value}")]
    Corrupt { table: &'static str, column: &'static str, value: String },
    /// A sequence of numbers is used up.
    #[error("no more numbers in {counter}")]
    Exhausted { counter: &'static str },
    /// The database URL names something that cannot be used.
    #[error("unusable database url: {detail}")]
    Url { detail: String },
}

/// A commit that did not go through.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError {
    /// The shard belongs to a newer epoch, or the round is not the next one. Nothing changed,
    /// and nothing of this process will be committed for the shard again.
    #[error("fenced: the shard belongs to another epoch")]
    Fenced,
    /// The database refused the data. Nothing changed; the same work will be refused again.
    #[error("the database refused the round: {detail}")]
    Refused {
        /// SQLSTATE, or the extended result code of SQLite.
        code: Option<String>,
        detail: String,
    },
    /// The database could not be asked or did not answer in time; the outcome may be unknown.
    #[error("the database is not available: {detail}")]
    Unavailable { detail: String },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl CommitError {
    /// Whether the same work may be committed later, with the same round.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { code, detail } => Self::Refused { code, detail },
            Error::Unavailable { detail } => Self::Unavailable { detail },
            other => Self::Refused { code: None, detail: other.to_string() },
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let detail = error.to_string();
        match driver_error(&error) {
            Some(sqlx::Error::Database(refusal)) => {
                let code = refusal.code().map(|code| code.into_owned());
                let is_postgres =
                    refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
                let is_refusal = code.as_deref().is_some_and(|code| match is_postgres {
                    true => is_refusal_of_postgres(code),
                    false => is_refusal_of_sqlite(code),
                });
                match is_refusal {
                    true => Self::Refused { code, detail },
                    false => Self::Unavailable { detail },
                }
            }
            Some(
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::TypeNotFound { .. },
            ) => Self::Refused { code: None, detail },
            Some(_) => Self::Unavailable { detail },
            None => match error {
                DbErr::ConnectionAcquire(_) | DbErr::Conn(_) | DbErr::Migration(_) => {
                    Self::Unavailable { detail }
                }
                _ => Self::Refused { code: None, detail },
            },
        }
    }
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => Some(driver),
        _ => None,
    }
}

/// Whether a SQLSTATE blames the data. Everything else, such as a lost connection, a
/// deadlock, a full disk, a server in recovery or a missing privilege, is not the fault of
/// the records in the round: they must wait, not become dead letters.
fn is_refusal_of_postgres(sqlstate: &str) -> bool {
    const CARDINALITY: &str = "21";
    const DATA: &str = "22";
    const INTEGRITY: &str = "23";
    const CHECK_OPTION: &str = "44";
    const LIMIT_EXCEEDED: &str = "54";
    const RAISED: &str = "P0";
    sqlstate.get(..2).is_some_and(|class| {
        [CARDINALITY, DATA, INTEGRITY, CHECK_OPTION, LIMIT_EXCEEDED, RAISED].contains(&class)
    })
}

/// As [`is_refusal_of_postgres`], by the primary result code in the low byte.
fn is_refusal_of_sqlite(code: &str) -> bool {
    const TOO_BIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    code.parse::<u32>().is_ok_and(|code| [TOO_BIG, CONSTRAINT, MISMATCH].contains(&(code & 0xff)))
}

/// Whether no connection was to be had in time: either all are at work or they hang.
pub(super) fn is_starved(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_blame_the_data_refuse_it() {
        for sqlstate in ["22021", "22P05", "23505", "23502", "21000", "54000"] {
            assert!(is_refusal_of_postgres(sqlstate), "{sqlstate}");
        }
        for sqlstate in ["40001", "40P01", "57014", "57P01", "53100", "25006", "42501", "08006"] {
            assert!(!is_refusal_of_postgres(sqlstate), "{sqlstate}");
        }
    }

    #[test]
    fn a_busy_sqlite_is_not_a_refusal() {
        assert!(is_refusal_of_sqlite("1555"), "primary key");
        assert!(is_refusal_of_sqlite("1299"), "not null");
        assert!(!is_refusal_of_sqlite("5"), "busy");
        assert!(!is_refusal_of_sqlite("517"), "busy snapshot");
        assert!(!is_refusal_of_sqlite("13"), "full");
    }
}
