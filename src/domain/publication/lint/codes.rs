//! The codes of warnings, and their texts.

use super::LintCode::{self, *};

pub(super) fn name(code: LintCode) -> &'static str {
    match code {
        NoPostalAddress => "no-postal-address",
        NoUnsubscribeInText => "no-unsubscribe-in-text",
        InsecureLink => "insecure-link",
        RelativeLink => "relative-link",
        BrokenLink => "broken-link",
        EmptyLink => "empty-link",
        ShortenedLink => "shortened-link",
        MisleadingLink => "misleading-link",
        UnencodedValue => "unencoded-value",
        ImageWithoutAlt => "image-without-alt",
        DataImage => "data-image",
        ImageOnly => "image-only",
        TooLarge => "too-large",
        NoPreheader => "no-preheader",
        LongSubject => "long-subject",
        ShoutingSubject => "shouting-subject",
        ManyExclamations => "many-exclamations",
        FalseReply => "false-reply",
        UnsupportedCss => "unsupported-css",
        UnsupportedElement => "unsupported-element",
        NoColorScheme => "no-color-scheme",
        TextWithoutBackground => "text-without-background",
        HiddenText => "hidden-text",
        DeadPage => "dead-page",
        NoOptOut => "no-opt-out",
        NoSignature => "no-signature",
        LongText => "long-text",
        DearCharacters => "dear-characters",
        EmptySubject => "empty-subject",
        ForeignTag => "foreign-tag",
        ScriptOnPage => "script-on-page",
        BlockedOnPage => "blocked-on-page",
        UnusedTemplate => "unused-template",
        UnknownAttribute => "unknown-attribute",
        UnknownOption => "unknown-option",
        UnknownPurpose => "unknown-purpose",
        UnnamedPurpose => "unnamed-purpose",
        WebFont => "web-font",
        StrayText => "stray-text",
    }
}

type Words = (&'static str, &'static str);

/// Returns the problem and the remedy. `{}` is the place of the detail.
pub(super) fn texts(code: LintCode) -> Words {
    match code {
        NoPostalAddress | NoUnsubscribeInText | NoPreheader | LongSubject | ShoutingSubject
        | ManyExclamations | FalseReply | TooLarge | ImageOnly | EmptySubject => of_mail(code),
        WebFont | StrayText => of_mjml(code),
        InsecureLink | RelativeLink | BrokenLink | EmptyLink | ShortenedLink | MisleadingLink
        | UnencodedValue | DeadPage => of_link(code),
        NoOptOut | NoSignature | LongText | DearCharacters => of_text(code),
        ForeignTag | ScriptOnPage | BlockedOnPage | UnusedTemplate | UnknownAttribute
        | UnknownOption | UnknownPurpose | UnnamedPurpose => of_slip(code),
        _ => of_look(code),
    }
}

fn of_mail(code: LintCode) -> Words {
    match code {
        NoPostalAddress => (
            "does not contain the sender's postal address",
            "put {{campaign.postal_address}} into the footer; US law requires it (16 CFR 316.5)",
        ),
        NoUnsubscribeInText => {
            ("the plain text has no unsubscribe link", "put {{unsubscribe_url}} at its end")
        }
        NoPreheader => (
            "has no preheader: mailboxes show the body's first words after the subject",
            "write preheader.hbs beside subject.hbs",
        ),
        LongSubject => (
            "the subject is {} columns wide; mailboxes cut it after 60",
            "keep it within 60 (a Chinese character counts as two)",
        ),
        ShoutingSubject => {
            ("the subject is almost all capitals", "write it as a sentence; filters count capitals")
        }
        ManyExclamations => ("too many exclamation marks for spam filters", "one is enough"),
        EmptySubject => (
            "the subject is empty for a contact who gave only an address",
            "write {{default … \"…\"}}, or add words beside the value",
        ),
        FalseReply => (
            "the subject pretends to be a reply",
            "say what the mail is about; a deceptive subject is unlawful (15 USC 7704(a)(2))",
        ),
        TooLarge => (
            "the HTML has about {} kB; Gmail hides what is beyond 102",
            "shorten it, or remove styles and nested tables: the unsubscribe link is at its end",
        ),
        _ => (
            "almost all of its content is in images, which many people do not see",
            "write the main points as text",
        ),
    }
}

