//! Regions: the provinces and prefectures of China by their codes of GB/T 2260, and the regions of
//! other countries by their codes of ISO 3166-2.
//!
//! A region is kept as a country (`CN`), or a country and a code within it: `CN-32` is Jiangsu,
//! `CN-3201` Nanjing in Jiangsu, `US-CA` California. The code of a place in China begins with that
//! of the place that contains it. Names are known for China only, and districts are not: the list
//! would be five times as large.

use super::reason::FieldReason;
use crate::domain::base::language::Language;
use crate::domain::contact::address::half_width;
use crate::domain::contact::country::{self, Country};

/// Lines of code, Chinese name, English name, and the letters of ISO 3166-2 for a province.
const CHINA: &str = include_str!("china.tsv");

/// The longest region as typed, in characters: a province and an autonomous prefecture with their
/// full names, in English as well.
const REGION_CHARS_MAX: usize = 100;

/// The letters or digits of a code of ISO 3166-2 after the country.
const SUBDIVISION_CHARS_MAX: usize = 3;

/// A place in China.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The code of GB/T 2260 without the zeros at its end: two digits for a province, four for a
    /// prefecture, six for a county directly under a province.
    pub code: &'static str,
    chinese: &'static str,
    english: &'static str,
    /// The letters of ISO 3166-2; empty unless it is a province.
    letters: &'static str,
}

/// The condition of a rule that finds the records of a region and of all regions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// The kept text is this: nothing is known to lie in the region, and another region's code may
    /// begin with its code.
    Is(String),
    /// The kept text starts with this.
    StartsWith(String),
}

/// Returns all places of China that are known, in the order of their codes.
pub fn places() -> impl Iterator<Item = Place> + Clone {
    CHINA.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut parts = line.split('\t');
        let mut next = || parts.next().unwrap_or_default();
        Place { code: next(), chinese: next(), english: next(), letters: next() }
    })
}

/// Reads a region: a code (`CN-32`, `CN-JS`, `320000`, `3201`, `US-CA`, `US`) or a name in China
/// (`江苏`, `江苏省南京市`, `Nanjing`). Of a province and a city with the same name, the province is
/// meant.
pub fn read(typed: &str) -> Result<String, FieldReason> {
    super::text::check_line(typed, REGION_CHARS_MAX)?;
    let text: String = typed.chars().map(half_width).collect();
    let text = text.trim();
    if let Some(kept) = by_code(text) {
        return Ok(kept);
    }
    let text = text.strip_prefix("中国").unwrap_or(text).trim_start_matches(['/', '-', ' ']);
    let in_china = by_name(text)?.or_else(|| by_two_names(text));
    let kept = in_china.map(|place| format!("CN-{}", place.code));
    kept.or_else(|| country_named(text).map(|it| it.code.to_owned())).ok_or(FieldReason::NotARegion)
}

/// Returns whether a text has the shape of a kept region. One whose code was withdrawn since stays
/// valid where it is kept.
pub fn is_kept(text: &str) -> bool {
    let (country, code) = text.split_once('-').map_or((text, None), |(c, code)| (c, Some(code)));
    let is_known = country::find(country).is_some_and(|found| found.code == country);
    let is_code = |code: &str| match country {
        "CN" => matches!(code.len(), 2 | 4 | 6) && code.bytes().all(|b| b.is_ascii_digit()),
        _ => {
            let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
            (1..=SUBDIVISION_CHARS_MAX).contains(&code.len()) && code.bytes().all(is_plain)
        }
    };
    is_known && code.is_none_or(is_code)
}

/// Returns how a rule finds a kept region with all that lies in it.
pub fn within(kept: &str) -> Within {
    match kept.split_once('-') {
        None => Within::StartsWith(kept.to_owned()),
        Some(("CN", _)) => Within::StartsWith(kept.to_owned()),
        Some(_) => Within::Is(kept.to_owned()),
    }
}

/// Returns the country of a kept region.
pub fn country_of(kept: &str) -> &str {
    kept.split('-').next().unwrap_or_default()
}

