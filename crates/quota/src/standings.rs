//! How accounts stand, as it is shown to operators: everything once, then what changed.

use std::{sync::Arc, time::Duration};

use domain::{
    AccountId, PacificDay, Timestamp,
    lease::Quota,
    standing::{AccountStanding, Cooldown, Hindrance, StandingsEvent, WindowUse},
};
use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    store::{Cooling, CoolingReason, Standing, StoreError},
    view::{Member, View},
};

/// How long changes gather after some were told: one who watches hears of them this often at the most.
const PAUSE: Duration = Duration::from_millis(50);

/// One who watches.
struct Watcher {
    view: Arc<View>,
    revisions: watch::Receiver<u64>,
    /// What was told last, if anything was.
    told: Option<u64>,
    next: Instant,
}

/// Everything, now.
pub(crate) async fn all(view: &View) -> Result<StandingsEvent, StoreError> {
    view.know().await?;
    Ok(since(view, None).1)
}

/// Everything, and then what changes.
pub(crate) fn watch(view: Arc<View>) -> impl Stream<Item = Result<StandingsEvent, StoreError>> + Send {
    let revisions = view.revisions();
    let watcher = Watcher { view, revisions, told: None, next: Instant::now() };
    stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((event, watcher))
    })
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<StandingsEvent, StoreError>> {
        if self.told.is_none()
            && let Err(error) = self.view.know().await
        {
            return Some(Err(error));
        }
        loop {
            if self.told.is_some() {
                self.revisions.changed().await.ok()?;
                sleep_until(self.next).await;
            }
            self.revisions.mark_unchanged();
            let (revision, event) = since(&self.view, self.told);
            let first = self.told.replace(revision).is_none();
            if first || !event.standings.is_empty() || !event.gone.is_empty() {
                self.next = Instant::now() + PAUSE;
                return Some(Ok(event));
            }
        }
    }
}

/// What changed since a revision, or everything; and the revision that it is.
fn since(view: &View, told: Option<u64>) -> (u64, StandingsEvent) {
    view.read(|board, now| {
        let whole = told.is_none();
        let told = told.unwrap_or_default();
        let day = PacificDay::of(now);
        let mut standings: Vec<_> = board
            .fields()
            .flat_map(|(_, field)| field.members())
            .filter(|member| member.revision > told)
            .filter_map(|member| shown(member, now, day))
            .collect();
        standings.sort_by(|a, b| (&a.model, &a.account).cmp(&(&b.model, &b.account)));
        let gone: Vec<(AccountId, String)> = board.gone_since(told).filter(|_| !whole).cloned().collect();
        (board.revision, StandingsEvent { now, whole, standings, gone })
    })
}

/// How an account stands; nothing where the store was never asked.
pub(crate) fn shown(member: &Member, now: Timestamp, day: PacificDay) -> Option<AccountStanding> {
    let standing = member.standing?;
    let (account, limits) = (&member.account, &member.account.limits);
    let window = |quota, used, configured, resets_at: Timestamp| WindowUse {
        quota,
        used,
        configured,
        learned: standing.learned.get(quota).map(|told| told.limit),
        resets_at: resets_at.max(now),
    };
    let (minute, clears_at) = (standing.in_minute, standing.minute_clears_at);
    let hindrance = hindrance(member, &standing, now);
    let passes = hindrance.is_some_and(|hindrance| hindrance != Hindrance::Disabled);
    Some(AccountStanding {
        account: account.id.clone(),
        model: member.candidate.domain.model.clone(),
        provider: account.provider,
        project: account.project.clone(),
        tier: account.tier,
        enabled: account.enabled,
        windows: vec![
            window(Quota::RequestsPerMinute, minute, limits.requests_per_minute, clears_at),
            window(Quota::ImagesPerMinute, minute, limits.images_per_minute, clears_at),
            window(Quota::RequestsPerDay, standing.in_day, limits.requests_per_day, day.end),
        ],
        in_flight: standing.in_flight,
        concurrent: limits.concurrent,
        setbacks: standing.setbacks,
        cooldown: standing.cooling.filter(|cooling| cooling.until > now).map(cooldown),
        hindrance,
        leasable_at: passes.then_some(standing.free_at.max(now)),
    })
}

fn hindrance(member: &Member, standing: &Standing, now: Timestamp) -> Option<Hindrance> {
    let limits = member.limits();
    let minute = limits.requests_per_minute.min(limits.images_per_minute);
    if !member.serves {
        Some(Hindrance::Disabled)
    } else if let Some(cooling) = standing.cooling.filter(|cooling| cooling.until > now) {
        Some(cooldown(cooling).reason)
    } else if standing.in_day >= limits.requests_per_day {
        Some(Hindrance::DayFull)
    } else if standing.in_minute >= minute {
        Some(Hindrance::MinuteFull)
    } else if standing.in_flight >= limits.concurrent || standing.free_at > now {
        Some(Hindrance::AllInFlight)
    } else {
        None
    }
}

fn cooldown(Cooling { until, reason }: Cooling) -> Cooldown {
    let reason = match reason {
        CoolingReason::Throttled => Hindrance::Throttled,
        CoolingReason::DayUsedUp => Hindrance::DayRefused,
        CoolingReason::Overloaded => Hindrance::Overloaded,
        CoolingReason::Failing => Hindrance::Failing,
        CoolingReason::CredentialRejected => Hindrance::CredentialRejected,
        CoolingReason::BillingClosed => Hindrance::BillingClosed,
        CoolingReason::Forbidden => Hindrance::Forbidden,
    };
    Cooldown { reason, until }
}
