//! What a connection has sent of packages that are not passed on yet.

use crate::log;
use crate::net::address::RawAddress;
use crate::protocol::framing::{Framing, Malformed, Progress, Rule, Step};
use crate::protocol::input::InputBuffer;

/// Bytes since the end of the last package that was passed on. Who reads only when no whole package is
/// left in it stays within the limit of a package and [`PackageBuffer::room`]'s `chunk_bytes`.
#[derive(Debug, Default)]
pub struct PackageBuffer {
    input: InputBuffer,
    progress: Progress,
    /// The length of the whole package at the start, 0 as long as none is known to be there.
    whole_bytes: usize,
}

impl PackageBuffer {
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    pub fn len(&self) -> usize {
        self.input.len()
    }

    /// A whole package was found and is not passed on.
    pub fn is_waiting(&self) -> bool {
        self.whole_bytes > 0
    }

    /// Room for the next read: for the rest of the package that is under way, or for `chunk_bytes` where
    /// its end is not known; never more than these at once, whatever length a client announces.
    pub fn room(&mut self, framing: &Framing, chunk_bytes: usize) -> &mut [u8] {
        let len = self.input.len();
        let most = match (self.progress.expected(), &framing.rule) {
            (Some(expected), _) => expected.saturating_sub(len),
            (None, Rule::EachMark(_) | Rule::LastMark(_)) => {
                (framing.max_bytes as usize).saturating_sub(len)
            }
            (None, _) => chunk_bytes,
        };
        self.input.room(most.clamp(1, chunk_bytes.max(1)))
    }

    pub fn added(&mut self, bytes: usize) {
        self.input.added(bytes);
    }

    /// The length of the whole package at the start, if there is one: see [`Self::front`].
    pub fn next(&mut self, framing: &Framing) -> Result<Option<usize>, Malformed> {
        // Where nobody can be asked no rule asks.
        self.next_asking(framing, |_| 0)
    }

    /// [`Self::next`], where a length function may have to be called with what has come.
    pub fn next_asking(
        &mut self,
        framing: &Framing,
        ask: impl FnOnce(&[u8]) -> i64,
    ) -> Result<Option<usize>, Malformed> {
        if self.whole_bytes == 0 {
            let mut step = framing.step(&mut self.progress, self.input.filled())?;
            if step == Step::Ask {
                let length = ask(self.input.filled());
                step = framing.answer(&mut self.progress, self.input.filled(), length)?;
            }
            match step {
                Step::Package { len } => self.whole_bytes = len,
                Step::NeedMore { .. } | Step::Ask => return Ok(None),
            }
        }
        Ok(Some(self.whole_bytes))
    }

    /// The package that [`Self::next`] found.
    pub fn front(&self) -> &[u8] {
        self.input
            .filled()
            .get(..self.whole_bytes)
            .unwrap_or_default()
    }

    /// It was passed on.
    pub fn consume(&mut self) {
        self.input.consume(self.whole_bytes);
        self.whole_bytes = 0;
    }

    /// Moves everything to a buffer that is as large as need be; this one is empty then.
    pub fn move_out(&mut self) -> PackageBuffer {
        let mut moved = PackageBuffer {
            input: InputBuffer::new(),
            progress: self.progress,
            whole_bytes: self.whole_bytes,
        };
        moved.input.extend(self.input.filled());
        self.clear();
        moved
    }

    /// Takes the package at the start out, with its memory, and keeps what stands behind it.
    pub fn take_package(&mut self) -> InputBuffer {
        let rest = self.input.filled().get(self.whole_bytes..);
        let mut behind = InputBuffer::new();
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            behind.extend(rest);
        }
        self.whole_bytes = 0;
        std::mem::replace(&mut self.input, behind)
    }

    pub fn clear(&mut self) {
        self.input.clear();
        self.progress = Progress::START;
        self.whole_bytes = 0;
    }
}

/// The line about a connection that is closed for what it sent.
pub(super) fn log_refused(
    session_id: u64,
    address: &RawAddress,
    malformed: &Malformed,
    held_bytes: usize,
) {
    log::warning(format_args!(
        "connection {session_id} is closed: {malformed}, {held_bytes} bytes held, remote_addr=<{}:{}>",
        address.ip(),
        address.port()
    ));
}
