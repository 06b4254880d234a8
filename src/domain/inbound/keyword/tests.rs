use super::*;

/// The replies of `cases.txt`, each with whether it asks to stop.
#[test]
fn stop_requests_are_recognized_without_false_alarms() {
    let lines = include_str!("cases.txt").lines().filter(|line| !line.starts_with('#'));
    let cases: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(" | ")).collect();
    let misread = cases
        .iter()
        .filter(|(wanted, text)| (classify(text) == Some(Keyword::Stop)) != (*wanted == "stop"));
    let misread: Vec<_> = misread.collect();
    let stopped = misread.iter().filter(|(wanted, _)| *wanted == "none").count();
    assert!(cases.len() > 850, "{}", cases.len());
    assert!(stopped == 0 && misread.len() * 50 <= cases.len(), "{misread:#?}");
}

fn all(expected: Option<Keyword>, texts: &[&str]) {
    let misread: Vec<_> = texts.iter().filter(|text| classify(text) != expected).collect();
    assert!(misread.is_empty(), "not {expected:?}: {misread:#?}");
}

#[test]
fn common_stop_phrases_stop() {
    let words = [
        "STOP", " stop. ", "Stop!!!", "ＳＴＯＰ", "\u{201c}STOP\u{201d}", "stopall", "Stop all",
        "UNSUBSCRIBE", "cancel", "END", "Quit", "revoke", "OPT-OUT", "optout", "opt out", "ARRET",
        "Arrêt", "stop stop stop", "STOP \u{1F621}",
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
fn stop_phrases_inside_longer_texts_stop() {
    let requests = [
        "I revoke my consent",
        "withdraw my consent",
        "I do not consent",
        "Please remove",
        "enough already",
        "S T O P",
        "STOP2END",
        "\u{1f6d1}",
        "please make it stop",
        "Stop - I never signed up for this",
        "stop texting me or I will sue",
        "Stop the messages or I will report you",
        "stop spamming me you idiots",
        "stop blowing up my phone",
        "how about you stop texting me",
        "do not ever contact me again",
        "I don't want to hear from you again",
        "Can u stop texting me",
        "don't send these to me",
        "I don't want these anymore",
        "I'd rather not receive these messages",
        "Kindly refrain from contacting me",
        "lose this number",
        "remove my info from your database",
        "turn off notifications",
        "disable these texts",
        "I'm unsubscribing",
        "I didn't sign up for this",
        "unsuscribe",
        "stop messagin me",
        "麻烦退订一下",
        "退订所有",
        "退订全部短信",
        "取消接收",
        "我拒绝接收",
        "能不能不要再发短信",
        "你们能不能别发了",
        "可以不要发了吗",
        "烦死了别发了",
        "不要再傳簡訊給我",
        "別再傳了",
        "不要再寄了",
        "再发就投诉",
        "撤回同意",
        "你找错人了",
    ];
    all(Some(Keyword::Stop), &requests);
}

#[test]
fn phrases_against_stopping_do_not_stop() {
    let others = [
        "I don't want to stop receiving texts",
        "I do not want to stop getting messages",
        "I don't wish to stop these messages",
        "I dont need to unsubscribe from texts",
        "I don't want to cancel my messages",
        "I no longer want to stop messages",
        "I'd rather not stop the messages",
        "end of message",
        "能不能发短信",
        "可以发给我吗",
        "我不想退订",
        "turn off the light",
        "remove the second item",
        "I am at the end",
        "Can u text me",
        "I am mute",
        "不是本人签收",
        "一下",
    ];
    all(None, &others);
}

#[test]
fn help_and_start_phrases_are_recognized() {
    let help = [
        "HELP", "help!", "INFO", "Aide", "I need help", "Who is this?", "How do I unsubscribe?",
        "帮助", "幫助", "怎么退订？", "你们是谁？",
    ];
    all(Some(Keyword::Help), &help);
    let start = [
        "START", "start.", "UNSTOP", "Subscribe", "opt in", "恢复订阅", "重新订阅", "开始",
        "我要订阅",
    ];
    all(Some(Keyword::Start), &start);
}

#[test]
fn any_reasonable_stop_phrase_stops() {
    let english = [
        "please stop sending text reminders",
        "stop the reminders",
        "Stop notifications",
        "stop these updates",
        "never text me again",
        "take my number off your list",
        "Take this number off the list please",
        "Remove this number from your mailing list",
        "I don't want these texts anymore",
        "I do not want to receive any more messages from you",
        "I no longer wish to receive your messages",
        "im not interested",
        "Not interested, thanks",
        "wrong number",
        "You have the wrong number. Stop texting me.",
        "Wrong number, please remove me from your list",
        "STOP. I never signed up for this",
        "Stop texting me about my order",
        "stop sending me messages about the sale on Sunday",
        "Cease and desist all messages",
        "no texts please",
        "No more reminders!!",
        "enough with the texts already",
        "stop fucking texting me",
        "For the last time, stop messaging me",
        "I asked you to stop texting me",
        "Can you please take me off of this list? Thank you",
        "Please never contact me again",
        "quit texting me",
        "quit spamming me",
        "discontinue all text messages immediately",
        "Lose my number",
        "stop bothering me",
        "Stop bugging me with these promotions",
        "don't send me any more promos",
        "do not ever text me again",
        "unsubscribe me from all notifications",
        "cancel all alerts",
        "opt me out of these texts",
        "stop the damn texts",
        "Please discontinue these automated messages",
        "hey can you stop the daily reminders please",
        "I'm done with these messages",
        "stop all communications",
    ];
    all(Some(Keyword::Stop), &english);
    let chinese = [
        "别再给我发提醒了",
        "请停止发送提醒短信",
        "不要再发通知了",
        "以后别发了",
        "请不要再给我发广告短信",
        "不想再收到你们的信息",
        "我不想收到任何推广短信",
        "停止推送",
        "停止提醒",
        "关闭通知",
        "请取消提醒",
        "取消短信提醒服务",
        "把我从名单中删除",
        "请把我的号码从你们的名单里删掉",
        "删除我的手机号",
        "别烦我！",
        "不要再打扰我了",
        "不要再骚扰我",
        "你发错人了，别再发了",
        "不感兴趣，请不要再发短信",
        "拒绝接收营销短信",
        "今后不要给我发垃圾短信",
    ];
    all(Some(Keyword::Stop), &chinese);
}

#[test]
fn stop_words_about_other_things_do_not_stop() {
    let english = [
        "stop by at five",
        "Don't send it today",
        "do not call the office, call me",
        "never mind",
        "I never got your text",
        "no updates yet",
        "no news today?",
        "I don't want the red one",
        "I don't want to miss it",
        "take my number down",
        "remove the table from my order",
        "remove item 3 from the list of parts",
        "is the reminder for today?",
        "please send me a reminder",
        "I want reminders",
        "Please keep sending reminders, don't stop",
        "STOP! I mean, don't stop the messages",
        "Why did you stop sending me updates?",
        "you stopped texting me",
        "can I stop the treatment after a week?",
        "stop the order",
        "end of the month works",
        "Cancel my appointment on Monday",
        "cancel the reservation for two",
        "quit my job today lol",
        "what number is this",
        "the wrong number of boxes came",
        "not interested in blue, do you have green?",
        "enough for two people?",
        "delete the second line of my address",
        "no more than ten please",
        "no longer at this address, ship to my office",
        "block 7, second floor",
        "I got a text about my delivery",
        "leave it at the door",
        "get me two of these",
        "The bus does not stop here. Text me the address",
        "halt, who goes there",
        "unsubscribe link does not work, what now",
        "How many texts do you send?",
        "don't contact my wife about it",
    ];
    all(None, &english);
    let chinese = [
        "不要停止发送",
        "请不要取消提醒",
        "不要发货",
        "今天别发货",
        "取消今天的预约",
        "删除订单",
        "请提醒我",
        "记得通知我",
        "不用找零",
        "没收到短信",
        "收不到验证码短信",
        "怎么关闭闹钟",
        "别忘了提醒我",
        "不要红色的",
        "我不想要这个颜色",
        "通知什么时候发",
        "号码是多少",
        "把我的地址改一下",
        "退出登录怎么弄",
    ];
    all(None, &chinese);
}

#[test]
fn ordinary_sentences_are_no_keyword() {
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
        "帮助文档在哪里", "T恤", "退款", "退货", "拒收货物", "别再发脾气", "不停", "订阅号是多少",
        "恢复出厂设置", "短信", "请", "不要再发错货了",
    ];
    all(None, &chinese);
    assert_eq!(classify(&"stop ".repeat(40)), None);
}
