//! Requests and answers as plain data, down to their bytes.

/// Who asks: set on every request by whoever sends it. The platform sets none, and Resend refuses
/// requests without (resend.com/docs/api-reference/introduction).
pub const USER_AGENT: &str = concat!("dripline/", env!("CARGO_PKG_VERSION"));

/// A request to an outside service, down to its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// `POST`, `GET`.
    pub method: &'static str,
    /// The absolute address.
    pub url: String,
    /// Names in lower case; `user-agent` is added when it is sent.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: String,
}

/// What an outside service answered.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 64 KiB of it.
    pub body: String,
}

/// Why no answer came. In both cases the request may have been acted upon.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpError {
    /// No connection, or it broke.
    Network(String),
    /// Nothing came in time.
    TimedOut,
}
