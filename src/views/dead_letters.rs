//! The dead letters of the queues, in the web app.

use super::format;
use super::page::{Frame, Page};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::form::visitor_text::visible;
use crate::domain::operations::dead_letter::{
    CAMPAIGN_UNREADABLE, DeadLetter, DeadLetters, REPLAYED_PER_CALL, UNREADABLE,
};
use askama::Template;

/// The data of the page.
pub struct DeadLettersView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// The listed dead letters, in display order.
    pub letters: &'a [DeadLetter],
    /// The totals.
    pub totals: &'a DeadLetters,
    /// The result of the last operation; empty for none.
    pub said: &'a str,
}

/// Renders the page.
pub fn dead_letters(view: &DeadLettersView) -> String {
    let language = view.frame.language;
    let row = |letter: &DeadLetter| Row {
        what: what(&letter.tag, language),
        tag: letter.tag.clone(),
        first: format::moment(letter.first_at, "UTC", language),
        remedy: remedy(&letter.error, language),
        last: format::moment(letter.last_at, "UTC", language),
        count: format::count(letter.count),
        error: letter.error.clone(),
        body: visible(&letter.body),
        action: format!("/admin/dead-letters/{}", letter.id),
    };
    let (listed, at_once) = (view.letters.len() as i64, REPLAYED_PER_CALL as i64);
    let (kept, lost) = (format::count(view.totals.kept), format::count(view.totals.lost));
    render(&DeadLettersTemplate {
        page: Page::new(language, language.pick("Dead letters", "死信")),
        frame: view.frame,
        rows: view.letters.iter().map(row).collect(),
        said: view.said,
        kept: match view.totals.kept > listed {
            true => language.pick(
                format!("Kept: {kept}. These are the newest {listed}."),
                format!("共保留 {kept} 条，以下是最新的 {listed} 条。"),
            ),
            false => language.pick(format!("Kept: {kept}."), format!("共保留 {kept} 条。")),
        },
        replay: match view.totals.kept > at_once {
            true => language.pick(
                format!("Replay the {at_once} oldest"),
                format!("重放等待最久的 {at_once} 条"),
            ),
            false => language.pick("Replay all".to_owned(), "全部重放".to_owned()),
        },
        lost: (view.totals.lost > 0).then(|| {
            language.pick(
                format!("{lost} more were dropped for lack of space."),
                format!("另有 {lost} 条因空间不足已被丢弃。"),
            )
        }),
    })
}

/// Suggests what to do about an error.
fn remedy(error: &str, language: Language) -> &'static str {
    if error.is_empty() {
        language.pick("Nothing needs to be done.", "无需处理。")
    } else if error.starts_with(UNREADABLE) {
        language.pick(
            "This code cannot read it. Deploy the code that wrote it and replay, or discard it.",
            "当前代码无法读取。请部署写入它的代码版本后重放，或将其丢弃。",
        )
    } else if error == CAMPAIGN_UNREADABLE {
        language.pick(
            "Its campaign cannot be read. Publish that again, then replay.",
            "所属营销活动无法读取。请重新发布该活动，然后重放。",
        )
    } else {
        language.pick("The database refused it. Replay.", "数据库拒绝写入。请重放。")
    }
}

/// Describes the kind of a task.
fn what(tag: &str, language: Language) -> &'static str {
    match tag {
        "visit_v1" => language.pick("A visit", "访问"),
        "engagement_v1" => language.pick("An open or a click", "打开或点击"),
        "report_v1" => language.pick("An API event", "API 事件"),
        "heard_v1" => language.pick("A provider's report about a message", "投递回执"),
        "text_v1" => language.pick("An inbound SMS", "收到的短信"),
        "submission_v1" => language.pick("A form submission", "表单提交"),
        "due_v1" | "alone_v1" | "broadcast_v1" | "deliver_v1" => language.pick(
            "A hint: the next tick does its work by itself",
            "提示：下一次定时任务会自行处理",
        ),
        _ => language.pick("From newer code, or damaged", "来自更新的代码，或已损坏"),
    }
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLettersTemplate<'a> {
    page: Page,
    frame: Frame,
    rows: Vec<Row>,
    said: &'a str,
    kept: String,
    replay: String,
    lost: Option<String>,
}

struct Row {
    what: &'static str,
    tag: String,
    first: String,
    last: String,
    count: String,
    error: String,
    remedy: &'static str,
    body: String,
    /// The action of its buttons, without the verb and the language.
    action: String,
}

impl Row {
    fn action_of(&self, verb: &str) -> String {
        format!("{}/{verb}", self.action)
    }
}
