//! `dripline token`: the right to use the API, a link into the web app, and what a token says.

use super::server::base_url;
use super::{Exit, Terminal};
use crate::domain::primitives::{Millis, Span};
use crate::domain::token::{Keyring, Parts, Purpose, SESSION_AGE_MAX, SIGN_IN_AGE_MAX, sha256_hex};
use crate::flows::receive::{CONFIRM_AGE_MAX, UNDO_AGE_MAX};
use crate::flows::submit_form::TOKEN_AGE_MAX;
use crate::native::{clock, project};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// How API tokens begin, so that people and scanners for leaked secrets know them.
const API_PREFIX: &str = "dl_";

/// The file of local secrets that `make dev` writes.
const LOCAL_SECRETS: &str = ".dev.vars";

/// The largest file of secrets read.
const SECRETS_BYTES_MAX: usize = 64 * 1024;

/// Make API tokens and sign-in links, and explain tokens
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done about tokens.
#[derive(clap::Subcommand, Debug)]
#[expect(missing_docs, reason = "each variant says what its arguments say")]
pub enum Action {
    New(New),
    SignIn(SignIn),
    Verify(Verify),
}

/// Make an API token
///
/// The token is 32 random bytes from the operating system. It is printed once; the server is
/// given only its hash, in the secret API_TOKENS.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token new --name ci
  dripline token new --name crm --json | jq -r .entry

Exit status: 0 made, 2 usage.")]
pub struct New {
    /// What the token is for: small letters, digits and hyphens
    #[arg(long, value_name = "NAME", default_value = "cli", value_parser = token_name)]
    pub name: String,
    /// Print one JSON object: {"name": …, "token": …, "entry": …}
    #[arg(long)]
    pub json: bool,
}

/// Make a link that signs in to the web app
///
/// The link is signed with the server's secret and works for 15 minutes.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token sign-in --to http://localhost:8787
  SIGNING_SECRET=… dripline token sign-in --to https://go.example.com

Exit status: 0 made, 2 the secret is not there or usage.")]
pub struct SignIn {
    /// Where dripline runs, such as https://go.example.com
    #[arg(long, value_name = "URL", env = "DRIPLINE_URL", value_parser = base_url)]
    pub to: String,
    /// Where the secret is
    #[command(flatten)]
    pub secret: Secret,
    /// Print one JSON object: {"url": …, "expires_at": …}
    #[arg(long)]
    pub json: bool,
}

/// Explain what a token is and whether it is good
///
/// Says what the token is for and which key it is signed with; if the secret is given, also
/// whether the signature is right, what the token carries, and how long it works.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token verify 1cXk.eyJ… --secret-file .dev.vars

Exit status: 0 nothing speaks against it, 1 it is malformed, forged or too old, 2 usage.")]
pub struct Verify {
    /// The token, or the whole link it is in
    #[arg(value_name = "TOKEN", allow_hyphen_values = true)]
    pub token: String,
    /// Where the secret is
    #[command(flatten)]
    pub secret: Secret,
    /// Print one JSON object: {"ok": …, "purpose": …, "key": …, "key_known": …, "signature": …, …}
    #[arg(long)]
    pub json: bool,
}

/// Where the secret that tokens are signed with is found.
#[derive(clap::Args, Debug)]
pub struct Secret {
    /// A file with a line SIGNING_SECRET=…; without it, the environment variable SIGNING_SECRET,
    /// or else the file .dev.vars
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.action {
        Action::New(args) => new(args, terminal),
        Action::SignIn(args) => sign_in(args, terminal),
        Action::Verify(args) => verify(args, terminal),
    }
}

