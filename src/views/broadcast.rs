//! Broadcasts in the web app: their state in the campaign's report, and the page that shows the
//! size of their audience.

use super::format::{NONE, count, moment, money, percent};
use super::page::{Frame, Page};
use super::render;
use super::report::{Cell, Table, TableRow};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Channel, Millis, QualifiedId};
use crate::domain::campaign::ab_test::{Finding, Pair, Reason};
use crate::domain::campaign::broadcast::{AbMetric, Audience, BroadcastState, Phase, Target};
use crate::domain::report::Report;
use crate::domain::report::broadcast::{BroadcastReport, VariantFigures};
use crate::domain::report::reason::in_words;
use askama::Template;

/// The data of the page with a broadcast's audience size.
pub struct PreviewView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    pub broadcast: &'a QualifiedId,
    /// Its state; `None` if it waits to be started by hand.
    pub state: Option<BroadcastState>,
    /// The time of its automatic start.
    pub starts_at: Option<Millis>,
    pub target: &'a Target,
    /// The purpose that recipients must have consented to.
    pub purpose: &'a str,
    pub channel: Channel,
    /// The contacts who would get it.
    pub audience: Audience,
    /// The IANA time zone for display.
    pub time_zone: &'a str,
}

/// Renders the audience size of a broadcast, with the button that starts it.
pub fn preview(view: &PreviewView) -> String {
    let language = view.frame.language;
    let pick = |english, chinese| language.pick(english, chinese);
    let Audience { members, no_address, suppressed, no_consent, decided } = view.audience;
    let line = |label: &'static str, n: i64| (label, count(n));
    let no_address_label = match view.channel {
        Channel::Sms => pick("Without a phone number", "没有手机号"),
        _ => pick("Without an e-mail address", "没有邮箱地址"),
    };
    let lines = vec![
        line(pick("Members", "成员数"), members),
        line(no_address_label, no_address),
        line(pick("Suppressed", "已禁发"), suppressed),
        line(pick("No consent, or not confirmed", "未同意接收或尚未确认"), no_consent),
        line(pick("Would get it", "将收到"), view.audience.recipients()),
    ];
    let campaign = view.broadcast.0.split('.').next().unwrap_or_default();
    let starts_at = view.starts_at.map(|at| moment(at, view.time_zone, language));
    let is_to_come = matches!(view.state, None | Some(BroadcastState::Scheduled));
    render(&PreviewTemplate {
        page: Page::new(language, name_of(view.broadcast)),
        frame: view.frame,
        back: view.frame.href(&format!("/admin/campaigns/{campaign}")),
        action: view.frame.href(&format!("/admin/broadcasts/{}/start", view.broadcast)),
        state: state_in_words(view.state, None, language),
        starts_at,
        has_begun: !is_to_come,
        can_start: is_to_come && view.audience.recipients() > 0,
        is_for_nobody: view.audience.recipients() == 0,
        start: match view.audience.recipients() {
            1 => pick("Send to 1 person now", "立即发送给 1 人").to_owned(),
            n => language.pick(
                format!("Send to {} people now", count(n)),
                format!("立即发送给 {} 人", count(n)),
            ),
        },
        decided: Some(decided).filter(|n| *n > 0).map(count),
        target: target_in_words(view.target, language),
        purpose: view.purpose,
        lines,
    })
}

/// Returns how the audience was counted.
fn target_in_words(target: &Target, language: Language) -> String {
    match target {
        Target::Segment(name) => language.pick(
            format!("Counted just now, by the rule of the segment {name}"),
            format!("按人群规则即时统计，人群 {name}"),
        ),
        Target::List(list) => language.pick(
            format!("Counted just now, among the contacts on the list {list}"),
            format!("即时统计，名单 {list} 中的联系人"),
        ),
    }
}

fn name_of(broadcast: &QualifiedId) -> &str {
    broadcast.0.split_once('.').map_or("", |(_, name)| name)
}

#[derive(Template)]
#[template(path = "broadcast.html")]
struct PreviewTemplate<'a> {
    page: Page,
    frame: Frame,
    back: String,
    action: String,
    state: &'static str,
    starts_at: Option<String>,
    has_begun: bool,
    can_start: bool,
    is_for_nobody: bool,
    /// The label of the button that starts it.
    start: String,
    decided: Option<String>,
    target: String,
    purpose: &'a str,
    lines: Vec<(&'static str, String)>,
}

/// One broadcast in its campaign's report.
pub(super) struct BroadcastCard {
    pub(super) name: String,
    pub(super) state: &'static str,
    /// Sentences about the broadcast.
    pub(super) lines: Vec<String>,
    pub(super) table: Table,
    /// The page of its audience size, until it has begun.
    pub(super) preview: Option<String>,
    pub(super) buttons: Vec<Button>,
}

/// A button for an operation.
pub(super) struct Button {
    pub(super) action: String,
    pub(super) label: &'static str,
    /// What the operation does.
    pub(super) hint: &'static str,
    /// For an operation that cannot be undone: the label of a box that must be ticked first.
    pub(super) sure: Option<&'static str>,
}

