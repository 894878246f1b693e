//! Every replica of a service by itself, for those who must speak to all of them.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::time::sleep;

use super::{Channel, Identity, InvalidUrl, ServiceUrl, pool::Pool};

/// How often it is looked for new ones.
const ROUND: Duration = Duration::from_secs(5);

/// The replicas of a service, each with a channel of its own.
#[derive(Clone)]
pub struct Replicas(Whose);

#[derive(Clone)]
enum Whose {
    Pool(Arc<Pool>),
    One(Channel),
}

impl Replicas {
    /// Those of the service at this URL, for one who has no certificate.
    pub fn of(url: &str) -> Result<Self, InvalidUrl> {
        Self::of_as(url, None)
    }

    /// The same for one who is known by a certificate, where the URL asks for it.
    pub fn of_as(url: &str, identity: Option<&Identity>) -> Result<Self, InvalidUrl> {
        let url: ServiceUrl = url.parse()?;
        Ok(Self(Whose::Pool(url.pool(identity)?)))
    }

    /// Those there are now, by address; names are resolved anew where that is due. One that is named here need not
    /// answer.
    pub async fn list(&self) -> BTreeMap<String, Channel> {
        match &self.0 {
            Whose::One(channel) => BTreeMap::from([("this process".to_owned(), channel.clone())]),
            Whose::Pool(pool) => {
                let each = pool.each().await.into_iter();
                each.map(|(address, alone)| (address.to_string(), alone.into())).collect()
            }
        }
    }

    /// The same again and again: at once, and then whenever there are others than before.
    pub fn watch(self) -> impl Stream<Item = BTreeMap<String, Channel>> + Send {
        stream::unfold((self, None::<Vec<String>>), |(replicas, before)| async move {
            loop {
                let now = replicas.list().await;
                let names: Vec<_> = now.keys().cloned().collect();
                if before.as_ref() != Some(&names) {
                    return Some((now, (replicas, Some(names))));
                }
                sleep(ROUND).await;
            }
        })
    }
}

impl From<Channel> for Replicas {
    /// The one replica at the end of this channel.
    fn from(channel: Channel) -> Self {
        Self(Whose::One(channel))
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Whose::Pool(pool) => pool.fmt(f),
            Whose::One(channel) => channel.fmt(f),
        }
    }
}
