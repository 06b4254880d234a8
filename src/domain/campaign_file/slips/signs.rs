//! Characters that only look like TOML syntax.

/// Characters typed with a Chinese keyboard or a word processor, and the TOML character meant.
const LOOKALIKES: &[(char, &str, &str)] = &[
    ('“', "a curly quote", "\""),
    ('”', "a curly quote", "\""),
    ('„', "a curly quote", "\""),
    ('«', "an angle quote", "\""),
    ('»', "an angle quote", "\""),
    ('‘', "a curly quote", "'"),
    ('’', "a curly quote", "'"),
    ('「', "a corner quote", "\""),
    ('」', "a corner quote", "\""),
    ('＂', "a full-width quote", "\""),
    ('＇', "a full-width quote", "'"),
    ('＝', "a full-width equals sign", "="),
    ('［', "a full-width bracket", "["),
    ('］', "a full-width bracket", "]"),
    ('【', "a full-width bracket", "["),
    ('】', "a full-width bracket", "]"),
    ('｛', "a full-width brace", "{"),
    ('｝', "a full-width brace", "}"),
    ('，', "a full-width comma", ","),
    ('、', "a full-width comma", ","),
    ('．', "a full-width dot", "."),
    ('＃', "a full-width hash", "#"),
    ('：', "a full-width colon", "="),
    ('；', "a full-width semicolon", ""),
    ('\u{3000}', "a full-width space", " "),
    ('\u{a0}', "a no-break space", " "),
    ('\u{200b}', "an invisible space", ""),
    ('\u{feff}', "an invisible byte order mark", ""),
];

/// Returns a description of a character and the TOML character meant; `None` for a character that
/// does not look like TOML syntax.
pub(super) fn lookalike(char: char) -> Option<(&'static str, String)> {
    if let Some((_, what, right)) = LOOKALIKES.iter().find(|(sign, ..)| *sign == char) {
        return Some((what, (*right).to_owned()));
    }
    // The full-width forms have the same order in Unicode as the plain ones in ASCII.
    let plain = u32::from(char).checked_sub(0xfee0).and_then(char::from_u32)?;
    let what = match plain {
        '0'..='9' => "a full-width digit",
        'a'..='z' | 'A'..='Z' => "a full-width letter",
        '!'..='~' => "a full-width sign",
        _ => return None,
    };
    Some((what, plain.to_string()))
}
