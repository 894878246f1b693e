//! Clients as operators make and see them, between wire and domain.

use std::fmt;

use domain::{Client, ClientId, ClientLimits, Failure, KnownClient};

use crate::{accounts::said, v1};

impl TryFrom<v1::CreateClientRequest> for Client {
    type Error = Failure;

    fn try_from(wire: v1::CreateClientRequest) -> Result<Self, Failure> {
        let limits = ClientLimits::from(wire.limits.unwrap_or_default());
        let nothing = [
            ("requests_per_minute", limits.requests_per_minute == Some(0)),
            ("images_per_day", limits.images_per_day == Some(0)),
            ("spend_per_day_micro_usd", limits.spend_per_day_micro_usd == Some(0)),
            ("concurrent", limits.concurrent == Some(0)),
        ];
        if let Some((name, _)) = nothing.into_iter().find(|(_, nothing)| *nothing) {
            return Err(Failure::invalid(format!("limits.{name}"), "must be at least 1"));
        }
        Ok(Self { id: client_id(wire.name)?, limits })
    }
}

impl From<KnownClient> for v1::Client {
    fn from(known: KnownClient) -> Self {
        let KnownClient { client, origin, set_aside } = known;
        Self {
            name: client.id.to_string(),
            limits: Some(client.limits.into()),
            origin: v1::Origin::from(origin).into(),
            set_aside: set_aside.unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::Client> for KnownClient {
    type Error = Failure;

    fn try_from(wire: v1::Client) -> Result<Self, Failure> {
        let origin = wire.origin().try_into()?;
        let client = Client { id: client_id(wire.name)?, limits: wire.limits.unwrap_or_default().into() };
        Ok(Self { client, origin, set_aside: said(wire.set_aside) })
    }
}

fn client_id(name: String) -> Result<ClientId, Failure> {
    ClientId::new(name).map_err(|error| Failure::invalid("name", error))
}

impl From<ClientLimits> for v1::ClientLimits {
    fn from(limits: ClientLimits) -> Self {
        let ClientLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent } =
            limits;
        Self { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent }
    }
}

impl From<v1::ClientLimits> for ClientLimits {
    fn from(wire: v1::ClientLimits) -> Self {
        let v1::ClientLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent } =
            wire;
        Self { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent }
    }
}

impl fmt::Debug for v1::CreateClientResponse {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateClientResponse").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use domain::Origin;

    use super::*;

    const LIMITS: ClientLimits = ClientLimits {
        requests_per_minute: Some(10),
        images_per_day: None,
        spend_per_day_micro_usd: Some(2_500_000),
        concurrent: Some(3),
    };

    fn request(limits: ClientLimits) -> v1::CreateClientRequest {
        v1::CreateClientRequest { name: "website".into(), limits: Some(limits.into()), revision: None }
    }

    #[test]
    fn a_client_survives_the_journey() {
        let client = Client::try_from(request(LIMITS)).unwrap();
        assert_eq!(client.limits, LIMITS);
        let known = KnownClient { client, origin: Origin::Registry, set_aside: Some("why".into()) };
        assert_eq!(KnownClient::try_from(v1::Client::from(known.clone())), Ok(known));
    }

    #[test]
    fn a_limit_that_allows_nothing_and_a_name_that_is_none_are_refused_by_field() {
        let nothing = ClientLimits { images_per_day: Some(0), ..LIMITS };
        let nameless = v1::CreateClientRequest { name: String::new(), ..request(LIMITS) };
        for (request, field) in [(request(nothing), "limits.images_per_day"), (nameless, "name")] {
            assert_eq!(Client::try_from(request).unwrap_err().field.as_deref(), Some(field));
        }
    }

    #[test]
    fn a_key_is_in_no_debug_output() {
        let answer = v1::CreateClientResponse { client: None, key: "tsr_secret".into(), revision: 1 };
        assert!(!format!("{answer:?}").contains("tsr_"));
    }
}
