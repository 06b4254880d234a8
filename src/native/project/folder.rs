//! The folder of templates: which templates it has, in which files, and which of them a campaign
//! uses.

use super::bounds::Bounds;
use super::{at_file, beside, differ_in_case, in_file, is_hidden, shown, twins};
use crate::domain::base::diagnostic::{Problem, nearest};
use crate::domain::campaign::Campaign;
use crate::domain::campaign_file::{Diagnostic, Lines};
use crate::domain::publication::validate::references;
use crate::domain::template::{
    Expanded, TEMPLATE_BYTES_MAX, TemplateError, TemplateSource, expand,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most files and folders in a folder of templates: more than any project has.
const ENTRIES_MAX: usize = 10_000;

/// The deepest nesting of folders of templates.
const DEPTH_MAX: usize = 16;

/// The files of an e-mail.
const EMAIL_FILES: &[&str] = &["subject.hbs", "preheader.hbs", "body.mjml.hbs", "text.hbs"];

/// The origin of each line of the bodies, by part (`emails/welcome/html`).
pub type Origins = BTreeMap<String, Expanded>;

pub struct Folder {
    root: PathBuf,
    bounds: Bounds,
    /// The names of all templates in it, `emails/welcome`.
    names: BTreeSet<String>,
    /// Layouts and partials of MJML, by name: `layouts/brand`, `partials/button`.
    pieces: BTreeSet<String>,
    /// The problems with files that are refused.
    diagnostics: Vec<Diagnostic>,
}

/// The templates that were read for one campaign.
#[derive(Default)]
pub struct Reading {
    /// The templates, with their layouts and pieces of MJML expanded.
    pub sources: BTreeMap<String, TemplateSource>,
    /// The origins of the lines of bodies.
    pub origins: Origins,
    /// The problems with files that are missing or cannot be read.
    pub diagnostics: Vec<Diagnostic>,
}

impl Folder {
    /// Lists the folder.
    pub fn open(root: PathBuf) -> Self {
        let mut walk = Walk::default();
        // The folder itself must not be a link either: the target would count as being in it.
        let project = Bounds::of(&beside(&root));
        let is_there = root.is_dir() || root.is_symlink();
        let place = project.admit(&root).and_then(|real| match root.is_symlink() {
            true => Err(format!("is a link to `{}`: move that folder here", real.display())),
            false => Ok(()),
        });
        let bounds = Bounds::of(&root);
        match place {
            Ok(()) => {
                for kind in ["pages", "partials", "sms", "emails", "layouts"] {
                    let folder = root.join(kind);
                    if folder.is_dir() || folder.is_symlink() {
                        walk.enter(&bounds, &folder, kind, 1);
                    }
                }
            }
            Err(message) if is_there => walk.refuse(&root, message),
            Err(_) => {}
        }
        let Walk { mut names, mut diagnostics, .. } = walk;
        if let Some((one, other)) = twins(names.iter().cloned()) {
            diagnostics.push(at_file(&root, differ_in_case(&one, &other)));
        }
        let mut pieces = BTreeSet::new();
        names.retain(|name| {
            let piece = name.strip_suffix(".mjml").filter(|_| !name.starts_with("emails/"));
            pieces.extend(piece.map(str::to_owned));
            piece.is_none()
        });
        names.retain(|name| !name.starts_with("layouts/"));
        Self { root, bounds, names, pieces, diagnostics }
    }

    /// Reads the templates that a campaign refers to, their versions in other languages, and all
    /// partials.
    pub fn read(&self, campaign: &Campaign, lines: &Lines) -> Reading {
        let mut reading = self.begin();
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
            let problem = match misnamed(&file) {
                Some(other) => {
                    let right = file.file_name().unwrap_or_default().to_string_lossy();
                    problem.help(format!("rename {} to {right}", shown(&other)))
                }
                None => problem.suggest(name, known.map(String::as_str)),
            };
            reading.diagnostics.push(lines.locate(problem));
        }
        wanted.extend(self.partials());
        for name in wanted {
            let source = self.source(name, &pieces, &mut reading);
            reading.sources.extend(source.map(|source| (name.to_owned(), source)));
        }
        reading
    }

    /// Returns all partials, and all layouts and pieces of MJML, to render one file by itself.
    pub fn shared(&self) -> (Reading, BTreeMap<String, String>) {
        let mut reading = self.begin();
        let pieces = self.read_pieces(&mut reading);
        for name in self.partials() {
            let source = self.source(name, &pieces, &mut reading);
            reading.sources.extend(source.map(|source| (name.to_owned(), source)));
        }
        (reading, pieces)
    }

    fn begin(&self) -> Reading {
        Reading { diagnostics: self.diagnostics.clone(), ..Reading::default() }
    }

    fn partials(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| name.starts_with("partials/"))
    }

    /// Returns the names directly below a message's: its versions in other languages.
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
            match self.bounds.read_text(&self.file_of(name, ""), TEMPLATE_BYTES_MAX) {
                Ok(text) => drop(pieces.insert(name.clone(), text)),
                Err(problem) => {
                    reading.diagnostics.push(in_file(&self.file_of(name, ""), problem));
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

    /// Reads the body and expands its layout and pieces.
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
        match self.bounds.read_text(&file, TEMPLATE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(problem) => {
                reading.diagnostics.push(in_file(&file, problem));
                None
            }
        }
    }

    /// Reports files in an e-mail's folder that are not part of it: most likely a misspelt name.
    fn stray_files(&self, name: &str, reading: &mut Reading) {
        let Ok(entries) = fs::read_dir(self.root.join(name)) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_shown = path.is_file() && !is_hidden(&path);
            if is_shown && is_template(file) && !EMAIL_FILES.contains(&file) {
                let message = format!("`{file}` is no part of an e-mail");
                let problem = Problem::new("", message);
                let problem = match meant_part(file) {
                    Some(part) => problem.help(format!("did you mean `{part}`?")),
                    None => problem.suggest(file, EMAIL_FILES.iter().copied()),
                };
                reading.diagnostics.push(in_file(&path, problem));
            }
        }
    }

    /// Returns the files of templates that are not among these, and files that look like templates
    /// but are not.
    pub fn unused(&self, used: &BTreeSet<String>) -> Vec<PathBuf> {
        let known = self.names.iter().chain(&self.pieces).filter(|name| !used.contains(*name));
        let mut files: Vec<PathBuf> = known.map(|name| self.file_of(name, "")).collect();
        for kind in ["pages", "partials", "sms", "layouts"] {
            strays(&self.root.join(kind), &mut files);
        }
        files
    }

    /// Returns the file of a template, of a piece of MJML, or of one part of an e-mail.
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

    /// Finds the file and line of a template's problem.
    pub fn locate(&self, origins: &Origins, problem: Problem) -> Diagnostic {
        let line = problem.line.unwrap_or(1);
        // A problem without a line concerns the whole message, not its layout.
        let body = origins.get(&problem.key).filter(|_| problem.line.is_some());
        let origin = body.and_then(|body| body.origin(line));
        let (key, line) = origin.unwrap_or((&problem.key, line));
        let parts = ["subject", "preheader", "html", "text"];
        let file = match key.rsplit_once('/') {
            Some((name, part)) if name.starts_with("emails/") && parts.contains(&part) => {
                let file = self.file_of(name, part);
                // Without its own text file, the text is made from the body.
                if file.exists() { file } else { self.file_of(name, "html") }
            }
            _ => self.file_of(key, ""),
        };
        Diagnostic { line, help: problem.help, ..at_file(&file, problem.message) }
    }
}

