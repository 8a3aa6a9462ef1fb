//! NATS subjects and filters on them.

use std::str::FromStr;

/// A subject pattern: tokens between dots, `*` for any one token, `>` at the end for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pattern: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a subject filter: {reason}")]
pub struct InvalidFilter {
    pub pattern: String,
    pub reason: &'static str,
}

impl Filter {
    /// Matches every subject.
    pub fn all() -> Self {
        Self { pattern: ">".to_owned() }
    }

    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    pub fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for pattern in self.pattern.split('.') {
            match (pattern, tokens.next()) {
                (">", Some(_)) => return true,
                (_, None) => return false,
                ("*", Some(_)) => {}
                (literal, Some(token)) if literal == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl FromStr for Filter {
    type Err = InvalidFilter;

    fn from_str(pattern: &str) -> Result<Self, InvalidFilter> {
        let invalid = |reason| Err(InvalidFilter { pattern: pattern.to_owned(), reason });
        if pattern.contains(char::is_whitespace) {
            return invalid("it contains white space");
        }
        let mut tokens = pattern.split('.').peekable();
        while let Some(token) = tokens.next() {
            if token.is_empty() {
                return invalid("a token is empty");
            }
            if token == ">" && tokens.peek().is_some() {
                return invalid("`>` stands at the end only");
            }
        }
        Ok(Self { pattern: pattern.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn matches(pattern: &str, subject: &str) -> bool {
        pattern.parse::<Filter>().unwrap().matches(subject)
    }

    #[test]
    fn a_literal_matches_itself_only() {
        assert!(matches("character.online", "character.online"));
        assert!(!matches("character.online", "character.offline"));
        assert!(!matches("character.online", "character"));
        assert!(!matches("character.online", "character.online.now"));
    }

    #[test]
    fn a_star_stands_for_exactly_one_token() {
        assert!(matches("character.*", "character.online"));
        assert!(matches("character.*.updated", "character.stats.updated"));
        assert!(!matches("character.*", "character"));
        assert!(!matches("character.*", "character.stats.updated"));
    }

    #[test]
    fn a_tail_stands_for_one_token_or_more() {
        assert!(matches("character.>", "character.online"));
        assert!(matches("character.>", "character.dlq.character.online"));
        assert!(!matches("character.>", "character"));
        assert!(Filter::all().matches("anything.at.all"));
    }

    #[test]
    fn a_wildcard_inside_a_token_is_a_letter_like_any_other() {
        assert!(!matches("character.on*", "character.online"));
        assert!(matches("character.on*", "character.on*"));
    }

    #[test]
    fn a_filter_that_nats_would_refuse_is_refused() {
        for pattern in ["", ".", "character.", ".online", "a..b", "character.>.updated", "a b"] {
            assert!(pattern.parse::<Filter>().is_err(), "{pattern}");
        }
    }
}
