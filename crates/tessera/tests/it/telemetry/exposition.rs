//! Metrics in the text format of Prometheus.

use std::collections::BTreeMap;

/// What is told of one metric.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    /// Each series by its name and labels, with its value.
    pub(super) series: Vec<(String, String)>,
}

/// Every metric of a scrape, by its name.
pub(super) fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' ')) {
            help.clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' ')) {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let Some((series, value)) = line.rsplit_once(' ') {
            let name = series.split('{').next().unwrap_or_default();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let known = base.filter(|base| families.get(*base).is_some_and(|it| it.kind == "histogram"));
            let family = families.entry(known.unwrap_or(name).to_owned()).or_default();
            family.series.push((series.to_owned(), value.to_owned()));
        }
    }
    families
}

/// What Prometheus's conventions would blame.
pub(super) fn blemishes(name: &str, family: &Family) -> Vec<&'static str> {
    const ABBREVIATED: [&str; 10] = ["s", "ms", "us", "sec", "b", "kb", "mb", "gb", "m", "h"];
    const NOT_BASE: [&str; 6] = ["milliseconds", "minutes", "hours", "kilobytes", "megabytes", "percent"];
    let words: Vec<_> = name.split('_').collect();
    let counter = family.kind == "counter";
    let reserved = ["_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let labels = family.series.iter().flat_map(|(series, _)| labels(series));
    let rules = [
        (family.help.is_empty(), "has no help"),
        (family.kind.is_empty(), "has no type"),
        (!plain(name), "is not in plain snake case"),
        (counter != name.ends_with("_total"), "is a counter without _total, or has it and is none"),
        (reserved, "ends as parts of histograms do"),
        (words.iter().any(|word| ABBREVIATED.contains(word)), "abbreviates its unit"),
        (words.iter().any(|word| NOT_BASE.contains(word)), "is not in a base unit"),
        (words.contains(&family.kind.as_str()), "has its type in its name"),
        (labels.clone().any(|(label, _)| !plain(label)), "has a label that is not in plain snake case"),
        (labels.map(|(_, value)| value.len()).any(|length| length > 80), "has a label that tells stories"),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, rule)| rule).collect()
}

fn labels(series: &str) -> impl Iterator<Item = (&str, &str)> + Clone {
    let inner = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    inner
        .split("\",")
        .filter_map(|label| label.split_once("=\""))
        .map(|(label, value)| (label, value.trim_end_matches('"')))
}

#[test]
fn what_the_conventions_ask_is_blamed_where_it_is_missing() {
    let text = "# HELP good_seconds How long\n# TYPE good_seconds histogram\ngood_seconds_bucket{le=\"1\"} 2\n\
                # TYPE bad_ms counter\nbad_ms{Route=\"/\"} 1\n";
    let families = families(text);
    assert_eq!(families["good_seconds"].series.len(), 1);
    assert_eq!(blemishes("good_seconds", &families["good_seconds"]), Vec::<&str>::new());
    assert_eq!(blemishes("bad_ms", &families["bad_ms"]).len(), 4);
}
