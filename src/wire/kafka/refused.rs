//! Why a record cannot be decoded.

use std::fmt::Display;

/// Longest text kept of what a record says, in characters.
const MAX_CHARS: usize = 200;

/// A record that will never decode: a dead letter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// What and where; at most 200 characters.
    #[error("malformed record: {0}")]
    Malformed(String),
    /// The record's `type`, at most 200 characters of it, on a topic whose types are all known.
    #[error("unknown type {0:?}")]
    UnknownType(String),
}

impl Refused {
    /// The `reason` of the dead letter and its metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownType(_) => "unknown_type",
        }
    }

    pub(super) fn malformed(place: &str, what: impl Display) -> Self {
        Self::Malformed(bounded(&format!("{place}{what}")))
    }

    pub(super) fn unknown_type(name: &str) -> Self {
        Self::UnknownType(bounded(name))
    }
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let Refused::UnknownType(kept) = Refused::unknown_type(&"ж".repeat(1_000)) else {
            panic!("not the variant asked for");
        };
        assert_eq!(kept, "ж".repeat(200));
    }
}
