//! The sentences with which the Gemini API refuses.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    provider::rpc::{self, Code, Detail, FieldViolation, Link, QuotaViolation, Refusal},
    quota::{Dimension, Overstep},
    script::Refuse,
};

const SERVICE: &str = "generativelanguage.googleapis.com";

pub(super) fn no_key() -> Refusal {
    Refusal::new(
        Code::PermissionDenied,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API \
         Key or other form of API consumer identity to call this API.",
    )
}

pub(super) fn bad_key() -> Refusal {
    let message = "API key not valid. Please pass a valid API key.";
    Refusal::invalid(message)
        .with(Detail::info("API_KEY_INVALID", [("service", SERVICE.to_owned())]))
        .with(Detail::LocalizedMessage { locale: "en-US", message: message.to_owned() })
}

pub(super) fn no_model(version: &str, model: &str, method: &str) -> Refusal {
    let model: String = model.chars().take(200).collect();
    Refusal::new(
        Code::NotFound,
        format!(
            "models/{model} is not found for API version {version}, or is not supported for {method}. Call \
             ListModels to see the list of available models and their supported methods."
        ),
    )
}

pub(super) fn bad_parameter(name: &str, text: &str) -> Refusal {
    let description = format!("Invalid value at '{name}' (TYPE_INT32), \"{text}\"");
    Refusal::bad_request(vec![FieldViolation { field: Some(name.to_owned()), description }])
}

/// The refusal of a call that would overstep these limits.
pub(super) fn quota(model: &str, oversteps: &[Overstep]) -> Refusal {
    let spent: Vec<Spent> = oversteps.iter().map(Spent::from).collect();
    let wait = oversteps.iter().map(|overstep| overstep.wait).max().unwrap_or_default();
    exhausted(model, &spent, wait)
}

/// The refusal that a script commands.
pub(super) fn commanded(refuse: Refuse, version: &str, model: &str, day_ends_in: Duration) -> Refusal {
    let day = Spent { metric: Metric::REQUESTS_A_DAY, limit: 250 };
    match refuse {
        Refuse::QuotaMinute { retry_after } => {
            exhausted(model, &[Spent { metric: Metric::REQUESTS_A_MINUTE, limit: 20 }], retry_after)
        }
        Refuse::QuotaImages => {
            let spent = Spent { metric: Metric::IMAGES_A_MINUTE, limit: 10 };
            exhausted(model, &[spent], Duration::from_secs(20))
        }
        Refuse::QuotaDay => exhausted(model, &[day], day_ends_in),
        Refuse::QuotaDayZeroDelay => exhausted(model, &[day], Duration::ZERO),
        Refuse::QuotaBare => {
            Refusal::new(Code::ResourceExhausted, "Resource has been exhausted (e.g. check quota).")
        }
        Refuse::Capacity => Refusal::new(
            Code::ResourceExhausted,
            format!("No capacity available for model {model} on the server"),
        )
        .with(Detail::info("MODEL_CAPACITY_EXHAUSTED", [("model", model.to_owned())])),
        Refuse::LimitZero => {
            let spent = [Metric::FREE_REQUESTS_A_DAY, Metric::FREE_REQUESTS_A_MINUTE]
                .map(|metric| Spent { metric, limit: 0 });
            exhausted(model, &spent, Duration::from_millis(41_250))
        }
        Refuse::BadKey => bad_key(),
        Refuse::ExpiredToken => Refusal::new(Code::Unauthenticated, rpc::NO_LOGIN)
            .with(Detail::info("ACCESS_TOKEN_EXPIRED", [("service", SERVICE.to_owned())])),
        Refuse::Billing => Refusal::new(
            Code::PaymentRequired,
            "Billing is disabled for this project. Enable it by visiting \
             https://console.developers.google.com/billing, then retry.",
        )
        .with(Detail::info("BILLING_DISABLED", [("service", SERVICE.to_owned())])),
        Refuse::Credit => Refusal::new(
            Code::ResourceExhausted,
            "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage \
             your project and billing.",
        ),
        Refuse::Forbidden => {
            Refusal::new(Code::PermissionDenied, "Permission denied: Consumer 'api_key' has been suspended.")
                .with(Detail::info("CONSUMER_SUSPENDED", [("service", SERVICE.to_owned())]))
        }
        Refuse::ForbiddenValidation => {
            Refusal::new(Code::PermissionDenied, "To continue, verify your account at the validation link.")
                .with(Detail::info("VALIDATION_REQUIRED", [("service", SERVICE.to_owned())]))
        }
        Refuse::NotFound => no_model(version, model, "generateContent"),
    }
}

