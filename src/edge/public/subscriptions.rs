//! The pages on which contacts confirm, unsubscribe and set preferences. The token in the address
//! is the only credential. So a mail program's POST without cookies works like a person's, and
//! another site can do no more than the holder of the token. GET changes nothing.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Channel, Millis};
use crate::domain::base::token::{Purpose, TokenProblem};
use crate::domain::contact::Contact;
use crate::domain::contact::claim::Claims;
use crate::domain::form::form_data::FORM_BODY_BYTES_MAX;
use crate::domain::preferences::offers::offers;
use crate::domain::preferences::{LANGUAGE_FIELD, preferences as choices};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::preferences as choosing;
use crate::flows::contact::preferences::{Saved, Submission};
use crate::flows::contact::subscription_links::{self, Confirmation, ConfirmationState, Link};
use crate::flows::send::render::claims_shown;
use crate::views::preferences::{PreferencesDone, PreferencesView, preferences as choices_page};
use crate::views::visitor::{
    ConfirmState, ConfirmView, KEEP_DETAILS, UnsubscribeState, UnsubscribeView,
    confirm as confirm_page, resubscription, unsubscribe as unsubscribe_page,
};

/// The hidden field of a confirmation page: when the page was shown.
const SHOWN_AT: &str = "shown";

/// Verifies a token and returns its link, if it is one for this purpose. Loads the version of an
/// unpublished campaign, which the reply needs.
async fn verified(app: &App, purpose: Purpose, token: &str) -> Result<Link, TokenProblem> {
    let link = Link::verify(&app.settings, purpose, token)?;
    app.known_version(&link.campaign).await;
    Ok(link)
}

/// Asks whether to unsubscribe, or says that the contact already is. GET changes nothing, because
/// scanners follow every link. Without the database, the page asks.
pub async fn unsubscribe_ask(app: &App, inbound: &Inbound, token: &str) -> Reply {
    let Ok(link) = verified(app, Purpose::Unsubscribe, token).await else {
        return invalid(app, inbound);
    };
    let contact = choosing::contact(&app.db, &link, app.now).await.unwrap_or_else(|error| {
        response::log("unsubscribe", &error.to_string());
        None
    });
    let is_done = contact.as_ref().is_some_and(|known| known.is_unsubscribed(link.channel()));
    let state = if is_done { UnsubscribeState::Done } else { UnsubscribeState::Ask };
    let locale = contact.and_then(|contact| contact.locale);
    let reader = Reader { locale: locale.as_deref(), ..Reader::of(&link, token) };
    unsubscribe_reply(app, inbound, reader, None, state)
}

/// Unsubscribes, whatever the body contains: RFC 8058 sends `List-Unsubscribe=One-Click`, as
/// multipart or URL-encoded, and does not allow a redirect as the answer.
pub async fn unsubscribe(mut app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = verified(&app, Purpose::Unsubscribe, token).await else {
        return invalid(&app, &inbound);
    };
    // A connection with unread data would be reset, and the answer lost with it.
    let _ = inbound.body(FORM_BODY_BYTES_MAX).await;
    let origin_hash = app.origin_hash(&inbound);
    let flow = subscription_links::unsubscribe(
        &app.db,
        &app.catalog,
        link.clone(),
        &origin_hash,
        app.now,
        &mut app.ids,
    );
    match flow.await {
        Ok(undo) => {
            let (reader, state) = (Reader::of(&link, token), UnsubscribeState::Done);
            unsubscribe_reply(&app, &inbound, reader, undo.as_ref(), state)
        }
        Err(error) => response::failed(&inbound, "unsubscribe", &error),
    }
}

/// Undoes an unsubscription.
pub async fn undo(mut app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = verified(&app, Purpose::Undo, token).await else {
        return invalid(&app, &inbound);
    };
    let (_, _, language) = sender(&app, &inbound, Reader::of(&link, token));
    let words = resubscription(&names(&app, &link, language), language);
    let origin_hash = app.origin_hash(&inbound);
    let flow = subscription_links::undo(
        &app.db, &app.catalog, &link, &words, &origin_hash, app.now, &mut app.ids,
    );
    match flow.await {
        Ok(done) => {
            let state = if done { UnsubscribeState::Undone } else { UnsubscribeState::TooLate };
            unsubscribe_reply(&app, &inbound, Reader::of(&link, token), None, state)
        }
        Err(error) => response::failed(&inbound, "undo", &error),
    }
}

/// Returns the names of the purposes that an undo link is for.
fn names(app: &App, link: &Link, language: Language) -> Vec<String> {
    let offers = offers(&app.catalog, language);
    let name = |purpose: &str| {
        let offer = offers.iter().find(|offer| offer.purpose == purpose);
        offer.map_or_else(|| purpose.to_owned(), |offer| offer.name.clone())
    };
    let purposes =
        subscription_links::undone(link).map(|(_, _, purposes)| purposes).unwrap_or_default();
    purposes.into_iter().map(name).collect()
}

