//! The kinds that every deployment has: contacts, and companies.

use super::Kind;
use crate::domain::base::primitives::KindId;
use crate::domain::field::{Field, FieldType, Labels, Sensitivity};

/// The kind of the firms that contacts work for.
pub const COMPANY: &str = "company";

/// Returns the built-in kinds as they are until a deployment publishes its own.
pub fn built_in() -> [Kind; 2] {
    let contact = Kind {
        id: KindId::contact(),
        label: labels("Contact", "联系人"),
        plural: labels("Contacts", "联系人"),
        title: None,
        stage: None,
        value: None,
        search: false,
        sections: Vec::new(),
        fields: Vec::new(),
    };
    let name = Field { required: true, indexed: true, ..field("name", "Name", "名称") };
    let domain = Field { unique: true, indexed: true, ..field("domain", "Domain", "域名") };
    let parent = FieldType::Link { to: COMPANY.to_owned() };
    let company = Kind {
        id: KindId::from(COMPANY),
        label: labels("Company", "公司"),
        plural: labels("Companies", "公司"),
        title: Some("name".to_owned()),
        stage: None,
        value: None,
        search: false,
        sections: Vec::new(),
        fields: vec![
            name,
            domain,
            Field { kind: FieldType::Url, ..field("website", "Website", "网站") },
            Field { kind: FieldType::Tel { region: None }, ..field("phone", "Phone", "电话") },
            field("industry", "Industry", "行业"),
            Field {
                kind: FieldType::Number { min: Some(0.0), max: None },
                ..field("employees", "Employees", "员工人数")
            },
            Field { kind: FieldType::Address, ..field("address", "Address", "地址") },
            Field {
                kind: parent, indexed: true, ..field("parent", "Parent company", "上级公司")
            },
            Field { unique: true, ..field("external_id", "Id in your own system", "外部编号") },
        ],
    };
    [contact, company]
}

fn field(name: &str, english: &str, chinese: &str) -> Field {
    Field {
        name: name.to_owned(),
        label: labels(english, chinese),
        help: Labels::default(),
        kind: FieldType::Text,
        required: false,
        unique: false,
        indexed: false,
        search: false,
        class: Sensitivity::Internal,
        show_if: None,
        section: None,
    }
}

fn labels(english: &str, chinese: &str) -> Labels {
    Labels { english: Some(english.to_owned()), chinese: Some(chinese.to_owned()) }
}