/// Returns the cards of a campaign's broadcasts.
pub(super) fn cards(report: &Report, frame: &Frame, time_zone: &str) -> Vec<BroadcastCard> {
    let language = frame.language;
    let card = |row: &BroadcastReport| {
        let id = QualifiedId::new(&report.campaign, &row.broadcast);
        let path = |verb: &str| frame.href(&format!("/admin/broadcasts/{id}{verb}"));
        let has_begun = !matches!(row.state, None | Some(BroadcastState::Scheduled));
        BroadcastCard {
            name: row.broadcast.clone(),
            state: state_in_words(row.state, row.phase, language),
            lines: lines(row, time_zone, language),
            table: table(row, &report.currency, language),
            preview: (!has_begun).then(|| path("")),
            buttons: buttons(row.state.filter(|_| !is_all_sent(row)), language)
                .into_iter()
                .map(|(verb, label, hint)| Button {
                    action: path(verb),
                    label,
                    hint,
                    sure: (verb == "/cancel")
                        .then(|| language.pick("Yes, cancel it for good", "是的，永久取消")),
                })
                .collect(),
        }
    };
    report.broadcasts.iter().map(card).collect()
}

/// Returns whether a broadcast is finished and none of its messages waits to be sent.
fn is_all_sent(row: &BroadcastReport) -> bool {
    let is_sent = |figures: &VariantFigures| figures.messages.sent >= figures.recipients;
    row.state == Some(BroadcastState::Done) && row.variants.iter().all(is_sent)
}

/// Describes the state of a broadcast.
pub fn state_in_words(
    state: Option<BroadcastState>,
    phase: Option<Phase>,
    language: Language,
) -> &'static str {
    match (state, phase) {
        (None, _) => language.pick("Not started", "未开始"),
        (Some(BroadcastState::Scheduled), _) => language.pick("Scheduled", "已排期"),
        (Some(BroadcastState::Running), Some(Phase::Test)) => language.pick("Testing", "测试中"),
        (Some(BroadcastState::Running), Some(Phase::Wait)) => {
            language.pick("Waiting for the test", "等待测试结果")
        }
        (Some(BroadcastState::Running), _) => language.pick("Running", "进行中"),
        (Some(BroadcastState::Paused), _) => language.pick("Paused", "已暂停"),
        (Some(BroadcastState::Done), _) => language.pick("Done", "已完成"),
        (Some(BroadcastState::Cancelled), _) => language.pick("Cancelled", "已取消"),
    }
}

/// Returns the operations that are possible in a state: verb, label, hint.
fn buttons(
    state: Option<BroadcastState>,
    language: Language,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let pick = |english, chinese| language.pick(english, chinese);
    let pause = (
        "/pause",
        pick("Pause", "暂停"),
        pick(
            "While paused, no more messages are queued, and queued ones are held.",
            "暂停后，不再向其他人发送，等待发送的消息暂不发出。",
        ),
    );
    let resume = (
        "/resume",
        pick("Resume", "恢复"),
        pick(
            "It continues where it stopped. Nobody gets it twice.",
            "恢复后，从停下的地方继续，不会重复发送。",
        ),
    );
    let cancel = (
        "/cancel",
        pick("Cancel", "取消"),
        pick(
            "Messages that were not sent yet are never sent. It cannot be started again.",
            "取消后，尚未发出的消息不再发送，且不能重新开始。",
        ),
    );
    match state {
        None => Vec::new(),
        Some(BroadcastState::Scheduled) => vec![cancel],
        Some(BroadcastState::Running | BroadcastState::Done) => vec![pause, cancel],
        Some(BroadcastState::Paused) => vec![resume, cancel],
        Some(BroadcastState::Cancelled) => Vec::new(),
    }
}

/// Describes a broadcast in sentences.
pub fn lines(row: &BroadcastReport, time_zone: &str, language: Language) -> Vec<String> {
    let at = |at: Millis| moment(at, time_zone, language);
    let mut lines = Vec::new();
    let mut line = |english: String, chinese: String| lines.push(language.pick(english, chinese));
    if let Some(when) = row.starts_at.map(at) {
        line(format!("Starts on {when}."), format!("将于 {when}开始。"));
    }
    if let Some(when) = row.started_at.map(at) {
        let n = count(row.recipients());
        let who = if row.recipients() == 1 { "recipient" } else { "recipients" };
        match row.state {
            Some(BroadcastState::Done) => line(
                format!("Started on {when}; for {n} {who}."),
                format!("于 {when}开始，收件人 {n} 人。"),
            ),
            _ => line(
                format!("Started on {when}; for {n} {who} so far."),
                format!("于 {when}开始，目前收件人 {n} 人。"),
            ),
        }
    }
    if !row.excluded.is_empty() {
        let part = |(reason, n): (&String, &i64)| {
            let (words, n) = (in_words(reason, language), count(*n));
            language.pick(format!("{n}: {words}"), format!("{n} 人：{words}"))
        };
        let parts: Vec<String> = row.excluded.iter().map(part).collect();
        line(format!("Left out: {}.", parts.join("; ")), format!("未发送：{}。", parts.join("；")));
    }
    if row.undecided > 0 {
        let n = count(row.undecided);
        line(format!("{n} contacts could not be processed."), format!("{n} 位联系人处理失败。"));
    }
    if let Some(when) = row.decide_at.map(at) {
        line(format!("The test will be decided on {when}."), format!("测试将于 {when}得出结果。"));
    }
    if let Some(finding) = &row.finding {
        lines.extend(finding_in_words(finding, row, language));
    }
    lines
}

