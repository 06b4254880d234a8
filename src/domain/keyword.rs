//! What somebody who answers a text message asks for: STOP, HELP or START, in the words of the
//! rules and in those of people, in English and in Chinese.
//!
//! A message counts only as a whole: every word of it must belong to the request. So "please stop
//! texting me" is one, and "don't stop, I like them" or "when does it end?" is none. What is not
//! understood is left to a person to read. Where it is open what is to stop ("cancel it"), it is
//! the messages: that can be undone.
//!
//! STOP words: 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe); CTIA
//! Messaging Principles and Best Practices 2023, section 5.1.3 (natural language); ARRET and AIDE
//! are asked for in Canada; 退订, TD, T and R are what Chinese messages ask to reply.

use serde::{Deserialize, Serialize};

/// What an answer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// Nothing more, please.
    Stop,
    /// Who are you, and how do I get out of this?
    Help,
    /// Messages again, please. `yes` is not among its words: it may answer anything.
    Start,
}

/// The longest text that can be a request, in characters: more is a letter, for a person to read.
const REQUEST_CHARS_MAX: usize = 120;

/// Whole messages of one word.
const WORDS: [(Keyword, &[&str]); 3] = [
    (Keyword::Stop, &["arret", "arrêt", "td", "t", "r", "stopp"]),
    (Keyword::Help, &["help", "info", "aide"]),
    (Keyword::Start, &["start", "unstop", "subscribe", "resubscribe", "restart"]),
];

/// What a request to stop begins with; longer ones stand before those that they begin with.
const STOP_BEGINS: [&str; 30] = [
    "stop all", "stopall", "stop", "unsubscribe", "unsub", "cancel", "quit", "end", "revoke",
    "optout", "opt out", "opt me out", "remove me", "take me off", "leave me alone", "no more",
    "do not text", "dont text", "do not message", "dont message", "do not contact", "dont contact",
    "do not send me", "dont send me", "do not write", "dont write", "no longer", "delete me",
    "delete my number", "remove my number",
];

/// What may stand before it.
const STOP_BEFORE: [&str; 22] = [
    "please", "pls", "plz", "kindly", "hi", "hello", "ok", "okay", "just", "can you", "could you",
    "would you", "will you", "i want to", "i would like to", "id like to", "i want you to",
    "you must", "i wish to", "sorry", "i said", "want to",
];

/// What may stand after it: every word of the rest is one of these.
const STOP_AFTER: [&str; 62] = [
    "all", "alert", "alerts", "again", "and", "any", "anymore", "contact", "contacting", "ever",
    "everything", "from", "future", "here", "immediately", "it", "list", "lists", "mailing",
    "marketing", "me", "message", "messages", "messaging", "more", "msg", "msgs", "my", "now",
    "number", "of", "off", "or", "please", "pls", "plz", "promotional", "promotions", "receive",
    "receiving", "right", "send", "sending", "sms", "spam", "spamming", "subscription", "text",
    "texting", "texts", "thank", "thanks", "that", "the", "these", "this", "those", "to", "today",
    "writing", "you", "your",
];

/// Questions and requests that HELP answers, whole.
const HELP_PHRASES: [&str; 14] = [
    "help me", "help please", "please help", "i need help", "who is this", "who are you",
    "who is it", "how do i stop", "how to stop", "how do i unsubscribe", "how to unsubscribe",
    "how do i opt out", "how can i unsubscribe", "how do i stop this",
];

/// Requests for messages again, whole.
const START_PHRASES: [&str; 6] =
    ["opt in", "opt me in", "sign me up", "please start", "start please", "subscribe me"];

