//! What the store must be asked about again.

use std::collections::BTreeMap;

/// Places of which the standing is out of date, each with the mark that made it so.
#[derive(Debug, Default)]
pub(crate) struct Due {
    places: BTreeMap<usize, u64>,
    marks: u64,
}

impl Due {
    /// Notes that a place is out of date.
    pub(crate) fn mark(&mut self, place: usize) {
        self.marks += 1;
        self.places.insert(place, self.marks);
    }

    /// Notes that these are.
    pub(crate) fn mark_all(&mut self, places: impl IntoIterator<Item = usize>) {
        places.into_iter().for_each(|place| self.mark(place));
    }

    /// Those that are out of date, each with its mark.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.places.iter().map(|(place, mark)| (*place, *mark))
    }

    /// Notes that a place is up to date, unless it was marked again while the store was asked.
    pub(crate) fn clear(&mut self, place: usize, mark: u64) {
        if self.places.get(&place) == Some(&mark) {
            self.places.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_changes_while_the_store_is_asked_stays_due() {
        let mut due = Due::default();
        due.mark_all([1, 2]);
        let asked: Vec<_> = due.iter().collect();
        due.mark(2);
        for (place, mark) in asked {
            due.clear(place, mark);
        }
        assert_eq!(due.iter().map(|(place, _)| place).collect::<Vec<_>>(), [2]);
    }
}
