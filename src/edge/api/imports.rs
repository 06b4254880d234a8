//! Imports: create, send parts, check, start, stop, undo; and the refused rows as a file.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::KindId;
use crate::domain::import::settings::{Settings, Verb};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::{BodyError, Inbound};
use crate::edge::http::response::{self, Reply};
use crate::flows::import::manage::shown;
use crate::flows::import::{PART_BYTES_MAX, refused};
use crate::route::ImportRoute;
use crate::store::imports::ImportRow;
use serde::Deserialize;
use serde_json::{Value, json};

/// The limit of the settings of an import, in bytes: a mapping of 200 columns with long names.
const SETTINGS_BYTES_MAX: usize = 200_000;

/// How many rows a check looks at.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    rows: Option<u64>,
}

/// Answers a call about imports.
pub async fn answer(app: App, inbound: Inbound, found: ImportRoute<'_>) -> Reply {
    let id = match found {
        ImportRoute::Create => return create(app, inbound).await,
        ImportRoute::List => return list(&app, &inbound).await,
        ImportRoute::One(id)
        | ImportRoute::Part(id, _)
        | ImportRoute::Refused(id)
        | ImportRoute::Act(id, _) => id,
    };
    let import = match app.importer().one(id).await {
        Ok(import) => import,
        Err(error) => return response::refused(&inbound, "import", error),
    };
    if !may(&app, &import.kind) {
        return refuse(&import.kind);
    }
    match found {
        ImportRoute::Part(_, part) => put(&app, &inbound, &import, part).await,
        ImportRoute::Refused(_) => refused_rows(&app, &inbound, &import).await,
        ImportRoute::Act(_, verb) => act(&app, &inbound, &import, verb).await,
        _ => Reply::json(200, &shown(&import)),
    }
}

fn may(app: &App, kind: &KindId) -> bool {
    app.access.may_import(kind)
}

fn refuse(kind: &KindId) -> Reply {
    let detail = format!(
        "It needs a role that may import every {}, and see and set all fields. Ask an owner.",
        brief(kind)
    );
    Reply::problem(403, "Not allowed", &detail, Value::Null)
}

async fn list(app: &App, inbound: &Inbound) -> Reply {
    match app.importer().list().await {
        Ok(all) => {
            let own = all.iter().filter(|import| may(app, &import.kind));
            Reply::json(200, &json!({ "imports": own.map(shown).collect::<Vec<_>>() }))
        }
        Err(error) => response::refused(inbound, "imports", error),
    }
}

async fn create(mut app: App, inbound: Inbound) -> Reply {
    let like = "{\"kind\": \"contact\", \"file\": \"leads.csv\", \"match\": [\"email\"]}";
    let read = body::json(&inbound, SETTINGS_BYTES_MAX, "Not an import", like).await;
    let settings: Settings = match read {
        Ok(settings) => settings,
        Err(refusal) => return refusal,
    };
    if !may(&app, &settings.kind) {
        return refuse(&settings.kind);
    }
    let actor = app.access.actor().clone();
    let mut ids = app.ids.clone();
    let created = app.importer().create(settings, &actor, &mut ids).await;
    app.ids = ids;
    match created {
        Ok(import) => {
            let detail = json!({ "kind": import.kind, "file": import.settings.file });
            Reply::json(201, &shown(&import)).about(&import.id, detail)
        }
        Err(error) => response::refused(&inbound, "import", error),
    }
}

async fn put(app: &App, inbound: &Inbound, import: &ImportRow, part: &str) -> Reply {
    let bytes = match inbound.body(PART_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(BodyError::TooLarge) => {
            let detail = format!("A part has at most {PART_BYTES_MAX} bytes. Send smaller ones.");
            return Reply::problem(413, "Body too large", &detail, Value::Null);
        }
        Err(BodyError::Broken) => {
            let detail = "The connection broke. Send the part again.";
            return Reply::problem(400, "Not understood", detail, Value::Null);
        }
    };
    let number = part.parse().unwrap_or_default();
    match app.importer().put(import, number, &bytes).await {
        Ok(()) => Reply::json(200, &json!({ "part": number, "bytes": bytes.len() })),
        Err(error) => response::refused(inbound, "import.part", error),
    }
}

async fn act(app: &App, inbound: &Inbound, import: &ImportRow, verb: Verb) -> Reply {
    let check = match inbound.brings_json() {
        true => body::json(inbound, body::QUESTION_BYTES_MAX, "Not a check", "{\"rows\": 1000}"),
        false => return done(app, inbound, import, verb, None).await,
    };
    match check.await {
        Ok(Check { rows }) => done(app, inbound, import, verb, rows).await,
        Err(refusal) => refusal,
    }
}

async fn done(
    app: &App,
    inbound: &Inbound,
    import: &ImportRow,
    verb: Verb,
    rows: Option<u64>,
) -> Reply {
    let importer = app.importer();
    let work = match importer.act(import, verb, rows).await {
        Ok(work) => work,
        Err(error) => return response::refused(inbound, "import.act", error),
    };
    app.hint(&work).await;
    match importer.one(&import.id).await {
        Ok(import) => Reply::json(200, &shown(&import)),
        Err(error) => response::refused(inbound, "import", error),
    }
}

async fn refused_rows(app: &App, inbound: &Inbound, import: &ImportRow) -> Reply {
    let Some(phase) = refused::phase(inbound.parameter("of").as_deref()) else {
        let detail = "`of` is import, check or undo.";
        return Reply::problem(400, "Not understood", detail, Value::Null);
    };
    let after = inbound.parameter("after");
    match refused::page(&app.db, import, phase, after.as_deref()).await {
        Ok(page) => Reply::file("text/csv; charset=utf-8", page.text, page.next),
        Err(error) => response::failed(inbound, "import.refused", &error),
    }
}
