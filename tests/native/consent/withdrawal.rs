//! Withdrawing consent, undoing that, and the proof of a grant.

use super::*;

#[test]
fn withdrawing_consent_skips_its_queued_messages_at_once() {
    let (mut world, welcome) = subscriber();
    let queue = |id: &str, purpose: &str, uncertain: u8| {
        let sql = format!(
            "INSERT INTO messages (id, contact_id, campaign_id, version, enrollment_id, journey,
                    step, channel, class, purpose, template, note, state, reason, queued_at,
                    send_at, attempts, uncertain)
             SELECT enrollment_id || '.{id}', contact_id, campaign_id, version, enrollment_id,
                    journey, 'rest', channel, class, '{purpose}', template, note, 'queued', '',
                    queued_at, send_at + 864000000, {uncertain}, {uncertain}
               FROM messages WHERE step = 'welcome'"
        );
        rows(&world.db, &sql);
    };
    queue("later", "news", 0);
    queue("other", "offers", 0);
    queue("perhaps-sent", "news", 1);
    world.unsubscribe(&welcome).unwrap();
    let found = "SELECT group_concat(substr(id, 38) || ' ' || state || ' ' || reason, ', '
                                     ORDER BY id) AS line FROM messages";
    assert_eq!(
        rows(&world.db, found)[0]["line"],
        "1 delivered , later skipped no_consent, other queued , perhaps-sent queued "
    );
}

fn undo(world: &mut World, link: &Link) -> bool {
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 7));
    block_on(subscription_links::undo(
        &world.db, &world.catalog, link, "Again!", "o", now, &mut ids,
    ))
    .unwrap()
}

fn unsubscribe(world: &World, message: &CapturedMessage) -> Option<Link> {
    let link = world.links(message, Purpose::Unsubscribe).next().unwrap();
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 8));
    block_on(subscription_links::unsubscribe(&world.db, &world.catalog, link, "o", now, &mut ids))
        .unwrap()
}

fn is_unsubscribed(world: &World, message: &CapturedMessage) -> bool {
    let link = world.links(message, Purpose::Unsubscribe).next().unwrap();
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap();
    contact.unwrap().is_unsubscribed(link.channel())
}

#[test]
fn unsubscribe_can_be_undone_once_within_a_day() {
    let (mut world, welcome) = subscriber();
    assert!(!is_unsubscribed(&world, &welcome));
    let back = unsubscribe(&world, &welcome).expect("something was taken back");
    assert!(is_unsubscribed(&world, &welcome), "which the page says on a later visit");
    assert_eq!(unsubscribe(&world, &welcome), None, "the second time there is nothing to undo");
    assert!(undo(&mut world, &back));
    assert!(!is_unsubscribed(&world, &welcome));
    assert_eq!(standing(&world), "email news confirmed\nsms news granted");
    assert!(!undo(&mut world, &back));
    let text = "SELECT text FROM consents WHERE source = 'undo link'";
    assert_eq!(rows(&world.db, text)[0]["text"], "Again!");

    world.after(Span::minutes(1)).unwrap();
    let later = unsubscribe(&world, &welcome).unwrap();
    assert!(!undo(&mut world, &back), "a later withdrawal stays");
    world.after(Span::hours(25)).unwrap();
    assert!(!undo(&mut world, &later), "too late");
    assert_eq!(standing(&world), "email news withdrawn\nsms news granted");
    assert_sound(&world.db, None);
}

#[test]
fn grant_has_proof_unless_withdrawn_before() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(0);
    stop(&mut world, &question);
    world.after(Span::hours(2)).unwrap();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(1);
    world.confirm(&question).unwrap();
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let read = subscription_links::read_consents(&world.db, &link.contact, world.now());
    let (_, ledger) = block_on(read).unwrap().unwrap();
    let lines: Vec<String> = with_proofs(ledger)
        .iter()
        .filter(|entry| entry.record.channel.as_str() == "email")
        .map(|entry| {
            let proof =
                entry.proof.as_ref().map(|proof| proof.message == Some(link.message.clone()));
            format!("{} {} {proof:?}", entry.record.state.as_str(), entry.record.source)
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r"
    granted c.f None
    withdrawn preference page None
    granted c.f Some(true)
    confirmed confirmation link None
    ");
}
