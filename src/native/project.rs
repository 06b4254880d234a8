//! A project on disk: campaign files and their folder of templates, read, compiled and checked. The
//! same files always give the same bytes, whatever the machine's line endings.

mod bounds;
mod folder;

use bounds::{Bounds, text_of};
pub use bounds::{read_stream, read_text};
pub use folder::{Folder, Origins};

use crate::domain::base::diagnostic::Problem;
use crate::domain::campaign::{Compiled, Page};
use crate::domain::campaign_file::{Diagnostic, FILE_BYTES_MAX, Lines, read_located};
use crate::domain::publication::lint::{Lint, LintCode, lint};
use crate::domain::publication::validate::{check_templates, partials_of, references};
use crate::domain::publication::validate::{doubts, normal_path};
use crate::domain::template::{
    NEVER_CLOSED, TEMPLATE_BYTES_MAX, TemplateSource, Templates, compile_mjml, languages,
    link_problems, mark_links, part_name, plain_text, with_preheader,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Reads `campaigns/*.toml` under `root`, and those files of `templates/` that they use.
pub fn load(root: &Path) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
    let folder = root.join("campaigns");
    let files = campaign_files(&folder).map_err(|message| vec![at_file(&folder, message)])?;
    load_files(&files)
}

/// Reads one campaign file, `…/campaigns/<id>.toml`, and those files of `…/templates/` that it
/// uses.
pub fn load_campaign(path: &Path) -> Result<Compiled, Vec<Diagnostic>> {
    load_one(path).map(|loaded| loaded.compiled)
}

/// Reads these campaign files, each with its templates, and checks that they do not collide.
pub fn load_files(files: &[PathBuf]) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
    load_linted(files).map(|(compiled, _)| compiled)
}

/// A warning of the linter, at its file and line.
pub struct Warning {
    /// Its place, without a message: that depends on the language.
    pub at: Diagnostic,
    pub lint: Lint,
}

/// Like `load_files`, with the linter's warnings in the order of their files.
pub fn load_linted(files: &[PathBuf]) -> Result<(Vec<Compiled>, Vec<Warning>), Vec<Diagnostic>> {
    let (mut loaded, mut diagnostics) = (Vec::new(), Vec::new());
    for file in files {
        match load_one(file) {
            Ok(one) => loaded.push(one),
            Err(found) => diagnostics.extend(found),
        }
    }
    diagnostics.extend(collisions(&loaded));
    if diagnostics.is_empty() {
        let mut warnings: Vec<Warning> =
            loaded.iter_mut().flat_map(|one| std::mem::take(&mut one.warnings)).collect();
        // A link to a page of another campaign is not dead.
        let has = |page: &Page, path: &str| normal_path(&page.path) == path;
        let is_elsewhere = |lint: &Lint| {
            let mut pages = loaded.iter().flat_map(|one| one.compiled.campaign.pages.values());
            lint.code == LintCode::DeadPage && pages.any(|page| has(page, &lint.detail))
        };
        // Campaigns may share a purpose; it is enough that one of them describes it.
        let is_described = |lint: &Lint| {
            let mut purposes = loaded.iter().flat_map(|one| one.compiled.campaign.purposes.keys());
            lint.code == LintCode::UnnamedPurpose
                && purposes.any(|purpose| lint.detail == format!("`{purpose}`"))
        };
        warnings.retain(|w| !is_elsewhere(&w.lint) && !is_described(&w.lint));
        warnings.extend(unused(files, &loaded));
        // Campaigns share templates, layouts and partials, so the same warning may occur more than
        // once.
        let place =
            |w: &Warning| (w.at.file.clone(), w.at.line, w.lint.code, w.lint.detail.clone());
        warnings.sort_by_key(place);
        warnings.dedup_by_key(|warning| place(warning));
        return Ok((loaded.into_iter().map(|one| one.compiled).collect(), warnings));
    }
    // Campaigns share templates, so the same problem may occur more than once.
    diagnostics.sort();
    diagnostics.dedup();
    Err(diagnostics)
}

