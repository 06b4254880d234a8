//! Classifies fetches of links and pictures of a message as a person's or a bot's, with the
//! reasons.
//!
//! Mail is opened and clicked by more bots than people: gateways follow every link before they
//! deliver, and proxies fetch every picture whether anybody reads or not. What is known of a fetch
//! is stored as facts, without the network address. The classification depends on the facts alone,
//! so that it can be repeated when the rules have changed.
//!
//! Opens through the picture proxies of Gmail and Yahoo count as a person's, because these fetch
//! when a person opens the message. Apple's privacy proxy fetches in any case, so it counts as a
//! bot.

mod crawlers;

use crate::domain::base::primitives::{Millis, Span};
use crawlers::Crawlers;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Within this time after a message was sent or delivered, no person can have opened it and found
/// its link.
pub const TOO_SOON: Span = Span::seconds(5);

/// No person follows this many different links of one message within `AT_ONCE`.
pub const LINKS_AT_ONCE: usize = 3;

/// See `LINKS_AT_ONCE`.
pub const AT_ONCE: Span = Span::seconds(10);

/// The most bytes of a user agent that are stored; the longest of crawlers have 250.
const AGENT_BYTES_MAX: usize = 300;

/// The known facts of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FetchFacts {
    /// The method, if it is not GET.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The user agent, with its versions cut to their first two numbers: see `known_agent`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// The number of the network it came from (RFC 1930), if the platform provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// The owner of that network, if it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Whether the request says that it is a prefetch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prefetch: bool,
}

/// What was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The picture that reports an open.
    Pixel,
    Link,
}

/// Networks whose bots scan mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Defender and Safe Links; also customers on Azure.
    Microsoft,
    /// URL Defense.
    Proofpoint,
    /// URL Protect.
    Mimecast,
    /// Email Gateway Defense.
    Barracuda,
    /// Crawlers, Safe Browsing, and the picture proxy of Gmail.
    Google,
    /// Apple's own network; its private relay uses other networks, and people use it.
    Apple,
}

/// Networks by number, as public lists name their holders; not checked against the registries.
const NETWORKS: [(u32, Network); 14] = [
    (8075, Network::Microsoft),
    (13916, Network::Proofpoint),
    (22843, Network::Proofpoint),
    (26211, Network::Proofpoint),
    (52129, Network::Proofpoint),
    (30031, Network::Mimecast),
    (33538, Network::Mimecast),
    (39588, Network::Mimecast),
    (136_792, Network::Mimecast),
    (397_726, Network::Mimecast),
    (15324, Network::Barracuda),
    (15169, Network::Google),
    (714, Network::Apple),
    (6185, Network::Apple),
];

/// Networks by address (the first one, and how many bits count), for fetches without a network
/// number: Microsoft's as listed by spf.protection.outlook.com, Proofpoint's and Barracuda's as
/// they ask their customers to allow, Google's proxies and Apple's block as registered.
const RANGES: [(Ipv4Addr, u32, Network); 11] = [
    (Ipv4Addr::new(40, 92, 0, 0), 15, Network::Microsoft),
    (Ipv4Addr::new(40, 107, 0, 0), 16, Network::Microsoft),
    (Ipv4Addr::new(52, 100, 0, 0), 14, Network::Microsoft),
    (Ipv4Addr::new(104, 47, 0, 0), 17, Network::Microsoft),
    (Ipv4Addr::new(67, 231, 144, 0), 20, Network::Proofpoint),
    (Ipv4Addr::new(148, 163, 128, 0), 19, Network::Proofpoint),
    (Ipv4Addr::new(64, 235, 144, 0), 20, Network::Barracuda),
    (Ipv4Addr::new(209, 222, 80, 0), 21, Network::Barracuda),
    (Ipv4Addr::new(66, 102, 0, 0), 20, Network::Google),
    (Ipv4Addr::new(66, 249, 64, 0), 19, Network::Google),
    (Ipv4Addr::new(17, 0, 0, 0), 8, Network::Apple),
];

impl Network {
    /// Returns the known network with this number or address; the address is not stored.
    pub fn find(asn: Option<u32>, address: Option<&str>) -> Option<Self> {
        let by_number = NETWORKS.iter().find(|(number, _)| Some(*number) == asn);
        if let Some((_, network)) = by_number {
            return Some(*network);
        }
        let address: Ipv4Addr = address?.parse().ok()?;
        let is_in =
            |first: Ipv4Addr, bits: u32| (u32::from(first) ^ address.to_bits()) >> (32 - bits) == 0;
        RANGES.iter().find(|(first, bits, _)| is_in(*first, *bits)).map(|(.., network)| *network)
    }
}

