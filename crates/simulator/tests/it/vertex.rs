//! Vertex AI: tokens, projects, and what it has that the Gemini API has not.

use std::time::Duration;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64_turbo::{STANDARD, URL_SAFE_NO_PAD};
use domain::{MediaType, Provider};
use serde_json::{Value, json};
use simulator::Exchanges;

use crate::stage::{Answer, NOON, PRO, QUICK, Stage, drawing};

const EMAIL: &str = "painter@project-a.iam.gserviceaccount.com";

/// A service account with a key of its own, and a simulator that knows it.
struct Vertex {
    stage: Stage,
    key: KeyPair,
}

impl Vertex {
    async fn set(rules: &str) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let pem = STANDARD.encode(public.as_ref());
        let script = format!(
            "{QUICK}{rules}\n[tokens]\nlifetime = '10m'\n[[service_accounts]]\nclient_email = '{EMAIL}'\n\
             name = 'painter'\nproject = 'project-a'\nlimits = {{ requests_per_minute = 2 }}\npublic_key = '''\n\
             -----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----'''"
        );
        Self { stage: Stage::set(&script).await, key }
    }

    fn claims() -> Value {
        let now = NOON.as_secs();
        json!({
            "iss": EMAIL,
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": now,
            "exp": now + 3600,
        })
    }

    fn sign(key: &KeyPair, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature))
    }

    async fn exchange(&self, grant: &str, assertion: &str) -> Answer {
        let form = format!("grant_type={grant}&assertion={assertion}");
        let request = self.stage.client.post(format!("{}/token", self.stage.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    }

    async fn assert(&self, assertion: &str) -> Answer {
        self.exchange("urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer", assertion).await
    }

    async fn token(&self) -> String {
        let answer = self.assert(&Self::sign(&self.key, &Self::claims())).await;
        assert_eq!((&answer.json()["expires_in"], answer.status), (&json!(600), 200), "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, project: &str, token: Option<&str>, body: &Value) -> Answer {
        let path = format!("v1/projects/{project}/locations/global/publishers/google/models/{PRO}");
        let request = self.stage.client.post(format!("{}/{path}:generateContent", self.stage.url));
        let request = token.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let answer = request.body(body.to_string()).send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    }
}

/// The status, and what is in the one error of the list.
fn refusal(answer: &Answer) -> (u16, Value) {
    let list = answer.json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{}", answer.text);
    (answer.status, list[0]["error"].clone())
}

#[tokio::test]
async fn a_signed_assertion_opens_its_project_until_the_token_expires() {
    let vertex = Vertex::set("").await;
    let token = vertex.token().await;
    let image_config = json!({
        "aspectRatio": "16:9", "personGeneration": "ALLOW_NONE", "prominentPeople": "BLOCK_PROMINENT_PEOPLE",
    });
    let answer = vertex.ask("project-a", Some(&token), &drawing("a fox", &image_config)).await;
    assert_eq!(answer.picture().0.size().to_string(), "1376x768");
    assert_eq!(answer.json()["usageMetadata"]["trafficType"], "ON_DEMAND");
    let arrival = vertex.stage.simulator.arrivals().pop().unwrap();
    assert_eq!((arrival.provider, arrival.key.as_deref()), (Provider::Vertex, Some("painter")));
    assert_eq!(arrival.person_generation, Some("ALLOW_NONE"));

    let body = drawing("a fox", &json!({}));
    vertex.stage.clock.advance(Duration::from_mins(10));
    for (project, token, status, reason) in [
        ("project-a", Some(token.as_str()), 401, "ACCESS_TOKEN_EXPIRED"),
        ("project-a", Some("ya29.other"), 401, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("project-a", None, 401, "CREDENTIALS_MISSING"),
        ("project-b", Some(vertex.token().await.as_str()), 403, "IAM_PERMISSION_DENIED"),
    ] {
        let (refused, error) = refusal(&vertex.ask(project, token, &body).await);
        assert_eq!((refused, error["details"][0]["reason"].as_str()), (status, Some(reason)));
    }
}

#[tokio::test]
async fn an_assertion_that_is_wrong_anywhere_is_given_no_token() {
    let vertex = Vertex::set("").await;
    let (claims, now) = (Vertex::claims(), NOON.as_secs());
    let change = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        Vertex::sign(&vertex.key, &claims)
    };
    let stranger = KeyPair::generate(KeySize::Rsa2048).unwrap();
    for (assertion, error, description) in [
        (Vertex::sign(&stranger, &claims), "invalid_grant", "Invalid JWT Signature."),
        (change("iss", json!("other@p")), "invalid_grant", "account not found"),
        (change("aud", json!("https://example.com")), "invalid_grant", "audience"),
        (change("exp", json!(now)), "invalid_grant", "reasonable timeframe"),
        (change("exp", json!(now + 3601)), "invalid_grant", "reasonable timeframe"),
        (change("iat", json!(now + 3000)), "invalid_grant", "reasonable timeframe"),
        (change("scope", json!("email")), "invalid_scope", "scope"),
        ("nonsense".to_owned(), "invalid_grant", "Bad Request"),
    ] {
        let answer = vertex.assert(&assertion).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{}", answer.text);
        assert!(answer.text.contains(description), "{}", answer.text);
    }
    let other = vertex.exchange("password", &Vertex::sign(&vertex.key, &claims)).await;
    assert_eq!(other.json()["error"], "unsupported_grant_type");
    assert_eq!(vertex.stage.simulator.exchanges(), Exchanges { granted: 0, refused: 9 });
    assert_eq!(vertex.stage.get("/admin/exchanges").await.json(), json!({"granted": 0, "refused": 9}));
}

#[tokio::test]
async fn a_limit_is_refused_without_a_word_on_which_and_until_when() {
    let vertex = Vertex::set("").await;
    let token = vertex.token().await;
    let body = drawing("a fox", &json!({}));
    for _ in 0..2 {
        assert_eq!(vertex.ask("project-a", Some(&token), &body).await.status, 200);
    }
    let (status, error) = refusal(&vertex.ask("project-a", Some(&token), &body).await);
    assert_eq!((status, error["status"].as_str()), (429, Some("RESOURCE_EXHAUSTED")));
    assert!(error.get("details").is_none(), "{error}");
}

#[tokio::test]
async fn the_format_is_as_asked_and_a_role_is_required() {
    let stage = Stage::set(QUICK).await;
    let ask = async |body: &Value| {
        let path = format!("v1beta1/projects/any/locations/global/publishers/google/models/{PRO}");
        let request = stage.client.post(format!("{}/{path}:generateContent", stage.url)).bearer_auth("any");
        let answer = request.body(body.to_string()).send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    };
    for (asked, come) in [("image/png", MediaType::Png), ("image/jpeg", MediaType::Jpeg)] {
        let options = json!({"imageOutputOptions": {"mimeType": asked, "compressionQuality": 80}});
        let (image, label) = ask(&drawing("a fox", &options)).await.picture();
        assert_eq!((image.media_type(), label.as_str()), (come, asked));
    }
    let mut without_role = drawing("a fox", &json!({}));
    without_role["contents"][0].as_object_mut().unwrap().remove("role");
    for (body, words) in [
        (without_role, "Please use a valid role: user, model."),
        (drawing("a fox", &json!({"imageOutputOptions": {"mimeType": "image/gif"}})), "mime_type must be"),
        (drawing("a fox", &json!({"personGeneration": "NOBODY"})), "google.cloud.aiplatform.v1"),
        (drawing("a fox", &json!({"colour": "red"})), "Unknown name \"colour\""),
    ] {
        let (status, error) = refusal(&ask(&body).await);
        assert!(status == 400 && error["message"].as_str().unwrap().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_private_key_in_the_script_is_as_good_as_the_public_one() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = STANDARD.encode(private.as_ref());
    let account = format!("client_email = '{EMAIL}'\nproject = 'project-a'\nprivate_key = '{pem}'");
    let stage = Stage::set(&format!("{QUICK}[[service_accounts]]\n{account}")).await;
    let vertex = Vertex { stage, key };
    let answer = vertex.assert(&Vertex::sign(&vertex.key, &Vertex::claims())).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(3599)));
}
