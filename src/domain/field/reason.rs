//! Why a typed value is refused, and the message for the person who typed it. Not here: faults of a
//! field's definition (`check.rs`), and a formula without a value (`formula`).

use crate::domain::base::language::Language;
use crate::domain::contact::address::AddressProblem;
use serde::{Deserialize, Serialize};

/// An invalid value of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The name of the field or of the consent checkbox.
    pub field: String,
    pub reason: FieldReason,
}

impl FieldProblem {
    /// Returns the message for the person who filled in the field.
    pub fn message(&self, language: Language) -> String {
        self.reason.message(language)
    }
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldReason {
    /// Required, and empty.
    Missing,
    /// A checkbox that must be ticked is not.
    NotTicked,
    /// Neither an e-mail address nor a phone number was given, and one of them is needed.
    NoAddress,
    /// Several values where only one is allowed.
    SeveralValues,
    /// More values or lines than this.
    TooMany(usize),
    /// More characters than this.
    TooLong(usize),
    ControlCharacter,
    /// Not a possible e-mail address or phone number.
    Address(AddressProblem),
    /// Not a number.
    NotANumber,
    /// A number with a unit such as 万 or k, whose digits are not all written.
    ShortNumber,
    /// Commas at other places than before each three digits, or a decimal comma.
    Grouping,
    /// More decimal places than this.
    TooManyDecimals(u32),
    /// An amount with the sign of another currency than this one.
    OtherCurrency(String),
    /// Less than this.
    TooSmall(f64),
    /// Greater than this.
    TooGreat(f64),
    /// Not a complete http or https URL.
    NotAUrl,
    /// Not a complete https URL.
    NotHttps,
    /// Not a valid calendar day.
    NotADay,
    /// A date that does not say which number is the day and which the month.
    AmbiguousDay,
    /// Not a time of day.
    NotATime,
    /// Not a day with a time of day.
    NotADateTime,
    /// Not a length of time with its unit.
    NotADuration,
    /// Not two days.
    NotARange,
    /// A range that ends before it begins.
    BackwardRange,
    /// Not among the options.
    NotAnOption,
    /// An option that can no longer be chosen.
    RetiredOption,
    /// Not a country.
    NotACountry,
    /// Not a region.
    NotARegion,
    /// The name of several regions, with these codes.
    SeveralRegions(Vec<String>),
    /// Not a postal address.
    NotAPostalAddress,
    /// Not a postal code.
    NotAPostalCode,
    /// Not the id of a record.
    NotAnId,
    /// Not the path of a team.
    NotATeam,
    /// Not a list of lines.
    NotATable,
    /// A part that the value does not have.
    UnknownPart,
    /// Neither ticked nor unticked.
    NotYesOrNo,
    /// No field of the kind.
    Unknown,
    /// A value that another record has, and only one may have.
    Taken,
    /// Another address than the one that the contact has.
    AddressKept,
    /// A field that the author may not change.
    NotAllowed,
    /// Computed or numbered by the system.
    Computed,
    /// A masked value that is not the one kept.
    Masked,
    /// A value that must be encrypted, and no key to do so.
    NoKey,
    /// JSON of another kind than the field takes.
    WrongJson,
    /// A text whose formatting the field cannot keep.
    LosesFormat,
    /// The value at this place within the field is refused, such as `lines[3].amount`.
    At {
        place: String,
        reason: Box<FieldReason>,
    },
    /// The text beside the checkbox has changed since it was shown.
    ConsentTextChanged,
    /// The values are valid, but the form must be submitted again: it came sooner than a person
    /// fills it in, or long after it was shown. This concerns the whole form, not a field.
    SendAgain,
}

impl FieldReason {
    /// Returns the reason as one about a place within the field.
    pub fn at(self, place: impl Into<String>) -> Self {
        Self::At { place: place.into(), reason: Box::new(self) }
    }

    /// Returns the message for the person who typed the value.
    pub fn message(&self, language: Language) -> String {
        if let Some(message) = self.message_with_value(language) {
            return message;
        }
        let (english, chinese) = self.general().unwrap_or_else(|| self.of_a_type());
        language.pick(english, chinese).to_owned()
    }

    fn message_with_value(&self, language: Language) -> Option<String> {
        let pick = |english: String, chinese: String| Some(language.pick(english, chinese));
        match self {
            Self::Address(problem) => Some(problem.message(language).to_owned()),
            Self::TooMany(max) => {
                pick(format!("Give at most {max}."), format!("最多只能有 {max} 个。"))
            }
            Self::TooLong(max) => pick(
                format!("Shorten this to {max} characters."),
                format!("请缩短到 {max} 个字以内。"),
            ),
            Self::TooManyDecimals(0) => {
                pick("Enter a whole number.".to_owned(), "请输入整数。".to_owned())
            }
            Self::TooManyDecimals(max) => pick(
                format!("Enter at most {max} decimal places."),
                format!("最多保留 {max} 位小数。"),
            ),
            Self::OtherCurrency(code) => pick(
                format!("Enter the amount in {code}, such as 1234.50."),
                format!("请填写以 {code} 为单位的金额，例如 1234.50。"),
            ),
            Self::TooSmall(min) => {
                pick(format!("Enter {min} or more."), format!("请输入不小于 {min} 的数字。"))
            }
            Self::TooGreat(max) => {
                pick(format!("Enter {max} or less."), format!("请输入不大于 {max} 的数字。"))
            }
            Self::SeveralRegions(codes) => pick(
                format!("Several regions have this name. Enter one of: {}.", codes.join(", ")),
                format!("有多个地区同名，请填写其中一个代码：{}。", codes.join("、")),
            ),
            Self::At { place, reason } => {
                let message = reason.message(language);
                pick(format!("{place}: {message}"), format!("{place}：{message}"))
            }
            _ => None,
        }
    }

