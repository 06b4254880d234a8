//! report: what a campaign cost and earned, from counters. One round trip, one statement.

use super::seams::{Database, DatabaseError};
use crate::domain::campaign::Campaign;
use crate::domain::catalog::Edition;
use crate::domain::primitives::Millis;
use crate::domain::report::{ChannelRow, Figures, MessageFigures, MessageRow, Report, VariantRow};
use crate::store::reports::{self, CounterRow};
use crate::store::statement::Rows;
use std::collections::BTreeMap;

/// Reads the counters of a live campaign and adds its costs.
pub async fn report<D: Database>(
    db: &D,
    edition: &Edition,
    now: Millis,
) -> Result<Report, DatabaseError> {
    let rows = db.batch(vec![reports::counters(edition.id())]).await?;
    let rows = rows.first().map(Rows::all::<CounterRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok(add_up(&edition.compiled.campaign, edition.version, &rows, now))
}

/// Sorts counters into the tables of a report.
fn add_up(campaign: &Campaign, version: u32, rows: &[CounterRow], now: Millis) -> Report {
    let mut total = Figures::default();
    let mut by_channel = BTreeMap::<String, Figures>::new();
    let mut by_variant = BTreeMap::<(String, String), Figures>::new();
    let mut messages = BTreeMap::<String, MessageFigures>::new();
    for row in rows {
        if let Some(count) = message_count(&row.metric) {
            *count(messages.entry(row.part.clone()).or_default()) += row.value;
            continue;
        }
        let (page, variant) = row.part.split_once('/').unwrap_or((&row.part, ""));
        let channel = by_channel.entry(row.channel.clone()).or_default();
        let variant = by_variant.entry((page.to_owned(), variant.to_owned())).or_default();
        for figures in [&mut total, channel, variant] {
            if let Some(figure) = figure(figures, &row.metric) {
                *figure += row.value;
            }
        }
    }
    for cost in &campaign.costs {
        let channel = by_channel.entry(cost.channel.clone()).or_default();
        for figures in [&mut total, channel] {
            figures.cost_minor += cost.amount.minor;
        }
    }
    Report {
        campaign: campaign.id.clone(),
        name: campaign.name.clone(),
        currency: campaign.currency.clone(),
        generated_at: now,
        version: version.into(),
        total,
        by_channel: by_channel
            .into_iter()
            .map(|(channel, figures)| ChannelRow { channel, figures })
            .collect(),
        by_variant: by_variant
            .into_iter()
            .map(|((page, variant), figures)| VariantRow { page, variant, figures })
            .collect(),
        messages: messages
            .into_iter()
            .map(|(template, figures)| MessageRow { template, figures })
            .collect(),
    }
}

/// The count that a message metric belongs to, or `None` for a metric of visitors.
fn message_count(metric: &str) -> Option<fn(&mut MessageFigures) -> &mut i64> {
    match metric {
        "sent" => Some(|figures| &mut figures.sent),
        "delivered" => Some(|figures| &mut figures.delivered),
        "opened" => Some(|figures| &mut figures.opened),
        "clicked" => Some(|figures| &mut figures.clicked),
        _ => None,
    }
}

fn figure<'a>(figures: &'a mut Figures, metric: &str) -> Option<&'a mut i64> {
    match metric {
        "visitors" => Some(&mut figures.visitors),
        "leads" => Some(&mut figures.leads),
        "contacts" => Some(&mut figures.contacts),
        "conversions" => Some(&mut figures.conversions),
        "revenue" => Some(&mut figures.revenue_minor),
        _ => None,
    }
}
