//! Whether each account opens its provider, asked by a call that costs nothing.

use domain::{Account, Provider};
use futures_util::future::join_all;
use generation::{
    Credential, Settings,
    upstream::probe::{Answer, Prober, Verdict},
};

use super::{Finding, Patient, clock, secrets};
use crate::{assembly, config::OwnedAccount, provider};

/// Asks for every account at once.
pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut accounts = patient.config.accounts.clone();
    if accounts.is_empty() && patient.role.is_none() {
        accounts.extend(provider::of_environment(patient.environment));
    }
    if accounts.is_empty() {
        return vec![none(patient)];
    }
    let Settings { gemini, vertex, .. } = patient.config.generation.settings(std::path::PathBuf::new(), None);
    let prober = match Prober::new(gemini, vertex, assembly::clock()) {
        Ok(prober) => prober,
        Err(error) => {
            return vec![Finding::failure("providers", error.to_string(), "correct the configuration")];
        }
    };
    let asked = join_all(accounts.iter().map(|owned| ask(patient, &prober, owned))).await;
    let (mut found, mut clocks) = (Vec::new(), None);
    for (finding, of_provider) in asked {
        found.push(finding);
        clocks = clocks.or(of_provider);
    }
    found.extend(clocks.map(|(theirs, ours)| clock::compare("the provider", theirs, ours)));
    found
}

fn none(patient: &Patient<'_>) -> Finding {
    match patient.role {
        None => Finding::warning(
            "accounts",
            "there are none in the configuration: pictures are simulated, unless accounts were added at run time",
            "set GEMINI_API_KEY, write [[accounts]], or use `tessera accounts add`",
        ),
        Some(_) => Finding::ok(
            "accounts",
            "there are none in the configuration; see `tessera accounts list` for others",
        ),
    }
}

type Clocks = (domain::Timestamp, domain::Timestamp);

async fn ask(patient: &Patient<'_>, prober: &Prober, owned: &OwnedAccount) -> (Finding, Option<Clocks>) {
    let check = format!("account {}", owned.account.id);
    let credential = match owned.open(patient.environment) {
        Ok(credential) => credential,
        Err(error) => return (Finding::failure(check, error, secrets::remedy(&owned.credential)), None),
    };
    let Some(model) = model(patient, &owned.account) else {
        let told = format!("none of its models is at {}", shown(owned.account.provider));
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
