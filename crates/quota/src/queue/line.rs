//! Who waits, and whose turn it is: pure.
//!
//! A client's own wishes are served in the order in which they came. Across clients the turn goes to the one that was
//! granted least since it has been waiting, counted in leases; one that comes anew begins where the others are, so
//! that it neither waits for what they had before nor profits from having had nothing.

use std::collections::{HashSet, VecDeque};

use domain::ClientId;

/// How many may wait for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Wishes of all clients together.
    pub waiting: usize,
    /// Wishes of one client.
    pub waiting_per_client: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { waiting: 1_000, waiting_per_client: 250 }
    }
}

/// Names one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// There is no place left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Wishes that wait, each with something that belongs to it.
#[derive(Debug)]
pub(crate) struct Line<T> {
    limits: QueueLimits,
    clients: Vec<Caller<T>>,
    /// The turn of the client that was served last.
    turn: u64,
    tickets: u64,
}

/// A client that waits, or that did and is ahead of its turn.
#[derive(Debug)]
struct Caller<T> {
    id: ClientId,
    turn: u64,
    waiters: VecDeque<Waiter<T>>,
}

/// One wish that waits.
#[derive(Debug)]
pub(crate) struct Waiter<T> {
    pub(crate) ticket: Ticket,
    /// How many leases are wished for.
    pub(crate) leases: u32,
    pub(crate) item: T,
}

impl<T> Line<T> {
    /// A line in which nobody waits.
    pub(crate) const fn new(limits: QueueLimits) -> Self {
        Self { limits, clients: Vec::new(), turn: 0, tickets: 0 }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters().next().is_none()
    }

    /// How many leases are waited for.
    pub(crate) fn leases(&self) -> u64 {
        self.waiters().map(|waiter| u64::from(waiter.leases)).sum()
    }

    /// Takes the last place among a client's own.
    pub(crate) fn enter(&mut self, client: &ClientId, leases: u32, item: T) -> Result<Ticket, Full> {
        let own = self.clients.iter().position(|caller| caller.id == *client);
        let waiting = own.map_or(0, |own| self.clients[own].waiters.len());
        if waiting >= self.limits.waiting_per_client || self.waiters().count() >= self.limits.waiting {
            return Err(Full);
        }
        let own = own.unwrap_or_else(|| {
            let newcomer = Caller { id: client.clone(), turn: self.turn, waiters: VecDeque::new() };
            self.clients.push(newcomer);
            self.clients.len() - 1
        });
        let caller = &mut self.clients[own];
        if caller.waiters.is_empty() {
            caller.turn = caller.turn.max(self.turn);
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        caller.waiters.push_back(Waiter { ticket, leases, item });
        Ok(ticket)
    }

    /// Whose turn it is, apart from those that were passed over.
    pub(crate) fn next(&self, passed: &HashSet<Ticket>) -> Option<&Waiter<T>> {
        let first =
            |caller: &'_ Caller<T>| caller.waiters.iter().position(|waiter| !passed.contains(&waiter.ticket));
        let fronts = self.clients.iter().filter_map(|caller| Some((caller, first(caller)?)));
        let (caller, waiter) = fronts.min_by_key(|(caller, _)| caller.turn)?;
        caller.waiters.get(waiter)
    }

    /// Every wish of the client that has this one.
    pub(crate) fn siblings(&self, ticket: Ticket) -> impl Iterator<Item = Ticket> + '_ {
        let own = self.clients.iter().find(|caller| caller.waiters.iter().any(|one| one.ticket == ticket));
        own.into_iter().flat_map(|caller| caller.waiters.iter().map(|waiter| waiter.ticket))
    }

    /// Takes out one that was granted what it wished for.
    pub(crate) fn serve(&mut self, ticket: Ticket) -> Option<T> {
        let (own, waiter) = self.take(ticket)?;
        let caller = &mut self.clients[own];
        self.turn = self.turn.max(caller.turn);
        caller.turn += u64::from(waiter.leases);
        self.forget();
        Some(waiter.item)
    }

