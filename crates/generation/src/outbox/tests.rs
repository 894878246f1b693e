use std::fs;

use domain::{
    CallOutcome, Fence, LeaseId, Settlement, Timestamp, Usage,
    lease::{Quota, Revealed, Window},
};
use proptest::prelude::*;

use super::*;

fn settled(name: &str, outcome: CallOutcome) -> LastWord {
    let settlement = Settlement { outcome, sent_after: Some(std::time::Duration::from_millis(12)) };
    LastWord { settlement: Some(settlement), ..released(name) }
}

fn released(name: &str) -> LastWord {
    let at = Timestamp::from_millis(1_800_000_000_123);
    LastWord { lease: LeaseId::new(name).unwrap(), fence: Fence(u64::MAX), settlement: None, at }
}

fn delivered(name: &str) -> LastWord {
    let usage = Usage { output_image_tokens: 1120, ..Usage::default() };
    settled(name, CallOutcome::Delivered { images: 1, usage })
}

fn words(outbox: &Outbox) -> Vec<LastWord> {
    outbox.words().into_iter().map(|(_, word)| word).collect()
}

#[test]
fn what_is_not_struck_out_is_there_after_a_restart_word_for_word() {
    let home = tempfile::tempdir().unwrap();
    let revealed = Some(Revealed { quota: Quota::RequestsPerDay, limit: 250 });
    let throttled = CallOutcome::Throttled { window: Some(Window::Day), retry_after: None, revealed };
    let said = [delivered("r/0/0"), settled("r/1/0", throttled), released("r/2/0")];
    let outbox = Outbox::open(home.path()).unwrap();
    let heard = outbox.put(&delivered("heard"));
    let tickets: Vec<_> = said.iter().map(|word| outbox.put(word)).collect();
    outbox.strike(heard);
    drop(outbox);
    let outbox = Outbox::open(home.path()).unwrap();
    assert_eq!(words(&outbox), said);
    assert!(outbox.put(&released("next")) > tickets[2], "a ticket was given twice");
}

#[test]
fn an_outbox_belongs_to_one_process_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(home.path()).unwrap();
    let refusal = Outbox::open(home.path()).unwrap_err().to_string();
    assert!(refusal.contains("in use by another tessera"), "{refusal}");
    drop(outbox);
    assert!(Outbox::open(home.path()).is_ok());
}

#[test]
fn processes_that_share_a_place_take_a_number_each_and_what_was_left_at_it() {
    let home = tempfile::tempdir().unwrap();
    let shared = home.path().join("*");
    let (first, second) = (Outbox::open(&shared).unwrap(), Outbox::open(&shared).unwrap());
    first.put(&released("first/0/0"));
    second.put(&released("second/0/0"));
    drop(first);
    assert_eq!(words(&Outbox::open(&shared).unwrap()), [released("first/0/0")]);
    drop(second);
    let _first = Outbox::open(&home.path().join("1")).unwrap();
    assert_eq!(words(&Outbox::open(&shared).unwrap()), [released("second/0/0")]);
}

#[test]
fn a_journal_of_which_nothing_counts_does_not_grow() {
    let home = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(home.path()).unwrap();
    for number in 0..2_000 {
        outbox.strike(outbox.put(&released(&format!("r{number}/0/0"))));
    }
    assert!(fs::metadata(home.path().join("closings")).unwrap().len() < 2 * TIDY);
}

#[test]
fn a_full_disk_makes_the_outbox_unsafe_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(home.path()).unwrap();
    let first = outbox.put(&delivered("before"));
    outbox.fill();
    outbox.put(&delivered("full"));
    assert!(!outbox.is_safe());
    outbox.put(&delivered("still-full"));
    outbox.strike(first);
    assert!(outbox.mend() && outbox.is_safe());
    outbox.put(&released("after"));
    drop(outbox);
    let kept = words(&Outbox::open(home.path()).unwrap());
    assert_eq!(kept, [delivered("full"), delivered("still-full"), released("after")]);
}

/// A journal of three words, each in its own bytes.
fn three() -> [Vec<u8>; 3] {
    [delivered("one"), released("two"), delivered("three")]
        .iter()
        .zip(0..)
        .map(|(word, ticket)| record::kept(Ticket(ticket), word))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

#[test]
fn a_record_that_was_cut_anywhere_is_skipped_and_those_around_it_are_kept() {
    let [one, two, three] = three();
    for length in 0..two.len() {
        let torn = [&one[..], &two[..length], &three].concat();
        assert_eq!(read(&torn).into_keys().collect::<Vec<_>>(), [Ticket(0), Ticket(2)], "cut at {length}");
        assert_eq!(read(&torn[..one.len() + length]).len(), 1);
    }
}

proptest! {
    #[test]
    fn whatever_a_disk_does_to_some_bytes_only_the_records_they_are_in_are_lost(
        at in 0_usize..300, noise in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let records = three();
        let mut bytes = records.concat();
        let end = (at + noise.len()).min(bytes.len());
        let at = at.min(end);
        bytes[at..end].copy_from_slice(&noise[..end - at]);
        let found = read(&bytes);
        let mut start = 0;
        for (record, ticket) in records.iter().zip(0..) {
            let untouched = end <= start || start + record.len() <= at;
            prop_assert!(!untouched || found.get(&Ticket(ticket)) == Some(record));
            start += record.len();
        }
        prop_assert!(found.iter().all(|(Ticket(ticket), bytes)| records[usize::try_from(*ticket).unwrap()] == *bytes));
    }
}
