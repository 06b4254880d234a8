//! `dripline render`: renders one template with made-up data, as a visitor or contact would see it;
//! or writes a whole message into a folder, as a desktop, a phone and a text reader show it.

use super::preview::{self, Wanted};
use super::server::OptionalServer;
use super::{Exit, Terminal};
use crate::domain::sms::settings::SmsPreview;
use crate::domain::template::{
    TEMPLATE_BYTES_MAX, TemplateSource, Templates, compile_mjml, expand,
};
use crate::native::project::{folder_near, read_text};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The limit of standard input, in bytes: a template, and as much data again.
const INPUT_BYTES_MAX: u64 = 2 * TEMPLATE_BYTES_MAX as u64;

/// Render one template with JSON data, or a whole message into a folder
///
/// MJML (*.mjml, *.mjml.hbs, or anything that begins with <mjml) is compiled to HTML first.
/// Partials are found in the folder `partials` beside the template's own folder. Variables that
/// the data does not have render as nothing, as they do when a message is sent.
///
/// An SMS that a campaign beside `templates` sends is printed as it would be sent: with the
/// signature, the opt-out and short links. Its size and cost are printed to standard error.
///
/// With --out-dir, a message (the folder of an e-mail, or the file of an SMS) becomes a page that
/// shows it as a desktop and a phone do, its HTML and its text. Without data, it is made up; with
/// --contact, a server renders its live version for that contact.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline render templates/emails/welcome/body.mjml.hbs contact.json --out welcome.html
  echo '{\"first_name\": \"Ada\"}' | dripline render templates/sms/reminder.hbs -
  dripline render templates/emails/welcome contact.json --out-dir look --locale zh-CN
  dripline render templates/emails/welcome --out-dir look --campaign x --contact ann@example.com
  echo '{\"template\": \"Hi {{name}}\", \"data\": {\"name\": \"Ada\"}}' | dripline render

Exit status: 0 rendered, 1 the template or the data is wrong, 2 a file is not there.")]
pub struct Args {
    /// The template's file; without it, {"template": "…", "data": {…}} is read from standard input
    pub template: Option<PathBuf>,
    /// A JSON file with the variables, or - for standard input; without it, there are none
    pub data: Option<PathBuf>,
    /// Write to this file instead of the terminal
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a whole message into this folder: a page to look at, its HTML, its text
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "template",
        conflicts_with_all = ["out", "plain"]
    )]
    pub out_dir: Option<PathBuf>,
    /// The language of the message (BCP 47); without it, the contact's
    #[arg(long, value_name = "TAG", requires = "out_dir")]
    pub locale: Option<String>,
    /// The campaign on the server whose live version is rendered
    #[arg(long, value_name = "ID", requires = "out_dir", conflicts_with = "data")]
    pub campaign: Option<String>,
    /// The contact on the server: an address, a number with +, or an id
    #[arg(long, value_name = "CONTACT", requires = "campaign")]
    pub contact: Option<String>,
    /// Where the server runs, and by what right
    #[command(flatten)]
    pub server: OptionalServer,
    /// The result is plain text: do not escape values for HTML (assumed for subjects, texts, SMS)
    #[arg(long)]
    pub plain: bool,
    /// Print one JSON object: {"ok": true, "output": "…"} or {"ok": false, "problem": "…"}; of an
    /// SMS also "sms": {"to", "encoding", "units", "segments", "free", "is_too_long",
    /// "cost_micros", "currency", "links", "text"}
    #[arg(long)]
    pub json: bool,
}

/// The content of standard input when no file is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Piped {
    template: String,
    #[serde(default)]
    data: Value,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let mut named = [&args.template, &args.data].into_iter().flatten();
    let is_there = |path: &Path| path.is_file() || (args.out_dir.is_some() && path.is_dir());
    if let Some(path) = named.find(|path| *path != Path::new("-") && !is_there(path))
        && args.campaign.is_none()
    {
        let near = Path::new("templates").join(path);
        let advice = match is_there(&near) {
            true => format!("; did you mean {}?", near.display()),
            false => String::new(),
        };
        return terminal.usage(format!("{}: no such file{advice}", path.display()));
    }
    if let (Some(folder), Some(path)) = (&args.out_dir, &args.template) {
        return message(args, path, folder, terminal);
    }
    let (rendered, sms) = match rendered(args, terminal.input) {
        Ok((output, sms)) => (Ok(output), sms),
        Err(problem) => (Err(problem), None),
    };
    let exit = if rendered.is_ok() { Exit::Ok } else { Exit::Wrong };
    match (rendered, &args.out) {
        (Ok(output), Some(file)) => {
            if let Err(error) = fs::write(file, output) {
                return terminal.usage(format!("{}: {error}", file.display()));
            }
        }
        (Ok(output), None) if args.json => {
            let mut answer = json!({ "ok": true, "output": output });
            if let Some(sms) = &sms {
                answer["sms"] = json!(sms);
            }
            writeln!(terminal.out, "{answer}")?;
        }
        (Ok(output), None) => {
            let newline = if output.ends_with('\n') { "" } else { "\n" };
            write!(terminal.out, "{output}{newline}")?;
        }
        (Err(problem), _) if args.json => {
            writeln!(terminal.out, "{}", json!({ "ok": false, "problem": problem }))?;
        }
        (Err(problem), _) => writeln!(terminal.err, "{problem}")?,
    }
    match sms {
        Some(sms) if !args.json => preview::print_sms(&sms, terminal)?,
        _ => {}
    }
    Ok(exit)
}

