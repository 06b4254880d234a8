//! Where a visitor came from: the page, its URL and the referring site. A touch is made from it.
//! All of it comes from a browser, so it is truncated and never trusted.

use crate::domain::form::form_data::{FormData, query_pairs};
use serde::{Deserialize, Serialize};

/// The longest value of each part, in characters. Longer ones are truncated, so that a long link
/// does not lose the visit.
pub const ORIGIN_PART_CHARS_MAX: usize = 200;

/// The longest query string kept, in bytes: a hidden field carries it through the form.
pub const ORIGIN_QUERY_BYTES_MAX: usize = 1024;

/// The hidden inputs that carry the source from the page to the submission. No field of a campaign
/// can have their names, which begin with an underscore. This one is the page.
pub const PAGE_FIELD: &str = "_page";
/// The variant of the page.
pub const VARIANT_FIELD: &str = "_variant";
/// The path of the landing page.
pub const LANDING_FIELD: &str = "_landing";
/// The referrer.
pub const REFERRER_FIELD: &str = "_referrer";
/// The query string of the landing page.
pub const QUERY_FIELD: &str = "_query";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficSource {
    /// The landing page's name in its campaign. Check that it exists before counting by it.
    pub page: String,
    /// The variant that was shown. Check that it exists before counting by it.
    pub variant: String,
    /// The path the visitor landed on.
    pub landing_path: String,
    /// The URL of the referring page, or empty.
    pub referrer: String,
    /// The query string of the landing URL without the `?`, at most `ORIGIN_QUERY_BYTES_MAX`.
    pub query: String,
    /// `utm_source`: the site or list that sent the visitor.
    pub utm_source: String,
    /// `utm_medium`: the kind of channel.
    pub utm_medium: String,
    /// `utm_campaign`: the name of the campaign.
    pub utm_campaign: String,
    /// `utm_term`: the paid search term.
    pub utm_term: String,
    /// `utm_content`: the ad or link clicked.
    pub utm_content: String,
}

impl TrafficSource {
    /// Returns the source of a visit as the server sees it when it renders the page.
    pub fn of_visit(page: &str, variant: &str, path: &str, query: &str, referrer: &str) -> Self {
        let query = cut_bytes(query.trim_start_matches('?'), ORIGIN_QUERY_BYTES_MAX);
        let pairs = query_pairs(query);
        let utm = |name: &str| {
            pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
        };
        Self {
            page: part(page),
            variant: part(variant),
            landing_path: part(path),
            referrer: part(referrer),
            query: query.chars().filter(|c| !c.is_control()).collect(),
            utm_source: part(utm("utm_source")),
            utm_medium: part(utm("utm_medium")),
            utm_campaign: part(utm("utm_campaign")),
            utm_term: part(utm("utm_term")),
            utm_content: part(utm("utm_content")),
        }
    }

    /// Returns the source that a form's hidden inputs carried.
    pub fn from_answer(answer: &FormData) -> Self {
        let sent = |name: &str| answer.first(name).unwrap_or_default();
        Self::of_visit(
            sent(PAGE_FIELD),
            sent(VARIANT_FIELD),
            sent(LANDING_FIELD),
            sent(QUERY_FIELD),
            sent(REFERRER_FIELD),
        )
    }

    /// Returns a parameter of the landing URL, truncated to `ORIGIN_PART_CHARS_MAX`.
    pub fn parameter(&self, name: &str) -> Option<String> {
        query_pairs(&self.query)
            .into_iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| part(&value))
    }

    /// Returns the channel that the visit is counted under. This is `utm_source` in lower case if
    /// the URL had one, else the class of the referrer: `search`, `social` or `referral`; `direct`
    /// if there is no referrer or it is our own host.
    pub fn channel(&self, own_host: &str) -> String {
        if !self.utm_source.is_empty() {
            return self.utm_source.to_lowercase();
        }
        let Some(host) = host_of(&self.referrer) else {
            return channel_of_app(&self.referrer).to_owned();
        };
        let own = own_host.split(':').next().unwrap_or_default();
        let channel = if host.eq_ignore_ascii_case(own) {
            "direct"
        } else if is_search_engine(&host) {
            "search"
        } else if SOCIAL_HOSTS.iter().any(|known| is_within(&host, known)) {
            "social"
        } else {
            "referral"
        };
        channel.to_owned()
    }
}

