//! A project on disk: campaign files and the folder of templates beside them, read, compiled and
//! checked. The same files always give the same bytes, whatever the machine's line endings.

use crate::domain::campaign::Compiled;
use crate::domain::campaign_file::{Diagnostic, FILE_BYTES_MAX, Lines, read_located};
use crate::domain::check::normal_path;
use crate::domain::problem::Problem;
use crate::domain::template::{
    TEMPLATE_BYTES_MAX, TemplateSource, Templates, check_templates, compile_mjml, partials_of,
    references,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Reads `campaigns/*.toml` under `root`, and of `templates/` what they use.
pub fn load(root: &Path) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
    let folder = root.join("campaigns");
    let files = campaign_files(&folder).map_err(|message| vec![at_file(&folder, message)])?;
    load_files(&files)
}

/// Reads one campaign file, `…/campaigns/<id>.toml`, and of `…/templates/` what it uses.
pub fn load_campaign(path: &Path) -> Result<Compiled, Vec<Diagnostic>> {
    load_one(path).map(|loaded| loaded.compiled)
}

/// Reads these campaign files, each with its templates, and checks that they do not collide.
pub fn load_files(files: &[PathBuf]) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
    let (mut loaded, mut diagnostics) = (Vec::new(), Vec::new());
    for file in files {
        match load_one(file) {
            Ok(one) => loaded.push(one),
            Err(found) => diagnostics.extend(found),
        }
    }
    diagnostics.extend(collisions(&loaded));
    if diagnostics.is_empty() {
        return Ok(loaded.into_iter().map(|one| one.compiled).collect());
    }
    // Campaigns share templates, so the same slip may have been found more than once.
    diagnostics.sort();
    diagnostics.dedup();
    Err(diagnostics)
}

/// Which campaigns can use a template's file, or why it is refused.
pub fn inspect_template(path: &Path) -> Result<String, Vec<Diagnostic>> {
    let refuse = |line, message| vec![Diagnostic { line, ..at_file(path, message) }];
    let text = read_text(path, TEMPLATE_BYTES_MAX).map_err(|message| refuse(1, message))?;
    if shown(path).contains(".mjml") {
        compile_mjml(&text).map_err(|error| refuse(error.line, error.message))?;
    }
    let alone = BTreeMap::from([("partials/it".to_owned(), TemplateSource::Partial(text))]);
    Templates::new(&alone).map_err(|error| refuse(error.line.unwrap_or(1), error.message))?;

    let templates = path.ancestors().find(|folder| folder.ends_with("templates"));
    let project = templates.map(|folder| beside(folder).join("campaigns"));
    let files = project.and_then(|folder| campaign_files(&folder).ok()).unwrap_or_default();
    let (mut users, mut found) = (Vec::new(), Vec::new());
    for file in files {
        match load_campaign(&file) {
            Ok(compiled) if uses(&compiled, path) => users.push(compiled.campaign.id.0),
            Ok(_) => {}
            Err(diagnostics) => found.extend(diagnostics),
        }
    }
    found.retain(|diagnostic| same_file(Path::new(&diagnostic.file), path));
    found.sort();
    found.dedup();
    match (found.is_empty(), users.is_empty()) {
        (false, _) => Err(found),
        (true, true) => {
            Ok("compiles; no sound campaign uses it, so its variables are unchecked".to_owned())
        }
        (true, false) => Ok(format!("accepted, used by {}", users.join(", "))),
    }
}

