//! What the scripts answer.

use std::{collections::HashMap, time::Duration};

use ::redis::{FromRedisValue, Value, from_redis_value};
use domain::{
    AccountId, ClientId, Fence, Learned, Lease, LeaseId, RequestId, Timestamp,
    lease::{Quota, Revealed},
};

use super::question::Subjects;
use crate::store::{
    Cooling, CoolingReason, StoreError, key,
    ledger::{ClientCounters, Counters, Days, Lasting, Observed, SpentDays, spent},
    order::Spent,
    probation::Probation,
    streak::Streak,
};

/// An answer: a word, what goes with it, and the time at which it was given.
pub(super) struct Answer {
    pub(super) word: String,
    /// The ledger's present moment.
    pub(super) now: Timestamp,
    /// The server's own clock.
    pub(super) server: Timestamp,
    pub(super) detail: Value,
}

impl Answer {
    /// Reads what a script returned.
    pub(super) fn read(value: Value) -> Result<Self, StoreError> {
        let Value::Array(mut parts) = value else { return Err(senseless(&"an answer is no list")) };
        let detail = if parts.len() > 3 { parts.swap_remove(3) } else { Value::Nil };
        let (word, now, server) = parsed(Value::Array(parts))?;
        Ok(Self { word, now: Timestamp::from_millis(now), server: Timestamp::from_millis(server), detail })
    }

    /// The leases that were granted, and what was counted with them.
    pub(super) fn granted(self) -> Result<(Vec<Told>, Vec<Tally>), StoreError> {
        let (rows, tallies): (Vec<Row>, Vec<Tally>) = parsed(self.detail)?;
        Ok((rows.into_iter().map(Told::read).collect::<Result<_, _>>()?, tallies))
    }

    /// The leases that expired, and what is to be remembered of the ledger.
    pub(super) fn round(self) -> Result<Round, StoreError> {
        let (rows, outlook): (Vec<Row>, Foreseen) = parsed(self.detail)?;
        let expired = rows.into_iter().map(|row| Told::read(row).map(|told| told.lease));
        Ok(Round { expired: expired.collect::<Result<_, _>>()?, outlook: Outlook::at(self.now, outlook) })
    }

    /// What the ledger says to a testimony.
    pub(super) fn reception(self) -> Result<Reception, StoreError> {
        let (incarnation, base, learns_for, outlook) = parsed(self.detail)?;
        let learns_for = Duration::from_millis(learns_for);
        Ok(Reception { incarnation, base, learns_for, outlook: Outlook::at(self.now, outlook) })
    }

    /// The lease that it names.
    pub(super) fn id(self) -> Result<LeaseId, StoreError> {
        valid(LeaseId::new(parsed::<String>(self.detail)?))
    }

    /// The span that it tells.
    pub(super) fn span(self) -> Result<Duration, StoreError> {
        parsed(self.detail).map(Duration::from_millis)
    }

    /// What it tells of a client.
    pub(super) fn client(self, client: &ClientId) -> Result<Observed, StoreError> {
        let counters = client_counters(parsed(self.detail)?)?;
        Ok(Observed { clients: vec![(client.clone(), counters)], ..Observed::default() })
    }

    /// What it tells of the subjects it was asked about.
    pub(super) fn observed(self, subjects: Subjects) -> Result<Observed, StoreError> {
        let (counted, resting, trials, last): Snapshot = parsed(self.detail)?;
        let scopes = || subjects.scopes.iter().cloned();
        let coolings = scopes().zip(resting).filter_map(|(scope, rest)| Some((scope, cooling(&rest?))));
        let probations = scopes().zip(trials).filter_map(|(scope, trial)| Some((scope, probation(trial?))));
        let last_used = subjects.accounts.into_iter().zip(last);
        Ok(Observed {
            domains: subjects.domains.into_iter().zip(counted.into_iter().map(counters)).collect(),
            clients: vec![],
            coolings: whole(coolings)?,
            probations: whole(probations)?,
            last_used: last_used.filter_map(|(account, fence)| Some((account, Fence(fence?)))).collect(),
        })
    }
}

/// A lease as `told` in `ledger.lua` lists it: its id and its hash.
type Row = (String, HashMap<String, String>);

/// Something counted: its kind, name and field, and how much.
pub(super) type Tally = (String, String, String, u64);

/// A service, when it was last heard of, and when all that it granted has left the windows; in milliseconds.
pub(super) type Peer = (String, u64, u64);

/// What `outlook` in `incarnation.lua` tells.
type Foreseen = (u64, u64, Vec<Peer>);

/// What is to be remembered should Redis be lost.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// When it was told.
    pub(super) at: Timestamp,
    /// When all that was granted has left the windows, and until when nothing is, if the ledger learned; in
    /// milliseconds, or 0.
    pub(super) ends: u64,
    pub(super) surely: u64,
    /// The other services.
    pub(super) peers: Vec<Peer>,
}

/// What came of a round of expiry.
pub(super) struct Round {
    pub(super) expired: Vec<Lease>,
    pub(super) outlook: Outlook,
}

/// A lease as it is told, and as it is kept.
pub(super) struct Told {
    pub(super) lease: Lease,
    pub(super) granted_at: Timestamp,
    pub(super) record: HashMap<String, String>,
}

/// What the ledger says to one who testifies.
pub(super) struct Reception {
    pub(super) incarnation: u64,
    /// The fence up to which it has all of the service's leases.
    pub(super) base: u64,
    /// How long it goes on learning.
    pub(super) learns_for: Duration,
    pub(super) outlook: Outlook,
}

impl Outlook {
    fn at(at: Timestamp, (ends, surely, peers): Foreseen) -> Self {
        Self { at, ends, surely, peers }
    }
}

