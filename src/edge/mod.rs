//! The edge: the only code that imports `worker`. It translates, and decides nothing.

pub mod clock;
pub mod d1;
pub mod http;
pub mod kv;
pub mod queue;

use worker::{Context, Env, Request, Response, Result, event};

/// Answers one HTTP request.
#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> Result<Response> {
    match request.path().as_str() {
        "/healthz" => Response::ok("ok\n"),
        _ => Response::error("not found\n", 404),
    }
}