fn uses(compiled: &Compiled, path: &Path) -> bool {
    let path = shown(path);
    compiled
        .templates
        .keys()
        .any(|name| path.ends_with(&format!("/{name}.hbs")) || path.contains(&format!("/{name}/")))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The partials of the templates' folder that a file is in, if it is in one.
pub fn partials_near(path: &Path) -> Result<BTreeMap<String, TemplateSource>, String> {
    let root = path.ancestors().skip(1).find(|folder| folder.join("partials").is_dir());
    let Some(root) = root else { return Ok(BTreeMap::new()) };
    let folder = Folder::open(root.to_owned());
    let partials = folder.names.iter().filter(|name| name.starts_with("partials/"));
    let read = |name: &String| {
        let file = folder.file_of(name, "");
        let text = read_text(&file, TEMPLATE_BYTES_MAX);
        let text = text.map_err(|message| format!("{}: {message}", shown(&file)))?;
        Ok((name.clone(), TemplateSource::Partial(text)))
    };
    partials.map(read).collect()
}

/// The folder that holds this one, by a path that begins as this one's does.
fn beside(folder: &Path) -> PathBuf {
    match folder.components().next_back() {
        Some(std::path::Component::Normal(_)) => {
            folder.parent().map(Path::to_owned).unwrap_or_default()
        }
        _ => folder.join(".."),
    }
}

/// The campaign files of a folder, by name.
pub fn campaign_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot be read: {error}"))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|error| format!("cannot be read: {error}"))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() {
        return Err("holds no campaign: a campaign is a file <id>.toml".to_owned());
    }
    Ok(paths)
}

struct Loaded {
    compiled: Compiled,
    lines: Lines,
}

fn load_one(path: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let text = read_text(path, FILE_BYTES_MAX).map_err(|message| vec![at_file(path, message)])?;
    let (campaign, lines) = read_located(&shown(path), &text)?;
    let folder = Folder::open(beside(path.parent().unwrap_or(Path::new(""))).join("templates"));
    let mut reading = Reading { folder: &folder, lines: &lines, diagnostics: Vec::new() };
    let written = reading.sources(&campaign);
    let mut diagnostics = reading.diagnostics;

    let absent: BTreeSet<String> = references(&campaign)
        .into_iter()
        .map(|(_, name)| name)
        .filter(|n| !written.contains_key(n))
        .collect();
    // The sources as they were written are checked first: their lines are the author's.
    let mut compiled = Compiled { campaign, templates: written };
    let is_news = |problem: &Problem| problem.line.is_some() || !names_absent(problem, &absent);
    let problems = check_templates(&compiled).into_iter().filter(is_news);
    // A subject stands in the campaign's file.
    let locate = |problem: Problem| match problem.key.starts_with("broadcast.") {
        true => lines.locate(problem),
        false => folder.locate(problem),
    };
    diagnostics.extend(problems.map(locate));
    for (name, source) in &mut compiled.templates {
        if let TemplateSource::Email { html, .. } = source {
            match compile_mjml(html) {
                Ok(compiled) => *html = compiled,
                Err(error) => {
                    let problem = Problem::new(format!("{name}/html"), error.message);
                    diagnostics.push(folder.locate(Problem { line: Some(error.line), ..problem }));
                }
            }
        }
    }
    if diagnostics.is_empty() {
        let problems = check_templates(&compiled).into_iter();
        diagnostics.extend(problems.map(locate));
    }
    if !diagnostics.is_empty() {
        diagnostics.sort();
        return Err(diagnostics);
    }
    keep_used(&mut compiled);
    Ok(Loaded { compiled, lines })
}

/// Whether a problem only says again that a file is missing.
fn names_absent(problem: &Problem, absent: &BTreeSet<String>) -> bool {
    absent.iter().any(|name| problem.message.contains(&format!("`{name}`")))
}

/// Drops the partials that no template of the campaign includes.
fn keep_used(compiled: &mut Compiled) {
    let mut used = BTreeSet::new();
    let mut open: Vec<String> =
        references(&compiled.campaign).into_iter().map(|(_, name)| name).collect();
    while let Some(name) = open.pop() {
        if let Some(source) = compiled.templates.get(&name)
            && used.insert(name)
        {
            open.extend(partials_of(source).into_iter().map(|name| format!("partials/{name}")));
        }
    }
    compiled.templates.retain(|name, _| used.contains(name));
}

/// Reads what one campaign uses of the templates' folder.
struct Reading<'r> {
    folder: &'r Folder,
    lines: &'r Lines,
    diagnostics: Vec<Diagnostic>,
}

