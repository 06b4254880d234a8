//! Renders a form as HTML that works without a script, for `{{{form}}}` in a landing page's
//! template. Every class begins with `dl-`, so that a page can style it; the form has no style of
//! its own.

use super::render;
use crate::domain::base::language::Language;
use crate::domain::contact::address::{EMAIL_BYTES_MAX, PHONE_TYPED_CHARS_MAX};
use crate::domain::contact::country;
use crate::domain::form::form_data::FormData;
use crate::domain::form::traffic_source::{
    LANDING_FIELD, PAGE_FIELD, QUERY_FIELD, REFERRER_FIELD, TrafficSource, VARIANT_FIELD,
};
use crate::domain::form::{
    self, ConsentCheckbox, Field, FieldKind, FieldOption, FieldProblem, Form, HONEYPOT_FIELD,
    TEXT_CHARS_MAX, TOKEN_FIELD, URL_CHARS_MAX,
};
use askama::Template;

/// The most characters of a consent text that are used as a label.
const LABEL_CHARS_MAX: usize = 40;

/// The data that a form is rendered from.
pub struct FormView<'a> {
    pub form: &'a Form,
    /// Its qualified id, `<campaign>.<form>`; it posts to `/f/<form id>`.
    pub form_id: &'a str,
    /// The language of the built-in texts.
    pub language: Language,
    /// The submission token, new for each rendering.
    pub token: &'a str,
    /// The source of the visit, which travels in hidden inputs.
    pub origin: &'a TrafficSource,
    /// The values of the last attempt; empty for a first attempt.
    pub values: &'a FormData,
    /// The problems of the last attempt; empty for none.
    pub problems: &'a [FieldProblem],
}

pub fn form_html(view: &FormView) -> String {
    let mut rows: Vec<Row> = view
        .form
        .fields
        .iter()
        .filter(|field| !matches!(field.kind, FieldKind::Hidden { .. }))
        .map(|field| row(view, field))
        .collect();
    rows.extend(view.form.boxes().map(|(name, ask)| consent_row(view, name, ask)));
    render(&FormTemplate {
        form_id: view.form_id,
        honeypot: HONEYPOT_FIELD,
        hidden: hidden_inputs(view),
        problems: summary(view),
        has_wrong_fields: has_wrong_fields(view),
        rows,
        submit_label: match &view.form.submit_label {
            Some(label) => label,
            None => view.language.pick("Send", "提交"),
        },
        problems_title: problems_title(view),
        words: words(view.language),
    })
}

/// Returns the title of the list of problems. If no field has a problem, it does not claim that an
/// answer is wrong.
fn problems_title(view: &FormView) -> &'static str {
    match has_wrong_fields(view) {
        false => view.language.pick("One more click, please", "请再点击一次提交"),
        true => view.language.pick("Please check these answers", "请检查以下内容"),
    }
}

fn has_wrong_fields(view: &FormView) -> bool {
    view.problems.iter().any(|problem| !problem.field.is_empty())
}

/// Returns a field's label: its own, or one derived from its name.
pub fn field_label(field: &Field, language: Language) -> String {
    if let Some(label) = &field.label {
        return label.clone();
    }
    let known = KNOWN_LABELS.iter().find(|(name, ..)| *name == field.name);
    if let Some((_, english, chinese)) = known {
        return language.pick(*english, *chinese).to_owned();
    }
    let spaced = field.name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Labels of common field names, so that a short campaign file works in both languages.
const KNOWN_LABELS: [(&str, &str, &str); 20] = [
    ("age", "Age", "年龄"),
    ("city", "City", "城市"),
    ("company", "Company", "公司"),
    ("country", "Country", "国家/地区"),
    ("department", "Department", "部门"),
    ("email", "E-mail", "邮箱"),
    ("first_name", "First name", "名字"),
    ("full_name", "Full name", "姓名"),
    ("industry", "Industry", "行业"),
    ("job_title", "Job title", "职位"),
    ("last_name", "Last name", "姓氏"),
    ("message", "Message", "留言"),
    ("mobile", "Mobile phone", "手机号码"),
    ("name", "Name", "姓名"),
    ("phone", "Phone", "手机号码"),
    ("province", "Province", "省份"),
    ("role", "Role", "职务"),
    ("tel", "Phone", "电话"),
    ("website", "Website", "网址"),
    ("wechat", "WeChat", "微信号"),
];

#[derive(Template)]
#[template(path = "form.html")]
struct FormTemplate<'a> {
    form_id: &'a str,
    honeypot: &'a str,
    hidden: Vec<Pair>,
    problems: Vec<ProblemLine>,
    has_wrong_fields: bool,
    problems_title: &'static str,
    rows: Vec<Row>,
    submit_label: &'a str,
    words: Words,
}

