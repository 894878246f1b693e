use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64_turbo::{STANDARD, URL_SAFE_NO_PAD};
use domain::{ManualClock, Timestamp};

use super::*;
use crate::upstream::gemini;

fn pem(key: &KeyPair) -> String {
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n", STANDARD.encode(der.as_ref()))
}

fn file(key: &str) -> String {
    format!(
        r#"{{"type":"service_account","project_id":"p","private_key_id":"k1","private_key":"{key}",
            "client_email":"painter@p.iam.gserviceaccount.com","token_uri":"https://oauth2.googleapis.com/token",
            "universe_domain":"googleapis.com"}}"#
    )
}

fn vertex(json: String, location: &str, settings: &Settings) -> Result<Vertex, SettingsError> {
    let defaults = gemini::Settings::default();
    let service = Service::new(defaults.timeouts, defaults.answer_limit_bytes).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let credential = Credential::ServiceAccount {
        json: json.into(),
        project: ProjectId::new("studio-1").unwrap(),
        location: location.parse().unwrap(),
    };
    let credentials = Credentials::new([(AccountId::new("a").unwrap(), credential)]);
    Vertex::new(settings, service, &clock, &credentials, Arc::new(Vault::empty()))
}

#[test]
fn an_assertion_says_who_wants_what_and_is_signed() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let account = ServiceAccount::read(&file(&pem(&key)).into()).unwrap();
    let assertion = account.assertion(Timestamp::from_millis(1_768_507_200_999));
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(text(header), r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#);
    assert_eq!(
        text(claims),
        r#"{"iss":"painter@p.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform","#
            .to_owned()
            + r#""aud":"https://oauth2.googleapis.com/token","iat":1768507200,"exp":1768510800}"#
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
    public.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_by_its_accounts_name_and_shown_nowhere() {
    let key = pem(&KeyPair::generate(KeySize::Rsa2048).unwrap());
    let good = file(&key);
    for (json, expected) in [
        (String::from("\"very-secret\""), KeyFileError::Form),
        (good.replace("client_email", "email"), KeyFileError::Form),
        (good.replace("\"service_account\"", "\"authorized_user\""), KeyFileError::Kind),
        (file("very-secret"), KeyFileError::Key),
        (file(&key.replace("MII", "MIJ")), KeyFileError::Key),
        (good.replace("https://oauth2", "ftp://oauth2"), KeyFileError::TokenUri),
    ] {
        let error = vertex(json, "global", &Settings::default()).err().unwrap();
        let told = error.to_string();
        assert!(matches!(error, SettingsError::KeyFile(_, error) if error == expected), "{told}");
        assert!(
            told.starts_with("the service account file of account `a` must ") && !told.contains("secret")
        );
    }
}

#[test]
fn a_call_goes_to_the_accounts_project_and_location_unless_the_operator_says_where() {
    let json = file(&pem(&KeyPair::generate(KeySize::Rsa2048).unwrap()));
    let url = |location: &str, settings: &Settings| {
        let vertex = vertex(json.clone(), location, settings).unwrap();
        let account = vertex.accounts.configured().next().unwrap();
        account.url("../m?").to_string()
    };
    let path = |location: &str| {
        format!(
            "v1/projects/studio-1/locations/{location}/publishers/google/models/..%2Fm%3F:generateContent"
        )
    };
    let told = Settings::default();
    assert_eq!(url("global", &told), format!("https://aiplatform.googleapis.com/{}", path("global")));
    assert_eq!(url("eu", &told), format!("https://aiplatform.eu.rep.googleapis.com/{}", path("eu")));
    let local = Settings { base_url: Some("http://127.0.0.1:9".to_owned()), ..told };
    assert_eq!(url("us-east4", &local), format!("http://127.0.0.1:9/{}", path("us-east4")));
    let bad = Settings { token_url: Some("token".to_owned()), ..Settings::default() };
    assert!(matches!(bad.validate(), Err(SettingsError::Url("vertex.token_url"))));
}
