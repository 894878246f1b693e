//! Clocks that should show the same.

use std::time::Duration;

use domain::Timestamp;

use super::Finding;

/// From so much on, something may go wrong: a quota day ends at the wrong moment.
const NOTABLE: Duration = Duration::from_secs(10);
/// From so much on, Google takes no signed wish for a token.
const HARMFUL: Duration = Duration::from_mins(5);

/// Compares this machine's clock with another's.
pub(super) fn compare(whose: &str, theirs: Timestamp, ours: Timestamp) -> Finding {
    let apart = if ours > theirs { ours.since(theirs) } else { theirs.since(ours) };
    let check = format!("clock of {whose}");
    let direction = if ours > theirs { "ahead of" } else { "behind" };
    let told = format!("this machine's is {} s {direction} it", apart.as_secs());
    let remedy = "have both follow the same time servers (NTP)";
    match apart {
        apart if apart >= HARMFUL => Finding::failure(check, told, remedy),
        apart if apart >= NOTABLE => Finding::warning(check, told, remedy),
        _ => Finding::ok(check, "shows the same as this machine's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_seconds_but_not_by_minutes() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        for (apart, expected) in [(9, "\"ok\""), (10, "\"warning\""), (300, "\"failure\"")] {
            let apart = Duration::from_secs(apart);
            for finding in [compare("a", now + apart, now), compare("a", now, now + apart)] {
                let told = serde_json::to_string(&finding).unwrap();
                assert!(told.contains(expected), "{told}");
            }
        }
    }
}
