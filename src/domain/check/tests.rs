//! Campaigns that can be read and still make no sense.

use super::*;
use crate::domain::campaign_file::read;
use crate::domain::campaign_file::tests::{SAMPLE, said, said_of, said_of_rule};
use crate::domain::journey::Trigger;
use crate::domain::rule::{Comparison, DateTest, Relative, Rule, Test};
use insta::assert_snapshot;

/// What is said about a journey of these steps, entered by the sample's form.
fn journey(steps: &str) -> String {
    let begin = SAMPLE.split("[journey.nurture]").next().unwrap();
    let step = |line: &str| format!("[[journey.j.step]]\n{}\n", line.trim().replace("; ", "\n"));
    let steps: String = steps.trim().lines().map(step).collect();
    said(&format!("{begin}\n[journey.j]\nenter = {{ form = 'download' }}\n{steps}"))
}

/// What is said about the sample after a change that no file could make.
fn changed(change: impl FnOnce(&mut Campaign)) -> String {
    let mut campaign = read("white-paper.toml", SAMPLE).unwrap();
    change(&mut campaign);
    check(&campaign).iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn what_is_referred_to_must_exist() {
    assert_snapshot!(said_of(
        "description = \"免费下载\"\nform = \"download\"",
        "form = \"downlod\"",
    ), @"
    line 25: page.landing.form
         there is no form `downlod`
       → did you mean `download`?
    ");
    assert_snapshot!(said_of("thanks = \"thanks\"", "thanks = \"thank\""), @"
    line 34: form.download.thanks
         there is no page `thank`
       → did you mean `thanks`?
    ");
    assert_snapshot!(said_of(
        "enter = { form = \"download\" }",
        "enter = { form = \"white-paper\" }",
    ), @"
    line 91: journey.nurture.enter.form
         there is no form `white-paper`
       → known here: download
    ");
    assert_snapshot!(said_of(
        "enter = { segment = \"engaged\" }",
        "enter = { segment = \"engagd\" }",
    ), @"
    line 138: journey.revive.enter.segment
         there is no segment `engagd`
       → did you mean `engaged`?
    ");
    assert_snapshot!(said_of("on_timeout = \"nudge\"", "on_timeout = \"nugde\""), @"
    line 108: journey.nurture.step[3].on_timeout
         there is no step `nugde`
       → did you mean `nudge`?
    ");
    assert_snapshot!(said_of("then = \"sales\" }]", "then = \"slaes\" }]"), @"
    line 130: journey.nurture.step[8].branch[1].then
         there is no step `slaes`
       → did you mean `sales`?
    ");
    assert_snapshot!(said_of("otherwise = \"over\"", "otherwise = \"ende\""), @"
    line 131: journey.nurture.step[8].otherwise
         there is no step `ende`
       → did you mean `end`?
    ");
    assert_snapshot!(said_of("clicked\", step = \"welcome\"", "clicked\", step = \"nudg\""), @"
    line 106: journey.nurture.step[3].wait_for.step
         there is no step `nudg`
       → did you mean `nudge`?
    ");
    assert_snapshot!(said_of(
        "message.clicked\", step = \"welcome\"",
        "message.clicked\", step = \"mark\"",
    ), @"
    line 106: journey.nurture.step[3].wait_for.step
         step `mark` sends nothing
    ");
    assert_snapshot!(said_of("purpose = \"newsletter\"\n\n", "purpose = \"newslettr\"\n\n"), @"
    line 94: journey.nurture.purpose
         there is no form that asks for `newslettr`
       → did you mean `newsletter`?
    ");
    assert_snapshot!(said_of("channels = [\"email\", \"sms\"]", "channels = [\"email\"]"), @"
    line 122: journey.nurture.step[6].send
         would never be sent by sms
       → no form asks for `newsletter` on that channel
    ");
}

#[test]
fn names_and_paths_are_taken_once() {
    assert_snapshot!(said_of("/white-paper/thanks", "/白皮书/"), @"
    line 29: page.thanks.path
         `/白皮书/` is already the path of page `landing`
    line 29: page.thanks.path
         `/白皮书/` is not a path
       → /letters-and-digits, parted by -, _, . or ~, no / at the end
    ");
    assert_snapshot!(said_of("/white-paper/thanks", "/白皮书"), @"
    line 29: page.thanks.path
         `/白皮书` is already the path of page `landing`
    ");
    assert_snapshot!(said_of("id = \"sales\"", "id = \"mark\""), @"
    line 115: journey.nurture.step[5].id
         step[4] has this id too
    line 130: journey.nurture.step[8].branch[1].then
         there is no step `sales`
       → known here: clicked, mark, morning, nudge, over, pause, welcome, which, end
    ");
    assert_snapshot!(said_of("name = \"source\"", "name = \"role\""), @"
    line 62: form.download.fields[5].name
         another field has this name
    ");
    assert_snapshot!(said_of("type = \"number\"\nmin = 1\nmax = 1_000_000.5", "type = \"tel\""), @"
    line 38: form.download.fields
         has 2 fields of type `tel`
    ");
    assert_snapshot!(said_of("name = \"b\", template", "name = \"a\", template"), @"
    line 22: page.landing.variants[2].name
         another variant has this name
    ");
    assert_snapshot!(said_of(
        "channel = \"baidu\", day = \"2026-03-02\"",
        "channel = \"wechat-ads\", day = \"2026-03-01\"",
    ), @"
    line 14: campaign.cost[2]
         the same channel and day as cost[1]
       → add the two up
    ");
}

#[test]
fn paths_of_the_house_are_reserved() {
    for path in [
        "/f/x", "/c", "/admin", "/Admin/x", "/api/v1", "/healthz", "/assets/a.css", "/dev/mailbox",
        "/u/1", "/hooks/x",
    ] {
        let said = said_of("/white-paper/thanks", path);
        assert!(
            said.contains("page.thanks.path") && said.contains("belongs to the house"),
            "{said}"
        );
    }
    for path in [
        "", "x", "//", "/a b", "/a?b", "/a#b", "/a//b", "/../etc", "/%2e", "/a\\\\b",
        "/.well-known/x",
    ] {
        let said = said_of("/white-paper/thanks", path);
        assert!(said.contains("is not a path"), "{path}: {said}");
    }
    for path in ["/", "/flowers", "/admins", "/白皮书/谢谢", "/a-b_c.d~e"] {
        assert_eq!(said_of("/white-paper/thanks", path), "all good", "{path}");
    }
}

#[test]
fn small_values_have_their_shapes() {
    assert_snapshot!(said_of("Asia/Shanghai", "Asia/Shangai"), @"
    line 6: campaign.time_zone
         `Asia/Shangai` is not a time zone of the IANA list
       → did you mean `Asia/Shanghai`?
    ");
    assert_snapshot!(said_of("Asia/Shanghai", "Beijing time"), @"
    line 6: campaign.time_zone
         `Beijing time` is not a time zone of the IANA list
       → for example Asia/Shanghai or Europe/London
    ");
    assert_snapshot!(
        said_of("\"CNY\"", "\"RMB¥\"").lines().last().unwrap(),
        @"     expected an ISO 4217 code of three capital letters, such as CNY"
    );
    assert_snapshot!(said_of("locale = \"zh-CN\"", "locale = \"zh_CN\""), @"
    line 5: campaign.locale
         `zh_CN` is not a language of the house
       → did you mean `zh-CN`?
    ");
    assert_snapshot!(said_of("owner = \"lin@example.com\"", "owner = \"lin@example\""), @"
    line 8: campaign.owner
         `lin@example` is not an e-mail address
    ");
    assert_snapshot!(said_of("from = \"林 <lin@example.com>\"", "from = \"林 lin@example.com\""), @"
    line 9: campaign.from
         `林 lin@example.com` is not a sender: Name <address@example.com>
    ");
    assert_snapshot!(said_of("day = \"2026-03-02\"", "day = \"2026-02-30\""), @"
    line 14: campaign.cost[2].day
         expected a day such as 2026-03-01
    ");
    assert_snapshot!(said_of("amount = \"800.5\"", "amount = \"-1\""), @"
    line 14: campaign.cost[2].amount
         a cost is not negative
    ");
}

#[test]
fn small_values_of_the_sections_have_their_shapes() {
    assert_snapshot!(said_of("postal_address = \"上海市浦东新区世纪大道 1 号\"", "postal_address = \" \""), @"
    line 10: campaign.postal_address
         must not be empty
    ");
    assert_snapshot!(said_of(
        "attributes = [\"company\", \"plan\"]",
        "attributes = [\"Company\"]",
    ), @"
    line 16: campaign.attributes[1]
         `Company` is not an attribute's name
       → a letter, then a-z, 0-9 and _, at most 40
    ");
    assert_snapshot!(said_of("[page.thanks]", "[page.谢谢]"), @"
    line 28: 
         not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
    ");
    assert_snapshot!(said_of("region = \"CN\"", "region = \"China\""), @"
    line 48: form.download.fields[2].region
         expected an ISO 3166 code of two capital letters, such as CN
    ");
    assert_snapshot!(said_of("max = 1_000_000.5", "max = 0"), @"
    line 54: form.download.fields[3].max
         is less than `min`
    ");
    assert_snapshot!(said_of("https://www.example.com", "https://www.example.com/"), @"
    line 36: form.download.origins[1]
         `https://www.example.com/` is not an origin: https://example.com, no path
    ");
    assert_snapshot!(said_of("https://www.example.com", "http://www.example.com"), @"
    line 36: form.download.origins[1]
         `http://www.example.com` is not an origin: https://example.com, no path
    ");
    assert_snapshot!(said_of("template = \"pages/thanks\"", "template = \"pages/../../secret\""), @"
    line 30: page.thanks.template
         `pages/../../secret` is not a template: pages/<name>
    ");
    assert_snapshot!(said_of("send = \"sms/nudge\"", "send = \"nudge\""), @"
    line 122: journey.nurture.step[6].send
         `nudge` is not a template: emails/<name> or sms/<name>
    ");
    assert_snapshot!(said_of("weight = 2", "weight = 0"), @"
    line 21: page.landing.variants[1].weight
         a weight is from 1 to 1000
    ");
    assert_snapshot!(said_of("time = \"09:30\"", "time = \"24:00\""), @"
    line 102: journey.nurture.step[2].wait_until.time
         no clock shows this time
    ");
    assert_snapshot!(said_of("add_tags = [\"热\"]", "add_tags = [\"\"]"), @"
    line 112: journey.nurture.step[4].update.add_tags[1]
         a tag has 1 to 100 characters
    ");
    assert_snapshot!(said_of("options = [\"engineer\",", "options = [\"manager\","), @"
    line 59: form.download.fields[4].options[2]
         another option has this value
    ");
    assert_snapshot!(said_of(
        "event = \"order.completed\", within",
        "event = \"order completed\", within",
    ), @"
    line 11: campaign.goal.event
         `order completed` is not an event's name, such as order.completed
    ");
}

#[test]
fn forms_can_be_answered() {
    let form = |fields: &str, consent: &str| {
        let begin = SAMPLE.split("[page.landing]").next().unwrap();
        said(&format!(
            "{begin}\n[page.p]\npath = '/p'\ntitle = 'p'\ntemplate = 'pages/p'\n\
             [form.f]\nfields = [{fields}]\n{consent}"
        ))
    };
    assert_snapshot!(form("{ name = 'first_name', type = 'text' }", ""), @"
    line 24: form.f.fields
         a form needs a field of type `email` or `tel`, or nobody can be answered
    ");
    let (email, tel) = ("{ name = 'email', type = 'email' }", "{ name = 'phone', type = 'tel' }");
    let ask = |more: &str| format!("consent = {{ purpose = 'n', text = '好', {more} }}");
    assert_snapshot!(form(email, &ask("channels = []")), @"
    line 25: form.f.consent.channels
         needs at least one channel
    ");
    assert_snapshot!(form(email, &ask("channels = ['email', 'sms', 'email']")), @"
    line 25: form.f.consent.channels[2]
         the form has no field of type `tel` to reach this channel
    line 25: form.f.consent.channels[3]
         named twice
    ");
    assert_snapshot!(form(tel, &ask("channels = ['sms'], double_opt_in = true")), @"
    line 25: form.f.consent.double_opt_in
         an address is confirmed by e-mail, which is not among the channels
    ");
    assert_snapshot!(form(
        "{ name = 'email', type = 'email' },
         { name = 'base_url', type = 'select', options = [] }",
        ""
    ), @"
    line 25: form.f.fields[2].name
         this name belongs to the house
    line 25: form.f.fields[2].options
         must not be empty
    ");
}

#[test]
fn what_says_who_a_contact_is_is_not_set_by_the_way() {
    assert_snapshot!(said_of("name = \"role\"", "name = \"external_id\""), @"
    line 57: form.download.fields[4].name
         this name belongs to the house
    ");
    assert_snapshot!(said_of("type = \"email\"\nlabel", "type = \"text\"\nlabel"), @"
    line 40: form.download.fields[1].type
         a field named `email` is of type `email`
    line 68: form.download.consent.channels[1]
         the form has no field of type `email` to reach this channel
    ");
    assert_snapshot!(said_of("set = { plan = \"demo\" }", "set = { email = \"x\" }"), @"
    line 112: journey.nurture.step[4].update.set.email
         says who a contact is and is not set by a step
    ");
}

#[test]
fn spans_are_neither_nothing_nor_for_ever() {
    assert_snapshot!(said_of("wait = \"2d\"", "wait = \"0d\""), @"
    line 126: journey.nurture.step[7].wait
         a span is from 1s to less than 3650d, not 0s
    ");
    assert_snapshot!(said_of("wait = \"2d\"", "wait = \"3651d\""), @"
    line 126: journey.nurture.step[7].wait
         a span is from 1s to less than 3650d, not 3651d
    ");
    assert_snapshot!(said_of("timeout = \"3d\"", "timeout = \"0s\""), @"
    line 107: journey.nurture.step[3].timeout
         a span is from 1s to less than 3650d, not 0s
    ");
    assert_snapshot!(said_of("after 30d", "after 0s"), @"
    line 93: journey.nurture.re_entry
         a span is from 1s to less than 3650d, not 0s
    ");
    assert_snapshot!(said_of("within = \"14d\"", "within = \"9999w\""), @"
    line 78: segment.engaged.rule.all[4].within
         a span is from 1s to less than 3650d, not 9999w
    ");
}

#[test]
fn journeys_do_not_run_in_circles() {
    assert_snapshot!(journey("id = 'a'; update = { score = 1 }; then = 'a'"), @"
    line 93: journey.j.step[1]
         loops without waiting: a → a
    ");
    assert_snapshot!(journey("
        id = 'a'; send = 'emails/a'
        id = 'b'; branch = [{ when = { tag = 'x' }, then = 'c' }]; otherwise = 'end'
        id = 'c'; notify = 'owner'; then = 'a'"), @"
    line 93: journey.j.step[1]
         loops without waiting: a → b → c → a
    ");
    assert_eq!(
        journey(
            "
        id = 'a'; send = 'emails/a'
        id = 'b'; wait = '1d'
        id = 'c'; notify = 'owner'; then = 'a'"
        ),
        "all good"
    );
    assert_eq!(
        journey(
            "
        id = 'a'; send = 'emails/a'
        id = 'b'; wait_for = { event = 'click', step = 'a' }; timeout = '1d'; \
             on_timeout = 'a'; then = 'a'"
        ),
        "all good"
    );
    assert_eq!(
        journey(
            "
        id = 'a'; wait_until = { time = '09:00' }; then = 'a'"
        ),
        "all good"
    );
}

#[test]
fn waiting_for_what_has_happened_is_not_waiting() {
    assert_snapshot!(journey("
        id = 'a'; send = 'emails/a'
        id = 'b'; wait_for = { event = 'click', step = 'a' }; timeout = '1d'; on_timeout = 'end'
        id = 'c'; update = { score = 1 }; then = 'b'"), @"
    line 96: journey.j.step[2]
         loops without waiting: b → c → b
       → what `b` waits for may have happened, and nothing in the loop sends `a` again
    ");
    assert_eq!(
        journey(
            "
        id = 'a'; send = 'emails/a'
        id = 'b'; wait_for = { event = 'click', step = 'a' }; timeout = '1d'; \
             on_timeout = 'c'; then = 'end'
        id = 'c'; update = { score = 1 }; then = 'b'"
        ),
        "all good"
    );
}

#[test]
fn every_step_can_be_reached() {
    assert_snapshot!(journey("
        id = 'a'; end = true
        id = 'b'; notify = 'owner'"), @"
    line 96: journey.j.step[2]
         nothing leads to step `b`
    ");
    assert_snapshot!(journey("id = 'end'; wait = '1d'"), @"
    line 94: journey.j.step[1].id
         `end` is where journeys end
    ");
    assert_snapshot!(said_of(
        "[[journey.revive.step]]\nid = \"tell\"\nnotify = \"owner\"",
        "step = []",
    ), @"
    line 137: journey.revive
         needs at least one step
    ");
}

#[test]
fn everything_has_a_limit() {
    let many = |n: usize, make: &dyn Fn(usize) -> String| (0..n).map(make).collect::<String>();
    let steps = many(STEPS_MAX + 1, &|i| format!("id = 's{i}'; wait = '1d'\n"));
    assert_snapshot!(journey(&steps), @"
    line 93: journey.j.step
         101 steps; the limit is 100
    ");
    let fields =
        many(FIELDS_MAX, &|i| format!("[[form.download.fields]]\nname = 'f{i}'\ntype = 'text'\n"));
    assert_snapshot!(said_of(
        "[form.download.consent]",
        &format!("{fields}[form.download.consent]"),
    ), @"
    line 38: form.download.fields
         55 fields; the limit is 50
    ");
    let options = many(OPTIONS_MAX + 1, &|i| format!("'o{i}',"));
    assert_snapshot!(said_of("options = [\"engineer\",", &format!("options = [{options}")), @"
    line 59: form.download.fields[4].options
         102 options; the limit is 100
    ");
    let segments =
        many(SECTION_ENTRIES_MAX, &|i| format!("[segment.s{i}]\nrule = {{ tag = 'x' }}\n"));
    assert_snapshot!(said(&format!("{SAMPLE}\n{segments}")), @"
    line 73: segment
         52 segments; the limit is 50
    ");
    let variants = many(VARIANTS_MAX, &|i| format!("{{ name = 'v{i}', template = 'pages/v' }},"));
    assert_snapshot!(said_of("{ name = \"b\",", &format!("{variants} {{ name = \"b\",")), @"
    line 20: page.landing.variants
         12 variants; the limit is 10
    ");
    let leaves = many(RULE_LEAVES_MAX, &|i| format!("{{ tag = 't{i}' }},"));
    assert_snapshot!(said_of("{ tag = \"vip\" }, {", &format!("{leaves} {{")), @"
    line 74: segment.engaged.rule
         113 questions; the limit is 100
    ");
    let deep = format!(
        "{}{{ tag = 'x' }}{}",
        "{ not = ".repeat(RULE_DEPTH_MAX),
        " }".repeat(RULE_DEPTH_MAX)
    );
    assert_snapshot!(said_of("when = { tag = \"vip\" }", &format!("when = {deep}")), @"
    line 130: journey.nurture.step[8].branch[1].when
         21 levels deep; the limit is 20
    ");
    let long = "长".repeat(TEXT_CHARS_MAX + 1);
    assert_snapshot!(said_of("同意接收活动信息", &long), @"
    line 69: form.download.consent.text
         2001 characters; the limit is 2000
    ");
    assert_snapshot!(said_of("下载白皮书", &long), @"
    line 24: page.landing.title
         2001 characters; the limit is 300
    ");
}

#[test]
fn what_no_file_can_say_is_refused_of_an_api_client_too() {
    assert_snapshot!(
        changed(|campaign| campaign.costs[0].amount.currency = "USD".into()),
        @"campaign.cost[1].amount: not in the campaign's currency"
    );
    assert_snapshot!(
        changed(|c| { c.segments.insert("n".into(), Rule::Score(Comparison::Gt(f64::NAN))); }),
        @"segment.n.rule.score: is not a number"
    );
    assert_snapshot!(
        changed(|campaign| campaign.goal.within = Span(i64::MIN)),
        @"campaign.goal.within: a span is from 1s to less than 3650d, not -9223372036854775s"
    );
    assert_snapshot!(changed(
        |campaign| campaign.from = Some("a\r\nBcc: b <a@example.com>".into())
    ), @"
    campaign.from: `a
    Bcc: b <a@example.com>` is not a sender: Name <address@example.com>
    ");
    assert_snapshot!(
        changed(|campaign| campaign.pages.get_mut("landing").unwrap().variants.clear()),
        @"page.landing.variants: a page needs at least one"
    );
    assert_snapshot!(changed(|campaign| { campaign.pages.clear(); campaign.journeys.clear(); }), @"
    campaign: has neither a page nor a journey
    form.download.thanks: there is no page `thanks`
    segment.rest.rule.any[17].journey: there is no journey `nurture`
    ");
    assert_eq!(changed(|_| {}), "");
}

#[test]
fn a_migration_leads_to_a_step_or_says_why_people_leave() {
    let migrate = |lines: &str| {
        said_of(
            "[journey.revive]",
            &format!("[journey.nurture.migrate]\n{lines}\n[journey.revive]"),
        )
    };
    assert_snapshot!(migrate("old = 'welcom'\nolder = 'end'\noldest = { leave = '' }"), @"
    line 138: journey.nurture.migrate.old
         there is no step `welcom`
       → did you mean `welcome`?
    line 139: journey.nurture.migrate.older
         `end` is no step to stand at
       → say why they end: { leave = \"…\" }
    line 140: journey.nurture.migrate.oldest.leave
         must not be empty
    ");
    assert_snapshot!(migrate("old = { lave = 'x' }"), @"
    line 138: journey.nurture.migrate.old.lave
         unknown key
       → did you mean `leave`?
    ");
    assert_eq!(migrate("old = 'welcome'\nolder = { leave = 'over' }"), "all good");
}

#[test]
fn a_split_needs_two_paths_and_a_weight_on_each() {
    assert_snapshot!(journey("id = 'a'; split = [{ then = 'end' }, { weight = 1, then = 'b' }]"), @"
    line 95: journey.j.step[1].split[1].weight
         missing
    ");
    assert_snapshot!(journey("
        id = 'a'; split = [{ weight = 0, then = 'end' }]
    "), @"
    line 95: journey.j.step[1].split
         needs two paths at least
    line 95: journey.j.step[1].split[1].weight
         a weight is from 1 to 1000
    ");
    assert_snapshot!(journey("
        id = 'a'; split = [{ weight = 1, then = 'b' }, { weight = 1, then = 'end' }]; then = 'b'
        id = 'b'; end = true
    "), @"
    line 96: journey.j.step[1].then
         a step that splits leads nowhere by `then`
    ");
}

#[test]
fn a_wait_for_a_date_says_where_those_go_who_have_none() {
    assert_snapshot!(journey("id = 'a'; wait_until = { date = 'renewal', time = '09:00' }"), @"
    line 93: journey.j.step[1].otherwise
         missing
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'Renewal', offset = '400d', \
         time = '24:00' }; otherwise = 'end'
    "), @"
    line 95: journey.j.step[1].wait_until.date
         `Renewal` is not an attribute's name
       → a letter, then a-z, 0-9 and _, at most 40
    line 95: journey.j.step[1].wait_until.offset
         400 days; the limit is 365
    line 95: journey.j.step[1].wait_until.time
         no clock shows this time
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', offset = '12h', \
         every = 'month', time = '09:00' }; otherwise = 'end'
    "), @r#"
    line 95: journey.j.step[1].wait_until.offset
         expected whole days such as "-7d", not `12h`
    line 95: journey.j.step[1].wait_until.every
         `month` is not a word known here
       → known here: year
    "#);
    assert_snapshot!(journey("id = 'a'; wait_until = { time = '09:00' }; otherwise = 'end'"), @"
    line 96: journey.j.step[1].otherwise
         belongs to `branch` steps, and to `wait_until` with a `date`
    ");
}

#[test]
fn a_loop_through_the_other_way_of_a_date_does_not_wait() {
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', time = '09:00' }; otherwise = 'b'
        id = 'b'; update = { score = 1 }; then = 'a'
    "), @"
    line 93: journey.j.step[1]
         loops without waiting: a → b → a
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', every = 'year', \
         time = '09:00' }; otherwise = 'end'
        id = 'b'; update = { score = 1 }; then = 'a'
    "), @"all good");
}

#[test]
fn what_is_waited_for_must_exist_and_be_something_that_happens() {
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [{ segment = 'engagd' }, { event = 'x', \
         step = 'b' }] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for.any[1].segment
         there is no segment `engagd`
       → did you mean `engaged`?
    line 95: journey.j.step[1].wait_for.any[2].step
         there is no step `b`
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for
         waits for nothing
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [{ form = 'download' }, { any = [{ event = 'x' }] \
         }] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for.any[1]
         nothing triggers it
       → give it one of event, segment, segment_left, any
    line 95: journey.j.step[1].wait_for.any[1].form
         unknown key
       → known here: any, event, segment, segment_left
    line 95: journey.j.step[1].wait_for.any[2]
         an `any` within an `any`
    ");
    assert_snapshot!(said_of(
        "{ event = \"plan.renewed\" }",
        "{ event = \"a\", step = \"ahead\" }",
    ), @"
    line 146: journey.renew.goal.step
         unknown key
       → known here: any, event, form, rule, segment, segment_left, where
    ");
}

#[test]
fn a_rule_ends_journeys_and_starts_none() {
    assert_snapshot!(said_of(
        "{ any = [{ event = \"plan.chosen\" }, {",
        "{ any = [{ rule = { tag = \"x\" } }, {",
    ), @"
    line 145: journey.renew.enter.any[1]
         nothing triggers it
       → give it one of form, segment, segment_left, event
    line 145: journey.renew.enter.any[1].rule
         unknown key
       → known here: event, form, segment, segment_left
    ");
    assert_snapshot!(changed(|campaign| {
        let journey = campaign.journeys.get_mut("renew").unwrap();
        journey.enter = Trigger::Rule(Rule::Tag("x".to_owned()));
    }), @"journey.renew.enter: a rule ends journeys and starts none");
}

#[test]
fn another_journey_must_exist_and_be_another() {
    assert_snapshot!(said_of("enroll = \"revive\"", "enroll = \"reviv\""), @"
    line 170: journey.renew.step[5].enroll
         there is no journey `reviv`
       → did you mean `revive`?
    ");
    assert_snapshot!(said_of("enroll = \"revive\"", "enroll = \"renew\""), @"
    line 170: journey.renew.step[5].enroll
         `renew` is the journey itself
       → to begin again, lead back by `then`
    ");
    assert_snapshot!(said_of("journey = \"nurture\", reason", "journey = \"renew\", reason"), @"
    line 174: journey.renew.step[6].leave.journey
         `renew` is the journey itself
       → to leave it, leave `journey` out
    ");
    assert_snapshot!(said_of("leave = { reason = \"no answer\" }", "leave = {}"), @"
    line 179: journey.renew.step[7].leave.reason
         missing
    ");
    assert_snapshot!(said_of(
        "{ reason = \"no answer\" }",
        "{ reason = \"no answer\" }\nthen = \"end\"",
    ), @"
    line 180: journey.renew.step[7].then
         a step that leaves its own journey leads nowhere by `then`
    ");
}

#[test]
fn journeys_that_enroll_in_a_ring_must_wait_on_the_way() {
    let ring = |wait: &str| {
        let enroll = |name: &str, to: &str, wait: &str| {
            format!(
                "[journey.{name}]\nenter = {{ form = 'download' }}\n{wait}\n\
                     [[journey.{name}.step]]\nid = 'e'\nenroll = '{to}'\n"
            )
        };
        let begin = SAMPLE.split("[journey.nurture]").next().unwrap();
        said(&format!("{begin}{}{}", enroll("one", "two", wait), enroll("two", "one", "")))
    };
    assert_snapshot!(ring(""), @"
    line 90: journey.one
         enrolls in a ring without waiting: one → two → one
       → put a wait before one of the `enroll` steps
    ");
    assert_snapshot!(ring("[[journey.one.step]]\nid = 'w'\nwait = '1d'"), @"all good");
}

#[test]
fn what_makes_no_sense_in_a_rule_is_refused() {
    assert_snapshot!(said_of_rule("{ segment = 'engagd' }"), @"
    line 227: segment.x.rule.segment
         there is no segment `engagd`
       → did you mean `engaged`?
    ");
    assert_snapshot!(said_of_rule("{ segment = 'x' }"), @"
    line 227: segment.x.rule
         it asks about itself: x → x
       → let one of them ask about something else
    ");
    assert_snapshot!(said_of_rule("{ journey = 'nurtur', state = 'active' }"), @"
    line 227: segment.x.rule.journey
         there is no journey `nurtur`
       → did you mean `nurture`?
    ");
    assert_snapshot!(said_of_rule("{ journey = 'nurture', state = 'active', step = 'puse' }"), @"
    line 227: segment.x.rule.step
         there is no step `puse`
       → did you mean `pause`?
    ");
    assert_snapshot!(said_of_rule("{ journey = 'nurture', state = 'never', step = 'pause' }"), @"
    line 227: segment.x.rule.step
         who has never been in a journey stands at no step of it
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', matches = '' }"), @"
    line 227: segment.x.rule.matches
         must not be empty
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', matches = '**' }"), @"
    line 227: segment.x.rule.matches
         fits every text
       → write { attribute = …, set = true }
    ");
    let wild = format!("*%{}b", "*a".repeat(24));
    assert_snapshot!(said_of_rule(&format!("{{ attribute = 'b', matches = '{wild}' }}")), @"
    line 227: segment.x.rule.matches
         52 bytes; the limit is 50
       → `%`, `_` and `\\` count twice; a Chinese character has three bytes
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', between = [2, 1] }"), @"
    line 227: segment.x.rule.between
         the first is larger than the second
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', between = [2026-03-02, 2026-03-01] }"), @"
    line 227: segment.x.rule.between
         the first is later than the second
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', in_last = '0d' }"), @"
    line 227: segment.x.rule.in_last
         a span is from 1s to less than 3650d, not 0s
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', in_next = '3651d' }"), @"
    line 227: segment.x.rule.in_next
         a span is from 1s to less than 3650d, not 3651d
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', anniversary = 365 }"), @"
    line 227: segment.x.rule.anniversary
         from 0 (today) to 364 days
    ");
    assert_snapshot!(said_of_rule("{ event = 'e', within = '0d' }"), @"
    line 227: segment.x.rule.within
         a span is from 1s to less than 3650d, not 0s
    ");
    assert_snapshot!(said_of_rule("{ event = 'e', last = { in_last = '11000d' } }"), @"
    line 227: segment.x.rule.in_last
         a span is from 1s to less than 3650d, not 11000d
    ");
    let sequence =
        "{ sequence = [{ event = 'e' }, { event = 'f' }], span = '0s', within = '4000d' }";
    assert_snapshot!(said_of_rule(sequence), @"
    line 227: segment.x.rule.span
         a span is from 1s to less than 3650d, not 0s
    line 227: segment.x.rule.within
         a span is from 1s to less than 3650d, not 4000d
    ");
    assert_snapshot!(said_of_rule("{ sample = { percent = 100, seed = 's' } }"), @"
    line 227: segment.x.rule.sample.percent
         a sample is from 0.01 to 99.99 percent
    ");
    let dates = "{ attribute = 'b', anniversary = 1 },".repeat(RULE_DATES_MAX + 1);
    assert_snapshot!(said_of_rule(&format!("{{ any = [{dates}] }}")), @"
    line 227: segment.x.rule
         11 questions about dates; the limit is 10
    ");
}

#[test]
fn segments_that_ask_about_each_other_are_named_in_their_order() {
    let cycle = "[segment.a]\nrule = { not = { segment = 'b' } }
        [segment.b]\nrule = { any = [{ tag = 'x' }, { segment = 'c' }] }
        [segment.c]\nrule = { all = [{ segment = 'engaged' }, { segment = 'b' }] }";
    assert_snapshot!(said(&format!("{SAMPLE}\n{cycle}")), @"
    line 229: segment.b.rule
         it asks about itself: b → c → b
       → let one of them ask about something else
    ");
    let chain = cycle.replace("{ segment = 'b' }] }", "{ segment = 'rest' }] }");
    let campaign = read("white-paper.toml", &format!("{SAMPLE}\n{chain}")).unwrap();
    let order = crate::domain::campaign::segments_in_order(&campaign).unwrap();
    assert_eq!(order, ["engaged", "rest", "c", "b", "a"]);
}

#[test]
fn a_client_of_the_api_may_not_ask_about_another_campaign() {
    assert_snapshot!(changed(|c| {
        c.segments.insert("n".into(), Rule::Segment("other.engaged".into()));
    }), @"segment.n.rule.segment: there is no segment `other.engaged`; \
        known here: engaged, n, rest");
    assert_snapshot!(changed(|c| {
        let relative = Relative::Anniversary(0);
        let test = Test::Relative { relative, zone: "Mars/Base".into() };
        c.segments.insert("n".into(), Rule::Attribute { attribute: "b".into(), test });
    }), @"segment.n.rule: its zone is not the campaign's");
    assert_snapshot!(changed(|c| {
        let test = Test::Date(DateTest::Before("soon".into()));
        c.segments.insert("n".into(), Rule::Attribute { attribute: "b".into(), test });
    }), @"segment.n.rule.before: `soon` is not a date: \
        2026-03-01, 2026-03-01T09:30:00 or 2026-03-01T09:30:00+08:00");
}

#[test]
fn a_schedule_that_cannot_be_is_refused_with_its_place_and_the_remedy() {
    let of = |rule: &str| {
        said_of("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1;BYHOUR=9\", start = 2026-03-01", rule)
    };
    assert_snapshot!(of("FREQ=SECONDLY\""), @"
    line 189: journey.monthly.enter.schedule
         FREQ=SECONDLY fires too often
       → one of DAILY, WEEKLY, MONTHLY and YEARLY
    ");
    assert_snapshot!(of("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=9\""), @"
    line 189: journey.monthly.enter.schedule
         never fires
       → within ten years of its start it must fire once
    ");
    assert_snapshot!(of("FREQ=MONTHLY;BYSETPOS=1;BYDAY=MO;BYHOUR=9\""), @"
    line 189: journey.monthly.enter.schedule
         BYSETPOS is not known here
       → FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYHOUR, BYMINUTE, COUNT and UNTIL
    ");
    assert_snapshot!(of("FREQ=DAILY;BYHOUR=9\", start = \"soon\""), @"
    line 189: journey.monthly.enter.schedule
         `start` is `soon`
       → a day such as 2026-03-01
    ");
    assert_snapshot!(said_of(
        ", segment = \"engaged\" }\n\n[[journey.monthly",
        " }\n\n[[journey.monthly",
    ), @"
    line 189: journey.monthly.enter.segment
         missing
    ");
    assert_snapshot!(said_of(
        "{ event = \"plan.renewed\" }",
        "{ date = \"renewal\", time = \"09:00\" }",
    ), @"
    line 146: journey.renew.goal
         nothing triggers it
       → give it one of form, segment, segment_left, event, rule, any
    line 146: journey.renew.goal.date
         unknown key
       → known here: any, event, form, rule, segment, segment_left, time
    ");
    assert_snapshot!(said_of("offset = \"-1d\", time = \"10:00\" }", "offset = \"-500d\" }"), @"
    line 182: journey.birthday.enter.time
         missing
    ");
    assert_snapshot!(changed(|campaign| {
        let journey = campaign.journeys.get_mut("monthly").unwrap();
        let Trigger::Schedule(schedule) = &mut journey.enter else { panic!() };
        schedule.segment = "nobody".to_owned();
        let enter = journey.enter.clone();
        journey.goal = Some(Trigger::Any(vec![enter.clone()]));
        journey.exit = Some(enter);
    }), @"
    journey.monthly.enter.segment: there is no segment `nobody`; known here: engaged, rest
    journey.monthly.exit: a date or schedule starts journeys and ends none
    journey.monthly.exit.segment: there is no segment `nobody`; known here: engaged, rest
    journey.monthly.goal.any[1]: stands alone, in no `any`
    ");
}

#[test]
fn once_per_value_is_for_journeys_that_begin_with_an_event_of_ones_own() {
    let enter = "[journey.revive]\nenter = { segment = \"engaged\" }";
    let with = |other: &str| said_of(enter, &format!("[journey.revive]\n{other}"));
    assert_snapshot!(with("enter = { segment = \"engaged\" }\nonce_per = \"order_id\""), @r#"
    line 139: journey.revive.once_per
         needs a journey that begins with an event of your own
       → enter = { event = "order.completed" }
    line 171: journey.renew.step[5].enroll
         begins once per value of an event, and by no step
    "#);
    assert_snapshot!(with("enter = { event = \"message.clicked\" }\nonce_per = \"url\""), @r#"
    line 139: journey.revive.once_per
         needs a journey that begins with an event of your own
       → enter = { event = "order.completed" }
    line 171: journey.renew.step[5].enroll
         begins once per value of an event, and by no step
    "#);
    assert_snapshot!(with(
        "enter = { event = \"bought\" }\nonce_per = \"id\"\nre_entry = \"always\"",
    ), @"
    line 139: journey.revive.once_per
         stands beside `re_entry`; a journey has one of them
    ");
    assert_snapshot!(with("enter = { event = \"bought\" }\nonce_per = \"order_id\""), @"
    line 171: journey.renew.step[5].enroll
         begins once per value of an event, and by no step
    ");
}

#[test]
fn a_limit_is_of_people_in_an_hour() {
    let limit = |text: &str| said_of("limit = { people = 500, per = \"hour\" }", text);
    assert_snapshot!(limit("limit = { people = 0, per = \"hour\" }"), @"
    line 198: journey.ordered.limit.people
         from 1 to 300000 people
    ");
    assert_snapshot!(limit("limit = { people = 5, per = \"second\" }"), @"
    line 198: journey.ordered.limit.per
         `second` is not a word known here
       → known here: hour
    ");
    assert_snapshot!(limit("limit = { per = \"hour\" }"), @"
    line 198: journey.ordered.limit.people
         missing
    ");
}

#[test]
fn a_webhook_leads_out_by_https_to_a_public_name() {
    let calls = |url: &str| said_of("https://crm.example.com/hooks/renewals?from=dripline", url);
    assert_snapshot!(calls("http://crm.example.com/hooks"), @"
    line 166: journey.renew.step[4].webhook
         `http://crm.example.com/hooks` does not begin with https://
       → https://hooks.example.com/path: a public name, no port, no user
    ");
    for private in [
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.0.0.8/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://crm/x",
        "https://crm.internal/x",
        "https://printer.local/x",
        "https://crm.example.com:8443/x",
        "https://a@crm.example.com/x",
        "https://crm.example.com./x",
        "https://127.0.0.1.nip.io@localhost/x",
        "https://",
    ] {
        let said = calls(private);
        assert!(said.contains("is no address of a public host"), "{private}: {said}");
    }
    for public in ["https://example.com", "https://crm.example.com/a/b?c=d&e=%20f"] {
        assert_eq!(calls(public), "all good", "{public}");
    }
}

#[test]
fn a_step_moves_nobody_to_a_zone_that_is_none() {
    assert_snapshot!(journey("id = 'a'; update = { set = { time_zone = 'Asia/Shangai' } }"), @"
    line 95: journey.j.step[1].update.set.time_zone
         `Asia/Shangai` is not a time zone of the IANA list
       → did you mean `Asia/Shanghai`?
    ");
    assert_snapshot!(journey("id = 'a'; wait = '3650d'"), @"
    line 95: journey.j.step[1].wait
         a span is from 1s to less than 3650d, not 3650d
    ");
}
