//! What was used, as it is written.

use domain::{UsageSum, UsageTotal};

/// What is used of something, and the limit of it, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// In words.
    pub(super) text: String,
    /// As a number.
    pub(super) amount: u64,
    /// The limit.
    pub(super) limit: Option<Limit>,
}

/// The most that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// In words.
    pub(super) text: String,
    /// As a number.
    pub(super) amount: u64,
}

impl Used {
    /// Pictures.
    pub(super) fn images(images: u64, limit: Option<u32>) -> Self {
        Self::of(images, limit.map(u64::from), thousands)
    }

    /// Money, in millionths of a US dollar.
    pub(super) fn money(micro_usd: i64, limit: Option<u64>) -> Self {
        Self::of(u64::try_from(micro_usd).unwrap_or_default(), limit, dollars)
    }

    fn of(amount: u64, limit: Option<u64>, write: fn(u64) -> String) -> Self {
        let limit = limit.map(|amount| Limit { text: write(amount), amount });
        Self { text: write(amount), amount, limit }
    }
}

/// What these sums are together.
pub(super) fn sum<'a>(totals: impl Iterator<Item = &'a UsageTotal>) -> UsageSum {
    totals.fold(UsageSum::default(), |mut sum, total| {
        sum += total.sum;
        sum
    })
}

/// An amount of millionths of a US dollar, to the cent.
fn dollars(micro_usd: u64) -> String {
    let cents = micro_usd.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", thousands(cents / 100), cents % 100)
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_read_them() {
        for (amount, text) in
            [(0, "$0.00"), (134_000, "$0.13"), (4_995_000, "$5.00"), (12_345_678_900_000, "$12,345,678.90")]
        {
            assert_eq!(dollars(amount), text);
        }
        assert_eq!(
            ["7", "1,000", "12,345"],
            [7, 1_000, 12_345].map(thousands).each_ref().map(String::as_str)
        );
        assert_eq!(Used::money(-5, None).text, "$0.00");
    }
}
