//! The content of a run: two campaigns, their later versions, and the moves that a seed determines.

use super::turns::Dice;
use crate::domain::campaign::Compiled;
use crate::domain::campaign_file;
use crate::domain::publication::validate::references;
use crate::domain::template::TemplateSource;
use std::collections::BTreeMap;

/// One thing that happens; everything that waits is worked on after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub action: Action,
    /// The seed of its random numbers, which stays the same if other moves are removed.
    pub dice: u64,
    /// Whether faults occur during it.
    pub with_faults: bool,
}

/// The kinds of moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A visitor sends a form, or the same one again.
    Post,
    /// A contact opens an e-mail or clicks in it.
    Engage,
    /// A scanner opens everything and clicks everywhere.
    Scan,
    /// A contact confirms an address.
    Confirm,
    /// A contact withdraws all consent.
    Unsubscribe,
    /// A contact buys.
    Order,
    /// Many people join at once, and stay in step from then on.
    Crowd,
    /// A contact moves to another time zone, and enters it in a form.
    Move,
    /// A visitor views a page.
    Visit,
    /// Time passes, with or without ticks.
    Pass,
    /// The clock jumps.
    Jump,
    /// A new version goes live.
    Publish,
    /// A journey with active enrollments is paused or resumed.
    PauseJourney,
    /// The broadcast is paused or resumed.
    PauseBroadcast,
    /// A journey with active enrollments is archived.
    Archive,
    /// An operator erases a contact.
    Erase,
    /// An operator merges a contact into another.
    Merge,
    /// The database is restored to an earlier bookmark.
    Restore,
    /// Older code runs beside newer for a while, and cannot read a campaign.
    Rollback,
    /// A version is damaged in the database, or repaired.
    Damage,
    /// The signing secret is rotated.
    Rotate,
}

/// The number of moves of a run.
const MOVES: u64 = 40;

/// The kinds of moves with their weights.
const ACTIONS: [(Action, u64); 21] = [
    (Action::Post, 16),
    (Action::Engage, 9),
    (Action::Scan, 2),
    (Action::Confirm, 3),
    (Action::Unsubscribe, 3),
    (Action::Order, 3),
    (Action::Crowd, 2),
    (Action::Move, 1),
    (Action::Visit, 2),
    (Action::Pass, 17),
    (Action::Jump, 2),
    (Action::Publish, 2),
    (Action::PauseJourney, 2),
    (Action::PauseBroadcast, 2),
    (Action::Archive, 1),
    (Action::Erase, 2),
    (Action::Merge, 2),
    (Action::Restore, 3),
    (Action::Rollback, 2),
    (Action::Damage, 1),
    (Action::Rotate, 1),
];

/// Returns the moves of a seed.
pub fn script(seed: u64) -> Vec<Move> {
    let dice = Dice::new(seed ^ 0x5c197);
    let all: u64 = ACTIONS.iter().map(|(_, weight)| weight).sum();
    let action = |mut number: u64| {
        let found = ACTIONS.iter().find(|(_, weight)| {
            let is_it = number < *weight;
            number = number.saturating_sub(*weight);
            is_it
        });
        found.map_or(Action::Pass, |(action, _)| *action)
    };
    let one =
        |_| Move { action: action(dice.below(all)), dice: dice.below(1 << 31), with_faults: true };
    (0..MOVES).map(one).collect()
}

/// Returns the campaigns in their `version`-th version; rules and steps differ between versions.
pub fn campaigns(version: u64) -> Result<Vec<Compiled>, String> {
    ["first", "second"].into_iter().map(|id| compiled(id, version)).collect()
}

fn compiled(id: &str, version: u64) -> Result<Compiled, String> {
    let text = if id == "first" { first(version) } else { second(version) };
    let read = campaign_file::read(&format!("{id}.toml"), &text);
    let campaign = read.map_err(|wrong| format!("{wrong:?}"))?;
    let names = references(&campaign).into_iter().map(|(_, name)| name);
    let templates: BTreeMap<_, _> = names.map(|name| (name.clone(), template(&name))).collect();
    Ok(Compiled { campaign, templates })
}

fn first(version: u64) -> String {
    let more = match version % 2 {
        0 => "",
        _ => "[[journey.j.step]]\nid = \"more\"\nsend = \"emails/more\"",
    };
    include_str!("first.toml")
        .replace("HOURS", &format!("{}h", 6 + version))
        .replace("CLICKS", &(1 + version % 2).to_string())
        .replace("MORE", more)
}

fn second(version: u64) -> String {
    let moved = match version % 2 {
        0 => "",
        _ => "[journey.loop.migrate]\nrest = \"rest\"",
    };
    include_str!("second.toml")
        .replace("LAPS", &(60 + 20 * (version % 3)).to_string())
        .replace("MOVED", moved)
}

fn template(name: &str) -> TemplateSource {
    let html = "<html><body><p>{{score}}</p><a href=\"{{base_url}}/more\">More</a>\
                <a href=\"{{unsubscribe_url}}\">Stop</a></body></html>";
    match name.split_once('/') {
        Some(("emails", _)) => TemplateSource::Email {
            subject: name.to_owned(),
            preheader: String::new(),
            html: html.to_owned(),
            text: "Stop: {{unsubscribe_url}}".to_owned(),
        },
        Some(("sms", name)) => TemplateSource::Sms(name.to_owned()),
        _ => TemplateSource::Page("<html lang=\"en\"><body>{{{form}}}</body></html>".to_owned()),
    }
}
