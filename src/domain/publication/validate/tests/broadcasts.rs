//! Broadcasts that can be read but are invalid.

use super::*;

/// Returns the problems after a part of the broadcasts is replaced.
fn errors_after(from: &str, to: &str) -> String {
    assert_eq!(BROADCASTS.matches(from).count(), 1, "`{from}` must be there once");
    errors_in(&format!("{SAMPLE}\n{}", BROADCASTS.replace(from, to)))
}

const NEWS: &str = "[broadcast.news]\nsegment = \"engaged\"\nsend = \"emails/welcome\"";

#[test]
fn broadcast_needs_existing_segment_and_template() {
    let unknown = "[broadcast.news]\nsegment = 'engagd'\nsend = 'mails/welcome'";
    assert_snapshot!(errors_after(NEWS, unknown), @"
    line 227: broadcast.news.segment
         there is no segment `engagd`
       → did you mean `engaged`?
    line 228: broadcast.news.send
         `mails/welcome` is not a template
       → write emails/<name> or sms/<name>
    ");
    assert_snapshot!(errors_after(NEWS, "[broadcast.news]\nsegment = 'engaged'"), @"
    line 226: broadcast.news
         the broadcast has no message
       → give it one of send, ab
    ");
    assert_snapshot!(errors_after(NEWS, &format!("{NEWS}\nab = {{ variants = [] }}")), @"
    line 229: broadcast.news.ab
         a broadcast has either `send` or `ab`
    ");
    let other = ["purpose = \"newsletter\"\nat = 2026", "purpose = \"news\"\nat = 2026"];
    assert_snapshot!(errors_after(other[0], other[1]), @"
    line 229: broadcast.news.purpose
         there is no form that asks for `news`
       → did you mean `newsletter`?
    ");
}

#[test]
fn start_time_is_local_and_required_for_recipient_zone() {
    assert_snapshot!(errors_after("at = 2026-03-02T09:00:00", "at = 2026-03-02"), @"
    line 230: broadcast.news.at
         expected a day and a time without a zone, such as 2026-03-02T09:00:00, not a date
    ");
    assert_snapshot!(errors_after("at = 2026-03-02T09:00:00", "at = 2026-03-02T09:00:00Z"), @"
    line 230: broadcast.news.at
         `2026-03-02T09:00:00Z` has an offset
       → the campaign has a time zone: 2026-03-02T09:00:00
    ");
    assert_snapshot!(errors_after("at = 2026-03-02T09:00:00", ""), @"
    line 231: broadcast.news.zone
         is set, but the broadcast has no time
       → give the broadcast an `at`, or remove `zone`
    ");
    assert_snapshot!(errors_after("zone = \"recipient\"", "zone = \"campaign\""), @r#"
    line 232: broadcast.news.missed
         needs `zone = "recipient"`; otherwise all recipients get it at one time
    "#);
    assert_snapshot!(errors_after("zone = \"recipient\"", "zone = \"reciever\""), @r#"
    line 231: broadcast.news.zone
         `reciever` is not a known value
       → known here: campaign, recipient
    line 232: broadcast.news.missed
         needs `zone = "recipient"`; otherwise all recipients get it at one time
    "#);
}

#[test]
fn variants_have_weight_differ_and_share_a_channel() {
    let variants = |list: &str| {
        let [begin, end] = ["variants = [{ send", "weight = 3 }]"];
        let [begin, end] =
            [BROADCASTS.find(begin).unwrap(), BROADCASTS.find(end).unwrap() + end.len()];
        errors_after(&BROADCASTS[begin..end], &format!("variants = [{list}]"))
    };
    assert_snapshot!(variants("{ name = 'a', send = 'emails/x', weight = 0 },
        { name = 'a', send = 'emails/x' }, { name = 'c', send = 'sms/x', subject = 'x' }"), @"
    line 240: broadcast.offer.ab.variants[1].weight
         a weight must be from 1 to 1000
    line 241: broadcast.offer.ab.variants[2].name
         another variant has this name
    line 241: broadcast.offer.ab.variants[2].send
         another variant sends the same
    line 241: broadcast.offer.ab.variants[3].send
         all variants must use one channel; otherwise the test would compare audiences
    line 241: broadcast.offer.ab.variants[3].subject
         an SMS has no subject
    line 242: broadcast.offer.ab.metric
         an SMS has no opens to count
       → use `clicked` or `converted`
    ");
    assert_snapshot!(variants(""), @"
    line 240: broadcast.offer.ab.variants
         a broadcast needs at least one
    line 240: broadcast.offer.ab.variants
         a test needs at least two variants
    line 246: broadcast.offer.ab.otherwise
         there is no variant `a`
    ");
    assert_snapshot!(variants("{ name = 'a', send = 'emails/x' }"), @"
    line 240: broadcast.offer.ab.variants
         a test needs at least two variants
    ");
    let six: String =
        (0..6).map(|n| format!("{{ name = 'v{n}', send = 'emails/{n}' }},")).collect();
    assert_snapshot!(variants(&six), @"
    line 240: broadcast.offer.ab.variants
         6 variants; the limit is 5
    line 246: broadcast.offer.ab.otherwise
         there is no variant `a`
       → known here: v0, v1, v2, v3, v4, v5
    ");
    assert_snapshot!(variants("{ name = 'a', send = 'sms/x' }, { name = 'b', send = 'sms/y' }"), @"
    line 241: broadcast.offer.ab.metric
         an SMS has no opens to count
       → use `clicked` or `converted`
    ");
}

#[test]
fn ab_test_leaves_a_rest_and_ends_within_30_days() {
    assert_snapshot!(errors_after("test_share = 20", "test_share = 0"), @"
    line 244: broadcast.offer.ab.test_share
         must be from 1 to 99 (percent of the recipients)
       → remove it to divide all recipients among the variants
    ");
    assert_snapshot!(errors_after("test_share = 20", "test_share = 100"), @"
    line 244: broadcast.offer.ab.test_share
         must be from 1 to 99 (percent of the recipients)
       → remove it to divide all recipients among the variants
    ");
    assert_snapshot!(errors_after("test_share = 20\n", ""), @"
    line 244: broadcast.offer.ab.wait
         needs a test of a part of the recipients
       → write `test_share` too
    line 245: broadcast.offer.ab.otherwise
         needs a test of a part of the recipients
       → write `test_share` too
    ");
    assert_snapshot!(errors_after("wait = \"4h\"", "wait = \"31d\""), @"
    line 245: broadcast.offer.ab.wait
         a test must wait from 10m to 30d, not 31d
    ");
    assert_snapshot!(errors_after("otherwise = \"a\"", "otherwise = \"c\""), @"
    line 246: broadcast.offer.ab.otherwise
         there is no variant `c`
       → did you mean `a`?
    ");
    assert_snapshot!(errors_after("confidence = 99", "confidence = 80"), @"
    line 242: broadcast.offer.ab.confidence
         must be 90, 95 or 99 (percent)
    ");
    assert_snapshot!(errors_after("sample_min = 50", "sample_min = 0"), @"
    line 243: broadcast.offer.ab.sample_min
         must be from 1 to 1000000 recipients of each variant
    ");
    let own = "at = \"2026-03-09T09:00\"";
    assert_snapshot!(errors_after(own, &format!("{own}\nzone = \"recipient\"")), @r#"
    line 245: broadcast.offer.ab.test_share
         the test would end after the local send time of most recipients
       → remove `test_share`, or use `zone = "campaign"`
    "#);
}

#[test]
fn empty_send_window_is_refused() {
    let window = "[broadcast.offer.window]\nfrom = \"08:00\"\nto = \"20:00\"";
    let never = "[broadcast.offer.window]\nfrom = \"08:00\"\nto = \"08:00\"";
    assert_snapshot!(errors_after(window, never), @"
    line 248: broadcast.offer.window
         is empty, because it ends when it begins
       → give `from` and `to` two different times of day
    ");
    assert_snapshot!(errors_after("weekdays = [", "weekday = ["), @"
    line 251: broadcast.offer.window.weekday
         unknown key
       → did you mean `weekdays`?
    ");
}
