//! Renders every page in both languages, with the same hostile text in every place that takes a
//! text.

use super::admin::*;
use super::broadcast::*;
use super::mailbox::*;
use super::page::*;
use super::report::*;
use super::suppressions::*;
use super::visitor::*;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, Channel, Millis, QualifiedId};
use crate::domain::campaign::ab_test::{Standard, Trial, evaluate};
use crate::domain::campaign::broadcast::{AbMetric, Audience, BroadcastState, Phase, Target};
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::suppression::{Listed, SuppressionReason};
use crate::domain::operations::failing::{Failing, FailingKind};
use crate::domain::publication::catalog::Unreadable;
use crate::domain::report::broadcast::{BroadcastReport, VariantFigures};
use crate::domain::report::*;

const EVIL: &str = "\"'></style></iframe><script>alert(1)</script>&<img src=x onerror=alert(1)>";

fn frame(language: Language) -> Frame {
    Frame { language, section: Section::Mailbox, has_mailbox: true, is_signed_in: true }
}

fn message(channel: Channel, text: &str) -> MailboxMessage {
    let is_mail = channel == Channel::Email;
    MailboxMessage {
        id: text.into(),
        channel,
        to: text.into(),
        subject: if is_mail { text.into() } else { String::new() },
        at: text.into(),
        html: is_mail.then(|| text.to_owned()),
        text: format!("https://a.example/{text}"),
    }
}

fn report(name: &str, figures: Figures) -> Report {
    let messages =
        MessageFigures { sent: 4, delivered: 4, opened: 2, clicked: 1, ..<_>::default() };
    Report {
        campaign: CampaignId::from(name),
        name: name.into(),
        currency: name.into(),
        generated_at: Millis(0),
        version: 1,
        unpublished_at: None,
        total: figures,
        by_channel: vec![ChannelRow { channel: name.into(), figures }],
        by_variant: vec![VariantRow { page: name.into(), variant: name.into(), figures }],
        messages: vec![MessageRow { template: name.into(), figures: messages }],
        journeys: vec![journey(name, RunState::Paused)],
        other_currencies: vec![OtherCurrency {
            currency: name.into(),
            conversions: 1,
            revenue_minor: 100,
        }],
        brake: None,
        broadcasts: vec![broadcast(name)],
        failing: vec![failing(FailingKind::Filling, name)],
    }
}

fn failing(kind: FailingKind, name: &str) -> Failing {
    let (since, retry_at) = (Millis(0), Millis(60_000));
    let (id, campaign_id) = (QualifiedId(format!("c.{name}")), CampaignId::from("c"));
    Failing { kind, id, campaign_id, reason: name.into(), since, attempts: 2, retry_at }
}

/// Returns a broadcast whose test found a winner.
fn broadcast(name: &str) -> BroadcastReport {
    let trial = |variant: &str, hits| Trial { variant: variant.into(), tried: 1_000, hits };
    let standard = Standard { confidence: 95, sample_min: 100 };
    let figures = |variant: &str| VariantFigures { variant: variant.into(), ..<_>::default() };
    BroadcastReport {
        broadcast: name.into(),
        state: Some(BroadcastState::Paused),
        phase: Some(Phase::Rest),
        starts_at: None,
        started_at: Some(Millis(0)),
        decide_at: None,
        ended_at: None,
        excluded: [(name.to_owned(), 3), ("no_consent".to_owned(), 12)].into(),
        undecided: 2,
        metric: AbMetric::Clicked,
        winner: Some(name.into()),
        finding: Some(evaluate(vec![trial(name, 90), trial("plain", 30)], standard)),
        variants: vec![figures(name), figures("plain")],
    }
}

fn journey(name: &str, state: RunState) -> JourneyRow {
    let version = EnrollmentFigures {
        version: 3,
        entered: 1_007,
        active: 4,
        completed: 1_000,
        exited: 3,
        failed: 0,
        by_step: [(name.to_owned(), 4)].into(),
        by_reason: [(name.to_owned(), 2), ("archived".to_owned(), 1)].into(),
    };
    JourneyRow { journey: name.into(), state, versions: vec![version] }
}