/// A walk through the folders of templates.
#[derive(Default)]
struct Walk {
    names: BTreeSet<String>,
    entries: usize,
    diagnostics: Vec<Diagnostic>,
}

impl Walk {
    fn refuse(&mut self, path: &Path, message: String) {
        self.diagnostics.push(at_file(path, message));
    }

    /// Finds the templates of one kind: files `<name>.hbs`, or for e-mails folders with files.
    fn enter(&mut self, bounds: &Bounds, folder: &Path, prefix: &str, depth: usize) {
        if let Err(message) = admit_folder(bounds, folder, depth) {
            return self.refuse(folder, message);
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if is_hidden(&path) || self.is_full(folder) {
                continue;
            }
            if path.is_dir() {
                self.enter(bounds, &path, &format!("{prefix}/{file}"), depth + 1);
                continue;
            }
            if let Err(message) = bounds.admit(&path) {
                self.refuse(&path, message);
            }
            if prefix.starts_with("emails/") && is_template(file) {
                self.names.insert(prefix.to_owned());
            } else if let Some(stem) =
                file.strip_suffix(".hbs").filter(|_| !prefix.starts_with("emails"))
            {
                self.names.insert(format!("{prefix}/{stem}"));
            }
        }
    }

    /// Counts an entry; returns whether the limit is exceeded, which is reported once.
    fn is_full(&mut self, folder: &Path) -> bool {
        self.entries += 1;
        if self.entries == ENTRIES_MAX + 1 {
            let message = format!("there are more than {ENTRIES_MAX} files here, the limit");
            self.refuse(folder, message);
        }
        self.entries > ENTRIES_MAX
    }
}

/// Whether a folder may be walked: it is within bounds, and not one of its own ancestors.
fn admit_folder(bounds: &Bounds, folder: &Path, depth: usize) -> Result<(), String> {
    let real = bounds.admit(folder)?;
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    if parent.is_some_and(|parent| parent.starts_with(&real)) {
        return Err(format!("is a link to `{}`, which it is in", real.display()));
    }
    match depth > DEPTH_MAX {
        true => Err(format!("folders nest more than {DEPTH_MAX} deep, the limit")),
        false => Ok(()),
    }
}

/// Whether a file's name is that of a template, or of a part of one.
fn is_template(file: &str) -> bool {
    let endings = ["hbs", "handlebars", "mustache", "html", "htm", "txt", "mjml"];
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, "hbs"));
    !stem.is_empty() && !file.starts_with('.') && endings.contains(&&*ending.to_ascii_lowercase())
}

/// Guesses which part of an e-mail a file was meant to be, by its name without extensions.
fn meant_part(file: &str) -> Option<&'static str> {
    let stem = file.split('.').next().unwrap_or_default().to_lowercase();
    let stem = match &*stem {
        "html" | "index" | "mail" | "content" => "body",
        "title" => "subject",
        "plain" | "plaintext" => "text",
        other => other,
    };
    let stems = EMAIL_FILES.iter().filter_map(|file| file.split('.').next());
    let meant = nearest(stem, stems)?;
    EMAIL_FILES.iter().copied().find(|file| file.split('.').next() == Some(meant))
}

/// Finds a file beside the missing one that has its name but another extension.
fn misnamed(file: &Path) -> Option<PathBuf> {
    let stem = file.file_name()?.to_str()?.split('.').next()?.to_owned();
    let entries = fs::read_dir(file.parent()?).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        path.is_file() && is_template(name) && name.split('.').next() == Some(&stem)
    })
}

/// Collects files that look like templates but have the wrong extension.
fn strays(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Linked folders are not followed: their content is checked when a campaign uses it.
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            strays(&path, files);
        } else if is_template(name) && !name.ends_with(".hbs") {
            files.push(path);
        }
    }
}
