//! What a campaign cost and earned, from counters. Its journeys are counted from their enrollments
//! each time, when a report with them is asked for.

use crate::domain::base::primitives::{Channel, Millis, minor_digits};
use crate::domain::campaign::Campaign;
use crate::domain::campaign::journey::JourneyStatus;
use crate::domain::contact::message::of_broadcast_part;
use crate::domain::operations::failing::Failing;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::enrollment::EnrollmentState;
use crate::domain::report::{
    CHANNELS_MAX, ChannelRow, EnrollmentFigures, Figures, JourneyRow, MessageFigures, MessageRow,
    OTHER_CHANNELS, OtherCurrency, Report, VariantRow,
};
use crate::domain::sending::auto_pause::PauseEvent;
use crate::domain::sms::settings::in_minor_units;
use crate::flows::campaign::publish::statuses;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::report::broadcast;
use crate::store::broadcasts::{self, BroadcastRow};
use crate::store::campaigns::{self, CampaignRow};
use crate::store::reports::{self, CounterRow, EnrollmentRow};
use crate::store::statement::Rows;
use crate::store::{brakes, failing, journeys};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Reads the counters of a live campaign and adds its costs.
pub async fn report<D: Database>(
    db: &D,
    published: &PublishedVersion,
    now: Millis,
) -> Result<Report, DatabaseError> {
    let rows = db.batch(vec![reports::counters(published.id())]).await?;
    let rows = rows.first().map(Rows::all::<CounterRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok(add_up(&published.compiled.campaign, published.version, &rows, now))
}

/// Does the same, and adds the enrollments of each journey, and the broadcasts.
pub async fn report_with_journeys<D: Database>(
    db: &D,
    published: &PublishedVersion,
    now: Millis,
) -> Result<Report, DatabaseError> {
    let id = published.id();
    let statements = vec![
        reports::counters(id),
        reports::enrollments(id),
        journeys::statuses(),
        broadcasts::of_campaign(id),
        brakes::newest(Some(id)),
        reports::other_currencies(id, &published.compiled.campaign.currency),
        failing::list(Some(id)),
        campaigns::one(id),
    ];
    let rows = db.batch(statements).await?;
    let counters = rows.first().map(Rows::all::<CounterRow>).transpose();
    let enrollments = rows.get(1).map(Rows::all::<EnrollmentRow>).transpose();
    let (counters, enrollments) =
        (counters.map_err(DatabaseError::Fault)?, enrollments.map_err(DatabaseError::Fault)?);
    let campaign = &published.compiled.campaign;
    let counters = counters.unwrap_or_default();
    let mut by_journey: BTreeMap<String, BTreeMap<u32, EnrollmentFigures>> =
        campaign.journeys.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
    for row in enrollments.unwrap_or_default() {
        let versions = by_journey.entry(row.journey.clone()).or_default();
        let figures = versions.entry(row.version).or_default();
        figures.version = row.version;
        add_enrollments(figures, row);
    }
    let statuses = statuses(rows.get(2))?;
    let journeys = by_journey.into_iter().map(|(journey, versions)| JourneyRow {
        state: JourneyStatus::run_state(&statuses, id, &journey),
        versions: versions.into_values().collect(),
        journey,
    });
    let journeys = journeys.collect();
    let begun = rows.get(3).map(Rows::all::<BroadcastRow>).transpose();
    let begun = begun.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let broadcasts = broadcast::add_up(campaign, &begun, &counters);
    let brake = rows.get(4).map(Rows::first::<PauseEvent>).transpose();
    let brake = brake.map_err(DatabaseError::Fault)?.flatten();
    let other_currencies = rows.get(5).map(Rows::all::<OtherCurrency>).transpose();
    let other_currencies = other_currencies.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let sums = add_up(campaign, published.version, &counters, now);
    let failing = rows.get(6).map(Rows::all::<Failing>).transpose();
    let failing = failing.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let status = rows.get(7).map(Rows::first::<CampaignRow>).transpose();
    let status = status.map_err(DatabaseError::Fault)?.flatten();
    let unpublished_at = status.and_then(|status| status.unpublished_since());
    Ok(Report { journeys, broadcasts, other_currencies, brake, failing, unpublished_at, ..sums })
}

fn add_enrollments(figures: &mut EnrollmentFigures, row: EnrollmentRow) {
    figures.entered += row.people;
    let (sum, parts) = match row.state {
        EnrollmentState::Active => (&mut figures.active, Some(&mut figures.by_step)),
        EnrollmentState::Completed => (&mut figures.completed, None),
        EnrollmentState::Exited => (&mut figures.exited, Some(&mut figures.by_reason)),
        EnrollmentState::Failed => (&mut figures.failed, Some(&mut figures.by_reason)),
    };
    *sum += row.people;
    if let Some(parts) = parts {
        *parts.entry(row.part).or_default() += row.people;
    }
}

/// Sorts counters into the tables of a report.
fn add_up(campaign: &Campaign, version: u32, rows: &[CounterRow], now: Millis) -> Report {
    let mut total = Figures::default();
    let mut by_channel = BTreeMap::<String, Figures>::new();
    let mut by_variant = BTreeMap::<(String, String), Figures>::new();
    let mut messages = BTreeMap::<String, MessageFigures>::new();
    // Broadcasts have tables of their own.
    for row in rows.iter().filter(|row| of_broadcast_part(&row.part).is_none()) {
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
    let micros: i64 = messages.values().map(|figures| figures.cost_micros).sum();
    if micros > 0 {
        let minor = in_minor_units(micros, minor_digits(&campaign.currency));
        let channel = by_channel.entry(Channel::Sms.as_str().to_owned()).or_default();
        for figures in [&mut total, channel] {
            figures.cost_minor += minor;
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
        unpublished_at: None,
        total,
        by_channel: channels(by_channel),
        by_variant: by_variant
            .into_iter()
            .map(|((page, variant), figures)| VariantRow { page, variant, figures })
            .collect(),
        messages: messages
            .into_iter()
            .map(|(template, figures)| MessageRow { template, figures })
            .collect(),
        journeys: Vec::new(),
        other_currencies: Vec::new(),
        brake: None,
        broadcasts: Vec::new(),
        failing: Vec::new(),
    }
}

/// Returns the channels by name: those with the most money, leads and visitors, and the sum of all
/// others.
fn channels(by_channel: BTreeMap<String, Figures>) -> Vec<ChannelRow> {
    let mut rows: Vec<ChannelRow> =
        by_channel.into_iter().map(|(channel, figures)| ChannelRow { channel, figures }).collect();
    if rows.len() > CHANNELS_MAX {
        let weight = |row: &ChannelRow| {
            let Figures { visitors, leads, conversions, cost_minor, revenue_minor, .. } =
                row.figures;
            Reverse((cost_minor != 0, revenue_minor, conversions, leads, visitors))
        };
        rows.sort_by_key(weight);
        let mut others = Figures::default();
        for row in rows.split_off(CHANNELS_MAX) {
            others.add(row.figures);
        }
        rows.sort_by(|a, b| a.channel.cmp(&b.channel));
        rows.push(ChannelRow { channel: OTHER_CHANNELS.to_owned(), figures: others });
    }
    rows
}

/// Returns the count that a message metric belongs to, or `None` for a visitor metric.
pub fn message_count(metric: &str) -> Option<fn(&mut MessageFigures) -> &mut i64> {
    match metric {
        "sent" => Some(|figures| &mut figures.sent),
        "delivered" => Some(|figures| &mut figures.delivered),
        "bounced" => Some(|figures| &mut figures.bounced),
        "hard_bounced" => Some(|figures| &mut figures.hard_bounced),
        "complained" => Some(|figures| &mut figures.complained),
        "unsubscribed" => Some(|figures| &mut figures.unsubscribed),
        "opened" => Some(|figures| &mut figures.opened),
        "clicked" => Some(|figures| &mut figures.clicked),
        "machine_opens" => Some(|figures| &mut figures.machine_opens),
        "segments" => Some(|figures| &mut figures.segments),
        "message_cost" => Some(|figures| &mut figures.cost_micros),
        "machine_clicks" => Some(|figures| &mut figures.machine_clicks),
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