/// A failure of the provider's own.
pub(super) fn internal() -> Refusal {
    Refusal::new(
        Code::Internal,
        "An internal error has occurred. Please retry or report in \
         https://developers.generativeai.google/guide/troubleshooting",
    )
}

/// Too much asked of the model by everybody.
pub(super) fn unavailable() -> Refusal {
    Refusal::new(Code::Unavailable, "The model is overloaded. Please try again later.")
}

/// A quota's two names.
#[derive(Debug, Clone, Copy)]
struct Metric {
    metric: &'static str,
    id: &'static str,
}

impl Metric {
    const REQUESTS_A_MINUTE: Self = Self {
        metric: "generativelanguage.googleapis.com/generate_requests_per_model",
        id: "GenerateRequestsPerMinutePerProjectPerModel",
    };
    const IMAGES_A_MINUTE: Self = Self {
        metric: "generativelanguage.googleapis.com/generate_images_per_model",
        id: "GenerateImagesPerMinutePerProjectPerModel",
    };
    const REQUESTS_A_DAY: Self = Self {
        metric: "generativelanguage.googleapis.com/generate_requests_per_model_per_day",
        id: "GenerateRequestsPerDayPerProjectPerModel",
    };
    const FREE_REQUESTS_A_MINUTE: Self = Self {
        metric: "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        id: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    };
    const FREE_REQUESTS_A_DAY: Self = Self {
        metric: "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        id: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    };
}

/// A quota, and the limit at which it is spent.
#[derive(Debug, Clone, Copy)]
struct Spent {
    metric: Metric,
    limit: u32,
}

impl From<&Overstep> for Spent {
    fn from(overstep: &Overstep) -> Self {
        let metric = match overstep.dimension {
            Dimension::RequestsPerMinute => Metric::REQUESTS_A_MINUTE,
            Dimension::ImagesPerMinute => Metric::IMAGES_A_MINUTE,
            Dimension::RequestsPerDay => Metric::REQUESTS_A_DAY,
        };
        Self { metric, limit: overstep.limit }
    }
}

fn exhausted(model: &str, spent: &[Spent], wait: Duration) -> Refusal {
    let wait = rpc::duration(wait);
    let line = |Spent { metric, limit }: &Spent| {
        format!("* Quota exceeded for metric: {}, limit: {limit}, model: {model}\n", metric.metric)
    };
    let lines = spent.iter().map(line).collect::<Vec<_>>().concat();
    let message = format!(
        "You exceeded your current quota, please check your plan and billing details. For more information on \
         this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current \
         usage, head to: https://ai.dev/rate-limit. \n{lines}Please retry in {wait}."
    );
    let violation = |Spent { metric, limit }: &Spent| QuotaViolation {
        metric: metric.metric,
        id: metric.id,
        dimensions: BTreeMap::from([("location", "global".to_owned()), ("model", model.to_owned())]),
        value: (*limit > 0).then(|| limit.to_string()),
    };
    let rate_limits = Link {
        description: "Learn more about Gemini API quotas",
        url: "https://ai.google.dev/gemini-api/docs/rate-limits",
    };
    Refusal::new(Code::ResourceExhausted, message)
        .with(Detail::QuotaFailure { violations: spent.iter().map(violation).collect() })
        .with(Detail::Help { links: vec![rate_limits] })
        .with(Detail::RetryInfo { retry_delay: wait })
}
