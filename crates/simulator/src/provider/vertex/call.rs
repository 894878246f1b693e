//! What a call says before its body: its token, its project, its model, its method and its parameters.

use std::time::Duration;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use domain::{Model, Provider};

use super::{error, issued::Standing};
use crate::{
    Simulator,
    provider::{
        generate_content::{self, Api},
        parameters::Parameters,
        reply::Framing,
        rpc::Refusal,
    },
    quota::{Limits, Overstep},
    script::{Caller, Refuse, label},
};

/// The head of a call.
#[derive(Debug)]
pub(super) struct Call {
    project: String,
    location: String,
    /// The model as it was named.
    pub(super) model: String,
    /// What follows the colon after the model.
    method: Option<String>,
    token: Option<String>,
    pub(super) parameters: Parameters,
}

impl Call {
    /// `target` is a model, and after a colon the method.
    pub(super) fn new(
        project: String,
        location: String,
        target: &str,
        query: Vec<(String, String)>,
        headers: &HeaderMap,
    ) -> Self {
        let (model, method) = match target.rsplit_once(':') {
            Some((model, method)) => (model, Some(method.to_owned())),
            None => (target, None),
        };
        let authorization = headers.get(AUTHORIZATION).and_then(|text| text.to_str().ok());
        let token = authorization.and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
        let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
        Self { project, location, model: model.to_owned(), method, token, parameters: Parameters::new(query) }
    }

    /// Whose token it brought, whether or not it still opens anything; of others the last four characters.
    pub(super) fn account_label(&self, simulator: &Simulator) -> Option<String> {
        let token = self.token.as_deref()?;
        let accounts = &simulator.script().service_accounts;
        Some(match simulator.issued().look_up(token, simulator.now()) {
            Standing::Good { client_email } | Standing::Expired { client_email } => {
                accounts.label_of(&client_email)
            }
            Standing::Unknown => label(token),
        })
    }

    /// Whose call it is, where it may call this project.
    pub(super) fn authorise(&self, simulator: &Simulator) -> Result<Caller, Refusal> {
        let caller = self.caller(simulator)?;
        if caller.project == self.project { Ok(caller) } else { Err(error::foreign_project(&self.project)) }
    }

    /// Whose call it is. Where the script lists no service accounts, any token opens any project.
    pub(super) fn caller(&self, simulator: &Simulator) -> Result<Caller, Refusal> {
        let token = self.token.as_deref().ok_or_else(error::no_token)?;
        let accounts = &simulator.script().service_accounts;
        let anybody = |key| Caller { key, project: self.project.clone(), limits: Limits::default() };
        Ok(match simulator.issued().look_up(token, simulator.now()) {
            Standing::Expired { .. } => return Err(error::expired_token()),
            Standing::Good { client_email } if accounts.are_unlisted() => anybody(client_email),
            Standing::Good { client_email } => accounts.caller(&client_email).ok_or_else(error::bad_token)?,
            Standing::Unknown if accounts.are_unlisted() => anybody(label(token)),
            Standing::Unknown => return Err(error::bad_token()),
        })
    }

    /// The model, where it exists and has the method.
    pub(super) fn find_model(&self) -> Result<&'static Model, Refusal> {
        generate_content::find_model(Provider::Vertex, &self.model, self.method.as_deref())
            .ok_or_else(|| self.no_model(&self.model))
    }

    fn no_model(&self, model: &str) -> Refusal {
        error::no_model(&self.project, &self.location, model)
    }
}

impl Api for Call {
    const PROVIDER: Provider = Provider::Vertex;

    fn credential(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    fn framing(&self) -> Framing {
        generate_content::framing(self.method.as_deref(), self.parameters.want_events())
    }

    fn over_quota(&self, _: &str, _: &[Overstep]) -> Refusal {
        error::exhausted()
    }

    fn commanded(&self, refuse: Refuse, model: &str, _: Duration) -> Refusal {
        error::commanded(refuse, model, || self.no_model(model))
    }

    fn internal(&self) -> Refusal {
        error::internal()
    }

    fn unavailable(&self) -> Refusal {
        error::unavailable()
    }
}
