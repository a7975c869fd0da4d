//! TLS of a client.

use super::transfer::{self, Patience};
use super::wait::{Deadline, Fault, Poll};
use super::{Client, ClientError, Link};
use crate::error::codes;
use crate::log;
use crate::net::tls::{Context, Role, Session, Settings, drive};
use crate::sys::socket::Interest;
use crate::sys::transfer::Room;
use std::os::fd::AsFd;
use std::rc::Rc;

/// The TLS of a client that uses it.
#[derive(Debug)]
pub(super) struct Secured {
    settings: Settings,
    /// The name of the host, which the server may need.
    asked: Option<String>,
    session: Option<Rc<Session>>,
}

impl Client {
    /// From now on what is sent and received is encrypted. A connection that stands needs
    /// [`Client::handshake`]; others make it when they stand.
    pub fn enable_tls(&mut self, settings: Settings) {
        let asked = self.tls.take().and_then(|tls| tls.asked);
        self.tls = Some(Box::new(Secured {
            settings,
            asked,
            session: None,
        }));
    }

    /// Whether it uses TLS, and the handshake is done.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self.session(), Ok(Some(_)))
    }

    pub(super) fn ask_for(&mut self, host: &str) {
        if let Some(tls) = &mut self.tls {
            tls.asked = Some(host.to_owned());
        }
    }

    /// What is sent and received with; None: as it is.
    pub(super) fn session(&self) -> Result<Option<Rc<Session>>, Fault> {
        match &self.tls {
            None => Ok(None),
            Some(tls) => match &tls.session {
                Some(session) if session.is_ready() => Ok(Some(Rc::clone(session))),
                _ if self.link != Link::Up => Ok(None),
                _ => Err(Fault::Os(codes::SSL_NOT_READY)),
            },
        }
    }

    /// The connection stands: the handshake, if it is to be encrypted.
    pub(super) fn secure(&mut self) -> Result<(), ClientError> {
        if self.tls.is_none() {
            return Ok(());
        }
        self.handshake()
    }

    /// The handshake, for at most the time limit of reading.
    pub fn handshake(&mut self) -> Result<(), ClientError> {
        let Some(tls) = &mut self.tls else {
            return Err(ClientError::Refused(codes::WRONG_OPERATION));
        };
        if tls.session.is_some() {
            return Err(ClientError::Refused(codes::WRONG_OPERATION));
        }
        let made = Context::new(&tls.settings, Role::Client);
        let context = made.map_err(|error| {
            log::warning(format_args!("{error}"));
            ClientError::Refused(codes::SSL_CREATE_CONTEXT_FAILED)
        })?;
        let host = tls.settings.host_name.as_deref();
        let made = Session::new(&context, Rc::clone(&self.fd), tls.asked.as_deref(), host);
        let session = made.map_err(|error| {
            log::warning(format_args!("{error}"));
            ClientError::Refused(codes::SSL_CREATE_SESSION_FAILED)
        })?;
        let session = Rc::new(session);
        tls.session = Some(Rc::clone(&session));
        let checks = tls.settings.verify_peer;
        let allow_self_signed = tls.settings.allow_self_signed;
        let mut patience = Patience::until(&Poll, Deadline::after(self.timeouts.read));
        let done = drive::handshake(&mut patience, self.fd.as_fd(), &session);
        if let Err(fault) = done {
            if matches!(fault, Fault::Os(_)) {
                let reason = session.reason();
                log::notice(format_args!(
                    "the TLS handshake with the server failed: {reason}"
                ));
            }
            self.broken = true;
            return Err(fault.into());
        }
        if checks && let Err(error) = self.verify_peer(allow_self_signed) {
            // Who sends all the same, sends nothing.
            session.refuse();
            self.broken = true;
            return Err(error);
        }
        Ok(())
    }

    /// Whether the server is whom it claims to be.
    pub fn verify_peer(&self, allow_self_signed: bool) -> Result<(), ClientError> {
        let Some(session) = self.session()? else {
            return Err(ClientError::Refused(codes::SSL_NOT_READY));
        };
        session.verify(allow_self_signed).map_err(|untrusted| {
            log::notice(format_args!("the server cannot be verified: {untrusted}"));
            ClientError::Refused(codes::SSL_VERIFY_FAILED)
        })
    }

    /// The server's certificate in PEM; None: it has shown none.
    pub fn peer_certificate(&self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.session()? {
            Some(session) => Ok(session.peer_certificate()),
            None => Err(ClientError::Refused(codes::SSL_NOT_READY)),
        }
    }

    /// Tells the server that no more comes.
    pub(super) fn end_tls(&self) {
        if let Ok(Some(session)) = self.session() {
            session.shutdown();
        }
    }

    /// Receives what there is of a stream, with `MSG_*` flags, of which TLS knows `MSG_PEEK` and
    /// `MSG_DONTWAIT`.
    pub(super) fn take(
        &self,
        patience: &mut Patience<'_, Poll>,
        room: &mut Room<'_>,
        flags: i32,
    ) -> Result<usize, Fault> {
        let fd = self.fd.as_fd();
        let Some(session) = self.session()? else {
            return transfer::recv(patience, fd, room, flags);
        };
        let mut call = || {
            if flags & libc::MSG_PEEK != 0 {
                session.peek(room)
            } else {
                session.read(room)
            }
        };
        if flags & libc::MSG_DONTWAIT != 0 {
            return call();
        }
        drive::run(patience, fd, Interest::Read, &session, call)
    }

    /// Fills the room; false: the peer sends no more.
    pub(super) fn fill(
        &self,
        patience: &mut Patience<'_, Poll>,
        room: &mut Room<'_>,
    ) -> Result<bool, Fault> {
        let fd = self.fd.as_fd();
        let Some(session) = self.session()? else {
            return transfer::recv_all(patience, fd, room);
        };
        while room.left() > 0 {
            if drive::recv(patience, fd, &session, room)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