/// Asks whether to confirm, and shows what.
pub async fn confirm_ask(app: &App, inbound: &Inbound, token: &str) -> Reply {
    let link = verified(app, Purpose::Confirm, token).await.ok();
    let Some(link) = link.as_ref().filter(|link| subscription_links::may_confirm(link, app.now))
    else {
        return expired(app, inbound, link.as_ref());
    };
    let question = match subscription_links::question(&app.db, link, app.now).await {
        Ok(question) => question,
        Err(error) => return response::failed(inbound, "confirm", &error),
    };
    let ConfirmationState { consents, claims, is_answered, locale } = question;
    let asks = !consents.is_empty() || !claims.is_empty();
    let state = match (asks, is_answered) {
        (true, _) => ConfirmState::Ask,
        (false, true) => ConfirmState::Done,
        (false, false) => ConfirmState::Expired,
    };
    let reader = Reader { locale: locale.as_deref(), ..Reader::of(link, token) };
    confirm_reply(app, inbound, reader, Content { state, consents, claims })
}

/// Confirms what the page showed.
pub async fn confirm(mut app: App, inbound: Inbound, token: &str) -> Reply {
    let link = verified(&app, Purpose::Confirm, token).await.ok();
    let Some(link) = link.as_ref().filter(|link| subscription_links::may_confirm(link, app.now))
    else {
        return expired(&app, &inbound, link.as_ref());
    };
    let answer = match body::form(&inbound).await {
        Ok(answer) => answer,
        Err(refused) => return refused,
    };
    let shown_at = answer.first(SHOWN_AT).and_then(|text| text.parse().ok());
    let shown_at = shown_at.filter(|at| (0..=app.now.0).contains(at));
    let confirmation = Confirmation {
        link: link.clone(),
        shown_at: shown_at.map_or(app.now, Millis),
        takes_details: answer.first(KEEP_DETAILS.0) != Some(KEEP_DETAILS.1),
        origin_hash: app.origin_hash(&inbound),
    };
    let flow =
        subscription_links::confirm(&app.db, &app.catalog, confirmation, app.now, &mut app.ids);
    match flow.await {
        Ok(work) => app.hint(&work).await,
        Err(error) => return response::failed(&inbound, "confirm", &error),
    }
    // What was asked after the page was shown still waits.
    let left = subscription_links::question(&app.db, link, app.now).await.unwrap_or_default();
    let ConfirmationState { consents, claims, locale, .. } = left;
    let reader = Reader { locale: locale.as_deref(), ..Reader::of(link, token) };
    let content = match consents.is_empty() {
        true => Content::only(ConfirmState::Done),
        false => Content { state: ConfirmState::Ask, consents, claims },
    };
    confirm_reply(&app, &inbound, reader, content)
}

/// Builds the page of a confirmation link that is too old, or was never ours.
fn expired(app: &App, inbound: &Inbound, link: Option<&Link>) -> Reply {
    let reader = link.map(|link| Reader::of(link, "")).unwrap_or_default();
    confirm_reply(app, inbound, reader, Content::only(ConfirmState::Expired))
}

/// Shows a contact's subscriptions and lets the contact choose.
pub async fn preferences_ask(app: &App, inbound: &Inbound, token: &str) -> Reply {
    let Ok(link) = verified(app, Purpose::Preferences, token).await else {
        return invalid(app, inbound);
    };
    match choosing::contact(&app.db, &link, app.now).await {
        Ok(Some(contact)) => {
            let reader = Reader { locale: contact.locale.as_deref(), ..Reader::of(&link, token) };
            let (_, _, language) = sender(app, inbound, reader);
            choices_reply(app, &link, token, &contact, language, PreferencesDone::Nothing)
        }
        Ok(None) => {
            unsubscribe_reply(app, inbound, Reader::default(), None, UnsubscribeState::Gone)
        }
        Err(error) => response::failed(inbound, "preferences", &error),
    }
}

/// Stores the choice, then shows the new state.
pub async fn preferences(mut app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = verified(&app, Purpose::Preferences, token).await else {
        return invalid(&app, &inbound);
    };
    let answer = match body::form(&inbound).await {
        Ok(answer) => answer,
        Err(refused) => return refused,
    };
    let language = inbound.language();
    let origin_hash = app.origin_hash(&inbound);
    let submission =
        Submission { link: &link, answer: &answer, language, origin_hash: &origin_hash };
    let flow = choosing::save(&app.db, &app.catalog, &submission, app.now, &mut app.ids);
    let (contact, done) = match flow.await {
        Ok(Saved::Yes(contact)) => (contact, PreferencesDone::Saved),
        Ok(Saved::WordsChanged(contact)) => (contact, PreferencesDone::WordsChanged),
        Ok(Saved::Gone) => {
            return unsubscribe_reply(
                &app,
                &inbound,
                Reader::default(),
                None,
                UnsubscribeState::Gone,
            );
        }
        Err(error) => return response::failed(&inbound, "preferences", &error),
    };
    let language = answer.first(LANGUAGE_FIELD).map_or(language, Language::from_locale);
    choices_reply(&app, &link, token, &contact, language, done)
}