fn new(args: &New, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let random = clock::random_bytes::<32>().map_err(io::Error::other)?;
    let token = format!("{API_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let entry = format!("{}:{}", args.name, sha256_hex(&token));
    let out = &mut *terminal.out;
    if args.json {
        writeln!(out, "{}", json!({ "name": args.name, "token": token, "entry": entry }))?;
        return Ok(Exit::Ok);
    }
    writeln!(out, "{token}\n")?;
    writeln!(out, "Keep it: it is not shown again. The server knows it by this entry of its")?;
    writeln!(out, "secret API_TOKENS, in which a space stands between two entries:\n")?;
    writeln!(out, "  {entry}\n")?;
    writeln!(out, "On Cloudflare:    npx wrangler secret put API_TOKENS")?;
    writeln!(out, "                  and paste all entries, for it replaces what was there")?;
    writeln!(out, "On this machine:  add it to the line API_TOKENS=\"…\" of {LOCAL_SECRETS},")?;
    writeln!(out, "                  then start make dev again")?;
    Ok(Exit::Ok)
}

fn sign_in(args: &SignIn, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let keys = match args.secret.find() {
        Ok(Some(keys)) => keys,
        Ok(None) => return terminal.usage(NO_SECRET),
        Err(message) => return terminal.usage(message),
    };
    let now = clock::now();
    let token = keys.sign(Purpose::SignIn, &now.0.to_string());
    let url = format!("{}/admin/sign-in?t={token}", args.to);
    match args.json {
        true => {
            let expires_at = now.plus(SIGN_IN_AGE_MAX).rfc3339();
            writeln!(terminal.out, "{}", json!({ "url": url, "expires_at": expires_at }))?;
        }
        false => {
            writeln!(terminal.out, "{url}")?;
            writeln!(terminal.err, "It works for {SIGN_IN_AGE_MAX}.")?;
        }
    }
    Ok(Exit::Ok)
}

const NO_SECRET: &str = "no secret: set SIGNING_SECRET to the server's secret, or name a file that \
    has it with --secret-file (make dev keeps it in .dev.vars)";

fn verify(args: &Verify, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let keys = match args.secret.find() {
        Ok(keys) => keys,
        Err(message) => return terminal.usage(message),
    };
    let token = bare(&args.token);
    let found = match token.starts_with(API_PREFIX) {
        true => api_token(token),
        false => signed_token(token, keys.as_ref(), clock::now()),
    };
    let Found { is_ok, facts } = found;
    if args.json {
        let mut object: Map<String, Value> =
            facts.into_iter().map(|(name, value)| (name.replace(' ', "_"), value)).collect();
        object.insert("ok".to_owned(), is_ok.into());
        writeln!(terminal.out, "{}", Value::Object(object))?;
    } else {
        for (name, value) in &facts {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(true) => "yes".to_owned(),
                Value::Bool(false) => "no".to_owned(),
                other => other.to_string(),
            };
            writeln!(terminal.out, "{:<12}{text}", format!("{name}:"))?;
        }
    }
    Ok(if is_ok { Exit::Ok } else { Exit::Wrong })
}

