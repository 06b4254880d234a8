//! `dripline token`: makes API tokens and sign-in links, and explains tokens. Not here: the tokens
//! that the server keeps (`token_admin`).

use super::server::Server;
use super::{Exit, Terminal, token_admin};
use crate::domain::access::caller::API_TOKEN_PREFIX;
use crate::domain::access::session::{LINK_AGE_MAX, SessionPurpose};
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::base::token::{Keyring, Parts, Purpose, sha256_hex};
use crate::flows::contact::subscription_links::{CONFIRM_AGE_MAX, UNDO_AGE_MAX};
use crate::flows::ingest::form::TOKEN_AGE_MAX;
use crate::native::{clock, project};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// The file of local secrets that `make dev` writes.
const LOCAL_SECRETS: &str = ".dev.vars";

/// The largest file of secrets that is read, in bytes.
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
pub enum Action {
    New(New),
    SignIn(SignIn),
    Verify(Verify),
    Add(token_admin::Add),
    List(token_admin::List),
    Revoke(token_admin::Revoke),
}

/// Make an API token for the secret API_TOKENS: an owner's, and the root of trust
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
/// The server makes it for the API token that you bring. It works once, for 15 minutes, and the
/// session that it begins ends when that token is taken out of API_TOKENS.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token sign-in --to http://localhost:8787 --token dl_…
  dripline token sign-in --json | jq -r .url

Exit status: 0 made, 1 the server refused, 2 usage.")]
pub struct SignIn {
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
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

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.action {
        Action::New(args) => new(args, terminal),
        Action::SignIn(args) => sign_in(args, terminal),
        Action::Verify(args) => verify(args, terminal),
        Action::Add(args) => token_admin::add(args, terminal),
        Action::List(args) => token_admin::list(args, terminal),
        Action::Revoke(args) => token_admin::revoke(args, terminal),
    }
}

fn new(args: &New, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let random = clock::random_bytes::<32>().map_err(io::Error::other)?;
    let token = format!("{API_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
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

#[derive(Deserialize)]
struct Made {
    path: String,
    expires_at: String,
}

#[derive(Serialize)]
struct SignInLink {
    url: String,
    expires_at: String,
}

fn sign_in(args: &SignIn, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let server = &args.server;
    let Made { path, expires_at } = match server.post("/api/v1/sign-in-links", &json!({})) {
        Ok(answer) => answer.value,
        Err(failure) => return failure.end(args.json, terminal),
    };
    let url = format!("{}{path}", server.to);
    if args.json {
        writeln!(terminal.out, "{}", json!(SignInLink { url, expires_at }))?;
    } else {
        writeln!(terminal.out, "{url}")?;
        writeln!(terminal.err, "It works once, for {LINK_AGE_MAX}.")?;
    }
    Ok(Exit::Ok)
}

fn verify(args: &Verify, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let keys = match args.secret.find() {
        Ok(keys) => keys,
        Err(message) => return terminal.usage(message),
    };
    let token = bare(&args.token);
    let found = if SessionPurpose::Link.may_be(token) {
        sign_in_link()
    } else if token.starts_with(API_TOKEN_PREFIX) {
        api_token(token)
    } else {
        signed_token(token, keys.as_ref(), clock::now())
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

/// The facts about a token, by name.
struct Found {
    is_ok: bool,
    facts: Vec<(&'static str, Value)>,
}

fn api_token(token: &str) -> Found {
    let bytes = URL_SAFE_NO_PAD.decode(&token[API_TOKEN_PREFIX.len()..]).unwrap_or_default();
    if bytes.len() != 32 {
        let problem = "an API token has 43 letters after dl_; this one is cut short or garbled";
        return Found { is_ok: false, facts: vec![("problem", problem.into())] };
    }
    let facts = vec![
        ("purpose", "using the API".into()),
        ("hash", sha256_hex(token).into()),
        (
            "note",
            "good if an entry <name>:<hash> with this hash is in API_TOKENS, or if \
                  `dripline token list` shows it"
                .into(),
        ),
    ];
    Found { is_ok: true, facts }
}

fn sign_in_link() -> Found {
    let facts = vec![
        ("purpose", "signing in to the web app".into()),
        ("note", "only the server knows whether it is good; `dripline session` lists them".into()),
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
        let is_retired = keys.has_key(&parts.key) && !purpose.outlives_its_key();
        let wrong = "wrong: made with another secret, or changed since";
        let retired = "not taken: a previous secret is good for links of old mail only";
        facts.push(("signature", if is_retired { retired } else { wrong }.into()));
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

/// Adds until when a token is valid; returns whether it still is.
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
    }
}

/// Returns the token in a link: the part after the last slash or `#`.
fn bare(text: &str) -> &str {
    let text = text.trim();
    match text.split_once("://") {
        Some((_, rest)) => rest.rsplit(['/', '#']).next().unwrap_or(rest),
        None => text,
    }
}

impl Secret {
    /// Returns the keys; `None` if no secret was named and none is found.
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

/// Reads the keys from a file of lines `NAME=value`.
fn keys_in(file: &Path) -> Result<Option<Keyring>, String> {
    let text = project::read_stream(file, SECRETS_BYTES_MAX)
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

/// Reads a name that may precede the colon of an entry.
pub(super) fn token_name(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !text.is_empty() && text.len() <= 40 && text.chars().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("use at most 40 small letters, digits and hyphens".to_owned()),
    }
}