impl Told {
    fn read((id, record): Row) -> Result<Self, StoreError> {
        let text = |field: &str| {
            let value = record.get(field).map(String::as_str);
            value.ok_or_else(|| senseless(&format!("the lease `{id}` has no `{field}`")))
        };
        let number = |field| valid(text(field)?.parse::<u64>());
        let moment = |field| Ok(Timestamp::from_millis(number(field)?));
        let lease = Lease {
            account: valid(AccountId::new(text("account")?))?,
            domain: valid(key::read_domain(text("domain")?))?,
            fence: Fence(number("fence")?),
            start_by: moment("start_by")?,
            expires_at: moment("expires")?,
            id: valid(LeaseId::new(id.as_str()))?,
        };
        let lease = if text("state")? == "closed" { spent(lease, moment("at")?) } else { lease };
        Ok(Self { lease, granted_at: moment("granted")?, record })
    }
}

fn whole<K, V>(pairs: impl Iterator<Item = (K, Result<V, StoreError>)>) -> Result<Vec<(K, V)>, StoreError> {
    pairs.map(|(key, value)| Ok((key, value?))).collect()
}

/// What `snapshot` in `ledger.lua` tells: domains, what rests scopes, what they have to prove, the last leases.
type Snapshot = (Vec<Counted>, Vec<Option<String>>, Vec<Option<Trial>>, Vec<Option<u64>>);

/// A domain as `snapshot` in `ledger.lua` lists it: fences by when they leave the minute, fences by when their leases
/// end, and its hash.
type Counted = (Vec<(u64, u64)>, Vec<(u64, u64)>, HashMap<String, u64>);

fn counters((minute, flights, hash): Counted) -> Counters {
    let minute =
        minute.into_iter().map(|(fence, leaves_at)| (Timestamp::from_millis(leaves_at), Fence(fence)));
    let flights = flights.into_iter().map(|(fence, ends)| (Timestamp::from_millis(ends), Fence(fence)));
    let days: Days = hash
        .iter()
        .filter_map(|(field, units)| Some((field.strip_prefix("day:")?.parse().ok()?, count(*units))))
        .map(|(start, units)| (Timestamp::from_millis(start), units))
        .collect();
    let field = |name: &str| hash.get(name).copied().unwrap_or_default();
    let streak = Streak {
        throttles: count(field("throttles")),
        throttled_at: Timestamp::from_millis(field("throttled_at")),
        failures: count(field("failures")),
    };
    let learned = Quota::ALL.into_iter().fold(Learned::NOTHING, |learned, quota| {
        let told = |what: &str| hash.get(&format!("{what}:{}", quota.as_str())).copied();
        match (told("limit"), told("told")) {
            (Some(limit), Some(at)) => {
                learned.told(Revealed { quota, limit: count(limit) }, Timestamp::from_millis(at))
            }
            _ => learned,
        }
    });
    Counters::observed(minute.collect(), flights.collect(), Lasting { days, streak, learned })
}

/// A client as `client_snapshot` in `acquire.lua` lists it: requests by when they were counted, its hash, and when each
/// of its active leases ends with the day it is charged to and its price.
type Patron = (Vec<(String, u64)>, HashMap<String, u64>, Vec<(u64, u64, u64)>);

fn client_counters((requests, hash, flights): Patron) -> Result<ClientCounters, StoreError> {
    let requests = requests
        .into_iter()
        .map(|(request, counted)| Ok((Timestamp::from_millis(counted), valid(RequestId::new(request))?)));
    let flights = flights.into_iter().zip(1..).map(|((ends, day, micro_usd), fence)| {
        let reserved = Spent { images: 1, micro_usd };
        ((Timestamp::from_millis(ends), Fence(fence)), (Timestamp::from_millis(day), reserved))
    });
    let mut days = SpentDays::new();
    for (field, units) in &hash {
        let Some((what, start)) = field.split_once(':') else { continue };
        let day = days.entry(Timestamp::from_millis(valid(start.parse())?)).or_default();
        match what {
            "images" => day.images = count(*units),
            "spend" => day.micro_usd = *units,
            _ => {}
        }
    }
    Ok(ClientCounters::observed(requests.collect::<Result<_, StoreError>>()?, flights.collect(), days))
}

/// A cooldown as it is kept: `UNTIL REASON`.
fn cooling(text: &str) -> Result<Cooling, StoreError> {
    let unknown = || senseless(&format!("`{text}` is no cooldown"));
    let (until, reason) = text.split_once(' ').ok_or_else(unknown)?;
    let until = until.parse().map_err(|_| unknown())?;
    Ok(Cooling { until: Timestamp::from_millis(until), reason: cooling_reason(reason)? })
}

/// A probation as `snapshot` in `ledger.lua` lists it: since, rounds, reason, and when the lease ends by which it is
/// being tried.
type Trial = (u64, u32, String, u64);

fn probation((since, rounds, reason, ends): Trial) -> Result<Probation, StoreError> {
    let probe = (ends > 0).then_some((Fence(0), Timestamp::from_millis(ends)));
    let (reason, since) = (cooling_reason(&reason)?, Timestamp::from_millis(since));
    Ok(Probation { reason, since, rounds, probe })
}

fn cooling_reason(text: &str) -> Result<CoolingReason, StoreError> {
    let known = CoolingReason::ALL.into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| senseless(&format!("`{text}` is no reason to rest")))
}

pub(super) fn parsed<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|error| senseless(&error))
}

pub(super) fn valid<T>(read: Result<T, impl std::fmt::Display>) -> Result<T, StoreError> {
    read.map_err(|error| senseless(&error))
}

/// What Redis holds makes no sense.
pub(super) fn senseless(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

fn count(units: u64) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}