/// Words in the user agents of bots that scan mail and are not in the list of crawlers.
const SCANNERS: [&str; 24] = [
    "barracuda", "proofpoint", "mimecast", "safelinks", "ironport", "ciscosecure", "trendmicro",
    "tmes", "fortimail", "fortiguard", "sophos", "symantec", "messagelabs", "hornetsecurity",
    "cloudmark", "vadesecure", "mailscanner", "mailmarshal", "virustotal", "phishtank", "netcraft",
    "apis-google", "mediapartners", "googleother",
];

/// The names of HTTP libraries: crawlers of the list with one of these get a reason of their own.
const LIBRARIES: [&str; 23] = [
    "curl/", "wget/", "python-requests", "python-urllib", "python/", "aiohttp", "httpx",
    "go-http-client", "java/", "okhttp", "libwww-perl", "axios/", "node-fetch", "undici",
    "guzzlehttp", "php/", "apache-httpclient", "winhttp", "postman", "insomnia", "restsharp",
    "scrapy", "httpclient",
];

/// The picture proxies that fetch when a person opens.
const OPENED_BY_PEOPLE: [&str; 2] = ["googleimageproxy", "yahoomailproxy"];

/// The user agent of Apple's privacy proxy, now and as it was stored before versions kept their
/// `.0`.
const APPLE_PROXY: [&str; 2] = ["mozilla/5.0", "mozilla/5"];

/// Mail programs, which fetch pictures and say less about themselves than browsers do.
const MAIL_PROGRAMS: [&str; 17] = [
    "ms-office", "msoffice", "microsoft office", "microsoft outlook", "outlook-", "thunderbird",
    "navermailapp", "airmail", "em client", "emclient", "the bat!", "foxmail", "mailmaster",
    "lotus-notes", "postbox", "k-9 mail", "mail.ru/",
];

thread_local! {
    static CRAWLERS: Option<Crawlers> = Crawlers::read().ok();
}

/// Returns why a fetch is classified as a bot's; empty for a person's. The reasons are those of
/// `domain/report/reason.rs`. `arrived_at` is when the message was sent, or was reported as
/// delivered.
pub fn classify(
    facts: &FetchFacts,
    fetched: Fetched,
    at: Millis,
    arrived_at: Option<Millis>,
) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if facts.method == "HEAD" {
        reasons.push("head_request");
    }
    if facts.prefetch {
        reasons.push("prefetch");
    }
    let agent = Agent::read(&facts.agent);
    reasons.extend(agent.classify(fetched));
    let is_open = fetched == Fetched::Pixel;
    let by_people = is_open && agent.is_opened_by_people();
    match facts.network {
        // A picture proxy comes from its company's network.
        Some(Network::Google) if by_people => {}
        Some(Network::Apple) if is_open => reasons.push("privacy_proxy"),
        Some(Network::Apple) | None => {}
        Some(_) => reasons.push("scanner_network"),
    }
    if arrived_at.is_some_and(|arrived_at| at < arrived_at.plus(TOO_SOON)) {
        reasons.push("too_fast");
    }
    reasons.dedup();
    reasons
}

/// Returns what is stored of a fetch: the reasons and the facts. For a browser that objects to
/// tracking (`Sec-GPC: 1`, `DNT: 1`), nothing is stored of an open. Of a click, which its reader
/// asked for and a journey may wait for, only the fact and its classification are stored.
pub fn apply_do_not_track(
    facts: FetchFacts,
    fetched: Fetched,
    objects: bool,
    at: Millis,
) -> Option<StoredFetch> {
    match (objects, fetched) {
        (false, _) => Some((Vec::new(), Some(facts))),
        (true, Fetched::Pixel) => None,
        (true, Fetched::Link) => Some((classify(&facts, fetched, at, None), None)),
    }
}

/// The reasons why a fetch is a bot's whatever the facts say, and the facts.
pub type StoredFetch = (Vec<&'static str>, Option<FetchFacts>);

/// A user agent to classify, in lower case.
pub struct Agent(String);

impl Agent {
    /// Reads a user agent, either as sent or as stored.
    pub fn read(agent: &str) -> Self {
        Self(agent.to_ascii_lowercase())
    }

    /// Returns what the user agent alone says about a fetch.
    pub fn classify(&self, fetched: Fetched) -> Option<&'static str> {
        let Self(lower) = self;
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if lower.is_empty() {
            return Some("no_user_agent");
        }
        if self.is_opened_by_people() {
            return (fetched == Fetched::Link).then_some("scanner_user_agent");
        }
        if has(&SCANNERS) {
            return Some("scanner_user_agent");
        }
        // Apple's proxy sends only `Mozilla/5.0`; mail programs say less than browsers do.
        match fetched {
            Fetched::Pixel if APPLE_PROXY.contains(&lower.as_str()) => Some("privacy_proxy"),
            Fetched::Pixel if has(&MAIL_PROGRAMS) => None,
            _ if !is_crawler(lower) => None,
            _ if has(&LIBRARIES) => Some("http_library"),
            _ => Some("scanner_user_agent"),
        }
    }

    fn is_opened_by_people(&self) -> bool {
        OPENED_BY_PEOPLE.iter().any(|word| self.0.contains(word))
    }
}

