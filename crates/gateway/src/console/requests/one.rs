//! One request, as its own page shows it.

use domain::{
    Dialect, Provider, Timestamp, Usage,
    activity::{AttemptOutcome, AttemptRecord, ImageFacts, PictureRecord},
};

use super::{
    row::{Entry, state},
    scale::{Scale, Stretch, Tick},
    words::{bytes, dollars, span, title},
};

/// What is shown of it.
pub(crate) struct One {
    pub(crate) id: String,
    pub(crate) trace: Option<String>,
    /// As in lists.
    pub(crate) state: &'static str,
    pub(crate) outcome: String,
    pub(crate) begun_at: Timestamp,
    pub(crate) took: String,
    pub(crate) client: String,
    pub(crate) dialect: Option<&'static str>,
    pub(crate) model: String,
    pub(crate) spec: String,
    pub(crate) came: usize,
    pub(crate) asked: u32,
    pub(crate) cost: String,
    pub(crate) prompt: Option<String>,
    /// Whether there may be more to tell.
    pub(crate) open: bool,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) pictures: Vec<Picture>,
}

/// One of its pictures.
pub(crate) struct Picture {
    pub(crate) number: usize,
    /// What came, in words.
    pub(crate) image: Option<String>,
    /// Why it did not come.
    pub(crate) failure: Option<String>,
    pub(crate) attempts: Vec<Attempt>,
}

/// One attempt at a picture.
pub(crate) struct Attempt {
    pub(crate) number: usize,
    pub(crate) account: Option<String>,
    /// Whose quota it spends, and whom it calls.
    pub(crate) place: String,
    pub(crate) lease: Option<String>,
    pub(crate) outcome: String,
    /// `good`, `bad` or `open`.
    pub(crate) tone: &'static str,
    /// The provider's own words.
    pub(crate) words: Option<String>,
    /// What it means for the caller.
    pub(crate) failure: Option<String>,
    pub(crate) possibly_billed: bool,
    pub(crate) cost: String,
    pub(crate) tokens: String,
    pub(crate) line: Vec<Stretch>,
    /// The same in words.
    pub(crate) told: String,
}

impl One {
    /// How a request that is remembered stands now.
    pub(crate) fn of(entry: &Entry, now: Timestamp) -> Self {
        let record = &entry.record;
        let until = record.end.map_or(now, |end| end.at);
        let last = record.attempts().flat_map(|attempt| moments(attempt, now)).max().unwrap_or(until);
        let scale = Scale::between(record.begun_at, until.max(last));
        let picture = |(index, picture)| Picture::of(index + 1, picture, scale, now);
        let settled =
            record.attempts().all(|attempt| attempt.lease.is_none() || attempt.settled_at.is_some());
        Self {
            id: record.id.to_string(),
            trace: record.trace.clone(),
            state: state(record),
            outcome: title(state(record)),
            begun_at: record.begun_at,
            took: span(until.since(record.begun_at)),
            client: record.client.to_string(),
            dialect: record.dialect.map(|dialect| match dialect {
                Dialect::OpenAiImages => "OpenAI Images",
                Dialect::OpenAiChat => "OpenAI Chat",
                Dialect::ClaudeMessages => "Claude Messages",
            }),
            model: record.model.clone(),
            spec: format!("{} · {}", record.spec.aspect_ratio, record.spec.resolution),
            came: record.came(),
            asked: record.count.get(),
            cost: dollars(record.cost_micro_usd()),
            prompt: record.prompt.clone(),
            open: !(record.is_over() && settled),
            ticks: scale.ticks(),
            pictures: record.pictures.iter().enumerate().map(picture).collect(),
        }
    }
}

impl Picture {
    fn of(number: usize, record: &PictureRecord, scale: Scale, now: Timestamp) -> Self {
        let attempt = |(index, attempt)| Attempt::of(index + 1, attempt, scale, now);
        Self {
            number,
            image: record.image.as_ref().map(described),
            failure: record.failure.map(|kind| title(kind.as_str())),
            attempts: record.attempts.iter().enumerate().map(attempt).collect(),
        }
    }
}

impl Attempt {
    fn of(number: usize, record: &AttemptRecord, scale: Scale, now: Timestamp) -> Self {
        let line = line(record, scale, now);
        let told: Vec<_> = line.iter().map(|part| format!("{} {}", part.what, part.took)).collect();
        let lease = record.lease.as_ref();
        let provider = |provider| match provider {
            Provider::Gemini => "Gemini API",
            Provider::Vertex => "Vertex AI",
        };
        Self {
            number,
            account: lease.map(|lease| lease.account.to_string()),
            place: lease
                .map(|lease| format!("{} · {}", lease.project, provider(lease.provider)))
                .unwrap_or_default(),
            lease: lease.map(|lease| lease.id.to_string()),
            outcome: record.outcome.map_or_else(|| going(record).to_owned(), |it| title(it.as_str())),
            tone: match record.outcome {
                None => "open",
                Some(AttemptOutcome::DELIVERED) => "good",
                Some(_) => "bad",
            },
            words: record.words.clone(),
            failure: record.failure.map(|kind| title(kind.as_str())),
            possibly_billed: record.outcome.is_some_and(AttemptOutcome::possibly_billed),
            cost: dollars(record.cost_micro_usd),
            tokens: tokens(&record.tokens),
            line,
            told: told.join(", "),
        }
    }
}

