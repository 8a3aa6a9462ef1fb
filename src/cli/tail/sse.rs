//! Server-sent events, as the HTML standard has them in section 9.2.6.

/// One event of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    /// `message` if the stream does not say.
    pub(super) event: String,
    pub(super) data: String,
}

/// A stream so far. Pieces of it come as the network cuts them, in the middle of a line or of
/// a character.
#[derive(Default, Debug)]
pub(super) struct Parser {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed is no further line.
    is_after_return: bool,
    is_begun: bool,
    event: String,
    data: Option<String>,
}

impl Parser {
    /// The messages this piece completes. Comments complete none; they keep the connection
    /// open.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for byte in piece {
            let is_pair = self.is_after_return && *byte == b'\n';
            self.is_after_return = *byte == b'\r';
            match byte {
                b'\n' if is_pair => {}
                b'\n' | b'\r' => messages.extend(self.end_line()),
                byte => self.line.push(*byte),
            }
        }
        messages
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let line = line.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(&line);
        if line.is_empty() {
            return self.end_message();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment has no name. What was missed is not sent again, so ids say nothing.
            _ => {}
        }
        None
    }

    fn end_message(&mut self) -> Option<Message> {
        let event = std::mem::take(&mut self.event);
        let data = self.data.take()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Message { event, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 1\nevent: character.created\ndata: {\"name\":\"Zoë 🐾\"}\n\n\
                          :\n\nevent: missed\ndata: {\"missed\": 120}\n\n";

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let messages = pieces.into_iter().flat_map(|piece| parser.feed(piece));
        messages.map(|Message { event, data }| (event, data)).collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(event, data)| ((*event).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn it_does_not_matter_where_a_stream_is_cut() {
        let expected =
            of(&[("character.created", "{\"name\":\"Zoë 🐾\"}"), ("missed", "{\"missed\": 120}")]);
        for stream in [STREAM.to_owned(), STREAM.replace('\n', "\r\n"), STREAM.replace('\n', "\r")]
        {
            let bytes = stream.as_bytes();
            assert_eq!(parse([bytes]), expected);
            assert_eq!(parse(bytes.chunks(1)), expected, "a byte at a time");
            for cut in 0..bytes.len() {
                let (one, other) = bytes.split_at(cut);
                assert_eq!(parse([one, other]), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_message_is_complete_with_its_empty_line_only() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(b"event: a\ndata: 1\n"), []);
        assert_eq!(parser.feed(b"\n").len(), 1);
        assert_eq!(parser.feed(b"\n\n"), []);
    }

    #[test]
    fn a_message_without_data_is_none_and_its_name_is_forgotten() {
        assert_eq!(parse([&b"event: a\n\ndata: 1\n\n"[..]]), of(&[("message", "1")]));
    }

    #[test]
    fn lines_of_data_are_joined_and_one_space_is_no_part_of_them() {
        let stream = b"\xef\xbb\xbfdata:a\ndata:  b\ndata\nretry: 5\nother: x\n\n";
        assert_eq!(parse([&stream[..]]), of(&[("message", "a\n b\n")]));
    }

    #[test]
    fn what_is_no_text_does_not_end_the_stream() {
        assert_eq!(parse([&b"data: \xff\n\n"[..]]), of(&[("message", "\u{fffd}")]));
    }
}
