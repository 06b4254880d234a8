//! Made-up people: who they are, where they come from, and what they enter into a form. All of it
//! follows from a seed and is the same on every machine.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Ids, Millis, Span};
use crate::domain::campaign::Campaign;
use crate::domain::form::{Field, FieldKind, FieldOption, Form};

/// The random numbers of one seed.
#[derive(Clone, Debug)]
pub struct Dice(Ids);

impl Dice {
    /// Creates the generator of one person, or of one kind of question, under a seed.
    pub fn new(seed: u64, which: u64) -> Self {
        // The first word spreads neighbouring numbers over all 64 bits.
        let mixed =
            Ids::new(Millis(0), seed).next_u64() ^ Ids::new(Millis(0), which ^ 0x5eed).next_u64();
        Self(Ids::new(Millis(0), mixed))
    }

    /// Returns a number from 0 to `n` - 1; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Returns a number from 0 up to, but not including, 1.
    pub fn throw(&mut self) -> f64 {
        // A float holds exactly 53 bits.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns true with this probability.
    pub fn chance(&mut self, share: f64) -> bool {
        self.throw() < share
    }

    /// Picks one element.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// Returns a duration of at least `least`, often short and sometimes long: each doubling of it
    /// is equally likely, up to `doublings` of them.
    pub fn delay(&mut self, least: Span, doublings: u32) -> Span {
        let base = least.0 << self.below(u64::from(doublings));
        Span(base + self.below(base.unsigned_abs()) as i64)
    }

    /// Returns a duration from 0 up to `most`.
    pub fn within(&mut self, most: Span) -> Span {
        Span(self.below(most.0.max(0).unsigned_abs()) as i64)
    }
}

#[derive(Clone, Debug)]
pub struct Person {
    /// A random id, as in a visitor's cookie.
    pub visitor: String,
    /// Given name and family name.
    pub name: (&'static str, &'static str),
    /// The address, in lower case.
    pub email: String,
    /// The phone number, with a +.
    pub phone: String,
    /// ISO 3166 code.
    pub country: &'static str,
    /// IANA zone.
    pub time_zone: &'static str,
    /// The employer.
    pub company: &'static str,
    /// The channel of the visit; `None` for those who typed the address.
    pub channel: Option<String>,
    language: Language,
    /// The random numbers of this person.
    pub dice: Dice,
}

impl Person {
    /// Creates person `number` of a campaign's population.
    pub fn new(campaign: &Campaign, seed: u64, number: usize) -> Self {
        let mut dice = Dice::new(seed, number as u64);
        let language = Language::from_locale(&campaign.locale);
        let (given, family, places, companies) = match language {
            Language::English => (ENGLISH_GIVEN, ENGLISH_FAMILY, ENGLISH_PLACES, ENGLISH_COMPANIES),
            Language::Chinese => (CHINESE_GIVEN, CHINESE_FAMILY, CHINESE_PLACES, CHINESE_COMPANIES),
        };
        let (given, given_plain) = dice.pick(given).copied().unwrap_or_default();
        let (family, family_plain) = dice.pick(family).copied().unwrap_or_default();
        let (country, time_zone) = dice.pick(places).copied().unwrap_or_default();
        let company = dice.pick(companies).copied().unwrap_or_default();
        let number = number + 1;
        Self {
            visitor: format!("visitor-{number}"),
            name: (given, family),
            email: format!("{given_plain}.{family_plain}.{number}@example.com"),
            phone: match language {
                Language::English => format!("+447400{:06}", number % 1_000_000),
                Language::Chinese => format!("+86139{:08}", number % 100_000_000),
            },
            country,
            time_zone,
            company,
            channel: channel(campaign, &mut dice),
            language,
            dice,
        }
    }

    /// The query string of the link that this person followed.
    pub fn query(&self) -> String {
        self.channel.as_ref().map(|channel| format!("utm_source={channel}")).unwrap_or_default()
    }

    /// Returns the answers to a form: every required field, and some of the others. The person
    /// consents with the given probability, and always where the form requires it.
    pub fn answers(&mut self, form: &Form, consent: f64, now: Millis) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for field in &form.fields {
            let is_address = matches!(field.kind, FieldKind::Email);
            if field.required || is_address || self.dice.chance(OPTIONAL_SHARE) {
                self.answer(field, now, &mut answers);
            }
        }
        let is_reachable =
            |kind: &FieldKind| matches!(kind, FieldKind::Email | FieldKind::Tel { .. });
        let has_address = form
            .fields
            .iter()
            .any(|f| is_reachable(&f.kind) && answers.iter().any(|(name, _)| *name == f.name));
        if !has_address && let Some(field) = form.fields.iter().find(|f| is_reachable(&f.kind)) {
            self.answer(field, now, &mut answers);
        }
        for (name, ask) in form.boxes() {
            if self.dice.chance(consent) || ask.required {
                answers.push((name, "on".to_owned()));
            }
        }
        answers
    }

