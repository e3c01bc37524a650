//! Organisations that only strangers have named: forgotten when room is needed, and nobody else is.

use koi_dime::key::Holder;
use koi_dime::{ManagementRecord, Organisation};
use koi_mailbox::MailboxService;
use koi_mailbox::dmap::FoundOrganisation;
use koi_store::kv::transact_and_wait;
use koi_store::mail::dmap::organisation;
use koi_store::record::dmtp::OrganisationRecord;
use koi_types::{Timestamp, limits};

use super::rig::{dmap_rig, private};
use crate::rig::Rig;

/// The organisation of a domain.
fn found(domain: &str) -> FoundOrganisation {
    let organisation = Organisation::new(domain, private(Holder::Organisation, 5), &[]).unwrap();
    let signet = organisation.signet().clone();
    let record = ManagementRecord::new(*signet.primary());
    FoundOrganisation { signet, record, is_validated: false, fresh_until: Timestamp(0) }
}

/// So many are known, the first longest ago.
fn fill(rig: &Rig, is_kept: impl Fn(usize) -> bool + Send + 'static) {
    let FoundOrganisation { signet, record, .. } = found("elsewhere.example");
    let now = rig.service_now();
    transact_and_wait(&*rig.kv, move |txn| {
        (0..limits::ORGANISATIONS_MAX).try_for_each(|number| {
            let row = OrganisationRecord {
                known_since: now,
                learned_at: Timestamp(now.0 + number as i64),
                fresh_until: now,
                is_validated: false,
                was_validated: false,
                is_kept: is_kept(number),
                record: record.text().into(),
                signet: signet.object().into(),
            };
            organisation::learn(txn, &domain(number), &row)
        })
    })
    .unwrap();
}

fn domain(number: usize) -> String {
    format!("{number}.stranger.example")
}

fn is_known(service: &MailboxService, number: usize) -> bool {
    service.known_organisation(&domain(number)).unwrap().is_some()
}

#[test]
fn there_is_room_for_somebody_new_while_strangers_are_known() {
    let rig = dmap_rig();
    let service = &rig.service;
    // Every other one is somebody's whom we write to.
    fill(&rig, |number| number % 2 == 0);
    let is_there = |domain: &str| service.known_organisation(domain).unwrap().is_some();
    // A stranger is known for an hour, so that what he is just bringing is taken.
    rig.env.advance_secs(3500);
    service.learn_organisation("early.example", found("early.example"), true).unwrap();
    assert!(!is_there("early.example") && is_known(service, 1), "it is looked up each time");
    rig.env.advance_secs(121);
    // One that is known needs no room.
    service.learn_organisation(&domain(3), found(&domain(3)), false).unwrap();
    assert!(is_known(service, 1));
    let new = service.learn_organisation("New.example", found("new.example"), true).unwrap();
    assert!(new.is_kept && is_there("new.example"));
    let (kept, strangers): (Vec<usize>, Vec<usize>) =
        (0..limits::ORGANISATIONS_MAX).partition(|number| number % 2 == 0);
    assert!(kept.iter().all(|number| is_known(service, *number)));
    let gone: Vec<usize> = strangers.into_iter().filter(|number| !is_known(service, *number)).collect();
    let (first, last) = (gone.first().copied(), gone.last().copied());
    assert_eq!(first, Some(1));
    assert!(gone.len() > 500 && last.is_some_and(|last| last < 3000), "the oldest, but for 3: {last:?}");
    assert!(!gone.contains(&3));
    // The next needs none to go.
    service.learn_organisation("next.example", found("next.example"), false).unwrap();
    assert!(is_there("next.example"));
    assert_eq!(
        (0..limits::ORGANISATIONS_MAX).filter(|number| !is_known(service, *number)).count(),
        gone.len()
    );
}

#[test]
fn whom_somebody_has_dealt_with_is_not_forgotten_for_another() {
    let rig = dmap_rig();
    let service = &rig.service;
    fill(&rig, |number| number != 7);
    rig.env.advance_secs(100_000);
    assert!(service.keep_organisation(&domain(7).to_uppercase()).unwrap());
    assert!(!service.keep_organisation("nobody.example").unwrap());
    let new = service.learn_organisation("new.example", found("new.example"), true).unwrap();
    assert_eq!(new.signet, found("new.example").signet);
    assert!(service.known_organisation("new.example").unwrap().is_none(), "it is looked up each time");
    assert!(is_known(service, 7) && service.known_organisation(&domain(7)).unwrap().unwrap().is_kept);
    // It stays kept, whoever asks next.
    let again = service.learn_organisation(&domain(7), found("elsewhere.example"), false).unwrap();
    assert!(again.is_kept);
}