    /// Takes out one that waits no longer.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let (_, waiter) = self.take(ticket)?;
        self.forget();
        Some(waiter.item)
    }

    /// Takes out everybody.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = T> + use<T> {
        let clients = std::mem::take(&mut self.clients);
        clients.into_iter().flat_map(|caller| caller.waiters).map(|waiter| waiter.item)
    }

    /// Everybody, client by client.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &Waiter<T>> {
        self.clients.iter().flat_map(|caller| &caller.waiters)
    }

    fn take(&mut self, ticket: Ticket) -> Option<(usize, Waiter<T>)> {
        self.clients.iter_mut().enumerate().find_map(|(own, caller)| {
            let place = caller.waiters.iter().position(|waiter| waiter.ticket == ticket)?;
            Some((own, caller.waiters.remove(place)?))
        })
    }

    /// Forgets clients that do not wait, once the others have caught up with them, or nobody waits at all.
    fn forget(&mut self) {
        if self.is_empty() {
            self.clients.clear();
        }
        let turn = self.turn;
        self.clients.retain(|caller| !caller.waiters.is_empty() || caller.turn > turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientId {
        ClientId::new(name).unwrap()
    }

    fn line(entries: &[(&str, u32)]) -> Line<String> {
        let mut line = Line::new(QueueLimits::default());
        for (number, (name, leases)) in entries.iter().enumerate() {
            line.enter(&client(name), *leases, format!("{name}{number}")).unwrap();
        }
        line
    }

    fn serve_all(line: &mut Line<String>) -> Vec<String> {
        let mut served = vec![];
        while let Some(ticket) = line.next(&HashSet::new()).map(|waiter| waiter.ticket) {
            served.extend(line.serve(ticket));
        }
        served
    }

    #[test]
    fn clients_take_turns_and_each_ones_own_wishes_keep_their_order() {
        let mut line = line(&[("a", 1), ("a", 1), ("a", 1), ("b", 1), ("b", 1), ("c", 1)]);
        assert_eq!(serve_all(&mut line), ["a0", "b3", "c5", "a1", "b4", "a2"]);
    }

    #[test]
    fn turns_are_counted_in_leases() {
        let mut line = line(&[("a", 3), ("a", 3), ("b", 1), ("b", 1), ("b", 1), ("b", 1)]);
        assert_eq!(serve_all(&mut line), ["a0", "b2", "b3", "b4", "a1", "b5"]);
    }

    #[test]
    fn one_that_comes_back_again_and_again_gets_no_more_than_its_share() {
        let mut line = line(&[("a", 1), ("a", 1), ("a", 1), ("a", 1), ("b", 1)]);
        let mut served = vec![];
        for _ in 0..6 {
            let waiter = line.next(&HashSet::new()).unwrap();
            let (ticket, of_b) = (waiter.ticket, waiter.item.starts_with('b'));
            served.extend(line.serve(ticket).map(|item| item[..1].to_owned()));
            if of_b {
                line.enter(&client("b"), 1, "b".into()).unwrap();
            }
        }
        assert_eq!(served, ["a", "b", "a", "b", "a", "b"]);
    }

    #[test]
    fn one_that_is_passed_over_keeps_its_place() {
        let mut line = line(&[("a", 1), ("a", 1), ("b", 1)]);
        let first = line.next(&HashSet::new()).unwrap().ticket;
        let next = |line: &Line<String>, passed: &[Ticket]| {
            line.next(&passed.iter().copied().collect()).map(|waiter| waiter.item.clone())
        };
        assert_eq!(next(&line, &[first]), Some("a1".into()));
        let all_of_a: Vec<_> = line.siblings(first).collect();
        assert_eq!(next(&line, &all_of_a), Some("b2".into()));
        line.leave(first);
        assert_eq!(serve_all(&mut line), ["a1", "b2"]);
    }

    #[test]
    fn neither_one_client_nor_all_together_hold_more_places_than_there_are() {
        let mut line = Line::new(QueueLimits { waiting: 3, waiting_per_client: 2 });
        let first = line.enter(&client("a"), 1, ()).unwrap();
        line.enter(&client("a"), 1, ()).unwrap();
        assert_eq!(line.enter(&client("a"), 1, ()), Err(Full));
        line.enter(&client("b"), 1, ()).unwrap();
        assert_eq!(line.enter(&client("c"), 1, ()), Err(Full));
        line.leave(first);
        assert!(line.enter(&client("c"), 1, ()).is_ok());
    }
}
