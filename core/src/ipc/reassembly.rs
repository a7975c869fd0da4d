//! Messages larger than a ring: put together from parts.
//!
//! The parts of a message follow one another in one ring, so one [`Assembler`] per ring and one
//! message at a time is enough. A sender that dies leaves a beginning without an end: it is dropped
//! when its successor (another epoch) or another message begins, and its session is reported, because
//! bytes are missing there.

use std::borrow::Cow;

use super::message::{FIRST, Header, LAST};

/// Memory set aside when a message begins, whatever length its header says.
const FIRST_RESERVE_BYTES: usize = 1024 * 1024;

/// Why something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A part without a beginning.
    Orphan,
    /// The sender died, or began another message before it ended this one.
    Unfinished,
    /// Larger than the limit.
    TooLarge,
    /// The parts are not as long as the header says, or not of one message.
    Inconsistent,
}

/// A message that will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub session_id: u64,
    pub reason: Reason,
}

/// What a part led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Assembled<'a> {
    /// An earlier message that was given up.
    pub abandoned: Option<Dropped>,
    /// This message, refused. Said once; its other parts are skipped in silence.
    pub refused: Option<Dropped>,
    /// The whole message, if this was its last part: borrowed where it was the only one.
    pub message: Option<Cow<'a, [u8]>>,
}

#[derive(Debug)]
enum State {
    Idle,
    Filling {
        header: Header,
        bytes: Vec<u8>,
    },
    /// The rest of a refused message.
    Skipping {
        session_id: u64,
        epoch: u32,
    },
}

/// Puts the messages of one ring together.
#[derive(Debug)]
pub struct Assembler {
    max_bytes: usize,
    state: State,
}

impl Assembler {
    /// Messages of up to `max_bytes` are accepted.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            state: State::Idle,
        }
    }

    /// Takes the next record of the ring, as [`Header::read`] took it apart.
    pub fn push<'a>(&mut self, header: &Header, part: &'a [u8]) -> Assembled<'a> {
        let mut assembled = Assembled {
            abandoned: None,
            refused: None,
            message: None,
        };
        if header.has(FIRST) || self.epoch() != Some(header.epoch) {
            assembled.abandoned = self.abandon();
        }
        match if header.has(FIRST) {
            self.begin(header, part)
        } else {
            self.go_on(header, part)
        } {
            Ok(message) => assembled.message = message,
            Err(reason) => {
                assembled.refused = Some(drop_of(header.session_id, reason));
                if !header.has(LAST) {
                    self.state = State::Skipping {
                        session_id: header.session_id,
                        epoch: header.epoch,
                    };
                }
            }
        }
        assembled
    }

    /// Gives up what is unfinished: its sender is dead.
    pub fn abandon(&mut self) -> Option<Dropped> {
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Filling { header, .. } => Some(drop_of(header.session_id, Reason::Unfinished)),
            State::Idle | State::Skipping { .. } => None,
        }
    }

    /// Bytes held for an unfinished message.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Filling { bytes, .. } => bytes.len(),
            State::Idle | State::Skipping { .. } => 0,
        }
    }

    fn epoch(&self) -> Option<u32> {
        match &self.state {
            State::Idle => None,
            State::Filling { header, .. } => Some(header.epoch),
            State::Skipping { epoch, .. } => Some(*epoch),
        }
    }

    fn begin<'a>(&mut self, header: &Header, part: &'a [u8]) -> Result<Whole<'a>, Reason> {
        let len = header.len as usize;
        if len > self.max_bytes {
            return Err(Reason::TooLarge);
        }
        if (part.len() == len) != header.has(LAST) || part.len() > len {
            return Err(Reason::Inconsistent);
        }
        if header.has(LAST) {
            return Ok(Some(Cow::Borrowed(part)));
        }
        let mut bytes = Vec::with_capacity(len.min(FIRST_RESERVE_BYTES));
        bytes.extend_from_slice(part);
        self.state = State::Filling {
            header: *header,
            bytes,
        };
        Ok(None)
    }

    fn go_on<'a>(&mut self, header: &Header, part: &[u8]) -> Result<Whole<'a>, Reason> {
        let (first, mut bytes) = match core::mem::replace(&mut self.state, State::Idle) {
            State::Idle => return Err(Reason::Orphan),
            State::Skipping { session_id, epoch } => {
                if session_id != header.session_id {
                    return Err(Reason::Orphan);
                }
                if !header.has(LAST) {
                    self.state = State::Skipping { session_id, epoch };
                }
                return Ok(None);
            }
            State::Filling { header, bytes } => (header, bytes),
        };
        let len = bytes.len() + part.len();
        let whole = header.len as usize;
        let one_message = (first.session_id, first.kind, first.len)
            == (header.session_id, header.kind, header.len);
        if !one_message || len > whole || header.has(LAST) != (len == whole) {
            return Err(Reason::Inconsistent);
        }
        bytes.extend_from_slice(part);
        if header.has(LAST) {
            return Ok(Some(Cow::Owned(bytes)));
        }
        self.state = State::Filling {
            header: first,
            bytes,
        };
        Ok(None)
    }
}

