//! Problems of `[pacing]`, and of the windows of journeys and steps.

use crate::domain::campaign_file::tests::{SAMPLE, errors_in};
use insta::assert_snapshot;

/// Returns the problems of the sample with each of these lines under `[pacing]`.
fn each(lines: &[&str]) -> String {
    lines.iter().map(|line| errors_in(&format!("{SAMPLE}\n[pacing]\n{line}\n"))).collect()
}

#[test]
fn valid_pacing_is_accepted() {
    let whole = r#"quiet = { sms = { from = "21:00", to = "08:00", else = "drop", class = "all" } }
window = { from = "09:00", to = "18:00", weekdays = ["mon", "fri"] }
caps = [{ channel = "email", class = "marketing", messages = 1, within = "31d" }]
give_up_after = "3d"
customary_hours = false
warm_up = { start = 2026-03-01, first_day = 50, growth = 1.5 }"#;
    assert_eq!(each(&[whole, "warm_up = { start = 2026-03-01, days = [1, 2] }"]), {
        "all good".repeat(2)
    });
}

#[test]
fn impossible_hours_are_refused() {
    assert_snapshot!(each(&[
        r#"quiet = { sms = { from = "21:00", to = "21:00" } }"#,
        r#"quiet = { sms = { from = "25:00", to = "8" } }"#,
        r#"quiet = { sms = { from = "21:00" } }"#,
        r#"quiet = { fax = { from = "21:00", to = "08:00" } }"#,
        r#"quiet = { sms = { from = "21:00", to = "08:00", else = "dropp" } }"#,
        r#"quiet = { sms = { from = "21:00", to = "08:00", class = "internal" } }"#,
        r#"window = { from = "09:00", to = "09:00" }"#,
        r#"window = { from = "09:00", to = "18:00", weekdays = ["monday"] }"#,
        r#"quiet = { email = { from = "20:00", to = "10:00" } }
           window = { from = "21:00", to = "09:00" }"#,
        r#"customary_hours = "no""#,
    ]), @r#"
    line 227: pacing.quiet.sms
         covers the whole day, so nothing would ever be sent
       → give `from` and `to` two different times of day
    line 227: pacing.quiet.sms.from
         expected a time of day such as "21:00", not `25:00`
    line 227: pacing.quiet.sms.to
         expected a time of day such as "21:00", not `8`
    line 227: pacing.quiet.sms.to
         missing
       → write to = …
    line 227: pacing.quiet.fax
         unknown key
       → known here: email, sms
    line 227: pacing.quiet.sms.else
         `dropp` is not a known value
       → did you mean `drop`?
    line 227: pacing.quiet.sms.class
         `internal` is not a known value
       → known here: marketing, transactional, all
    line 227: pacing.window
         is empty, because it ends when it begins
       → give `from` and `to` two different times of day
    line 227: pacing.window.weekdays[1]
         `monday` is not a known value
       → did you mean `mon`?
    line 228: pacing.window
         is within the quiet hours of email, 20:00 to 10:00: nothing would be sent
       → choose hours outside them
    line 227: pacing.customary_hours
         expected true or false, not `no`
       → write it without quotes: false
    "#);
}

#[test]
fn invalid_caps_are_refused() {
    let many = format!("caps = [{}]", r#"{ messages = 1, within = "1d" },"#.repeat(11));
    assert_snapshot!(each(&[
        r#"caps = [{ messages = 1, within = "1d" }, { messages = 0, within = "1d" }]"#,
        r#"caps = [{ messages = 1, within = "32d" }]"#,
        r#"caps = [{ messages = 1, within = "30s" }]"#,
        r#"caps = [{ messages = 1.5, within = "1d" }]"#,
        r#"caps = [{ messages = 1, within = "a day" }]"#,
        r#"caps = [{ messages = 1 }]"#,
        r#"caps = [{ chanel = "email", messages = 1, within = "1d" }]"#,
        r#"caps = { messages = 1, within = "1d" }"#,
        &many,
        r#"give_up_after = "0d""#,
    ]), @r#"
    line 227: pacing.caps[2].messages
         with none nothing is ever sent: give 1 or more, or no cap
    line 227: pacing.caps[1].within
         give a span between 1m and 31d
    line 227: pacing.caps[1].within
         give a span between 1m and 31d
    line 227: pacing.caps[1].messages
         expected a whole number of at most 53 bits, not the number 1.5
    line 227: pacing.caps[1].within
         expected a duration such as "90s", "30m", "12h", "3d" or "2w", not `a day`
    line 227: pacing.caps[1].within
         missing
       → write within = …
    line 227: pacing.caps[1].chanel
         unknown key
       → did you mean `channel`?
    line 227: pacing.caps
         expected a list: […], not a table
       → write [{ … }], or [[pacing.caps]] above each table
    line 227: pacing.caps
         11 caps; the limit is 10
    line 227: pacing.give_up_after
         a duration is from 1s to below 3650d, not 0s
    "#);
}

#[test]
fn invalid_warm_up_is_refused() {
    assert_snapshot!(each(&[
        "warm_up = { start = 2026-03-01 }",
        "warm_up = { first_day = 50, growth = 1.5 }",
        "warm_up = { start = 2026-03-01, first_day = 50 }",
        "warm_up = { start = 2026-03-01, growth = 1.5 }",
        "warm_up = { start = 2026-03-01, first_day = 0, growth = 1.5 }",
        "warm_up = { start = 2026-03-01, first_day = 50, growth = 0.9 }",
        "warm_up = { start = 2026-03-01, first_day = 50, growth = 1.5, days = [1] }",
        "warm_up = { start = 2026-03-01, days = [10, 0] }",
        r#"warm_up = { start = "March", days = [10] }"#,
        "rates = { resend = { calls = 2, per = \"1s\" } }",
    ]), @"
    line 227: pacing.warm_up.first_day
         give `first_day` and `growth`, or `days` as a list of numbers
    line 227: pacing.warm_up.start
         missing
       → write start = …
    line 227: pacing.warm_up.growth
         give how many times more leave each day, such as 1.5
    line 227: pacing.warm_up.first_day
         give how many messages leave on the first day
    line 227: pacing.warm_up.first_day
         0 never grows: give 1 or more
    line 227: pacing.warm_up.growth
         below 1 it shrinks and never ends; give a number from 1 to 10
    line 227: pacing.warm_up.days
         give either `days`, or `first_day` and `growth`
    line 227: pacing.warm_up.days
         a day without any message warms nothing up: give 1 or more
    line 227: pacing.warm_up.start
         give a day such as 2026-03-01
    line 227: pacing.rates
         unknown key
       → known here: caps, customary_hours, give_up_after, quiet, warm_up, window
    ");
}

#[test]
fn journey_and_step_windows_are_validated_too() {
    let night = "\n[pacing]\nquiet = { email = { from = '20:00', to = '10:00' } }\n";
    let own = r#"[journey.late]
enter = { form = "download" }
window = { from = "21:00", to = "22:00" }
[[journey.late.step]]
id = "s"
send = "emails/welcome"
window = { from = "09:00", to = "09:00" }
"#;
    let wait = "[[journey.late.step]]
id = 'w'
wait = '1d'
window = { from = '09:00', to = '10:00' }
";
    let whole = format!("{SAMPLE}\n{night}\n{own}");
    assert_snapshot!(errors_in(&whole) + &errors_in(&format!("{whole}{wait}")), @"
    line 232: journey.late.window
         is within the quiet hours of email, 20:00 to 10:00: nothing would be sent
       → choose hours outside them
    line 236: journey.late.step[1].window
         is empty, because it ends when it begins
       → give `from` and `to` two different times of day
    line 240: journey.late.step[2].window
         is only for `send` steps
    ");
}