/// Chinese requests, without what is said around them.
const CHINESE: [(Keyword, &[&str]); 3] = [
    (
        Keyword::Stop,
        &[
            "退订", "退訂", "取消订阅", "取消訂閱", "取消", "拒收", "停止", "停止发送", "停止發送",
            "停止接收", "停发", "退", "不要再发", "不要再發", "别再发", "別再發", "别发", "別發",
            "不要发", "不要發", "勿发", "勿發", "勿扰", "请勿打扰", "不要打扰", "不想再收到",
            "不想收到", "不再接收", "不要再给我发", "别再给我发", "不要给我发", "别给我发",
            "回复td", "回复t", "回复r", "回复退订", "回td", "回t", "回r", "回退订", "td退订",
            "t退订", "r退订", "退订td", "退订t", "退订r", "拒收r", "回复td退订", "回复t退订",
            "回td退订", "回t退订", "拒收请回复r", "拒收回复r", "退订回t", "退订回td", "退订回复t",
            "退订回复td", "退订请回复td", "退订请回复t",
        ],
    ),
    (
        Keyword::Help,
        &[
            "帮助", "幫助", "求助", "怎么退订", "怎樣退訂", "怎样退订", "如何退订", "如何退訂",
            "怎么取消", "如何取消", "怎么取消订阅", "如何取消订阅", "你是谁", "你们是谁", "您是谁",
        ],
    ),
    (
        Keyword::Start,
        &[
            "订阅", "訂閱", "恢复", "恢復", "恢复订阅", "恢復訂閱", "重新订阅", "重新訂閱",
            "恢复接收", "继续接收", "开始", "開始",
        ],
    ),
];

/// What may be said before and after a Chinese request, the longest first.
const CHINESE_BEFORE: [&str; 12] = [
    "麻烦帮我", "请帮我", "麻烦您", "我想要", "你好", "您好", "帮我", "麻烦", "我要", "我想", "请",
    "請",
];
const CHINESE_AFTER: [&str; 20] = [
    "这些短信", "此类短信", "营销短信", "垃圾短信", "谢谢你", "谢谢您", "此短信", "的短信", "这些",
    "短信", "短訊", "简讯", "信息", "消息", "谢谢", "謝謝", "了", "吧", "啊", "哦",
];

/// Reads an answer; `None` if it asks for none of the three, or for something else as well.
pub fn classify(text: &str) -> Option<Keyword> {
    if text.chars().nth(REQUEST_CHARS_MAX).is_some() {
        return None;
    }
    let words = words(text);
    let sentence = words.join(" ");
    if let [word] = words.as_slice()
        && let Some(keyword) = find(&WORDS, word)
    {
        return Some(keyword);
    }
    if asks_to_stop(&sentence) {
        return Some(Keyword::Stop);
    }
    if HELP_PHRASES.contains(&sentence.as_str()) {
        return Some(Keyword::Help);
    }
    if START_PHRASES.contains(&sentence.as_str()) {
        return Some(Keyword::Start);
    }
    chinese(&words.concat())
}

fn find(table: &[(Keyword, &[&str])], word: &str) -> Option<Keyword> {
    table.iter().find(|(_, known)| known.contains(&word)).map(|(keyword, _)| *keyword)
}

/// The words of a text in small letters, without punctuation, emoji and the apostrophes inside
/// (`don't` is `dont`); wide letters become narrow ones.
fn words(text: &str) -> Vec<String> {
    let narrow = text.chars().map(|c| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        other => other,
    });
    // Marks that tell nothing apart but would part a word.
    let unseen = ['\'', '\u{2018}', '\u{2019}', '\u{200B}', '\u{200D}', '\u{FEFF}', '\u{FE0F}'];
    let kept: String = narrow.filter(|c| !unseen.contains(c)).collect();
    let lower = kept.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Takes a phrase off the beginning of a sentence, if it ends there where a word does.
fn without<'a>(sentence: &'a str, phrase: &str) -> Option<&'a str> {
    let rest = sentence.strip_prefix(phrase)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

fn asks_to_stop(sentence: &str) -> bool {
    let mut rest = sentence;
    while let Some(shorter) = STOP_BEFORE.iter().find_map(|phrase| without(rest, phrase)) {
        rest = shorter;
    }
    let Some(after) = STOP_BEGINS.iter().find_map(|phrase| without(rest, phrase)) else {
        return false;
    };
    after.split_whitespace().all(|word| {
        STOP_AFTER.contains(&word) || STOP_BEGINS.contains(&word) // "stop stop stop"
    })
}