type Whole<'a> = Option<Cow<'a, [u8]>>;

fn drop_of(session_id: u64, reason: Reason) -> Dropped {
    Dropped { session_id, reason }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::message::{Kind, parts};
    use super::*;

    fn header(session_id: u64, len: usize) -> Header {
        Header::new(Kind::Send, session_id, len as u32)
    }

    fn dropped(session_id: u64, reason: Reason) -> Option<Dropped> {
        Some(Dropped { session_id, reason })
    }

    #[test]
    fn a_message_in_one_part_is_not_copied() {
        let mut assembler = Assembler::new(10);
        let done = assembler.push(&header(1, 5), b"hello");
        assert!(matches!(done.message, Some(Cow::Borrowed(b"hello"))));
        let empty = assembler.push(&header(1, 0), b"");
        assert!(matches!(empty.message, Some(Cow::Borrowed(b""))));
    }

    #[test]
    fn parts_become_the_message() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for max_bytes in [1, 3, 333, 500, 999, 1000, 2000] {
            let mut assembler = Assembler::new(1000);
            let mut whole = None;
            for (header, part) in parts(header(1, 1000), &data, max_bytes) {
                assert_eq!(whole, None);
                let done = assembler.push(&header, part);
                assert_eq!((done.abandoned, done.refused), (None, None));
                whole = done.message.map(Cow::into_owned);
            }
            assert_eq!(whole.as_ref(), Some(&data));
            assert_eq!(assembler.held_bytes(), 0);
        }
    }

    #[test]
    fn an_unfinished_message_is_reported() {
        let data = [7; 10];
        let all: Vec<_> = parts(header(1, 10), &data, 4).collect();
        let mut assembler = Assembler::new(100);
        // Another message begins.
        assembler.push(&all[0].0, all[0].1);
        assert_eq!(assembler.held_bytes(), 4);
        let done = assembler.push(&header(2, 1), b"x");
        assert_eq!(done.abandoned, dropped(1, Reason::Unfinished));
        assert_eq!(done.message.as_deref(), Some(&b"x"[..]));
        // A successor goes on with a part of its own.
        assembler.push(&all[0].0, all[0].1);
        let mut later = all[1].0;
        later.epoch = 1;
        let done = assembler.push(&later, all[1].1);
        assert_eq!(done.abandoned, dropped(1, Reason::Unfinished));
        assert_eq!(done.refused, dropped(1, Reason::Orphan));
        // The end of the sender was noticed.
        assembler.push(&all[0].0, all[0].1);
        assert_eq!(assembler.abandon(), dropped(1, Reason::Unfinished));
        assert_eq!(assembler.abandon(), None);
    }

    #[test]
    fn a_refusal_is_said_once() {
        let data = [7; 20];
        let mut assembler = Assembler::new(10);
        let refused: Vec<_> = parts(header(1, 20), &data, 4)
            .filter_map(|(header, part)| assembler.push(&header, part).refused)
            .collect();
        assert_eq!(Some(refused[0]), dropped(1, Reason::TooLarge));
        assert_eq!(refused.len(), 1);
        // Without the first part, too.
        let mut assembler = Assembler::new(100);
        let refused: Vec<_> = parts(header(1, 20), &data, 4)
            .skip(1)
            .filter_map(|(header, part)| assembler.push(&header, part).refused)
            .collect();
        assert_eq!(refused, [dropped(1, Reason::Orphan).unwrap()]);
        let done = assembler.push(&header(2, 1), b"x");
        assert_eq!((done.abandoned, done.refused), (None, None));
        assert!(done.message.is_some());
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        let data = [7; 10];
        let all: Vec<_> = parts(header(1, 10), &data, 4).collect();
        let mut assembler = Assembler::new(100);
        assembler.push(&all[0].0, all[0].1);
        // The last part too early.
        let done = assembler.push(&all[2].0, all[2].1);
        assert_eq!(done.refused, dropped(1, Reason::Inconsistent));
        assert_eq!(assembler.held_bytes(), 0);
        // A part of another session.
        assembler.push(&all[0].0, all[0].1);
        let mut other = all[1].0;
        other.session_id = 9;
        let done = assembler.push(&other, all[1].1);
        assert_eq!(done.refused, dropped(9, Reason::Inconsistent));
    }
}
