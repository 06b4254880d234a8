//! Domains at which anybody gets a mailbox: an address there says nothing about a company.

/// The providers at which most private mailboxes are, in China and elsewhere. The list does not
/// have to be complete: a provider counts only if somebody also enters it as the domain of a
/// company.
#[rustfmt::skip]
const DOMAINS: [&str; 94] = [
    // China, Hong Kong, Taiwan
    "126.com", "139.com", "163.com", "188.com", "189.cn", "21cn.com", "263.net", "aliyun.com",
    "eyou.com", "foxmail.com", "netvigator.com", "pchome.com.tw", "qq.com", "sina.cn", "sina.com",
    "sina.com.cn", "sohu.com", "tom.com", "vip.126.com", "vip.163.com", "vip.188.com", "vip.qq.com",
    "vip.sina.com", "vip.sohu.com", "wo.cn", "yahoo.cn", "yahoo.com.cn", "yahoo.com.hk",
    "yahoo.com.tw", "yeah.net",
    // Everywhere
    "aim.com", "aol.com", "duck.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.net",
    "googlemail.com", "hey.com", "hotmail.com", "hushmail.com", "icloud.com", "inbox.com",
    "live.com", "mac.com", "mail.com", "me.com", "msn.com", "outlook.com", "pm.me", "proton.me",
    "protonmail.com", "rocketmail.com", "tuta.com", "tutanota.com", "yahoo.com", "ymail.com",
    "zoho.com", "zohomail.com",
    // By country
    "arcor.de", "bigpond.com", "bk.ru", "bluewin.ch", "btinternet.com", "comcast.net",
    "daum.net", "docomo.ne.jp", "freenet.de", "gmx.at", "gmx.ch", "gmx.de", "hanmail.net",
    "inbox.ru", "kakao.com", "laposte.net", "libero.it", "list.ru", "mail.ru", "naver.com",
    "orange.fr", "rambler.ru", "rediffmail.com", "seznam.cz", "sfr.fr", "t-online.de",
    "uol.com.br", "wanadoo.fr", "web.de", "wp.pl", "yahoo.co.jp", "yahoo.co.uk", "yahoo.de",
    "yahoo.fr", "yandex.ru",
];

/// The names of providers that have a domain in many countries, such as `hotmail.co.uk`.
const NAMES: [&str; 5] = ["googlemail", "hotmail", "live", "outlook", "yahoo"];

/// Returns the domain of an e-mail address in normal form, if a company can have it.
pub fn company_domain(email: &str) -> Option<&str> {
    let (_, domain) = email.rsplit_once('@')?;
    (!is_free(domain)).then_some(domain)
}

/// Returns whether anybody gets a mailbox in this domain, which is in normal form.
fn is_free(domain: &str) -> bool {
    let (name, rest) = domain.split_once('.').unwrap_or((domain, ""));
    // A country, or its commercial domain: `yahoo.it`, `yahoo.com.ar`.
    let is_national =
        matches!(rest.len(), 2) || rest.starts_with("co.") || rest.starts_with("com.");
    DOMAINS.contains(&domain) || NAMES.contains(&name) && is_national
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_provider_says_nothing_about_a_company() {
        for free in
            ["qq.com", "163.com", "126.com", "sina.com", "gmail.com", "yahoo.it", "hotmail.co.uk"]
        {
            assert_eq!(company_domain(&format!("wang@{free}")), None, "{free}");
        }
        for firm in ["larkspan.example", "qq.com.example", "mygmail.com", "mail.live-events.de"] {
            assert_eq!(company_domain(&format!("wang@{firm}")), Some(firm));
        }
        assert_eq!(company_domain("no address"), None);
    }

    #[test]
    fn every_domain_is_listed_once() {
        let mut sorted = DOMAINS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), DOMAINS.len());
    }
}
