//! The helpers that the house adds to Handlebars' `if`, `unless` and `each`.

use handlebars::{JsonRender, handlebars_helper};

// `{{default first_name "there"}}`: the value, or the fallback if it is absent or blank.
handlebars_helper!(default: |value: Json, fallback: Json| {
    let blank = value.render().trim().is_empty();
    if blank { fallback.clone() } else { value.clone() }
});

// `{{upper code}}` and `{{lower code}}`: the letter case of every script that has one.
handlebars_helper!(upper: |value: Json| value.render().to_uppercase());
handlebars_helper!(lower: |value: Json| value.render().to_lowercase());

// `{{#if (eq role "manager")}}`: equal as values, or as they would be written.
handlebars_helper!(eq: |a: Json, b: Json| a == b || a.render() == b.render());
