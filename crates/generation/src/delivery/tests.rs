use bytes::Bytes;
use proto::limits::CHUNK;

use super::*;
use crate::upstream::TiledImage;

/// A whole PNG of one pixel, followed by so many bytes of anything but a picture's end.
fn image(length: usize) -> TiledImage {
    let head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00";
    let mut bytes = head.to_vec();
    bytes.resize(length - 8, 7);
    bytes.extend_from_slice(b"IEND\xae\x42\x60\x82");
    TiledImage::inspect(bytes.chunks(CHUNK).map(Bytes::copy_from_slice).collect()).unwrap()
}

fn drawn(index: u32, length: usize) -> Picture {
    let usage = Usage { output_image_tokens: 1, ..Usage::default() };
    let drawn = Drawn { image: image(length), caption: String::new(), usage };
    Picture { index, result: Ok(drawn), wasted: Usage::default(), people: None }
}

fn failed(index: u32, kind: FailureKind) -> Picture {
    let wasted = Usage { input_text_tokens: 1, ..Usage::default() };
    Picture { index, result: Err(Failure::new(kind, "no")), wasted, people: None }
}

/// The events of these pictures, each as a short word.
async fn told(gather: bool, pictures: Vec<Picture>) -> Vec<String> {
    let (sender, mut receiver) = mpsc::channel(1000);
    let mut delivery = Delivery::new(sender, gather);
    delivery.start().await.unwrap();
    for picture in pictures {
        delivery.take(picture).await.unwrap();
    }
    delivery.decide().await.unwrap();
    delivery.finish().await.unwrap();
    let mut words = Vec::new();
    while let Some(parcel) = receiver.recv().await {
        words.extend(parcel.events().map(|event| match event {
            Ok(GenerationEvent::Started) => "start".to_owned(),
            Ok(GenerationEvent::Queued) => "queued".to_owned(),
            Ok(GenerationEvent::Decided { delivered, people }) => {
                let people = people.map(|people| format!(" {}", people.as_str())).unwrap_or_default();
                format!("decided {delivered}{people}")
            }
            Ok(GenerationEvent::ImageStarted(head)) => format!("begin {}", head.index),
            Ok(GenerationEvent::ImageChunk(bytes)) => format!("{}", bytes.len()),
            Ok(GenerationEvent::ImageFinished { index }) => format!("end {index}"),
            Ok(GenerationEvent::ImageFailed { index, .. }) => format!("failed {index}"),
            Ok(GenerationEvent::Finished { usage }) => format!("finish {}", usage.total_tokens()),
            Err(failure) => format!("error {}", failure.kind),
        }));
    }
    words
}

#[tokio::test]
async fn pictures_come_in_the_order_they_are_ready_and_whole() {
    let words = told(false, vec![drawn(1, CHUNK + 50), drawn(0, 50)]).await;
    let chunk = CHUNK.to_string();
    assert_eq!(words, ["start", "begin 1", &chunk, "50", "end 1", "begin 0", "50", "end 0", "finish 2"]);
}

#[tokio::test]
async fn failures_before_the_first_picture_follow_once_there_is_one() {
    let pictures = vec![failed(1, FailureKind::NoImage), drawn(0, 50), failed(2, FailureKind::NoImage)];
    assert_eq!(
        told(false, pictures).await,
        ["start", "failed 1", "begin 0", "50", "end 0", "failed 2", "finish 3"]
    );
}

#[tokio::test]
async fn people_are_kept_out_as_well_as_out_of_the_worst_of_the_pictures() {
    use Enforcement::{Instruction, Native};
    for (people, word) in [
        ([Some(Native), Some(Native)], "decided 2 native"),
        ([Some(Native), Some(Instruction)], "decided 2 instruction"),
        ([Some(Instruction), Some(Native)], "decided 2 instruction"),
        ([None, None], "decided 2"),
    ] {
        let pictures = (0..).zip(people).map(|(index, people)| Picture { people, ..drawn(index, 50) });
        assert_eq!(told(true, pictures.collect()).await[1], word);
    }
}

#[tokio::test]
async fn a_request_that_gathers_is_decided_before_its_first_byte_and_in_order() {
    let pictures =
        vec![failed(3, FailureKind::NoImage), drawn(2, 50), failed(1, FailureKind::NoImage), drawn(0, 50)];
    let words = told(true, pictures).await;
    assert_eq!(words[..4], ["start", "decided 2", "failed 1", "failed 3"]);
    assert_eq!(words[4..], ["begin 0", "50", "end 0", "begin 2", "50", "end 2", "finish 4"]);
}

#[tokio::test]
async fn a_request_without_any_picture_ends_with_its_first_pictures_failure() {
    for gather in [false, true] {
        let pictures = vec![failed(1, FailureKind::QuotaExhausted), failed(0, FailureKind::ContentPolicy)];
        assert_eq!(told(gather, pictures).await, ["start", "error content_policy"]);
    }
}

#[tokio::test]
async fn that_a_lost_picture_may_have_been_paid_for_is_told_before_any_other_failure() {
    let failures =
        [FailureKind::QuotaExhausted, FailureKind::UpstreamTimeout, FailureKind::UpstreamInterrupted];
    let pictures = (0..).zip(failures).map(|(index, kind)| failed(index, kind)).collect();
    assert_eq!(told(false, pictures).await, ["start", "error upstream_timeout"]);
}

#[tokio::test]
async fn who_does_not_read_is_waited_for_and_who_hung_up_is_not() {
    let (sender, mut receiver) = mpsc::channel(1);
    let delivering = tokio::spawn(async move {
        let mut delivery = Delivery::new(sender, false);
        for index in 0..10 {
            delivery.take(drawn(index, 50)).await?;
        }
        delivery.finish().await
    });
    for _ in 0..5 {
        receiver.recv().await.unwrap();
        tokio::task::yield_now().await;
        assert!(receiver.len() <= 1);
        assert!(!delivering.is_finished());
    }
    drop(receiver);
    assert_eq!(delivering.await.unwrap(), Err(HungUp));
}

#[tokio::test]
async fn chunks_are_the_pictures_own_tiles_each_freed_as_it_leaves() {
    let (sender, mut receiver) = mpsc::channel(1);
    let picture = drawn(0, 3 * CHUNK);
    let Ok(Drawn { image, .. }) = &picture.result else { panic!() };
    let tiles = image.tiles.clone();
    Delivery::new(sender, false).take(picture).await.unwrap();
    let mut left = 0;
    for event in receiver.recv().await.unwrap().events() {
        let Ok(GenerationEvent::ImageChunk(bytes)) = event else { continue };
        assert_eq!(bytes.as_ptr(), tiles[left].as_ptr());
        drop(bytes);
        left += 1;
        let held = tiles.iter().filter(|tile| !tile.is_unique()).count();
        assert_eq!(held, tiles.len() - left);
    }
    assert_eq!(left, 3);
}
