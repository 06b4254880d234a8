//! Derives the plain-text part of an e-mail from its HTML: paragraphs, headings, lists, tables, and
//! links with their URLs. Handlebars tags are kept. Runs when publishing, never at the edge.

use super::dialect;
use super::markup::{Element, Token, decoded, tokens};

/// Elements that begin on a new line, and whether blank lines surround them.
const BLOCKS: &[(&str, bool)] = &[
    ("address", true),
    ("article", true),
    ("blockquote", true),
    ("center", false),
    ("div", true),
    ("dl", true),
    ("footer", true),
    ("h1", true),
    ("h2", true),
    ("h3", true),
    ("h4", true),
    ("h5", true),
    ("h6", true),
    ("header", true),
    ("hr", true),
    ("li", false),
    ("main", true),
    ("ol", true),
    ("p", true),
    ("pre", true),
    ("section", true),
    ("table", true),
    ("tbody", false),
    ("tr", false),
    ("ul", true),
];
/// Elements whose content is not text.
const SILENT: &[&str] = &["head", "noframes", "script", "style", "template", "title"];

/// Converts a mail's HTML to plain text.
pub fn plain_text(html: &str) -> String {
    let mut writer = Writer::default();
    for token in tokens(html) {
        match token {
            Token::Text { text, .. } => writer.text(text),
            Token::Open(element) => writer.open(element),
            Token::Close { name, .. } => writer.close(&name),
            Token::Comment => {}
        }
    }
    writer.finish()
}

#[derive(Default)]
struct Writer<'s> {
    out: String,
    /// The enclosing elements.
    open: Vec<Open<'s>>,
    /// Line breaks to write before the next words.
    breaks: usize,
    /// Whether white space is to be written before the next words.
    is_spaced: bool,
}

struct Open<'s> {
    name: String,
    is_silent: bool,
    /// For a link: its URL, and where its text begins.
    link: Option<(&'s str, usize)>,
    /// For a numbered list: the number of items so far; `None` for one without numbers.
    items: Option<usize>,
    /// For a table: whether it contains data rather than a layout.
    is_data: bool,
    /// For a row: the number of cells so far.
    cells: usize,
}

impl<'s> Writer<'s> {
    fn is_silent(&self) -> bool {
        self.open.iter().any(|open| open.is_silent)
    }

    fn text(&mut self, text: &str) {
        if self.is_silent() {
            return;
        }
        let mut at = 0;
        while at < text.len() {
            let tag = text[at..].find("{{").map_or(text.len(), |found| at + found);
            self.words(&decoded(&text[at..tag]));
            at = tag;
            if at < text.len() {
                let end = dialect::tag_end(text, at);
                self.tag(&text[at..end], &text[end..]);
                at = end;
            }
        }
    }

    /// Writes a Handlebars tag. A tag that begins or ends a block and is alone between elements
    /// gets a line of its own, which Handlebars removes when rendering.
    fn tag(&mut self, tag: &str, after: &str) {
        let inside = tag.trim_matches(['{', '}', '~', ' ']);
        let is_part = inside.starts_with(['#', '/', '^']) || inside.starts_with("else");
        let is_alone = self.breaks > 0 || self.out.is_empty() || self.out.ends_with('\n');
        if is_part && is_alone && after.trim().is_empty() {
            let breaks = std::mem::take(&mut self.breaks);
            if !self.out.is_empty() && !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            self.out.push_str(tag);
            self.out.push('\n');
            // The blank line belongs to the next element.
            self.breaks = breaks;
            self.is_spaced = false;
        } else {
            self.owe();
            self.out.push_str(tag);
        }
    }