/// Returns which campaigns can use a template file, or why it is refused.
pub fn inspect_template(path: &Path) -> Result<String, Vec<Diagnostic>> {
    let refuse = |line, message| vec![Diagnostic { line, ..at_file(path, message) }];
    let text = text_of(path, TEMPLATE_BYTES_MAX).map_err(|problem| vec![in_file(path, problem)])?;
    let is_piece = ["/layouts/", "/partials/"].iter().any(|folder| shown(path).contains(folder));
    if shown(path).contains(".mjml") && !is_piece && !text.contains("{{#> layouts/") {
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

/// Finds the folder of templates that contains a file, if there is one.
pub fn folder_near(path: &Path) -> Option<Folder> {
    let is_root = |folder: &&Path| {
        ["partials", "layouts", "emails", "sms"].iter().any(|kind| folder.join(kind).is_dir())
    };
    path.ancestors().skip(1).find(is_root).map(|root| Folder::open(root.to_owned()))
}

/// Returns the parent of a folder, as a path with the same beginning.
fn beside(folder: &Path) -> PathBuf {
    match folder.components().next_back() {
        Some(std::path::Component::Normal(_)) => {
            folder.parent().map(Path::to_owned).unwrap_or_default()
        }
        _ => folder.join(".."),
    }
}

/// Lists the campaign files of a folder by name. A name that begins with a dot belongs to an
/// editor.
pub fn campaign_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    Bounds::of(&beside(folder)).admit(folder)?;
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot be read: {error}"))?;
    let paths = entries.take(CAMPAIGN_ENTRIES_MAX + 1).map(|entry| entry.map(|one| one.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|error| format!("cannot be read: {error}"))?;
    if paths.len() > CAMPAIGN_ENTRIES_MAX {
        return Err(format!("holds more than {CAMPAIGN_ENTRIES_MAX} files, which is the limit"));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.retain(|path| !is_hidden(path));
    paths.sort();
    if paths.is_empty() {
        return Err("holds no campaign: a campaign is a file <id>.toml".to_owned());
    }
    match twins(paths.iter().map(|path| shown(path))) {
        Some((one, other)) => Err(differ_in_case(&one, &other)),
        None => Ok(paths),
    }
}

/// The most entries in the folder of campaigns: more than any project has.
const CAMPAIGN_ENTRIES_MAX: usize = 10_000;

/// Whether a file or folder is hidden: its name begins with a dot.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Finds two names that differ only in case: on many disks they are one file.
fn twins(names: impl Iterator<Item = String>) -> Option<(String, String)> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for name in names {
        if let Some(other) = known.insert(name.to_lowercase(), name.clone()) {
            return Some((other, name));
        }
    }
    None
}

fn differ_in_case(one: &str, other: &str) -> String {
    format!("`{one}` and `{other}` differ only in capitals, and are one file on many disks")
}

/// Returns the templates that no campaign uses, in folders of which all campaigns were loaded.
fn unused(files: &[PathBuf], loaded: &[Loaded]) -> Vec<Warning> {
    let mut folders: BTreeMap<PathBuf, Vec<&Loaded>> = BTreeMap::new();
    for (file, one) in files.iter().zip(loaded) {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        folders.entry(folder).or_default().push(one);
    }
    let mut warnings = Vec::new();
    for (folder, campaigns) in folders {
        if campaign_files(&folder).map_or(0, |all| all.len()) != campaigns.len() {
            continue;
        }
        let used = campaigns.iter().flat_map(|one| one.used.iter().cloned()).collect();
        let templates = Folder::open(beside(&folder).join("templates"));
        for file in templates.unused(&used) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let lint = Lint {
                code: LintCode::UnusedTemplate,
                key: String::new(),
                line: None,
                detail: name,
            };
            warnings.push(Warning { at: at_file(&file, String::new()), lint });
        }
    }
    warnings
}

/// Reads a campaign file to show a line of it. Returns `None` for a link that leads out of its
/// folder.
pub fn read_campaign(path: &Path) -> Option<String> {
    Bounds::of(path.parent()?).read_text(path, FILE_BYTES_MAX).ok()
}

struct Loaded {
    compiled: Compiled,
    /// The templates, layouts and pieces that it uses.
    used: BTreeSet<String>,
    lines: Lines,
    warnings: Vec<Warning>,
}

fn load_one(path: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let text = Bounds::of(folder).read_text(path, FILE_BYTES_MAX);
    let text = text.map_err(|problem| vec![in_file(path, problem)])?;
    let (campaign, lines) = read_located(&shown(path), &text)?;
    let folder = Folder::open(beside(folder).join("templates"));
    let mut reading = folder.read(&campaign, &lines);
    let mut diagnostics = std::mem::take(&mut reading.diagnostics);
    let origins = reading.origins;
    // A dotted key is in the campaign file, even a broadcast's own subject.
    let is_key = |key: &str| {
        ["broadcast.", "form.", "page.", "segment.", "journey."]
            .iter()
            .any(|begin| key.starts_with(begin))
    };
    let locate = |problem: Problem| match is_key(&problem.key) {
        true => lines.locate(problem),
        false => folder.locate(&origins, problem),
    };

    let absent: BTreeSet<String> = references(&campaign)
        .into_iter()
        .map(|(_, name)| name)
        .filter(|name| !reading.sources.contains_key(name))
        .collect();
    // Check the unexpanded sources first: their line numbers are those of the author's files.
    let mut compiled = Compiled { campaign, templates: reading.sources };
    let is_news = |problem: &Problem| problem.line.is_some() || !names_absent(problem, &absent);
    let problems = check_templates(&compiled).into_iter().filter(is_news);
    diagnostics.extend(problems.chain(wrong_links(&compiled)).map(locate));
    let written = compiled.templates.clone();
    for (name, source) in &mut compiled.templates {
        if let Err(problem) = compile(name, source) {
            diagnostics.push(locate(problem));
        }
    }
    if diagnostics.is_empty() {
        let problems = check_templates(&compiled).into_iter();
        diagnostics.extend(problems.map(locate));
    }
    if !diagnostics.is_empty() {
        diagnostics.sort();
        diagnostics.dedup();
        return Err(causes(diagnostics));
    }
    keep_used(&mut compiled);
    let mut used: BTreeSet<String> = compiled.templates.keys().cloned().collect();
    let parts = origins
        .iter()
        .filter(|(part, _)| part.rsplit_once('/').is_some_and(|(name, _)| used.contains(name)));
    let pieces: Vec<String> = parts.flat_map(|(_, body)| body.files()).collect();
    used.extend(pieces);
    compiled.templates.values_mut().for_each(mark_links);
    let lints = lint_all(&compiled, &written).into_iter();
    let warnings = lints.map(|lint| {
        let place = Problem { line: lint.line, ..Problem::new(&lint.key, "") };
        Warning { at: locate(place), lint }
    });
    Ok(Loaded { warnings: warnings.collect(), compiled, used, lines })
}

/// Leaves out what only follows from a tag that is never closed.
fn causes(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_torn = |one: &Diagnostic| one.message.ends_with(NEVER_CLOSED);
    let torn: BTreeSet<String> =
        diagnostics.iter().filter(|one| is_torn(one)).map(|one| one.file.clone()).collect();
    diagnostics.retain(|one| is_torn(one) || !torn.contains(&one.file));
    diagnostics
}

/// Finds bad links in the templates as the author wrote them.
fn wrong_links(compiled: &Compiled) -> Vec<Problem> {
    let parts = compiled.templates.iter().flat_map(|(name, source)| {
        source.parts().into_iter().map(move |(part, text, markup)| (name, part, text, markup))
    });
    parts
        .flat_map(|(name, part, text, markup)| link_problems(&part_name(name, part), text, markup))
        .collect()
}

/// Lints every template, both as written and as compiled.
fn lint_all(compiled: &Compiled, written: &BTreeMap<String, TemplateSource>) -> Vec<Lint> {
    let Ok(templates) = Templates::new(&compiled.templates) else { return Vec::new() };
    let used = written.iter().filter(|(name, _)| compiled.templates.contains_key(*name));
    let lints = used.flat_map(|(name, source)| lint(name, source, &templates, compiled));
    lints.chain(doubts(&compiled.campaign)).collect()
}

/// Compiles MJML to HTML with the preheader at its top, and makes the plain text if there is none.
fn compile(name: &str, source: &mut TemplateSource) -> Result<(), Problem> {
    let TemplateSource::Email { preheader, html, text, .. } = source else { return Ok(()) };
    let problem = |line, message| {
        let problem = Problem::new(format!("{name}/html"), message);
        Problem { line: Some(line), ..problem }
    };
    if let (false, Some(at)) = (preheader.is_empty(), html.find("<mj-preview")) {
        let line = 1 + html[..at].matches('\n').count();
        let message = "there is a preheader already: <mj-preview>, and the file preheader.hbs";
        return Err(problem(line, message.to_owned()).help("keep one of them"));
    }
    *html = compile_mjml(html).map_err(|error| problem(error.line, error.message))?;
    if text.is_empty() {
        *text = plain_text(html);
    }
    if !preheader.is_empty() {
        *html = with_preheader(html, preheader);
    }
    Ok(())
}

/// Whether a problem only repeats that a file is missing.
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
            && used.insert(name.clone())
        {
            let versions = languages(&compiled.templates, &name);
            open.extend(versions.map(|language| format!("{name}/{language}")));
            open.extend(partials_of(source).into_iter().map(|name| format!("partials/{name}")));
        }
    }
    compiled.templates.retain(|name, _| used.contains(name));
}

/// Finds pages of two campaigns on one path, and two campaigns with one id.
fn collisions(loaded: &[Loaded]) -> Vec<Diagnostic> {
    let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for Loaded { compiled, lines, .. } in loaded {
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

/// A problem with a file, at its line.
fn in_file(path: &Path, problem: Problem) -> Diagnostic {
    let line = problem.line.unwrap_or(1);
    Diagnostic { line, help: problem.help, ..at_file(path, problem.message) }
}

/// A problem with a file as a whole.
fn at_file(path: &Path, message: String) -> Diagnostic {
    Diagnostic { file: shown(path), line: 1, column: 1, key: String::new(), message, help: None }
}

/// Formats a path with `/` on every system.
fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