fn suppressed(frame: Frame, entries: &[Listed], (said, typed): (&str, &str)) -> String {
    suppressions(&SuppressionsView { frame, entries, page: 1, reason: None, said, typed })
}

fn listed(text: &str) -> Listed {
    Listed {
        channel: "email".into(),
        address: text.into(),
        reason: SuppressionReason::Complained,
        at: Millis(0),
        until: None,
        source: text.into(),
        released_by: None,
        release_note: None,
    }
}

/// Returns the pages of the web app and of visitors, each with its name.
fn all_pages(language: Language, text: &str) -> Vec<(&'static str, String)> {
    let frame = frame(language);
    let mails = [message(Channel::Email, text), message(Channel::Sms, text)];
    let campaign = CampaignRow {
        id: text.into(),
        name: text.into(),
        version: 1,
        published_at: Millis(0),
        time_zone: text.into(),
        paths: vec![text.into()],
    };
    let figures = Figures { visitors: 10, leads: 2, ..Figures::default() };
    let report = report(text, figures);
    let parked = ParkedRow { contact: text.into(), reason: text.into(), since: Millis(0) };
    let index = |campaigns: &[CampaignRow], parked: &[ParkedRow]| {
        let unreadable = &[Unreadable {
            campaign: CampaignId::from(text),
            version: 2,
            reason: text.to_owned(),
            paths: None,
        }];
        admin_index(&AdminIndexView {
            frame,
            campaigns,
            unpublished: &[],
            unreadable,
            parked,
            base_url: text,
        })
    };
    let mut pages = vec![
        (
            "sign_in",
            sign_in(&SignInView {
                language,
                problem: Some(SignInProblem::WrongToken),
                next: "",
                is_mailed: true,
            }),
        ),
        ("mailbox", mailbox(&MailboxView { frame, messages: &mails })),
        ("mail", mailbox_message(&MailboxMessageView { frame, message: &mails[0] })),
        ("sms", mailbox_message(&MailboxMessageView { frame, message: &mails[1] })),
        ("index", index(&[campaign], &[])),
        ("parked", index(&[], &[parked])),
        ("no index", index(&[], &[])),
        (
            "broadcast",
            preview(&PreviewView {
                frame,
                broadcast: &QualifiedId(format!("c.{text}")),
                state: None,
                starts_at: Some(Millis(0)),
                target: &Target::Segment(text.to_owned()),
                purpose: text,
                channel: Channel::Email,
                audience: Audience { members: 5, no_consent: 2, ..<_>::default() },
                time_zone: text,
            }),
        ),
        ("suppressions", suppressed(frame, &[listed(text)], (text, ""))),
        ("nothing suppressed", suppressed(frame, &[], (text, text))),
        (
            "report",
            campaign_report(&ReportView { frame, report: &report, stops: None, time_zone: text }),
        ),
    ];
    pages.extend(visitor_pages(language, text));
    pages
}

fn visitor_pages(language: Language, text: &str) -> Vec<(&'static str, String)> {
    let error = MessageView {
        language,
        kind: MessageKind::NotFound,
        detail: Some(text),
        link: Some((text, text)),
    };
    let thank =
        ThanksView { language, sender_name: text, is_to_be_confirmed: true, back: Some(text) };
    let leave = UnsubscribeView {
        language,
        state: UnsubscribeState::Ask,
        is_sms: false,
        token: text,
        undo: None,
        preferences: text,
        sender_name: text,
        postal_address: text,
    };
    let agree = ConfirmView {
        language,
        state: ConfirmState::Ask,
        token: text,
        sender_name: text,
        asked: &[(text.to_owned(), text.to_owned())],
        details: &[(text.to_owned(), text.to_owned())],
        shown_at: 7,
        postal_address: text,
    };
    vec![
        ("error", message_page(&error)),
        ("thanks", thanks(&thank)),
        ("unsubscribe", unsubscribe(&leave)),
        ("confirm", confirm(&agree)),
    ]
}

