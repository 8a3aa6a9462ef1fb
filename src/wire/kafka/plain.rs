//! Records exactly as upstream's encoder writes them: all keys in the specification's order,
//! no whitespace, nothing escaped. That is nearly every record, and reading it costs a fraction
//! of reading any JSON (`benches/codec.rs`).
//!
//! What is read here reads the same with serde; anything else is `None` and left to serde, which
//! also knows what is wrong with it.

use uuid::Uuid;

/// What is left of a record.
///
/// Inlined always, and texts as arrays: only where a text is known as a constant is it compared
/// without a call, which is half of what reading a record takes (`scripts/counts --optimised`).
#[derive(Clone, Copy)]
pub(super) struct Plain<'a>(&'a [u8]);

impl<'a> Plain<'a> {
    pub(super) fn of(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Passes over this text, or nothing.
    #[inline(always)]
    pub(super) fn skip<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.0.split_first_chunk()?;
        if head != text {
            return None;
        }
        self.0 = rest;
        Some(())
    }

    /// The integer behind this text; nothing is passed over if there is none of this type.
    #[inline(always)]
    pub(super) fn integer<T: TryFrom<i64>, const N: usize>(&mut self, text: &[u8; N]) -> Option<T> {
        let mut rest = *self;
        rest.skip(text)?;
        let is_negative = rest.skip(b"-").is_some();
        let (mut value, mut num_digits) = (0, 0);
        // 18 digits fit. An integer ends here: what goes on as a fraction or a power is none.
        loop {
            match rest.0.get(num_digits)? {
                digit @ b'0'..=b'9' if num_digits < 18 => {
                    value = 10 * value + i64::from(digit - b'0')
                }
                b',' | b'}' => break,
                _ => return None,
            }
            num_digits += 1;
        }
        // JSON has no leading zeros, no integer has a minus and 0.
        let is_plain = match rest.0.first()? {
            b'0' => num_digits == 1 && !is_negative,
            _ => num_digits > 0,
        };
        if !is_plain {
            return None;
        }
        let value = T::try_from(if is_negative { -value } else { value }).ok()?;
        self.0 = &rest.0[num_digits..];
        Some(value)
    }

    /// The UUID in quotes behind this text, which ends with the first of them.
    #[inline(always)]
    pub(super) fn uuid<const N: usize>(&mut self, text: &[u8; N]) -> Option<Uuid> {
        self.skip(text)?;
        let (uuid, rest) = self.0.split_first_chunk::<{ uuid::fmt::Hyphenated::LENGTH }>()?;
        self.0 = rest;
        self.skip(b"\"")?;
        Uuid::try_parse_ascii(uuid).ok()
    }

    /// The capitals and underscores behind this text, up to the next quote.
    #[inline(always)]
    pub(super) fn word<const N: usize>(&mut self, text: &[u8; N]) -> Option<&'a [u8]> {
        self.skip(text)?;
        let is_word = |byte: &&u8| matches!(byte, b'A'..=b'Z' | b'_');
        let (word, rest) = self.0.split_at(self.0.iter().take_while(is_word).count());
        self.0 = rest;
        self.skip(b"\"")?;
        Some(word)
    }

    /// Passes over this text, which must be all there is.
    pub(super) fn end(self, text: &[u8]) -> Option<()> {
        (self.0 == text).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer(text: &str) -> Option<i16> {
        Plain::of(text.as_bytes()).integer(b"")
    }

    #[test]
    fn an_integer_is_read_within_its_range_and_where_it_ends() {
        assert_eq!(integer("0,"), Some(0));
        assert_eq!(integer("-32768}"), Some(i16::MIN));
        for text in ["32768,", "-0,", "00,", "01,", "1.0,", "1e2,", "1 ,", "1", "-,", ",", ""] {
            assert_eq!(integer(text), None, "{text}");
        }
        let long = "9".repeat(40) + ",";
        assert_eq!(Plain::of(long.as_bytes()).integer::<i64, _>(b""), None);
    }

    #[test]
    fn a_uuid_has_36_characters_and_ends_with_a_quote() {
        let uuid = |text: &str| Plain::of(text.as_bytes()).uuid(b"\"");
        let text = "6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11";
        assert_eq!(uuid(&format!("\"{text}\"")), text.parse().ok());
        assert_eq!(uuid(&format!("\"{text}")), None);
        assert_eq!(uuid(&format!("\"{}\"    ", text.replace('-', ""))), None);
        assert_eq!(uuid(""), None);
    }

    proptest! {
        #[test]
        fn an_integer_reads_as_serde_reads_it(text in "[-+]?[0-9]{0,20}[.eE,} ]?[0-9]{0,2}[,}]?") {
            let mut plain = Plain::of(text.as_bytes());
            if let Some(value) = plain.integer::<i32, _>(b"") {
                let read = &text[..text.len() - plain.0.len()];
                prop_assert_eq!(serde_json::from_str::<i32>(read).ok(), Some(value));
            }
        }
    }
}
