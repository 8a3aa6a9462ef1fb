//! The messages of `docs/spec/character-events.md`.

pub mod dead_letter;
pub mod event;
pub mod headers;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

/// RFC 3339 in UTC with `Z`: whole seconds as the specification shows them, else with three
/// or six digits; below a microsecond nothing is kept.
fn timestamp(at: DateTime<Utc>) -> String {
    at.trunc_subsecs(6).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_no_more_digits_than_it_needs() {
        for (nanos, expected) in [
            (0, "2024-01-15T10:30:00Z"),
            (999, "2024-01-15T10:30:00Z"),
            (120_000_000, "2024-01-15T10:30:00.120Z"),
            (120_034_567, "2024-01-15T10:30:00.120034Z"),
        ] {
            let at = DateTime::from_timestamp(1_705_314_600, nanos);
            assert_eq!(at.map(timestamp).as_deref(), Some(expected));
        }
    }
}
