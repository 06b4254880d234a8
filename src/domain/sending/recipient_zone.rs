//! The clock that counts for a recipient: the time zone, and the hours customary in a number's
//! country.

use crate::domain::base::primitives::Channel;
use crate::domain::contact::Contact;
use crate::domain::time::calendar;
use crate::domain::time::hours::{Hours, TimeWindow};
use jiff::tz::TimeZone;

/// Returns the zone of a recipient: the contact's own; or else, for SMS, that of the number's
/// country if it has only one; or else the campaign's.
pub(super) fn recipient(contact: &Contact, channel: Channel, campaign: &str) -> TimeZone {
    let phone = contact.phone.as_deref().filter(|_| channel == Channel::Sms);
    let by_phone = phone.and_then(zone_of_number);
    calendar::zone(&[contact.time_zone.as_deref(), by_phone, Some(campaign)])
}

/// The hours in which marketing SMS are customarily not sent, and the clocks that count if the
/// recipient's own is unknown: a time must be acceptable on each of them.
///
/// +1: 47 CFR 64.1200(c)(1) forbids telephone solicitations before 8:00 and after 21:00 on the
/// called party's clock. By (f)(15), calls with prior permission are not solicitations, but
/// lawsuits are brought over such texts too, so the hours are kept unless
/// `customary_hours = false`. The clocks are the outermost: Newfoundland and Hawaii.
/// +86: a custom of Chinese carriers; we found no statute.
const CUSTOMARY: &[(&str, &[&str])] =
    &[("+1", &["America/St_Johns", "Pacific/Honolulu"]), ("+86", &["Asia/Shanghai"])];

const CUSTOMARY_QUIET: Hours = Hours::daily(21, 8);

/// Returns these hours for a contact; none on other channels and in other countries.
pub(super) fn customary(contact: &Contact, channel: Channel) -> Vec<TimeWindow> {
    let phone = contact.phone.as_deref().filter(|_| channel == Channel::Sms).unwrap_or_default();
    let Some((_, all)) = CUSTOMARY.iter().find(|(code, _)| phone.starts_with(code)) else {
        return Vec::new();
    };
    let own = contact.time_zone.as_deref().filter(|name| calendar::is_zone(name));
    let zones = own.map_or_else(|| all.to_vec(), |own| vec![own]);
    let gate = |name: &str| TimeWindow {
        hours: CUSTOMARY_QUIET,
        opens: false,
        zone: calendar::zone(&[Some(name)]),
    };
    zones.into_iter().map(gate).collect()
}

/// Returns the zone of a number in E.164, if its whole country (by ITU-T E.164's code) has one
/// clock.
fn zone_of_number(phone: &str) -> Option<&'static str> {
    let digits = phone.strip_prefix('+')?;
    // No country code is a prefix of another.
    ZONES.iter().find(|(code, _)| digits.starts_with(code)).map(|(_, zone)| *zone)
}

/// Countries with one clock. Those with several are left out, such as +1, +7, +34 and +61.
const ZONES: &[(&str, &str)] = &[
    ("20", "Africa/Cairo"),
    ("27", "Africa/Johannesburg"),
    ("30", "Europe/Athens"),
    ("31", "Europe/Amsterdam"),
    ("32", "Europe/Brussels"),
    ("33", "Europe/Paris"),
    ("353", "Europe/Dublin"),
    ("358", "Europe/Helsinki"),
    ("36", "Europe/Budapest"),
    ("39", "Europe/Rome"),
    ("40", "Europe/Bucharest"),
    ("41", "Europe/Zurich"),
    ("420", "Europe/Prague"),
    ("421", "Europe/Bratislava"),
    ("43", "Europe/Vienna"),
    ("44", "Europe/London"),
    ("45", "Europe/Copenhagen"),
    ("46", "Europe/Stockholm"),
    ("47", "Europe/Oslo"),
    ("48", "Europe/Warsaw"),
    ("49", "Europe/Berlin"),
    ("60", "Asia/Kuala_Lumpur"),
    ("63", "Asia/Manila"),
    ("65", "Asia/Singapore"),
    ("66", "Asia/Bangkok"),
    ("81", "Asia/Tokyo"),
    ("82", "Asia/Seoul"),
    ("84", "Asia/Ho_Chi_Minh"),
    ("852", "Asia/Hong_Kong"),
    ("853", "Asia/Macau"),
    ("86", "Asia/Shanghai"),
    ("880", "Asia/Dhaka"),
    ("886", "Asia/Taipei"),
    ("90", "Europe/Istanbul"),
    ("91", "Asia/Kolkata"),
    ("966", "Asia/Riyadh"),
    ("971", "Asia/Dubai"),
    ("972", "Asia/Jerusalem"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_tables_are_valid_and_prefix_free() {
        for (code, zone) in ZONES {
            assert!(calendar::is_zone(zone), "{zone}");
            let begins = ZONES.iter().filter(|(other, _)| other.starts_with(code)).count();
            assert_eq!(begins, 1, "{code}");
        }
        for zone in CUSTOMARY.iter().flat_map(|(_, zones)| *zones) {
            assert!(calendar::is_zone(zone), "{zone}");
        }
    }

    #[test]
    fn phone_gives_zone_only_for_single_zone_countries() {
        assert_eq!(zone_of_number("+8613800138000"), Some("Asia/Shanghai"));
        assert_eq!(zone_of_number("+442079460000"), Some("Europe/London"));
        assert_eq!(zone_of_number("+15555550100"), None);
        assert_eq!(zone_of_number("+34600000000"), None);
    }
}