/// Describes the result of an A/B test, with its figures.
fn finding_in_words(finding: &Finding, row: &BroadcastReport, language: Language) -> Vec<String> {
    let measure = match row.metric {
        AbMetric::Clicked => language.pick("clicked", "点击"),
        AbMetric::Opened => language.pick("opened it", "打开"),
        AbMetric::Converted => language.pick("converted", "转化"),
    };
    let trial = |trial: &crate::domain::campaign::ab_test::Trial| {
        let (name, hits, tried) =
            (&trial.variant, count(trial.hits as i64), count(trial.tried as i64));
        let share = percent(Some(trial.rate()));
        language.pick(
            format!("{name}: {hits} of {tried} {measure} ({share})"),
            format!("{name}：{tried} 人中 {hits} 人{measure}（{share}）"),
        )
    };
    let trials: Vec<String> = finding.trials.iter().map(trial).collect();
    let sent = row.winner.clone().unwrap_or_default();
    let confidence = finding.standard.confidence;
    let conclusion = match (finding.reason, &finding.winner) {
        (Reason::Winner, Some(winner)) => language.pick(
            format!("{winner} is better, at {confidence} % confidence."),
            format!("{winner} 更好（置信度 {confidence}%）。"),
        ),
        (Reason::TooFew, _) => {
            let least = finding.standard.sample_min;
            language.pick(
                format!("Too few recipients: each variant needs at least {least}."),
                format!("收件人太少，无法判断：每个变体至少需要 {least} 人。"),
            )
        }
        _ => language.pick(
            format!("No difference was found, at {confidence} % confidence."),
            format!("未发现差异（置信度 {confidence}%）。"),
        ),
    };
    let rest = match sent.as_str() {
        "" => String::new(),
        sent => language.pick(format!(" The rest got {sent}."), format!("其余收件人收到 {sent}。")),
    };
    let mut lines = vec![
        format!("{}{}", trials.join(language.pick("; ", "；")), language.pick(".", "。")),
        format!("{conclusion}{rest}"),
    ];
    lines.extend(finding.pairs.iter().map(|pair| pair_in_words(pair, confidence, language)));
    lines
}

fn pair_in_words(pair: &Pair, confidence: u32, language: Language) -> String {
    let Pair { better, worse, .. } = pair;
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    let [difference, low, high] = [pair.difference, pair.low, pair.high].map(points);
    let p = if pair.p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {:.3}", pair.p) };
    language.pick(
        format!(
            "{better} less {worse}: {difference} points, {confidence} % interval {low} to {high} \
             ({p}, Fisher's exact test)."
        ),
        format!(
            "{better} 与 {worse} 之差：{difference} 个百分点，{confidence}% 置信区间 {low} 至 {high}\
             （{p}，费希尔精确检验）。"
        ),
    )
}

fn table(row: &BroadcastReport, currency: &str, language: Language) -> Table {
    let pick = |english, chinese| language.pick(english, chinese);
    let heads = vec![
        pick("Variant", "变体"),
        pick("Recipients", "收件人"),
        pick("Sent", "已发送"),
        pick("Delivered", "已送达"),
        pick("Opened", "已打开"),
        pick("Clicked", "已点击"),
        pick("Click rate", "点击率"),
        pick("Bounced", "已退回"),
        pick("Unsubscribed", "已退订"),
        pick("Converted", "转化"),
        pick("Revenue", "收入"),
    ];
    let cells = |figures: &VariantFigures| {
        let messages = &figures.messages;
        let rate = messages.click_rate();
        let texts = [
            count(figures.recipients),
            count(messages.sent),
            count(messages.delivered),
            count(messages.opened),
            count(messages.clicked),
            rate.map_or_else(|| NONE.to_owned(), |rate| percent(Some(rate))),
            count(messages.bounced),
            count(messages.unsubscribed),
            count(figures.converted),
            money(figures.earned_minor, currency, language),
        ];
        let name = figures.variant.clone();
        TableRow { name, cells: texts.map(Cell::plain).into() }
    };
    let rows = match row.started_at {
        Some(_) => row.variants.iter().map(cells).collect(),
        None => Vec::new(),
    };
    Table { heads, rows }
}
