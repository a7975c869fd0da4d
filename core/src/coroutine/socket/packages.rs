//! Receiving whole packages, lines, and bytes by way of the socket's buffer.

use super::{Failure, Fault, Interest, Operation, Socket, Waiter};
use crate::protocol::Step;
use crate::sys::transfer::{Room, SCRATCH_BYTES, with_scratch};

/// What [`Socket::next_package`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Package {
    /// The first bytes of the buffer are one: [`Socket::take`] them.
    Whole { len: usize },
    /// It has `len` bytes, of which those of the buffer have come: make room for it, and call
    /// [`Socket::rest_of_package`].
    Begun { len: usize },
    /// Call the length function with [`Socket::buffered`], and pass the answer to [`Socket::measured`].
    Ask,
    /// The peer sends no more.
    End,
}

/// It cannot be told yet.
struct NeedsMore;

impl Socket {
    /// Reads until there is a package, or something must be asked.
    pub fn next_package<W: Waiter>(
        &self,
        operation: &mut Operation<'_, W>,
    ) -> Result<Package, Failure> {
        loop {
            let step = self.decoder.borrow_mut().step();
            let step = step.map_err(|malformed| Failure::malformed(&malformed))?;
            match self.package_of(step) {
                Ok(package) => return Ok(package),
                Err(NeedsMore) if self.fill(operation)? => {}
                Err(NeedsMore) => return Ok(Package::End),
            }
        }
    }

    /// After [`Package::Ask`]: None if it needs more, of which some was read.
    pub fn measured<W: Waiter>(
        &self,
        operation: &mut Operation<'_, W>,
        length: i64,
    ) -> Result<Option<Package>, Failure> {
        let step = self.decoder.borrow_mut().answer(length);
        let step = step.map_err(|malformed| Failure::malformed(&malformed))?;
        match self.package_of(step) {
            Ok(package) => Ok(Some(package)),
            Err(NeedsMore) if self.fill(operation)? => Ok(None),
            Err(NeedsMore) => Ok(Some(Package::End)),
        }
    }

    fn package_of(&self, step: Step) -> Result<Package, NeedsMore> {
        match (step, self.decoder.borrow().expected()) {
            (Step::Package { len }, _) => Ok(Package::Whole { len }),
            (Step::Ask, _) => Ok(Package::Ask),
            (Step::NeedMore { .. }, Some(len)) => Ok(Package::Begun { len }),
            (Step::NeedMore { .. }, None) => Err(NeedsMore),
        }
    }

    /// After [`Package::Begun`]: fills the room, whose length that told; the first bytes come from the
    /// buffer. False: the stream ended within it. After a fault, what came is in the buffer again.
    pub fn rest_of_package<W: Waiter>(
        &self,
        operation: &mut Operation<'_, W>,
        room: &mut Room<'_>,
    ) -> Result<bool, Fault> {
        let had = room.put(self.decoder.borrow().filled());
        let result = operation.recv_all(room);
        let mut decoder = self.decoder.borrow_mut();
        match result {
            Ok(_) => decoder.completed_elsewhere(),
            Err(_) => decoder.extend(&room.filled()[had..]),
        }
        result
    }

    /// A copy of what was received and not used.
    #[must_use]
    pub fn buffered(&self) -> Vec<u8> {
        self.decoder.borrow().filled().to_vec()
    }

    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.decoder.borrow().filled().len()
    }

    /// Hands the first bytes of the buffer (at most all) to `f`, and forgets them.
    pub fn take<R>(&self, bytes: usize, f: impl FnOnce(&[u8]) -> R) -> R {
        let mut decoder = self.decoder.borrow_mut();
        let bytes = bytes.min(decoder.filled().len());
        let result = f(&decoder.filled()[..bytes]);
        decoder.consume(bytes);
        result
    }

    /// Hands the first bytes of the buffer (at most all) to `f`, which stay there.
    pub fn look<R>(&self, bytes: usize, f: impl FnOnce(&[u8]) -> R) -> R {
        let decoder = self.decoder.borrow();
        let filled = decoder.filled();
        f(&filled[..bytes.min(filled.len())])
    }

    /// Forgets what was received and not used: it makes no sense.
    pub fn forget_buffered(&self) {
        self.decoder.borrow_mut().reset();
    }

    /// Reads what there is into the buffer, which all calls that receive empty first: a package with what
    /// follows it costs one call. False: the peer sends no more.
    pub fn fill<W: Waiter>(&self, operation: &mut Operation<'_, W>) -> Result<bool, Fault> {
        let got = operation.transfer(Interest::Read, |wire| {
            with_scratch(|scratch| {
                let mut room = Room::of(scratch);
                let got = wire.recv(&mut room)?;
                self.decoder.borrow_mut().extend(room.filled());
                Ok(got)
            })
        })?;
        operation.received(got, SCRATCH_BYTES);
        Ok(got > 0)
    }

    /// The end of the line that starts the buffer: behind `\r` or `\n`, or `max_bytes`. None: it has not
    /// come yet.
    #[must_use]
    pub fn line_end(&self, max_bytes: usize) -> Option<usize> {
        let decoder = self.decoder.borrow();
        let filled = decoder.filled();
        let within = &filled[..filled.len().min(max_bytes)];
        match memchr::memchr2(b'\n', b'\r', within) {
            Some(at) => Some(at + 1),
            None => (within.len() == max_bytes).then_some(max_bytes),
        }
    }
}
