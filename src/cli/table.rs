//! Text for people: aligned columns, short durations, nothing that steers a terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

/// Between two columns.
const GAP: &str = "  ";

/// Rows under their headings, each column as wide as its widest cell.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [&str; N]) -> Self {
        Self { rows: vec![columns.map(str::to_owned)] }
    }

    pub(super) fn push(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| plain(&cell)));
    }

    /// The table below an empty line, or nothing if it has only headings.
    pub(super) fn show_if_any(&self, out: &mut impl Write) -> io::Result<()> {
        if self.rows.len() == 1 {
            return Ok(());
        }
        writeln!(out)?;
        self.show(out)
    }

    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(line, "{cell:<width$}{GAP}");
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// What is known of one thing, a line each.
pub(super) fn show_facts<'n>(
    out: &mut impl Write,
    facts: impl IntoIterator<Item = (&'n str, String)>,
) -> io::Result<()> {
    let facts: Vec<_> = facts.into_iter().collect();
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in facts {
        writeln!(out, "{name:<width$}{GAP}{}", plain(&value))?;
    }
    Ok(())
}

/// The same text on one line, in the order it is written in, and without commands to a
/// terminal: it may come from anybody who sends records.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match is_obeyed(char) {
            true => plain.extend(char.escape_default()),
            false => plain.push(char),
        }
    }
    plain
}

/// Whether a terminal does more with it than show it. Besides control characters those that
/// separate lines or turn the direction of writing.
pub(super) fn is_obeyed(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What there is, or a dash.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A duration in its two largest units.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0 if seconds <= 0.0 => "0s".to_owned(),
        0 if seconds < 0.001 => format!("{:.0}µs", seconds * 1e6),
        0 => format!("{:.0}ms", seconds * 1e3),
        1..60 => format!("{seconds:.1}s"),
        60..3_600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h{:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn shown<const N: usize>(table: &Table<N>) -> String {
        let mut out = Vec::new();
        table.show(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_stand_below_each_other_and_lines_end_with_their_text() {
        let mut table = Table::new(["KEY", "N", "ERROR"]);
        table.push(["übermütig".into(), "1".into(), String::new()]);
        table.push(["b".into(), "22".into(), "no".into()]);
        assert_eq!(shown(&table), "KEY        N   ERROR\nübermütig  1\nb          22  no\n");
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        let mut out = Vec::new();
        let mut table = Table::new(["A"]);
        table.show_if_any(&mut out).unwrap();
        assert!(out.is_empty());
        table.push(["1".into()]);
        table.show_if_any(&mut out).unwrap();
        assert_eq!(out, b"\nA\n1\n");
    }

    #[test]
    fn a_cell_stays_on_its_line_and_is_not_obeyed() {
        let mut table = Table::new(["A"]);
        table.push(["x\ny\u{1b}[2J\u{202e}z\u{9b}é".into()]);
        assert_eq!(shown(&table), "A\nx\\ny\\u{1b}[2J\\u{202e}z\\u{9b}é\n");
    }

    #[test]
    fn facts_stand_in_one_column() {
        let mut out = Vec::new();
        show_facts(&mut out, [("id", "7\r".to_owned()), ("reason", or_dash(None::<u8>))]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "id      7\\r\nreason  -\n");
    }

    #[test]
    fn a_duration_is_short_at_any_length() {
        for (number, text) in [
            (0.000_02, "20µs"),
            (0.0, "0s"),
            (0.4, "400ms"),
            (59.94, "59.9s"),
            (61.0, "1m01s"),
            (7_260.0, "2h01m"),
            (180_000.0, "2d02h"),
        ] {
            assert_eq!(seconds(number), text);
        }
    }
}
