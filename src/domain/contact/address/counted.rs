//! How limits count addresses: spellings that reach the same mailbox count as one, and so do
//! network addresses of the same subscriber. Only limits use these forms, because they may join too
//! many addresses. They never make two contacts one.

use std::net::{IpAddr, Ipv6Addr};

/// Domains of one provider that share their mailboxes, by the domain that represents them all.
const SHARED: &[(&str, &[&str])] = &[
    ("gmail.com", &["googlemail.com"]),
    ("icloud.com", &["me.com", "mac.com"]),
    ("proton.me", &["protonmail.com", "protonmail.ch", "pm.me"]),
    ("yandex.ru", &["ya.ru", "yandex.by", "yandex.com", "yandex.com.tr", "yandex.kz"]),
];

/// The providers whose users add a tag after a hyphen; all others use `+`.
const AFTER_HYPHEN: &[&str] = &["yahoo", "ymail", "rocketmail", "myyahoo"];

/// Returns the mailbox of a normalized address, as limits count it: without a tag after `+`, and at
/// Google without dots.
pub fn counted_mailbox(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else { return address.to_owned() };
    let shared = SHARED.iter().find(|(_, others)| others.contains(&domain));
    let domain = shared.map_or(domain, |(one, _)| one);
    let is_hyphened = AFTER_HYPHEN.contains(&domain.split('.').next().unwrap_or_default());
    let base = local.split(|c| c == '+' || c == '-' && is_hyphened).next();
    // An address that begins with the sign has no mailbox name before it.
    let base = base.filter(|base| !base.is_empty()).unwrap_or(local);
    let base = match domain {
        "gmail.com" => base.replace('.', ""),
        // Yandex treats the two signs as equal.
        "yandex.ru" => base.replace('-', "."),
        _ => base.to_owned(),
    };
    format!("{base}@{domain}")
}

/// Returns the mailbox of an address that is an alternative spelling; `None` for the plain
/// spelling.
pub fn other_mailbox(address: &str) -> Option<String> {
    Some(counted_mailbox(address)).filter(|mailbox| mailbox != address)
}

/// Returns the network address that limits count by: the first half of an IPv6 address, which is
/// the least that one subscriber has (RFC 6177). An IPv4 address written as IPv6 becomes IPv4.
pub fn counted_network(address: &str) -> String {
    let bare = address.trim().trim_start_matches('[').trim_end_matches(']');
    match bare.split('%').next().unwrap_or_default().parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => ip.to_string(),
        Ok(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_one_mailbox_count_as_one() {
        for (address, counted) in [
            ("a.d.a@gmail.com", "ada@gmail.com"),
            ("ada+one@gmail.com", "ada@gmail.com"),
            ("a.da+x+y@googlemail.com", "ada@gmail.com"),
            ("ada+x@outlook.com", "ada@outlook.com"),
            ("a.da@outlook.com", "a.da@outlook.com"),
            ("ada+x@me.com", "ada@icloud.com"),
            ("ada+x@pm.me", "ada@proton.me"),
            ("ada-shop@yahoo.co.uk", "ada@yahoo.co.uk"),
            ("ada-b+x@ya.ru", "ada.b@yandex.ru"),
            ("ada-b@example.com", "ada-b@example.com"),
            ("ada+x@example.com", "ada@example.com"),
            ("+x@gmail.com", "+x@gmail.com"),
        ] {
            assert_eq!(counted_mailbox(address), counted, "{address}");
            assert_eq!(counted_mailbox(counted), counted, "{counted}");
        }
    }

    #[test]
    fn ipv6_prefix_counts_as_one_network() {
        for (address, counted) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("::FFFF:cb00:7109", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
            ("fe80:1::1%eth0", "fe80:1::/64"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(counted_network(address), counted, "{address}");
        }
        assert_ne!(counted_network("2001:db8:1:3::1"), counted_network("2001:db8:1:2::1"));
    }
}
