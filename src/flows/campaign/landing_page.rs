//! Renders a landing page from its published version, without touching the database.
//!
//! Read: the catalog. Decide: the variant, by a hash that is stable per visitor. Render.

use crate::domain::base::bucketing;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Ids, Millis, QualifiedId, Span};
use crate::domain::base::token::Purpose;
use crate::domain::campaign::{Page, Variant};
use crate::domain::form::FieldProblem;
use crate::domain::form::form_data::FormData;
use crate::domain::form::traffic_source::TrafficSource;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::template::TemplateError;
use crate::flows::settings::Settings;
use crate::views::form::{FormView, form_html};
use crate::views::landing::styled;
use serde_json::json;

/// The visitor's input and its problems, when a page is shown again.
#[derive(Default)]
pub struct Typed {
    pub values: FormData,
    pub problems: Vec<FieldProblem>,
}

/// How long a browser keeps the cookie that gives a visitor the same variant again.
pub const COOKIE_AGE: Span = Span::days(30);

#[derive(Debug, PartialEq)]
pub struct Visitor {
    /// An id that does not identify the person.
    pub id: String,
    /// Whether to keep the id in a cookie.
    pub is_kept: bool,
}

/// Identifies a visitor by the id in their cookie, which is set only where a page has several
/// variants and the browser does not object to tracking. All others are counted once a day, by a
/// keyed hash of network address and kind of browser (`network`; `None` where the address is
/// unknown) that cannot be linked to the hash of the next day.
pub fn visitor(
    page: &Page,
    cookie: Option<String>,
    objects: bool,
    network: Option<String>,
    settings: &Settings,
    now: Millis,
    ids: &mut Ids,
) -> Visitor {
    let fresh = ids.uuid();
    let (is_kept, known) = (page.variants.len() > 1, cookie.filter(|id| id.len() == fresh.len()));
    match known {
        Some(id) if !objects => return Visitor { id, is_kept },
        None if !objects && is_kept => return Visitor { id: fresh, is_kept },
        _ => {}
    }
    let today = |network| format!("{}|{network}", now.utc_day());
    let hashed = network.map(|network| settings.keys.pseudonym("visitor", &today(network)));
    Visitor { id: hashed.unwrap_or(fresh), is_kept: false }
}

/// Returns the variant that this visitor always sees.
pub fn variant_for<'a>(
    page: &'a Page,
    campaign: &str,
    name: &str,
    visitor: &str,
) -> Option<&'a Variant> {
    let weights = page.variants.iter().map(|variant| variant.weight);
    page.variants.get(bucketing::weighted_bucket(&format!("{campaign}/{name}/{visitor}"), weights)?)
}

pub struct Showing<'a> {
    /// The version that the page belongs to.
    pub published: &'a PublishedVersion,
    pub page: &'a Page,
    pub variant: &'a Variant,
    /// The visitor's traffic source; the form carries it along.
    pub origin: &'a TrafficSource,
    /// The values that the form starts with.
    pub typed: &'a Typed,
}

/// Renders a page, with its form if it has one.
pub fn render(
    showing: &Showing,
    settings: &Settings,
    now: Millis,
    ids: &mut Ids,
) -> Result<String, TemplateError> {
    let Showing { published, page, variant, origin, typed } = showing;
    let campaign = &published.compiled.campaign;
    let language = Language::from_locale(&campaign.locale);
    let form = page.form.as_ref().and_then(|name| {
        let form = campaign.forms.get(name)?;
        let form_id = QualifiedId::new(&campaign.id, name);
        let token = form_token(settings, &form_id, now, ids);
        Some(form_html(&FormView {
            form,
            form_id: form_id.as_str(),
            language,
            token: &token,
            origin,
            values: &typed.values,
            problems: &typed.problems,
        }))
    });
    let data = json!({
        "title": page.title,
        "description": page.description,
        "lang": language.tag(),
        "form": form.unwrap_or_default(),
        "campaign": { "name": campaign.name, "postal_address": campaign.postal_address },
    });
    let html =
        published.page_templates(&variant.template)?.render_page(&variant.template, &data)?;
    Ok(styled(html))
}

/// Returns a token for one rendered form (form, time, random id), so that two posts of it can be
/// recognised as the same.
pub fn form_token(settings: &Settings, form: &QualifiedId, now: Millis, ids: &mut Ids) -> String {
    let payload = format!("{form}|{}|{}", now.0, ids.uuid());
    settings.keys.sign(Purpose::Form, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(weights: &[u32]) -> Page {
        let variant = |(index, weight): (usize, &u32)| Variant {
            name: format!("v{index}"),
            template: "pages/x".into(),
            weight: *weight,
        };
        Page {
            path: "/x".into(),
            title: String::new(),
            description: String::new(),
            form: None,
            variants: weights.iter().enumerate().map(variant).collect(),
        }
    }

    #[test]
    fn visitor_always_sees_the_same_variant() {
        let page = page(&[1, 1, 1]);
        let seen = |visitor: &str| variant_for(&page, "c", "p", visitor).unwrap().name.clone();
        assert_eq!(seen("ann"), seen("ann"));
    }

    #[test]
    fn variants_are_shown_by_weight() {
        let page = page(&[3, 1, 0]);
        let mut counts = [0; 3];
        for visitor in 0..10_000 {
            let variant = variant_for(&page, "c", "p", &visitor.to_string()).unwrap();
            counts[variant.name[1..].parse::<usize>().unwrap()] += 1;
        }
        assert!((7_300..7_700).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[2], 0);
    }
}
