//! Where the ledger is kept, and how well.

use domain::Clock as _;
use quota::store::{Inspection, Location, RedisLocation, inspect};

use super::{Finding, Patient, clock, secrets};

const CHECK: &str = "ledger";

/// Looks at the store. One that a running Tessera has open is left alone.
pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let quota = &patient.config.quota;
    let location = match (&quota.store, &quota.store_password) {
        (None, _) => return vec![Finding::ok(CHECK, "is a file in the data directory")],
        (Some(location), None) => location.clone(),
        (Some(location), Some(source)) => match source.resolve(patient.environment) {
            Err(error) => {
                return vec![Finding::failure("ledger's password", error, secrets::remedy(source))];
            }
            Ok(password) => match location.clone().with_password(&password) {
                Ok(location) => location,
                Err(error) => {
                    let remedy = "give the password in one place, and for a store in Redis alone";
                    return vec![Finding::failure("ledger's password", error.to_string(), remedy)];
                }
            },
        },
    };
    match &location {
        Location::Memory => vec![Finding::warning(
            CHECK,
            "is kept in memory: what was spent is forgotten when the process ends",
            "set quota.store to embedded:PATH or to the URL of a Redis",
        )],
        Location::Embedded(path) => vec![Finding::ok(CHECK, format!("is the file {}", path.display()))],
        Location::Redis(redis) => in_redis(redis).await,
    }
}

async fn in_redis(location: &RedisLocation) -> Vec<Finding> {
    match inspect(location).await {
        Ok(inspection) => {
            let compared = clock::compare("Redis", inspection.clock, domain::SystemClock.now());
            let mut found = judge(&inspection, location);
            found.push(compared);
            found
        }
        Err(error) => vec![Finding::failure(
            CHECK,
            error.to_string(),
            format!(
                "see that Redis runs at {location}, can be reached from here, and takes this user and password"
            ),
        )],
    }
}

/// Everything that is wrong with a server, or that nothing is.
fn judge(server: &Inspection, location: &RedisLocation) -> Vec<Finding> {
    let mut found = Vec::new();
    let major = server.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 7) {
        let told = format!("{location} is Redis {}", server.version);
        found.push(Finding::failure(CHECK, told, "use Redis 7 or newer"));
    }
    if !server.is_primary {
        let told = format!("{location} is a replica, which cannot be written to");
        let remedy = "name the primary, or sentinels that know it: redis+sentinel://HOST:PORT/SERVICE";
        found.push(Finding::failure(CHECK, told, remedy));
    }
    if server.evicts != "noeviction" {
        let told = format!("Redis throws leases away when its memory is full ({})", server.evicts);
        found.push(Finding::failure(CHECK, told, "set maxmemory-policy noeviction in Redis"));
    }
    let syncs = server.syncs.as_deref();
    if !server.appends {
        let told = "Redis writes nothing down: grants are forgotten when it restarts";
        found.push(Finding::warning(CHECK, told, "set appendonly yes and appendfsync always in Redis"));
    } else if let Some(seldom) = syncs.filter(|syncs| *syncs != "always") {
        let told = format!("Redis may forget the last grants in a power cut (appendfsync {seldom})");
        found.push(Finding::warning(CHECK, told, "set appendfsync always in Redis"));
    }
    if found.is_empty() {
        let unseen =
            if syncs.is_none() { "; whether appendfsync is always, this user may not see" } else { "" };
        let told = format!("Redis {} keeps it at {location}, and forgets nothing{unseen}", server.version);
        found.push(Finding::ok(CHECK, told));
    }
    found
}
