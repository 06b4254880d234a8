//! Which phone numbers exist, according to the numbering plans of libphonenumber (`build.rs` writes
//! the table), and how a dialled number becomes an international one.

use regex_lite::{Captures, Regex};

static PLANS: &[Plan] = include!(concat!(env!("OUT_DIR"), "/numbering_plans.rs"));

/// The digits of the longest country code (ITU-T E.164 section 6.2.1).
const CODE_DIGITS_MAX: usize = 3;

/// The numbering plan of a country, or of a worldwide service such as +800. An empty pattern means
/// that there is none. If several countries share a code, the main one comes first.
pub struct Plan {
    /// An ISO 3166 code; `001` for a service.
    country: &'static str,
    /// The country code, in digits.
    code: &'static str,
    /// The prefix dialled before a foreign number, a pattern.
    international_prefix: &'static str,
    /// The prefix dialled before a number inside the country, a pattern.
    national_prefix: &'static str,
    /// The replacement for the prefix if the last group of the pattern matches.
    transform: &'static str,
    /// The leading digits of all numbers of this country, a pattern, if others share the code.
    leading_digits: &'static str,
    /// The shape of every number, a pattern.
    shape: &'static str,
    /// The existing numbers: a set of lengths (bit 9: nine digits) and the pattern for them.
    kinds: &'static [(u32, &'static str)],
}

impl Plan {
    /// Returns the plan of a country by its ISO 3166 code in capitals.
    pub fn of(country: &str) -> Option<&'static Plan> {
        PLANS.iter().find(|plan| plan.country == country && country != "001")
    }
}

/// Returns a dialled number (digits, with a `+` before a country code) in E.164, if it exists. A
/// number without `+` is dialled in the country of `home`. The steps are those of libphonenumber.
pub fn to_e164(dialled: &str, home: Option<&Plan>) -> Option<String> {
    let (code, national) = match dialled.strip_prefix('+') {
        Some(international) => split_code(international)?,
        None => leave_country(dialled, home?)?,
    };
    let plan = match home {
        Some(home) if home.code == code => home,
        _ => plans(code).next()?,
    };
    let bare = plan.without_national_prefix(national);
    let national = if plan.has_length(&bare) { &bare } else { national };
    exists(code, national).then(|| format!("+{code}{national}"))
}

/// Returns the countries that a number in E.164 may belong to: all that share its country code.
pub fn countries(e164: &str) -> impl Iterator<Item = &'static str> {
    let code = e164.strip_prefix('+').and_then(split_code).map_or("", |(code, _)| code);
    plans(code).map(|plan| plan.country)
}

/// Returns a number in E.164 without the code of its country.
pub fn national(e164: &str) -> Option<&str> {
    e164.strip_prefix('+').and_then(split_code).map(|(_, national)| national)
}

/// Splits a number dialled in the country of `home` into a country code and the rest.
fn leave_country<'a>(dialled: &'a str, home: &Plan) -> Option<(&'static str, &'a str)> {
    if let Some(prefix) = at_start(home.international_prefix, dialled) {
        let foreign = &dialled[prefix[0].len()..];
        if !foreign.starts_with('0') {
            return split_code(foreign);
        }
    }
    // The country's own code may have been typed without the `+`.
    if let Some(rest) = dialled.strip_prefix(home.code)
        && !home.fits(dialled)
        && home.fits(&home.without_national_prefix(rest))
    {
        return Some((home.code, rest));
    }
    Some((home.code, dialled))
}

/// Splits an international number. No country code is a prefix of another.
fn split_code(international: &str) -> Option<(&'static str, &str)> {
    (1..=CODE_DIGITS_MAX).find_map(|digits| {
        let (code, national) = international.split_at_checked(digits)?;
        Some((plans(code).next()?.code, national))
    })
}

/// Returns whether a number exists in a country of this code.
fn exists(code: &str, national: &str) -> bool {
    plans(code)
        .filter(|plan| {
            plan.leading_digits.is_empty() || at_start(plan.leading_digits, national).is_some()
        })
        .any(|plan| plan.has(national))
}

fn plans(code: &str) -> impl Iterator<Item = &'static Plan> {
    PLANS.iter().filter(move |plan| plan.code == code)
}

impl Plan {
    /// Removes the prefix that is dialled before the number inside the country. It is not treated
    /// as a prefix if the number is valid only with it.
    fn without_national_prefix(&self, number: &str) -> String {
        let Some(found) = at_start(self.national_prefix, number) else {
            return number.to_owned();
        };
        let mut bare = String::with_capacity(number.len());
        if !self.transform.is_empty() && found.get(found.len() - 1).is_some() {
            found.expand(self.transform, &mut bare);
        }
        bare.push_str(&number[found[0].len()..]);
        if self.fits(number) && !self.fits(&bare) { number.to_owned() } else { bare }
    }

