//! A simulator on a free port, and a client for it.

use std::sync::{Arc, Once};

use domain::{Image, ManualClock, Timestamp};
use serde_json::{Value, json};
use simulator::{Script, Simulator};
use tokio::{net::TcpListener, sync::oneshot};

/// A simulator that serves until it is dropped.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    _stop: oneshot::Sender<()>,
}

pub(crate) const PRO: &str = "gemini-3-pro-image";
pub(crate) const FLASH: &str = "gemini-3.1-flash-image";

/// Noon on a winter's day in California.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_768_507_200_000);

/// Answers at once, and draws nothing that takes time.
pub(crate) const QUICK: &str = "latency.default = '0s'\npicture.bytes = 2048\n";

/// Answers at once.
pub(crate) const AT_ONCE: &str = "latency.default = '0s'\n";

impl Stage {
    pub(crate) async fn set(script: &str) -> Self {
        let clock = Arc::new(ManualClock::at(NOON));
        let simulator = Simulator::new(Script::parse(script).unwrap(), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async move { drop(stopped.await) };
        tokio::spawn(simulator::serve(listener, simulator.clone(), until));
        Self { simulator, clock, url, client: client_with(|client| client), _stop: stop }
    }

    /// Asks a model with this body and waits for the whole answer.
    pub(crate) async fn ask(&self, model: &str, body: &Value) -> Answer {
        self.post(&format!("/v1beta/models/{model}:generateContent"), "test-key", body.to_string()).await
    }

    /// Asks the pro model to draw.
    pub(crate) async fn draw(&self, prompt: &str) -> Answer {
        self.ask(PRO, &drawing(prompt, &json!({}))).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.client.post(format!("{}{path}", self.url)).header("x-goog-api-key", key);
        let answer = request.body(body).send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url)).header("x-goog-api-key", "test-key");
        let answer = request.send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    }
}

/// A body that asks for one picture.
pub(crate) fn drawing(prompt: &str, image_config: &Value) -> Value {
    json!({
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": image_config},
    })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The detail of this type.
    pub(crate) fn detail(&self, kind: &str) -> Value {
        let json = self.json();
        let details = json["error"]["details"].as_array().cloned().unwrap_or_default();
        let name = format!("type.googleapis.com/google.rpc.{kind}");
        details.into_iter().find(|detail| detail["@type"] == name).unwrap_or_default()
    }

    pub(crate) fn parts(&self) -> Vec<Value> {
        self.json()["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
    }

    /// The one picture that is no thought, and its label.
    pub(crate) fn picture(&self) -> (Image, String) {
        let parts = self.parts();
        let mut pictures =
            parts.iter().filter(|part| part["inlineData"].is_object() && part["thought"] != true);
        let blob = &pictures.next().expect("a picture")["inlineData"];
        assert!(pictures.next().is_none(), "more than one picture");
        (inspect(&blob["data"]), blob["mimeType"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn inspect(data: &Value) -> Image {
    let bytes = base64_turbo::STANDARD.decode(data.as_str().unwrap()).unwrap();
    Image::inspect(bytes.into()).unwrap()
}

/// A client that trusts nobody, which is enough without TLS.
pub(crate) fn client_with(
    change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
    let roots = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    change(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy()).build().unwrap()
}
