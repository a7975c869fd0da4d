//! Receiving whole packages.

use super::transfer::{self, Patience};
use super::wait::{Deadline, Poll};
use super::{Client, ClientError};
use crate::net::tls::drive;
use crate::protocol::{Framing, Step};
use crate::sys::transfer::Room;
use std::os::fd::AsFd;

/// What [`Client::next_package`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Package {
    /// The first bytes of [`Client::buffered`] are one.
    Whole { len: usize },
    /// It has `len` bytes, of which those of [`Client::buffered`] have come: make room for it and call
    /// [`Client::rest_of_package`].
    Begun { len: usize },
    /// Call the length function with [`Client::buffered`] and pass the answer to [`Client::measured`].
    Ask,
    /// The peer sends no more.
    End,
}

impl Client {
    #[must_use]
    pub fn framing(&self) -> &Framing {
        self.decoder.framing()
    }

    /// How packages end from now on.
    pub fn set_framing(&mut self, framing: Framing) {
        self.decoder.set_framing(framing);
    }

    /// Reads until there is a package, or something must be asked.
    pub fn next_package(&mut self, deadline: Option<Deadline>) -> Result<Package, ClientError> {
        self.settle(self.timeouts.read)?;
        let mut patience = match deadline {
            Some(deadline) => Patience::until(&Poll, deadline),
            None => Patience::fresh(&Poll, self.timeouts.read),
        };
        loop {
            let step = self.decoder.step().map_err(ClientError::Malformed)?;
            match self.package_of(step) {
                Ok(package) => return Ok(package),
                Err(bytes) if self.read_more(&mut patience, bytes)? => {}
                Err(_) => return Ok(Package::End),
            }
        }
    }

    /// After [`Package::Ask`]: None if it needs more, of which some was read.
    pub fn measured(
        &mut self,
        length: i64,
        deadline: Deadline,
    ) -> Result<Option<Package>, ClientError> {
        let step = self
            .decoder
            .answer(length)
            .map_err(ClientError::Malformed)?;
        let bytes = match self.package_of(step) {
            Ok(package) => return Ok(Some(package)),
            Err(bytes) => bytes,
        };
        let mut patience = Patience::until(&Poll, deadline);
        let more = self.read_more(&mut patience, bytes)?;
        Ok((!more).then_some(Package::End))
    }

    /// Err: so many bytes more are needed to say.
    fn package_of(&self, step: Step) -> Result<Package, usize> {
        match (step, self.decoder.expected()) {
            (Step::Package { len }, _) => Ok(Package::Whole { len }),
            (Step::Ask, _) => Ok(Package::Ask),
            (Step::NeedMore { .. }, Some(len)) => Ok(Package::Begun { len }),
            (Step::NeedMore { bytes }, None) => Err(bytes),
        }
    }

    fn read_more(
        &mut self,
        patience: &mut Patience<'_, Poll>,
        bytes: usize,
    ) -> Result<bool, ClientError> {
        let session = self.session()?;
        let mut room = Room::of(self.decoder.room(bytes));
        let got = match &session {
            Some(session) => drive::recv(patience, self.fd.as_fd(), session, &mut room),
            None => transfer::recv(patience, self.fd.as_fd(), &mut room, 0),
        };
        let got = self.noted(got)?;
        self.decoder.added(got);
        self.broken |= got == 0;
        Ok(got > 0)
    }

    /// The deadline of a call that reads packages and starts now.
    #[must_use]
    pub fn read_deadline(&self) -> Deadline {
        Deadline::after(self.timeouts.read)
    }

    /// What was received and not used.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.decoder.filled()
    }

    /// Forgets the first bytes of it.
    pub fn consume(&mut self, bytes: usize) {
        self.decoder.consume(bytes);
    }

    /// Whether a package can be had without reading.
    #[must_use]
    pub fn has_buffered_input(&self) -> bool {
        !self.decoder.filled().is_empty() && self.decoder.has_package()
    }

    /// After [`Package::Begun`]: fills the room, whose length that told; the first bytes come from the
    /// buffer. False: the stream ended within it. After a fault the next call begins it anew.
    pub fn rest_of_package(
        &mut self,
        room: &mut Room<'_>,
        deadline: Deadline,
    ) -> Result<bool, ClientError> {
        let had = room.put(self.decoder.filled());
        let mut patience = Patience::until(&Poll, deadline);
        let result = self.fill(&mut patience, room);
        match self.noted(result) {
            Ok(whole) => {
                self.broken |= !whole;
                self.decoder.completed_elsewhere();
                Ok(whole)
            }
            Err(error) => {
                self.decoder.extend(&room.filled()[had..]);
                Err(error)
            }
        }
    }
}
