//! A campaign's report: the totals, the funnel, and tables by channel, page and message.

use super::broadcast::{BroadcastCard, cards};
use super::format::{NONE, count, moment, money, percent, share_of_visitors, signed_percent};
use super::page::{Frame, Page};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::minor_digits;
use crate::domain::campaign::journey::RunState;
use crate::domain::operations::failing::{Failing, FailingKind};
use crate::domain::publication::unpublished::Stops;
use crate::domain::report::reason::in_words;
use crate::domain::report::{
    EnrollmentFigures, Figures, JourneyRow, MessageFigures, OtherCurrency, Report,
};
use crate::domain::sending::auto_pause::{NOTE_CHARS_MAX, PauseEvent, PauseState, Tally};
use crate::domain::sms::settings::in_minor_units;
use askama::Template;
use std::collections::BTreeMap;

/// The data of a report's page.
pub struct ReportView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    pub report: &'a Report,
    /// What unpublishing the campaign would stop, or since when it is unpublished; `None` if
    /// unknown.
    pub stops: Option<&'a Stops>,
    /// The campaign's IANA time zone, for display.
    pub time_zone: &'a str,
}

/// Renders a campaign's report.
pub fn campaign_report(view: &ReportView) -> String {
    let words = Words { language: view.frame.language, currency: &view.report.currency };
    let report = view.report;
    render(&ReportTemplate {
        page: Page::new(words.language, &*report.name),
        frame: view.frame,
        id: report.campaign.as_str(),
        version: report.version,
        generated_at: moment(report.generated_at, view.time_zone, words.language),
        tiles: words.tiles(&report.total),
        is_untouched: report.total.visitors == 0 && report.total.leads == 0,
        other_currencies: other_currencies(report, words.language),
        funnel: words.funnel(&report.total),
        has_hidden_share: has_hidden_share(&report.total),
        channels: words.channels(report),
        variants: words.variants(report),
        messages: words.messages(report),
        previews: view.frame.href(&format!("/admin/campaigns/{}/messages", report.campaign)),
        broadcasts: cards(report, &view.frame, view.time_zone),
        journeys: words.journeys(report),
        unpublished: view.stops.and_then(|stops| words.unpublished(stops, view.time_zone)),
        unpublish: view.stops.and_then(|stops| words.unpublish(stops)),
        failing: report.failing.iter().map(|one| words.failing(one, view.time_zone)).collect(),
        brake: report.brake.as_ref().and_then(|event| words.auto_pause(event, view.time_zone)),
        unpublish_at: format!("/admin/campaigns/{}/unpublish", report.campaign),
        release: format!("/admin/campaigns/{}/release", report.campaign),
        note_max: NOTE_CHARS_MAX,
    })
}

/// Returns whether a share of visitors is not shown, because it is above 100 %.
pub fn has_hidden_share(total: &Figures) -> bool {
    let visitors = total.visitors;
    visitors > 0 && [total.leads, total.contacts, total.conversions].iter().any(|n| *n > visitors)
}

/// Returns a sentence about revenue in other currencies, which the figures exclude.
pub fn other_currencies(report: &Report, language: Language) -> Option<String> {
    if report.other_currencies.is_empty() {
        return None;
    }
    let one = |row: &OtherCurrency| {
        let amount = money(row.revenue_minor, &row.currency, language);
        let number = count(row.conversions);
        language.pick(
            format!("{amount} ({number} conversions)"),
            format!("{amount}（{number} 次转化）"),
        )
    };
    let all: Vec<String> = report.other_currencies.iter().map(one).collect();
    let all = all.join(language.pick(", ", "、"));
    let own = &report.currency;
    Some(language.pick(
        format!("Not in revenue, which is counted in {own}: {all}."),
        format!("收入只统计 {own}，未包含：{all}。"),
    ))
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportTemplate<'a> {
    page: Page,
    frame: Frame,
    id: &'a str,
    version: i64,
    generated_at: String,
    tiles: Vec<Tile>,
    is_untouched: bool,
    other_currencies: Option<String>,
    funnel: Vec<Stage>,
    /// Whether a share is a dash because it is above 100 %.
    has_hidden_share: bool,
    channels: Table,
    variants: Table,
    messages: Table,
    previews: String,
    broadcasts: Vec<BroadcastCard>,
    journeys: Vec<JourneyCard>,
    /// That the campaign is unpublished, and since when.
    unpublished: Option<String>,
    /// What the unpublish button would stop, one item per line.
    unpublish: Option<Vec<String>>,
    /// The target of the unpublish button.
    unpublish_at: String,
    failing: Vec<Banner>,
    brake: Option<Banner>,
    /// The target of the button that releases the auto-pause.
    release: String,
    note_max: usize,
}

