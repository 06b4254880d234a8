//! The names that other systems give to the columns of a person.
//!
//! Read in November 2026:
//!
//! - HubSpot, "Set up your import files": First name, Last name, Email (knowledge.hubspot.com). Its
//!   other labels (Phone number, Mobile phone number, Job title, Company name, Website URL,
//!   State/Region, Country/Region) as guides of others list them.
//! - Klaviyo, "Create and add contacts to a new list": Email, Email Address, Phone Number
//!   (help.klaviyo.com, article 115005078967).
//! - Salesforce, "Field Mapping for Importing Leads": Full Name, First Name, Last Name, Company,
//!   City, Country, Email, Phone, Mobile Phone, Postal Code (help.salesforce.com,
//!   field_mapping_for_importing_leads). The names of its API, such as FirstName, MobilePhone and
//!   AccountName, as guides of others list them.
//! - Mautic, `FieldModel::$coreFields`: firstname, lastname, company, position, email, mobile,
//!   phone, address1, zipcode, preferred_locale (mautic/mautic on GitHub).
//! - Mailchimp, as `native/suppression_file.rs` knows its exports: Email Address, First Name, Last
//!   Name. Its help names no columns of an export.
//! - WeCom (企业微信), the members of the address book: 姓名, 帐号, 别名, 职务, 部门, 性别, 手机, 座机,
//!   个人邮箱, as guides of others list them; its own help was not found.
//! - Fxiaoke (纷享销客): no public document lists its columns; the Chinese words below are the usual
//!   ones.

/// The fields of a contact and their other names. A form or a kind of record adds its own.
pub const CONTACT: &[(&str, &[&str])] = &[
    (
        "email",
        &[
            "email address", "e-mail", "e-mail address", "mail", "primary email", "work email",
            "business email", "contact email", "subscriber email", "user email", "邮箱",
            "电子邮箱", "邮箱地址", "电子邮件", "电子邮件地址", "邮件", "邮件地址", "工作邮箱",
            "企业邮箱", "个人邮箱", "電子郵件", "電子信箱", "信箱",
        ],
    ),
    (
        "phone",
        &[
            "mobile phone number", "mobile phone", "mobile", "mobile number", "cell phone", "cell",
            "phone number", "telephone", "tel", "手机", "手机号", "手机号码", "移动电话",
            "联系电话", "电话", "电话号码", "联系方式", "手機", "手機號碼", "電話",
        ],
    ),
    (
        "name",
        &[
            "full name", "contact name", "display name", "姓名", "联系人", "联系人姓名", "名字",
            "客户姓名", "全名", "聯絡人",
        ],
    ),
    ("first_name", &["first name", "firstname", "fname", "given name", "名"]),
    ("last_name", &["last name", "lastname", "lname", "surname", "family name", "姓", "姓氏"]),
    (
        "company",
        &[
            "company name", "account name", "organization", "organisation", "employer", "公司",
            "公司名称", "企业", "企业名称", "单位", "单位名称", "客户名称", "工作单位", "公司名稱",
        ],
    ),
    ("job_title", &["job title", "title", "position", "role", "职务", "职位", "岗位", "職稱"]),
    ("department", &["dept", "部门", "所在部门", "部門"]),
    ("website", &["website url", "web site", "url", "homepage", "网站", "网址", "官网"]),
    ("country", &["country/region", "country code", "mailing country", "国家", "国家/地区"]),
    ("region", &["state/region", "state", "province", "state/province", "省份", "省", "省市"]),
    ("city", &["mailing city", "town", "城市", "市", "所在城市"]),
    (
        "address",
        &["address1", "street", "street address", "mailing street", "地址", "详细地址", "联系地址"],
    ),
    (
        "postal_code",
        &["zip code", "zip", "zipcode", "postcode", "mailing postal code", "邮编", "邮政编码"],
    ),
    ("locale", &["preferred_locale", "preferred language", "language", "语言"]),
    ("external_id", &["record id", "contact id", "lead id", "klaviyo id", "客户编号", "编号"]),
];
