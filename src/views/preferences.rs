//! The preference page of a contact. It works without JavaScript.

use super::format;
use super::page::{Page, other};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::contact::Contact;
use crate::domain::contact::address::shown;
use crate::domain::preferences::offers::channel_name;
use crate::domain::preferences::{Preference, Tick, fingerprint};
use crate::domain::time::time_zones;
use askama::Template;

/// The data of the page.
pub struct PreferencesView<'a> {
    /// The contact's language, or the one that the reader switched to.
    pub language: Language,
    /// The token in the page's URL.
    pub token: &'a str,
    pub contact: &'a Contact,
    /// The available choices, in display order.
    pub preferences: &'a [Preference],
    /// The result of the last request.
    pub done: PreferencesDone,
    /// The campaign's IANA time zone, for dates if the contact's own zone is unknown.
    pub time_zone: &'a str,
    pub sender_name: &'a str,
    /// The sender's postal address; empty if the campaign no longer exists.
    pub postal_address: &'a str,
}

/// The result of the last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferencesDone {
    /// The page was opened.
    Nothing,
    /// The choices were saved.
    Saved,
    /// The choices were saved, except new consents: a consent text has changed since the page was
    /// opened, and the reader should look at it again.
    WordsChanged,
}

/// Renders the page.
pub fn preferences(view: &PreferencesView) -> String {
    let language = view.language;
    let said = match view.done {
        PreferencesDone::Nothing => "",
        PreferencesDone::Saved => language.pick("Your choice is saved.", "您的选择已保存。"),
        PreferencesDone::WordsChanged => language.pick(
            "The words of something have changed since you opened the page. Please look again, \
             and save what you agree to.",
            "页面打开后，部分说明文字有所变更。请重新查看，并保存您同意的内容。",
        ),
    };
    let time_zone = view.contact.time_zone.as_deref().unwrap_or(view.time_zone);
    let on = |p: &Preference, tick: &Tick| tick.is_on.then(|| p.value(tick));
    let shown: Vec<String> =
        view.preferences.iter().flat_map(|p| p.boxes.iter().filter_map(|t| on(p, t))).collect();
    let areas = areas(view);
    let addresses = [view.contact.email.as_deref().map(masked), phone_end(view.contact)];
    let addresses: Vec<String> = addresses.into_iter().flatten().collect();
    render(&PreferencesTemplate {
        page: Page::new(language, language.pick("Your preferences", "订阅偏好")),
        other: other(language),
        action: format!("/preferences/{}?lang={}", view.token, language.tag()),
        over: view.sender_name,
        said,
        addresses: addresses.join(language.pick(", ", "、")),
        purposes: view.preferences.iter().map(|p| line(p, time_zone, language)).collect(),
        words: fingerprint(view.preferences, language),
        has_any: !shown.is_empty(),
        shown: shown.join(" "),
        is_untracked: view.contact.refuses_tracking(),
        chosen: view.contact.locale.as_deref().map_or(language, Language::from_locale),
        has_zone: view.contact.time_zone.is_some(),
        other_zone: unlisted(&areas, view.contact),
        areas,
        footer: view.postal_address,
    })
}

/// Returns the areas with their time zones, with the contact's own zone marked.
fn areas(view: &PreferencesView) -> Vec<Area> {
    let own = view.contact.time_zone.as_deref();
    let line = |(zone, label): (&'static str, &'static str)| ZoneLine {
        value: zone,
        label,
        is_chosen: own == Some(zone),
    };
    time_zones::areas(view.language)
        .map(|(label, zones)| Area { label, zones: zones.map(line).collect() })
        .collect()
}

/// Returns the contact's own time zone if it is not in the list.
fn unlisted(areas: &[Area], contact: &Contact) -> Option<String> {
    let is_listed = areas.iter().flat_map(|area| &area.zones).any(|zone| zone.is_chosen);
    contact.time_zone.clone().filter(|_| !is_listed)
}

fn line(preference: &Preference, time_zone: &str, language: Language) -> PurposeLine {
    let tick = |tick: &Tick| {
        let day = tick.since.map(|since| format::day(since, time_zone, language));
        let day = day.unwrap_or_default();
        let note = match (day.is_empty(), tick.is_on, tick.is_pending) {
            (true, ..) => String::new(),
            (_, true, _) => language.pick(format!("since {day}"), format!("自{day}起")),
            (_, false, true) => language.pick(
                "requested, but not confirmed yet: tick it to confirm".to_owned(),
                "已申请但尚未确认，勾选即可确认".to_owned(),
            ),
            (_, false, false) => {
                language.pick(format!("stopped on {day}"), format!("已于{day}停止"))
            }
        };
        let note = match tick.is_barred {
            true => language.pick(
                "we cannot write to this address at present; please contact us",
                "我们目前无法向此地址发送，请联系我们",
            ),
            false => &note,
        };
        let (note, label) = (note.to_owned(), channel_name(tick.channel, language));
        TickLine { value: preference.value(tick), label, is_on: tick.is_on, note }
    };
    PurposeLine {
        name: preference.offer.name.clone(),
        words: preference.offer.words.clone(),
        boxes: preference.boxes.iter().map(tick).collect(),
    }
}

/// Masks an address: its owner recognises it, but a person to whom the mail was forwarded does not
/// learn it.
fn masked(address: &str) -> String {
    let address = shown(address);
    let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

fn phone_end(contact: &Contact) -> Option<String> {
    let phone = contact.phone.as_deref()?;
    Some(format!("…{}", phone.get(phone.len().saturating_sub(3)..)?))
}

#[derive(Template)]
#[template(path = "preferences.html")]
struct PreferencesTemplate<'a> {
    page: Page,
    other: Language,
    action: String,
    over: &'a str,
    said: &'static str,
    addresses: String,
    purposes: Vec<PurposeLine>,
    words: String,
    has_any: bool,
    shown: String,
    is_untracked: bool,
    chosen: Language,
    areas: Vec<Area>,
    has_zone: bool,
    other_zone: Option<String>,
    footer: &'a str,
}

struct Area {
    label: &'static str,
    zones: Vec<ZoneLine>,
}

struct ZoneLine {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct PurposeLine {
    name: String,
    words: String,
    boxes: Vec<TickLine>,
}

struct TickLine {
    value: String,
    label: &'static str,
    is_on: bool,
    note: String,
}