#[test]
fn hostile_text_is_escaped_on_every_page() {
    for language in Language::ALL {
        for (name, html) in all_pages(language, EVIL) {
            // The sign-in page has one script, which is our own.
            let html = html.replace("<script src=\"/admin/sign-in.js\"></script>", "");
            assert!(!html.contains("<script") && !html.contains("<img"), "{name}: {html}");
            assert_eq!(html.matches("</style>").count(), 1, "{name}");
            assert!(html.matches("</iframe>").count() <= 1, "{name}");
            if name != "sign_in" {
                assert!(html.contains("&#60;script&#62;"), "{name} shows what it was given");
            }
        }
    }
}

#[test]
fn pages_are_whole_documents_in_the_chosen_language() {
    for language in Language::ALL {
        for (name, html) in all_pages(language, "x") {
            let lang = format!("<!doctype html>\n<html lang=\"{}\">", language.tag());
            assert!(html.starts_with(&lang), "{name}: {html}");
            assert!(html.ends_with("</html>"), "{name}");
            let html = html.replace("<script src=\"/admin/sign-in.js\"></script>", "");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            for loads in [" src=", "url(", "@import", "rel=\"stylesheet\"", "<script"] {
                assert!(!html.contains(loads), "{name} loads something: {loads}");
            }
        }
    }
    let (_, english) = &visitor_pages(Language::English, "x")[2];
    let (_, chinese) = &visitor_pages(Language::Chinese, "x")[2];
    assert!(english.contains("Stop these messages?") && !english.contains("退订"));
    assert!(chinese.contains("确定退订吗？") && !chinese.contains("Unsubscribe"));
}

#[test]
fn only_the_unsubscribe_question_has_a_button() {
    let page = |state| {
        unsubscribe(&UnsubscribeView {
            language: Language::English,
            state,
            is_sms: false,
            token: "t0k",
            undo: None,
            preferences: "",
            sender_name: "",
            postal_address: "",
        })
    };
    let form = "<form method=\"post\" action=\"/u/t0k?lang=en\"><button";
    assert!(page(UnsubscribeState::Ask).contains(form));
    assert!(!page(UnsubscribeState::Done).contains("<form"));
    assert!(!page(UnsubscribeState::Invalid).contains("<form"));
}

#[test]
fn text_between_backticks_is_shown_as_code() {
    let kind = MessageKind::Fault;
    let detail = Some("Publish `spring & co` again, <b>now</b>.");
    let html = message_page(&MessageView { language: Language::English, kind, detail, link: None });
    assert!(
        html.contains("<p>Publish <code>spring &#38; co</code> again, &#60;b&#62;now"),
        "{html}"
    );
}

#[test]
fn report_figures_are_formatted() {
    let mut report = report("spring", Figures::default());
    report.currency = "CNY".into();
    report.total = Figures {
        visitors: 12_480,
        leads: 1_342,
        contacts: 1_290,
        conversions: 57,
        cost_minor: 2_400_000,
        revenue_minor: 5_130_000,
    };
    let page = |language| {
        let frame = frame(language);
        campaign_report(&ReportView {
            frame,
            report: &report,
            stops: None,
            time_zone: "Asia/Shanghai",
        })
    };
    for text in ["12,480", "CN¥24,000.00", "+113.8%", "CN¥17.88", "10.8% of visitors"] {
        assert!(page(Language::English).contains(text), "{text}");
    }
    for text in ["¥51,300.00", "占访客 10.8%", "1970年1月1日 08:00（UTC+8）", "转化漏斗"]
    {
        assert!(page(Language::Chinese).contains(text), "{text}");
    }
}

