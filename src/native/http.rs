//! Real HTTP behind the `Http` port, for the command line and for tests.

use crate::flows::ports::Http;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse, USER_AGENT};
use std::time::Duration;
use ureq::http::Request;
use ureq::{Agent, Error};

/// The most bytes of a response that are kept, as at the edge.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// A blocking HTTP client without redirects and with a timeout.
pub struct Client {
    agent: Agent,
}

impl Client {
    /// Creates a client whose timeout covers the whole response.
    pub fn new(answer_max: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(USER_AGENT)
            .timeout_global(Some(answer_max))
            .build();
        Self { agent: config.into() }
    }
}

impl Http for Client {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut builder = Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let request = builder.body(request.body);
        let request = request.map_err(|error| HttpError::NotSent(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(broken)?;
        let headers = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let (status, headers) = (response.status().as_u16(), headers.collect());
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).lossy_utf8(true);
        let body = body.read_to_string().map_err(broken)?;
        Ok(HttpResponse { status, headers, body })
    }
}

fn broken(error: Error) -> HttpError {
    match error {
        Error::Timeout(_) => HttpError::TimedOut,
        error => HttpError::Network(error.to_string()),
    }
}