fn is_crawler(agent: &str) -> bool {
    CRAWLERS.with(|list| list.as_ref().is_some_and(|list| list.know(agent)))
}

/// Returns a user agent as it is stored: of each version only the first two numbers, so that it
/// identifies the kind of browser but not one of its users.
pub fn known_agent(agent: &str) -> String {
    let mut kept = String::with_capacity(agent.len().min(AGENT_BYTES_MAX));
    let (mut numbers, mut before) = (0, ' ');
    for c in agent.trim().chars().filter(|c| !c.is_control()) {
        match c {
            '0'..='9' if before.is_ascii_digit() => {}
            '0'..='9' if (before == '.' || before == '_') && numbers > 0 => numbers += 1,
            '0'..='9' => numbers = 1,
            '.' | '_' if before.is_ascii_digit() => {}
            _ => numbers = 0,
        }
        before = c;
        let goes_on = matches!(c, '.' | '_') && numbers >= 2;
        if numbers > 2 || goes_on {
            continue;
        }
        if kept.len() + c.len_utf8() > AGENT_BYTES_MAX {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                          (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    const GMAIL: &str = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 \
                         (via ggpht.com GoogleImageProxy)";

    fn click(agent: &str) -> &'static str {
        Agent::read(agent).classify(Fetched::Link).unwrap_or("")
    }

    #[test]
    fn browsers_are_people() {
        let browsers = [
            CHROME,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
            "Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) \
             Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20231202 \
             MicroMessenger/8.0.47.2560(0x28002F35) WeChat/arm64 Weixin NetType/WIFI \
             Language/zh_CN ABI/arm64",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Mobile/15E148 AliApp(DingTalk/7.0.40) com.laiwang.DingTalk/2911",
            "Mozilla/5.0 (Linux; U; Android 12; zh-CN; M2012K11AC) AppleWebKit/537.36 \
             (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/15.5.4 Mobile",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/88.0.4324.93 Mobile Safari/537.36",
            "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; DISCOVERY_2_ME) AppleWebKit/537.36 \
             (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 6.0; M BOT 551 Build/MRA58K) AppleWebKit/537.36 \
             (KHTML, like Gecko) Chrome/54.0.2840.85 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 6.0.1; SUGAR F11; Build/MMB29M; wv) AppleWebKit/537.36 \
             (KHTML, like Gecko) Chrome/46.0.2490.92 Mobile Safari/537.36 \
             SogouMSE,SogouMobileBrowser/5.6.0",
            "Opera/9.80 (Linux mips; U; HbbTV/1.1.1 (; Humax; hdr1000s; 1.0.0; 1.0.0; ); \
             ce-html/1.0; xx) Presto/2.10.250 Version/11.60",
        ];
        for agent in browsers {
            assert_eq!(click(agent), "", "{agent}");
            assert_eq!(click(&known_agent(agent)), "", "{agent}");
        }
    }

    #[test]
    fn bots_are_detected_by_user_agent() {
        let machines = [
            ("", "no_user_agent"),
            ("Mozilla/5.0", "scanner_user_agent"),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "scanner_user_agent",
            ),
            (
                "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
                "scanner_user_agent",
            ),
            (
                "Mozilla/5.0 (compatible; Baiduspider/2.0; \
                 +http://www.baidu.com/search/spider.html)",
                "scanner_user_agent",
            ),
            (
                "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
                "scanner_user_agent",
            ),
            (
                "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 \
                 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36 (compatible; \
                 Googlebot/2.1; +http://www.google.com/bot.html)",
                "scanner_user_agent",
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; Nokia 3; compatible; SomeBot/1.0) \
                 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.0.0 Mobile Safari/537.36",
                "scanner_user_agent",
            ),
            ("facebookexternalhit/1.1 Facebot Twitterbot/1.0", "scanner_user_agent"),
            ("WhatsApp/2.23.20.0 A", "scanner_user_agent"),
            ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "scanner_user_agent"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 HeadlessChrome/119.0.0.0 Safari/537.36",
                "scanner_user_agent",
            ),
            ("Microsoft Office Existence Discovery", "scanner_user_agent"),
            ("Mozilla/5.0 (Windows NT 6.1) BarracudaCentral/1.0", "scanner_user_agent"),
            ("Mozilla/5.0 (compatible; CUBOT-bot/1.0)", "scanner_user_agent"),
            ("curl/8.5.0", "http_library"),
            ("python-requests/2.31.0", "http_library"),
            ("Python/3.11 aiohttp/3.9.1", "http_library"),
            ("Go-http-client/2.0", "http_library"),
            ("Java/17.0.9", "http_library"),
            ("Apache-HttpClient/4.5.14 (Java/11.0.21)", "http_library"),
            ("axios/1.6.2", "http_library"),
            (GMAIL, "scanner_user_agent"),
        ];
        for (agent, reason) in machines {
            assert_eq!(click(agent), reason, "{agent}");
            assert_eq!(click(&known_agent(agent)), reason, "{agent}");
        }
    }

    #[test]
    fn image_proxies_count_as_people_except_privacy_proxy() {
        let open = |agent| Agent::read(agent).classify(Fetched::Pixel).unwrap_or("");
        assert_eq!(open(GMAIL), "");
        assert_eq!(
            open("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
            ""
        );
        assert_eq!(open("Mozilla/5.0"), "privacy_proxy");
        assert_eq!(open("Mozilla/4.0 (compatible; ms-office; MSOffice 16)"), "");
        assert_eq!(
            open(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko)"
            ),
            ""
        );
        let facts = |agent: &str, asn| FetchFacts {
            agent: known_agent(agent),
            network: Network::find(Some(asn), None),
            ..FetchFacts::default()
        };
        let classified =
            |agent, asn, fetched| classify(&facts(agent, asn), fetched, Millis(0), None);
        assert_eq!(classified(GMAIL, 15169, Fetched::Pixel), [] as [&str; 0]);
        assert_eq!(classified(CHROME, 15169, Fetched::Link), ["scanner_network"]);
        assert_eq!(classified("Mozilla/5.0", 714, Fetched::Pixel), ["privacy_proxy"]);
        assert_eq!(classified(CHROME, 714, Fetched::Link), [] as [&str; 0]);
        assert_eq!(classified(CHROME, 4134, Fetched::Link), [] as [&str; 0]);
    }

    #[test]
    fn fetch_is_judged_by_all_known_facts() {
        let person = FetchFacts { agent: known_agent(CHROME), ..FetchFacts::default() };
        let classified = |facts: &FetchFacts, after: i64| {
            classify(facts, Fetched::Link, Millis(1_000_000 + after), Some(Millis(1_000_000)))
        };
        assert_eq!(classified(&person, 5_000), [] as [&str; 0]);
        assert_eq!(classified(&person, 4_999), ["too_fast"]);
        // A gateway scans a message before it reports the delivery.
        assert_eq!(classified(&person, -60_000), ["too_fast"]);
        let all = FetchFacts {
            method: "HEAD".to_owned(),
            agent: String::new(),
            asn: Some(8075),
            network: Some(Network::Microsoft),
            prefetch: true,
        };
        let expected = ["head_request", "prefetch", "no_user_agent", "scanner_network", "too_fast"];
        assert_eq!(classified(&all, 0), expected);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<FetchFacts>(&text).unwrap(), all);
        assert_eq!(serde_json::to_string(&FetchFacts::default()).unwrap(), "{}");
    }

    #[test]
    fn do_not_track_stores_no_fetch_facts() {
        let facts = FetchFacts { agent: known_agent("curl/8"), ..FetchFacts::default() };
        let applied =
            |fetched, objects| apply_do_not_track(facts.clone(), fetched, objects, Millis(0));
        assert_eq!(applied(Fetched::Link, false), Some((vec![], Some(facts.clone()))));
        assert_eq!(applied(Fetched::Pixel, true), None);
        assert_eq!(applied(Fetched::Link, true), Some((vec!["http_library"], None)));
    }

    #[test]
    fn networks_are_found_by_asn_and_ip() {
        let by_address = |address| Network::find(None, Some(address));
        assert_eq!(by_address("40.93.255.255"), Some(Network::Microsoft));
        assert_eq!(by_address("40.94.0.0"), None);
        assert_eq!(by_address("67.231.159.1"), Some(Network::Proofpoint));
        assert_eq!(by_address("17.58.101.9"), Some(Network::Apple));
        assert_eq!(by_address("2001:db8::1"), None);
        assert_eq!(by_address("not an address"), None);
        assert_eq!(Network::find(Some(30031), Some("10.0.0.1")), Some(Network::Mimecast));
    }

    #[test]
    fn stored_user_agent_keeps_only_the_browser_kind() {
        assert_eq!(
            known_agent(CHROME),
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/126.0 Safari/537.36"
        );
        assert_eq!(known_agent("a\r\nb 1.2_3x 10_15_7 1. x.y"), "ab 1.2x 10_15 1. x.y");
        assert_eq!(known_agent(&"中".repeat(500)).len(), 300);
    }
}