    /// Adds the answer to one field.
    fn answer(&mut self, field: &Field, now: Millis, answers: &mut Vec<(String, String)>) {
        let mut answer = |value: String| answers.push((field.name.clone(), value));
        match &field.kind {
            FieldKind::Text => answer(self.line(&field.name)),
            FieldKind::Textarea => answer(self.language.pick(
                "How long does it take to begin?".to_owned(),
                "从哪里开始最合适？".to_owned(),
            )),
            FieldKind::Email => answer(self.email.clone()),
            FieldKind::Tel { .. } => answer(self.phone.clone()),
            FieldKind::Number { min, max } => {
                let least = min.unwrap_or(1.0).ceil();
                let most = max.unwrap_or(least + 99.0).floor().max(least);
                answer((least + self.dice.below((most - least) as u64 + 1) as f64).to_string());
            }
            FieldKind::Url => answer(format!("https://www.example.com/{}", self.visitor)),
            FieldKind::Date => answer(now.plus(Span::days(self.dice.below(60) as i64)).utc_day()),
            FieldKind::Select(choices) | FieldKind::Radio(choices) => {
                let choice = self.dice.pick(choices);
                choice.into_iter().for_each(|choice| answer(choice.value.clone()));
            }
            FieldKind::Checkbox => answer("on".to_owned()),
            FieldKind::MultiSelect(choices) => self.some(choices).for_each(answer),
            FieldKind::Country => answer(self.country.to_owned()),
            FieldKind::Hidden { .. } => {}
        }
    }

    /// Returns at least one of the choices.
    fn some(&mut self, choices: &[FieldOption]) -> impl Iterator<Item = String> {
        let first = self.dice.below(choices.len() as u64) as usize;
        let mut chosen = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            if index == first || self.dice.chance(0.25) {
                chosen.push(choice.value.clone());
            }
        }
        chosen.into_iter()
    }

    /// Returns one line of text, chosen by the name of its field.
    fn line(&self, field: &str) -> String {
        let (given, family) = self.name;
        match field {
            "first_name" | "given_name" => given.to_owned(),
            "last_name" | "family_name" | "surname" => family.to_owned(),
            "name" | "full_name" => self.full_name(),
            "company" | "organisation" | "organization" => self.company.to_owned(),
            "time_zone" => self.time_zone.to_owned(),
            _ => self.language.pick("made up".to_owned(), "虚构".to_owned()),
        }
    }

    fn full_name(&self) -> String {
        let (given, family) = self.name;
        self.language.pick(format!("{given} {family}"), format!("{family}{given}"))
    }
}

/// The probability that an optional field is filled in.
pub const OPTIONAL_SHARE: f64 = 0.6;

/// The share of people who come without a paid link.
pub const DIRECT_SHARE: f64 = 0.2;

/// Picks a channel, weighted by the share of the money spent on it.
fn channel(campaign: &Campaign, dice: &mut Dice) -> Option<String> {
    let is_direct = dice.chance(DIRECT_SHARE);
    let minor = |amount: i64| amount.max(0).unsigned_abs();
    let total: u64 = campaign.costs.iter().map(|cost| minor(cost.amount.minor)).sum();
    let mut point = dice.below(total);
    let paid = campaign.costs.iter().find(|cost| {
        let amount = minor(cost.amount.minor);
        let is_it = point < amount;
        point = point.saturating_sub(amount);
        is_it
    });
    paid.filter(|_| !is_direct).map(|cost| cost.channel.clone())
}

/// Names with their form in an address.
type Names = &'static [(&'static str, &'static str)];