    fn words(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                ' ' | '\t' | '\n' | '\r' => self.is_spaced = true,
                // Padding and invisible characters.
                '\u{200b}' | '\u{200c}' | '\u{34f}' | '\u{ad}' | '\u{feff}' => {}
                _ => {
                    self.owe();
                    self.out.push(if char == '\u{a0}' { ' ' } else { char });
                }
            }
        }
    }

    /// Writes the pending white space.
    fn owe(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let is_start = self.out.is_empty() || self.out.ends_with('\n');
        if breaks > 0 && !self.out.is_empty() {
            let there = self.out.chars().rev().take_while(|c| *c == '\n').count();
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.extend(std::iter::repeat_n('\n', breaks.saturating_sub(there)));
        } else if self.is_spaced && !is_start && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.is_spaced = false;
    }

    fn line(&mut self, is_apart: bool) {
        self.breaks = self.breaks.max(1 + usize::from(is_apart));
    }

    fn open(&mut self, element: Element<'s>) {
        let name = element.name.as_str();
        let is_hidden = element.style("display").is_some_and(|value| value.starts_with("none"));
        if self.is_silent() {
            if !element.is_empty {
                self.push(&element, true);
            }
            return;
        }
        match name {
            "br" => self.breaks += 1,
            "hr" => {
                self.line(true);
                self.owe();
                self.out.push_str("--------");
                self.line(true);
            }
            "img" => {
                let alt = element.attribute("alt").map(decoded).unwrap_or_default();
                let shown = if alt.trim().is_empty() { alt } else { format!("[{alt}]") };
                self.words(&shown);
            }
            "area" => self.area(&element),
            "td" | "th" => self.cell(),
            "li" => self.item(),
            _ => {}
        }
        if let Some((_, is_apart)) = BLOCKS.iter().find(|(block, _)| *block == name && name != "li")
            && !self.is_in_row()
        {
            self.line(*is_apart);
        }
        if !element.is_empty {
            self.push(&element, is_hidden || SILENT.contains(&name));
        }
    }

    fn push(&mut self, element: &Element<'s>, is_silent: bool) {
        let role = element.attribute("role").unwrap_or_default();
        let href = element.attribute("href").filter(|_| element.name == "a");
        self.open.push(Open {
            name: element.name.clone(),
            is_silent,
            link: href.map(|href| (href, self.out.len())),
            items: (element.name == "ol").then_some(0),
            is_data: element.name == "table" && role != "presentation" && role != "none",
            cells: 0,
        });
    }

    /// Returns whether this is within a row of a data table.
    fn is_in_row(&self) -> bool {
        let outer = self.open.iter().position(|open| open.is_data);
        outer.is_some_and(|at| self.open[at..].iter().any(|open| open.name == "tr"))
    }

    /// Begins a cell. A data row is written on one line, with bars between cells; the cells of a
    /// layout go below each other.
    fn cell(&mut self) {
        let table = self.open.iter().rposition(|open| open.name == "table");
        let is_data = table.is_some_and(|at| self.open[at].is_data);
        let is_inner = table.is_some_and(|at| self.open[..at].iter().any(|open| open.is_data));
        if is_inner {
            return;
        }
        if !is_data {
            return self.line(false);
        }
        let Some(row) = self.open.iter_mut().rfind(|open| open.name == "tr") else { return };
        row.cells += 1;
        if row.cells > 1 {
            self.owe();
            let gap = if self.out.ends_with(' ') { "| " } else { " | " };
            self.out.push_str(gap);
        }
    }

    fn item(&mut self) {
        let depth = self.open.iter().filter(|open| matches!(&*open.name, "ul" | "ol")).count();
        let list = self.open.iter_mut().rfind(|open| matches!(&*open.name, "ul" | "ol"));
        let mark = match list.and_then(|list| list.items.as_mut()) {
            Some(count) => {
                *count += 1;
                format!("{count}. ")
            }
            None => "- ".to_owned(),
        };
        self.line(false);
        self.owe();
        self.out.push_str(&"  ".repeat(depth.saturating_sub(1)));
        self.out.push_str(&mark);
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return };
        let closed = self.open.split_off(at);
        if self.is_silent() || closed.iter().any(|open| open.is_silent) {
            return;
        }
        if let Some((href, from)) = closed.iter().rev().find_map(|open| open.link) {
            self.address(href, from);
        }
        let block = BLOCKS.iter().find(|(block, _)| *block == name);
        if let Some((_, is_apart)) = block
            && !self.is_in_row()
        {
            self.line(*is_apart);
        }
    }

    /// Writes a clickable area of an image.
    fn area(&mut self, element: &Element<'s>) {
        let Some(href) = element.attribute("href") else { return };
        self.line(false);
        self.owe();
        let from = self.out.len();
        self.words(&element.attribute("alt").map(decoded).unwrap_or_default());
        self.address(href, from);
        self.line(false);
    }

    /// Writes the URL of a link after its text, unless the text is the URL.
    fn address(&mut self, href: &str, from: usize) {
        let address = decoded(href);
        let address = spoken(address.trim());
        let text = self.out.get(from..).unwrap_or_default().trim();
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).collect::<Vec<_>>();
        let is_number = address.starts_with('+') && digits(text) == digits(address);
        if address.is_empty() || address.starts_with('#') || text == address || is_number {
            return;
        }
        match text.is_empty() {
            true => self.words(address),
            false => {
                self.out.truncate(self.out.trim_end().len());
                self.out.push_str(&format!(" ({address})"));
            }
        }
    }

    fn finish(self) -> String {
        let lines: Vec<&str> = self.out.lines().map(str::trim_end).collect();
        format!("{}\n", lines.join("\n").trim())
    }
}

