//! Whether each account opens its provider, asked by a call that costs nothing.

use domain::{Account, Provider};
use futures_util::future::join_all;
use generation::{
    Settings,
    upstream::probe::{Answer, Prober, Verdict},
};
use proto::sealing::Credential;

use super::{Finding, Patient, added, clock, secrets};
use crate::{assembly, config::OwnedAccount, provider};

/// An account, and what opens its provider.
pub(super) struct Candidate {
    pub(super) account: Account,
    pub(super) credential: Credential,
}

/// Asks for every account at once: those of the configuration, and those that were added while Tessera ran.
pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let (mut looked_at, added) = (configured(patient), added::look(patient).await);
    let mut found = Vec::from_iter(none(patient, &looked_at, &added));
    looked_at.extend(added);
    let Settings { gemini, vertex, .. } = patient.config.generation.settings(std::path::PathBuf::new(), None);
    let prober = match Prober::new(gemini, vertex, assembly::clock()) {
        Ok(prober) => prober,
        Err(error) => {
            return vec![Finding::failure("providers", error.to_string(), "correct the configuration")];
        }
    };
    let mut clocks = None;
    for (finding, of_provider) in join_all(looked_at.into_iter().map(|one| ask(patient, &prober, one))).await
    {
        found.push(finding);
        clocks = clocks.or(of_provider);
    }
    found.extend(clocks.map(|(theirs, ours)| clock::compare("the provider", theirs, ours)));
    found
}

/// Those of the configuration; for `tessera up` without any, that of the environment.
fn configured(patient: &Patient<'_>) -> Vec<Result<Candidate, Finding>> {
    let mut accounts = patient.config.accounts.clone();
    if accounts.is_empty() && patient.role.is_none() {
        accounts.extend(provider::of_environment(patient.environment));
    }
    let open = |owned: OwnedAccount| match owned.open(patient.environment) {
        Ok(credential) => Ok(Candidate { account: owned.account, credential }),
        Err(error) => {
            let check = format!("account {}", owned.account.id);
            Err(Finding::failure(check, error, secrets::remedy(&owned.credential)))
        }
    };
    accounts.into_iter().map(open).collect()
}

/// That there are none, as far as can be seen.
fn none(
    patient: &Patient<'_>,
    configured: &[Result<Candidate, Finding>],
    added: &[Result<Candidate, Finding>],
) -> Option<Finding> {
    const CHECK: &str = "accounts";
    match patient.role {
        _ if !configured.is_empty() => None,
        None if !added.iter().any(Result::is_ok) => Some(Finding::warning(
            CHECK,
            "there are none in the configuration: pictures are simulated, unless accounts were added at run time",
            "set GEMINI_API_KEY, write [[accounts]], or use `tessera accounts add`",
        )),
        Some(_) if added.is_empty() => Some(Finding::warning(
            CHECK,
            "there are none, so that no picture can be drawn",
            "write [[accounts]], or use `tessera accounts add`",
        )),
        _ => None,
    }
}

type Clocks = (domain::Timestamp, domain::Timestamp);

async fn ask(
    patient: &Patient<'_>,
    prober: &Prober,
    looked_at: Result<Candidate, Finding>,
) -> (Finding, Option<Clocks>) {
    let Candidate { account, credential } = match looked_at {
        Ok(candidate) => candidate,
        Err(known) => return (known, None),
    };
    let check = format!("account {}", account.id);
    let Some(model) = model(patient, &account) else {
        let told = format!("none of its models is at {}", shown(account.provider));
        return (Finding::failure(check, told, "correct its `models`"), None);
    };
    let Answer { verdict, clocks } = prober.ask(&credential, &model).await;
    (judge(check, &credential, &model, verdict), clocks)
}

/// The name at its provider of a model that the account may be used for.
fn model(patient: &Patient<'_>, account: &Account) -> Option<String> {
    let catalog = &patient.config.catalog;
    let default = std::iter::once(catalog.default_model());
    let models = default.chain(catalog.models());
    let mut usable = models
        .filter(|model| account.models.is_empty() || account.models.contains(&model.name))
        .filter_map(|model| model.upstream_id(account.provider));
    usable.next().map(str::to_owned)
}

fn judge(check: String, credential: &Credential, model: &str, verdict: Verdict) -> Finding {
    let (provider, console) = match credential {
        Credential::ApiKey(_) => (
            Provider::Gemini,
            "make a key at https://aistudio.google.com/apikey for a project that has the Gemini API enabled",
        ),
        Credential::ServiceAccount { .. } => (
            Provider::Vertex,
            "see in Google Cloud that the service account and its key are enabled, and that it has the role Vertex AI User",
        ),
    };
    let provider = shown(provider);
    match verdict {
        Verdict::Opens => Finding::ok(check, format!("opens {provider}, which has {model}")),
        Verdict::NoModel => Finding::failure(
            check,
            format!("opens {provider}, which does not have {model}"),
            "name its present id in [[models]], or other models in the account's `models`",
        ),
        Verdict::Refused(said) => {
            Finding::failure(check, format!("is refused by {provider}: {said}"), console)
        }
        Verdict::Unreachable(said) => Finding::failure(
            check,
            format!("{provider} gives no answer: {said}"),
            "see that this machine reaches it over HTTPS (firewall, DNS), and ask again",
        ),
    }
}

const fn shown(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "the Gemini API",
        Provider::Vertex => "Vertex AI",
    }
}