const ENGLISH_GIVEN: Names = &[
    ("Ada", "ada"),
    ("Ben", "ben"),
    ("Chloe", "chloe"),
    ("Dev", "dev"),
    ("Elena", "elena"),
    ("Femi", "femi"),
    ("Grace", "grace"),
    ("Hugo", "hugo"),
    ("Iris", "iris"),
    ("Jack", "jack"),
    ("Kira", "kira"),
    ("Liam", "liam"),
    ("Maya", "maya"),
    ("Noah", "noah"),
    ("Priya", "priya"),
    ("Zoë", "zoe"),
];
const ENGLISH_FAMILY: Names = &[
    ("Archer", "archer"),
    ("Bell", "bell"),
    ("Carter", "carter"),
    ("Dunn", "dunn"),
    ("Evans", "evans"),
    ("Fisher", "fisher"),
    ("Gray", "gray"),
    ("Hughes", "hughes"),
    ("Iyer", "iyer"),
    ("Kowalski", "kowalski"),
    ("Larsen", "larsen"),
    ("Müller", "mueller"),
    ("O'Brien", "o'brien"),
    ("Patel", "patel"),
    ("Reid", "reid"),
    ("Walsh", "walsh"),
];
const CHINESE_GIVEN: Names = &[
    ("伟", "wei"),
    ("敏", "min"),
    ("静", "jing"),
    ("磊", "lei"),
    ("丽华", "lihua"),
    ("建国", "jianguo"),
    ("晓东", "xiaodong"),
    ("雪梅", "xuemei"),
    ("志强", "zhiqiang"),
    ("文博", "wenbo"),
    ("思远", "siyuan"),
    ("雨桐", "yutong"),
    ("海涛", "haitao"),
    ("佳怡", "jiayi"),
    ("子轩", "zixuan"),
    ("春燕", "chunyan"),
];
const CHINESE_FAMILY: Names = &[
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("赵", "zhao"),
    ("黄", "huang"),
    ("周", "zhou"),
    ("吴", "wu"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("朱", "zhu"),
    ("高", "gao"),
    ("林", "lin"),
    ("欧阳", "ouyang"),
];

/// Countries with one of their time zones; an entry that occurs twice is twice as likely.
type Places = &'static [(&'static str, &'static str)];

const ENGLISH_PLACES: Places = &[
    ("GB", "Europe/London"),
    ("GB", "Europe/London"),
    ("IE", "Europe/Dublin"),
    ("DE", "Europe/Berlin"),
    ("US", "America/New_York"),
    ("US", "America/Los_Angeles"),
    ("IN", "Asia/Kolkata"),
    ("AU", "Australia/Sydney"),
];
const CHINESE_PLACES: Places = &[
    ("CN", "Asia/Shanghai"),
    ("CN", "Asia/Shanghai"),
    ("CN", "Asia/Shanghai"),
    ("CN", "Asia/Shanghai"),
    ("CN", "Asia/Shanghai"),
    ("CN", "Asia/Urumqi"),
    ("HK", "Asia/Hong_Kong"),
    ("SG", "Asia/Singapore"),
];

const ENGLISH_COMPANIES: &[&str] = &[
    "Alder & Finch", "Brightwater Foods", "Copperline", "Dovetail Freight", "Eastgate Clinics",
    "Fenwick Tools",
];
const CHINESE_COMPANIES: &[&str] =
    &["青禾食品", "东岭机械", "远川物流", "明砚印务", "松江电子", "沐恒化工"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contact::address::{read_email, read_phone};
    use crate::native::project::load;
    use std::path::Path;

    #[test]
    fn dice_are_fair_and_deterministic() {
        let mut dice = Dice::new(7, 1);
        let hits = (0..10_000).filter(|_| dice.chance(0.3)).count();
        assert!((2_850..3_150).contains(&hits), "{hits}");
        assert!(!(0..1_000).any(|_| dice.chance(0.0)) && (0..1_000).all(|_| dice.chance(1.0)));
        assert_eq!(Dice::new(7, 1).below(1 << 40), Dice::new(7, 1).below(1 << 40));
        assert_ne!(Dice::new(7, 1).below(1 << 40), Dice::new(7, 2).below(1 << 40));
        let delays: Vec<Span> = (0..1_000).map(|_| dice.delay(Span::minutes(2), 10)).collect();
        assert!(delays.iter().all(|d| *d >= Span::minutes(2) && *d < Span::minutes(2 * 1024)));
    }

    #[test]
    fn simulated_people_have_valid_unique_addresses() {
        for compiled in load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap() {
            let mut emails = std::collections::BTreeSet::new();
            for number in (0..500).chain([9_998, 99_999]) {
                let person = Person::new(&compiled.campaign, 1, number);
                assert_eq!(read_email(&person.email).as_ref(), Ok(&person.email));
                assert_eq!(read_phone(&person.phone, None).as_ref(), Ok(&person.phone));
                assert!(emails.insert(person.email));
            }
        }
    }
}
