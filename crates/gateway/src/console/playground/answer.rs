//! The pictures on their way to the page: each chunk leaves as it comes, and the next is taken when that has left.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use domain::{Clock, Failure, GenerationEvent, RequestId, Timestamp, catalog::Rate};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout};

use super::{
    pieces,
    told::{Stands, Told, Why},
};
use crate::{generator::Events, refusal::Refusal};

/// The pause after which something is said though nothing happened, so that nobody between closes the connection.
const ALIVE: Duration = Duration::from_secs(10);

/// How often it is looked where the pictures stand.
const LOOK: Duration = Duration::from_millis(250);

/// Tells where the pictures of a request stand, where that is known.
pub(super) type Look = Box<dyn Fn() -> Option<Stands> + Send>;

/// An answer that is being told.
pub(super) struct Answer {
    id: RequestId,
    rate: Rate,
    events: Events,
    look: Look,
    stands: Stands,
    delivered: u32,
    clock: Arc<dyn Clock>,
    begun: Timestamp,
    over: bool,
}

/// What is heard next.
enum Heard {
    /// What generation says; nothing where it says no more.
    Event(Option<Result<GenerationEvent, Failure>>),
    /// The pictures stand elsewhere.
    Change(Stands),
    /// Nothing for long enough.
    Nothing,
}

impl Answer {
    /// The answer to the request of this name, whose pictures cost this.
    pub(super) fn of(id: RequestId, rate: Rate, events: Events, look: Look, clock: Arc<dyn Clock>) -> Self {
        let (begun, stands) = (clock.now(), Stands::default());
        Self { id, rate, events, look, stands, delivered: 0, clock, begun, over: false }
    }

    /// The answer where not even a place in the queue was had.
    pub(super) fn failed(failure: &Failure) -> Body {
        pieces::words(&Told::Failed(Why::of(failure))).into()
    }