    /// Returns the messages, English and Chinese, of reasons that are not about one type.
    fn general(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Missing => ("Fill this in.", "请填写此项。"),
            Self::NotTicked => ("Please tick this box to continue.", "请勾选此项后继续。"),
            Self::NoAddress => (
                "Give an e-mail address or a phone number, so that we can answer.",
                "请填写邮箱或电话，以便我们与您联系。",
            ),
            Self::SeveralValues => ("Give one answer only.", "此项只能有一个答案。"),
            Self::ControlCharacter => (
                "This holds invisible characters. Type it again.",
                "内容含有不可见字符，请重新输入。",
            ),
            Self::Unknown => ("There is no such field.", "没有这个字段。"),
            Self::Taken => (
                "Another record has this value, and only one may have it.",
                "另一条记录已使用此值，此项不能重复。",
            ),
            Self::AddressKept => (
                "The contact has another address. Make a contact of the new one, and merge both.",
                "该联系人已有其他地址。请用新地址新建联系人，再合并两者。",
            ),
            Self::NotAllowed => {
                ("Your roles do not allow you to set this.", "您的角色不允许设置此项。")
            }
            Self::Computed => {
                ("This is computed and cannot be typed.", "此项由系统生成，不能填写。")
            }
            Self::Masked => (
                "Part of this is hidden. Enter the whole text, or leave it unchanged.",
                "内容已部分隐藏，请填写完整内容，或保持不变。",
            ),
            Self::NoKey => (
                "This cannot be kept safe now: no encryption key is set up.",
                "未配置加密密钥，暂时无法安全保存此项。",
            ),
            Self::WrongJson => {
                ("This kind of JSON value does not fit the field.", "JSON 值的类型与字段不符。")
            }
            Self::LosesFormat => ("The formatting would be lost.", "文字格式将会丢失。"),
            Self::UnknownPart => ("There is no such part.", "没有这一部分。"),
            Self::ConsentTextChanged => (
                "These words have changed. Please read them, and tick the box if you agree.",
                "这段文字已有更改。请阅读，同意请勾选。",
            ),
            Self::SendAgain => (
                "All your answers are still here, and nothing is wrong with them. Send the form \
                 once more.",
                "您填写的内容都已保留，没有错误。请再提交一次。",
            ),
            _ => return None,
        })
    }

    /// Returns the messages of reasons about one type of field.
    fn of_a_type(&self) -> (&'static str, &'static str) {
        match self {
            Self::ShortNumber => (
                "Write all digits of the number, such as 10000.",
                "请写出完整数字，例如 10000，不要用“万”等单位。",
            ),
            Self::Grouping => (
                "Enter a number such as 1234.5 or 1,234.5.",
                "请输入数字，例如 1234.5 或 1,234.5。",
            ),
            Self::NotAUrl => (
                "Enter a whole web address, such as https://example.com.",
                "请输入完整网址，例如 https://example.com。",
            ),
            Self::NotHttps => {
                ("Enter a web address that begins with https://.", "请输入以 https:// 开头的网址。")
            }
            Self::NotAnOption => ("Choose one of the options.", "请从选项中选择。"),
            Self::RetiredOption => (
                "This option is no longer offered. Choose another one.",
                "该选项已停用，请选择其他选项。",
            ),
            Self::NotACountry => ("Choose a country.", "请选择国家或地区。"),
            Self::NotARegion => (
                "Enter a province or a city, by name or code, such as CN-3201 or US-CA.",
                "请输入省份或城市的名称或代码，例如 南京市 或 CN-3201。",
            ),
            Self::NotAPostalAddress => (
                "Enter an address with its country, region, city, street and postal code.",
                "请输入地址：国家、地区、城市、街道和邮政编码。",
            ),
            Self::NotAPostalCode => {
                ("Enter a postal code, such as 210000.", "请输入邮政编码，例如 210000。")
            }
            Self::NotAnId => ("Choose an existing record.", "请选择已有的记录。"),
            Self::NotATeam => {
                ("Enter a team, such as sales/east.", "请输入团队，例如 sales/east。")
            }
            Self::NotATable => ("Enter a list of lines.", "请输入多行明细。"),
            Self::NotYesOrNo => ("Tick the box, or leave it empty.", "请勾选或留空。"),
            other => other.of_a_time(),
        }
    }

    fn of_a_time(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotADay => ("Enter a day such as 2026-03-31.", "请输入日期，例如 2026-03-31。"),
            Self::AmbiguousDay => (
                "Write the year first, then month and day, such as 2026-03-31.",
                "请按年、月、日的顺序书写，例如 2026-03-31。",
            ),
            Self::NotATime => ("Enter a time such as 09:30.", "请输入时间，例如 09:30。"),
            Self::NotADateTime => (
                "Enter a day and a time, such as 2026-03-31 09:30.",
                "请输入日期和时间，例如 2026-03-31 09:30。",
            ),
            Self::NotADuration => (
                "Enter a length of time with its unit, such as 1h30m or 3d.",
                "请输入时长及单位，例如 1小时30分 或 3天。",
            ),
            Self::NotARange => (
                "Enter two days, such as 2026-03-01/2026-03-31.",
                "请输入起止日期，例如 2026-03-01/2026-03-31。",
            ),
            Self::BackwardRange => ("The end is before the beginning.", "结束日期早于开始日期。"),
            _ => ("Enter a number, such as 12.5.", "请输入数字，例如 12.5。"),
        }
    }
}
