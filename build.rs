//! Writes the numbering plans of libphonenumber as a table of static data, for
//! `src/domain/contact/phone.rs`. The data comes from the crate `phonenumber`; loading all of it at
//! run time would cost a cold isolate hundreds of milliseconds and 0.4 MB (gzipped) of regular
//! expressions.

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::{env, error, fs, path};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let mut table = String::from("&[\n");
    for code in 1..=999_u16 {
        // The main country of a code comes first.
        for plan in DATABASE.by_code(&code).unwrap_or_default() {
            write_plan(&mut table, plan)?;
        }
    }
    table.push_str("]\n");
    let out = path::PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("numbering_plans.rs"), table)?;
    Ok(())
}

fn write_plan(table: &mut String, plan: &Metadata) -> Result<(), std::fmt::Error> {
    let national_prefix = match plan.national_prefix_for_parsing() {
        Some(pattern) => compact(pattern.as_str()),
        None => plan.national_prefix().unwrap_or_default().to_owned(),
    };
    let pattern_of = |pattern: Option<&str>| pattern.map(compact).unwrap_or_default();
    writeln!(
        table,
        "Plan {{ country: {:?}, code: \"{}\", international_prefix: {:?}, national_prefix: {:?}, \
         transform: {:?}, leading_digits: {:?}, shape: {:?}, kinds: &{:?} }},",
        plan.id(),
        plan.country_code(),
        pattern_of(plan.international_prefix().map(|pattern| pattern.as_str())),
        national_prefix,
        plan.national_prefix_transform_rule().unwrap_or_default(),
        pattern_of(plan.leading_digits().map(|pattern| pattern.as_str())),
        compact(plan.descriptors().general().national_number().as_str()),
        kinds(plan),
    )
}

/// Returns the patterns of all kinds of valid numbers, each with the set of its lengths (bit 9:
/// nine digits).
fn kinds(plan: &Metadata) -> Vec<(u32, String)> {
    let all = plan.descriptors();
    let kinds = [
        all.mobile(),
        all.fixed_line(),
        all.toll_free(),
        all.premium_rate(),
        all.shared_cost(),
        all.personal_number(),
        all.voip(),
        all.pager(),
        all.uan(),
        all.voicemail(),
    ];
    let mut by_lengths: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for kind in kinds.into_iter().flatten() {
        let patterns = by_lengths.entry(lengths(kind)).or_default();
        let pattern = compact(kind.national_number().as_str());
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    by_lengths.into_iter().map(|(lengths, patterns)| (lengths, patterns.join("|"))).collect()
}

fn lengths(kind: &Descriptor) -> u32 {
    kind.possible_length().iter().fold(0, |set, length| set | 1 << length)
}

/// Removes the formatting spaces from a pattern.
fn compact(pattern: &str) -> String {
    pattern.split_whitespace().collect()
}
