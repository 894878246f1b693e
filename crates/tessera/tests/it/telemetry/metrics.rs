use std::{collections::BTreeSet, path::PathBuf};

use super::{
    exposition::{blemishes, families},
    *,
};

/// How the names of our metrics begin.
const OURS: [&str; 6] = ["tessera_", "http_", "gen_ai_", "db_", "rpc_", "process_"];

/// The most series of one process with a hundred accounts.
const MOST: usize = 2_000;

/// What every role tells Prometheus once it has done something: gateway, generation, quota.
fn scraped(accounts: usize) -> [String; 3] {
    let cluster = Cluster::start("", accounts);
    cluster.ask("/v1/images/generations", r#"{"prompt":"a lighthouse","n":3}"#, &"a".repeat(32));
    cluster.try_to_ask("/v1/images/generations", r#"{"prompt":""}"#, &"b".repeat(32));
    [0, 1, 2].map(|role| cluster.operations(role, "/metrics"))
}

#[test]
fn what_is_counted_is_told_to_those_who_scrape() {
    let cluster = Cluster::start("", 1);
    cluster.ask("/v1/images/generations", r#"{"prompt":"a lighthouse"}"#, &"a".repeat(32));
    assert_eq!(cluster.operations(0, "/healthz"), "ok");
    assert_eq!(cluster.operations(0, "/readyz"), "ready");
    let metrics = cluster.operations(0, "/metrics");
    let days = metrics.lines().find_map(|line| line.strip_prefix("tessera_certificate_remaining_seconds "));
    let days = days.unwrap().parse::<u64>().unwrap() / (24 * 3600);
    assert!((89..=90).contains(&days), "the certificate is for 90 days, and not for {days}");
    for (role, counted) in [
        (
            0,
            r#"http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/images/generations"} 1"#,
        ),
        (
            1,
            r#"tessera_attempts_total{gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-3-pro-image",outcome="delivered"} 1"#,
        ),
        (
            1,
            r#"tessera_spend_usd_total{gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-3-pro-image"} 0.134"#,
        ),
        (1, r#"tessera_requests_total{gen_ai_request_model="gemini-3-pro-image",outcome="delivered"} 1"#),
        (1, "tessera_requests_active 0"),
        (1, "tessera_pictures_active 0"),
        (1, "tessera_outbox_depth 0"),
        (2, r#"tessera_leases_closed_total{closing="closed",how="settled"} 1"#),
        (2, r#"tessera_accounts{gen_ai_request_model="gemini-3-pro-image",state="leasable"} 1"#),
        (
            2,
            r#"tessera_quota_used{gen_ai_request_model="gemini-3-pro-image",provider="gemini",tier="ultra",window="requests_per_day"} 1"#,
        ),
    ] {
        let metrics = cluster.operations(role, "/metrics");
        assert!(metrics.lines().any(|line| line == counted), "no {counted} in {metrics}");
    }
}

#[test]
fn metrics_are_named_as_prometheus_asks_and_their_labels_are_bounded() {
    for told in scraped(100) {
        let families = families(&told);
        for (name, family) in &families {
            assert_eq!(blemishes(name, family), Vec::<&str>::new(), "{name}");
        }
        let series: usize = families.values().map(|family| family.series.len()).sum();
        assert!(series < MOST, "{series} series");
        for secret in ["lighthouse", "AIza", "tsr_", "website"] {
            assert!(!told.contains(secret), "metrics tell {secret}");
        }
        promtool::check(&["check", "metrics"], &format!("{told}\n"));
    }
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alerts_is_told_by_a_role() {
    let told = scraped(1).join("\n");
    let families = families(&told);
    let names: BTreeSet<String> = families
        .iter()
        .flat_map(|(name, family)| match family.kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec(),
            _ => vec![name.clone()],
        })
        .collect();
    let expressions = [dashboard(), rules()].concat();
    assert!(expressions.len() > 60, "{} expressions", expressions.len());
    for expression in expressions {
        let metrics = metrics_of(&expression);
        assert!(!metrics.is_empty() || expression.starts_with("up{"), "no metric in {expression}");
        for metric in metrics {
            assert!(names.contains(&metric), "nobody tells {metric}, of {expression}");
        }
    }
}

#[test]
fn the_alerts_and_the_configuration_beside_them_pass_prometheus_own_check() {
    for (what, file) in [("rules", "rules.yml"), ("config", "prometheus.yml")] {
        let file = observability().join(file);
        promtool::check(&["check", what, file.to_str().unwrap()], "");
    }
    let rules = fs::read_to_string(observability().join("rules.yml")).unwrap();
    let count = |mark: &str| rules.matches(mark).count();
    assert!(count("- alert:") > 10);
    for every in ["summary:", "runbook:", "severity:"] {
        assert_eq!(count(every), count("- alert:"), "an alert has no {every}");
    }
}

#[test]
fn every_alert_is_silent_until_it_is_time_and_then_fires_for_whom_it_names() {
    let tests = fs::read_to_string(observability().join("rules.test.yml")).unwrap();
    let rules = fs::read_to_string(observability().join("rules.yml")).unwrap();
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("- name: {alert}\n")), "{alert} has no test in rules.test.yml");
    }
    promtool::check(&["test", "rules", observability().join("rules.test.yml").to_str().unwrap()], "");
}

fn observability() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/observability")
}

/// The expressions of every panel.
fn dashboard() -> Vec<String> {
    let text = fs::read_to_string(observability().join("grafana/dashboards/tessera.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The expressions of every alert: what stands between `expr:` and the next key, on one line.
fn rules() -> Vec<String> {
    let text = fs::read_to_string(observability().join("rules.yml")).unwrap();
    let expressions = text.split("expr:").skip(1).map(|rest| {
        let lines = rest.lines().map(str::trim);
        let expression: Vec<_> =
            lines.take_while(|line| !line.starts_with("for:") && !line.starts_with("labels:")).collect();
        expression.join(" ").trim().trim_start_matches(">-").trim().to_owned()
    });
    expressions.collect()
}

/// The metrics in an expression: names that are no labels, no functions and no words of the language.
fn metrics_of(expression: &str) -> Vec<String> {
    let mut outside = String::new();
    let (mut braces, mut grouping) = (0, false);
    for (place, c) in expression.char_indices() {
        match c {
            '{' | '[' => braces += 1,
            '}' | ']' => braces -= 1,
            '(' if expression[..place].trim_end().ends_with(" by") => grouping = true,
            ')' if grouping => grouping = false,
            _ if braces == 0 && !grouping => outside.push(c),
            _ => {}
        }
    }
    let words = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| OURS.iter().any(|prefix| word.starts_with(prefix))).map(str::to_owned).collect()
}