/// The built-in texts of a form.
struct Words {
    optional: &'static str,
    choose: &'static str,
    honeypot: &'static str,
}

fn words(language: Language) -> Words {
    match language {
        Language::English => {
            Words { optional: "(optional)", choose: "Choose…", honeypot: "Leave this empty" }
        }
        Language::Chinese => {
            Words {
                optional: "（选填）", choose: "请选择…", honeypot: "请勿填写此项"
            }
        }
    }
}

/// A name and a value.
struct Pair {
    name: String,
    value: String,
}

impl Pair {
    fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// One line of the summary of problems.
struct ProblemLine {
    /// Empty for a problem of the whole form.
    field: String,
    label: String,
    /// The separator between label and message.
    colon: &'static str,
    message: String,
}

/// One visible field.
struct Row {
    id: String,
    name: String,
    label: String,
    help: Option<String>,
    problem: Option<String>,
    required: bool,
    described_by: String,
    control: Control,
}

/// The input control of a field.
enum Control {
    Input { kind: &'static str, value: String, attributes: Vec<Pair> },
    Textarea { value: String },
    Select { options: Vec<Entry>, autocomplete: Option<&'static str> },
    Radio { options: Vec<Entry> },
    Several { options: Vec<Entry> },
    Checkbox { is_ticked: bool, value: String },
}

/// One option.
struct Entry {
    id: String,
    value: String,
    label: String,
    is_chosen: bool,
}

fn row(view: &FormView, field: &Field) -> Row {
    let problem = problem_of(view, &field.name);
    let (has_help, has_problem) = (field.help.is_some(), problem.is_some());
    let id = format!("dl-{}", field.name);
    Row {
        described_by: described_by(&id, has_help, has_problem),
        name: field.name.clone(),
        label: field_label(field, view.language),
        help: field.help.clone(),
        problem,
        required: field.required,
        control: control(view, field, &id),
        id,
    }
}

/// Builds a consent box. It is never ticked in advance; after a failed attempt it keeps the
/// visitor's choice.
fn consent_row(view: &FormView, name: String, ask: &ConsentCheckbox) -> Row {
    let problem = problem_of(view, &name);
    let id = format!("dl-{name}");
    let is_ticked = ask.tick(view.values.all(&name)).unwrap_or(false);
    Row {
        described_by: described_by(&id, false, problem.is_some()),
        label: ask.text.clone(),
        help: None,
        problem,
        required: ask.required,
        control: Control::Checkbox { is_ticked, value: ask.shown() },
        name,
        id,
    }
}

fn problem_of(view: &FormView, name: &str) -> Option<String> {
    let found = view.problems.iter().find(|problem| problem.field == name);
    found.map(|problem| problem.message(view.language))
}

fn described_by(id: &str, has_help: bool, has_problem: bool) -> String {
    let ids = [(has_problem, "problem"), (has_help, "help")];
    let ids = ids.iter().filter(|(is_there, _)| *is_there).map(|(_, part)| format!("{id}-{part}"));
    ids.collect::<Vec<_>>().join(" ")
}

fn control(view: &FormView, field: &Field, id: &str) -> Control {
    let typed = view.values.first(&field.name).unwrap_or_default().to_owned();
    let entries = |choices: &[FieldOption]| entries(choices, id, view.values.all(&field.name));
    match &field.kind {
        FieldKind::Textarea => Control::Textarea { value: typed },
        FieldKind::Select(choices) => {
            Control::Select { options: entries(choices), autocomplete: autocomplete(field) }
        }
        FieldKind::Country => {
            let countries: Vec<FieldOption> = country::all(view.language)
                .iter()
                .map(|country| FieldOption {
                    value: country.code.to_owned(),
                    label: country.name(view.language).to_owned(),
                })
                .collect();
            Control::Select { options: entries(&countries), autocomplete: Some("country") }
        }
        FieldKind::Radio(choices) => Control::Radio { options: entries(choices) },
        FieldKind::MultiSelect(choices) => Control::Several { options: entries(choices) },
        FieldKind::Checkbox => {
            let is_ticked = form::tick(view.values.all(&field.name)).unwrap_or(false);
            Control::Checkbox { is_ticked, value: "yes".to_owned() }
        }
        kind => Control::Input {
            kind: input_type(kind),
            value: typed,
            attributes: input_attributes(field),
        },
    }
}

/// Builds the options and marks the submitted ones as chosen. The first has the field's own id, so
/// that a link to the field works.
fn entries(choices: &[FieldOption], id: &str, sent: &[String]) -> Vec<Entry> {
    let entry = |(i, choice): (usize, &FieldOption)| Entry {
        id: if i == 0 { id.to_owned() } else { format!("{id}-{}", i + 1) },
        value: choice.value.clone(),
        label: choice.label.clone(),
        is_chosen: sent.contains(&choice.value),
    };
    choices.iter().enumerate().map(entry).collect()
}

fn input_type(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Email => "email",
        FieldKind::Tel { .. } => "tel",
        FieldKind::Number { .. } => "number",
        FieldKind::Url => "url",
        FieldKind::Date => "date",
        _ => "text",
    }
}

/// Returns attributes that help a browser, a phone's keyboard and a password manager to fill an
/// input.
fn input_attributes(field: &Field) -> Vec<Pair> {
    let mut attributes = Vec::new();
    let mut add = |name: &str, value: String| attributes.push(Pair::new(name, value));
    if let Some(token) = autocomplete(field) {
        add("autocomplete", token.to_owned());
    }
    match &field.kind {
        FieldKind::Email => {
            add("inputmode", "email".to_owned());
            add("maxlength", EMAIL_BYTES_MAX.to_string());
            add("autocapitalize", "none".to_owned());
            add("spellcheck", "false".to_owned());
        }
        FieldKind::Tel { .. } => {
            add("inputmode", "tel".to_owned());
            add("maxlength", PHONE_TYPED_CHARS_MAX.to_string());
        }
        FieldKind::Number { min, max } => {
            add("inputmode", "decimal".to_owned());
            add("step", "any".to_owned());
            for (name, bound) in [("min", min), ("max", max)] {
                if let Some(bound) = bound {
                    add(name, bound.to_string());
                }
            }
        }
        FieldKind::Url => {
            add("inputmode", "url".to_owned());
            add("maxlength", URL_CHARS_MAX.to_string());
            add("placeholder", "https://".to_owned());
        }
        FieldKind::Text => add("maxlength", TEXT_CHARS_MAX.to_string()),
        _ => {}
    }
    attributes
}

/// Returns the autofill token of a field (HTML Standard, section "Autofill").
fn autocomplete(field: &Field) -> Option<&'static str> {
    let by_name = match field.name.as_str() {
        "name" | "full_name" => "name",
        "first_name" | "given_name" => "given-name",
        "last_name" | "family_name" | "surname" => "family-name",
        "company" | "organization" | "organisation" => "organization",
        "job_title" | "title" => "organization-title",
        "country" => "country-name",
        "province" | "state" | "region" => "address-level1",
        "city" => "address-level2",
        "address" => "street-address",
        "postal_code" | "postcode" | "zip" => "postal-code",
        "birthday" | "birth_date" => "bday",
        _ => "",
    };
    match &field.kind {
        FieldKind::Email => Some("email"),
        FieldKind::Tel { .. } => Some("tel"),
        FieldKind::Url => Some("url"),
        FieldKind::Text | FieldKind::Date | FieldKind::Select(_) if !by_name.is_empty() => {
            Some(by_name)
        }
        _ => None,
    }
}

/// Returns the token, the origin and the form's own hidden fields. A parameter of the page's URL
/// takes precedence over a hidden field's value from the campaign file.
fn hidden_inputs(view: &FormView) -> Vec<Pair> {
    let origin = view.origin;
    let mut inputs = vec![
        Pair::new(TOKEN_FIELD, view.token),
        Pair::new(PAGE_FIELD, &*origin.page),
        Pair::new(VARIANT_FIELD, &*origin.variant),
        Pair::new(LANDING_FIELD, &*origin.landing_path),
        Pair::new(REFERRER_FIELD, &*origin.referrer),
        Pair::new(QUERY_FIELD, &*origin.query),
    ];
    for field in &view.form.fields {
        if let FieldKind::Hidden { value } = &field.kind {
            let sent = view.values.first(&field.name).map(str::to_owned);
            let value = sent.or_else(|| origin.parameter(&field.name)).unwrap_or(value.clone());
            inputs.push(Pair::new(&*field.name, value));
        }
    }
    inputs
}

fn summary(view: &FormView) -> Vec<ProblemLine> {
    let label = |name: &str| match view.form.field(name) {
        Some(field) => field_label(field, view.language),
        None => box_label(view, name),
    };
    let line = |problem: &FieldProblem| {
        let label = label(&problem.field);
        ProblemLine {
            field: problem.field.clone(),
            colon: colon(&label, view.language),
            label,
            message: problem.message(view.language),
        }
    };
    view.problems.iter().map(line).collect()
}

/// Returns the label of a consent box in the list of problems. If there are several boxes, it is
/// the beginning of the box's text.
fn box_label(view: &FormView, name: &str) -> String {
    let several = view.form.consents.len() > 1;
    let asked = view.form.boxes().find(|(own, _)| several && own == name);
    let Some((_, ask)) = asked else {
        return view.language.pick("Consent", "同意事项").to_owned();
    };
    let mut label: String = ask.text.chars().take(LABEL_CHARS_MAX).collect();
    if label.len() < ask.text.len() {
        label.push('…');
    }
    label
}

/// Returns the separator between a label and a message; a label that is a question needs no colon.
pub(super) fn colon(label: &str, language: Language) -> &'static str {
    match label.ends_with(['?', '？', ':', '：']) {
        true => language.pick(" ", ""),
        false => language.pick(": ", "："),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::primitives::Channel;
    use crate::domain::contact::consent::LawfulBasis;

    const EVIL: &str = "\"><script>alert('1')</script>&";

    fn field(name: &str, kind: FieldKind, required: bool) -> Field {
        Field { name: name.into(), label: None, help: None, kind, required, names_company: false }
    }

    fn form(fields: Vec<Field>) -> Form {
        let consent = ConsentCheckbox {
            purpose: "newsletter".into(),
            channels: vec![Channel::Email],
            text: "Write to me about events.".into(),
            required: true,
            double_opt_in: true,
            basis: LawfulBasis::Consent,
            cross_border: false,
        };
        let (thanks, submit_label, list) = (None, None, None);
        Form { fields, consents: vec![consent], thanks, submit_label, list, origins: vec![] }
    }

    fn render_with(form: &Form, language: Language, values: &FormData) -> String {
        let problems = match values.names().next() {
            Some(_) => form::read(form, values).err().unwrap_or_default(),
            None => Vec::new(),
        };
        let origin = TrafficSource::of_visit("webinar", "a", "/webinar", "utm_source=x&ref=7", "");
        form_html(&FormView {
            form,
            form_id: "spring.signup",
            language,
            token: "tok",
            origin: &origin,
            values,
            problems: &problems,
        })
    }

    /// Returns a form with one field of every kind, in which all texts of the author and the
    /// visitor are `text`.
    fn every_kind(text: &str) -> Form {
        let choices = vec![
            FieldOption { value: text.into(), label: text.into() },
            FieldOption { value: "b".into(), label: "B".into() },
        ];
        let region = Some(text.to_owned());
        let kinds = [
            FieldKind::Text,
            FieldKind::Textarea,
            FieldKind::Email,
            FieldKind::Tel { region },
            FieldKind::Number { min: Some(0.5), max: Some(10.0) },
            FieldKind::Url,
            FieldKind::Date,
            FieldKind::Select(choices.clone()),
            FieldKind::Radio(choices.clone()),
            FieldKind::Checkbox,
            FieldKind::MultiSelect(choices),
            FieldKind::Country,
            FieldKind::Hidden { value: text.into() },
        ];
        let fields = kinds.into_iter().enumerate().map(|(i, kind)| Field {
            label: Some(text.into()),
            help: Some(text.into()),
            ..field(&format!("f{i}"), kind, i % 2 == 0)
        });
        let mut form = form(fields.collect());
        form.submit_label = Some(text.into());
        form.consents[0].text = text.into();
        form
    }

    #[test]
    fn small_form_renders() {
        let mut form = form(vec![field("email", FieldKind::Email, true)]);
        form.consents.clear();
        let mut values = FormData::default();
        values.push("email", "a@@b");
        // One attribute per line, for readability.
        let html = render_with(&form, Language::English, &values).replace("\" ", "\"\n  ");
        insta::assert_snapshot!(html, @r##"
        <form class="dl-form"
          id="dl--form"
          method="post"
          action="/f/spring.signup"
          accept-charset="utf-8">
        <div class="dl-problems"
          id="dl--problems"
          role="alert"
          tabindex="-1"
          autofocus>
        <p><strong>Please check these answers</strong></p>
        <ul>
        <li><a href="#dl-email">E-mail: An e-mail address has only one @ in it.</a></li>
        </ul>
        </div>
        <input type="hidden"
          name="_token"
          value="tok">
        <input type="hidden"
          name="_page"
          value="webinar">
        <input type="hidden"
          name="_variant"
          value="a">
        <input type="hidden"
          name="_landing"
          value="/webinar">
        <input type="hidden"
          name="_referrer"
          value="">
        <input type="hidden"
          name="_query"
          value="utm_source=x&#38;ref=7">
        <div class="dl-trap"
          aria-hidden="true"
          style="position:absolute;left:-10000px">
        <label for="dl-website_url_confirm">Leave this empty</label>
        <input type="text"
          id="dl-website_url_confirm"
          name="website_url_confirm"
          value=""
          tabindex="-1"
          autocomplete="off">
        </div>
        <div class="dl-field">
        <label for="dl-email">E-mail</label>
        <p class="dl-problem"
          id="dl-email-problem">An e-mail address has only one @ in it.</p>
        <input type="email"
          id="dl-email"
          name="email"
          value="a@@b"
          autocomplete="email"
          inputmode="email"
          maxlength="254"
          autocapitalize="none"
          spellcheck="false"
          required aria-invalid="true"
          aria-describedby="dl-email-problem">
        </div>
        <button class="dl-submit"
          type="submit">Send</button>
        </form>
        "##);
    }

    #[test]
    fn hostile_input_is_escaped() {
        let form = every_kind(EVIL);
        let mut values = FormData::default();
        for field in &form.fields {
            values.push(&*field.name, EVIL);
        }
        values.push(form::CONSENT_FIELD, EVIL);
        let origin = TrafficSource::of_visit(EVIL, EVIL, EVIL, EVIL, EVIL);
        for language in Language::ALL {
            let html = form_html(&FormView {
                form: &form,
                form_id: EVIL,
                language,
                token: EVIL,
                origin: &origin,
                values: &values,
                problems: &form::read(&form, &values).unwrap_err(),
            });
            assert!(!html.contains("<script") && !html.contains("alert('"), "{html}");
            assert!(html.contains("&#60;script&#62;"));
        }
    }

    #[test]
    fn form_renders_in_chinese() {
        let form = form(vec![
            field("name", FieldKind::Text, false),
            field("phone", FieldKind::Tel { region: Some("CN".into()) }, true),
            field("country", FieldKind::Country, false),
        ]);
        let mut values = FormData::default();
        values.push("phone", "１２３");
        let html = render_with(&form, Language::Chinese, &values);
        for text in ["姓名", "（选填）", "手机号码：电话号码不正确，请检查。", ">德国<", ">提交<"]
        {
            assert!(html.contains(text), "{text}: {html}");
        }
    }

    #[test]
    fn submitted_values_are_kept() {
        let all = every_kind("a");
        let body = b"f7=b&f8=b&f9=on&f10=a&f10=b&f11=DE&f12=z&f1=%0A%0Ax&consent=on";
        let values = FormData::from_urlencoded(body).unwrap();
        let html = render_with(&all, Language::English, &values);
        assert!(html.contains("<option value=\"b\" selected>B"));
        assert!(html.contains("<option value=\"DE\" selected>"));
        assert_eq!(html.matches(" checked").count(), 5, "radio, box, two of several, consent");
        assert!(html.contains("name=\"f12\" value=\"z\""));
        let hidden = form(vec![field("ref", FieldKind::Hidden { value: "none".into() }, false)]);
        let html_of_visit = render_with(&hidden, Language::English, &FormData::default());
        assert!(html_of_visit.contains("name=\"ref\" value=\"7\""), "from the page's address");
        // A parser drops one line break after the tag, so the two that were typed survive.
        assert!(html.contains("aria-describedby=\"dl-f1-help\">\n\n\nx</textarea>"), "{html}");
    }

    #[test]
    fn fresh_form_has_no_ticks_or_errors() {
        let html = render_with(&every_kind("a"), Language::English, &FormData::default());
        assert!(!html.contains(" checked") && !html.contains("novalidate"));
        assert!(!html.contains("aria-invalid") && !html.contains("dl-problem"));
        let consent = "id=\"dl-consent\" name=\"consent\" value=\"yes-";
        assert!(html.contains(consent));
    }

    #[test]
    fn several_consent_boxes_have_own_names_and_errors() {
        let mut form = form(vec![field("email", FieldKind::Email, true)]);
        let text = "My data may go to Example Inc. in the United States, for sending mail.";
        let more = ConsentCheckbox {
            purpose: "abroad".into(),
            text: text.into(),
            cross_border: true,
            ..form.consents[0].clone()
        };
        form.consents.push(more);
        let mut values = FormData::default();
        values.push("consent.newsletter.email", "on");
        let html = render_with(&form, Language::English, &values);
        let news = "name=\"consent.newsletter.email\" value=\"yes-";
        assert!(html.contains(news), "{html}");
        assert_eq!(html.matches(" checked").count(), 1);
        let line = "href=\"#dl-consent.abroad.email\">My data may go to Example Inc. in the Un…: ";
        assert!(html.contains(line), "{html}");
        assert!(html.contains("id=\"dl-consent.abroad.email\""));
    }
}
