//! The HTTP client of the commands that talk to a running dripline.

use super::{Exit, Terminal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// The timeout of a whole request: the edge itself gives up sooner.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The limit of a response, in bytes: more than any report.
const ANSWER_BYTES_MAX: u64 = 4_000_000;

/// Where dripline runs, and the right to use it.
#[derive(clap::Args, Clone, Debug)]
pub struct Server {
    /// Where dripline runs, such as https://go.example.com
    #[arg(long, value_name = "URL", env = "DRIPLINE_URL", value_parser = base_url)]
    pub to: String,
    /// An API token; `dripline token new` makes one
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DRIPLINE_TOKEN",
        hide_env_values = true,
        value_parser = token
    )]
    pub token: String,
}

/// The same for a command that can do without.
#[derive(clap::Args, Debug)]
pub struct OptionalServer {
    /// Where dripline runs, such as https://go.example.com
    #[arg(long, value_name = "URL", env = "DRIPLINE_URL", value_parser = base_url)]
    to: Option<String>,
    /// An API token; `dripline token new` makes one
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DRIPLINE_TOKEN",
        hide_env_values = true,
        value_parser = token
    )]
    token: Option<String>,
}

impl OptionalServer {
    /// Returns the server, if its address and token are both set.
    pub fn server(&self) -> Option<Server> {
        Some(Server { to: self.to.clone()?, token: self.token.clone()? })
    }
}

/// The reason why a request failed.
#[derive(Debug, PartialEq)]
pub struct Failure {
    /// The status of the response; `None` if there was no response.
    pub status: Option<u16>,
    /// What went wrong, and what to do.
    pub message: String,
    /// The problems of the request's body, each with its key.
    pub problems: Vec<RemoteProblem>,
}

/// One problem that the server found.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteProblem {
    #[serde(default)]
    pub key: String,
    pub message: String,
    /// How to correct it.
    pub help: Option<String>,
}

impl fmt::Display for RemoteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{}", self.key, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// The part of an RFC 9457 problem that is shown.
#[derive(Default, Deserialize)]
struct ProblemJson {
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    problems: Vec<RemoteProblem>,
}

/// A successful response.
pub struct Answer<T> {
    /// The body as the server sent it.
    pub text: String,
    pub value: T,
}

impl<T> Answer<T> {
    /// Ends a command: prints the answer as JSON, or with `print`, or why there is none.
    pub fn end(
        answer: Result<Self, Failure>,
        as_json: bool,
        terminal: &mut Terminal<'_>,
        print: impl FnOnce(&T, &mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<Exit> {
        match answer {
            Ok(answer) if as_json => writeln!(terminal.out, "{}", answer.text.trim_end())?,
            Ok(answer) => print(&answer.value, terminal.out)?,
            Err(failure) => return failure.end(as_json, terminal),
        }
        Ok(Exit::Ok)
    }
}

impl Server {
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Failure> {
        let request = agent().get(self.url(path)).header("authorization", self.bearer());
        self.answer(request.call())
    }

    /// Sends a body as JSON.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let json = serde_json::to_string(body).map_err(|error| Failure::new(error.to_string()))?;
        let request = agent().post(self.url(path)).header("authorization", self.bearer());
        self.answer(request.content_type("application/json").send(json))
    }

    /// Sends bytes as they are.
    pub fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        bytes: &[u8],
    ) -> Result<Answer<T>, Failure> {
        let request = agent().post(self.url(path)).header("authorization", self.bearer());
        self.answer(request.content_type("application/octet-stream").send(bytes))
    }