fn choices_reply(
    app: &App,
    link: &Link,
    token: &str,
    contact: &Contact,
    language: Language,
    done: PreferencesDone,
) -> Reply {
    let published = app.catalog.known_version(&link.campaign);
    let campaign = published.as_ref().map(|published| &published.compiled.campaign);
    let view = PreferencesView {
        language,
        token,
        contact,
        preferences: &choices(&app.catalog, &link.campaign, contact, language, app.now),
        done,
        time_zone: campaign.map_or("UTC", |campaign| &campaign.time_zone),
        sender_name: &app.settings.sender_name(campaign),
        postal_address: campaign.map_or("", |campaign| &campaign.postal_address),
    };
    Reply::page(200, choices_page(&view))
}

/// The reader of a page.
#[derive(Clone, Copy, Default)]
struct Reader<'r> {
    /// The link in the page's address, unless it is broken, and its token.
    link: Option<&'r Link>,
    token: &'r str,
    /// The contact's locale, where the contact was read.
    locale: Option<&'r str>,
}

impl<'r> Reader<'r> {
    fn of(link: &'r Link, token: &'r str) -> Self {
        Self { link: Some(link), token, locale: None }
    }
}

/// Returns the name and postal address of the link's sender, and the language of the page: the one
/// in its address, else the contact's, the campaign's, or the browser's.
fn sender(app: &App, inbound: &Inbound, reader: Reader<'_>) -> (String, String, Language) {
    let published = reader.link.and_then(|link| app.catalog.known_version(&link.campaign));
    let campaign = published.as_ref().map(|published| &published.compiled.campaign);
    let name = app.settings.sender_name(campaign);
    let known = reader.locale.or(campaign.map(|campaign| campaign.locale.as_str()));
    let language = match (inbound.chosen_language(), known) {
        (None, Some(locale)) => Language::from_locale(locale),
        _ => inbound.language(),
    };
    (name, campaign.map(|campaign| campaign.postal_address.clone()).unwrap_or_default(), language)
}

/// Builds the page of a link that was never ours, or is broken.
fn invalid(app: &App, inbound: &Inbound) -> Reply {
    unsubscribe_reply(app, inbound, Reader::default(), None, UnsubscribeState::Invalid)
}

/// Builds the page of an unsubscribe link; `undo` is the link that undoes what was just done.
fn unsubscribe_reply(
    app: &App,
    inbound: &Inbound,
    reader: Reader<'_>,
    undo: Option<&Link>,
    state: UnsubscribeState,
) -> Reply {
    let (sender_name, postal_address, language) = sender(app, inbound, reader);
    let Reader { link, token, .. } = reader;
    let status = if state == UnsubscribeState::Invalid { 404 } else { 200 };
    let names = undo.map(|undo| names(app, undo, language)).unwrap_or_default();
    let undo = undo.map(|undo| undo.sign(&app.settings, Purpose::Undo)).unwrap_or_default();
    let preferences = link.map(|link| {
        let rest = link.channel().as_str().to_owned();
        Link { rest, ..link.clone() }.sign(&app.settings, Purpose::Preferences)
    });
    let preferences = preferences.unwrap_or_default();
    let view = UnsubscribeView {
        language,
        state,
        is_sms: link.is_some_and(|link| link.channel() == Channel::Sms),
        token,
        undo: (!undo.is_empty()).then_some((undo.as_str(), &names)),
        preferences: &preferences,
        sender_name: &sender_name,
        postal_address: &postal_address,
    };
    Reply::page(status, unsubscribe_page(&view))
}

/// The content of a confirmation page.
struct Content {
    state: ConfirmState,
    /// The purposes to agree to, each with its consent text.
    consents: Vec<(String, String)>,
    claims: Claims,
}

impl Content {
    /// A page that asks nothing.
    fn only(state: ConfirmState) -> Self {
        Self { state, consents: Vec::new(), claims: Claims::new() }
    }
}

fn confirm_reply(app: &App, inbound: &Inbound, reader: Reader<'_>, content: Content) -> Reply {
    let Content { state, consents, claims } = content;
    let (sender_name, postal_address, language) = sender(app, inbound, reader);
    let Reader { link, token, .. } = reader;
    let offers = offers(&app.catalog, language);
    let named = |(purpose, words): &(String, String)| {
        let offer = offers.iter().find(|offer| offer.purpose == *purpose);
        (offer.map_or(purpose, |offer| &offer.name).clone(), words.clone())
    };
    let consents: Vec<(String, String)> = consents.iter().map(named).collect();
    let published = link.and_then(|link| app.catalog.known_version(&link.campaign));
    let details = published.map(|published| claims_shown(&published, &claims, language));
    let status = match (state, link) {
        (ConfirmState::Expired, None) => 404,
        (ConfirmState::Expired, Some(_)) => 410,
        _ => 200,
    };
    let view = ConfirmView {
        language,
        state,
        token,
        sender_name: &sender_name,
        asked: &consents,
        details: &details.unwrap_or_default(),
        shown_at: app.now.0,
        postal_address: &postal_address,
    };
    Reply::page(status, confirm_page(&view))
}
