//! Requests and responses as plain data, byte for byte.

/// The user agent. Implementations of `Http` must set it on every request: the platform sets none,
/// and Resend refuses requests without one (resend.com/docs/api-reference/introduction).
pub const USER_AGENT: &str = concat!("dripline/", env!("CARGO_PKG_VERSION"));

/// A request to an outside service, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// The absolute URL.
    pub url: String,
    /// Names in lower case; `user-agent` is added on sending.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for none.
    pub body: String,
}

/// A response of an outside service.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most the first 64 KiB of the body.
    pub body: String,
}

/// The reason why no response came. If the request was sent, it may have taken effect.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpError {
    /// It was not sent: its URL or a header is invalid, as with a key of two lines.
    NotSent(String),
    /// No connection, or it broke.
    Network(String),
    /// No response within the time limit.
    TimedOut,
}