    /// Returns a page of a file, and where the next one begins. With a body, it is posted.
    pub fn page(
        &self,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(String, Option<String>), Failure> {
        let response = match body {
            None => agent().get(self.url(path)).header("authorization", self.bearer()).call(),
            Some(body) => {
                let request = agent().post(self.url(path)).header("authorization", self.bearer());
                request.content_type("application/json").send(body.to_string())
            }
        };
        let unreachable = |error| Failure::new(self.no_answer(&error));
        let mut response = response.map_err(unreachable)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = body.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(self.refusal(&response, &text));
        }
        let next = response.headers().get("x-next").and_then(|next| next.to_str().ok());
        Ok((text, next.map(str::to_owned)))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.to)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<Answer<T>, Failure> {
        let unreachable = |error| Failure::new(self.no_answer(&error));
        let mut response = response.map_err(unreachable)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = body.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(self.refusal(&response, &text));
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Answer { text, value }),
            Err(_) => Err(Failure::new(format!(
                "{} answers, but not as dripline does. Check the address.",
                self.to
            ))),
        }
    }

    fn no_answer(&self, error: &ureq::Error) -> String {
        let to = &self.to;
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!(
                    "Nothing listens at {to}. Start it (on this machine: make dev), or check --to."
                )
            }
            ureq::Error::HostNotFound => {
                format!("There is no host of that name: {to}. Check --to and the network.")
            }
            ureq::Error::Timeout(_) => {
                format!("No answer from {to} within {} s. Try again.", TIMEOUT.as_secs())
            }
            ureq::Error::Io(error) => format!("No answer from {to}: {error}. Check --to."),
            error => format!("No answer from {to}: {error}. Check --to."),
        }
    }

    fn refusal(&self, answer: &Response<Body>, body: &str) -> Failure {
        let problem: Option<ProblemJson> = serde_json::from_str(body).ok();
        let is_ours = problem.is_some();
        let ProblemJson { title, detail, problems } = problem.unwrap_or_default();
        let said = sentence(&detail.or(title).unwrap_or_default());
        let status = answer.status().as_u16();
        let (what, remedy) = match status {
            300..=399 => {
                let target = answer.headers().get("location").and_then(|v| v.to_str().ok());
                let target = target.unwrap_or("elsewhere");
                (format!("{} redirects to {target}.", self.to), "Use that address with --to.")
            }
            401 | 403 => (
                format!("The token is refused (status {status})."),
                "Check --token or DRIPLINE_TOKEN; `dripline token new` makes a token.",
            ),
            404 if !is_ours => (
                format!("{} answers, but not as dripline does (status 404).", self.to),
                "Check the address.",
            ),
            404 if !said.is_empty() => (String::new(), ""),
            413 => ("It is larger than the server takes (status 413).".to_owned(), ""),
            429 => ("Too many requests (status 429).".to_owned(), "Wait a minute and try again."),
            500.. => (
                format!("The server failed (status {status})."),
                "Nothing is half done: trying again is safe.",
            ),
            _ => (format!("The server refused (status {status})."), ""),
        };
        let parts = [what.as_str(), said.as_str(), remedy];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Failure { status: Some(status), message: parts.join(" "), problems }
    }
}

impl Failure {
    /// A failure without a response that explains it.
    fn new(message: String) -> Self {
        Self { status: None, message, problems: Vec::new() }
    }

    /// Prints the failure, as one JSON object or in sentences, and ends the command.
    pub fn end(&self, as_json: bool, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        if as_json {
            let error = json!({ "status": self.status, "message": self.message,
                                "problems": self.problems });
            writeln!(terminal.out, "{}", json!({ "ok": false, "error": error }))?;
        } else {
            writeln!(terminal.err, "dripline: {}", self.message)?;
            for problem in &self.problems {
                writeln!(terminal.err, "  {problem}")?;
            }
        }
        Ok(Exit::Wrong)
    }

    /// Whether the next request would fail in the same way.
    pub fn is_general(&self) -> bool {
        !matches!(self.status, Some(400 | 409 | 413 | 422))
    }

    /// Returns the problems as JSON, each with the name of its campaign.
    pub fn problems_json(&self, campaign: &str) -> Vec<Value> {
        let problem = |p: &RemoteProblem| {
            json!({
                "campaign": campaign, "key": p.key, "message": p.message, "help": p.help,
            })
        };
        self.problems.iter().map(problem).collect()
    }
}

/// Makes a text begin with a capital letter and end with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let Some(first) = letters.next() else { return String::new() };
    let text = format!("{}{}", first.to_uppercase(), letters.as_str());
    if text.ends_with(['.', '!', '?', '。']) { text } else { format!("{text}.") }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("dripline/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Reads an address and removes the slash at its end. Plain http is accepted only for this machine,
/// because the token is sent there.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let address = text.trim_end_matches('/');
    let uri: Option<Uri> = address.parse().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
    match parts {
        Some(("https", host)) if !host.is_empty() => Ok(address.to_owned()),
        Some(("http", host)) if is_this_machine(host) => Ok(address.to_owned()),
        Some(("http", host)) if !host.is_empty() => {
            Err(format!("over http anybody on the way could read the token: give https://{host}"))
        }
        _ => Err("give a whole address, such as https://go.example.com".to_owned()),
    }
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.to_ascii_lowercase();
    ip.map_or(name == "localhost" || name.ends_with(".localhost"), |ip| ip.is_loopback())
}

/// Reads a token in a form that is valid in a header.
fn token(text: &str) -> Result<String, String> {
    let text = text.trim();
    match !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("a token has only ASCII letters, digits and signs".to_owned()),
    }
}
