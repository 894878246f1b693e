//! How an account stands, as a row for people and as JSON for programs.

use std::time::Duration;

use domain::{
    Timestamp,
    lease::Quota,
    standing::{AccountStanding, WindowUse},
};
use serde::Serialize;

/// The names of the columns.
pub(crate) fn heading() -> String {
    columns("ACCOUNT", "MODEL", "TIER", ["MINUTE", "DAY", "IN FLIGHT"], "STATE")
}

/// One account with one model: of each limit what is used, and what is in the way now.
pub(crate) fn row(standing: &AccountStanding, now: Timestamp) -> String {
    let narrower = |a: &WindowUse, b: &WindowUse| a.left().cmp(&b.left());
    let minute = standing
        .windows
        .iter()
        .filter(|window| window.quota != Quota::RequestsPerDay)
        .min_by(|a, b| narrower(a, b));
    let day = standing.windows.iter().find(|window| window.quota == Quota::RequestsPerDay);
    let used = |window: Option<&WindowUse>| {
        window.map_or_else(String::new, |window| {
            let learned = if window.limit() < window.configured { "!" } else { "" };
            format!("{}/{}{learned}", window.used, window.limit())
        })
    };
    let in_flight = format!("{}/{}", standing.in_flight, standing.concurrent);
    let (minute, day) = (used(minute), used(day));
    columns(
        standing.account.as_str(),
        &standing.model,
        standing.tier.as_str(),
        [&minute, &day, &in_flight],
        &state(standing, now),
    )
}

fn columns(account: &str, model: &str, tier: &str, used: [&str; 3], state: &str) -> String {
    let [minute, day, in_flight] = used;
    format!("{account:<20} {model:<24} {tier:<5} {minute:>9} {day:>11} {in_flight:>9}  {state}")
}

fn state(standing: &AccountStanding, now: Timestamp) -> String {
    let Some(hindrance) = standing.hindrance else {
        return match standing.setbacks {
            0 => "ready".to_owned(),
            1 => "ready, 1 setback".to_owned(),
            more => format!("ready, {more} setbacks"),
        };
    };
    let why = hindrance.as_str().replace('_', " ");
    match standing.leasable_at.map(|moment| moment.since(now)) {
        Some(wait) if !wait.is_zero() => format!("{why}, {}", span(wait)),
        _ => why,
    }
}

fn span(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// One account with one model, for programs. Moments are RFC 3339.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    at: String,
    account: &'a str,
    model: &'a str,
    provider: &'a str,
    project: &'a str,
    tier: &'a str,
    enabled: bool,
    windows: Vec<WindowLine>,
    in_flight: u32,
    concurrent: u32,
    setbacks: u32,
    cooldown: Option<CooldownLine>,
    hindrance: Option<&'static str>,
    leasable_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct WindowLine {
    quota: &'static str,
    used: u32,
    left: u32,
    configured: u32,
    learned: Option<u32>,
    resets_at: String,
}

#[derive(Debug, Serialize)]
struct CooldownLine {
    reason: &'static str,
    until: String,
}

impl<'a> Line<'a> {
    /// The line of a standing at a moment.
    pub(crate) fn of(standing: &'a AccountStanding, now: Timestamp) -> Self {
        let window = |window: &WindowUse| WindowLine {
            quota: window.quota.as_str(),
            used: window.used,
            left: window.left(),
            configured: window.configured,
            learned: window.learned,
            resets_at: window.resets_at.to_string(),
        };
        Self {
            at: now.to_string(),
            account: standing.account.as_str(),
            model: &standing.model,
            provider: standing.provider.as_str(),
            project: standing.project.as_str(),
            tier: standing.tier.as_str(),
            enabled: standing.enabled,
            windows: standing.windows.iter().map(window).collect(),
            in_flight: standing.in_flight,
            concurrent: standing.concurrent,
            setbacks: standing.setbacks,
            cooldown: standing.cooldown.map(|cooldown| CooldownLine {
                reason: cooldown.reason.as_str(),
                until: cooldown.until.to_string(),
            }),
            hindrance: standing.hindrance.map(domain::standing::Hindrance::as_str),
            leasable_at: standing.leasable_at.map(|moment| moment.to_string()),
        }
    }

    /// The line as it is written.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("these are plain structs")
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        AccountId, ProjectId, Provider, Tier,
        standing::{Cooldown, Hindrance},
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn standing() -> AccountStanding {
        let window =
            |quota, used, configured, learned| WindowUse { quota, used, configured, learned, resets_at: NOW };
        AccountStanding {
            account: AccountId::new("studio-a").unwrap(),
            model: "gemini-3-pro-image".into(),
            provider: Provider::Gemini,
            project: ProjectId::new("studio").unwrap(),
            tier: Tier::Pro,
            enabled: true,
            windows: vec![
                window(Quota::RequestsPerMinute, 3, 20, None),
                window(Quota::ImagesPerMinute, 3, 20, Some(10)),
                window(Quota::RequestsPerDay, 40, 250, None),
            ],
            in_flight: 1,
            concurrent: 8,
            setbacks: 0,
            cooldown: None,
            hindrance: None,
            leasable_at: None,
        }
    }

    #[test]
    fn a_row_shows_what_is_used_of_the_narrowest_limit_and_why_it_cannot_be_leased() {
        let row = |standing| super::row(&standing, NOW).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row(standing()), "studio-a gemini-3-pro-image pro 3/10! 40/250 1/8 ready");
        let until = NOW + Duration::from_millis(61_500);
        let throttled = AccountStanding {
            cooldown: Some(Cooldown { reason: Hindrance::Throttled, until }),
            hindrance: Some(Hindrance::Throttled),
            leasable_at: Some(until),
            ..standing()
        };
        assert!(row(throttled.clone()).ends_with("throttled, 1 min 02 s"), "{}", row(throttled));
        let midnight = NOW + Duration::from_hours(10);
        let used_up = AccountStanding {
            hindrance: Some(Hindrance::DayFull),
            leasable_at: Some(midnight),
            ..standing()
        };
        assert!(row(used_up).ends_with("day full, 10 h 00 min"));
    }

    #[test]
    fn a_line_of_json_says_all_that_is_known() {
        let standing = standing();
        let line: serde_json::Value = serde_json::from_str(&Line::of(&standing, NOW).to_json()).unwrap();
        assert_eq!(line["windows"][1]["left"], 7);
        assert_eq!(line["windows"][2]["quota"], "requests_per_day");
        assert_eq!((&line["account"], &line["hindrance"]), (&"studio-a".into(), &serde_json::Value::Null));
    }
}
