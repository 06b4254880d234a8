//! Templates mean the same as in handlebars.js: each case of `dialect.json` gives the same result
//! there. Each refusal suggests a remedy.

use super::*;

/// A group of cases: its name, and for each case the template, the data and the result.
type Kind = (String, Vec<(String, Value, String)>);

fn cases() -> Vec<Kind> {
    let groups: Vec<Value> = serde_json::from_str(include_str!("dialect.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |case: &Value| (text(&case[0]), case[1].clone(), text(&case[2]));
    let group = |group: &Value| {
        let cases = group.as_array().unwrap();
        (text(&cases[0]), cases[1..].iter().map(one).collect())
    };
    groups.iter().map(group).collect()
}

#[test]
fn templates_render_like_handlebars_js() {
    let mut wrong = String::new();
    for (group, cases) in cases() {
        for (source, data, expected) in cases {
            let templates = Templates::new(&BTreeMap::from([("pages/x".into(), page(&source))]));
            let rendered = templates.and_then(|templates| templates.render_page("pages/x", &data));
            let found = rendered.unwrap_or_else(|error| error.to_string());
            if found != expected {
                wrong += &format!("{group}: {source:?}\n  {found:?}\n  not {expected:?}\n");
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn partials_indent_their_own_lines_only() {
    let sources = BTreeMap::from([
        (
            "pages/x".to_owned(),
            page("<ul>\n  {{> item}}\n</ul>\n{{#each l}}{{> \"row\" n=this}}{{/each}}"),
        ),
        ("partials/item".to_owned(), TemplateSource::Partial("<li>\n{{a}}\n</li>\n".to_owned())),
        ("partials/row".to_owned(), TemplateSource::Partial("[{{n}}]".to_owned())),
    ]);
    let templates = Templates::new(&sources).unwrap();
    let rendered = templates.render_page("pages/x", &json!({ "a": "one", "l": [1, 2] }));
    assert_eq!(rendered.unwrap(), "<ul>\n  <li>\n  one\n  </li>\n</ul>\n[1][2]");
}

#[test]
fn foreign_syntax_is_refused_with_remedy() {
    for (source, remedy) in [
        ("{{ contact.first_name | default: \"you\" }}", "{{default first_name \"you\"}}"),
        ("{{ person.FNAME|default('x') }}", "{{default first_name 'x'}}"),
        ("{{#if score == 3}}x{{/if}}", "{{#if (eq score 3)}}"),
        ("{{#if score > 3}}x{{/if}}", "{{#if (gt score 3)}}"),
        ("{{#if (score && role)}}x{{/if}}", "{{#if (and score role)}}"),
        ("{{contact.firstname}}", "did you mean `first_name`?"),
        ("{{subscriber.email}}", "did you mean `email`?"),
        ("{{FNAME}}", "did you mean `first_name`?"),
        ("{{default first_name “you”}}", "straight quotes"),
        ("{{#gt score 3}}x{{/gt}}", "{{#if (gt …)}}"),
        ("{{{{raw}}}}x{{{{/raw}}}}", "\\{{"),
        ("{{#*inline \"x\"}}y{{/inline}}", "partials/name.hbs"),
        ("{{^each role}}x{{/each}}", "{{#each …}}{{else}}"),
    ] {
        let said = errors_of_text(source);
        assert!(said.contains(remedy), "{source}: {said}");
    }
}

#[test]
fn names_inside_a_section_refer_to_its_value() {
    for good in [
        "{{#company}}{{this}} {{../first_name}} {{@root.score}}{{/company}}",
        "{{#with company}}{{.}}{{/with}}{{^company}}{{first_name}}{{/company}}",
        "{{#interests}}{{.}}{{@index}}{{else}}{{first_name}}{{/interests}} {{interests}}",
        "{{lookup interests 0}}{{[first_name]}}",
        "{{#if interests.length}}{{interests.length}}{{/if}}\
         {{#each interests}}{{this.length}}{{/each}}",
        "{{#if (gt interests.length 2)}}{{@root.interests.length}}{{/if}}",
        "{{~! a comment ~}}{{!-- another --~}}",
    ] {
        assert_eq!(errors_of_text(good), "all good", "{good}");
    }
    let sections = "\n{{#company}}{{first_name}}{{/company}}{{#nope}}{{/nope}}";
    assert_snapshot!(errors_of_text(sections), @"
    emails/welcome/text:2
         `first_name` is not part of a list's item
       → inside {{#company}} write {{@root.first_name}}
    emails/welcome/text:2
         unknown variable `nope`
       → did you mean `role`?
    ");
}
