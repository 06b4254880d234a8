//! What is said about `[campaign.sms]` and `tracking`.

use crate::domain::campaign_file::tests::said_of;
use insta::assert_snapshot;

#[test]
fn what_makes_no_sense_about_messages_is_refused() {
    let said = [
        ("signature = \"砺川装备\"", "signature = \"【砺川】\""),
        ("opt_out = \"拒收请回复R\"", "opt_out = \"谢谢\""),
        ("segments_max = 3", "segments_max = 11"),
        ("\"+86\" = \"0.045\"", "\"86\" = \"0.045\""),
        ("\"+86\" = \"0.045\"", "\"+86\" = \"0,045\""),
        ("\"DE\", \"Europe/\"", "\"Germany\""),
        ("send = \"sms/nudge\"\ntracking", "wait = \"1d\"\ntracking"),
    ]
    .map(|(from, to)| said_of(from, to));
    assert_snapshot!(said.join(""), @r#"
    line 20: campaign.sms.signature
         the name alone: 【】 is put around it
    line 22: campaign.sms.opt_out
         does not say how to refuse
       → such as `Reply STOP to opt out` or `拒收请回复R`
    line 23: campaign.sms.segments_max
         a message has 1 to 10 segments
    line 25: campaign.sms.price.86
         `86` is no beginning of a number
       → write "+86", or "+" for every other
    line 25: campaign.sms.price.+86
         `0,045` is no price: digits, with at most 6 decimals, as "0.045"
    line 17: campaign.tracking.off_in[1]
         `Germany` is no country or time zone
       → write "DE", or "Europe/" for all zones there
    line 132: journey.nurture.step[6].tracking
         belongs to `send` steps only
    "#);
}
