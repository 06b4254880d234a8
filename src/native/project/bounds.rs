//! Which files and folders belong to the project: those below one folder, after links are resolved.

use crate::domain::base::diagnostic::Problem;
use crate::native::encoding;
use encoding_rs::UTF_8;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A folder that links must not lead out of.
pub struct Bounds {
    /// The path as given.
    folder: PathBuf,
    /// The resolved path.
    real: io::Result<PathBuf>,
}

impl Bounds {
    /// Creates the bounds of a folder.
    pub fn of(folder: &Path) -> Self {
        // The parent of `campaigns` is the present folder.
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Self { folder: folder.to_owned(), real: here.canonicalize() }
    }

    /// Resolves a path in the folder, or returns why it is refused: the target of a link that leads
    /// out of the folder is not part of the project.
    pub fn admit(&self, path: &Path) -> Result<PathBuf, String> {
        let real = path.canonicalize();
        let link = self.link(path);
        match (&self.real, &link, real) {
            (Ok(folder), _, Ok(real)) if real.starts_with(folder) => Ok(real),
            (_, Some(link), Ok(real)) => Err(format!(
                "`{}` is a link to `{}`, outside `{}`: put what it leads to in its place",
                link.display(),
                real.display(),
                self.shown()
            )),
            (_, Some(link), Err(error)) => {
                Err(format!("`{}` is a link that leads nowhere: {error}", link.display()))
            }
            (Ok(_), None, Ok(_)) => Err(format!("is outside `{}`", self.shown())),
            (Err(error), None, _) => Err(cannot(error)),
            (_, None, Err(error)) => Err(cannot(&error)),
        }
    }

    /// Reads a file of the folder as text.
    pub fn read_text(&self, path: &Path, bytes_max: usize) -> Result<String, Problem> {
        self.admit(path).map_err(|message| Problem::new("", message))?;
        text_of(path, bytes_max)
    }

    /// Returns the outermost link on the way from the folder to a path in it.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.ancestors().take_while(|way| *way != self.folder);
        let is_link = |way: &&Path| fs::symlink_metadata(way).is_ok_and(|found| found.is_symlink());
        inside.filter(is_link).last().map(Path::to_owned)
    }

    fn shown(&self) -> String {
        match &self.real {
            Ok(real) => real.display().to_string(),
            Err(_) => self.folder.display().to_string(),
        }
    }
}

/// Reads a file as text, without a byte order mark and with `\n` as line ending. Refuses anything
/// but a regular file: a pipe might never end.
pub fn read_text(path: &Path, bytes_max: usize) -> Result<String, String> {
    text_of(path, bytes_max).map_err(in_a_line)
}

/// Like `read_text`, but also reads a pipe, for a path that a person typed.
pub fn read_stream(path: &Path, bytes_max: usize) -> Result<String, String> {
    bytes_of(path, bytes_max).and_then(|bytes| decoded(path, &bytes)).map_err(in_a_line)
}

/// Reads a file as text. If it is not UTF-8, the error names the line and the likely encoding.
pub(super) fn text_of(path: &Path, bytes_max: usize) -> Result<String, Problem> {
    let found = fs::metadata(path).map_err(|error| Problem::new("", cannot(&error)))?;
    if !found.is_file() {
        return Err(Problem::new("", format!("is {}, not a file", kind(found.file_type()))));
    }
    if found.len() > bytes_max as u64 {
        let message = format!("the file has {} bytes; the limit is {bytes_max}", found.len());
        return Err(Problem::new("", message));
    }
    decoded(path, &bytes_of(path, bytes_max)?)
}

fn bytes_of(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let file = File::open(path).map_err(|error| Problem::new("", cannot(&error)))?;
    let mut bytes = Vec::new();
    let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::new("", cannot(&error)))?;
    if bytes.len() > bytes_max {
        let message = format!("it has more than {bytes_max} bytes, which is the limit");
        return Err(Problem::new("", message));
    }
    Ok(bytes)
}

/// Decodes the bytes of a file.
fn decoded(path: &Path, bytes: &[u8]) -> Result<String, Problem> {
    let problem = |message: String| Problem::new("", message);
    let line_at = |at: usize| Some(1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count());
    let encoding = encoding::of(bytes);
    if encoding != UTF_8 {
        let broken = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
        let message = format!("is not UTF-8; it seems to be {}", encoding::name(encoding));
        let advice = format!(
            "save it as UTF-8 in your editor, or: iconv -f {} -t UTF-8 {file} > new && \
             mv new {file}",
            encoding.name(),
            file = path.file_name().unwrap_or_default().to_string_lossy(),
        );
        return Err(Problem { line: line_at(broken), ..problem(message).help(advice) });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let advice = "a few bytes are broken: write what stands there again, and save as UTF-8";
        let broken = problem("is not UTF-8 text".to_owned()).help(advice);
        Problem { line: line_at(error.valid_up_to()), ..broken }
    })?;
    if let Some(at) = text.find('\0') {
        let advice = "delete it, or save the file again as text in UTF-8";
        let zero = problem("holds a zero byte (NUL), which no text does".to_owned()).help(advice);
        return Err(Problem { line: line_at(at), ..zero });
    }
    let text = text.trim_start_matches('\u{feff}');
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Formats a problem with its line and its remedy in one line.
fn in_a_line(problem: Problem) -> String {
    let Problem { line, message, help, .. } = problem;
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let help = help.map(|help| format!("; {help}")).unwrap_or_default();
    format!("{line}{message}{help}")
}

fn cannot(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Returns what an entry is that is not a file.
fn kind(found: FileType) -> &'static str {
    if found.is_dir() { "a folder" } else { "a pipe or a device" }
}
