//! The load: a fixed number of clients, each asking again as soon as it is answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// How to ask one setup for a picture.
#[derive(Clone)]
pub(crate) struct Target {
    url: String,
    key_header: &'static str,
    key: String,
    body: Bytes,
}

impl Target {
    /// The simulator, asked as the Gemini API is.
    pub(crate) fn provider(address: &str, resolution: &str) -> Self {
        let body = format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"a lighthouse"}}]}}],"generationConfig":{{"responseModalities":["TEXT","IMAGE"],"imageConfig":{{"aspectRatio":"1:1","imageSize":"{resolution}"}}}}}}"#
        );
        Self {
            url: format!("http://{address}/v1beta/models/gemini-3.1-flash-image:generateContent"),
            key_header: "x-goog-api-key",
            key: "bench-provider-key".to_owned(),
            body: body.into(),
        }
    }

    /// Tessera, asked as OpenAI's image API is.
    pub(crate) fn gateway(address: &str, resolution: &str) -> Self {
        let body = format!(
            r#"{{"model":"gemini-3.1-flash-image","prompt":"a lighthouse","image_size":"{resolution}","response_format":"b64_json"}}"#
        );
        Self {
            url: format!("http://{address}/v1/images/generations"),
            key_header: "authorization",
            key: format!("Bearer {}", crate::fleet::CLIENT_KEY),
            body: body.into(),
        }
    }

    fn request(&self) -> Result<Request<Full<Bytes>>> {
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(self.key_header, &self.key);
        Ok(request.body(Full::new(self.body.clone()))?)
    }
}

/// What the clients saw.
pub(crate) struct Observed {
    /// How long each request took until the last byte of its answer, shortest first.
    pub(crate) latencies: Vec<Duration>,
    /// How long the load lasted.
    pub(crate) lasted: Duration,
}

/// Puts `concurrency` clients on the target for this long. Every answer must be a success with a picture of at
/// least `bytes` in it.
pub(crate) async fn run(
    target: &Target,
    concurrency: usize,
    lasting: Duration,
    bytes: usize,
) -> Result<Observed> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(concurrency).build(connector);
    let target = Arc::new(target.clone());
    let began = Instant::now();
    let workers: Vec<_> = (0..concurrency)
        .map(|_| tokio::spawn(worker(client.clone(), Arc::clone(&target), began + lasting, bytes)))
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await??);
    }
    latencies.sort_unstable();
    Ok(Observed { latencies, lasted: began.elapsed() })
}

async fn worker(
    client: Client<HttpConnector, Full<Bytes>>,
    target: Arc<Target>,
    until: Instant,
    bytes: usize,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while latencies.is_empty() || Instant::now() < until {
        let asked = Instant::now();
        let response = client.request(target.request()?).await.context("the request failed")?;
        let status = response.status();
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        ensure!(status.is_success(), "{} answered {status}", target.url);
        ensure!(length >= bytes / 3 * 4, "{} answered only {length} bytes", target.url);
        latencies.push(asked.elapsed());
    }
    Ok(latencies)
}
