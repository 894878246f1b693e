//! Answers while they are made: nothing is held, nothing runs on, nothing broken looks whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use base64_turbo::STANDARD;
use bytes::Bytes;
use domain::{Failure, FailureKind, GenerationEvent};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use gateway::{Settings, generator::Events};
use http_body_util::BodyExt as _;

use crate::stage::{SMALLEST, Stage, chunk, finished, head, one_picture, read};

/// What counts how many of it there are.
struct Held(Vec<u8>, Arc<AtomicUsize>);

impl Held {
    fn chunk(byte: u8, length: usize, count: &Arc<AtomicUsize>) -> Bytes {
        count.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Self(vec![byte; length], count.clone()))
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

const CHUNK: usize = 128 << 10;

/// A picture of so many chunks, each made when it is asked for.
fn large_picture(chunks: usize, held: &Arc<AtomicUsize>) -> Events {
    let before = vec![
        GenerationEvent::Started,
        GenerationEvent::Decided { delivered: 1, people: None },
        head(0, (chunks * CHUNK) as u64, ""),
    ];
    let held = held.clone();
    let chunks =
        stream::iter(0..chunks).map(move |_| GenerationEvent::ImageChunk(Held::chunk(7, CHUNK, &held)));
    let after = vec![GenerationEvent::ImageFinished { index: 0 }, finished()];
    stream::iter(before).chain(chunks).chain(stream::iter(after)).map(Ok).boxed()
}

/// Every dialect in every form that writes in its own way.
fn forms() -> Vec<(&'static str, String)> {
    let mut forms = Vec::new();
    for (path, body) in SMALLEST {
        for extra in [
            "{",
            r#"{"stream":true,"#,
            r#"{"modalities":["image"],"image_blocks":true,"#,
            r#"{"modalities":["image"],"image_blocks":true,"stream":true,"#,
        ] {
            forms.push((path, body.replacen('{', extra, 1)));
        }
    }
    forms
}

#[tokio::test]
async fn a_large_picture_is_never_held() {
    const CHUNKS: usize = 512;
    for (path, body) in forms() {
        let held = Arc::new(AtomicUsize::new(0));
        let count = held.clone();
        let stage = Stage::with(Settings::default(), move || Ok(large_picture(CHUNKS, &count)));
        let mut answer = stage.post(path, body.clone()).await.into_body();
        let mut written = 0;
        while let Some(frame) = answer.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            written += piece.len();
            assert!(held.load(Ordering::SeqCst) <= 1, "{path} {body} holds chunks back");
            assert!(piece.len() <= 2 * CHUNK, "{path} {body} wrote {} bytes at once", piece.len());
        }
        assert!(written > CHUNKS * CHUNK / 3 * 4, "{path} {body} wrote only {written} bytes");
    }
}