    /// What is sent. Dropped before its end it cancels the request.
    pub(super) fn body(self) -> Body {
        let asked = pieces::words(&Told::Asked { id: self.id.as_str() });
        let told = stream::unfold(self, |mut answer| async move { Some((answer.next().await?, answer)) });
        let pieces = stream::iter([asked]).chain(told.flat_map(stream::iter));
        Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>))
    }

    async fn next(&mut self) -> Option<Vec<Bytes>> {
        if self.over {
            return None;
        }
        Some(match self.listen().await {
            Heard::Event(event) => match event? {
                Ok(event) => self.tell(&event),
                Err(failure) => {
                    self.over = true;
                    Refusal::from(failure.clone()).log();
                    vec![pieces::words(&Told::Failed(Why::of(&failure)))]
                }
            },
            Heard::Change(stands) => {
                self.stands = stands;
                vec![pieces::words(&Told::Stands(stands))]
            }
            Heard::Nothing => vec![pieces::words(&Told::Alive)],
        })
    }

    async fn listen(&mut self) -> Heard {
        let begun = Instant::now();
        while begun.elapsed() < ALIVE {
            if let Ok(event) = timeout(LOOK, self.events.next()).await {
                return Heard::Event(event);
            }
            let told = self.stands;
            if let Some(stands) = (self.look)().filter(|stands| stands.is_telling() && *stands != told) {
                return Heard::Change(stands);
            }
        }
        Heard::Nothing
    }

    fn tell(&mut self, event: &GenerationEvent) -> Vec<Bytes> {
        let price = self.rate.price_micro_usd;
        let told = match event {
            GenerationEvent::ImageChunk(bytes) => return pieces::picture(bytes.clone()).into(),
            GenerationEvent::Decided { .. } => return Vec::new(),
            GenerationEvent::Started => Told::Started,
            GenerationEvent::Queued => Told::Queued,
            GenerationEvent::ImageStarted(head) => Told::picture(head, price),
            GenerationEvent::ImageFinished { index } => {
                self.delivered += 1;
                Told::Complete { index: *index }
            }
            GenerationEvent::ImageFailed { index, failure } => {
                Told::Lost { index: *index, why: Why::of(failure) }
            }
            GenerationEvent::Finished { usage } => {
                self.over = true;
                Told::Finished { cost_micro_usd: self.rate.price(self.delivered, usage.output_image_tokens) }
            }
        };
        vec![pieces::words(&told)]
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let ms = u64::try_from(self.clock.now().since(self.begun).as_millis()).unwrap_or(u64::MAX);
        let Self { id, delivered, over, .. } = self;
        tracing::info!(request_id = %id, pictures = *delivered, complete = *over, ms, "pictures for the playground");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use domain::{
        AccountId, AspectRatio, ClientId, ImageCount, ImageHead, LeaseId, ManualClock, MediaType,
        PictureSpec, PixelSize, ProjectId, Provider, Resolution, Usage,
        activity::{AttemptRecord, LeaseFacts, PictureRecord, RequestRecord},
    };
    use http_body_util::BodyExt as _;

    use super::*;

    fn answer(events: Events) -> Body {
        let rate = Rate { resolution: Resolution::K1, tokens: 1120, price_micro_usd: 134_000 };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let drawn = Arc::new(AtomicBool::new(false));
        let look = move || Some(stands(drawn.swap(true, Ordering::SeqCst)));
        Answer::of(RequestId::new("req_0").unwrap(), rate, events, Box::new(look), clock).body()
    }

    /// One picture, which waits or is drawn.
    fn stands(drawn: bool) -> Stands {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let lease = LeaseFacts {
            at,
            id: LeaseId::new("req_0/0/0").unwrap(),
            account: AccountId::new("a").unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Gemini,
        };
        let queued = AttemptRecord::queued(at);
        let called = AttemptRecord { lease: Some(lease), called_at: Some(at), ..queued.clone() };
        let attempts = vec![if drawn { called } else { queued }];
        let record = RequestRecord {
            id: RequestId::new("req_0").unwrap(),
            trace: None,
            client: ClientId::new("console").unwrap(),
            dialect: None,
            model: "m".into(),
            spec: PictureSpec { aspect_ratio: AspectRatio::SQUARE, resolution: Resolution::K1 },
            count: ImageCount::ONE,
            prompt: None,
            begun_at: at,
            end: None,
            pictures: vec![PictureRecord { attempts, ..PictureRecord::default() }],
        };
        Stands::of(&record, 3)
    }

    async fn text(body: Body) -> String {
        let bytes = body.collect().await.unwrap().to_bytes();
        let shown = bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '·' });
        shown.collect()
    }

    #[tokio::test]
    async fn a_picture_is_passed_on_in_its_chunks_between_the_words() {
        let head = ImageHead {
            index: 0,
            media_type: MediaType::Png,
            size: PixelSize::new(1376, 768).unwrap(),
            length: 5,
            caption: String::new(),
        };
        let events = [
            GenerationEvent::Started,
            GenerationEvent::ImageStarted(head),
            GenerationEvent::ImageChunk(Bytes::from_static(b"one")),
            GenerationEvent::ImageChunk(Bytes::from_static(b"tw")),
            GenerationEvent::ImageFinished { index: 0 },
            GenerationEvent::Finished { usage: Usage { output_image_tokens: 2240, ..Usage::default() } },
        ];
        let told = text(answer(stream::iter(events.map(Ok)).boxed())).await;
        assert!(told.contains(r#""width":1376,"height":768"#), "{told}");
        assert!(told.contains("·····one·····tw·"), "{told}");
        assert!(told.ends_with(r#"{"event":"finished","cost_micro_usd":268000}"#), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_request_shows_that_it_is_alive_and_a_failure_says_what_it_may_have_cost() {
        let events = stream::once(async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Err(Failure::new(domain::FailureKind::UpstreamTimeout, "the provider did not answer"))
        });
        let told = text(answer(events.boxed())).await;
        assert!(
            told.contains(r#"{"event":"alive"}"#) && told.contains(r#""possibly_billed":true"#),
            "{told}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_pictures_stand_is_told_once_for_each_change() {
        let events = stream::once(async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(GenerationEvent::Finished { usage: Usage::default() })
        });
        let told = text(answer(events.boxed())).await;
        let stands = |queued: u8, drawing: u8, waiting: u8| {
            format!(
                r#"{{"event":"stands","queued":{queued},"leased":0,"drawing":{drawing},"coming":0,"waiting":{waiting}}}"#
            )
        };
        let (waits, drawn) = (stands(1, 0, 3), stands(0, 1, 0));
        assert_eq!((told.matches(&waits).count(), told.matches(&drawn).count()), (1, 1), "{told}");
        assert!(told.find(&waits) < told.find(&drawn), "{told}");
    }
}
