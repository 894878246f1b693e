//! The sentences with which Vertex AI refuses.

use crate::{
    provider::rpc::{self, Code, Detail, Refusal},
    script::Refuse,
};

const SERVICE: &str = "aiplatform.googleapis.com";

pub(super) fn no_token() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie \
         or other valid authentication credential. See \
         https://developers.google.com/identity/sign-in/web/devconsole-project.",
    )
    .with(info("CREDENTIALS_MISSING"))
}

pub(super) fn bad_token() -> Refusal {
    Refusal::new(Code::Unauthenticated, rpc::NO_LOGIN).with(info("ACCESS_TOKEN_TYPE_UNSUPPORTED"))
}

pub(super) fn expired_token() -> Refusal {
    Refusal::new(Code::Unauthenticated, rpc::NO_LOGIN).with(info("ACCESS_TOKEN_EXPIRED"))
}

/// The caller is known, and has no business in this project.
pub(super) fn foreign_project(project: &str) -> Refusal {
    let project: String = project.chars().take(200).collect();
    let permission = "aiplatform.endpoints.predict";
    let resource = format!("projects/{project}/locations/global/publishers/google/models");
    Refusal::new(
        Code::PermissionDenied,
        format!(
            "Permission '{permission}' denied on resource '//{SERVICE}/{resource}' (or it may not exist)."
        ),
    )
    .with(Detail::info(
        "IAM_PERMISSION_DENIED",
        [("permission", permission.to_owned()), ("resource", resource)],
    ))
}

pub(super) fn no_model(project: &str, location: &str, model: &str) -> Refusal {
    let short = |text: &str| text.chars().take(200).collect::<String>();
    let (project, location, model) = (short(project), short(location), short(model));
    Refusal::new(
        Code::NotFound,
        format!(
            "Publisher Model `projects/{project}/locations/{location}/publishers/google/models/{model}` was not \
             found or your project does not have access to it. Please ensure you are using a valid model \
             version. For more information, see: \
             https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
        ),
    )
}

/// There is no such model, whoever asks.
pub(super) fn no_publisher_model(model: &str) -> Refusal {
    let model: String = model.chars().take(200).collect();
    Refusal::new(Code::NotFound, format!("Publisher Model `publishers/google/models/{model}` was not found."))
}

/// The refusal of a call that would overstep a limit, which tells neither the limit nor the delay.
pub(super) fn exhausted() -> Refusal {
    Refusal::new(
        Code::ResourceExhausted,
        "Resource exhausted. Please try again later. Please refer to \
         https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
    )
}

/// The refusal that a script commands. All quotas are refused alike.
pub(super) fn commanded(refuse: Refuse, model: &str, no_model: impl FnOnce() -> Refusal) -> Refusal {
    match refuse {
        Refuse::QuotaMinute { .. }
        | Refuse::QuotaImages
        | Refuse::QuotaDay
        | Refuse::QuotaDayZeroDelay
        | Refuse::QuotaBare
        | Refuse::LimitZero => exhausted(),
        Refuse::Capacity => Refusal::new(
            Code::ResourceExhausted,
            format!("No capacity available for model {model} on the server"),
        )
        .with(Detail::info("MODEL_CAPACITY_EXHAUSTED", [("model", model.to_owned())])),
        Refuse::BadKey => bad_token(),
        Refuse::ExpiredToken => expired_token(),
        Refuse::Billing | Refuse::Credit => Refusal::new(
            Code::PermissionDenied,
            "This API method requires billing to be enabled. Please enable billing on the project, then retry.",
        )
        .with(info("BILLING_DISABLED")),
        Refuse::Forbidden => {
            Refusal::new(Code::PermissionDenied, "Permission denied: the consumer has been suspended.")
                .with(info("CONSUMER_SUSPENDED"))
        }
        Refuse::ForbiddenValidation => {
            Refusal::new(Code::PermissionDenied, "To continue, verify your account at the validation link.")
                .with(info("VALIDATION_REQUIRED"))
        }
        Refuse::NotFound => no_model(),
    }
}

/// A failure of the provider's own.
pub(super) fn internal() -> Refusal {
    Refusal::new(Code::Internal, "Internal error encountered.")
}

/// Too much asked of the model by everybody.
pub(super) fn unavailable() -> Refusal {
    Refusal::new(Code::Unavailable, "The service is currently unavailable.")
}

fn info(reason: &'static str) -> Detail {
    Detail::info(reason, [("service", SERVICE.to_owned())])
}
