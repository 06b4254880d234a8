//! The description of the API, in OpenAPI.

use crate::edge::http::response::Reply;

const DESCRIPTION: &str = include_str!("openapi.json");

pub fn show() -> Reply {
    Reply::text(200, DESCRIPTION).header("content-type", "application/json")
}
