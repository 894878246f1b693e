//! What is read of a journal that was torn or damaged.

use proptest::{collection::vec, prelude::*};
use redb::{StorageBackend as _, backends::InMemoryBackend};

use super::*;

fn volume(content: &[u8]) -> Volume {
    let medium = InMemoryBackend::new();
    medium.set_len(content.len() as u64).unwrap();
    let volume = Volume::on(medium);
    volume.write(0, content).unwrap();
    volume
}

fn read_back(after: u64, contents: &[&[u8]]) -> Result<Vec<(u64, String)>, StoreError> {
    let volumes: Vec<_> = contents.iter().map(|content| volume(content)).collect();
    lines_after(after, &volumes.iter().collect::<Vec<_>>())
}

fn write(number: u64, synced: u64, text: &str) -> Vec<u8> {
    Line { number, synced, text }.write()
}

/// Lines from 1 on, none of them synced, and where each ends.
fn written(texts: &[String]) -> (Vec<u8>, Vec<usize>) {
    let mut content = Vec::new();
    let ends = (1..).zip(texts).map(|(number, text)| {
        content.extend(write(number, 0, text));
        content.len()
    });
    let ends = ends.collect();
    (content, ends)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec("[ -~]{0,40}[!-~]", 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_torn_at_any_byte_keeps_every_line_before_and_nothing_else(texts in texts()) {
        let (content, ends) = written(&texts);
        for torn in 0..=content.len() {
            let whole = ends.iter().filter(|end| **end <= torn).count();
            let expected: Vec<_> = (1..).zip(texts[..whole].iter().cloned()).collect();
            let mut zeroed = content.clone();
            zeroed[torn..].fill(0);
            prop_assert_eq!(read_back(0, &[&content[..torn]]), Ok(expected.clone()));
            prop_assert_eq!(read_back(0, &[&zeroed]), Ok(expected));
        }
    }

    #[test]
    fn lines_that_are_written_over_older_ones_are_read_alone(older in texts(), newer in texts()) {
        let (mut content, _) = written(&older);
        let last = older.len() as u64;
        let lines = (last + 1..).zip(newer).collect::<Vec<_>>();
        let over: Vec<u8> = lines.iter().flat_map(|(number, text)| write(*number, last, text)).collect();
        content.resize(content.len().max(over.len()), 0);
        content[..over.len()].copy_from_slice(&over);
        prop_assert_eq!(read_back(last, &[&content]), Ok(lines));
    }

    #[test]
    fn a_damaged_byte_ends_the_journal_there(texts in texts(), at in any::<prop::sample::Index>(), to: u8) {
        let (mut content, ends) = written(&texts);
        let at = at.index(content.len());
        prop_assume!(content[at] != to);
        content[at] = to;
        let whole = ends.iter().filter(|end| **end <= at).count();
        let expected: Vec<_> = (1..).zip(texts[..whole].iter().cloned()).collect();
        prop_assert_eq!(read_back(0, &[&content]), Ok(expected));
    }
}

#[test]
fn lines_are_read_in_order_from_both_volumes_and_those_in_the_tables_are_left_out() {
    let later = [write(4, 3, "four"), write(5, 3, "five")].concat();
    let earlier = [write(2, 1, "two"), write(3, 1, "three")].concat();
    let read = read_back(2, &[&later, &earlier]).unwrap();
    assert_eq!(read, [(3, "three".to_owned()), (4, "four".to_owned()), (5, "five".to_owned())]);
}

#[test]
fn a_line_that_was_safe_and_is_missing_is_told() {
    let told = |after, lines: [Vec<u8>; 2]| read_back(after, &[&lines.concat()]).unwrap_err().to_string();
    let damaged = told(0, [write(1, 0, "one").split_off(1), write(2, 1, "two")]);
    assert!(damaged.contains("line 1 of the journals beside it is missing"), "{damaged}");
    let foreign = told(0, [write(70, 69, "seventy"), write(71, 69, "seventy-one")]);
    assert!(foreign.contains("line 1 of the journals beside it is missing"), "{foreign}");
}
