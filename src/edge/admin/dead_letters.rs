//! The list of dead letters, and its buttons.

use super::page::frame;
use crate::domain::operations::dead_letter::{DeadVerb, FailedAgain, Replayed};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::operations::dead_letters;
use crate::views::dead_letters::{DeadLettersView, dead_letters as list_page};
use crate::views::page::Section;

pub async fn list(app: App, inbound: Inbound) -> Reply {
    list_reply(&app, &inbound, "", 200).await
}

/// Replays or discards one, or all, then shows the list again.
pub async fn act(mut app: App, inbound: Inbound, id: &str, verb: DeadVerb) -> Reply {
    let done = match verb {
        DeadVerb::Discard if !body::is_confirmed(&inbound).await => Ok(None),
        DeadVerb::Discard => app.discard(id, None).await.map(|_| None),
        DeadVerb::Replay => app.replay(id, None).await,
    };
    match done {
        Ok(Some(Replayed { failed, replayed, .. })) if !failed.is_empty() => {
            let all = failed.len();
            let FailedAgain { error, .. } = &failed[0];
            let said = inbound.language().pick(
                format!("Replayed: {replayed}. Failed again and kept: {all}, the first: {error}"),
                format!("已重放 {replayed} 条。{all} 条再次失败，仍保留，其中第一条：{error}"),
            );
            list_reply(&app, &inbound, &said, 409).await
        }
        // A button that is pressed twice, or late, shows what is left.
        Ok(_) => {
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/dead-letters?lang={language}"))
        }
        Err(error) => response::failed(&inbound, "dead_letters", &error),
    }
}

/// Builds the list, with what was `said` about the last action.
async fn list_reply(app: &App, inbound: &Inbound, said: &str, status: u16) -> Reply {
    match dead_letters::list(&app.db).await {
        Ok((letters, totals)) => {
            let frame = frame(app, inbound, Section::DeadLetters);
            let view = DeadLettersView { frame, letters: &letters, totals: &totals, said };
            Reply::page(status, list_page(&view))
        }
        Err(error) => response::failed(inbound, "dead_letters", &error),
    }
}