    fn fits(&self, number: &str) -> bool {
        is_match(self.shape, number)
    }

    fn has_length(&self, number: &str) -> bool {
        self.kinds.iter().any(|(lengths, _)| is_among(number.len(), *lengths))
    }

    fn has(&self, number: &str) -> bool {
        let is_kind = |(lengths, pattern): &(u32, &str)| {
            is_among(number.len(), *lengths) && is_match(pattern, number)
        };
        self.kinds.iter().any(is_kind) && self.fits(number)
    }
}

fn is_among(length: usize, lengths: u32) -> bool {
    length < 32 && lengths & (1 << length) != 0
}

/// Returns whether all of `text` matches.
fn is_match(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}

/// Returns the match at the beginning of `text`.
fn at_start<'a>(pattern: &str, text: &'a str) -> Option<Captures<'a>> {
    if pattern.is_empty() {
        return None;
    }
    Regex::new(&format!("^(?:{pattern})")).ok()?.captures(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use phonenumber::metadata::{DATABASE, Descriptor};

    /// Returns every example number of libphonenumber, as `(country, code, number)`.
    fn examples() -> Vec<(String, String, String)> {
        let mut examples = Vec::new();
        for code in 1..=999_u16 {
            for plan in DATABASE.by_code(&code).unwrap_or_default() {
                let all = plan.descriptors();
                let kinds = [all.mobile(), all.fixed_line(), all.toll_free(), all.voip()];
                let numbers = kinds.into_iter().flatten().filter_map(Descriptor::example);
                examples.extend(
                    numbers.map(|it| (plan.id().to_owned(), code.to_string(), it.to_owned())),
                );
            }
        }
        examples
    }

    #[test]
    fn every_pattern_is_a_valid_regex() {
        for plan in PLANS {
            let mut patterns = vec![plan.shape];
            patterns.extend([plan.international_prefix, plan.national_prefix, plan.leading_digits]);
            patterns.extend(plan.kinds.iter().map(|(_, pattern)| *pattern));
            for pattern in patterns {
                assert!(Regex::new(pattern).is_ok(), "{}: {pattern}", plan.country);
            }
        }
    }

    #[test]
    fn example_numbers_of_all_countries_are_valid() {
        let examples = examples();
        assert!(examples.len() > 700, "{}", examples.len());
        for (country, code, number) in examples {
            let e164 = Some(format!("+{code}{number}"));
            let home = Plan::of(&country);
            let foreign = Plan::of(if country == "DE" { "FR" } else { "DE" });
            assert_eq!(to_e164(&format!("+{code}{number}"), None), e164, "{country}");
            assert_eq!(to_e164(&format!("+{code}{number}"), home), e164, "{country}");
            assert_eq!(to_e164(&format!("00{code}{number}"), foreign), e164, "{country}");
            if home.is_some() {
                assert_eq!(to_e164(&number, home), e164, "{country}");
            }
        }
    }

    #[test]
    fn form_region_does_not_change_international_number() {
        for (dialled, home) in
            [("+390669812345", "CN"), ("+12125001234", "CN"), ("+78005553535", "GB")]
        {
            assert_eq!(to_e164(dialled, Plan::of(home)).as_deref(), Some(dialled), "{home}");
        }
    }

    #[test]
    fn national_prefixes_are_removed() {
        for (dialled, home, e164) in [
            ("88005553535", "RU", "+78005553535"),
            ("02070313000", "GB", "+442070313000"),
            ("011442070313000", "US", "+442070313000"),
            ("0111523456789", "AR", "+5491123456789"),
            ("4560123", "BS", "+12424560123"),
        ] {
            let found = to_e164(dialled, Plan::of(home));
            assert_eq!(found.as_deref(), Some(e164), "{dialled}");
        }
    }

    #[test]
    fn too_short_or_long_numbers_are_refused() {
        for (country, code, number) in examples() {
            let short = &number[..2];
            assert_eq!(to_e164(&format!("+{code}{short}"), None), None, "{country}");
            let long = format!("+{code}{number}{number}{number}");
            assert_eq!(to_e164(&long, None), None, "{country}");
        }
        assert_eq!(to_e164("", Plan::of("GB")), None);
        assert_eq!(to_e164("+", None), None);
        assert_eq!(to_e164("+0044", None), None);
    }
}