const SEARCH_HOSTS: [&str; 12] = [
    "baidu.com", "bing.com", "duckduckgo.com", "ecosia.org", "search.brave.com",
    "search.yahoo.com", "sm.cn", "so.com", "sogou.com", "so.toutiao.com", "startpage.com",
    "search.naver.com",
];

const SOCIAL_HOSTS: [&str; 26] = [
    "bilibili.com", "bsky.app", "douban.com", "douyin.com", "facebook.com", "fb.com",
    "instagram.com", "kuaishou.com", "linkedin.com", "lnkd.in", "mastodon.social", "pinterest.com",
    "reddit.com", "t.co", "threads.net", "tieba.baidu.com", "tiktok.com", "twitter.com",
    "weibo.cn", "weibo.com", "weixin.qq.com", "x.com", "xhslink.com", "xiaohongshu.com",
    "youtube.com", "zhihu.com",
];

/// The prefix of a referrer from an Android app; the app's package follows
/// (https://developer.android.com/reference/android/content/Intent#URI_ANDROID_APP_SCHEME).
const ANDROID_APP: &str = "android-app://";

/// Android packages of search engines, including packages below them.
const SEARCH_APPS: [&str; 12] = [
    "com.google.android.googlequicksearchbox",
    "com.google.android.apps.searchlite",
    "com.baidu.searchbox",
    "com.microsoft.bing",
    "com.duckduckgo.mobile.android",
    "com.ecosia.android",
    "com.sogou.activity.src",
    "com.qihoo.haosou",
    "com.quark.browser",
    "com.nhn.android.search",
    "ru.yandex.searchplugin",
    "com.yahoo.mobile.client.android.search",
];

/// Android packages of social networks, including packages below them.
const SOCIAL_APPS: [&str; 28] = [
    "com.facebook",
    "com.instagram",
    "com.twitter.android",
    "com.linkedin.android",
    "com.pinterest",
    "com.reddit.frontpage",
    "com.zhiliaoapp.musically",
    "com.ss.android.ugc",
    "com.google.android.youtube",
    "com.snapchat.android",
    "com.whatsapp",
    "org.telegram.messenger",
    "xyz.blueskyweb.app",
    "org.joinmastodon.android",
    "com.discord",
    "com.tumblr",
    "jp.naver.line.android",
    "com.kakao.talk",
    "com.sina.weibo",
    "com.tencent.mm",
    "com.tencent.mobileqq",
    "com.zhihu.android",
    "com.xingin.xhs",
    "com.smile.gifmaker",
    "tv.danmaku.bili",
    "com.douban.frodo",
    "com.baidu.tieba",
    "com.quora.android",
];

/// Returns the channel of a visit from an app: search engine, social network or other; `direct` if
/// the referrer is not an app.
fn channel_of_app(referrer: &str) -> &'static str {
    let is_app = referrer.get(..ANDROID_APP.len());
    if !is_app.is_some_and(|scheme| scheme.eq_ignore_ascii_case(ANDROID_APP)) {
        return "direct";
    }
    let package = referrer[ANDROID_APP.len()..].split(['/', '?', '#']).next().unwrap_or_default();
    let is_of = |known: &str| {
        package.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if SEARCH_APPS.iter().any(|known| is_of(known)) {
        "search"
    } else if SOCIAL_APPS.iter().any(|known| is_of(known)) {
        "social"
    } else {
        "referral"
    }
}

/// Returns whether the host is a search engine. Those with a host in every country are recognized
/// by the beginning of the host.
fn is_search_engine(host: &str) -> bool {
    let bare = host.strip_prefix("www.").unwrap_or(host);
    let is_social_part = is_within(host, "tieba.baidu.com");
    !is_social_part
        && (bare.starts_with("google.")
            || bare.starts_with("yandex.")
            || bare.ends_with(".search.yahoo.com")
            || SEARCH_HOSTS.iter().any(|known| is_within(host, known)))
}

