//! Asks the generation service for pictures, as any service of the house may that has no need of a dialect:
//!
//! ```sh
//! cargo run --package proto --example generate -- http://127.0.0.1:8050 "a lighthouse in fog" 2
//! ```
//!
//! Where services show each other certificates, with an `https://` and, at the end, the directory with one for `client`.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use proto::{
    failure_of,
    transport::{self, Identity, TlsFiles},
    v1::{
        self, GenerateRequest, Part, Role, Turn, generate_event::Event, generation_client::GenerationClient,
        part,
    },
};
use tonic::Request;

/// How long all of it may take. It travels with the call, so that nothing is begun that nobody waits for.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, prompt, count, directory @ ..] = arguments.as_slice() else {
        return Err("say where generation is, what to draw, and how many times".into());
    };
    let files = directory.first().map(PathBuf::from).map(|directory| TlsFiles {
        ca: directory.join("ca.crt"),
        cert: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    });
    let identity = files.map(Identity::load).transpose()?;
    let mut request = Request::new(wish(prompt, count.parse()?)?);
    request.set_timeout(PATIENCE);
    let mut generation = GenerationClient::new(transport::connect_as(url, identity.as_ref())?);
    // A failure of the whole request says what kind it is, and perhaps when to ask again.
    let answer = generation.generate(request).await.map_err(|status| failure_of(&status))?;
    save(answer.into_inner()).await
}

fn wish(prompt: &str, count: u32) -> Result<GenerateRequest, Box<dyn Error>> {
    let text = Part { part: Some(part::Part::Text(prompt.to_owned())) };
    Ok(GenerateRequest {
        // Its own for each request: two of one name could not be told apart.
        request_id: fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned(),
        client: "example".to_owned(),
        model: "gemini-3-pro-image".to_owned(),
        turns: vec![Turn { role: Role::User.into(), parts: vec![text] }],
        aspect_ratio: "16:9".to_owned(),
        resolution: "1K".to_owned(),
        count,
        ..GenerateRequest::default()
    })
}

/// Writes every picture that comes to a file. They come one after the other, whichever is ready first.
async fn save(mut events: tonic::Streaming<v1::GenerateEvent>) -> Result<(), Box<dyn Error>> {
    let mut picture: Option<File> = None;
    while let Some(event) = events.message().await.map_err(|status| failure_of(&status))? {
        match event.event {
            Some(Event::ImageStarted(head)) => {
                let name = format!("picture-{}.{}", head.index, head.media_type.replace("image/", ""));
                println!("{name}: {} x {} pixels, {} bytes", head.width, head.height, head.length);
                picture = Some(File::create(name)?);
            }
            Some(Event::ImageChunk(bytes)) => {
                picture.as_mut().ok_or("a chunk came of no picture")?.write_all(&bytes)?;
            }
            Some(Event::ImageFinished(_)) => picture = None,
            Some(Event::ImageFailed(failed)) => {
                let why = failed.failure.map(|failure| failure.message).unwrap_or_default();
                println!("picture {} failed: {why}", failed.index);
            }
            Some(Event::Finished(_)) => return Ok(()),
            // That it is waited for, and what later versions may add.
            _ => {}
        }
    }
    Err("the answer broke off; asking again buys what is missing once more".into())
}