fn chinese(text: &str) -> Option<Keyword> {
    let mut rest = text;
    loop {
        if let Some(keyword) = find(&CHINESE, rest) {
            return Some(keyword);
        }
        let before = CHINESE_BEFORE.iter().find_map(|phrase| rest.strip_prefix(phrase));
        let shorter =
            before.or_else(|| CHINESE_AFTER.iter().find_map(|phrase| rest.strip_suffix(phrase)));
        rest = shorter.filter(|shorter| !shorter.is_empty())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(expected: Option<Keyword>, texts: &[&str]) {
        for text in texts {
            assert_eq!(classify(text), expected, "{text}");
        }
    }

    #[test]
    fn requests_to_stop_are_heard_in_the_words_of_people() {
        let words = [
            "STOP", " stop. ", "Stop!!!", "ＳＴＯＰ", "\u{201c}STOP\u{201d}", "stopall",
            "Stop all", "UNSUBSCRIBE", "cancel", "END", "Quit", "revoke", "OPT-OUT", "optout",
            "opt out", "ARRET", "Arrêt", "stop stop stop", "STOP \u{1F621}",
        ];
        all(Some(Keyword::Stop), &words);
        let sentences = [
            "please opt me out",
            "Please stop texting me",
            "stop sending me these messages",
            "Could you please stop sending texts? Thanks",
            "Don't text me again",
            "don’t text me",
            "I want to unsubscribe",
            "I'd like to opt out please",
            "Remove me from your list",
            "take me off this list now",
            "no more texts",
            "Leave me alone!",
            "cancel my subscription",
            "unsubscribe me",
            "Stop it please",
            "do not contact me anymore",
        ];
        all(Some(Keyword::Stop), &sentences);
        let chinese = [
            "退订",
            "退订。",
            "【退订】",
            "TD",
            "td",
            "T",
            "ｔ",
            "Ｔ",
            "R",
            "“T”",
            "回复TD",
            "回T退订",
            "取消订阅",
            "拒收",
            "退訂",
            "我要退订",
            "请帮我退订，谢谢",
            "退订短信",
            "不要再发了",
            "别再发短信了",
            "请停止发送",
            "请不要再给我发短信",
            "退订 T",
            "拒收请回复R",
            "不想再收到短信",
        ];
        all(Some(Keyword::Stop), &chinese);
    }

    #[test]
    fn requests_for_help_and_for_messages_again_are_heard() {
        let help = [
            "HELP", "help!", "INFO", "Aide", "I need help", "Who is this?",
            "How do I unsubscribe?", "帮助", "幫助", "怎么退订？", "你们是谁？",
        ];
        all(Some(Keyword::Help), &help);
        let start = [
            "START", "start.", "UNSTOP", "Subscribe", "opt in", "恢复订阅", "重新订阅", "开始",
            "我要订阅",
        ];
        all(Some(Keyword::Start), &start);
    }

    #[test]
    fn ordinary_sentences_ask_for_nothing() {
        let english = [
            "",
            "   ",
            "!!!",
            "\u{1F44D}",
            "yes",
            "no",
            "ok",
            "thanks",
            "Don't stop",
            "please don't stop sending me texts",
            "stop by the shop tomorrow",
            "Where is the bus stop?",
            "stop the delivery to my office",
            "I can't stop laughing",
            "When does it end?",
            "the end",
            "end of story",
            "cancel my order",
            "Cancel the table",
            "I quit smoking",
            "can you help my brother",
            "help yourself",
            "info@example.com",
            "start of the week?",
            "When do we start?",
            "Let's start",
            "unsubscribed by mistake?",
            "T-shirt size L",
            "R u there",
            "t 5",
            "stopwatch",
            "weekend",
            "Never stop learning",
            "no",
            "nope",
            "remove the first item",
            "no longer interested in the red one",
            "do not text while driving",
            "I did not opt out",
            "quit or stay?",
            "STOP or GO?",
        ];
        all(None, &english);
        let chinese = [
            "不退订", "我不想退订", "不要退订", "退订的人多吗", "订单取消了吗", "取消订单",
            "停止营业了吗", "你好", "谢谢", "好的", "不要", "请问几点开始", "开始下雨了",
            "帮助文档在哪里", "T恤", "退款", "退货", "拒收货物", "别再发脾气", "不停",
            "订阅号是多少", "恢复出厂设置", "短信", "请", "不要再发错货了",
        ];
        all(None, &chinese);
        assert_eq!(classify(&"stop ".repeat(40)), None);
    }
}
