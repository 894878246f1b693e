//! Numbers and names as people read them.

use std::time::Duration;

/// A span: `340 ms`, `8.4 s`, `2 min 05 s`.
pub(super) fn span(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{}.{} s", span.as_secs(), span.subsec_millis() / 100),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Millionths of a US dollar, exactly, with two digits after the point or more: `$0.134`.
pub(super) fn dollars(micro_usd: u64) -> String {
    let fraction = format!("{:06}", micro_usd % 1_000_000);
    let shown = fraction.trim_end_matches('0');
    format!("${}.{shown:0<2}", micro_usd / 1_000_000)
}

/// A length: `812 B`, `45 KB`, `1.2 MB`.
pub(super) fn bytes(length: u64) -> String {
    match length {
        0..1_000 => format!("{length} B"),
        1_000..1_000_000 => format!("{} KB", length / 1_000),
        _ => format!("{}.{} MB", length / 1_000_000, length / 100_000 % 10),
    }
}

/// The name of a state or of a failure: `quota_exhausted` is `Quota exhausted`.
pub(super) fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let first = words.get(..1).unwrap_or_default().to_ascii_uppercase();
    format!("{first}{}", words.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_written_for_people() {
        let spans = [0, 340, 8_460, 60_000, 125_999].map(|millis| span(Duration::from_millis(millis)));
        assert_eq!(spans, ["0 ms", "340 ms", "8.4 s", "1 min 00 s", "2 min 05 s"]);
        let prices = [0, 134_000, 67_500_000, 1].map(dollars);
        assert_eq!(prices, ["$0.00", "$0.134", "$67.50", "$0.000001"]);
        assert_eq!([812, 45_999, 1_290_000].map(bytes), ["812 B", "45 KB", "1.2 MB"]);
        assert_eq!((title("quota_exhausted"), title("")), ("Quota exhausted".into(), String::new()));
    }
}
