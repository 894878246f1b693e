//! How a place in Redis is written as one URL.

use std::str::FromStr;

use super::{InvalidRedis, RedisLocation, Topology};

/// What the ledger's keys begin with, unless told otherwise.
const PREFIX: &str = "tessera";

/// The schemes, and whether they mean TLS.
const SCHEMES: [(&str, bool, Topology); 6] = [
    ("redis", false, Topology::Single),
    ("rediss", true, Topology::Single),
    ("redis+sentinel", false, Topology::Sentinel(String::new())),
    ("rediss+sentinel", true, Topology::Sentinel(String::new())),
    ("redis+cluster", false, Topology::Cluster),
    ("rediss+cluster", true, Topology::Cluster),
];

impl RedisLocation {
    /// Whether this scheme is one of ours.
    pub(in crate::store) fn has_scheme(scheme: &str) -> bool {
        SCHEMES.iter().any(|(known, ..)| *known == scheme)
    }
}

impl FromStr for RedisLocation {
    type Err = InvalidRedis;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidRedis("`://` must follow the scheme"))?;
        let known = SCHEMES.into_iter().find(|(known, ..)| *known == scheme);
        let (_, tls, kind) = known.ok_or(InvalidRedis("the scheme is not one of Redis"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials.into()), hosts),
            None => (None, authority),
        };
        let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
        if hosts.iter().any(String::is_empty) || (kind == Topology::Single && hosts.len() > 1) {
            return Err(InvalidRedis("one host must be named, or several of sentinels or a cluster"));
        }
        let (topology, database) = topology(&kind, path)?;
        let location = Self {
            topology,
            tls,
            hosts,
            credentials,
            database,
            prefix: prefix(query)?,
            handed_clock: false,
            among_friends: false,
        };
        for host in &location.hosts {
            location.connection(host, true)?;
        }
        Ok(location)
    }
}

/// Reads what stands behind the hosts.
fn topology(kind: &Topology, path: &str) -> Result<(Topology, i64), InvalidRedis> {
    let (topology, database) = match kind {
        Topology::Cluster if path.is_empty() => (Topology::Cluster, ""),
        Topology::Cluster => return Err(InvalidRedis("a cluster has no numbered databases")),
        Topology::Single => (Topology::Single, path),
        Topology::Sentinel(_) => {
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(InvalidRedis(
                    "the service that the sentinels watch must be named: HOST:PORT/SERVICE",
                ));
            }
            (Topology::Sentinel(service.to_owned()), database)
        }
    };
    let number =
        if database.is_empty() { Some(0) } else { database.parse().ok().filter(|number| *number >= 0) };
    Ok((topology, number.ok_or(InvalidRedis("the database must be a number"))?))
}

fn prefix(query: &str) -> Result<String, InvalidRedis> {
    if query.is_empty() {
        return Ok(PREFIX.to_owned());
    }
    let plain = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let prefix = query.strip_prefix("prefix=").filter(plain);
    prefix
        .map(str::to_owned)
        .ok_or(InvalidRedis("only ?prefix= may follow, with 1 to 64 letters, digits, -, _ or ."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        for text in [
            "redis:cache",
            "redis://",
            "redis://u:hunter2@a,b",
            "redis://u:hunter2@cache/zero",
            "redis+cluster://u:hunter2@a/1",
            "redis+sentinel://u:hunter2@a",
            "redis://u:hunter2@cache?prefix={x}",
            "redis://u:hunter2@cache?password=hunter2",
            "redis://u:hunter2@cache:port",
        ] {
            let error = text.parse::<RedisLocation>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
