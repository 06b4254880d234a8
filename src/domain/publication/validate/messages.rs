//! Validates what a campaign configures for its messages.

use super::{Check, LINE_CHARS_MAX};
use crate::domain::base::diagnostic::Problem;
use crate::domain::campaign::tracking::is_region;
use crate::domain::sms::encoding::SEGMENTS_MAX;

/// The most characters of a signature: Chinese operators register no longer ones.
const SIGNATURE_CHARS_MAX: usize = 20;
/// The most characters of the opt-out text: an SMS segment in Chinese holds only 70 in all.
const OPT_OUT_CHARS_MAX: usize = 60;
/// The most number prefixes with a price: more than there are countries.
const PRICES_MAX: usize = 300;
/// The most regions without tracking: as many as there are countries.
const REGIONS_MAX: usize = 300;
/// The longest number prefix, in digits: a country code (ITU-T E.164) and an area code.
const BEGINNING_DIGITS_MAX: usize = 7;

impl Check<'_> {
    pub(super) fn texting(&mut self) {
        let sms = &self.campaign.sms;
        let (signature, opt_out) = (&sms.signature, &sms.opt_out);
        let is_bare = !signature.contains(['【', '】', '\n', '\r']);
        let key = "campaign.sms.signature";
        self.ensure(is_bare, key, "write only the name; 【】 is added");
        let is_short = signature.chars().count() <= SIGNATURE_CHARS_MAX;
        self.ensure(is_short, key, "a signature must have at most 20 characters");
        let is_short = opt_out.chars().count() <= OPT_OUT_CHARS_MAX;
        let key = "campaign.sms.opt_out";
        self.ensure(is_short, key, "at most 60 characters, because it is part of every message");
        if !opt_out.is_empty() && !crate::domain::sms::settings::has_opt_out(opt_out) {
            let problem = Problem::new(key, "does not say how to opt out");
            let example = "such as `Reply STOP to opt out` or `拒收请回复R`";
            self.problems.push(problem.help(example));
        }
        let is_possible = sms.segments_max.is_none_or(|max| {
            usize::try_from(max).is_ok_and(|max| (1..=SEGMENTS_MAX).contains(&max))
        });
        self.ensure(is_possible, "campaign.sms.segments_max", "must be from 1 to 10 segments");
        self.count("campaign.sms.price", sms.prices.len(), PRICES_MAX, "prices");
        for begin in sms.prices.keys() {
            let digits = begin.strip_prefix('+').unwrap_or("x");
            let is_begin = digits.len() <= BEGINNING_DIGITS_MAX
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !is_begin {
                let key = format!("campaign.sms.price.{begin}");
                let problem =
                    Problem::new(key, format!("`{begin}` is not the beginning of a phone number"));
                self.problems.push(problem.help("write \"+86\", or \"+\" for all other numbers"));
            }
        }
    }

    pub(super) fn tracking(&mut self) {
        let tracking = &self.campaign.tracking;
        self.count("campaign.tracking.off_in", tracking.off_in.len(), REGIONS_MAX, "places");
        for (index, region) in tracking.off_in.iter().enumerate() {
            if !is_region(region) {
                let key = format!("campaign.tracking.off_in[{}]", index + 1);
                let problem =
                    Problem::new(key, format!("`{region}` is not a country or a time zone"));
                self.problems
                    .push(problem.help("write \"DE\", or \"Europe/\" for all zones there"));
            }
        }
        let tags = tracking.utm.iter().flat_map(|utm| {
            let tags = [&utm.source, &utm.medium, &utm.campaign, &utm.content];
            tags.into_iter().flatten()
        });
        let is_short = tags.into_iter().all(|tag| tag.chars().count() <= LINE_CHARS_MAX);
        self.ensure(is_short, "campaign.tracking.utm", "a tag must have at most 300 characters");
    }
}
