//! Where in Redis the operator wants the ledger to be.

mod url;

use std::fmt::{self, Write as _};

use ::redis::{
    ConnectionInfo, IntoConnectionInfo as _, TlsMode, cluster::ClusterClientBuilder,
    sentinel::SentinelNodeConnectionInfo,
};
use secrecy::{ExposeSecret as _, SecretString};

/// A server, a primary that sentinels watch, or a cluster, and what the ledger's keys begin with there.
///
/// It is written as one URL, of which nothing but the scheme and the hosts is ever shown:
/// `redis[s][+sentinel|+cluster]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/SERVICE][/DATABASE][?prefix=PREFIX]`.
#[derive(Clone)]
pub struct RedisLocation {
    pub(super) topology: Topology,
    tls: bool,
    hosts: Vec<String>,
    /// `user:password`, percent-encoded.
    credentials: Option<SecretString>,
    database: i64,
    prefix: String,
    pub(super) handed_clock: bool,
    pub(super) among_friends: bool,
}

/// How the servers stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topology {
    /// One server.
    Single,
    /// Sentinels that know the primary of this service.
    Sentinel(String),
    /// A cluster, of which some nodes are known.
    Cluster,
}

impl RedisLocation {
    /// The same place, told the time by the clock that the store is opened with, and not by its server. For tests
    /// alone: services that share a ledger would count by clocks that differ.
    #[must_use]
    pub fn with_handed_clock(self) -> Self {
        Self { handed_clock: true, ..self }
    }

    /// The same place, used by none but those that its ledger knows of: one that is new or came back does not wait for
    /// others to speak up. For tests alone: elsewhere nobody can know.
    #[must_use]
    pub fn among_friends(self) -> Self {
        Self { among_friends: true, ..self }
    }

    /// The same place, opened with this password, which its text must not hold too.
    pub(in crate::store) fn with_password(self, password: &SecretString) -> Result<Self, InvalidRedis> {
        let user = self.credentials.as_ref().map(SecretString::expose_secret).unwrap_or_default();
        if user.contains(':') {
            return Err(InvalidRedis("it holds a password already"));
        }
        let credentials = format!("{user}:{}", encoded(password.expose_secret()));
        Ok(Self { credentials: Some(credentials.into()), ..self })
    }

    /// The key that all others begin with; its hash tag puts them into one slot. The number is the layout's.
    pub(crate) fn root(&self) -> String {
        format!("{{{}}}:1", self.prefix)
    }

    /// Whether TLS is spoken.
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls
    }

    /// The one server, or the nodes of the cluster that are known.
    pub(super) fn nodes(&self) -> Result<Vec<ConnectionInfo>, InvalidRedis> {
        self.hosts.iter().map(|host| self.connection(host, true)).collect()
    }

    /// The sentinels. They are not asked with the user and password, which are those of the servers.
    pub(super) fn sentinels(&self) -> Result<Vec<ConnectionInfo>, InvalidRedis> {
        self.hosts.iter().map(|host| self.connection(host, false)).collect()
    }

    /// How to speak to a server that sentinels name.
    pub(super) fn watched(&self) -> Result<SentinelNodeConnectionInfo, InvalidRedis> {
        let settings = self.connection(&self.hosts[0], true)?.redis_settings().clone();
        let info = SentinelNodeConnectionInfo::default().set_redis_connection_info(settings);
        Ok(if self.tls { info.set_tls_mode(TlsMode::Secure) } else { info })
    }

    /// The cluster, by those of its nodes that are known.
    pub(super) fn cluster(&self) -> Result<ClusterClientBuilder, InvalidRedis> {
        Ok(ClusterClientBuilder::new(self.nodes()?))
    }

    fn connection(&self, host: &str, as_server: bool) -> Result<ConnectionInfo, InvalidRedis> {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let credentials = self.credentials.as_ref().filter(|_| as_server);
        let credentials =
            credentials.map(|secret| format!("{}@", secret.expose_secret())).unwrap_or_default();
        let database = if as_server { self.database } else { 0 };
        let url = format!("{scheme}://{credentials}{host}/{database}");
        url.into_connection_info().map_err(|_| InvalidRedis("each host must be HOST or HOST:PORT"))
    }
}

/// The text names no place in Redis. Nothing of it is repeated, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRedis(&'static str);

impl InvalidRedis {
    /// A password for a place that takes none.
    pub(in crate::store) const NO_PASSWORD: Self = Self("the store is not in Redis, and takes no password");
}

/// A text as a URL holds it.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() {
            url.push(byte.into());
        } else {
            write!(url, "%{byte:02X}").expect("a string takes all that is written to it");
        }
        url
    })
}

impl PartialEq for RedisLocation {
    fn eq(&self, other: &Self) -> bool {
        let tests = |it: &Self| (it.handed_clock, it.among_friends);
        let plain = |it: &Self| (it.to_string(), it.database, it.prefix.clone(), tests(it));
        let secret = |it: &Self| it.credentials.as_ref().map(|secret| secret.expose_secret().to_owned());
        plain(self) == plain(other) && self.topology == other.topology && secret(self) == secret(other)
    }
}

impl Eq for RedisLocation {}

impl fmt::Display for RedisLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.topology {
            Topology::Single => "",
            Topology::Sentinel(_) => "+sentinel",
            Topology::Cluster => "+cluster",
        };
        write!(f, "redis{}{kind}://{}", if self.tls { "s" } else { "" }, self.hosts.join(","))
    }
}

impl fmt::Debug for RedisLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisLocation({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrangement_is_read_and_shown_without_its_secrets() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost"),
            ("rediss://tessera:hunter2@cache:6380/3?prefix=studio", "rediss://cache:6380"),
            ("redis+sentinel://:hunter2@a:26379,b:26379/ledger/1", "redis+sentinel://a:26379,b:26379"),
            ("rediss+cluster://u:hunter2@a:7000,b:7001,c:7002", "rediss+cluster://a:7000,b:7001,c:7002"),
        ] {
            let location: RedisLocation = text.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert!(!format!("{location:?}").contains("hunter2"));
        }
    }

    #[test]
    fn the_whole_url_counts() {
        let location: RedisLocation = "rediss://u:p%40ss@cache:6380/3?prefix=studio".parse().unwrap();
        let node = &location.nodes().unwrap()[0];
        assert_eq!(node.redis_settings().username(), Some("u"));
        assert_eq!(node.redis_settings().password(), Some("p@ss"));
        assert_eq!(node.redis_settings().db(), 3);
        assert_eq!(location.root(), "{studio}:1");
        let watched: RedisLocation = "redis+sentinel://:secret@a:26379/ledger".parse().unwrap();
        assert_eq!(watched.topology, Topology::Sentinel("ledger".into()));
        assert_eq!(watched.sentinels().unwrap()[0].redis_settings().password(), None);
        assert_eq!(watched.root(), "{tessera}:1");
    }

    #[test]
    fn a_password_may_come_by_another_way_than_the_url() {
        for (text, user) in [("redis://tessera@cache", Some("tessera")), ("redis://cache", None)] {
            let location: RedisLocation = text.parse().unwrap();
            let location = location.with_password(&"p@s s/%".into()).unwrap();
            let node = &location.nodes().unwrap()[0];
            assert_eq!(node.redis_settings().username(), user);
            assert_eq!(node.redis_settings().password(), Some("p@s s/%"));
            assert!(!format!("{location:?}").contains("p@s"));
        }
        let twice: RedisLocation = "redis://u:hunter2@cache".parse().unwrap();
        let error = twice.with_password(&"p".into()).unwrap_err().to_string();
        assert_eq!(error, "it holds a password already");
    }
}