/// What there is to say about a token, by name.
struct Found {
    is_ok: bool,
    facts: Vec<(&'static str, Value)>,
}

fn api_token(token: &str) -> Found {
    let bytes = URL_SAFE_NO_PAD.decode(&token[API_PREFIX.len()..]).unwrap_or_default();
    if bytes.len() != 32 {
        let problem = "an API token has 43 letters after dl_; this one is cut short or garbled";
        return Found { is_ok: false, facts: vec![("problem", problem.into())] };
    }
    let facts = vec![
        ("purpose", "using the API".into()),
        ("hash", sha256_hex(token).into()),
        ("note", "good if an entry <name>:<hash> with this hash is in API_TOKENS".into()),
    ];
    Found { is_ok: true, facts }
}

fn signed_token(token: &str, keys: Option<&Keyring>, now: Millis) -> Found {
    let Ok(parts) = Parts::read(token) else {
        let problem = "this is not a token, or it is cut short or garbled";
        return Found { is_ok: false, facts: vec![("problem", problem.into())] };
    };
    let Some(purpose) = parts.purpose else {
        let problem = "a token for a purpose that this version does not know";
        return Found { is_ok: false, facts: vec![("problem", problem.into())] };
    };
    let mut facts =
        vec![("purpose", Value::from(meaning(purpose))), ("key", parts.key.as_str().into())];
    let Some(keys) = keys else {
        facts.push(("signature", "not checked, for the secret is not known here".into()));
        return Found { is_ok: true, facts };
    };
    facts.push(("key known", keys.has_key(&parts.key).into()));
    let Ok(payload) = keys.verify(purpose, token) else {
        facts.push(("signature", "wrong: made with another secret, or changed since".into()));
        return Found { is_ok: false, facts };
    };
    facts.push(("signature", "right".into()));
    let names: &[&'static str] = match purpose {
        Purpose::Form => &["form", "shown", "id"],
        Purpose::Click => &["contact", "campaign", "message", "target"],
        Purpose::Open => &["contact", "campaign", "message", "rest"],
        Purpose::Unsubscribe => &["contact", "campaign", "message", "channel"],
        Purpose::Undo => &["contact", "campaign", "message", "channel", "issued", "for"],
        Purpose::Preferences => &["contact", "campaign", "message", "channel"],
        Purpose::Confirm => &["contact", "campaign", "message", "for", "issued"],
        Purpose::SignIn | Purpose::Session => &["issued"],
    };
    for (name, part) in names.iter().zip(payload.splitn(names.len(), '|')) {
        let time = matches!(*name, "shown" | "issued").then(|| part.parse().ok().map(Millis));
        let text = time.flatten().map_or_else(|| part.to_owned(), Millis::rfc3339);
        if !text.is_empty() {
            facts.push((name, text.into()));
        }
    }
    let is_ok = add_age(&mut facts, purpose, &payload, now);
    Found { is_ok, facts }
}

/// Says until when a token works; whether it still does.
fn add_age(
    facts: &mut Vec<(&'static str, Value)>,
    purpose: Purpose,
    payload: &str,
    now: Millis,
) -> bool {
    let (index, lifetime): (usize, Span) = match purpose {
        Purpose::Form => (1, TOKEN_AGE_MAX),
        Purpose::Confirm => (4, CONFIRM_AGE_MAX),
        Purpose::Undo => (4, UNDO_AGE_MAX),
        Purpose::SignIn => (0, SIGN_IN_AGE_MAX),
        Purpose::Session => (0, SESSION_AGE_MAX),
        Purpose::Click | Purpose::Open | Purpose::Unsubscribe | Purpose::Preferences => {
            facts.push(("works", "for ever".into()));
            return true;
        }
    };
    let issued = payload.split('|').nth(index).and_then(|text| text.parse().ok()).map(Millis);
    let Some(end) = issued.map(|issued| issued.plus(lifetime)) else {
        facts.push(("problem", "its time is missing".into()));
        return false;
    };
    let is_over = now > end;
    let said = if is_over { "until then only: it is too old now" } else { "until then" };
    facts.push(("works", format!("{}, {said}", end.rfc3339()).into()));
    !is_over
}

fn meaning(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Form => "sending a form that was shown",
        Purpose::Click => "following a link of a message",
        Purpose::Open => "telling that a message was opened",
        Purpose::Unsubscribe => "unsubscribing",
        Purpose::Undo => "taking an unsubscription back",
        Purpose::Preferences => "choosing what one gets",
        Purpose::Confirm => "confirming an e-mail address",
        Purpose::SignIn => "signing in to the web app",
        Purpose::Session => "being signed in to the web app",
    }
}

/// The token in a link: what follows the last slash or `?t=`.
fn bare(text: &str) -> &str {
    let text = text.trim();
    match text.split_once("://") {
        Some((_, rest)) => rest.rsplit(['/', '=']).next().unwrap_or(rest),
        None => text,
    }
}

impl Secret {
    /// The keys; `None` if no secret is to be found where nobody said that there is one.
    fn find(&self) -> Result<Option<Keyring>, String> {
        if let Some(file) = &self.secret_file {
            let keys = keys_in(file)?;
            let missing = || format!("{}: it has no line SIGNING_SECRET=…", file.display());
            return keys.ok_or_else(missing).map(Some);
        }
        if let Ok(secret) = std::env::var("SIGNING_SECRET")
            && !secret.is_empty()
        {
            let previous = std::env::var("SIGNING_SECRET_PREVIOUS").ok();
            return Ok(Some(Keyring::new(&secret, previous.as_deref())));
        }
        let local = Path::new(LOCAL_SECRETS);
        if local.is_file() { keys_in(local) } else { Ok(None) }
    }
}

/// The keys in a file of lines `NAME=value`.
fn keys_in(file: &Path) -> Result<Option<Keyring>, String> {
    let text = project::read_text(file, SECRETS_BYTES_MAX)
        .map_err(|message| format!("{}: {message}", file.display()))?;
    let value = |name: &str| {
        let line = text.lines().filter_map(|line| line.split_once('='));
        let found = line.into_iter().find(|(key, _)| key.trim() == name);
        let value = found.map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_owned());
        value.filter(|value| !value.is_empty())
    };
    let secret = value("SIGNING_SECRET");
    Ok(secret.map(|secret| Keyring::new(&secret, value("SIGNING_SECRET_PREVIOUS").as_deref())))
}

/// Reads a name that can stand before the colon of an entry.
fn token_name(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !text.is_empty() && text.len() <= 40 && text.chars().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("use at most 40 small letters, digits and hyphens".to_owned()),
    }
}
