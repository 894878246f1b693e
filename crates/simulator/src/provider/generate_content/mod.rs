//! The method `generateContent`, which both of Google's services have: its messages, what is asked in them,
//! and how that is carried out.
//!
//! A service adds what tells it from the other: its paths, its credentials and its sentences, as an [`Api`].

mod drawing;
mod error;
mod performance;
mod request;
mod response;
mod task;

use std::{sync::LazyLock, time::Duration};

use domain::{Catalog, Model, Provider};

pub(super) use self::{performance::perform, request::parse, task::Task};
use super::{reply::Framing, rpc::Refusal};
use crate::{quota::Overstep, script::Refuse};

/// One call of the method at one of the services.
pub(super) trait Api {
    /// Whose service it is.
    const PROVIDER: Provider;

    /// The credential as it came, for rules that name it.
    fn credential(&self) -> &str;

    /// How the answer is to be framed.
    fn framing(&self) -> Framing;

    /// The refusal of a call that would overstep these limits.
    fn over_quota(&self, model: &str, oversteps: &[Overstep]) -> Refusal;

    /// The refusal that a script commands.
    fn commanded(&self, refuse: Refuse, model: &str, day_ends_in: Duration) -> Refusal;

    /// A failure of the service's own.
    fn internal(&self) -> Refusal;

    /// Too much asked of the model by everybody.
    fn unavailable(&self) -> Refusal;
}

/// The models there are.
pub(super) static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

/// The model of this name, where it exists and has the method.
pub(super) fn find_model(provider: Provider, name: &str, method: Option<&str>) -> Option<&'static Model> {
    let named = |model: &&Model| model.upstream_id(provider) == Some(name);
    let serves = matches!(method, Some("generateContent" | "streamGenerateContent"));
    CATALOG.models().iter().find(named).filter(|_| serves)
}

/// How a method's answer is framed; `events` says that server-sent events are wanted.
pub(super) fn framing(method: Option<&str>, events: bool) -> Framing {
    match method {
        Some("streamGenerateContent") if events => Framing::Events,
        Some("streamGenerateContent") => Framing::Array,
        _ => Framing::Object,
    }
}
