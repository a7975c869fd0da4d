//! TLS of a socket: its settings, the handshake, what is known of the peer.

use super::{Failure, Fault, Socket, Waiter, timeout_of};
use crate::error::codes;
use crate::log;
use crate::net::client::transfer::Patience;
use crate::net::tls::{self, Context, Role, Session, Settings};
use std::os::fd::AsFd;
use std::rc::Rc;

/// The TLS of a socket that uses it.
#[derive(Clone, Debug)]
pub(super) struct Secured {
    settings: Settings,
    role: Role,
    /// Made of the settings by the first handshake or `accept()`; connections share it with the socket
    /// that accepts them.
    context: Option<Context>,
    /// Of the handshake on.
    session: Option<Rc<Session>>,
}

impl Socket {
    /// From now on what is sent and received is encrypted. A connection that stands needs
    /// [`Socket::handshake`]; `connect()` makes it itself.
    pub fn enable_tls(&self) {
        let mut tls = self.tls.borrow_mut();
        if tls.is_none() {
            let is_server = self.listening.get() || self.accepted.get();
            *tls = Some(Secured {
                settings: Settings::default(),
                role: if is_server {
                    Role::Server
                } else {
                    Role::Client
                },
                context: None,
                session: None,
            });
        }
    }

    /// Whether it uses TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.borrow().is_some()
    }

    /// Changes the settings. Those of a context that is made stay.
    pub fn set_tls<R>(&self, change: impl FnOnce(&mut Settings) -> R) -> Option<R> {
        let mut tls = self.tls.borrow_mut();
        tls.as_mut().map(|tls| change(&mut tls.settings))
    }

    /// What is sent and received with; None: as it is.
    pub(super) fn session(&self) -> Result<Option<Rc<Session>>, Fault> {
        match &*self.tls.borrow() {
            None => Ok(None),
            Some(Secured {
                session: Some(session),
                ..
            }) if session.is_ready() => Ok(Some(Rc::clone(session))),
            Some(_) => Err(Fault::Os(codes::SSL_NOT_READY)),
        }
    }

    /// Whether the handshake is done.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self.session(), Ok(Some(_)))
    }

    /// It accepts: connections are the server's side.
    pub(super) fn serve_tls(&self, tls_of: &Socket) {
        if let Some(tls) = &*tls_of.tls.borrow() {
            self.tls.replace(Some(Secured {
                role: Role::Server,
                session: None,
                ..tls.clone()
            }));
        }
    }

    /// What connections share; a mistake in the settings shows here.
    pub(super) fn tls_context(&self, role: Role) -> Result<Option<Context>, Failure> {
        let settings = match &*self.tls.borrow() {
            None => return Ok(None),
            Some(tls) if tls.context.is_some() => return Ok(tls.context.clone()),
            Some(tls) => tls.settings.clone(),
        };
        // Files are read, so nothing is borrowed.
        let made = Context::new(&settings, role).map_err(|error| {
            log::warning(format_args!("{error}"));
            Failure::explained(codes::SSL_CREATE_CONTEXT_FAILED, error.to_string())
        })?;
        if let Some(tls) = &mut *self.tls.borrow_mut() {
            tls.role = role;
            tls.context = Some(made.clone());
        }
        Ok(Some(made))
    }

    /// The handshake, for at most the socket's time limit of reading. `asked`: the name of the host.
    pub fn handshake<W: Waiter>(&self, waiter: &W, asked: Option<&str>) -> Result<(), Failure> {
        let (role, has_begun) = match &*self.tls.borrow() {
            None => {
                let text = "the socket does not use TLS: set open_ssl with setProtocol() before";
                return Err(Failure::explained(codes::WRONG_OPERATION, text));
            }
            Some(tls) => (tls.role, tls.session.is_some()),
        };
        if has_begun {
            return Err(Failure::Code(codes::WRONG_OPERATION));
        }
        let Some(context) = self.tls_context(role)? else {
            return Err(Failure::Code(codes::WRONG_OPERATION));
        };
        let fd = self.descriptor()?;
        let host = self
            .set_tls(|settings| settings.host_name.clone())
            .flatten();
        let session = Session::new(&context, Rc::clone(&fd), asked, host.as_deref());
        let session = Rc::new(session.map_err(|error| {
            Failure::explained(codes::SSL_CREATE_SESSION_FAILED, error.to_string())
        })?);
        if let Some(tls) = &mut *self.tls.borrow_mut() {
            tls.session = Some(Rc::clone(&session));
        }
        let limit = timeout_of(self.timeouts().read, None);
        let mut patience = Patience::lazy(waiter, limit);
        let done = tls::drive::handshake(&mut patience, fd.as_fd(), &session);
        done.map_err(|fault| self.refused(&session, fault))?;
        match self.set_tls(|settings| (settings.verify_peer, settings.allow_self_signed)) {
            Some((true, allow_self_signed)) => {
                let verified = self.verify_peer(allow_self_signed);
                // Who sends all the same, sends nothing.
                verified.inspect_err(|_| session.refuse())
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, session: &Session, fault: Fault) -> Failure {
        let peer = match self.peer_address() {
            Ok(address) => address.to_string(),
            Err(_) => "unknown".to_owned(),
        };
        match (session.role(), fault) {
            (Role::Server, Fault::Os(_) | Fault::TimedOut) => {
                if matches!(fault, Fault::Os(_)) {
                    let reason = session.reason();
                    log::warning(format_args!("bad SSL client[{peer}]: {reason}"));
                }
                Failure::Code(codes::SSL_BAD_CLIENT)
            }
            (Role::Client, Fault::Os(code)) => {
                let (fd, reason) = (self.raw_fd(), session.reason());
                log::notice(format_args!(
                    "the TLS handshake with server[{peer}] (fd={fd}) failed: {reason}[{code}]"
                ));
                Failure::Fault(fault)
            }
            _ => Failure::Fault(fault),
        }
    }

    /// Whether the peer is whom it claims to be.
    pub fn verify_peer(&self, allow_self_signed: bool) -> Result<(), Failure> {
        let Some(session) = self.session()? else {
            return Err(Failure::Code(codes::SSL_NOT_READY));
        };
        session.verify(allow_self_signed).map_err(|untrusted| {
            let fd = self.raw_fd();
            log::notice(format_args!(
                "the peer of fd#{fd} cannot be verified: {untrusted}"
            ));
            Failure::Code(codes::SSL_VERIFY_FAILED)
        })
    }

    /// The peer's certificate in PEM; None: it has shown none.
    pub fn peer_certificate(&self) -> Result<Option<Vec<u8>>, Failure> {
        match self.session()? {
            Some(session) => Ok(session.peer_certificate()),
            None => Err(Failure::Code(codes::SSL_NOT_READY)),
        }
    }

    /// Tells the peer that no more comes.
    pub(super) fn end_tls(&self) {
        if let Ok(Some(session)) = self.session() {
            session.shutdown();
        }
    }

    /// Lets go of the session, which keeps the descriptor open.
    pub(super) fn drop_tls(&self) {
        let session = self
            .tls
            .borrow_mut()
            .as_mut()
            .and_then(|tls| tls.session.take());
        drop(session);
    }
}