/// A banner above everything else: failing work, or the state of the auto-pause.
struct Banner {
    title: &'static str,
    text: String,
    is_stopped: bool,
}

/// One journey: its versions and its buttons.
struct JourneyCard {
    name: String,
    state: &'static str,
    is_running: bool,
    is_archived: bool,
    /// The action of its buttons, without the verb and the language.
    action: String,
    versions: Table,
    /// The number of contacts in the journey.
    inside: String,
}

impl JourneyCard {
    fn action_of(&self, verb: &str) -> String {
        format!("{}/{verb}", self.action)
    }
}

/// One total with its meaning.
struct Tile {
    label: &'static str,
    value: String,
    hint: &'static str,
    tone: &'static str,
}

/// One step of the funnel.
struct Stage {
    label: &'static str,
    count: String,
    share: String,
    /// In percent of the widest step, with a decimal point.
    width: String,
}

/// A table whose first column names the rows; `heads` has an entry for it too.
pub(super) struct Table {
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<TableRow>,
}

pub(super) struct TableRow {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

pub(super) struct Cell {
    text: String,
    tone: &'static str,
}

impl Cell {
    pub(super) fn plain(text: String) -> Self {
        Self { text, tone: "" }
    }
}

/// The reader's language and the report's currency.
struct Words<'a> {
    language: Language,
    currency: &'a str,
}

