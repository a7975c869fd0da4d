//! Messages of one reactor that are larger than a record of its ring, put together in the worker.
//!
//! A reactor thread that began one always ends it, with nothing between the parts. So what is cut is cut by
//! the death of the worker that took its beginning: its session stands in that worker's lane record from
//! the first part on, so the manager has it closed, and the successor skips the rest.

use std::borrow::Cow;

use super::context::Context;
use super::handler::Payload;
use super::serving::Serving;
use crate::ipc::message::{FIRST, Header};
use crate::ipc::reassembly::{Assembler, Dropped, Reason};
use crate::log;
use crate::shm::ring::Record;

/// The message of one reactor that is on its way.
#[derive(Debug)]
pub(super) struct LongMessage {
    assembler: Assembler,
    /// Its client is owed an end if this process dies now.
    serving: Option<Serving>,
}

/// What a part led to.
#[derive(Debug)]
pub(super) struct Taken {
    /// The message, with its last part.
    pub whole: Option<Vec<u8>>,
    /// Messages that will not come.
    pub lost: [Option<Dropped>; 2],
}

/// Closes the connections of messages that will not come: bytes are missing there. Runs user code.
pub(super) fn close_lost(context: &Context, lost: [Option<Dropped>; 2]) {
    for dropped in lost.into_iter().flatten() {
        let id = dropped.session_id;
        let why = match dropped.reason {
            Reason::Orphan => "the worker that took its beginning is dead",
            Reason::Unfinished => "its end is missing",
            Reason::TooLarge => "it is longer than package_max_length",
            Reason::Inconsistent => "its parts do not fit together",
        };
        log::notice(format_args!(
            "connection {id} is closed: a message of it is lost, as {why}"
        ));
        // A session that has ended by now needs no end.
        let _ = context.close(id, false);
    }
}

impl LongMessage {
    pub fn new(max_bytes: usize) -> Self {
        Self {
            assembler: Assembler::new(max_bytes),
            serving: None,
        }
    }

    /// Whether parts were taken and the last one is still to come: nobody else can end the message.
    pub fn is_open(&self) -> bool {
        self.assembler.held_bytes() > 0
    }

    /// Takes a part.
    pub fn take(&mut self, context: &Context, header: &Header, record: Record<'_>) -> Taken {
        if header.has(FIRST) {
            self.end(context);
            self.serving = Some(context.begin_serving(header.session_id));
        }
        let data = Payload::Ring(record);
        let assembled = self.assembler.push(header, data.bytes());
        let (abandoned, refused) = (assembled.abandoned, assembled.refused);
        let whole = assembled.message.map(Cow::into_owned);
        data.release();
        if refused.is_some() {
            self.end(context);
        }
        Taken {
            whole,
            lost: [abandoned, refused],
        }
    }

    /// The message is not on its way any more.
    pub fn end(&mut self, context: &Context) {
        if let Some(serving) = self.serving.take() {
            context.end_serving(serving);
        }
    }

    /// What stands for the message in the lane record, to be ended by the caller.
    pub fn take_serving(&mut self) -> Option<Serving> {
        self.serving.take()
    }
}
