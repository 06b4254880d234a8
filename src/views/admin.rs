//! The sign-in page and the first page of the web app.

use super::format;
use super::page::{Frame, Page, other};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, Millis, RecordId};
use crate::domain::publication::catalog::Unreadable;
use crate::domain::publication::unpublished::Unpublished;
use askama::Template;
use std::collections::BTreeSet;

/// The data of the sign-in page.
pub struct SignInView<'a> {
    /// The reader's language.
    pub language: Language,
    /// Why the last attempt failed; `None` for a first attempt.
    pub problem: Option<SignInProblem>,
    /// The query part of the form's URL with the page to return to, `&next=…`; empty for none.
    pub next: &'a str,
    /// Whether a link was asked for by e-mail address. The page then says the same about every
    /// address.
    pub is_mailed: bool,
}

/// The script of the sign-in page, at `/admin/sign-in.js`. Without it, the reader pastes a link.
pub const SIGN_IN_SCRIPT: &str = include_str!("html/sign_in.js");

/// The reason why a sign-in failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// No such token, or it was revoked.
    WrongToken,
    /// The session has expired.
    SessionOver,
    /// Too many attempts.
    TooManyTries,
}

/// The data of the list of campaigns.
pub struct AdminIndexView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// In display order.
    pub campaigns: &'a [CampaignRow],
    /// Campaigns that are unpublished, in display order.
    pub unpublished: &'a [Unpublished],
    /// Published versions that cannot be read, in display order.
    pub unreadable: &'a [Unreadable],
    /// Contacts in quarantine, because their processing keeps failing, in display order.
    pub parked: &'a [ParkedRow],
    /// The URL of this deployment, for the command that publishes to it.
    pub base_url: &'a str,
}

/// One published campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignRow {
    /// The id; the report is at `/admin/campaigns/<id>`.
    pub id: CampaignId,
    pub name: String,
    /// The number of the live version.
    pub version: i64,
    /// When the live version was published.
    pub published_at: Millis,
    /// The IANA time zone for display.
    pub time_zone: String,
    /// The paths of its landing pages.
    pub paths: Vec<String>,
}

/// One contact in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedRow {
    pub contact: RecordId,
    /// The error of the last attempt.
    pub reason: String,
    /// The time of the first failure.
    pub since: Millis,
}

/// Renders the sign-in page; its form posts `token` to `/admin/sign-in`.
pub fn sign_in(view: &SignInView) -> String {
    let language = view.language;
    let wrong = view.problem.map(|problem| match problem {
        SignInProblem::WrongToken => language.pick(
            "This token or link is not valid. Check that you copied all of it. A link works once, \
             for 15 minutes.",
            "令牌或链接无效，请确认已完整复制。登录链接只能使用一次，15 分钟内有效。",
        ),
        SignInProblem::SessionOver => {
            language.pick("Your session is over. Sign in again.", "登录已过期，请重新登录。")
        }
        SignInProblem::TooManyTries => {
            language.pick("Too many tries. Wait a minute.", "尝试次数过多，请一分钟后再试。")
        }
    });
    render(&SignInTemplate {
        page: Page::new(language, language.pick("Sign in to dripline", "登录 dripline")),
        next: view.next,
        wrong,
        is_mailed: view.is_mailed,
        other: other(language),
    })
}

/// Renders the list of campaigns.
pub fn admin_index(view: &AdminIndexView) -> String {
    let language = view.frame.language;
    let row = |campaign: &CampaignRow| IndexRow {
        href: view.frame.href(&format!("/admin/campaigns/{}", campaign.id)),
        id: campaign.id.to_string(),
        name: campaign.name.clone(),
        version: campaign.version,
        published: format::moment(campaign.published_at, &campaign.time_zone, language),
        // Sorted, so that a landing page comes before the pages below it.
        paths: campaign.paths.iter().cloned().collect::<BTreeSet<_>>(),
    };
    let parked = |row: &ParkedRow| ParkedLine {
        action: view.frame.href(&format!("/admin/parked/{}/release", row.contact)),
        contact: row.contact.to_string(),
        reason: row.reason.clone(),
        since: format::moment(row.since, "UTC", language),
    };
    let unpublished = |one: &Unpublished| UnpublishedLine {
        href: view.frame.href(&format!("/admin/campaigns/{}", one.campaign)),
        id: one.campaign.to_string(),
        since: format::moment(one.since, "UTC", language),
    };
    render(&AdminIndexTemplate {
        page: Page::new(language, language.pick("Campaigns", "营销活动")),
        frame: view.frame,
        rows: view.campaigns.iter().map(row).collect(),
        unpublished: view.unpublished.iter().map(unpublished).collect(),
        unreadable: view.unreadable,
        parked: view.parked.iter().map(parked).collect(),
        base_url: view.base_url,
    })
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    page: Page,
    next: &'a str,
    wrong: Option<&'static str>,
    is_mailed: bool,
    other: Language,
}

#[derive(Template)]
#[template(path = "admin_index.html")]
struct AdminIndexTemplate<'a> {
    page: Page,
    frame: Frame,
    rows: Vec<IndexRow>,
    unpublished: Vec<UnpublishedLine>,
    unreadable: &'a [Unreadable],
    parked: Vec<ParkedLine>,
    base_url: &'a str,
}

struct UnpublishedLine {
    href: String,
    id: String,
    since: String,
}

struct ParkedLine {
    action: String,
    contact: String,
    reason: String,
    since: String,
}

struct IndexRow {
    href: String,
    id: String,
    name: String,
    version: i64,
    published: String,
    paths: BTreeSet<String>,
}
