//! Makes visitors' input safe for a message to an unproved address; without it, anybody could use a
//! form to send anything to anybody. The stored value stays as typed.

pub use crate::domain::field::text::{is_bidi, is_invisible};

/// The most characters of one value in such a message; there is room for the longest names.
pub const TYPED_CHARS_MAX: usize = 64;

/// The number of characters examined; the rest is dropped.
const TYPED_LOOKED_AT_MAX: usize = 512;

/// Schemes that programs turn into links even without `//`.
const SCHEMES: [&str; 9] =
    ["mailto:", "tel:", "sms:", "callto:", "skype:", "javascript:", "data:", "bitcoin:", "magnet:"];

/// How people write a dot or an @ to hide it from programs.
const SPELLED: [(&str, &str); 10] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("[:]", ":"),
];

/// Top-level domains in Chinese. An ideographic full stop also separates sentences.
const CHINESE_TOPS: [&str; 14] = [
    "中国", "中國", "公司", "网络", "網絡", "网址", "商城", "网店", "香港", "台湾", "台灣", "在线",
    "中文网", "集团",
];

/// Returns one line of at most `TYPED_CHARS_MAX` characters without addresses, links, host names
/// and invisible characters; empty if nothing else was typed.
pub fn bounded(text: &str) -> String {
    let line = one_line(text);
    let kept: Vec<String> = line.split_whitespace().map(word).collect();
    let kept = kept.join(" ");
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = kept.char_indices().nth(TYPED_CHARS_MAX) else { return kept };
    let cut = &kept[..end];
    // Do not cut within a word, unless that would leave little.
    let words = cut.rfind(' ').filter(|space| *space > end / 2).map_or(cut, |space| &cut[..space]);
    format!("{words}…")
}

/// Removes invisible characters and replaces control characters with spaces, because terminals
/// interpret them.
pub fn visible(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    seen.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Returns the text in one line, with letters and signs in the form that programs read.
fn one_line(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c)).take(TYPED_LOOKED_AT_MAX);
    let plain: String = seen.map(|c| if c.is_control() { ' ' } else { plain(c) }).collect();
    let plain = SPELLED.iter().fold(plain, |text, (spelled, sign)| {
        text.replace(spelled, sign).replace(&spelled.to_uppercase(), sign)
    });
    let is_dot = |(index, c): (usize, char)| c == '。' && is_host_next(&plain[index + 3..]);
    let dotted = plain.char_indices().map(|one| if is_dot(one) { '.' } else { one.1 });
    let dotted: String = dotted.collect();
    let (mut line, mut is_after_dot) = (String::new(), false);
    for word in dotted.split_whitespace() {
        // `evil . example`: a full stop is not written this way.
        let is_before = word.starts_with('.') && !word.starts_with("..");
        if !(is_before || is_after_dot || line.is_empty()) {
            line.push(' ');
        }
        line.push_str(word);
        is_after_dot = word == ".";
    }
    line
}

/// Returns whether the text after an ideographic full stop ends a host name instead of beginning a
/// sentence.
fn is_host_next(rest: &str) -> bool {
    let next = rest.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default();
    let is_ascii = next.len() >= 2 && next.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_ascii || CHINESE_TOPS.contains(&next)
}

/// Returns the plain form of signs and letters of other widths.
fn plain(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            char::from_u32(c as u32 - 0xfee0).unwrap_or(c)
        }
        '\u{ff0e}' | '\u{2024}' | '\u{fe52}' => '.',
        '\u{ff61}' => '。',
        '\u{ff20}' | '\u{fe6b}' => '@',
        '\u{ff1a}' | '\u{fe55}' | '\u{2236}' | '\u{a789}' => ':',
        '\u{ff0f}' | '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{ff3c}' | '\u{fe68}' => '\\',
        '\u{2028}' | '\u{2029}' => ' ',
        _ => c,
    }
}

/// Returns what may stay of a word (the text between two spaces).
fn word(word: &str) -> String {
    let small = word.to_lowercase();
    let is_link = word.contains('@')
        || ["//", "\\\\", "www."].iter().any(|sign| small.contains(sign))
        || SCHEMES.iter().any(|scheme| small.contains(scheme));
    let is_separator = |c: char| !(c.is_alphanumeric() || "._-'’·/:#?&=%+~".contains(c));
    let mut left = String::new();
    let (mut is_left_out, mut piece) = (is_link, String::new());
    for c in word.chars().chain(['\0']) {
        if !is_separator(c) {
            piece.push(c);
            continue;
        }
        match name(&piece) {
            Some(name) => left.push_str(&name),
            None => is_left_out |= word.contains('/'),
        }
        piece.clear();
        left.extend(Some(c).filter(|c| *c != '\0'));
    }
    let has_letters = |text: &str| text.contains(char::is_alphanumeric);
    if is_left_out || has_letters(word) && !has_letters(&left) { String::new() } else { left }
}

/// Returns a piece of a word with a space after its dots, as in `J. R. Smith`; `None` if it is a
/// host name.
fn name(piece: &str) -> Option<String> {
    let parts = piece.trim_matches('.').split("..").map(joint);
    match parts.max().unwrap_or(Joint::Loose) {
        Joint::Loose => Some(piece.to_owned()),
        Joint::Name => Some(piece.replace('.', ". ")),
        Joint::Host => None,
    }
}

/// What the dots join, ordered from harmless to worst.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Joint {
    /// Nothing, or digits, or text that no program turns into a link.
    Loose,
    /// Initials and names.
    Name,
    /// Text that a program turns into a link.
    Host,
}