impl Reading<'_> {
    /// The templates that the campaign refers to, as written, and all partials.
    fn sources(
        &mut self,
        campaign: &crate::domain::campaign::Campaign,
    ) -> BTreeMap<String, TemplateSource> {
        let mut sources = BTreeMap::new();
        for (key, name) in references(campaign) {
            if self.folder.names.contains(&name) {
                if !sources.contains_key(&name) {
                    sources.extend(self.source(&name).map(|source| (name, source)));
                }
                continue;
            }
            let file = self.folder.file_of(&name, "");
            let problem = Problem::new(key, format!("there is no template {}", shown(&file)));
            let folder = name.split('/').next().unwrap_or_default();
            let known = self.folder.names.iter().filter(|other| other.starts_with(folder));
            let problem = problem.suggest(&name, known.map(String::as_str));
            self.diagnostics.push(self.lines.locate(problem));
        }
        for name in self.folder.names.iter().filter(|name| name.starts_with("partials/")) {
            sources.extend(self.source(name).map(|source| (name.clone(), source)));
        }
        sources
    }

    fn source(&mut self, name: &str) -> Option<TemplateSource> {
        Some(match name.split('/').next()? {
            "pages" => TemplateSource::Page(self.part(name, "")?),
            "partials" => TemplateSource::Partial(self.part(name, "")?),
            "sms" => TemplateSource::Sms(self.part(name, "")?),
            _ => {
                let (subject, html, text) =
                    (self.part(name, "subject"), self.part(name, "html"), self.part(name, "text"));
                TemplateSource::Email { subject: subject?, html: html?, text: text? }
            }
        })
    }

    fn part(&mut self, name: &str, part: &str) -> Option<String> {
        let file = self.folder.file_of(name, part);
        match read_text(&file, TEMPLATE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(message) => {
                self.diagnostics.push(at_file(&file, message));
                None
            }
        }
    }
}

/// The templates' folder.
struct Folder {
    root: PathBuf,
    /// The names of all templates in it, `emails/welcome`.
    names: BTreeSet<String>,
}

impl Folder {
    fn open(root: PathBuf) -> Self {
        let mut names = BTreeSet::new();
        for kind in ["pages", "partials", "sms", "emails"] {
            collect(&root.join(kind), kind, &mut names);
        }
        Self { root, names }
    }

    /// The file of a template, or of one part of an e-mail.
    fn file_of(&self, name: &str, part: &str) -> PathBuf {
        let file = match part {
            "" if name.starts_with("emails/") => format!("{name}/body.mjml.hbs"),
            "" => format!("{name}.hbs"),
            "html" => format!("{name}/body.mjml.hbs"),
            part => format!("{name}/{part}.hbs"),
        };
        self.root.join(file)
    }

    /// The problem of a template at its file and line.
    fn locate(&self, problem: Problem) -> Diagnostic {
        let parts = ["subject", "html", "text"];
        let file = match problem.key.rsplit_once('/') {
            Some((name, part)) if name.starts_with("emails/") && parts.contains(&part) => {
                self.file_of(name, part)
            }
            _ => self.file_of(&problem.key, ""),
        };
        Diagnostic {
            line: problem.line.unwrap_or(1),
            help: problem.help,
            ..at_file(&file, problem.message)
        }
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

/// Pages of two campaigns on one path, and two campaigns of one id.
fn collisions(loaded: &[Loaded]) -> Vec<Diagnostic> {
    let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for Loaded { compiled, lines } in loaded {
        let campaign = &compiled.campaign;
        for (name, page) in &campaign.pages {
            if let Some(other) = paths.insert(normal_path(&page.path), campaign.id.as_str()) {
                let message = format!("`{}` is already a path of campaign `{other}`", page.path);
                let problem = Problem::new(format!("page.{name}.path"), message);
                diagnostics.push(lines.locate(problem));
            }
        }
    }
    diagnostics
}

/// Reads a file as text: a byte order mark is dropped, line endings become `\n`.
pub fn read_text(path: &Path, bytes_max: usize) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > bytes_max {
        return Err(format!("the file has {} bytes; the limit is {bytes_max}", bytes.len()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text")
    })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

fn at_file(path: &Path, message: String) -> Diagnostic {
    Diagnostic { file: shown(path), line: 1, column: 1, key: String::new(), message, help: None }
}

/// A path as people write it, with `/` on every system.
fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