#[tokio::test]
async fn no_delta_of_markdown_is_longer_than_64_kib_and_together_they_are_the_picture() {
    for (path, body) in SMALLEST.into_iter().skip(1) {
        let stage = Stage::with(Settings::default(), || Ok(large_picture(3, &Arc::new(AtomicUsize::new(0)))));
        let body = body.replacen('{', r#"{"stream":true,"#, 1);
        let (_, _, text) = read(stage.post(path, body).await).await;
        let mut content = String::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let chunk: serde_json::Value = serde_json::from_str(&format!("{{{line}")).unwrap();
            let delta = [&chunk["choices"][0]["delta"]["content"], &chunk["delta"]["text"]];
            let delta = delta.into_iter().find_map(|text| text.as_str()).unwrap_or_default();
            assert!(delta.len() <= 64 << 10);
            content.push_str(delta);
        }
        let expected = STANDARD.encode(vec![7; 3 * CHUNK]);
        assert_eq!(content, format!("![image](data:image/png;base64,{expected})"));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_work() {
    for (path, body) in forms() {
        let held = Arc::new(AtomicUsize::new(0));
        let count = held.clone();
        let stage = Stage::with(Settings::default(), move || {
            // The work itself: it is over when this is dropped.
            let work = Held::chunk(0, 1, &count);
            let events = one_picture("").into_iter().take(4);
            Ok(stream::iter(events).chain(stream::pending()).map(move |event| (&work, event).1).boxed())
        });
        let mut answer = stage.post(path, body).await.into_body();
        answer.frame().await.unwrap().unwrap();
        assert_eq!(held.load(Ordering::SeqCst), 1);
        drop(answer);
        assert_eq!(held.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_begins_ends_the_work_too() {
    for (path, body) in forms() {
        let (begun, held) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, work) = (begun.clone(), held.clone());
        let stage = Stage::with(Settings::default(), move || {
            count.fetch_add(1, Ordering::SeqCst);
            let work = Held::chunk(0, 1, &work);
            Ok(stream::pending().map(move |event| (&work, event).1).boxed())
        });
        assert!(stage.post(path, body).now_or_never().is_none());
        assert_eq!((begun.load(Ordering::SeqCst), held.load(Ordering::SeqCst)), (1, 0), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_shows_signs_of_life_while_it_waits() {
    for (path, sign) in
        [(0, ": keep-alive\n\n"), (1, ": keep-alive\n\n"), (2, "event: ping\ndata: {\"type\":\"ping\"}\n\n")]
            .map(|(dialect, sign)| (SMALLEST[dialect], sign))
    {
        let (path, body) = path;
        let stage = Stage::with(Settings::default(), || {
            let rest =
                stream::once(tokio::time::sleep(Duration::from_secs(25))).filter_map(|()| async { None });
            let events = one_picture("").into_iter().skip(2);
            let begun = stream::iter([Ok(GenerationEvent::Started), Ok(GenerationEvent::Queued)]);
            Ok(begun.chain(rest).chain(stream::iter(events)).boxed())
        });
        let (_, _, text) = read(stage.post(path, body.replacen('{', r#"{"stream":true,"#, 1)).await).await;
        let before = text.split("iVBOR").next().unwrap();
        // One for the place in the queue, two for the 25 seconds; Claude's first ping follows its start.
        let expected = if path == "/v1/messages" { 4 } else { 3 };
        let (before, signs) = (before.split("![image]").next().unwrap(), before.matches(sign).count());
        assert_eq!(signs, expected, "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_although_nothing_is_known_yet() {
    for (path, body) in SMALLEST {
        let stage = Stage::with(Settings::default(), || Ok(stream::pending().boxed()));
        let answer = stage.post(path, body.replacen('{', r#"{"stream":true,"#, 1)).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert!(answer.into_body().frame().await.is_some());
    }
}

#[tokio::test]
async fn a_failure_between_events_is_an_event() {
    let failure = Failure::new(FailureKind::UpstreamOverloaded, "the provider is short of capacity");
    let events = vec![Ok(GenerationEvent::Started), Ok(GenerationEvent::Queued), Err(failure)];
    for (path, body) in SMALLEST {
        let stage = Stage::playing(events.clone());
        let (_, _, text) = read(stage.post(path, body.replacen('{', r#"{"stream":true,"#, 1)).await).await;
        insta::with_settings!({ omit_expression => true, snapshot_suffix => path.replace('/', "_") }, {
            insta::assert_snapshot!("failure_in_stream", text);
        });
    }
}

#[tokio::test]
async fn an_answer_that_fails_midway_breaks_off_and_never_looks_whole() {
    let broken: [Vec<Result<GenerationEvent, Failure>>; 4] = [
        vec![Err(Failure::new(FailureKind::Unavailable, "gone"))],
        vec![],
        vec![Ok(GenerationEvent::ImageFinished { index: 0 }), Ok(finished())],
        vec![Ok(chunk(b"more than the head promised"))],
    ];
    for ending in broken {
        let events: Vec<_> = one_picture("").into_iter().take(5).chain(ending).collect();
        for (path, body) in forms() {
            // Markdown streams can say it between their deltas.
            let can_say = body.contains("stream") && !body.contains("image_blocks") && path != SMALLEST[0].0;
            let answer = Stage::playing(events.clone()).post(path, body.clone()).await;
            let collected = answer.into_body().collect().await;
            match collected {
                Ok(whole) => {
                    let text = String::from_utf8(whole.to_bytes().to_vec()).unwrap();
                    assert!(can_say && text.contains(r#""error":{"#), "{path} {body}: {text}");
                }
                Err(_) => assert!(!can_say, "{path} {body}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_without_any_picture_is_the_failure_of_the_first() {
    let lost = Failure::new(FailureKind::ContentPolicy, "refused");
    let events = vec![
        Ok(GenerationEvent::Started),
        Ok(GenerationEvent::Decided { delivered: 0, people: None }),
        Ok(GenerationEvent::ImageFailed { index: 0, failure: lost }),
        Ok(finished()),
    ];
    for (path, body) in SMALLEST {
        assert_eq!(Stage::playing(events.clone()).post(path, Body::from(body)).await.status(), 400);
    }
}