fn joint(part: &str) -> Joint {
    let Some((others, last)) = part.rsplit_once('.') else { return Joint::Loose };
    let others: Vec<&str> = others.split('.').collect();
    let ends_well = |label: &&str| label.ends_with(char::is_alphanumeric);
    let top = last.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default();
    let is_octet = |label: &&str| label.len() <= 3 && label.bytes().all(|b| b.is_ascii_digit());
    if !top.contains(char::is_alphabetic) {
        let is_address = others.len() == 3 && others.iter().all(is_octet) && is_octet(&top);
        return if is_address { Joint::Host } else { Joint::Loose };
    }
    if !others.iter().all(ends_well) || top.starts_with('-') || top.chars().count() < 2 {
        return Joint::Loose;
    }
    let is_initial = |label: &&str| label.chars().count() <= 2;
    let mut letters = top.chars();
    let is_titled =
        letters.next().is_some_and(char::is_uppercase) && !letters.any(char::is_uppercase);
    // Two Chinese characters are a word, not an initial.
    let is_short = others.iter().all(is_initial) && !CHINESE_TOPS.contains(&top);
    let is_name = top == last && (is_short || is_titled);
    if is_name { Joint::Name } else { Joint::Host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_are_unchanged() {
        for name in [
            "欧阳娜娜",
            "卡尔·马克思",
            "O'Brien-Smith",
            "St. John",
            "Dr. No",
            "J. R. R. Tolkien",
            "Zoë D’Angelo",
            "José Ñúñez",
            "Nguyễn Thị Minh Khai",
            "محمد علي",
            "נועה לוי",
            "Juan Carlos Alfonso Víctor María de Borbón y Borbón-Dos Sicilias",
            "Wolfeschlegelsteinhausenbergerdorff",
            "Dipl.-Ing. Müller",
            "Ph.D",
            "e.V.",
            "AT&T",
            "Smith GmbH & Co. KG",
            "A/S Møller",
            "3.5",
            "1.000,50",
            "12.03.2026",
            "+44 20 7946 0958",
            "张三（北京）有限公司",
            "您好，我想了解价格。谢谢",
            "Jo...",
            "👩‍👩‍👧".replace('\u{200d}', "").as_str(),
            "Sentence one. Sentence two.",
            "Yahoo!",
            "C#",
            "x",
            "",
        ] {
            assert_eq!(bounded(name), name);
        }
    }

    #[test]
    fn link_like_text_is_removed() {
        for (typed, left) in [
            ("https://evil.example/p Jo", "Jo"),
            ("Jo hxxp://evil.example", "Jo"),
            ("Jo HTTPS：／／evil．example", "Jo"),
            ("evil.example", ""),
            ("Visit evil.example now", "Visit now"),
            ("evil。example", ""),
            ("evil｡com", ""),
            ("evil．example", ""),
            ("ｅｖｉｌ．ｃｏｍ", ""),
            ("𝐞𝐯𝐢𝐥.𝐜𝐨𝐦", ""),
            ("ev\u{200b}il.exam\u{ad}ple", ""),
            ("evil\u{2024}example", ""),
            ("evil . example", ""),
            ("evil .example", ""),
            ("evil. example", "evil. example"),
            ("evil[.]example", ""),
            ("evil(DOT)example", ""),
            ("公司。中国", ""),
            ("例子.中国", ""),
            ("www.evil", ""),
            ("t.co/abc Jo", "Jo"),
            ("x.com", "x. com"),
            ("evil.example/a?b=c,d Jo", "Jo"),
            ("evil.example:8080", ""),
            ("(evil.example)", ""),
            ("evil.example...", ""),
            ("...evil.example", ""),
            ("a..evil.example", ""),
            ("192.168.1.1 Jo", "Jo"),
            ("jo@evil.example", ""),
            ("jo＠evil.example Jo", "Jo"),
            ("jo(at)evil.example", ""),
            ("@handle Jo", "Jo"),
            ("tel:+1900 Jo", "Jo"),
            ("\\\\evil\\share Jo", "Jo"),
            ("<a href=https://evil.example>Jo", "<a"),
            ("evil.example,Jo", ",Jo"),
        ] {
            assert_eq!(bounded(typed), left, "{typed}");
        }
    }

    #[test]
    fn words_joined_by_a_dot_are_separated() {
        for (typed, left) in [
            ("J.R.R.Tolkien", "J. R. R. Tolkien"),
            ("Dr.No", "Dr. No"),
            ("Prof.Müller", "Prof. Müller"),
            ("Evil.Example", "Evil. Example"),
            ("1.FC Köln", "1. FC Köln"),
        ] {
            assert_eq!(bounded(typed), left);
        }
    }

    #[test]
    fn text_is_one_short_visible_line() {
        assert_eq!(bounded("Jo\r\nBcc: eve\t x"), "Jo Bcc: eve x");
        assert_eq!(bounded("\u{202e}oJ\u{202c} \u{2066}Bo\u{2069}\u{feff}"), "oJ Bo");
        assert_eq!(bounded("\u{e0041}\u{200f}"), "");
        let long = bounded(&"word ".repeat(100));
        assert_eq!(long.chars().count(), 60, "{long}");
        assert!(long.ends_with("word…"));
        assert_eq!(bounded(&"长".repeat(300)).chars().count(), TYPED_CHARS_MAX + 1);
    }
}
