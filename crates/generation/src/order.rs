//! A request that the catalog can serve.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{
    AccountId, Catalog, Conversation, Enforcement, Failure, FailureKind, GenerationRequest, LeaseId, Model,
    PersonGeneration, Provider, aspect_ratio::list, catalog::Rate, lease::LeaseRequest,
};
use tokio::{sync::Mutex, time::Instant};

use crate::{retry::Retry, upstream::Upstream};

/// What must be left of a deadline for a picture to be worth beginning.
const WORTHWHILE: Duration = Duration::from_secs(15);

/// A checked request, and what its pictures share.
pub(crate) struct Order {
    request: GenerationRequest,
    model: Model,
    rate: Rate,
    deadline: Instant,
    bodies: Mutex<HashMap<Provider, Bytes>>,
}

impl Order {
    /// Checks a request against the catalog; it is to be answered within `patience`.
    pub(crate) fn new(
        request: GenerationRequest,
        catalog: &Catalog,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let model = catalog.find(&request.model).ok_or_else(|| unknown_model(&request.model, catalog))?;
        let rate = check(&request, model)?;
        let deadline = Instant::now() + patience;
        Ok(Self { model: model.clone(), rate, request, deadline, bodies: Mutex::default() })
    }

    pub(crate) const fn request(&self) -> &GenerationRequest {
        &self.request
    }

    pub(crate) const fn model(&self) -> &Model {
        &self.model
    }

    /// What a picture takes and costs.
    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// When the whole request ends.
    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How this provider keeps people out, where they are denied.
    pub(crate) fn enforcement(&self, provider: Provider) -> Option<Enforcement> {
        let denied = self.request.person_generation == PersonGeneration::Deny;
        denied.then_some(Enforcement::of(provider))
    }

    /// A wish for leases on the first attempts at these pictures.
    pub(crate) fn wish(&self, pictures: std::ops::Range<u32>) -> LeaseRequest {
        let id = |picture| LeaseId::for_attempt(&self.request.id, picture, 0);
        self.lease_request(pictures.map(id).collect(), &[])
    }

    /// A wish for one lease on another attempt at this picture.
    pub(crate) fn another_wish(&self, picture: u32, retry: &Retry) -> LeaseRequest {
        let id = LeaseId::for_attempt(&self.request.id, picture, retry.attempt());
        self.lease_request(vec![id], retry.excluded())
    }

    /// The same on any account, also on those that failed, and at once: its answer tells when one of them can serve.
    pub(crate) fn any_wish(&self, picture: u32, retry: &Retry) -> LeaseRequest {
        let patience = Duration::ZERO;
        LeaseRequest { excluded: Vec::new(), patience, ..self.another_wish(picture, retry) }
    }

    fn lease_request(&self, ids: Vec<LeaseId>, excluded: &[AccountId]) -> LeaseRequest {
        LeaseRequest {
            ids,
            request: self.request.id.clone(),
            client: self.request.client.clone(),
            model: self.model.name.clone(),
            resolution: self.request.spec.resolution,
            excluded: excluded.to_vec(),
            person_generation: self.request.person_generation,
            patience: self.patience(),
            known_fence: None,
        }
    }

    /// How long a lease may be waited for and used.
    fn patience(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left < WORTHWHILE { Duration::ZERO } else { left }
    }

    /// The body of every call to this provider, encoded once.
    pub(crate) async fn body(&self, provider: Provider, upstream: &Arc<dyn Upstream>) -> Bytes {
        let mut bodies = self.bodies.lock().await;
        if let Some(body) = bodies.get(&provider) {
            return body.clone();
        }
        let body = self.encode(upstream).await;
        bodies.insert(provider, body.clone());
        body
    }

