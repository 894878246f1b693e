//! What a form was filled in with.

use std::str::FromStr;

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse as _, Response},
};

use super::refused::Refused;

/// The largest form, in bytes: a key file of a service account, every character of it escaped.
const LARGEST: usize = 64 << 10;

/// The fields of a form by their names, empty ones as if they were not there.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// What stands in a field.
    pub(crate) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// What stands in all fields of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty())
    }

    /// What has to stand in a field; `what` names it for people.
    pub(crate) fn required<'a>(&'a self, name: &'a str, what: &str) -> Result<&'a str, Refused> {
        self.get(name).ok_or_else(|| Refused::field(name, format_args!("{what} is missing")))
    }

    /// What stands in a field, as what it has to be.
    pub(crate) fn parse<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Refused> {
        let value = self.get(name).map(|text| text.replace(['_', ','], "").parse());
        value.transpose().map_err(|_| Refused::field(name, format_args!("that is not {what}")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let refused = |why: &str| Refused::field("", why).into_response();
        let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let body = body.map_err(|_| refused("that is more than fits into a form"))?;
        let fields = axum::Form::<Vec<(String, String)>>::from_request(
            Request::builder()
                .method("POST")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.into())
                .expect("these headers are valid"),
            &(),
        );
        fields.await.map(|axum::Form(fields)| Self(fields)).map_err(|_| refused("that is not a form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(form: &str) -> Fields {
        let request = Request::builder().method("POST").body(form.to_owned().into()).unwrap();
        Fields::from_request(request, &()).await.unwrap_or_else(|_| panic!("it is refused"))
    }

    #[tokio::test]
    async fn a_field_that_is_empty_is_not_there_and_one_may_be_there_twice() {
        let fields = read("id=+studio-a+&project=&models=a&models=b&limit=1%2C500").await;
        assert_eq!((fields.get("id"), fields.get("project")), (Some("studio-a"), None));
        assert_eq!(fields.all("models").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(fields.parse::<u32>("limit", "a number").unwrap(), Some(1_500));
        assert!(
            fields.parse::<u32>("id", "a number").is_err()
                && fields.required("project", "the project").is_err()
        );
    }

    #[tokio::test]
    async fn a_form_that_is_too_large_is_refused() {
        let request =
            Request::builder().method("POST").body(format!("a={}", "x".repeat(LARGEST)).into()).unwrap();
        assert!(Fields::from_request(request, &()).await.is_err());
    }
}
