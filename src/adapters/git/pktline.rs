//! Git's framing: a line is four hex digits of length (themselves included) and its bytes; 0000, 0001 and 0002 are marks.
//!
//! Only bytes here: nothing is read from the network and no line is given a meaning.

/// Most bytes one line may carry, the four digits not counted.
const LONGEST: usize = 65_516;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    /// `0000`: the end of a list or of a message.
    Flush,
    /// `0001`: the end of a section (protocol 2).
    Delimiter,
    /// `0002`: the end of a response (protocol 2, stateless).
    End,
    /// Bytes.
    Line(Vec<u8>),
}

impl Packet {
    /// A line as text without its newline, what is no text replaced by U+FFFD; `None` for marks.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Line(bytes) => Some(String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes)).into_owned()),
            Self::Flush | Self::Delimiter | Self::End => None,
        }
    }
}

/// Not Git's framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadFrame;

/// Takes bytes as they come, gives frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Adds what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete frame, if it has arrived.
    ///
    /// # Errors
    /// When the length is no hex number or impossible.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, BadFrame> {
        let rest = &self.bytes[self.start..];
        let Some(digits) = rest.get(..4) else { return Ok(None) };
        let digits = std::str::from_utf8(digits).map_err(|_| BadFrame)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadFrame);
        }
        let length = usize::from_str_radix(digits, 16).map_err(|_| BadFrame)?;
        let (packet, used) = match length {
            0 => (Packet::Flush, 4),
            1 => (Packet::Delimiter, 4),
            2 => (Packet::End, 4),
            3 => return Err(BadFrame),
            length if length > LONGEST + 4 => return Err(BadFrame),
            length => match rest.get(4..length) {
                Some(line) => (Packet::Line(line.to_vec()), length),
                None => return Ok(None),
            },
        };
        self.start += used;
        Ok(Some(packet))
    }

    /// Whether nothing is left over.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }
}

/// Appends a line; its newline is the caller's.
pub(super) fn line(to: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= LONGEST, "a line of ours is too long");
    to.extend_from_slice(format!("{:04x}", text.len() + 4).as_bytes());
    to.extend_from_slice(text.as_bytes());
}

/// Appends `0000`.
pub(super) fn flush(to: &mut Vec<u8>) {
    to.extend_from_slice(b"0000");
}

/// Appends `0001`.
pub(super) fn delimiter(to: &mut Vec<u8>) {
    to.extend_from_slice(b"0001");
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(frames: &mut Frames) -> Vec<Packet> {
        std::iter::from_fn(|| frames.next().unwrap()).collect()
    }

    #[test]
    fn an_impossible_length_is_refused() {
        for bytes in [&b"0003"[..], b"zzzz", b"+004", b"fff5aaaa", b"\xff\xff\xff\xff"] {
            let mut frames = Frames::default();
            frames.push(bytes);
            assert_eq!(frames.next(), Err(BadFrame), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn frames_do_not_depend_on_how_the_bytes_arrive(
            lines in proptest::collection::vec("[a-z]{0,40}", 0..8),
            cut in 1usize..9,
        ) {
            let mut bytes = Vec::new();
            for text in &lines {
                line(&mut bytes, text);
                delimiter(&mut bytes);
            }
            flush(&mut bytes);
            let (mut at_once, mut in_pieces) = (Frames::default(), Frames::default());
            at_once.push(&bytes);
            let mut pieces = Vec::new();
            for piece in bytes.chunks(cut) {
                in_pieces.push(piece);
                pieces.extend(all(&mut in_pieces));
            }
            let whole = all(&mut at_once);
            prop_assert_eq!(whole.len(), lines.len() * 2 + 1);
            prop_assert_eq!(whole, pieces);
            prop_assert!(at_once.is_empty() && in_pieces.is_empty());
        }
    }
}
