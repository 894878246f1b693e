//! One record of the journal: a word that is kept, or that one is struck out.
//!
//! `LENGTH u32 · CHECKSUM u32 · BODY`, where the body is `KIND u8 · TICKET u64`, for a kept word followed by the moment
//! it was said, in milliseconds as u64, and the word itself as it goes to the ledger. All numbers are little-endian;
//! the length and the checksum, a CRC-32, are the body's.

use domain::{Fence, LeaseId, Settlement, Timestamp};
use prost::Message as _;
use proto::v1::{ReleaseRequest, SettleRequest};

use super::Ticket;

/// The last word on a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastWord {
    /// The lease.
    pub(crate) lease: LeaseId,
    /// What it is held with.
    pub(crate) fence: Fence,
    /// How its call ended; none where nothing was sent.
    pub(crate) settlement: Option<Settlement>,
    /// When it was said first.
    pub(crate) at: Timestamp,
}

/// A record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    Kept(Ticket, LastWord),
    Struck(Ticket),
}

const SETTLED: u8 = 1;
const RELEASED: u8 = 2;
const STRUCK: u8 = 3;

/// Length and checksum, in bytes.
const HEAD: usize = 8;
/// No body is as long.
const LONGEST: usize = 4 << 10;

/// The record of a word that is kept.
pub(super) fn kept(ticket: Ticket, word: &LastWord) -> Vec<u8> {
    let kind = if word.settlement.is_some() { SETTLED } else { RELEASED };
    let wire = match word.settlement.clone() {
        Some(settlement) => SettleRequest::new(&word.lease, word.fence, settlement).encode_to_vec(),
        None => ReleaseRequest { lease_id: word.lease.to_string(), fence: word.fence.0 }.encode_to_vec(),
    };
    frame(kind, ticket, &[&word.at.as_millis().to_le_bytes(), &wire])
}

/// The record that a word is struck out.
pub(super) fn struck(ticket: Ticket) -> Vec<u8> {
    frame(STRUCK, ticket, &[])
}

fn frame(kind: u8, ticket: Ticket, rest: &[&[u8]]) -> Vec<u8> {
    let mut frame = vec![0; HEAD];
    frame.push(kind);
    frame.extend(ticket.0.to_le_bytes());
    for piece in rest {
        frame.extend_from_slice(piece);
    }
    let body = &frame[HEAD..];
    let (length, checksum) = (u32::try_from(body.len()).unwrap_or(u32::MAX), crc32fast::hash(body));
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..HEAD].copy_from_slice(&checksum.to_le_bytes());
    frame
}

impl Record {
    /// The record at the start of these bytes and its length; none where there is no whole one.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (length, rest) = number(bytes)?;
        let (checksum, rest) = number(rest)?;
        let length = usize::try_from(length).ok().filter(|length| (1..=LONGEST).contains(length))?;
        let body = rest.get(..length).filter(|body| crc32fast::hash(body) == checksum)?;
        Some((Self::of(body)?, HEAD + length))
    }

    fn of(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        let (ticket, rest) = rest.split_first_chunk()?;
        let ticket = Ticket(u64::from_le_bytes(*ticket));
        if *kind == STRUCK {
            return Some(Self::Struck(ticket));
        }
        let (at, wire) = rest.split_first_chunk()?;
        let at = Timestamp::from_millis(u64::from_le_bytes(*at));
        let (lease, fence, settlement) = match *kind {
            SETTLED => {
                let (lease, fence, settlement) = SettleRequest::decode(wire).ok()?.parse().ok()?;
                (lease, fence, Some(settlement))
            }
            RELEASED => {
                let (lease, fence) = ReleaseRequest::decode(wire).ok()?.parse().ok()?;
                (lease, fence, None)
            }
            _ => return None,
        };
        Some(Self::Kept(ticket, LastWord { lease, fence, settlement, at }))
    }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}