/// What went on one after the other.
fn line(record: &AttemptRecord, scale: Scale, now: Timestamp) -> Vec<Stretch> {
    let over = record.answered_at;
    let leased_at = record.lease.as_ref().map(|lease| lease.at);
    let mut line = vec![scale.stretch("queued", (record.queued_at, leased_at.or(over)), now)];
    if let Some(leased_at) = leased_at {
        line.push(scale.stretch("leased", (leased_at, record.called_at.or(over)), now));
    }
    if let Some(called_at) = record.called_at {
        line.push(scale.stretch("called", (called_at, record.first_byte_at.or(over)), now));
    }
    if let Some(first_byte_at) = record.first_byte_at {
        line.push(scale.stretch("answering", (first_byte_at, over), now));
    }
    if let (Some(_), Some(over)) = (leased_at, over) {
        line.push(scale.stretch("settling", (over, record.settled_at), now));
    }
    line
}

/// Everything that has a time.
fn moments(attempt: &AttemptRecord, now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let open = attempt.answered_at.is_none() || (attempt.lease.is_some() && attempt.settled_at.is_none());
    [attempt.answered_at, attempt.settled_at, open.then_some(now)].into_iter().flatten()
}

fn going(record: &AttemptRecord) -> &'static str {
    match record {
        AttemptRecord { lease: None, .. } => "Waiting for an account",
        AttemptRecord { called_at: None, .. } => "Leased",
        AttemptRecord { first_byte_at: None, .. } => "Drawing",
        _ => "Answering",
    }
}

fn described(image: &ImageFacts) -> String {
    let (width, height) = (image.size.width(), image.size.height());
    let kind = image.media_type.as_str().trim_start_matches("image/").to_uppercase();
    format!("{width} × {height} px · {kind} · {}", bytes(image.length))
}

fn tokens(usage: &Usage) -> String {
    match (usage.input_tokens(), usage.output_tokens()) {
        (0, 0) => String::new(),
        (read, written) => format!("{read} read, {written} written"),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use domain::{
        AccountId, AspectRatio, ClientId, FailureKind, ImageCount, LeaseId, MediaType, PictureSpec,
        PixelSize, ProjectId, RequestId, Resolution,
        activity::{LeaseFacts, RequestEnd, RequestOutcome, RequestRecord},
    };

    use super::*;

    const BEGUN: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn after(millis: u64) -> Timestamp {
        BEGUN + Duration::from_millis(millis)
    }

    fn attempt(from: u64, outcome: Option<&str>) -> AttemptRecord {
        let lease = LeaseFacts {
            at: after(from + 100),
            id: LeaseId::new("r/0/0").unwrap(),
            account: AccountId::new("a").unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Vertex,
        };
        AttemptRecord {
            lease: Some(lease),
            called_at: Some(after(from + 200)),
            answered_at: outcome.map(|_| after(from + 1_000)),
            settled_at: outcome.map(|_| after(from + 1_000)),
            outcome: outcome.map(|word| word.parse().unwrap()),
            failure: outcome.filter(|word| *word != "delivered").map(|_| FailureKind::UpstreamOverloaded),
            ..AttemptRecord::queued(after(from))
        }
    }

    fn entry(attempts: Vec<AttemptRecord>, outcome: Option<RequestOutcome>) -> Entry {
        let image =
            ImageFacts { media_type: MediaType::Png, size: PixelSize::new(8, 4).unwrap(), length: 12 };
        let came = outcome == Some(RequestOutcome::Delivered);
        let record = RequestRecord {
            id: RequestId::new("r").unwrap(),
            trace: None,
            client: ClientId::new("studio").unwrap(),
            dialect: None,
            model: "m".into(),
            spec: PictureSpec { aspect_ratio: AspectRatio::SQUARE, resolution: Resolution::K4 },
            count: ImageCount::new(1).unwrap(),
            prompt: None,
            begun_at: BEGUN,
            end: outcome.map(|outcome| RequestEnd { at: after(4_000), outcome }),
            pictures: vec![PictureRecord { attempts, image: came.then_some(image), failure: None }],
        };
        Entry::new(Arc::from("here"), record, None)
    }

    #[test]
    fn every_attempt_has_its_own_time_line_on_the_scale_of_the_request() {
        let attempts = vec![attempt(0, Some("overloaded")), attempt(2_000, Some("delivered"))];
        let one = One::of(&entry(attempts, Some(RequestOutcome::Delivered)), after(9_000));
        let [first, second] = &one.pictures[0].attempts[..] else { panic!("two attempts") };
        assert_eq!(first.told, "queued 100 ms, leased 100 ms, called 800 ms, settling 0 ms");
        assert_eq!(
            (first.outcome.as_str(), first.failure.as_deref()),
            ("Overloaded", Some("Upstream overloaded"))
        );
        let called = &second.line[2];
        assert_eq!((called.what, called.left, called.width), ("called", 55.0, 20.0), "of four seconds");
        assert_eq!(one.pictures[0].image.as_deref(), Some("8 × 4 px · PNG · 12 B"));
        assert!(!one.open);
    }

    #[test]
    fn what_goes_on_goes_on_until_now() {
        let one = One::of(&entry(vec![attempt(0, None)], None), after(5_000));
        let attempt = &one.pictures[0].attempts[0];
        assert!(one.open && attempt.line.last().unwrap().open);
        assert_eq!(
            (attempt.told.as_str(), one.took.as_str()),
            ("queued 100 ms, leased 100 ms, called 4.8 s", "5.0 s")
        );
    }
}
