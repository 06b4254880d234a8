//! Journeys and their steps, as they stand in a campaign file.

use super::rules::rule;
use super::table::{Node, Table};
use crate::domain::journey::{
    Action, EventPattern, Journey, LocalTime, Migration, Next, ReEntry, Step, Trigger,
};
use crate::domain::primitives::Span;
use crate::domain::problem::Problem;
use crate::domain::rule::Rule;

const ACTIONS: &[&str] =
    &["send", "wait", "wait_until", "wait_for", "branch", "update", "notify", "end"];
const TRIGGERS: &[&str] = &["form", "segment", "event"];
const WEEKDAYS: &[(&str, u8)] =
    &[("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6), ("sun", 7)];

/// Reads `[journey.<name>]` and its steps. Its purpose is empty if the file says none.
pub(super) fn journey(node: Node<'_>) -> Option<Journey> {
    let mut table = node.table();
    Some(Journey {
        enter: table.need("enter", |node| trigger(node).map(Some)).unwrap_or_else(no_trigger),
        exit: table.get("exit", trigger),
        re_entry: table.get("re_entry", re_entry).unwrap_or(ReEntry::Never),
        purpose: table.get("purpose", Node::text).unwrap_or_default(),
        steps: chain(table.need("step", |node| node.list(step))),
        migrate: table.get("migrate", |node| node.named(migration)).unwrap_or_default(),
    })
}

/// Where whoever stands at a step of an older version goes: a step's name, or `{ leave = "…" }`.
fn migration(node: Node<'_>) -> Option<Migration> {
    if node.is_text() {
        return node.text().map(Migration::Move);
    }
    Some(Migration::Leave(node.table().need("leave", Node::text)))
}

/// Stands in for a trigger that could not be read; the file has been refused by then.
fn no_trigger() -> Trigger {
    Trigger::Form(String::new())
}

/// Gives each step that names no successor the next one in the file, and the last one the end.
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
            table.need_one_of(ACTIONS, "the step does nothing");
            None
        }
        [..] => {
            let message = format!("{} are two actions in one step", present.join(" and "));
            let advice = "make a step of each";
            table.report(Problem::new(&table.key, message).help(advice));
            None
        }
    };
    let then = table.get("then", next);
    for stray in ["timeout", "on_timeout", "otherwise", "note"] {
        let owner = if stray == "otherwise" {
            "branch"
        } else if stray == "note" {
            "notify"
        } else {
            "wait_for"
        };
        if !present.contains(&owner)
            && let Some(node) = table.node(stray)
            && !present.is_empty()
        {
            node.complain::<()>(format!("belongs to `{owner}` steps only"));
        }
    }
    for action in present.iter().filter(|_| action.is_none()) {
        table.node(action);
    }
    let leads_on = !matches!(action, Some(Action::Branch { .. } | Action::End));
    if then.is_some() && !leads_on {
        let message = format!("a step that {}s leads nowhere by `then`", present.join(""));
        table.report(Problem::new(table.key_of("then"), message));
    }
    let in_order = then.is_none() && leads_on;
    let action = action.unwrap_or(Action::End);
    Some((Step { id, action, then: then.unwrap_or(Next::End) }, in_order))
}

fn action_of(word: &'static str, table: &mut Table<'_>) -> Option<Action> {
    Some(match word {
        "send" => Action::Send { template: table.get(word, Node::text)? },
        "wait" => Action::Wait(table.get(word, Node::span)?),
        "wait_until" => Action::WaitUntil(table.get(word, local_time)?),
        "wait_for" => return wait_for(table),
        "branch" => {
            let paths = table.get(word, |node| node.list(path));
            let otherwise = table.need("otherwise", |node| next(node).map(Some));
            Action::Branch { paths: paths?, otherwise: otherwise? }
        }
        "update" => return table.get(word, update),
        "notify" => {
            let note = table.get("note", Node::text);
            table.get(word, |node| node.word(&[("owner", ())]))?;
            Action::Notify { note }
        }
        _ => {
            let node = table.node(word)?;
            if !node.clone().truth()? {
                return node.complain("a step that ends says `end = true`");
            }
            Action::End
        }
    })
}

fn wait_for(table: &mut Table<'_>) -> Option<Action> {
    let awaited = table.get("wait_for", |node| {
        let mut table = node.table();
        let step = table.get("step", Node::text);
        Some((pattern(&mut table), step))
    });
    let timeout: Option<Span> = table.need("timeout", |node| node.span().map(Some));
    let on_timeout = table.need("on_timeout", |node| next(node).map(Some));
    let (pattern, step) = awaited?;
    Some(Action::WaitFor { pattern, step, timeout: timeout?, on_timeout: on_timeout? })
}

fn pattern(table: &mut Table<'_>) -> EventPattern {
    EventPattern {
        event: table.need("event", Node::text),
        filter: table.get("where", Node::scalars).unwrap_or_default(),
    }
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

fn trigger(node: Node<'_>) -> Option<Trigger> {
    let mut table = node.table();
    let present: Vec<&str> = TRIGGERS.iter().copied().filter(|word| table.has(word)).collect();
    table.know(TRIGGERS);
    match present[..] {
        ["form"] => table.get("form", Node::text).map(Trigger::Form),
        ["segment"] => table.get("segment", Node::text).map(Trigger::Segment),
        ["event"] => Some(Trigger::Event(pattern(&mut table))),
        [] => {
            table.need_one_of(TRIGGERS, "nothing triggers it");
            table.node("where");
            None
        }
        [..] => {
            table.complain(format!("takes only one of {}", present.join(", ")));
            for word in TRIGGERS {
                table.node(word);
            }
            None
        }
    }
}

fn re_entry(node: Node<'_>) -> Option<ReEntry> {
    let text = node.clone().text()?;
    match (text.as_str(), text.strip_prefix("after ").and_then(Span::parse)) {
        ("never", _) => Some(ReEntry::Never),
        ("always", _) => Some(ReEntry::Always),
        (_, Some(span)) => Some(ReEntry::After(span)),
        _ => node.complain(format!(
            "expected \"never\", \"always\" or \"after 30d\" (any span), not `{text}`"
        )),
    }
}

fn next(node: Node<'_>) -> Option<Next> {
    let text = node.text()?;
    Some(if text == "end" { Next::End } else { Next::Step(text) })
}

fn local_time(node: Node<'_>) -> Option<LocalTime> {
    let mut table = node.table();
    let weekdays = table.get("weekdays", |node| node.list(|day| day.word(WEEKDAYS)));
    let clock: Option<(u8, u8)> = table.need("time", |node| {
        let text = node.clone().text()?;
        let parts = (text.len() == 5).then(|| text.split_once(':')).flatten();
        let clock =
            parts.and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
        clock.map(Some).or_else(|| {
            node.complain(format!("expected a time of day such as \"09:30\", not `{text}`"))
        })
    });
    let (hour, minute) = clock?;
    Some(LocalTime { hour, minute, weekdays: weekdays.unwrap_or_default() })
}
