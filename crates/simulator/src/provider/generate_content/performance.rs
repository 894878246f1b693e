//! Carrying out an accepted task: strike, count, pause, answer.

use domain::PacificDay;
use tokio::time::sleep;

use super::{Api, drawing::Drawing, task::Task};
use crate::{
    Simulator,
    arrivals::Entry,
    provider::reply::Reply,
    script::{self, Content, Delivery, Fault, Flaw, Kind, Outage, Silence},
};

/// Decides what becomes of a task, and does it.
pub(in crate::provider) async fn perform<A: Api>(
    simulator: &Simulator,
    api: &A,
    task: Task,
    entry: &Entry,
) -> Reply {
    let script = simulator.script();
    let model = task.model.upstream_id(A::PROVIDER).unwrap_or(&task.model.name);
    let looked_at =
        script::Call { key: api.credential(), label: &task.caller.key, model, prompt: &task.prompt };
    let fault = script.strike(looked_at);
    let refused_anyway = matches!(fault, Some(Fault { kind: Kind::Refuse(_), .. }));
    if !refused_anyway && let Err(oversteps) = simulator.admit(A::PROVIDER, &task.caller, model) {
        return Reply::Refuse(api.over_quota(model, &oversteps));
    }
    entry.note(|arrival| {
        arrival.fault = fault.as_ref().map(|fault| fault.name);
        arrival.billed = fault.as_ref().map_or(task.wants_picture, |fault| fault.kind.bills());
    });
    let plan = match plan(fault, simulator, api, model) {
        Ok(plan) => plan,
        Err(reply) => return reply,
    };
    let drawing = Drawing {
        studio: simulator.studio(),
        pictures: script.pictures,
        task: &task,
        model,
        provider: A::PROVIDER,
        sequence: entry.sequence(),
    };
    let pause = sleep(script.latency.of(task.resolution));
    let (generated, ()) = tokio::join!(drawing.generate(&plan), pause);
    Reply::Answer { pieces: generated.into_pieces(api.framing()), delivery: plan.delivery }
}

/// How an answer departs from a good one.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) content: Option<Content>,
    pub(super) flaw: Option<Flaw>,
    delivery: Option<Delivery>,
}

/// The plan for a fault, or the reply where the fault leaves nothing to plan.
fn plan(fault: Option<Fault>, simulator: &Simulator, api: &impl Api, model: &str) -> Result<Plan, Reply> {
    let good = Plan::default();
    match fault.map(|fault| fault.kind) {
        None => Ok(good),
        Some(Kind::Content(content)) => Ok(Plan { content: Some(content), ..good }),
        Some(Kind::Flaw(flaw)) => Ok(Plan { flaw: Some(flaw), ..good }),
        Some(Kind::Delivery(delivery)) => Ok(Plan { delivery: Some(delivery), ..good }),
        Some(Kind::Outage(Outage::Internal)) => Err(Reply::Refuse(api.internal())),
        Some(Kind::Outage(Outage::Unavailable)) => Err(Reply::Refuse(api.unavailable())),
        Some(Kind::Outage(Outage::Html)) => Err(Reply::Html),
        Some(Kind::Silence(Silence::Hang)) => Err(Reply::Hang),
        Some(Kind::Silence(Silence::Reset)) => Err(Reply::Reset),
        Some(Kind::Refuse(refuse)) => {
            let now = simulator.now();
            let day_ends_in = PacificDay::of(now).end.since(now);
            Err(Reply::Refuse(api.commanded(refuse, model, day_ends_in)))
        }
    }
}
