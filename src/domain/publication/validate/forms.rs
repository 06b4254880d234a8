//! Validates forms.

use super::{Check, FIELDS_MAX, LOCALES, OPTIONS_MAX, is_name};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::Channel;
use crate::domain::campaign::PurposeText;
use crate::domain::form::{ConsentCheckbox, Field, FieldKind, FieldOption, Form};
use std::collections::BTreeSet;

/// Names that would shadow built-in data of a contact, or built-in names in forms and templates.
const TAKEN: &[&str] = &[
    "consent", "campaign", "score", "external_id", "base_url", "unsubscribe_url", "preferences_url",
];

/// The most consent boxes of one form: with more, nobody reads what they tick.
const BOXES_MAX: usize = 10;

impl Check<'_> {
    pub(super) fn form(&mut self, key: &str, form: &Form) {
        let fields = format!("{key}.fields");
        self.count(&fields, form.fields.len(), FIELDS_MAX, "fields");
        let has = |wanted: fn(&FieldKind) -> bool| form.fields.iter().any(|f| wanted(&f.kind));
        let has_email = has(|kind| matches!(kind, FieldKind::Email));
        let has_tel = has(|kind| matches!(kind, FieldKind::Tel { .. }));
        let message =
            "a form needs a field of type `email` or `tel`, so that a contact can be reached";
        self.ensure(has_email || has_tel, &fields, message);
        let mut names = BTreeSet::new();
        for (index, field) in form.fields.iter().enumerate() {
            let at = format!("{fields}[{}]", index + 1);
            let new = names.insert(&field.name);
            self.ensure(new, &format!("{at}.name"), "another field has this name");
            self.field(&at, field);
        }
        for (kind, is_kind) in KINDS_ONCE {
            let count = form.fields.iter().filter(|field| is_kind(&field.kind)).count();
            self.ensure(count < 2, &fields, &format!("has {count} fields of type `{kind}`"));
        }
        let naming = form.fields.iter().filter(|field| field.names_company).count();
        self.ensure(naming < 2, &fields, &format!("{naming} fields name the company"));
        self.consents(&format!("{key}.consent"), &form.consents, has_email, has_tel);
        if let Some(page) = &form.thanks
            && !self.campaign.pages.contains_key(page)
        {
            let known = self.campaign.pages.keys().map(String::as_str);
            self.unknown_reference(&format!("{key}.thanks"), "page", page, known);
        }
        if let Some(list) = &form.list {
            self.name(&format!("{key}.list"), list.as_str());
        }
        if let Some(label) = &form.submit_label {
            self.line(&format!("{key}.submit"), label);
        }
        self.count(&format!("{key}.origins"), form.origins.len(), OPTIONS_MAX, "origins");
        for (index, origin) in form.origins.iter().enumerate() {
            let message = format!("`{origin}` is not an origin such as https://example.com");
            let at = format!("{key}.origins[{}]", index + 1);
            self.ensure(is_origin(origin), &at, &message);
        }
    }

    fn field(&mut self, key: &str, field: &Field) {
        self.attribute(&format!("{key}.name"), &field.name);
        let taken = TAKEN.contains(&field.name.as_str());
        self.ensure(!taken, &format!("{key}.name"), "this name is reserved");
        let (is_email, is_tel) =
            (matches!(field.kind, FieldKind::Email), matches!(field.kind, FieldKind::Tel { .. }));
        for (name, word, fits) in [("email", "email", is_email), ("phone", "tel", is_tel)] {
            let message = format!("a field named `{name}` must have the type `{word}`");
            self.ensure(field.name != name || fits, &format!("{key}.type"), &message);
        }
        let names_well = !field.names_company || matches!(field.kind, FieldKind::Text);
        let message = "only a field of type `text` can name the company";
        self.ensure(names_well, &format!("{key}.company"), message);
        if let Some(label) = &field.label {
            self.line(&format!("{key}.label"), label);
        }
        self.text(&format!("{key}.help"), field.help.as_deref().unwrap_or_default());
        match &field.kind {
            FieldKind::Tel { region: Some(region) } => {
                let fits = region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase());
                let message = "expected an ISO 3166 code of two capital letters, such as CN";
                self.ensure(fits, &format!("{key}.region"), message);
            }
            FieldKind::Number { min: Some(min), max: Some(max) } => {
                self.ensure(min <= max, &format!("{key}.max"), "is less than `min`");
            }
            FieldKind::Select(choices)
            | FieldKind::Radio(choices)
            | FieldKind::MultiSelect(choices) => self.choices(&format!("{key}.options"), choices),
            FieldKind::Hidden { value } => self.text(&format!("{key}.value"), value),
            _ => {}
        }
    }

    fn choices(&mut self, key: &str, choices: &[FieldOption]) {
        self.ensure(!choices.is_empty(), key, "must not be empty");
        self.count(key, choices.len(), OPTIONS_MAX, "options");
        let mut values = BTreeSet::new();
        for (index, choice) in choices.iter().enumerate() {
            let at = format!("{key}[{}]", index + 1);
            self.line(&at, &choice.value);
            if choice.label != choice.value {
                self.line(&at, &choice.label);
            }
            self.ensure(values.insert(&choice.value), &at, "another option has this value");
        }
    }

    /// Returns whether each purpose that a form asks for is a valid name. If not, that mistake is
    /// the one to report.
    pub(super) fn asks_by_name(&self) -> bool {
        let asks = self.campaign.forms.values().flat_map(|form| &form.consents);
        asks.into_iter().all(|ask| is_name(&ask.purpose))
    }

    pub(super) fn purpose_text(&mut self, key: &str, text: &PurposeText) {
        let campaign = self.campaign;
        let asks = campaign.forms.values().flat_map(|form| &form.consents);
        let asked: BTreeSet<&str> = asks.map(|ask| ask.purpose.as_str()).collect();
        let name = key.strip_prefix("purpose.").unwrap_or_default();
        if !asked.contains(name) && self.asks_by_name() {
            let problem = Problem::new(key, "no form of this campaign asks for this purpose");
            self.problems.push(match asked.is_empty() {
                true => problem.help("delete it, or ask for it in a form: purpose = \"…\""),
                false => problem.suggest(name, asked),
            });
        }
        self.ensure(!text.name.is_empty(), &format!("{key}.name"), "must not be empty");
        for (part, texts) in [("name", &text.name), ("description", &text.description)] {
            for (tag, said) in texts {
                let at = format!("{key}.{part}.{tag}");
                let is_known = LOCALES.contains(&tag.as_str());
                if !is_known {
                    let problem = Problem::new(&at, "not a supported language");
                    self.problems.push(problem.help("write en or zh-CN"));
                }
                if part == "name" {
                    self.line(&at, said);
                } else {
                    self.text(&at, said);
                }
            }
        }
    }

    /// Checks the consent boxes of a form: each is valid on its own, and no two ask for the same.
    fn consents(&mut self, key: &str, asks: &[ConsentCheckbox], has_email: bool, has_tel: bool) {
        self.count(key, asks.len(), BOXES_MAX, "boxes");
        for (index, ask) in asks.iter().enumerate() {
            let is_alone = asks.len() == 1;
            let key = if is_alone { key.to_owned() } else { format!("{key}[{}]", index + 1) };
            self.consent(&key, ask, has_email, has_tel);
            for other in asks[..index].iter().filter(|other| other.purpose == ask.purpose) {
                let same = ask.channels.iter().find(|channel| other.channels.contains(channel));
                if ask.cross_border != other.cross_border {
                    let message = "a separate consent needs a purpose of its own";
                    let problem = Problem::new(format!("{key}.purpose"), message);
                    let help = "consent to a transfer abroad must be separate (PIPL Art. 39)";
                    self.problems.push(problem.help(help));
                } else if let Some(channel) = same {
                    let (purpose, channel) = (&ask.purpose, channel.as_str());
                    let message = format!("another box asks for `{purpose}` by {channel}");
                    self.error(format!("{key}.purpose"), message);
                }
            }
        }
    }

    fn consent(&mut self, key: &str, ask: &ConsentCheckbox, has_email: bool, has_tel: bool) {
        self.name(&format!("{key}.purpose"), &ask.purpose);
        self.text(&format!("{key}.text"), &ask.text);
        let said = !ask.text.trim().is_empty();
        self.ensure(said, &format!("{key}.text"), "the consent text must not be empty");
        let channels = format!("{key}.channels");
        self.ensure(!ask.channels.is_empty(), &channels, "needs at least one channel");
        for (index, channel) in ask.channels.iter().enumerate() {
            let at = format!("{channels}[{}]", index + 1);
            let (reachable, kind) = match channel {
                Channel::Email => (has_email, "email"),
                Channel::Sms => (has_tel, "tel"),
                Channel::Webhook => (false, "tel"),
            };
            let message = format!("the form has no field of type `{kind}` to reach this channel");
            self.ensure(reachable, &at, &message);
            let twin = ask.channels[..index].contains(channel);
            self.ensure(!twin, &at, "is listed twice");
        }
        let confirmable = !ask.double_opt_in || ask.channels.contains(&Channel::Email);
        let message = "double opt-in needs the channel `email`";
        self.ensure(confirmable, &format!("{key}.double_opt_in"), message);
    }
}

type IsKind = fn(&FieldKind) -> bool;

/// Kinds of fields that a form may have only once: a contact has one e-mail address and one phone
/// number.
const KINDS_ONCE: [(&str, IsKind); 2] = [
    ("email", |kind| matches!(kind, FieldKind::Email)),
    ("tel", |kind| matches!(kind, FieldKind::Tel { .. })),
];

/// Checks an origin such as `https://example.com:8443`; plain http is allowed only for the local
/// machine, for trying forms out.
fn is_origin(origin: &str) -> bool {
    let (rest, local_only) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://"))
    {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return false,
    };
    let (host, port) = rest.split_once(':').unwrap_or((rest, "1"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !host.is_empty()
        && host.chars().all(plain)
        && port.parse::<u16>().is_ok_and(|port| port > 0)
        && (!local_only || host == "localhost" || host == "127.0.0.1")
}