fn of_link(code: LintCode) -> Words {
    match code {
        InsecureLink => ("`{}` is not encrypted", "begin it with https://"),
        RelativeLink => (
            "`{}` leads nowhere: a mail has no base address",
            "begin it with {{base_url}} or https://",
        ),
        BrokenLink => {
            ("`{}` is not a valid address", "check it; it needs https:// and a host, and no spaces")
        }
        EmptyLink => {
            ("a link or image without an address", "add the address, or remove the element")
        }
        ShortenedLink => (
            "`{}` hides where it leads; filters refuse such links",
            "link to the page itself: clicks are counted anyway",
        ),
        MisleadingLink => (
            "the link text shows a different site than the target: {}",
            "use words as the link text, not an address",
        ),
        DeadPage => (
            "this campaign has no page at `{}`",
            "check the path, unless the page belongs to another campaign",
        ),
        _ => (
            "`{}` is put into an address unencoded; a space or & in it would break the link",
            "write {{encode …}}",
        ),
    }
}

fn of_mjml(code: LintCode) -> Words {
    match code {
        StrayText => (
            "`{}` is between elements of MJML, where nobody sees it",
            "put it into <mj-text>, or remove it",
        ),
        _ => (
            "a font is loaded from {}, which learns who reads the mail, and when",
            "use system fonts; they are the default",
        ),
    }
}

fn of_text(code: LintCode) -> Words {
    match code {
        NoOptOut => (
            "does not say how to opt out",
            "end it with words such as \"Reply STOP to opt out\", or set campaign.sms.opt_out",
        ),
        NoSignature => (
            "has no signature in 【】; operators in China block an SMS without one",
            "set campaign.sms.signature, or begin the text with 【…】",
        ),
        LongText => (
            "has {} segments, more than allowed, and would not be sent",
            "shorten it, or raise campaign.sms.segments_max (10 at most)",
        ),
        _ => (
            "costs more than twice as much because of {}",
            "`dripline inspect sms` lists replacements",
        ),
    }
}

fn of_slip(code: LintCode) -> Words {
    match code {
        ForeignTag => (
            "not a tag of dripline, so readers would see it as text: {}",
            "write {{first_name}}, or {{default first_name \"…\"}} for a fallback",
        ),
        ScriptOnPage => (
            "{} does not run: the policy of pages (Content-Security-Policy) allows no script",
            "remove it; visits, forms and clicks are counted without a script",
        ),
        BlockedOnPage => (
            "{} is not loaded: the policy of pages allows no external styles or frames",
            "put styles into <style> on the page; link to the content of the frame",
        ),
        UnusedTemplate => {
            ("no campaign uses it: {}", "use it in a campaign or a template, or delete it")
        }
        UnknownAttribute => (
            "no form, journey or `attributes` of this campaign sets {}",
            "correct the name; if it comes through the API, list it in campaign.attributes",
        ),
        UnknownOption => (
            "no contact has this value: the field has no option {}",
            "write the option's `value` as in the form",
        ),
        UnnamedPurpose => (
            "{} has no description, so contacts would see this key on their preference page",
            "describe it: [purpose.…] with name and description, in en and zh-CN",
        ),
        _ => (
            "no form of this campaign asks for the purpose {}",
            "correct the name; a contact agrees to a purpose only by a form that asks for it",
        ),
    }
}

fn of_look(code: LintCode) -> Words {
    match code {
        ImageWithoutAlt => (
            "the image `{}` has no text for people who do not see it",
            "write alt=\"…\"; or alt=\"\" for a decoration",
        ),
        DataImage => ("Gmail does not show images within the mail", "link to a file on the web"),
        UnsupportedElement => ("some mail clients do not show {}", "link to a page that has it"),
        UnsupportedCss => {
            ("some mail clients do not support {}", "MJML's columns and attributes work everywhere")
        }
        NoColorScheme => (
            "does not declare support for dark mode, so clients change its colours",
            "put <mj-raw><meta name=\"color-scheme\" content=\"light dark\" /></mj-raw> \
             into <mj-head>",
        ),
        TextWithoutBackground => (
            "text in {} without a background colour: it is unreadable in light or dark mode",
            "give the section a background-color, or use a mid-tone for the text",
        ),
        _ => (
            "text in the colour of its background ({}), as in spam",
            "remove it; a preheader belongs into preheader.hbs",
        ),
    }
}
