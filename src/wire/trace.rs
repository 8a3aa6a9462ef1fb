//! W3C trace context (<https://www.w3.org/TR/trace-context/>).

use std::fmt;

/// A `traceparent`: which trace a record belongs to and which span caused it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TraceParent {
    /// Never all zero.
    pub trace_id: [u8; 16],
    /// Never all zero.
    pub span_id: [u8; 8],
    /// Bit 0: sampled. Bit 1: the trace id is random. The others are reserved and zero.
    pub flags: u8,
}

const LENGTH: usize = 55;
const KNOWN_FLAGS: u8 = 0b11;

impl TraceParent {
    /// Reads a header. None when it is invalid: the receiver then starts a new trace.
    ///
    /// A version above 00 is read by its first 55 bytes, as W3C asks of a receiver that
    /// knows only version 00; version ff is invalid. Reserved flags are dropped.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let (fields, rest) = header.split_at_checked(LENGTH)?;
        if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
            return None;
        }
        let [version] = unhex(&fields[..2])?;
        let fits = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|next| *next == b'-'),
        };
        let trace_id = unhex(&fields[3..35])?;
        let span_id = unhex(&fields[36..52])?;
        let [flags] = unhex(&fields[53..])?;
        let is_valid = fits && trace_id != [0; 16] && span_id != [0; 8];
        is_valid.then_some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS })
    }

    /// The same trace, seen from another span.
    #[must_use]
    pub fn child(self, span_id: [u8; 8]) -> Self {
        Self { span_id, ..self }
    }

    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The header's 55 ASCII bytes, version 00.
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut out = *b"00-________________________________-________________-__";
        hex(&self.trace_id, &mut out[3..35]);
        hex(&self.span_id, &mut out[36..52]);
        hex(&[self.flags], &mut out[53..]);
        out
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        f.write_str(std::str::from_utf8(&bytes).expect("hexadecimal digits and hyphens"))
    }
}

fn hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

/// `N` bytes from `2 * N` lower-case digits; W3C allows no upper case.
fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(text: &str) -> Option<TraceParent> {
        TraceParent::parse(text.as_bytes())
    }

    #[test]
    fn the_example_of_the_recommendation_is_read_and_written_back() {
        let parent = parse(EXAMPLE).unwrap();
        assert_eq!(parent.trace_id[..2], [0x4b, 0xf9]);
        assert_eq!(parent.span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), EXAMPLE);
    }

    #[test]
    fn a_later_version_is_read_by_its_known_prefix() {
        let later = EXAMPLE.replacen("00", "cc", 1);
        assert_eq!(parse(&later), parse(EXAMPLE));
        assert_eq!(parse(&format!("{later}-what-the-future-will-be-like")), parse(EXAMPLE));
        assert_eq!(parse(&format!("{later}.what")), None);
    }

    #[test]
    fn whatever_the_recommendation_forbids_is_absent() {
        let zero_trace = EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16));
        let invalid = [
            "",
            "00",
            &EXAMPLE[..54],
            &format!("{EXAMPLE}-"),
            &format!("{EXAMPLE}0"),
            &EXAMPLE.to_uppercase(),
            &EXAMPLE.replace('-', "_"),
            &EXAMPLE.replacen("00", "ff", 1),
            &EXAMPLE.replacen("00", "0x", 1),
            &zero_trace,
            &zero_span,
        ];
        for text in invalid {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn reserved_flags_are_dropped() {
        let all = EXAMPLE.replace("-01", "-ff");
        assert_eq!(parse(&all).unwrap().flags, 3);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(trace_id: [u8; 16], span_id: [u8; 8], flags in 0..4u8) {
            prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
            let parent = TraceParent { trace_id, span_id, flags };
            prop_assert_eq!(TraceParent::parse(&parent.to_bytes()), Some(parent));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = TraceParent::parse(&bytes);
        }
    }
}
