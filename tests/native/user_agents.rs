//! Crawlers are detected by user agent and browsers are not, measured on public lists: as they were
//! sent and as we store them.

use dripline::domain::inbound::bot_detection::{Agent, Fetched, known_agent};

fn listed(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

fn is_machine(agent: &str) -> bool {
    let classified = |agent: &str| Agent::read(agent).classify(Fetched::Link).is_some();
    let as_sent = classified(agent);
    assert_eq!(as_sent, classified(&known_agent(agent)), "{agent} is judged otherwise when kept");
    as_sent
}

#[test]
fn at_least_99_percent_of_crawlers_are_detected() {
    let crawlers = listed(include_str!("user_agents/crawlers.txt"));
    let missed: Vec<_> = crawlers.iter().filter(|agent| !is_machine(agent)).collect();
    assert!(missed.len() * 100 <= crawlers.len(), "of {}: {missed:#?}", crawlers.len());
}

#[test]
fn at_most_half_a_percent_of_browsers_look_like_bots() {
    let browsers = listed(include_str!("user_agents/browsers.txt"));
    let accused: Vec<_> = browsers.iter().filter(|agent| is_machine(agent)).collect();
    assert!(accused.len() * 200 <= browsers.len(), "of {}: {accused:#?}", browsers.len());
}

#[test]
fn document_and_qr_scanner_apps_are_people() {
    let android = "Mozilla/5.0 (Linux; Android 14; SM-A546E Build/UP1A; wv) AppleWebKit/537.36 \
                   (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36";
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
                  (KHTML, like Gecko) Mobile/15E148";
    for app in ["QR Scanner/3.1", "DocScanner/2", "Genius Scan/7.20", "Adobe Scan/24.05"] {
        for phone in [android, iphone] {
            assert!(!is_machine(&format!("{phone} {app}")), "{phone} {app}");
        }
    }
    for scanner in [
        format!("{android} (compatible; SiteScan/1.0)"),
        format!("{android} SiteScan/1.0 (+https://scan.example)"),
        "SiteScanner/2.0".to_owned(),
    ] {
        assert!(is_machine(&scanner), "{scanner}");
    }
}
