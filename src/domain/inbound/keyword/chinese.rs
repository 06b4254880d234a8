//! The grammar of a Chinese request. Chinese is written without spaces, so its sentences are
//! patterns, and polite phrases around a request are stripped from its ends.

use super::Keyword;
use regex_lite::Regex;

/// Whole requests, without the phrases around them.
const WHOLE: [(Keyword, &[&str]); 3] = [
    (
        Keyword::Stop,
        &[
            "退订", "退訂", "取消订阅", "取消訂閱", "取消", "拒收", "停止", "停发", "退", "退出",
            "别发", "不需要谢谢", "勿扰", "别烦我", "別煩我", "滚", "拉黑", "屏蔽", "td", "t", "r",
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

/// Requests to stop, as patterns of sentences; `SLOTS` defines the capitals.
const SENTENCES: [&str; 15] = [
    // 不要再给我发广告短信
    "(?:W*N+)?(?:Y)?(?:E)?(?:L)?(?:W*N+)?(?:就|都)?(?:请|請)?(?:都|就)?Q(?:G)?\
     (?:S)(?:给)?(?:我|本人)?(?:来)?(?:任何)?W*N*(?:给我|給我|来|來)?(?:了)?(?:E)?\
     (?:吗|嗎|吧)?",
    // 不想再收到你们的信息
    "(?:我|本人)?(?:不想|不愿意|不愿|不希望|不要|不需要|拒绝|拒絕|停止|不再|不用)(?:再|继续)*(?:收到|接收|接到|看到|看|收)W*N+(?:了)?",
    "(?:我|本人)?(?:不想|不愿意|不希望|不再|不要再|拒绝|拒絕|停止)(?:再|继续)?(?:收到|接收)(?:这些|这种)?(?:了)?",
    // 我不需要这些短信
    "(?:我)?(?:不想要|不需要|不要|用不着|拒绝|拒絕|拒收|不接受)(?:W*N+|推销|营销|促销)(?:了)?",
    // 关闭提醒
    "(?:取消|关闭|關閉|关掉|停掉|停止|屏蔽|退出|终止|拒收|退订|退訂|停用)(?:接收|订阅|訂閱|发送)?W*N+(?:的)?(?:服务|功能|订阅|訂閱)?",
    "(?:取消|退出|终止|停止)(?:我的|我)?(?:订阅|訂閱|接收|发送|發送)(?:服务)?",
    "(?:短信|全部|所有|彻底|永久|马上|立即|立刻|现在|給我|给我|我)+(?:退订|退訂)",
    "(?:退订|退訂|拒收|td|t|r|回复|请回复|请回|回)+(?:短信|所有|全部)?",
    // 把我从名单中删除；删除我的号码
    "(?:请)?(?:把|将|將)?(?:我|我的H|这个H|本H)(?:从W*B)?D(?:掉|了)?|(?:从W*B)?D(?:掉|了)?(?:我的|这个|本|我|该)H|\
     (?:从W*B)D(?:掉|了)?(?:我)",
    "(?:请)?(?:把|将|將)(?:我|我的H|这个H|本H)(?:移出|踢出|移除出|清出|拉出|剔除出)W*B",
    // 我没有同意接收短信
    "(?:我|本人)?(?:从来|从|根本|并)?(?:没|没有|沒有|未|未曾|不)(?:有)?(?:同意|订阅|訂閱|授权|注册|申请|要求|答应)(?:过|過)?\
     (?:你们|您们|贵公司|任何人)?(?:接收|收|给我发|发|发送|收到|推送|这个|这种)?W*N*",
    "(?:我|本人)?(?:撤回|撤销|收回|取消)(?:我的)?(?:同意|授权|許可|许可)(?:了)?",
    // 我不是本人；你发错人了
    "(?:你|你们)?(?:发错人|發錯人|找错人|打错|打错号码|打错电话|发错号码|号码错|电话错|认错人)(?:了)?|(?:我)?不是(?:本人|机主|他本人|她本人)|\
     (?:这个)?(?:H|机主)(?:已经|已|早就)?(?:换人|易主|换主人|不是他的|不是她的|不是本人)(?:了)?",
    // 再发就投诉
    "(?:你们)?(?:要是|如果|敢)?再(?:S)(?:我|短信)?(?:我)?(?:就|就要|马上)?(?:投诉|举报|报警|拉黑|起诉|12321)(?:你们|你)?(?:了)?",
    "(?:我)?(?:对此|对这个|对你们)?(?:不感兴趣|不感興趣|没兴趣|没有兴趣|沒興趣)",
];

/// What the capitals of `SENTENCES` stand for, in the order of their replacement.
const SLOTS: [(&str, &str); 10] = [
    ("Y", "你们公司|你们|您们|您|你|贵公司|贵司|你方|商家|拜托|求求|求"),
    ("E", "能不能|可不可以|可以|能否|能|可否|行不行|好吗"),
    ("L", "以后|今后|从今以后|往后|从此"),
    (
        "Q",
        "(?:不要|别|別|勿|请勿|不用|不必|不许|不准|禁止|停止|拒绝|拒絕|不得)(?:再|继续|总|老是|一直|總)*",
    ),
    (
        "G",
        "给我|給我|跟我|对我|向我|给这个号码|给本人|给(?:我|俺)(?:妈|爸|爸妈|妈妈|爸爸|老婆|老公|孩子|儿子|女儿|家人|父母|家里人)",
    ),
    (
        "S",
        "发送|发|传|傳|寄|發送|發|群发|推送|推|提醒|通知|骚扰|騷擾|打扰|打擾|联系|聯繫|联络|轰炸|烦|\
         打扰我|来(?:短信|信息|消息|广告|电)",
    ),
    ("N", "(?:短信|短訊|简讯|簡訊|信息|訊息|消息|通知|提醒|推送|广告|廣告|推广|邮件|骚扰|内容)"),
    (
        "W",
        "(?:你们的|你们|你的|贵公司的|任何|一切|所有|这些|这种|这类|此类|营销|垃圾|促销|推销|相关|类似|更多|的|这个)",
    ),
    ("H", "(?:手机|电话|联系)?(?:号码|号|信息|方式|资料)"),
    ("D", "(?:删除|删掉|刪除|移除|去掉|删|注销|清除|除名|去除)"),
];

/// Names of a list, and words for being in it.
const LISTS: &str = "(?:发送|短信|推送|客户|营销)?(?:名单|名單|列表|通讯录|数据库|系统|群发名单|联系人)(?:中|里|裡|上|里面|內|内)?";

/// Phrases that may come before and after a request.
const BEFORE: [&str; 54] = [
    "烦死了", "烦不烦", "麻烦帮我", "请帮我", "麻烦您", "我想要", "我要求", "你好", "您好", "帮我",
    "幫我", "麻烦", "麻煩", "我要", "我想", "拜托", "求你们", "求求你们", "求你", "请", "請",
    "谢谢", "謝謝", "不需要", "不用了", "我说了", "我说过", "说了多少次", "说了多少遍", "说过",
    "再说一遍", "最后一次", "马上", "立即", "立刻", "现在", "抱歉", "不好意思", "喂", "都说了",
    "尽快", "赶紧", "赶快", "给我", "未经同意", "未经允许", "未经许可", "太烦了", "天天发", "烦人",
    "再次", "以后", "本人", "我已经",
];
const AFTER: [&str; 26] = [
    "全部短信", "一下", "这些短信", "此类短信", "营销短信", "垃圾短信", "谢谢你", "谢谢您",
    "此短信", "的短信", "这些", "短信", "短訊", "简讯", "信息", "消息", "谢谢", "謝謝", "多谢",
    "了", "吧", "啊", "哦", "哈", "呀", "行吗",
];

/// Phrases that ask for messages, or for more of them.
const MORE: [&str; 8] = [
    "别停", "不要停", "继续发", "发短信就行", "发信息就行", "短信联系", "发短信给我", "给我发短信",
];

/// Words that negate such a phrase.
const NEGATIONS: [&str; 6] = ["不", "别", "別", "勿", "停", "拒"];

thread_local! {
    static GRAMMAR: Option<Regex> = grammar().ok();
}

fn grammar() -> Result<Regex, regex_lite::Error> {
    let whole = format!("^(?:{})$", SENTENCES.join("|")).replace('B', LISTS);
    Regex::new(&SLOTS.iter().fold(whole, |text, (slot, words)| text.replace(slot, words)))
}

/// Returns what a sentence asks for.
pub fn read(sentence: &str) -> Option<Keyword> {
    if sentence == "停" {
        return Some(Keyword::Stop);
    }
    let mut rest = sentence;
    loop {
        if let Some(keyword) = super::find(&WHOLE, rest) {
            return Some(keyword);
        }
        let is_request =
            |text: &str| GRAMMAR.with(|stop| stop.as_ref().is_some_and(|stop| stop.is_match(text)));
        if is_request(rest) {
            return Some(Keyword::Stop);
        }
        let before = BEFORE.iter().find_map(|phrase| rest.strip_prefix(phrase));
        let shorter = before.or_else(|| AFTER.iter().find_map(|phrase| rest.strip_suffix(phrase)));
        rest = shorter.filter(|shorter| !shorter.is_empty())?;
    }
}

/// Returns whether a part of a text is a question.
pub fn is_question(part: &str) -> bool {
    part.ends_with(['吗', '嗎', '呢', '么', '麼']) && read(part).is_none()
}

/// Returns whether a part of a text asks for messages.
pub fn wants_more(part: &str) -> bool {
    let goes_on = ["别停", "不要停"].iter().any(|words| part.contains(words));
    let asks = MORE.iter().any(|words| part.contains(words)) || part.ends_with("发短信");
    goes_on || asks && !NEGATIONS.iter().any(|no| part.contains(no))
}