/// Returns a URL as a reader would write it: `mailto` and `tel` URLs without the scheme.
fn spoken(address: &str) -> &str {
    let (scheme, rest) = address.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "mailto" => rest.split('?').next().unwrap_or(rest),
        "tel" | "sms" => rest,
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn plain_text_keeps_readable_content_only() {
        let html = r#"<!doctype html><html><head><title>T</title><style>p{color:red}</style></head>
            <body><div style="display:none">hidden {{first_name}}</div>
            <!--[if mso]><table><tr><td>Outlook</td></tr></table><![endif]-->
            <table role="presentation"><tr><td><h1>Your &amp; our
              plan</h1><p>Hello <b>{{default first_name "a > b"}}</b>,<br>see you.</p></td></tr>
            </table>
            <p><a href="{{base_url}}/x?a=1&amp;b=2">Read it</a> or write to
            <a href="mailto:a@b.example">a@b.example</a>.</p>
            <ul><li>One</li><li>Two<ol><li>first</li><li>second</li></ol></li></ul>
            <table><tr><th>City</th><th>ms</th></tr><tr><td><p>Bristol</p></td><td>18</td></tr>
            </table>
            {{#if question}}<p>Thanks.</p>{{else}}<p>Ask.</p>{{/if}}
            <img src="x.png" alt="A chart"><img src="y.png" alt=""><hr>
            <p>{{#if a}}yes{{else}}no{{/if}}</p><a href="{{unsubscribe_url}}"><img alt=""></a>
            </body></html>"#;
        assert_snapshot!(plain_text(html), @r#"
    Your & our plan

    Hello {{default first_name "a > b"}},
    see you.

    Read it ({{base_url}}/x?a=1&b=2) or write to a@b.example.

    - One
    - Two

      1. first
      2. second

    City | ms
    Bristol | 18
    {{#if question}}

    Thanks.
    {{else}}

    Ask.
    {{/if}}

    [A chart]

    --------

    {{#if a}}yes{{else}}no{{/if}}

    {{unsubscribe_url}}
    "#);
    }

    #[test]
    fn pasted_html_gives_the_visible_text() {
        for (html, wanted) in [
            ("<p class=MsoNormal>Caf&eacute; &deg;C &#146;s &uuml;<o:p></o:p></p>", "Café °C ’s ü"),
            ("<P>ONE</P><P>TWO<BR>THREE</P>", "ONE\n\nTWO\nTHREE"),
            ("<A HREF=https://a.example/x>Go</A>", "Go (https://a.example/x)"),
            ("<a href=\"MAILTO:a@a.example?subject=Hi%20you\">Write</a>", "Write (a@a.example)"),
            ("<a href=\"mailto:a@a.example\">a@a.example</a>", "a@a.example"),
            ("<a href=\"tel:+44117496000\">+44 117 496 000</a>", "+44 117 496 000"),
            ("<a href=\"tel:+44117496000\">Call</a>", "Call (+44117496000)"),
            ("<a href=\"sms:+44117\">Text us</a>", "Text us (+44117)"),
            ("<a href=\"#top\">Up</a> <a name=x>x</a>", "Up x"),
            (
                "<map><area href=\"https://a.example/m\" alt=\"Map &amp; route\"></map>",
                "Map & route (https://a.example/m)",
            ),
            ("<noscript><a href='https://a.example/'>N</a></noscript>", "N (https://a.example/)"),
            ("<template><p>x</p></template><p>y</p>", "y"),
            ("<!--[if mso]><p>Outlook</p><![endif]--><![if !mso]><p>All</p><![endif]>", "All"),
            (
                "<a href=\"https://a.example/产品?a=1&amp;b=2\">看</a>",
                "看 (https://a.example/产品?a=1&b=2)",
            ),
            (
                "<a href=\"{{base_url}}/x?id={{encode id}}\">Go</a>",
                "Go ({{base_url}}/x?id={{encode id}})",
            ),
        ] {
            assert_eq!(plain_text(html).trim_end(), wanted, "{html}");
        }
    }

    #[test]
    fn broken_html_still_gives_text() {
        for html in ["<", "<a", "<a href=", "<p>a</div>b", "{{", "<p {{", "a < b & c", "<!--", ""] {
            plain_text(html);
        }
        assert_eq!(plain_text("a < b &amp; c &unknown; d"), "a < b & c &unknown; d\n");
    }
}
