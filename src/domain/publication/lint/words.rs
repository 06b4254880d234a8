//! The codes of warnings, and their texts in both languages.

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

type Words = (&'static str, &'static str, &'static str, &'static str);

/// Returns the problem and the remedy, each in English and in Chinese. `{}` is the place of the
/// detail.
pub(super) fn of(code: LintCode) -> Words {
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
            "没有写明发件人的通信地址",
            "put {{campaign.postal_address}} into the footer; US law requires it (16 CFR 316.5)",
            "在页脚加上 {{campaign.postal_address}}；美国法律有此要求（16 CFR 316.5）",
        ),
        NoUnsubscribeInText => (
            "the plain text has no unsubscribe link",
            "纯文本部分没有退订地址",
            "put {{unsubscribe_url}} at its end",
            "在末尾加上 {{unsubscribe_url}}",
        ),
        NoPreheader => (
            "has no preheader: mailboxes show the body's first words after the subject",
            "没有预览文字：收件箱会在主题后显示正文开头",
            "write preheader.hbs beside subject.hbs",
            "在 subject.hbs 旁边写一个 preheader.hbs",
        ),
        LongSubject => (
            "the subject is {} columns wide; mailboxes cut it after 60",
            "主题宽 {} 列，收件箱会在 60 列处截断",
            "keep it within 60 (a Chinese character counts as two)",
            "控制在 60 列以内（一个汉字算两列）",
        ),
        ShoutingSubject => (
            "the subject is almost all capitals",
            "主题几乎全是大写字母，像在喊叫",
            "write it as a sentence; filters count capitals",
            "按正常句子书写；过滤器会统计大写字母",
        ),
        ManyExclamations => (
            "too many exclamation marks for spam filters",
            "感叹号过多，容易被过滤",
            "one is enough",
            "一个就够了",
        ),
        EmptySubject => (
            "the subject is empty for a contact who gave only an address",
            "对只留下地址的联系人，主题是空的",
            "write {{default … \"…\"}}, or add words beside the value",
            "写成 {{default … \"…\"}}，或在值旁边加上文字",
        ),
        FalseReply => (
            "the subject pretends to be a reply",
            "主题伪装成回复或转发",
            "say what the mail is about; a deceptive subject is unlawful (15 USC 7704(a)(2))",
            "写明邮件内容；欺骗性主题违法（15 USC 7704(a)(2)）",
        ),
        TooLarge => (
            "the HTML has about {} kB; Gmail hides what is beyond 102",
            "HTML 约 {} kB，Gmail 会隐藏 102 kB 之后的内容",
            "shorten it, or remove styles and nested tables: the unsubscribe link is at its end",
            "请缩短，或减少样式和嵌套表格：退订链接就在末尾",
        ),
        _ => (
            "almost all of its content is in images, which many people do not see",
            "内容几乎都在图片里，而很多人看不到图片",
            "write the main points as text",
            "把要点写成文字",
        ),
    }
}

fn of_link(code: LintCode) -> Words {
    match code {
        InsecureLink => {
            ("`{}` is not encrypted", "`{}` 未加密", "begin it with https://", "改用 https://")
        }
        RelativeLink => (
            "`{}` leads nowhere: a mail has no base address",
            "`{}` 打不开：邮件没有自己的网址",
            "begin it with {{base_url}} or https://",
            "以 {{base_url}} 或 https:// 开头",
        ),
        BrokenLink => (
            "`{}` is not a valid address",
            "`{}` 不是有效网址",
            "check it; it needs https:// and a host, and no spaces",
            "请检查：需要 https:// 和域名，且不能有空格",
        ),
        EmptyLink => (
            "a link or image without an address",
            "链接或图片没有地址",
            "add the address, or remove the element",
            "补上地址，或删掉它",
        ),
        ShortenedLink => (
            "`{}` hides where it leads; filters refuse such links",
            "`{}` 隐藏了去向，容易被过滤",
            "link to the page itself: clicks are counted anyway",
            "直接链接到目标页面：点击照样会被统计",
        ),
        MisleadingLink => (
            "the link text shows a different site than the target: {}",
            "显示的网站与实际去向不同：{}",
            "use words as the link text, not an address",
            "链接文字请写文字，不要写网址",
        ),
        DeadPage => (
            "this campaign has no page at `{}`",
            "本活动没有路径为 `{}` 的页面",
            "check the path, unless the page belongs to another campaign",
            "请检查路径；只有该页面属于另一个活动时才没有问题",
        ),
        _ => (
            "`{}` is put into an address unencoded; a space or & in it would break the link",
            "`{}` 直接放进了网址，其中的空格或 & 会破坏链接",
            "write {{encode …}}",
            "写成 {{encode …}}",
        ),
    }
}

fn of_mjml(code: LintCode) -> Words {
    match code {
        StrayText => (
            "`{}` is between elements of MJML, where nobody sees it",
            "`{}` 写在 MJML 元素之间，谁也看不到",
            "put it into <mj-text>, or remove it",
            "请放进 <mj-text>，或删掉",
        ),
        _ => (
            "a font is loaded from {}, which learns who reads the mail, and when",
            "字体要从 {} 加载，对方会知道谁在何时阅读",
            "use system fonts; they are the default",
            "请用系统自带的字体，或不写字体：默认就是系统字体",
        ),
    }
}