impl Words<'_> {
    fn pick(&self, english: &'static str, chinese: &'static str) -> &'static str {
        self.language.pick(english, chinese)
    }

    /// Returns the banner of the last auto-pause event; `None` once the campaign is well.
    fn auto_pause(&self, event: &PauseEvent, time_zone: &str) -> Option<Banner> {
        let at = moment(event.at, time_zone, self.language);
        let Tally { sent, bounced, complained } = event.tally;
        let figures = match event.reason.as_str() {
            "bounces" => self.language.pick(
                format!("{bounced} of {sent} e-mails in seven days bounced permanently."),
                format!("七天内 {sent} 封邮件中有 {bounced} 封硬退信。"),
            ),
            _ => self.language.pick(
                format!("{complained} of {sent} e-mails in seven days were marked as spam."),
                format!("七天内 {sent} 封邮件中有 {complained} 封被投诉。"),
            ),
        };
        let (title, text) = match event.state {
            PauseState::Healthy => return None,
            PauseState::Warned => (
                self.pick("Too many complaints", "投诉偏多"),
                self.language.pick(
                    format!("Since {at}: {figures} The campaign is stopped if it gets worse."),
                    format!("自 {at}起：{figures}情况恶化时活动将自动暂停。"),
                ),
            ),
            PauseState::Stopped => (
                self.pick("Stopped", "已自动暂停"),
                self.language.pick(
                    format!("Since {at}: {figures} Its marketing messages wait."),
                    format!("自 {at}起：{figures}营销消息暂停发送。"),
                ),
            ),
            PauseState::Released => (
                self.pick("Released", "已放行"),
                self.language.pick(
                    format!("It was auto-paused, and was released on {at}: {}", event.note),
                    format!("曾被自动暂停，{at}起放行：{}", event.note),
                ),
            ),
        };
        Some(Banner { title, text, is_stopped: event.state == PauseState::Stopped })
    }

    /// Describes work that stopped because it failed: the cause, and what to do about it.
    fn failing(&self, failing: &Failing, time_zone: &str) -> Banner {
        let name = failing.id.as_str().rsplit('.').next().unwrap_or_default();
        let title = match failing.kind {
            FailingKind::Broadcast => self.pick("A broadcast has stopped", "一个群发已停下"),
            FailingKind::Waking => {
                self.pick("The contacts of a journey cannot be moved", "旅程中的联系人未能转移")
            }
            FailingKind::Filling => {
                self.pick("A segment backfill has stopped", "一次人群回填已停下")
            }
        };
        let since = moment(failing.since, time_zone, self.language);
        let again = moment(failing.retry_at, time_zone, self.language);
        let reason = &failing.reason;
        let text = self.language.pick(
            format!(
                "`{name}` has failed since {since}: {reason}. It is tried again at {again}. If it \
                 keeps failing, ask less in the segment's rule, and publish again."
            ),
            format!(
                "“{name}”自 {since}起失败：{reason}。将于 {again}重试。若持续失败，请简化\
                 人群规则后重新发布。"
            ),
        );
        Banner { title, text, is_stopped: false }
    }

    fn money(&self, minor: i64) -> String {
        money(minor, self.currency, self.language)
    }

    fn money_or_none(&self, minor: Option<i64>) -> String {
        minor.map_or_else(|| NONE.to_owned(), |minor| self.money(minor))
    }

    fn tiles(&self, total: &Figures) -> Vec<Tile> {
        let tile = |label, value, hint| Tile { label, value, hint, tone: "" };
        vec![
            tile(
                self.pick("Cost", "花费"),
                self.money(total.cost_minor),
                self.pick("from the campaign file", "来自活动文件"),
            ),
            tile(
                self.pick("Revenue", "收入"),
                self.money(total.revenue_minor),
                self.pick("of all conversions", "全部转化的收入"),
            ),
            Tile {
                label: self.pick("ROI", "投资回报率"),
                value: signed_percent(total.roi()),
                hint: match total.roi() {
                    Some(_) => self.pick("(revenue − cost) ÷ cost", "（收入 − 花费）÷ 花费"),
                    None => self.pick("no cost is known", "尚无花费数据"),
                },
                tone: tone(total),
            },
            tile(
                self.pick("Cost per lead", "单条线索成本"),
                self.money_or_none(total.cost_per_lead()),
                self.pick("cost ÷ leads", "花费 ÷ 线索"),
            ),
            tile(
                self.pick("Leads per visitor", "线索率"),
                share_of_visitors(total.lead_rate()),
                self.pick("leads ÷ visitors", "线索 ÷ 访客"),
            ),
        ]
    }

    fn funnel(&self, total: &Figures) -> Vec<Stage> {
        let steps = [
            (self.pick("Visitors", "访客"), total.visitors),
            (self.pick("Leads", "线索"), total.leads),
            (self.pick("New contacts", "新联系人"), total.contacts),
            (self.pick("Conversions", "转化"), total.conversions),
        ];
        let widest = steps.iter().map(|(_, n)| *n).max().unwrap_or_default().max(1);
        let stage = |(i, (label, n)): (usize, &(&'static str, i64))| Stage {
            label,
            count: count(*n),
            share: match i {
                0 => String::new(),
                _ if total.visitors <= 0 => String::new(),
                _ => {
                    let share = share_of_visitors(Some(*n as f64 / total.visitors as f64));
                    self.language.pick(format!("{share} of visitors"), format!("占访客 {share}"))
                }
            },
            width: format!("{:.1}", (*n).max(0) as f64 * 100.0 / widest as f64),
        };
        steps.iter().enumerate().map(stage).collect()
    }

    /// Returns the heads that the tables by channel and by page share.
    fn count_heads(&self) -> [&'static str; 4] {
        [
            self.pick("Visitors", "访客"),
            self.pick("Leads", "线索"),
            self.pick("New contacts", "新联系人"),
            self.pick("Conversions", "转化"),
        ]
    }

    fn count_cells(&self, figures: &Figures) -> Vec<Cell> {
        [figures.visitors, figures.leads, figures.contacts, figures.conversions]
            .map(|n| Cell::plain(count(n)))
            .into()
    }

    fn channels(&self, report: &Report) -> Table {
        let mut heads = vec![self.pick("Traffic channel", "来源渠道")];
        heads.extend(self.count_heads());
        heads.extend([
            self.pick("Cost", "花费"),
            self.pick("Revenue", "收入"),
            self.pick("Cost per lead", "单条线索成本"),
            self.pick("ROI", "投资回报率"),
        ]);
        let row = |channel: &str, figures: &Figures| {
            let mut cells = self.count_cells(figures);
            cells.extend([
                Cell::plain(self.money(figures.cost_minor)),
                Cell::plain(self.money(figures.revenue_minor)),
                Cell::plain(self.money_or_none(figures.cost_per_lead())),
                Cell { text: signed_percent(figures.roi()), tone: tone(figures) },
            ]);
            TableRow { name: self.channel_name(channel), cells }
        };
        let rows = report.by_channel.iter().map(|entry| row(&entry.channel, &entry.figures));
        Table { heads, rows: rows.collect() }
    }

    fn variants(&self, report: &Report) -> Table {
        let mut heads = vec![self.pick("Page · variant", "页面 · 变体")];
        heads.extend(self.count_heads());
        heads.extend([self.pick("Leads per visitor", "线索率"), self.pick("Revenue", "收入")]);
        let rows = report.by_variant.iter().map(|entry| {
            let mut cells = self.count_cells(&entry.figures);
            cells.push(Cell::plain(share_of_visitors(entry.figures.lead_rate())));
            cells.push(Cell::plain(self.money(entry.figures.revenue_minor)));
            let name = match entry.page.as_str() {
                "" => self.pick("Other sites, and apps", "其他网站或应用").to_owned(),
                page => format!("{page} · {}", entry.variant),
            };
            TableRow { name, cells }
        });
        Table { heads, rows: rows.collect() }
    }

    fn messages(&self, report: &Report) -> Table {
        let has_texts = report.messages.iter().any(|entry| entry.figures.segments > 0);
        let mut heads = vec![
            self.pick("Template", "模板"),
            self.pick("Sent", "已发送"),
            self.pick("Delivered", "已送达"),
            self.pick("Opened", "已打开"),
            self.pick("Clicked", "已点击"),
            self.pick("Open rate", "打开率"),
            self.pick("Click rate", "点击率"),
            self.pick("Opens by bots", "机器打开"),
            self.pick("Clicks by bots", "机器点击"),
            self.pick("Bounced", "已退回"),
            self.pick("Hard bounces", "硬退信"),
            self.pick("Complaints", "投诉"),
            self.pick("Unsubscribed", "已退订"),
        ];
        if has_texts {
            heads.extend([self.pick("SMS segments", "短信条数"), self.pick("Cost", "花费")]);
        }
        let row = |name: &str, figures: &MessageFigures| {
            // Whether an SMS was read is unknown.
            let seen = |text: String| if name.starts_with("sms/") { NONE.to_owned() } else { text };
            let mut texts = vec![
                count(figures.sent),
                count(figures.delivered),
                seen(count(figures.opened)),
                count(figures.clicked),
                seen(percent(figures.open_rate())),
                percent(figures.click_rate()),
                seen(count(figures.machine_opens)),
                count(figures.machine_clicks),
                count(figures.bounced),
                count(figures.hard_bounced),
                count(figures.complained),
                count(figures.unsubscribed),
            ];
            if has_texts {
                texts.extend(self.texting(figures, &report.currency));
            }
            TableRow { name: name.to_owned(), cells: texts.into_iter().map(Cell::plain).collect() }
        };
        let mut rows: Vec<TableRow> =
            report.messages.iter().map(|entry| row(&entry.template, &entry.figures)).collect();
        if rows.len() > 1 {
            rows.push(row(self.pick("All", "合计"), &report.messages_total()));
        }
        Table { heads, rows }
    }

    /// Returns the segments and the cost of SMS. An e-mail has no segments, and its price is
    /// unknown.
    fn texting(&self, figures: &MessageFigures, currency: &str) -> [String; 2] {
        if figures.segments == 0 {
            return [NONE.to_owned(), NONE.to_owned()];
        }
        let cost = in_minor_units(figures.cost_micros, minor_digits(currency));
        [count(figures.segments), self.money(cost)]
    }

    fn journeys(&self, report: &Report) -> Vec<JourneyCard> {
        let card = |row: &JourneyRow| JourneyCard {
            name: row.journey.clone(),
            state: match row.state {
                RunState::Running => self.pick("Running", "运行中"),
                RunState::Paused => self.pick("Paused", "已暂停"),
                RunState::Archived => self.pick("Archived", "已归档"),
            },
            is_running: row.state == RunState::Running,
            is_archived: row.state == RunState::Archived,
            action: format!("/admin/journeys/{}.{}", report.campaign, row.journey),
            versions: self.versions(row),
            inside: count(row.versions.iter().map(|version| version.active).sum()),
        };
        report.journeys.iter().map(card).collect()
    }

    fn unpublished(&self, stops: &Stops, time_zone: &str) -> Option<String> {
        let since = moment(stops.unpublished_at?, time_zone, self.language);
        let people = count(stops.people);
        let (left, left_chinese) = match stops.people {
            0 => {
                ("who was in its journeys has left them".into(), "此前在旅程中的人已经离开".into())
            }
            _ => (
                format!("people who are still leaving its journeys: {people}"),
                format!("仍在离开旅程的人数：{people}"),
            ),
        };
        Some(self.language.pick(
            format!(
                "Since {since} its pages and forms answer “no longer available”, and none of \
                 its messages are sent. Publish it again (`dripline publish`) to put it back up; \
                 {left}."
            ),
            format!(
                "自 {since}起，其页面和表单显示“已下线”，不再发送任何消息。重新发布（`dripline \
                 publish`）即可恢复上线；{left_chinese}。"
            ),
        ))
    }

    /// Lists what unpublishing would stop; `None` if the campaign is unpublished.
    fn unpublish(&self, stops: &Stops) -> Option<Vec<String>> {
        if stops.unpublished_at.is_some() {
            return None;
        }
        let people = count(stops.people);
        let inside = self.language.pick(
            format!("People who would leave its journeys for good: {people}."),
            format!("将退出旅程且不再返回的人数：{people}。"),
        );
        let names = |names: &[String]| names.join(self.pick(", ", "、"));
        let broadcasts = [
            (&stops.cancelled, "Broadcasts that are cancelled", "被取消的群发"),
            (&stops.not_started, "Broadcasts that do not start", "不再开始的群发"),
        ];
        let broadcasts = broadcasts.into_iter().filter(|(all, ..)| !all.is_empty());
        let broadcasts = broadcasts.map(|(all, english, chinese)| {
            let (heading, all) = (self.pick(english, chinese), names(all));
            self.language.pick(format!("{heading}: {all}."), format!("{heading}：{all}。"))
        });
        let waiting = count(stops.messages);
        let waiting = self.language.pick(
            format!("Messages that wait to be sent, and are not: {waiting}."),
            format!("等待发送、将不再发送的消息：{waiting} 条。"),
        );
        let waiting = (stops.messages > 0).then_some(waiting);
        Some(std::iter::once(inside).chain(broadcasts).chain(waiting).collect())
    }

    fn versions(&self, row: &JourneyRow) -> Table {
        let heads = vec![
            self.pick("Version", "版本"),
            self.pick("Entered", "进入"),
            self.pick("Inside", "进行中"),
            self.pick("Completed", "完成"),
            self.pick("Left", "退出"),
            self.pick("Failed", "失败"),
            self.pick("Inside, by step", "进行中（按步骤）"),
            self.pick("Left or failed, by reason", "退出或失败（按原因）"),
        ];
        let version = |figures: &EnrollmentFigures| {
            let counts = [
                figures.entered, figures.active, figures.completed, figures.exited, figures.failed,
            ];
            let mut cells: Vec<Cell> = counts.map(|n| Cell::plain(count(n))).into();
            let reason = |reason: &str| in_words(reason, self.language);
            for text in [
                self.parts(&figures.by_step, str::to_owned),
                self.parts(&figures.by_reason, reason),
            ] {
                cells.push(Cell { text, tone: "wrap" });
            }
            TableRow { name: format!("v{}", figures.version), cells }
        };
        Table { heads, rows: row.versions.iter().map(version).collect() }
    }

    /// Formats as `rest: 12, nudge: 3`.
    fn parts(&self, parts: &BTreeMap<String, i64>, name: impl Fn(&str) -> String) -> String {
        let colon = self.pick(": ", "：");
        let parts = parts.iter().map(|(part, n)| format!("{}{colon}{}", name(part), count(*n)));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { NONE.to_owned() } else { parts.join(self.pick(", ", "，")) }
    }

    /// Returns the name of a channel. Our own channels have names in both languages; the others
    /// appear as in the link.
    fn channel_name(&self, channel: &str) -> String {
        let name = match channel {
            "direct" => self.pick("Direct", "直接访问"),
            "search" => self.pick("Search engines", "搜索引擎"),
            "social" => self.pick("Social media", "社交媒体"),
            "referral" => self.pick("Other sites", "其他网站"),
            other => return other.to_owned(),
        };
        name.to_owned()
    }
}

fn tone(figures: &Figures) -> &'static str {
    match figures.roi() {
        Some(roi) if roi > 0.0 => "up",
        Some(roi) if roi < 0.0 => "down",
        _ => "",
    }
}
