//! The calls of a client that an event loop drives. None of them waits.

use super::transfer;
use super::wait::Fault;
use super::{Client, ClientError, Link};
use crate::net::address::Address;
use crate::protocol::Step;
use crate::protocol::decoder::CHUNK_BYTES;
use crate::sys::socket;
use crate::sys::transfer::{self as calls, Room};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// A call reads at most so much of a package whose length is known: room is made for what comes, not for
/// what a peer says will come.
const MAX_READ_BYTES: usize = 256 * 1024;

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Arrival {
    /// Something; `more`: there may be more already.
    Bytes {
        more: bool,
    },
    Nothing,
    /// The peer sends no more.
    End,
}

impl Client {
    /// Starts to connect a stream; true: the connection stands already.
    pub fn start(&mut self, address: &Address) -> Result<bool, ClientError> {
        self.link = Link::Pending;
        Ok(transfer::start_connect(self.fd.as_fd(), address.as_sys())?)
    }

    /// A socket that connects has become writable: an error if that has failed.
    pub fn check(&mut self) -> Result<(), ClientError> {
        match socket::take_error(&self.fd)? {
            0 => Ok(()),
            errno => Err(Fault::Os(errno).into()),
        }
    }

    /// The connection stands, that through a proxy included.
    pub fn opened(&mut self) {
        self.link = Link::Up;
    }

    /// Reads what there is.
    pub fn read_now(&mut self) -> Result<Arrival, ClientError> {
        let missing = match self.decoder.expected() {
            Some(len) => len.saturating_sub(self.decoder.filled().len()),
            None => 0,
        };
        let wanted = missing.clamp(CHUNK_BYTES, MAX_READ_BYTES);
        let mut room = Room::of(self.decoder.room(wanted));
        match calls::recv(self.fd.as_fd(), &mut room, libc::MSG_DONTWAIT) {
            Ok(0) => Ok(Arrival::End),
            Ok(got) => {
                self.decoder.added(got);
                let more = got == wanted;
                Ok(Arrival::Bytes { more })
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Arrival::Nothing),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Looks for a package in what was read: the first bytes of [`Client::buffered`].
    pub fn step(&mut self) -> Result<Step, ClientError> {
        self.decoder.step().map_err(ClientError::Malformed)
    }

    /// After [`Step::Ask`].
    pub fn answer(&mut self, length: i64) -> Result<Step, ClientError> {
        self.decoder.answer(length).map_err(ClientError::Malformed)
    }

    /// Receives a datagram; None: there is none.
    pub fn take_datagram(&mut self, room: &mut Room<'_>) -> Result<Option<usize>, ClientError> {
        match calls::recv_from(self.fd.as_fd(), room, libc::MSG_DONTWAIT) {
            Ok((got, from)) => {
                self.remote = Some(from.into());
                Ok(Some(got))
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends a datagram to the server.
    pub fn send_datagram_now(&self, bytes: &[u8]) -> Result<usize, ClientError> {
        let sent = match (&self.server, self.fixed_peer) {
            (Some(to), false) => {
                calls::send_to(self.fd.as_fd(), bytes, to.as_sys(), libc::MSG_DONTWAIT)
            }
            _ => calls::send(self.fd.as_fd(), bytes, libc::MSG_DONTWAIT),
        };
        Ok(sent?)
    }
}
