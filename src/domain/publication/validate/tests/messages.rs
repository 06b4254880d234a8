//! Problems of `[campaign.sms]` and `tracking`.

use crate::domain::campaign_file::tests::{MESSAGES, SAMPLE, errors_in};
use insta::assert_snapshot;

#[test]
fn invalid_message_settings_are_refused() {
    let answers = [
        ("signature = \"砺川装备\"", "signature = \"【砺川】\""),
        ("opt_out = \"拒收请回复R\"", "opt_out = \"谢谢\""),
        ("segments_max = 3", "segments_max = 11"),
        ("\"+86\" = \"0.045\"", "\"86\" = \"0.045\""),
        ("\"+86\" = \"0.045\"", "\"+86\" = \"0,045\""),
        ("\"DE\", \"Europe/\"", "\"Germany\""),
        ("send = \"sms/sorry\"\ntracking", "wait = \"1d\"\ntracking"),
    ]
    .map(|(from, to)| {
        assert_eq!(MESSAGES.matches(from).count(), 1, "`{from}` must be there once");
        errors_in(&format!("{SAMPLE}\n{}", MESSAGES.replace(from, to)))
    });
    assert_eq!(errors_in(&format!("{SAMPLE}\n{MESSAGES}")), "all good");
    assert_snapshot!(answers.join(""), @r#"
    line 233: campaign.sms.signature
         write only the name; 【】 is added
    line 235: campaign.sms.opt_out
         does not say how to opt out
       → such as `Reply STOP to opt out` or `拒收请回复R`
    line 236: campaign.sms.segments_max
         must be from 1 to 10 segments
    line 238: campaign.sms.price.86
         `86` is not the beginning of a phone number
       → write "+86", or "+" for all other numbers
    line 238: campaign.sms.price.+86
         `0,045` is not a price; write digits with at most 6 decimals, such as "0.045"
    line 229: campaign.tracking.off_in[1]
         `Germany` is not a country or a time zone
       → write "DE", or "Europe/" for all zones there
    line 247: journey.quiet.step[1].tracking
         is only for `send` steps
    "#);
}