fn of_text(code: LintCode) -> Words {
    match code {
        NoOptOut => (
            "does not say how to opt out",
            "没有写明如何拒收",
            "end it with words such as \"Reply STOP to opt out\", or set campaign.sms.opt_out",
            "在结尾写上「拒收请回复R」之类的文字，或设置 campaign.sms.opt_out",
        ),
        NoSignature => (
            "has no signature in 【】; operators in China block an SMS without one",
            "没有【】签名；国内运营商不会放行",
            "set campaign.sms.signature, or begin the text with 【…】",
            "设置 campaign.sms.signature，或以【…】开头",
        ),
        LongText => (
            "has {} segments, more than allowed, and would not be sent",
            "共 {} 条分段，超过上限，不会发送",
            "shorten it, or raise campaign.sms.segments_max (10 at most)",
            "请缩短，或调高 campaign.sms.segments_max（最多 10）",
        ),
        _ => (
            "costs more than twice as much because of {}",
            "仅因这些字符，费用就增加一倍以上：{}",
            "`dripline inspect sms` lists replacements",
            "`dripline inspect sms` 会列出可替代的字符",
        ),
    }
}

fn of_slip(code: LintCode) -> Words {
    match code {
        ForeignTag => (
            "not a tag of dripline, so readers would see it as text: {}",
            "这里不认识这种标签，读者会看到原文：{}",
            "write {{first_name}}, or {{default first_name \"…\"}} for a fallback",
            "写成 {{first_name}}，或带后备文字的 {{default first_name \"…\"}}",
        ),
        ScriptOnPage => (
            "{} does not run: the policy of pages (Content-Security-Policy) allows no script",
            "{} 不会运行：页面的安全策略（Content-Security-Policy）不允许脚本",
            "remove it; visits, forms and clicks are counted without a script",
            "请删除；访问、表单和点击不用脚本也会统计",
        ),
        BlockedOnPage => (
            "{} is not loaded: the policy of pages (Content-Security-Policy) allows no external styles or frames",
            "{} 不会加载：页面的安全策略不允许外部样式和框架",
            "put styles into <style> on the page; link to the content of the frame",
            "样式写进页面的 <style>；框架里的内容改为链接",
        ),
        UnusedTemplate => (
            "no campaign uses it: {}",
            "没有活动使用它：{}",
            "use it in a campaign or a template, or delete it",
            "在活动或模板里引用它，或将其删除",
        ),
        UnknownAttribute => (
            "no form, journey or `attributes` of this campaign sets {}",
            "本活动的表单、旅程和 `attributes` 都没有设置 {}",
            "correct the name; if it comes through the API, list it in campaign.attributes",
            "请更正名称；如果它来自 API，请写入 campaign.attributes",
        ),
        UnknownOption => (
            "the field has no option {}, so the rule matches nobody",
            "该字段没有选项 {}，因此不会匹配任何人",
            "write the option's `value` as in the form",
            "按表单里选项的 `value` 书写",
        ),
        UnnamedPurpose => (
            "{} has no description, so contacts would see this key on their preference page",
            "{} 没有文字说明，访客会在偏好页上直接看到这个键名",
            "describe it: [purpose.…] with name and description, in en and zh-CN",
            "请用 [purpose.…] 写明 name 和 description（en 与 zh-CN）",
        ),
        _ => (
            "no form of this campaign asks for the purpose {}",
            "本活动没有表单征求这个用途的同意：{}",
            "correct the name, or describe the purpose in [purpose.…]",
            "请更正名称，或在 [purpose.…] 中说明该用途",
        ),
    }
}

fn of_look(code: LintCode) -> Words {
    match code {
        ImageWithoutAlt => (
            "the image `{}` has no text for people who do not see it",
            "图片 `{}` 没有替代文字",
            "write alt=\"…\"; or alt=\"\" for a decoration",
            "写上 alt=\"…\"；纯装饰图片写 alt=\"\"",
        ),
        DataImage => (
            "Gmail does not show images within the mail",
            "Gmail 不显示内嵌在邮件里的图片",
            "link to a file on the web",
            "改为链接网上的图片文件",
        ),
        UnsupportedElement => (
            "some mail clients do not show {}",
            "部分客户端不显示：{}",
            "link to a page that has it",
            "改为链接到包含它的页面",
        ),
        UnsupportedCss => (
            "some mail clients do not support {}",
            "部分客户端不支持：{}",
            "MJML's columns and attributes work everywhere",
            "请用 MJML 的分栏和属性，各处都有效",
        ),
        NoColorScheme => (
            "does not declare support for dark mode, so clients change its colours",
            "没有声明支持深色模式，客户端会自行改变颜色",
            "put <mj-raw><meta name=\"color-scheme\" content=\"light dark\" /></mj-raw> \
             into <mj-head>",
            "在 <mj-head> 里加上 \
             <mj-raw><meta name=\"color-scheme\" content=\"light dark\" /></mj-raw>",
        ),
        TextWithoutBackground => (
            "text in {} without a background colour: it is invisible in light or in dark mode",
            "文字颜色为 {} 且没有自己的背景色：浅色或深色模式下会看不见",
            "give the section a background-color, or use a medium colour for the text",
            "给区块加 background-color，或换一个中间色",
        ),
        _ => (
            "text in the colour of its background ({}), as in spam",
            "文字与背景同色（{}），是垃圾邮件的做法",
            "remove it; a preheader belongs into preheader.hbs",
            "请删除；预览文字写在 preheader.hbs 里",
        ),
    }
}
