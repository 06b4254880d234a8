//! Broadcasts in a campaign file.

use super::pacing;
use super::table::{Node, Table};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::ListId;
use crate::domain::campaign::ab_test::Standard;
use crate::domain::campaign::broadcast::{
    AbMetric, AbTest, Broadcast, BroadcastVariant, Missed, Target, Zone,
};

/// The default confidence of a comparison, in percent.
const CONFIDENCE: u32 = 95;
/// The default minimum number of recipients of each variant.
const SAMPLE_MIN: u32 = 100;

const ZONES: &[(&str, Zone)] = &[("campaign", Zone::Campaign), ("recipient", Zone::Recipient)];
const MISSED: &[(&str, Missed)] =
    &[("send", Missed::Send), ("next_day", Missed::NextDay), ("skip", Missed::Skip)];
const METRICS: &[(&str, AbMetric)] = &[
    ("clicked", AbMetric::Clicked),
    ("opened", AbMetric::Opened),
    ("converted", AbMetric::Converted),
];

/// Reads `[broadcast.<name>]`. The purpose is empty if the file has none.
pub(super) fn broadcast(node: Node<'_>) -> Option<Broadcast> {
    let mut table = node.table();
    let (target, purpose) = (target(&mut table), table.get("purpose", Node::text));
    let at = table.get("at", Node::local_time);
    let zone = table.get("zone", |node| node.one_of(ZONES)).unwrap_or_default();
    let missed = table.node("missed");
    if let Some(node) = missed.as_ref().filter(|_| zone == Zone::Campaign) {
        node.error::<()>(
            "needs `zone = \"recipient\"`; otherwise all recipients get it at one time",
        );
    }
    let window = table.get("window", pacing::hours);
    let (send, ab) = (table.node("send"), table.node("ab"));
    if let (Some(_), Some(ab)) = (&send, &ab) {
        ab.error::<()>("a broadcast has either `send` or `ab`");
    }
    if send.is_none() && ab.is_none() {
        table.need_one_of(&["send", "ab"], "the broadcast has no message");
    }
    let Comparison { variants, metric, standard, test } = match (send, ab) {
        (_, Some(node)) => comparison(node),
        (send, None) => Comparison::of_one(send.and_then(Node::text)),
    };
    Some(Broadcast {
        target,
        purpose: purpose.unwrap_or_default(),
        at,
        zone,
        missed: missed.and_then(|node| node.one_of(MISSED)).unwrap_or_default(),
        window,
        variants,
        metric,
        standard,
        test,
    })
}

/// Reads whom it goes to: a segment or a list. A placeholder stands for what is missing.
fn target(table: &mut Table<'_>) -> Target {
    let list = table.get("list", |node| Some((node.clone(), ListId(node.text()?))));
    match (table.has("segment"), list) {
        (true, Some((node, _))) => {
            table.node("segment");
            node.error::<()>("a broadcast goes to either a `segment` or a `list`");
            Target::Segment(String::new())
        }
        (false, Some((_, list))) => Target::List(list),
        (true, None) => Target::Segment(table.need("segment", Node::text)),
        (false, None) => {
            table.need_one_of(&["segment", "list"], "the broadcast goes to nobody");
            Target::Segment(String::new())
        }
    }
}

/// The content of `[broadcast.<name>.ab]`.
struct Comparison {
    variants: Vec<BroadcastVariant>,
    metric: AbMetric,
    standard: Standard,
    test: Option<AbTest>,
}

impl Comparison {
    /// Returns the settings of a broadcast with one message and nothing to compare.
    fn of_one(template: Option<String>) -> Self {
        let one = |template| BroadcastVariant {
            name: "a".to_owned(),
            template,
            subject: None,
            weight: 1,
        };
        Self {
            variants: template.map(one).into_iter().collect(),
            metric: AbMetric::Clicked,
            standard: Standard { confidence: CONFIDENCE, sample_min: SAMPLE_MIN },
            test: None,
        }
    }
}

fn comparison(node: Node<'_>) -> Comparison {
    let mut table = node.table();
    Comparison {
        variants: table.need("variants", |node| node.list(variant)),
        metric: table.get("metric", |node| node.one_of(METRICS)).unwrap_or_default(),
        standard: Standard {
            confidence: table.get("confidence", Node::count).unwrap_or(CONFIDENCE),
            sample_min: table.get("sample_min", Node::count).unwrap_or(SAMPLE_MIN),
        },
        test: test(&mut table),
    }
}

/// Reads the test, if the file has a `test_share`; `wait` and `otherwise` belong to it.
fn test(table: &mut Table<'_>) -> Option<AbTest> {
    if !table.has("test_share") {
        for word in ["wait", "otherwise"] {
            if let Some(node) = table.node(word) {
                let problem = Problem::new(&node.key, "needs a test of a part of the recipients");
                node.report::<()>(problem.help("write `test_share` too"));
            }
        }
        table.know(&["test_share"]);
        return None;
    }
    let share = table.need("test_share", Node::count);
    let wait = table.need("wait", Node::span);
    Some(AbTest { share, wait, otherwise: table.need("otherwise", Node::text) })
}

fn variant(node: Node<'_>) -> Option<BroadcastVariant> {
    let mut table = node.table();
    Some(BroadcastVariant {
        name: table.need("name", Node::text),
        template: table.need("send", Node::text),
        subject: table.get("subject", Node::text),
        weight: table.get("weight", Node::count).unwrap_or(1),
    })
}