#[test]
fn empty_report_says_what_to_do() {
    let mut report = report("spring", Figures::default());
    report.by_channel.clear();
    report.by_variant.clear();
    report.messages.clear();
    report.journeys[0].versions.clear();
    report.broadcasts.clear();
    let frame = frame(Language::English);
    let html =
        campaign_report(&ReportView { frame, report: &report, stops: None, time_zone: "UTC" });
    assert!(html.contains("Share a landing page") && !html.contains("<table"));
    assert!(html.contains("no cost is known") && !html.contains("NaN"));
}

#[test]
fn report_shows_sms_columns_only_with_sms() {
    let mut report = report("spring", Figures::default());
    let frame = frame(Language::English);
    let page = |report: &Report| {
        campaign_report(&ReportView { frame, report, stops: None, time_zone: "UTC" })
    };
    assert!(!page(&report).contains("SMS segments"));
    let figures = MessageFigures { sent: 3, segments: 6, ..<_>::default() };
    report.messages.push(MessageRow { template: "sms/reminder".into(), figures });
    let html = page(&report);
    assert!(html.contains("data-label=\"SMS segments\">6</td>"), "{html}");
    assert!(html.contains("data-label=\"SMS segments\">–</td>"), "an e-mail has none: {html}");
}

#[test]
fn refused_address_stays_in_its_field_with_error() {
    let page = |typed: &str| suppressed(frame(Language::English), &[], ("No.", typed));
    let added = page("ann@");
    let field = "value=\"ann@\" aria-invalid=\"true\" aria-describedby=\"wrong\">";
    assert!(added.contains(field) && added.contains("id=\"wrong\" role=\"alert\">No.</p>"));
    assert_eq!(added.matches("No.").count(), 1);
    assert!(!page("").contains("aria-invalid=") && page("").contains("role=\"alert\">No.</p>"));
}

#[test]
fn report_shows_each_journey_version() {
    let mut report = report("spring", Figures::default());
    report.journeys =
        vec![journey("nurture", RunState::Running), journey("revive", RunState::Paused)];
    let page = |language| {
        campaign_report(&ReportView {
            frame: frame(language),
            report: &report,
            stops: None,
            time_zone: "UTC",
        })
    };
    let english = page(Language::English);
    for text in ["1,007", "nurture: 4", "the journey is archived: 1", "Paused", "Running"] {
        assert!(english.contains(text), "{text}: {english}");
    }
    let chinese = page(Language::Chinese);
    for text in ["旅程已归档：1", "已暂停", "运行中", "nurture：4"] {
        assert!(chinese.contains(text), "{text}: {chinese}");
    }
    let action = |verb: &str| format!("method=\"post\" action=\"/admin/journeys/{verb}?lang=en\"");
    assert!(english.contains(&action("spring.nurture/pause")), "{english}");
    assert!(english.contains(&action("spring.nurture/archive")));
    assert!(english.contains(&action("spring.revive/resume")));
    assert!(!english.contains(&action("spring.revive/pause")));
}

#[test]
fn every_web_app_page_has_sign_out() {
    for (language, words) in [(Language::English, "Sign out"), (Language::Chinese, "退出登录")]
    {
        let form = format!("method=\"post\" action=\"/admin/sign-out?lang={}\"", language.tag());
        for (name, html) in all_pages(language, "x") {
            let is_web_app = html.contains("<header class=\"top\">");
            assert_eq!(html.contains(&form) && html.contains(words), is_web_app, "{name}");
        }
    }
}

#[test]
fn sign_in_page_keeps_target_and_works_without_script() {
    let next = "&next=/admin/campaigns/spring%3Flang%3Den";
    let view = SignInView { language: Language::English, problem: None, next, is_mailed: false };
    let html = sign_in(&view);
    let kept = "&#38;next=/admin/campaigns/spring%3Flang%3Den\"";
    assert_eq!(html.matches(kept).count(), 3, "both forms and the other language: {html}");
    assert!(!html.contains("on its way"), "{html}");
    assert!(html.contains("paste your sign-in link") && html.contains("id=\"link\""), "{html}");
    assert!(html.contains("role=\"status\" hidden"), "only the script says that a link is there");
}
