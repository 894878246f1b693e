//! How long this process is believed to be who it is, told whenever metrics are read.

use opentelemetry::global;
use proto::transport::{Identity, Standing};

use crate::assembly;

/// Has it told, as long as the process runs.
pub(crate) fn observe(identity: &Identity) {
    let (identity, clock) = (identity.clone(), assembly::clock());
    global::meter("tessera")
        .u64_observable_gauge("tessera.certificate.remaining")
        .with_unit("s")
        .with_description("Time until the certificate in use expires; none where others will not believe it")
        .with_callback(move |gauge| {
            let now = clock.now();
            let remaining = match identity.certificate().standing(now) {
                Standing::Until(end) => end.since(now).as_secs(),
                Standing::Expired(_) | Standing::NotBefore(_) | Standing::OfNobody | Standing::Unfit(_) => 0,
            };
            gauge.observe(remaining, &[]);
        })
        .build();
}
