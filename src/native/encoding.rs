//! Detects the encoding of text that may not be UTF-8.

use chardetng::EncodingDetector;
use encoding_rs::{BIG5, Decoder, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// The number of bytes at the start of a file by which its encoding is detected.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Detects an encoding from the start of a text: by its byte order mark, else the most likely one.
pub fn of(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    if let Some(wide) = wide(head) {
        return wide;
    }
    if is_utf8(head) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(head, true);
    match detector.guess(None, false) {
        encoding if encoding == GBK => GB18030,
        encoding if encoding.is_single_byte() && is_gb2312(head) => GB18030,
        encoding => encoding,
    }
}

/// Returns the common name of an encoding.
pub fn name(encoding: &'static Encoding) -> &'static str {
    match encoding {
        encoding if encoding == GB18030 => "GBK (GB18030)",
        encoding if encoding == BIG5 => "Big5",
        encoding if encoding == UTF_16LE || encoding == UTF_16BE => "UTF-16",
        encoding => encoding.name(),
    }
}

/// Detects UTF-16 without a byte order mark: every other byte of ASCII text is zero.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = head.len() / 8;
    match head.len() >= 4 && even + odd > many {
        true if odd > even * 4 => Some(UTF_16LE),
        true if even > odd * 4 => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether the text is UTF-8, even with a few broken bytes or a truncated end. In Chinese text of
/// other encodings, only one pair of bytes in six would also be valid UTF-8.
fn is_utf8(head: &[u8]) -> bool {
    let (mut letters, mut broken, mut left) = (0, 0, head.len());
    for chunk in head.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        left -= chunk.valid().len() + chunk.invalid().len();
        broken += usize::from(!chunk.invalid().is_empty() && left > 0);
    }
    broken <= 2 * letters
}

/// Whether all non-ASCII bytes form pairs that are common characters of GB 2312. A short text has
/// too few of them to be distinguished from Western letters otherwise.
fn is_gb2312(head: &[u8]) -> bool {
    let mut bytes = head.iter().copied().filter(|byte| *byte != b'\r').peekable();
    let mut pairs = 0;
    while let Some(byte) = bytes.next() {
        if byte.is_ascii() {
            continue;
        }
        let is_lead = matches!(byte, 0xA1..=0xA3 | 0xB0..=0xF7);
        match bytes.next() {
            Some(0xA1..=0xFE) if is_lead => pairs += 1,
            _ => return false,
        }
    }
    pairs > 0
}

/// A stream that converts its source to UTF-8.
pub struct Decoded<R> {
    input: R,
    decoder: Decoder,
    out: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl<R: Read> Decoded<R> {
    /// Reads a source in the given encoding and removes its byte order mark.
    pub fn new(input: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { input, decoder, out: Vec::new(), at: 0, is_over: false }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, wanted: &mut [u8]) -> io::Result<usize> {
        let mut raw = [0; 8 * 1024];
        while self.at == self.out.len() && !self.is_over {
            let count = self.input.read(&mut raw)?;
            self.is_over = count == 0;
            let most = self.decoder.max_utf8_buffer_length(count).unwrap_or(raw.len() * 4);
            self.out.resize(most, 0);
            let (_, _, written, _) =
                self.decoder.decode_to_utf8(&raw[..count], &mut self.out, self.is_over);
            self.out.truncate(written);
            self.at = 0;
        }
        let count = wanted.len().min(self.out.len() - self.at);
        wanted[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_encoding_is_guessed() {
        let long =
            "[campaign]\nname = \"春季网络研讨会\"\n# 面向企业客户，介绍新产品的功能和价格\n";
        let traditional = "[campaign]\nname = \"春季網路研討會，歡迎報名參加，名額有限\"\n";
        for (text, encoding, name_of) in [
            (long, GB18030, "GBK (GB18030)"),
            ("name = \"春季\"", GB18030, "GBK (GB18030)"),
            (traditional, BIG5, "Big5"),
            ("Zoë, Søren, café, Müller", encoding_rs::WINDOWS_1252, "windows-1252"),
        ] {
            let (bytes, ..) = encoding.encode(text);
            assert_eq!(name(of(&bytes)), name_of, "{text}");
        }
        let wide: Vec<u8> = "a@x.example,春\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(of(&wide), UTF_16LE);
        let wide: Vec<u8> = "a@x.example,春\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(of(&wide), UTF_16BE);
        for utf8 in ["", "ascii", "\u{feff}春", "春天"] {
            assert_eq!(of(utf8.as_bytes()), UTF_8);
        }
        assert_eq!(of(&"春天".as_bytes()[..4]), UTF_8, "cut off within a character");
        assert_eq!(of(b"\xe6\x98\xa5,\xff\xfe\n"), UTF_8, "a broken byte after good ones");
    }

    #[test]
    fn stream_is_decoded_across_chunks() {
        let text = "春".repeat(10_000);
        let (bytes, ..) = GB18030.encode(&text);
        let mut read = String::new();
        Decoded::new(&bytes[..], GB18030).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }
}
