//! The consents that an import brings, each with its evidence.

use super::reading::RowProblem;
use crate::domain::base::primitives::{Channel, Millis, QualifiedId};
use crate::domain::contact::consent::LawfulBasis;
use std::collections::BTreeMap;

/// The longest text of a consent, in characters, and the longest other value of its evidence.
const TEXT_CHARS_MAX: usize = 5_000;
const VALUE_CHARS_MAX: usize = 200;

/// What begins the names of the columns of consents.
pub const PREFIX: &str = "consent.";

/// The columns of consents: what was agreed to, and the evidence.
pub const COLUMNS: [&str; 9] = [
    "consent.purpose", "consent.channel", "consent.source", "consent.text", "consent.date",
    "consent.state", "consent.basis", "consent.cross_border", "consent.form",
];

/// A consent that was given elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedConsent {
    pub channel: Channel,
    pub purpose: String,
    pub state: ImportedState,
    /// Where it was given or withdrawn.
    pub source: String,
    /// The exact words agreed to.
    pub text: String,
    pub basis: LawfulBasis,
    pub cross_border: bool,
    /// The form of ours on which it was given, in a transfer from another dripline.
    pub form: Option<QualifiedId>,
    /// When it was given or withdrawn.
    pub at: Millis,
}

/// What became of a consent elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedState {
    /// Asked for by double opt-in, and not confirmed.
    Pending,
    Granted,
    /// The owner of the address proved to own it.
    Confirmed,
    Withdrawn,
}

impl ImportedState {
    const ALL: [(&str, Self); 4] = [
        ("pending", Self::Pending),
        ("granted", Self::Granted),
        ("confirmed", Self::Confirmed),
        ("withdrawn", Self::Withdrawn),
    ];
}

/// Reads the consents of a row from its cells: one for each channel. Without a purpose there is
/// none. A grant without evidence is refused.
pub fn read(
    cells: &BTreeMap<&str, &str>,
    now: Millis,
) -> Result<Vec<ImportedConsent>, Vec<RowProblem>> {
    let cell = |name: &str| cells.get(name).map_or("", |cell| cell.trim());
    let Some(purpose) = Some(cell("consent.purpose")).filter(|purpose| !purpose.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut problems = Vec::new();
    let state = named("consent.state", cell("consent.state"), &ImportedState::ALL)
        .map(|state| state.unwrap_or(ImportedState::Granted));
    let bases = [
        ("consent", LawfulBasis::Consent),
        ("contract", LawfulBasis::Contract),
        ("legitimate_interest", LawfulBasis::LegitimateInterest),
    ];
    let basis = named("consent.basis", cell("consent.basis"), &bases);
    let cross =
        [("true", true), ("yes", true), ("1", true), ("false", false), ("no", false), ("0", false)];
    let cross_border = named("consent.cross_border", cell("consent.cross_border"), &cross);
    let channels = channels(cell("consent.channel"));
    let at = date(cell("consent.date"), now);
    let mut take = |problem: Option<RowProblem>| problems.extend(problem);
    let (source, text) = (cell("consent.source"), cells.get("consent.text").map_or("", |t| t));
    if source.is_empty() {
        take(Some(RowProblem::new("consent.source", "say where it was given; evidence is needed")));
    }
    let is_grant = !matches!(state, Ok(ImportedState::Withdrawn | ImportedState::Confirmed));
    if is_grant && text.trim().is_empty() {
        take(Some(RowProblem::new("consent.text", "give the exact words that were agreed to")));
    }
    for (name, value, most) in [
        ("consent.purpose", purpose, VALUE_CHARS_MAX),
        ("consent.source", source, VALUE_CHARS_MAX),
        ("consent.form", cell("consent.form"), VALUE_CHARS_MAX),
        ("consent.text", text, TEXT_CHARS_MAX),
    ] {
        let is_long = value.chars().count() > most;
        take(is_long.then(|| RowProblem::new(name, format!("at most {most} characters"))));
    }
    take(state.as_ref().err().cloned());
    take(basis.as_ref().err().cloned());
    take(cross_border.as_ref().err().cloned());
    take(channels.as_ref().err().cloned());
    take(at.as_ref().err().cloned());
    let (Ok(state), Ok(basis), Ok(cross), Ok(channels), Ok(at), true) =
        (state, basis, cross_border, channels, at, problems.is_empty())
    else {
        return Err(problems);
    };
    let form = Some(cell("consent.form")).filter(|form| !form.is_empty());
    let consent = |channel| ImportedConsent {
        channel,
        purpose: purpose.to_owned(),
        state,
        source: source.to_owned(),
        text: text.to_owned(),
        basis: basis.unwrap_or_default(),
        cross_border: cross.unwrap_or_default(),
        form: form.map(QualifiedId::from),
        at,
    };
    Ok(channels.into_iter().map(consent).collect())
}

/// Finds a word among those that may be given; `None` if there is none.
fn named<T: Copy>(field: &str, word: &str, all: &[(&str, T)]) -> Result<Option<T>, RowProblem> {
    if word.is_empty() {
        return Ok(None);
    }
    let found = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        RowProblem::new(field, format!("write one of: {}", known.join(", ")))
    })
}

fn channels(cell: &str) -> Result<Vec<Channel>, RowProblem> {
    let known = [("email", Channel::Email), ("sms", Channel::Sms)];
    let words = cell.split(|c: char| c.is_whitespace() || ",;，；、".contains(c));
    let mut channels = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        channels.extend(named("consent.channel", word, &known)?);
    }
    match channels.is_empty() {
        true => Err(RowProblem::new("consent.channel", "write email, sms, or both")),
        false => Ok(channels),
    }
}

/// Reads a day or an instant in the past.
pub(super) fn date(cell: &str, now: Millis) -> Result<Millis, RowProblem> {
    let field = "consent.date";
    let day = format!("{cell}T00:00:00Z");
    let at = Millis::from_rfc3339(cell).or_else(|| Millis::from_rfc3339(&day));
    match at {
        None => Err(RowProblem::new(field, "write a day, 2026-03-31, or a time with its zone")),
        Some(at) if at > now => Err(RowProblem::new(field, "it is in the future")),
        Some(at) => Ok(at),
    }
}
