//! The folder of templates: which there are, in which files, and what a campaign uses of them.

use super::{at_file, read_text, shown};
use crate::domain::campaign::Campaign;
use crate::domain::campaign_file::{Diagnostic, Lines};
use crate::domain::problem::Problem;
use crate::domain::template::{
    Expanded, TEMPLATE_BYTES_MAX, TemplateError, TemplateSource, expand, references,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of an e-mail.
const EMAIL_FILES: &[&str] = &["subject.hbs", "preheader.hbs", "body.mjml.hbs", "text.hbs"];

/// Where each line of the bodies came from, by part (`emails/welcome/html`).
pub type Origins = BTreeMap<String, Expanded>;

/// The templates' folder.
pub struct Folder {
    root: PathBuf,
    /// The names of all templates in it, `emails/welcome`.
    names: BTreeSet<String>,
    /// Layouts, and partials of MJML, by name: `layouts/brand`, `partials/button`.
    pieces: BTreeSet<String>,
}

/// What was read for one campaign.
#[derive(Default)]
pub struct Reading {
    /// The templates, with their layouts and pieces of MJML in them.
    pub sources: BTreeMap<String, TemplateSource>,
    /// Where the lines of bodies came from.
    pub origins: Origins,
    /// What is missing or cannot be read.
    pub diagnostics: Vec<Diagnostic>,
}

impl Folder {
    /// Looks what there is.
    pub fn open(root: PathBuf) -> Self {
        let (mut names, mut pieces) = (BTreeSet::new(), BTreeSet::new());
        for kind in ["pages", "partials", "sms", "emails", "layouts"] {
            collect(&root.join(kind), kind, &mut names);
        }
        names.retain(|name| {
            let piece = name.strip_suffix(".mjml").filter(|_| !name.starts_with("emails/"));
            pieces.extend(piece.map(str::to_owned));
            piece.is_none()
        });
        names.retain(|name| !name.starts_with("layouts/"));
        Self { root, names, pieces }
    }

    /// Reads the templates that a campaign refers to, their versions in other languages, and all
    /// partials.
    pub fn read(&self, campaign: &Campaign, lines: &Lines) -> Reading {
        let mut reading = Reading::default();
        let pieces = self.read_pieces(&mut reading);
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let references = references(campaign);
        for (key, name) in &references {
            if self.names.contains(name) {
                wanted.insert(name);
                wanted.extend(self.below(name));
                continue;
            }
            let file = self.file_of(name, "");
            let problem = Problem::new(key, format!("there is no template {}", shown(&file)));
            let folder = name.split('/').next().unwrap_or_default();
            let known = self.names.iter().filter(|other| other.starts_with(folder));
            let problem = problem.suggest(name, known.map(String::as_str));
            reading.diagnostics.push(lines.locate(problem));
        }
        wanted.extend(self.partials());
        for name in wanted {
            let source = self.source(name, &pieces, &mut reading);
            reading.sources.extend(source.map(|source| (name.to_owned(), source)));
        }
        reading
    }

    /// All partials, and all layouts and pieces of MJML: to render one file by itself.
    pub fn shared(&self) -> (Reading, BTreeMap<String, String>) {
        let mut reading = Reading::default();
        let pieces = self.read_pieces(&mut reading);
        for name in self.partials() {
            let source = self.source(name, &pieces, &mut reading);
            reading.sources.extend(source.map(|source| (name.to_owned(), source)));
        }
        (reading, pieces)
    }

    fn partials(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| name.starts_with("partials/"))
    }

    /// The names right below a message's: versions of it in other languages.
    fn below<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let is_message = name.starts_with("emails/") || name.starts_with("sms/");
        let below = move |other: &&String| {
            let rest = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
            is_message && rest.is_some_and(|rest| !rest.contains('/'))
        };
        self.names.iter().filter(below).map(String::as_str)
    }

    fn read_pieces(&self, reading: &mut Reading) -> BTreeMap<String, String> {
        let mut pieces = BTreeMap::new();
        for name in &self.pieces {
            match read_text(&self.file_of(name, ""), TEMPLATE_BYTES_MAX) {
                Ok(text) => drop(pieces.insert(name.clone(), text)),
                Err(message) => {
                    reading.diagnostics.push(at_file(&self.file_of(name, ""), message));
                }
            }
        }
        pieces
    }

    fn source(
        &self,
        name: &str,
        pieces: &BTreeMap<String, String>,
        reading: &mut Reading,
    ) -> Option<TemplateSource> {
        Some(match name.split('/').next()? {
            "pages" => TemplateSource::Page(self.part(name, "", reading)?),
            "partials" => TemplateSource::Partial(self.part(name, "", reading)?),
            "sms" => TemplateSource::Sms(self.part(name, "", reading)?),
            _ => {
                self.stray_files(name, reading);
                let optional = |part, reading: &mut Reading| match self.file_of(name, part).exists()
                {
                    true => self.part(name, part, reading),
                    false => Some(String::new()),
                };
                let subject = self.part(name, "subject", reading);
                let preheader = optional("preheader", reading);
                let html = self.body(name, pieces, reading);
                let text = optional("text", reading);
                TemplateSource::Email {
                    subject: subject?,
                    preheader: preheader?.trim().to_owned(),
                    html: html?,
                    text: text?,
                }
            }
        })
    }

    /// The body, with its layout and pieces in it.
    fn body(
        &self,
        name: &str,
        pieces: &BTreeMap<String, String>,
        reading: &mut Reading,
    ) -> Option<String> {
        let (part, body) = (format!("{name}/html"), self.part(name, "html", reading)?);
        match expand(&part, &body, pieces) {
            Ok(expanded) => {
                let text = expanded.text.clone();
                reading.origins.insert(part, expanded);
                Some(text)
            }
            Err(error) => {
                let TemplateError { template, line, message } = error;
                let problem = Problem { line, ..Problem::new(template, message) };
                reading.diagnostics.push(self.locate(&Origins::new(), problem));
                None
            }
        }
    }

    fn part(&self, name: &str, part: &str, reading: &mut Reading) -> Option<String> {
        let file = self.file_of(name, part);
        match read_text(&file, TEMPLATE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(message) => {
                reading.diagnostics.push(at_file(&file, message));
                None
            }
        }
    }

    /// Files in an e-mail's folder that are no part of it: most likely a slip in a name.
    fn stray_files(&self, name: &str, reading: &mut Reading) {
        let Ok(entries) = fs::read_dir(self.root.join(name)) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_file() && file.ends_with(".hbs") && !EMAIL_FILES.contains(&file) {
                let message = format!("`{file}` is no part of an e-mail");
                let problem = Problem::new("", message).suggest(file, EMAIL_FILES.iter().copied());
                let at = at_file(&path, problem.message);
                reading.diagnostics.push(Diagnostic { help: problem.help, ..at });
            }
        }
    }

    /// The file of a template, of a piece of MJML, or of one part of an e-mail.
    pub fn file_of(&self, name: &str, part: &str) -> PathBuf {
        let file = match part {
            "" if name.starts_with("emails/") => format!("{name}/body.mjml.hbs"),
            "" if self.pieces.contains(name) => format!("{name}.mjml.hbs"),
            "" => format!("{name}.hbs"),
            "html" => format!("{name}/body.mjml.hbs"),
            part => format!("{name}/{part}.hbs"),
        };
        self.root.join(file)
    }

    /// The problem of a template at its file and line.
    pub fn locate(&self, origins: &Origins, problem: Problem) -> Diagnostic {
        let line = problem.line.unwrap_or(1);
        let origin = origins.get(&problem.key).and_then(|body| body.origin(line));
        let (key, line) = origin.unwrap_or((&problem.key, line));
        let parts = ["subject", "preheader", "html", "text"];
        let file = match key.rsplit_once('/') {
            Some((name, part)) if name.starts_with("emails/") && parts.contains(&part) => {
                let file = self.file_of(name, part);
                // Without a text of its own, the text is made from the body.
                if file.exists() { file } else { self.file_of(name, "html") }
            }
            _ => self.file_of(key, ""),
        };
        Diagnostic { line, help: problem.help, ..at_file(&file, problem.message) }
    }
}

/// Finds the templates of one kind: files `<name>.hbs`, for e-mails folders that hold files.
fn collect(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() {
            collect(&path, &format!("{prefix}/{file}"), names);
        } else if prefix.starts_with("emails/") {
            names.insert(prefix.to_owned());
        } else if let Some(stem) = file.strip_suffix(".hbs") {
            names.insert(format!("{prefix}/{stem}"));
        }
    }
}