/// Returns whether `host` is `domain` or a subdomain of it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the host of an http or https URL, in lower case.
fn host_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Trims a text, removes control characters and truncates it to `ORIGIN_PART_CHARS_MAX`.
fn part(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(ORIGIN_PART_CHARS_MAX).collect()
}

/// Truncates at a character boundary.
fn cut_bytes(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_source_round_trips_through_a_form() {
        let query = "utm_source=WeChat-Ads&utm_medium=cpc&utm_campaign=%E6%98%A5%E5%AD%A3\
                     &utm_term=a+b\
                     &utm_content=%zz&ref=42";
        let origin =
            TrafficSource::of_visit("webinar", "b", "/webinar", query, "https://weibo.com/1");
        assert_eq!(origin.utm_campaign, "春季");
        assert_eq!((origin.utm_term.as_str(), origin.utm_content.as_str()), ("a b", "%zz"));
        assert_eq!(origin.parameter("ref").as_deref(), Some("42"));
        assert_eq!(origin.channel("example.com"), "wechat-ads");

        let mut answer = FormData::default();
        answer.push(PAGE_FIELD, &*origin.page);
        answer.push(VARIANT_FIELD, &*origin.variant);
        answer.push(LANDING_FIELD, &*origin.landing_path);
        answer.push(REFERRER_FIELD, &*origin.referrer);
        answer.push(QUERY_FIELD, &*origin.query);
        assert_eq!(TrafficSource::from_answer(&answer), origin);
        assert_eq!(TrafficSource::from_answer(&FormData::default()), TrafficSource::default());
    }

    #[test]
    fn traffic_source_parts_are_cut_and_cleaned() {
        let long = "长".repeat(2_000);
        let query = format!("utm_source={long}");
        let origin = TrafficSource::of_visit("p", "a\r\n\0", "/", &query, &long);
        assert_eq!(origin.referrer.chars().count(), ORIGIN_PART_CHARS_MAX);
        assert_eq!(origin.utm_source.chars().count(), ORIGIN_PART_CHARS_MAX);
        assert!(origin.query.len() <= ORIGIN_QUERY_BYTES_MAX);
        assert_eq!(origin.variant, "a");
    }

    #[test]
    fn channel_is_derived_from_referrer() {
        for (referrer, channel) in [
            ("", "direct"),
            ("about:blank", "direct"),
            ("https://lp.example.com/webinar", "direct"),
            ("https://www.google.com/", "search"),
            ("https://google.co.uk", "search"),
            ("https://www.baidu.com/link?url=x", "search"),
            ("https://m.baidu.com/", "search"),
            ("https://www.sogou.com/", "search"),
            ("https://www.so.com/s?q=x", "search"),
            ("https://cn.bing.com/", "search"),
            ("https://tieba.baidu.com/p/1", "social"),
            ("https://weibo.com/u/1", "social"),
            ("https://www.zhihu.com/question/1", "social"),
            ("https://www.xiaohongshu.com/explore", "social"),
            ("https://v.douyin.com/x", "social"),
            ("https://www.linkedin.com/feed", "social"),
            ("https://l.facebook.com/l.php", "social"),
            ("https://x.com/a", "social"),
            ("https://t.co/a", "social"),
            ("https://netflix.com/", "referral"),
            ("https://also.com/", "referral"),
            ("https://mail.google.com/", "referral"),
            ("https://google.com@evil.example/", "referral"),
            ("http://partner.example:8080/x", "referral"),
            ("android-app://com.google.android.googlequicksearchbox/", "search"),
            ("android-app://com.baidu.searchbox", "search"),
            ("Android-App://com.linkedin.android/", "social"),
            ("android-app://com.facebook.katana", "social"),
            ("android-app://com.ss.android.ugc.aweme/", "social"),
            ("android-app://com.tencent.mm/https/weixin", "social"),
            ("android-app://com.facebookish.app", "referral"),
            ("android-app://com.slack/", "referral"),
            ("android-app:", "direct"),
        ] {
            let origin = TrafficSource::of_visit("p", "a", "/", "", referrer);
            assert_eq!(origin.channel("lp.example.com:8787"), channel, "{referrer}");
        }
    }
}