/// Returns the name of a kept region for people: `江苏省南京市`, `Nanjing, Jiangsu`. A region of another
/// country is its code after the country's name; a code that is not known stays as it is.
pub fn shown(kept: &str, language: Language) -> String {
    let country = country::find(country_of(kept)).map(|found| found.name(language));
    let Some((_, code)) = kept.split_once('-') else {
        return country.unwrap_or(kept).to_owned();
    };
    if country_of(kept) != "CN" {
        return country.map_or(kept.to_owned(), |name| format!("{name} {kept}"));
    }
    let Some(place) = find(code) else { return kept.to_owned() };
    let name = place.name(language);
    match find(&code[..2]).filter(|province| *province != place) {
        None => name.to_owned(),
        Some(province) => {
            let province = province.name(language);
            language.pick(format!("{name}, {province}"), format!("{province}{name}"))
        }
    }
}

impl Place {
    /// Returns the name: in Chinese the full one, in English without the kind of place.
    pub fn name(&self, language: Language) -> &'static str {
        language.pick(self.english, self.chinese)
    }

    fn is_province(&self) -> bool {
        self.code.len() == 2
    }

    /// Returns what a text has after the place's name, full or short; `None` if it does not begin
    /// with the name. The longest name is meant.
    fn after_name<'t>(&self, text: &'t str) -> Option<&'t str> {
        let short = self.chinese.trim_end_matches(['省', '市', '盟', '县']);
        let short = short.strip_suffix("地区").unwrap_or(short);
        let rest = text.strip_prefix(self.chinese).or_else(|| text.strip_prefix(short));
        rest.or_else(|| {
            // The short names of autonomous places and of the two special ones.
            let is_long = ["自治区", "自治州", "自治县", "特别行政区", "林区"]
                .iter()
                .any(|kind| self.chinese.ends_with(kind));
            let shared = text.chars().zip(self.chinese.chars()).take_while(|(a, b)| a == b);
            let bytes: usize = shared.map(|(a, _)| a.len_utf8()).sum();
            (is_long && bytes >= "西藏".len()).then(|| &text[bytes..])
        })
    }

    fn is_named(&self, text: &str) -> bool {
        self.english.eq_ignore_ascii_case(text) || self.after_name(text) == Some("")
    }
}

fn find(code: &str) -> Option<Place> {
    places().find(|place| place.code == code)
}

fn by_code(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    if let Some(code) = text.strip_prefix("CN-").or(Some(&*text)).filter(|code| is_digits(code)) {
        // Only pairs of zeros are left out: 110000 is Beijing, 11; 4290 is not a place.
        let code = if code.len() == 6 { code.strip_suffix("00").unwrap_or(code) } else { code };
        let code = if code.len() == 4 { code.strip_suffix("00").unwrap_or(code) } else { code };
        return find(code).map(|place| format!("CN-{}", place.code));
    }
    match text.strip_prefix("CN-") {
        Some(letters) => {
            let place = places().find(|place| place.is_province() && place.letters == letters);
            place.map(|place| format!("CN-{}", place.code))
        }
        None => is_kept(&text).then_some(text),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn by_name(text: &str) -> Result<Option<Place>, FieldReason> {
    if text.is_empty() {
        return Ok(None);
    }
    let named: Vec<Place> = places().filter(|place| place.is_named(text)).collect();
    let full = named.iter().find(|place| place.chinese == text);
    if let Some(place) = full.or_else(|| named.iter().find(|place| place.is_province())) {
        return Ok(Some(*place));
    }
    match named.as_slice() {
        [] => Ok(None),
        [place] => Ok(Some(*place)),
        several => Err(FieldReason::SeveralRegions(
            several.iter().map(|place| format!("CN-{}", place.code)).collect(),
        )),
    }
}

/// Reads a province and a place in it, `江苏省南京市`, `江苏 南京` or `Nanjing, Jiangsu`.
fn by_two_names(text: &str) -> Option<Place> {
    let marks = [' ', '/', ',', '-', '、'];
    let in_province = |province: &Place, name: &str| {
        let mut inside = places().filter(|p| p.code.starts_with(province.code) && p != province);
        inside.find(|place| place.is_named(name))
    };
    let mut provinces = places().filter(Place::is_province);
    if let Some((place, province)) = text.split_once(',')
        && let Some(found) = provinces.clone().find(|it| it.is_named(province.trim()))
        && let Some(place) = in_province(&found, place.trim())
    {
        return Some(place);
    }
    provinces.find_map(|province| {
        let rest = province.after_name(text)?.trim_matches(marks);
        in_province(&province, rest)
    })
}

fn country_named(text: &str) -> Option<Country> {
    country::find(text).or_else(|| super::country_named(text))
}