fn message(
    args: &Args,
    path: &Path,
    folder: &Path,
    terminal: &mut Terminal<'_>,
) -> io::Result<Exit> {
    let server = args.server.server();
    let remote = match (&args.campaign, &server) {
        (None, _) => None,
        (Some(campaign), Some(server)) => Some((server, &**campaign, args.contact.as_deref())),
        (Some(_), None) => return terminal.usage("--campaign needs a server: --to and --token"),
    };
    let data = match data(args, terminal.input) {
        Ok(data) => data,
        Err(problem) => return terminal.usage(problem),
    };
    let locale = args.locale.as_deref();
    let wanted = Wanted { path, data, locale, remote, folder, json: args.json };
    preview::run(&wanted, terminal)
}

/// Returns the rendered text, and for an SMS that a campaign sends, its size and cost.
fn rendered(
    args: &Args,
    input: &mut dyn io::BufRead,
) -> Result<(String, Option<SmsPreview>), String> {
    let Some(path) = &args.template else {
        let piped: Piped = serde_json::from_str(&read_all(input)?)
            .map_err(|error| format!("standard input: not {{\"template\", \"data\"}}: {error}"))?;
        let shown = "standard input";
        let rendered = render(shown, &piped.template, args.plain, piped.data, Path::new("."))?;
        return Ok((rendered, None));
    };
    let shown = path.display().to_string();
    let source = read_text(path, TEMPLATE_BYTES_MAX).map_err(|e| format!("{shown}: {e}"))?;
    let data = data(args, input)?;
    let rendered = render(&shown, &source, args.plain || is_plain(path), data.clone(), path)?;
    Ok(match preview::leaving_of(path, &data) {
        Some(sms) => (sms.text.clone(), Some(sms)),
        None => (rendered, None),
    })
}

/// Reads the data file; returns null if none is named.
fn data(args: &Args, input: &mut dyn io::BufRead) -> Result<Value, String> {
    let Some(from) = &args.data else { return Ok(Value::Null) };
    let text = match from == Path::new("-") {
        true => read_all(input)?,
        false => read_text(from, INPUT_BYTES_MAX as usize)
            .map_err(|error| format!("{}: {error}", from.display()))?,
    };
    serde_json::from_str(&text).map_err(|error| format!("{}: not JSON: {error}", from.display()))
}

fn render(
    shown: &str,
    source: &str,
    plain: bool,
    data: Value,
    near: &Path,
) -> Result<String, String> {
    let (shared, pieces) = folder_near(near).map(|folder| folder.shared()).unwrap_or_default();
    if let Some(problem) = shared.diagnostics.first() {
        return Err(format!("{}: {}", problem.file, problem.message));
    }
    let mut sources = shared.sources;
    let is_mjml = shown.contains(".mjml") || source.trim_start().starts_with("<mjml");
    let source = match is_mjml {
        true => compiled(shown, source, &pieces)?,
        false => source.to_owned(),
    };
    let (name, template) = match plain {
        true => ("sms/it", TemplateSource::Sms(source)),
        false => ("pages/it", TemplateSource::Page(source)),
    };
    sources.insert(name.to_owned(), template);
    let rendered = Templates::new(&sources).and_then(|templates| match plain {
        true => templates.render_sms(name, &data),
        false => templates.render_page(name, &data),
    });
    rendered.map_err(|error| error.to_string().replacen(name, shown, 1))
}

/// Expands the layout and pieces of MJML and compiles it to HTML.
fn compiled(
    shown: &str,
    source: &str,
    pieces: &BTreeMap<String, String>,
) -> Result<String, String> {
    let expanded = expand(shown, source, pieces).map_err(|error| error.to_string())?;
    compile_mjml(&expanded.text).map_err(|error| {
        let (file, line) = expanded.origin(error.line).unwrap_or((shown, error.line));
        format!("{file}:{line}: {}", error.message)
    })
}

/// Whether a template's folder or name shows that it is not HTML.
fn is_plain(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let in_sms = path.components().any(|part| part.as_os_str() == "sms");
    in_sms || ["subject.hbs", "text.hbs"].contains(&name) || name.contains(".txt")
}

fn read_all(input: &mut dyn io::BufRead) -> Result<String, String> {
    let mut text = String::new();
    let read = input.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(format!("standard input: more than {INPUT_BYTES_MAX} bytes"));
    }
    Ok(text)
}
