//! What a campaign file may contain, and what is reported for every mistake in one.

mod keys;
mod lists;
mod rules;
mod syntax;

use super::*;
use crate::domain::base::primitives::Millis;
use crate::domain::segment::{Rule, TimeTest};
use insta::assert_snapshot;

/// A campaign that uses every key.
pub(crate) const SAMPLE: &str = include_str!("sample.toml");
/// Broadcasts to append to `SAMPLE`.
pub(crate) const BROADCASTS: &str = include_str!("broadcasts.toml");
/// Settings of messages to append to `SAMPLE`.
pub(crate) const MESSAGES: &str = include_str!("messages.toml");

/// Returns the report about a file: line, key, what is wrong, and how to fix it.
pub(crate) fn errors_in(text: &str) -> String {
    match read("campaigns/white-paper.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().map(line).collect(),
    }
}

fn line(found: &Diagnostic) -> String {
    let help = found.help.iter().map(|help| format!("   → {help}\n")).collect::<String>();
    format!("line {}: {}\n     {}\n{help}", found.line, found.key, found.message)
}

/// Returns the report about the sample after replacing one piece of text.
pub(crate) fn errors_of(from: &str, to: &str) -> String {
    assert_eq!(SAMPLE.matches(from).count(), 1, "`{from}` must be in the sample once");
    errors_in(&SAMPLE.replace(from, to))
}

#[test]
fn sample_has_no_problems() {
    assert_eq!(errors_in(SAMPLE), "all good");
    assert_eq!(errors_in(&SAMPLE.replace('\n', "\r\n")), "all good");
}

#[test]
fn file_name_must_match_campaign_id() {
    assert_snapshot!(errors_of("id = \"white-paper\"", "id = \"white_paper\""), @"
    line 3: campaign.id
         the file name does not match the id `white_paper`
       → rename it to white_paper.toml, or the campaign to `white-paper`
    ");
    assert!(read("anything", SAMPLE).is_ok(), "only a .toml file's name counts");
}

#[test]
fn journey_defaults_to_the_only_purpose() {
    let campaign = read(
        "white-paper.toml",
        &SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", ""),
    )
    .unwrap();
    assert_eq!(campaign.journeys["nurture"].purpose, "newsletter");
    let other = "\n[form.other]\nfields = [{ name = 'email', type = 'email' }]\n\
                 consent = { purpose = 'product', channels = ['email'], text = '好' }\n";
    let text = SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", "") + other;
    assert_snapshot!(errors_in(&text), @"
    line 90: journey.nurture.purpose
         missing
       → the forms ask for several: newsletter, product
    ");
}

#[test]
fn same_file_always_gives_the_same_bytes() {
    let bytes =
        |text: &str| serde_json::to_string(&read("white-paper.toml", text).unwrap()).unwrap();
    assert_eq!(bytes(SAMPLE), bytes(&SAMPLE.replace('\n', "\r\n")));
    let back: Campaign = serde_json::from_str(&bytes(SAMPLE)).unwrap();
    assert_eq!(back, read("white-paper.toml", SAMPLE).unwrap());
}

#[test]
fn steps_lead_to_the_next_by_default() {
    let campaign = read("white-paper.toml", SAMPLE).unwrap();
    let leads = |step: &crate::domain::campaign::journey::Step| match &step.then {
        crate::domain::campaign::journey::Next::Step(id) => format!("{} → {id}\n", step.id),
        crate::domain::campaign::journey::Next::End => format!("{} → end\n", step.id),
    };
    assert_snapshot!(campaign.journeys["nurture"].steps.iter().map(leads).collect::<String>(), @"
    welcome → morning
    morning → clicked
    clicked → mark
    mark → sales
    sales → end
    nudge → pause
    pause → which
    which → end
    over → end
    ");
}

/// Returns the report about a segment with this rule, appended to the sample.
pub(crate) fn errors_of_rule(rule: &str) -> String {
    errors_in(&format!("{SAMPLE}\n[segment.x]\nrule = {rule}\n"))
}
