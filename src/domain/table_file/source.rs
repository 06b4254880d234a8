//! The bytes of a file as UTF-8, in a buffer that begins where the next row begins; and at which
//! byte of the file that is.

use super::ROW_BYTES_MAX;
use super::encoding::{Encoding, Gb18030Decoder, decode_utf16, whole_gb18030};

/// How many bytes are taken at once. Larger pieces are no faster.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// How much undecoded or unread text may wait before more is taken.
const WAITING_BYTES_MAX: usize = ROW_BYTES_MAX + 1;

pub(super) struct Source<'d> {
    encoding: Encoding,
    decoder: Gb18030Decoder<'d>,
    /// Decoded text; rows before `start` have been read.
    text: Vec<u8>,
    start: usize,
    /// The bytes that the text was decoded from; empty for UTF-8, where they are the text.
    raw: Vec<u8>,
    /// Bytes that are not decoded yet: the beginning of a character, or of the file.
    undecoded: Vec<u8>,
    /// The place in the file where the text begins, in bytes.
    offset: u64,
    /// Whether a byte order mark may follow.
    is_beginning: bool,
    is_finished: bool,
}

impl<'d> Source<'d> {
    pub fn new(encoding: Encoding, offset: u64, decoder: Gb18030Decoder<'d>) -> Self {
        Self {
            encoding,
            decoder,
            text: Vec::new(),
            start: 0,
            raw: Vec::new(),
            undecoded: Vec::new(),
            offset,
            is_beginning: offset == 0,
            is_finished: false,
        }
    }

    /// Takes some of the bytes, and returns how many; none while too much text waits to be read.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        if self.text.len() - self.start > WAITING_BYTES_MAX {
            return 0;
        }
        self.drop_what_was_read();
        let taken = bytes.len().min(PIECE_BYTES);
        if self.encoding == Encoding::Utf8 && !self.is_beginning {
            self.text.extend_from_slice(&bytes[..taken]);
        } else {
            self.undecoded.extend_from_slice(&bytes[..taken]);
            self.decode();
        }
        taken
    }

    /// Says that no more bytes follow.
    pub fn finish(&mut self) {
        self.is_finished = true;
        self.decode();
    }

    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// The text that has not been read.
    pub fn text(&self) -> &[u8] {
        &self.text[self.start..]
    }

    /// Marks text as read: up to a line break, or all of it.
    pub fn read(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// The place in the file where the unread text begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset + self.raw_length(self.start) as u64
    }

    /// How many bytes are held at the moment.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.text.capacity() + self.raw.capacity() + self.undecoded.capacity()
    }

    fn decode(&mut self) {
        if self.is_beginning {
            let mark = self.encoding.mark();
            if self.undecoded.len() < mark.len() && !self.is_finished {
                return;
            }
            if self.undecoded.starts_with(mark) {
                self.undecoded.drain(..mark.len());
                self.offset += mark.len() as u64;
            }
            self.is_beginning = false;
        }
        let used = match self.encoding {
            Encoding::Utf8 => {
                self.text.append(&mut self.undecoded);
                return;
            }
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let is_little = self.encoding == Encoding::Utf16Le;
                decode_utf16(&self.undecoded, is_little, self.is_finished, &mut self.text)
            }
            Encoding::Gb18030 => {
                let whole = match self.is_finished {
                    true => self.undecoded.len(),
                    false => whole_gb18030(&self.undecoded),
                };
                let text = (self.decoder)(&self.undecoded[..whole]);
                self.text.extend_from_slice(text.as_bytes());
                whole
            }
        };
        self.raw.extend(self.undecoded.drain(..used));
    }

    fn drop_what_was_read(&mut self) {
        if self.start == 0 {
            return;
        }
        let raw = self.raw_length(self.start);
        self.offset += raw as u64;
        if self.encoding != Encoding::Utf8 {
            self.raw.drain(..raw);
        }
        self.text.drain(..self.start);
        self.start = 0;
    }

    /// Returns from how many bytes of the file a beginning of the text was decoded. It ends at a
    /// line break, or with the text. A line break stands for itself in every encoding, so the
    /// breaks of the bytes are those of the text, and counting them finds the place.
    fn raw_length(&self, text_length: usize) -> usize {
        if self.encoding == Encoding::Utf8 || text_length == 0 {
            return text_length;
        }
        if text_length == self.text.len() {
            return self.raw.len();
        }
        let is_break = |byte: &&u8| matches!(**byte, b'\n' | b'\r');
        let breaks = self.text[..text_length].iter().filter(is_break).count();
        let nth = breaks.saturating_sub(1);
        let place = match self.encoding {
            Encoding::Utf16Le => wide_break(&self.raw, nth, u16::from_le_bytes),
            Encoding::Utf16Be => wide_break(&self.raw, nth, u16::from_be_bytes),
            _ => {
                let mut places = self.raw.iter().enumerate().filter(|(_, byte)| is_break(byte));
                places.nth(nth).map(|(place, _)| place + 1)
            }
        };
        place.unwrap_or(self.raw.len())
    }
}

/// Returns the place after a line break of UTF-16.
fn wide_break(raw: &[u8], nth: usize, unit: impl Fn([u8; 2]) -> u16) -> Option<usize> {
    let units = raw.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut places = units.enumerate().filter(|(_, unit)| matches!(unit, 0x0A | 0x0D));
    places.nth(nth).map(|(place, _)| 2 * (place + 1))
}
