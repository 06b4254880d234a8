//! Computes the reports of a campaign's broadcasts from their rows and the campaign's counters.
//! Pure; part of `report`.

use crate::domain::campaign::Campaign;
use crate::domain::campaign::ab_test::evaluate;
use crate::domain::campaign::broadcast::{BroadcastState, BroadcastVariant};
use crate::domain::contact::message::of_broadcast_part;
use crate::domain::report::broadcast::{BroadcastReport, VariantFigures};
use crate::flows::broadcast::run::trials;
use crate::flows::report::campaign::message_count;
use crate::store::broadcasts::BroadcastRow;
use crate::store::reports::CounterRow;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the reports of all broadcasts of the live version, and of those that have ever begun.
pub fn add_up(
    campaign: &Campaign,
    rows: &[BroadcastRow],
    counters: &[CounterRow],
) -> Vec<BroadcastReport> {
    let begun = rows.iter().map(|row| &row.broadcast);
    let names: BTreeSet<&String> = campaign.broadcasts.keys().chain(begun).collect();
    names.into_iter().map(|name| one(campaign, name, rows, counters)).collect()
}

fn one(
    campaign: &Campaign,
    name: &str,
    rows: &[BroadcastRow],
    counters: &[CounterRow],
) -> BroadcastReport {
    let row = rows.iter().find(|row| row.broadcast == name);
    let broadcast = campaign.broadcasts.get(name);
    let is_ours =
        |row: &&CounterRow| of_broadcast_part(&row.part).is_some_and(|(of, _)| of == name);
    let counters: Vec<CounterRow> = counters.iter().filter(is_ours).cloned().collect();
    let (variants, excluded) = figures(broadcast.map(|b| b.variants.as_slice()), &counters);
    let state = row.map(|row| row.state);
    let started = row.filter(|row| row.started_at.is_some());
    // Without a test no decision is pending, so the finding so far is reported.
    let by_now = broadcast
        .filter(|b| state == Some(BroadcastState::Done) && b.test.is_none() && b.variants.len() > 1)
        .map(|broadcast| evaluate(trials(broadcast, &counters), broadcast.standard));
    BroadcastReport {
        broadcast: name.to_owned(),
        state,
        phase: started.map(|row| row.phase),
        starts_at: row.filter(|r| r.state == BroadcastState::Scheduled).and_then(|r| r.due_at),
        started_at: row.and_then(|row| row.started_at),
        decide_at: row.filter(|row| row.finding.is_none()).and_then(|row| row.decide_at),
        ended_at: row.and_then(|row| row.ended_at),
        excluded,
        undecided: row.map_or(0, |row| row.failures),
        metric: broadcast.map(|broadcast| broadcast.metric).unwrap_or_default(),
        winner: row.and_then(|row| row.winner.clone()),
        finding: row.and_then(|row| row.finding.clone()).or(by_now),
        variants,
    }
}

/// Returns the figures of each variant, and the number of excluded contacts by reason.
fn figures(
    variants: Option<&[BroadcastVariant]>,
    counters: &[CounterRow],
) -> (Vec<VariantFigures>, BTreeMap<String, i64>) {
    let named = |name: &str| VariantFigures { variant: name.to_owned(), ..<_>::default() };
    let mut found: Vec<VariantFigures> =
        variants.unwrap_or_default().iter().map(|variant| named(&variant.name)).collect();
    let mut excluded = BTreeMap::new();
    for row in counters {
        let Some((_, within)) = of_broadcast_part(&row.part) else { continue };
        if row.metric == "excluded" {
            *excluded.entry(within.to_owned()).or_default() += row.value;
            continue;
        }
        let index = found.iter().position(|figures| figures.variant == within);
        let index = index.unwrap_or_else(|| {
            found.push(named(within));
            found.len() - 1
        });
        let figures = &mut found[index];
        match row.metric.as_str() {
            "recipients" => figures.recipients += row.value,
            "converted" => figures.converted += row.value,
            "earned" => figures.earned_minor += row.value,
            metric => {
                if let Some(count) = message_count(metric) {
                    *count(&mut figures.messages) += row.value;
                }
            }
        }
    }
    (found, excluded)
}