    /// Reference pictures take a while to encode: not on the threads that everybody waits for.
    async fn encode(&self, upstream: &Arc<dyn Upstream>) -> Bytes {
        if self.request.conversation.images().next().is_none() {
            return upstream.encode(&self.request);
        }
        let (request, encoder) = (self.request.clone(), Arc::clone(upstream));
        let task = tokio::task::spawn_blocking(move || encoder.encode(&request));
        task.await.unwrap_or_else(|_| upstream.encode(&self.request))
    }
}

fn unknown_model(asked: &str, catalog: &Catalog) -> Failure {
    let asked: String = asked.chars().take(80).collect();
    let message = format!("the model `{asked}` does not exist; known are {}", list(&catalog.names()));
    Failure { field: Some("model".to_owned()), ..Failure::new(FailureKind::UnknownModel, message) }
}

fn check(request: &GenerationRequest, model: &Model) -> Result<Rate, Failure> {
    let name = &model.name;
    let spec = request.spec;
    if !model.has_ratio(spec.aspect_ratio) {
        let has = list(&model.aspect_ratios);
        let message = format!("`{name}` does not draw {}; it draws {has}", spec.aspect_ratio);
        return Err(Failure::invalid("aspect_ratio", message));
    }
    let Some(rate) = model.rate(spec.resolution) else {
        let has = list(&model.resolutions().collect::<Vec<_>>());
        let message = format!("`{name}` does not draw {}; it draws {has}", spec.resolution);
        return Err(Failure::invalid("resolution", message));
    };
    let (shown, most) = (request.conversation.images().count(), model.reference_images);
    if shown > most {
        let message = format!("`{name}` takes at most {most} pictures, not {shown}");
        return Err(Failure::invalid("turns", message));
    }
    let (length, longest) = (request.conversation.text_length(), Conversation::LONGEST_TEXT);
    if length > longest {
        let message = format!("must have at most {longest} characters of text, not {length}");
        return Err(Failure::invalid("turns", message));
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use domain::{ClientId, ImageCount, PictureSpec, RequestId};

    use super::*;

    fn order(model: &str, ratio: &str, resolution: &str, prompt: &str) -> Result<Order, Failure> {
        let request = GenerationRequest {
            id: RequestId::new("req-1").unwrap(),
            client: ClientId::new("studio").unwrap(),
            model: model.into(),
            conversation: Conversation::prompt(prompt).unwrap(),
            spec: PictureSpec {
                aspect_ratio: ratio.parse().unwrap(),
                resolution: resolution.parse().unwrap(),
            },
            count: ImageCount::new(3).unwrap(),
            person_generation: PersonGeneration::Allow,
            seed: None,
            gather: false,
        };
        Order::new(request, &Catalog::builtin(), Duration::from_secs(1))
    }

    #[tokio::test]
    async fn what_the_model_lacks_is_refused_by_the_name_of_its_field() {
        for (model, ratio, resolution, prompt, kind, field) in [
            ("dall-e-3", "1:1", "1K", "a cat", FailureKind::UnknownModel, "model"),
            ("gemini-3-pro-image", "8:1", "1K", "a cat", FailureKind::InvalidRequest, "aspect_ratio"),
            ("gemini-3-pro-image", "1:1", "512", "a cat", FailureKind::InvalidRequest, "resolution"),
            ("gemini-3-pro-image", "1:1", "1K", &"x".repeat(32_001), FailureKind::InvalidRequest, "turns"),
        ] {
            let failure = order(model, ratio, resolution, prompt).err().unwrap();
            assert_eq!((failure.kind, failure.field.as_deref()), (kind, Some(field)), "{model} {ratio}");
        }
    }

    #[tokio::test]
    async fn leases_are_asked_for_by_the_models_own_name_even_under_an_alias() {
        let order = order("gemini-3-pro-image-preview", "1:1", "1K", "a cat").unwrap();
        let wish = order.wish(1..3);
        assert_eq!(wish.model, "gemini-3-pro-image");
        assert_eq!(wish.ids.iter().map(LeaseId::as_str).collect::<Vec<_>>(), ["req-1/1/0", "req-1/2/0"]);
    }
}
