//! What counts as one where a limit counts by address: spellings that reach the same mailbox, and
//! network addresses of the same subscriber. Only limits use it, since it may join too many; two
//! contacts are never one because of it.

use std::net::{IpAddr, Ipv6Addr};

/// Domains of one provider that share their mailboxes, by the one that stands for all.
const SHARED: &[(&str, &[&str])] = &[
    ("gmail.com", &["googlemail.com"]),
    ("icloud.com", &["me.com", "mac.com"]),
    ("proton.me", &["protonmail.com", "protonmail.ch", "pm.me"]),
    ("yandex.ru", &["ya.ru", "yandex.by", "yandex.com", "yandex.com.tr", "yandex.kz"]),
];

/// The providers that write a part of the owner's choosing after a hyphen; all others take `+`.
const AFTER_HYPHEN: &[&str] = &["yahoo", "ymail", "rocketmail", "myyahoo"];

/// The mailbox behind an address in its one form, as limits count it: without what its owner may
/// add after a `+`, and at Google without dots.
pub fn counted_mailbox(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else { return address.to_owned() };
    let shared = SHARED.iter().find(|(_, others)| others.contains(&domain));
    let domain = shared.map_or(domain, |(one, _)| one);
    let is_hyphened = AFTER_HYPHEN.contains(&domain.split('.').next().unwrap_or_default());
    let base = local.split(|c| c == '+' || c == '-' && is_hyphened).next();
    // What begins with the sign has nothing before it that could be the mailbox.
    let base = base.filter(|base| !base.is_empty()).unwrap_or(local);
    let base = match domain {
        "gmail.com" => base.replace('.', ""),
        // Yandex takes the two signs for one another.
        "yandex.ru" => base.replace('-', "."),
        _ => base.to_owned(),
    };
    format!("{base}@{domain}")
}

/// The mailbox behind an address that spells it in another way; `None` if it is the plain one.
pub fn other_mailbox(address: &str) -> Option<String> {
    Some(counted_mailbox(address)).filter(|mailbox| mailbox != address)
}

/// The network address that limits count by: of IPv6 the first half, which is what one subscriber
/// has at the least (RFC 6177); IPv4 written as IPv6 is IPv4.
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
    fn spellings_of_one_mailbox_count_as_one() {
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
    fn a_subscriber_counts_as_one_network_address() {
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
