//! Records made by hand: a trial in which all is well, until a test breaks something.

use std::time::Duration;

use domain::{
    AccountId, CallOutcome, ClientId, Fence, Grant, LeaseId, Limits, PersonGeneration, ProjectId, Provider,
    QuotaDomain, RequestId, Resolution, Timestamp, Usage,
    lease::{Acquired, Closing, LeaseRequest, Renewal},
};

use super::{Findings, Rule};
use crate::trial::record::{Answer, Asker, Call, End, Exchange, Moment, Question, Record, Told};

/// A call that drew.
pub(super) const DELIVERED: CallOutcome = CallOutcome::Delivered {
    images: 1,
    usage: Usage {
        input_text_tokens: 0,
        input_image_tokens: 0,
        output_text_tokens: 0,
        output_image_tokens: 0,
    },
};

/// Noon on a winter's day in California.
const NOON: Timestamp = Timestamp::from_millis(1_768_507_200_000);

/// A record, and the moment at which the next thing happens.
pub(super) struct Scene {
    pub(super) record: Record,
    pub(super) now: Timestamp,
    order: u64,
}

impl Default for Scene {
    fn default() -> Self {
        Self::with_limits(Limits::new(99, 99, 999, 99))
    }
}

impl Scene {
    /// A scene with one project of these limits.
    pub(super) fn with_limits(limits: Limits) -> Self {
        let projects = [("p".to_owned(), limits)].into();
        Self { record: Record { projects, generation_lives: 1, ..Record::default() }, now: NOON, order: 0 }
    }

    /// The same scene so many milliseconds after noon.
    pub(super) fn at(&mut self, millis: u64) -> &mut Self {
        self.now = NOON + Duration::from_millis(millis);
        self
    }

    /// The next moment.
    pub(super) fn moment(&mut self) -> Moment {
        self.order += 1;
        Moment { order: self.order, at: self.now }
    }

    /// A picture is drawn for a request.
    pub(super) fn call(&mut self, request: &str) -> &mut Call {
        self.record.calls.push(Call {
            at: self.now,
            account: "a".into(),
            project: "p".into(),
            model: "m".into(),
            prompt: request.into(),
            status: Some(200),
            fault: None,
            billed: true,
        });
        self.record.calls.last_mut().unwrap()
    }

    /// A picture is drawn on a lease of its own, and settled.
    pub(super) fn leased_call(&mut self, request: &str) -> &mut Call {
        let picture = u32::try_from(self.record.exchanges.len()).unwrap();
        let lease = self.grant(request, picture, 0);
        self.settle(lease, DELIVERED);
        self.call(request)
    }

    /// A lease is granted.
    pub(super) fn grant(&mut self, request: &str, picture: u32, attempt: u32) -> Grant {
        let id = LeaseId::for_attempt(&RequestId::new(request).unwrap(), picture, attempt);
        let asked = self.moment();
        let grant = Grant {
            id: id.clone(),
            account: AccountId::new("a").unwrap(),
            domain: QuotaDomain {
                provider: Provider::Gemini,
                project: ProjectId::new("p").unwrap(),
                model: "m".into(),
            },
            fence: Fence(asked.order),
            start_within: Duration::from_secs(2),
            expires_in: Duration::from_secs(45),
            credential: None,
        };
        let wish = LeaseRequest {
            ids: vec![id],
            request: RequestId::new(request).unwrap(),
            client: ClientId::new("c").unwrap(),
            model: "m".into(),
            resolution: Resolution::K1,
            excluded: vec![],
            person_generation: PersonGeneration::Allow,
            patience: Duration::ZERO,
            known_fence: None,
        };
        let told = Told::Acquired(Acquired::Granted(vec![grant.clone()]));
        self.exchange(asked, Question::Acquire(wish), told);
        grant
    }

    /// Changes what a lease was granted as.
    pub(super) fn edit_grant(&mut self, id: &str, change: impl Fn(&mut Grant)) {
        for exchange in &mut self.record.exchanges {
            if let Some((_, Told::Acquired(Acquired::Granted(grants)))) = &mut exchange.answer {
                grants.iter_mut().filter(|grant| grant.id.as_str() == id).for_each(&change);
            }
        }
    }

    /// A lease is renewed.
    pub(super) fn renew(&mut self, lease: &Grant) {
        let asked = self.moment();
        let told = Told::Renewed(Renewal::Active { expires_in: Duration::from_secs(45) });
        self.exchange(asked, Question::Renew(lease.id.clone()), told);
    }

    /// A lease is settled.
    pub(super) fn settle(&mut self, lease: Grant, outcome: CallOutcome) {
        let asked = self.moment();
        self.exchange(
            asked,
            Question::Settle(lease.id, lease.fence, outcome.into()),
            Told::Closed(Closing::Closed),
        );
    }

    /// A lease is given back.
    pub(super) fn release(&mut self, lease: Grant) {
        let asked = self.moment();
        self.exchange(asked, Question::Release(lease.id, lease.fence), Told::Closed(Closing::Closed));
    }

    /// Makes this the answer to the last thing that was asked.
    pub(super) fn told_last(&mut self, closing: Closing) {
        let last = self.record.exchanges.last_mut().unwrap();
        last.answer = last.answer.take().map(|(moment, _)| (moment, Told::Closed(closing)));
    }

    /// A client is answered.
    pub(super) fn answer(&mut self, request: &str, wanted: u32, delivered: u32, end: End) {
        let (prompt, request) = (request.to_owned(), Some(request.to_owned()));
        let (asked, ended) = (self.now, self.now);
        self.record.answers.push(Answer { prompt, request, asked, ended, wanted, delivered, end });
    }

    /// Takes a settlement out of the record.
    pub(super) fn unsay_settlement(&mut self, lease: &str) {
        self.record.exchanges.retain(
            |exchange| !matches!(&exchange.question, Question::Settle(id, ..) if id.as_str() == lease),
        );
    }

    /// The rules that one part of the checker finds broken.
    pub(super) fn breaks(&self, check: fn(&Record, &mut Findings)) -> Vec<Rule> {
        let mut found = Findings::default();
        check(&self.record, &mut found);
        found.0.into_iter().map(|violation| violation.rule).collect()
    }

    fn exchange(&mut self, asked: Moment, question: Question, told: Told) {
        let answer = Some((self.moment(), told));
        self.record.exchanges.push(Exchange { by: Asker::Worker, asked, question, answer });
    }
}
