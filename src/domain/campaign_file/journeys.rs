//! Journeys and their steps in a campaign file.

use super::amounts::wanted;
use super::pacing;
use super::rules::rule;
use super::table::{Node, Table};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{KindId, ListId, Span};
use crate::domain::campaign::journey::{
    Action, EventPattern, Journey, Migration, Next, ReEntry, Schedule, Step, Trigger, WaitFor,
};
use crate::domain::segment::Rule;
use crate::domain::time::calendar::{DateMoment, LocalTime};
use crate::domain::time::recurrence::{Recurrence, Written};

const ACTIONS: &[&str] = &[
    "send", "wait", "wait_until", "wait_for", "branch", "split", "update", "add_to_list",
    "remove_from_list", "notify", "webhook", "enroll", "leave", "end",
];
/// The triggers that may start a journey.
const STARTS: &[&str] = &["form", "segment", "segment_left", "event", "date", "schedule", "any"];
/// The triggers that may be one of several starts.
const TRIGGERS: &[&str] = &["form", "segment", "segment_left", "event"];
/// The triggers that may end an enrollment.
const ENDINGS: &[&str] = &["form", "segment", "segment_left", "event", "rule", "any"];
/// The triggers that a step may wait for.
const AWAITED: &[&str] = &["event", "segment", "segment_left", "any"];
/// Keys beside an action, and the actions that they belong to.
const BESIDE: &[(&str, &[&str])] = &[
    ("timeout", &["wait_for"]),
    ("on_timeout", &["wait_for"]),
    ("otherwise", &["branch", "wait_until"]),
    ("note", &["notify"]),
    ("tracking", &["send"]),
    ("window", &["send"]),
];
pub(super) const WEEKDAYS: &[(&str, u8)] =
    &[("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6), ("sun", 7)];

/// Reads `[journey.<name>]` and its steps. The purpose is empty if the file has none.
pub(super) fn journey(node: Node<'_>) -> Option<Journey> {
    let mut table = node.table();
    let enter = table.need("enter", |node| trigger(node, STARTS).map(Some));
    let enter = enter.unwrap_or_else(no_trigger);
    // A time trigger recurs, so the journey may be entered again by default.
    let otherwise = if enter.is_of_time() { ReEntry::Always } else { ReEntry::Never };
    Some(Journey {
        of: table.get("of", Node::kind).unwrap_or_else(KindId::contact),
        enter,
        exit: table.get("exit", |node| trigger(node, ENDINGS)),
        goal: table.get("goal", |node| trigger(node, ENDINGS)),
        re_entry: again(&mut table).unwrap_or(otherwise),
        entries_per_hour: table.get("limit", limit),
        window: table.get("window", pacing::hours),
        purpose: table.get("purpose", Node::text).unwrap_or_default(),
        steps: chain(table.need("step", |node| node.list(step))),
        migrate: table.get("migrate", |node| node.named(migration)).unwrap_or_default(),
    })
}

/// Reads where an enrollment at a step of an older version goes: a step's name, or
/// `{ leave = "…" }`.
fn migration(node: Node<'_>) -> Option<Migration> {
    if node.is_text() {
        return node.text().map(Migration::Move);
    }
    Some(Migration::Leave(node.table().need("leave", Node::text)))
}

/// A placeholder for an invalid trigger; the file is refused anyway.
fn no_trigger() -> Trigger {
    Trigger::Form(String::new())
}

/// Connects each step without a successor to the next one in the file, and the last one to the end.
fn chain(steps: Vec<(Step, bool)>) -> Vec<Step> {
    let ids: Vec<String> = steps.iter().map(|(step, _)| step.id.clone()).collect();
    let follow = |(index, (step, in_order)): (usize, (Step, bool))| match ids.get(index + 1) {
        Some(next) if in_order => Step { then: Next::Step(next.clone()), ..step },
        _ => step,
    };
    steps.into_iter().enumerate().map(follow).collect()
}

/// Reads one step, and whether it leads to the next one in the file.
fn step(node: Node<'_>) -> Option<(Step, bool)> {
    let mut table = node.table();
    let id = table.need("id", Node::text);
    let present: Vec<&'static str> = ACTIONS.iter().copied().filter(|a| table.has(a)).collect();
    table.know(ACTIONS);
    let action = match present[..] {
        [action] => action_of(action, &mut table),
        [] => {
            table.need_one_of(ACTIONS, "the step has no action");
            None
        }
        [..] => {
            let message =
                format!("{} are in one step, which has one action", present.join(" and "));
            let advice = "write one step for each";
            table.report(Problem::new(&table.key, message).help(advice));
            None
        }
    };
    let then = table.get("then", next);
    let untracked = match present.contains(&"send") {
        true => !table.get("tracking", Node::boolean).unwrap_or(true),
        false => false,
    };
    let sends = matches!(action, Some(Action::Send { .. }));
    let window = if sends { table.get("window", pacing::hours) } else { None };
    for (stray, owners) in BESIDE {
        if !present.is_empty()
            && !owners.iter().any(|owner| present.contains(owner))
            && let Some(node) = table.node(stray)
        {
            node.error::<()>(format!("is only for `{}` steps", owners.join("` and `")));
        }
    }
    for action in present.iter().filter(|_| action.is_none()) {
        table.node(action);
    }
    let leads_on = !matches!(
        action,
        Some(
            Action::Branch { .. }
                | Action::Split { .. }
                | Action::Leave { journey: None, .. }
                | Action::End
        )
    );
    if then.is_some() && !leads_on {
        let message = match &present[..] {
            ["leave"] => "a step that leaves its own journey cannot have `then`".to_owned(),
            words => format!("a step with `{}` cannot have `then`", words.join("")),
        };
        table.report(Problem::new(table.key_of("then"), message));
    }
    let in_order = then.is_none() && leads_on;
    let action = action.unwrap_or(Action::End);
    Some((Step { id, action, then: then.unwrap_or(Next::End), window, untracked }, in_order))
}

fn action_of(word: &'static str, table: &mut Table<'_>) -> Option<Action> {
    Some(match word {
        "send" => Action::Send { template: table.get(word, Node::text)? },
        "wait" => Action::Wait(table.get(word, Node::span)?),
        "wait_until" => return wait_until(table),
        "wait_for" => return wait_for(table),
        "split" => Action::Split { paths: table.get(word, |node| node.list(share))? },
        "webhook" => Action::Webhook { url: table.get(word, Node::text)? },
        "add_to_list" => Action::AddToList(ListId(table.get(word, Node::text)?)),
        "remove_from_list" => Action::RemoveFromList(ListId(table.get(word, Node::text)?)),
        "enroll" => Action::Enroll { journey: table.get(word, Node::text)? },
        "leave" => return table.get(word, leave),
        "branch" => {
            let paths = table.get(word, |node| node.list(path));
            let otherwise = table.need("otherwise", |node| next(node).map(Some));
            Action::Branch { paths: paths?, otherwise: otherwise? }
        }
        "update" => return table.get(word, update),
        "notify" => {
            let note = table.get("note", Node::text);
            table.get(word, |node| node.one_of(&[("owner", ())]))?;
            Action::Notify { note }
        }
        _ => {
            let node = table.node(word)?;
            if !node.clone().boolean()? {
                return node.error("write `end = true`");
            }
            Action::End
        }
    })
}

fn wait_until(table: &mut Table<'_>) -> Option<Action> {
    let otherwise = table.get("otherwise", |node| Some((next(node.clone())?, node)));
    let has_otherwise = table.has("otherwise");
    let until = table.get("wait_until", |node| {
        let mut table = node.table();
        match table.has("date") {
            true => Some((None, Some(date_moment(&mut table)?))),
            false => {
                table.know(&["date"]);
                Some((Some(local_time(&mut table)?), None))
            }
        }
    });
    match until? {
        (Some(time), _) => match otherwise {
            Some((_, node)) => {
                let message = "is only for `branch` steps, and for `wait_until` with a `date`";
                node.error(message)
            }
            None => Some(Action::WaitUntil(time)),
        },
        (None, moment) => {
            if !has_otherwise {
                table.need::<()>("otherwise", |_| None);
            }
            Some(Action::WaitUntilDate { moment: moment?, otherwise: otherwise?.0 })
        }
    }
}

fn wait_for(table: &mut Table<'_>) -> Option<Action> {
    let awaited = table.get("wait_for", |node| trigger(node, AWAITED));
    let timeout: Option<Span> = table.need("timeout", |node| node.span().map(Some));
    let on_timeout = table.need("on_timeout", |node| next(node).map(Some));
    let any = awaited?.parts().to_vec();
    Some(Action::WaitFor(WaitFor { any, timeout: timeout?, on_timeout: on_timeout? }))
}

fn pattern(table: &mut Table<'_>, words: &'static [&'static str]) -> EventPattern {
    EventPattern {
        event: table.need("event", Node::text),
        filter: table.get("where", |node| wanted(node, false)).unwrap_or_default().filter,
        // Only an awaited event can be about a message of the journey.
        step: (words == AWAITED).then(|| table.get("step", Node::text)).flatten(),
        machines: table.get("machines", Node::boolean).unwrap_or(false),
    }
}

fn share(node: Node<'_>) -> Option<(u32, Next)> {
    let mut table = node.table();
    let weight = table.need("weight", |node| node.count().map(Some));
    let then = table.need("then", |node| next(node).map(Some));
    Some((weight?, then?))
}

fn leave(node: Node<'_>) -> Option<Action> {
    let mut table = node.table();
    let journey = table.get("journey", Node::text);
    Some(Action::Leave { journey, reason: table.need("reason", Node::text) })
}

fn path(node: Node<'_>) -> Option<(Rule, Next)> {
    let mut table = node.table();
    let when = table.need("when", |node| rule(node).map(Some));
    let then = table.need("then", |node| next(node).map(Some));
    Some((when?, then?))
}

fn update(node: Node<'_>) -> Option<Action> {
    let mut table = node.table();
    Some(Action::Update {
        set: table.get("set", Node::scalars).unwrap_or_default(),
        add_tags: table.get("add_tags", |node| node.list(Node::text)).unwrap_or_default(),
        remove_tags: table.get("remove_tags", |node| node.list(Node::text)).unwrap_or_default(),
        score: table.get("score", Node::integer).unwrap_or(0),
    })
}

/// Reads a table with exactly one of the words.
fn trigger(node: Node<'_>, words: &'static [&'static str]) -> Option<Trigger> {
    let mut table = node.table();
    // A schedule has its own key `segment`.
    let is_schedule = words == STARTS && table.has("schedule");
    let is_start = |word: &&str| !is_schedule || *word != "segment";
    let words_here = words.iter().copied().filter(is_start);
    let present: Vec<&str> = words_here.filter(|word| table.has(word)).collect();
    table.know(words);
    match present[..] {
        ["form"] => table.get("form", Node::text).map(Trigger::Form),
        ["segment"] => table.get("segment", Node::text).map(Trigger::Segment),
        ["segment_left"] => table.get("segment_left", Node::text).map(Trigger::SegmentLeft),
        ["event"] => Some(Trigger::Event(pattern(&mut table, words))),
        ["rule"] => table.get("rule", rule).map(Trigger::Rule),
        ["date"] => date_moment(&mut table).map(Trigger::Date),
        ["schedule"] => schedule(&mut table),
        ["any"] => {
            let words = if words == STARTS { TRIGGERS } else { words };
            let part = |node: Node<'_>| match trigger(node.clone(), words)? {
                Trigger::Any(_) => node.error("an `any` must not contain another `any`"),
                part => Some(part),
            };
            table.get("any", |node| node.list(part)).map(Trigger::Any)
        }
        [] => {
            table.need_one_of(words, "it has no trigger");
            swallow_details(&mut table);
            None
        }
        [..] => {
            table.error(format!("takes only one of {}", present.join(", ")));
            for word in words {
                table.node(word);
            }
            swallow_details(&mut table);
            None
        }
    }
}

/// Marks the keys beside a trigger's word as known, so that only one problem is reported.
fn swallow_details(table: &mut Table<'_>) {
    for detail in ["where", "step", "machines", "start", "every", "offset", "time"] {
        if table.has(detail) {
            table.node(detail);
        }
    }
}

fn schedule(table: &mut Table<'_>) -> Option<Trigger> {
    let start = table.get("start", Node::day);
    let recurrence = table.get("schedule", |node| {
        let rule = node.clone().text()?;
        let read = Recurrence::read(Written { rule, start });
        read.map_err(|(message, help)| {
            node.report::<()>(Problem::new(&node.key, message).help(help));
        })
        .ok()
    });
    let segment = table.need("segment", Node::text);
    Some(Trigger::Schedule(Schedule { recurrence: recurrence?, segment }))
}

fn limit(node: Node<'_>) -> Option<u32> {
    let mut table = node.table();
    let people = table.need("people", |node| node.count().map(Some));
    table.need("per", |node| node.one_of(&[("hour", Some(()))]))?;
    people
}

fn again(table: &mut Table<'_>) -> Option<ReEntry> {
    let re_entry = table.get("re_entry", re_entry);
    let once_per = table.get("once_per", |node| Some((node.clone(), node.text()?)));
    match once_per {
        Some((node, _)) if table.has("re_entry") => {
            node.error("a journey has either `once_per` or `re_entry`")
        }
        Some((_, property)) => Some(ReEntry::OncePer(property)),
        None => re_entry,
    }
}

fn re_entry(node: Node<'_>) -> Option<ReEntry> {
    let text = node.clone().text()?;
    match (text.as_str(), text.strip_prefix("after ").and_then(Span::parse)) {
        ("never", _) => Some(ReEntry::Never),
        ("always", _) => Some(ReEntry::Always),
        (_, Some(span)) => Some(ReEntry::After(span)),
        _ => node.error(format!(
            "expected \"never\", \"always\" or \"after 30d\" (any duration), not `{text}`"
        )),
    }
}

fn next(node: Node<'_>) -> Option<Next> {
    let text = node.text()?;
    Some(if text == "end" { Next::End } else { Next::Step(text) })
}

fn local_time(table: &mut Table<'_>) -> Option<LocalTime> {
    let weekdays = table.get("weekdays", |node| node.list(|day| day.one_of(WEEKDAYS)));
    let (hour, minute) = clock(table)?;
    Some(LocalTime { hour, minute, weekdays: weekdays.unwrap_or_default() })
}

fn clock(table: &mut Table<'_>) -> Option<(u8, u8)> {
    table.need("time", |node| {
        let text = node.clone().text()?;
        let parts = (text.len() == 5).then(|| text.split_once(':')).flatten();
        let clock =
            parts.and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
        clock.map(Some).or_else(|| {
            node.error(format!("expected a time of day such as \"09:30\", not `{text}`"))
        })
    })
}

fn date_moment(table: &mut Table<'_>) -> Option<DateMoment> {
    let date = table.get("date", Node::text);
    let yearly = table.get("every", |node| node.one_of(&[("year", true)]));
    let offset_days = table.get("offset", offset);
    let clock = clock(table);
    let (hour, minute) = clock?;
    Some(DateMoment {
        date: date?,
        yearly: yearly.unwrap_or(false),
        offset_days: offset_days.unwrap_or(0),
        hour,
        minute,
    })
}

/// Reads whole days before or after: `-7d`, `2w`.
fn offset(node: Node<'_>) -> Option<i32> {
    let text = node.clone().text()?;
    let (sign, span) = match text.strip_prefix('-') {
        Some(rest) => (-1, Span::parse(rest)),
        None => (1, Span::parse(&text)),
    };
    let day = Span::days(1).0;
    let days = span.filter(|span| span.0 % day == 0).map(|span| span.0 / day);
    let days = days.and_then(|days| i32::try_from(sign * days).ok());
    days.or_else(|| node.error(format!("expected whole days such as \"-7d\", not `{text}`")))
}
