//! One connection.

use super::context::{Context, Role, TlsError, reason};
use crate::error::codes;
use crate::net::client::Fault;
use crate::sys::forks;
use crate::sys::socket::Interest;
use crate::sys::transfer::{self as calls, Room};
use nix::errno::Errno;
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, ShutdownState, Ssl, SslStream, SslVerifyMode};
use openssl::x509::X509VerifyResult;
use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// A record has so much at most; what is written goes in such parts.
const RECORD_BYTES: usize = 16 * 1024;

/// `X509_V_ERR_*`
const SELF_SIGNED: i32 = 18;
const HOSTNAME_MISMATCH: i32 = 62;
const IP_MISMATCH: i32 = 64;
const UNSPECIFIED: i32 = 1;

thread_local! {
    /// What is read passes here: OpenSSL wants initialised memory.
    static RECORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The socket, as OpenSSL sees it.
struct Wire(Rc<OwnedFd>);

impl Wire {
    /// A call that is interrupted is made again. To OpenSSL a socket without connection is one to wait
    /// for, which would last forever.
    fn call(mut f: impl FnMut() -> Result<usize, Errno>) -> io::Result<usize> {
        loop {
            match f() {
                Ok(done) => return Ok(done),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOTCONN) => return Err(Errno::EPIPE.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        let mut room = Room::of(place);
        Wire::call(|| calls::recv(self.0.as_fd(), &mut room, libc::MSG_DONTWAIT))
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Wire::call(|| calls::send(self.0.as_fd(), bytes, libc::MSG_DONTWAIT))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is first wrong with the peer's certificate.
#[derive(Debug, Default)]
struct Findings {
    /// Apart, as it may be allowed, which allows nothing else.
    self_signed: OnceLock<X509VerifyResult>,
    chain: OnceLock<X509VerifyResult>,
    name: OnceLock<X509VerifyResult>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The handshake is under way.
    New,
    Ready,
    /// Nothing more goes through it, for this reason.
    Broken(Fault),
}

/// A session. Its calls never wait: `Fault::Os(EAGAIN)` is to wait for [`Session::wants`].
pub struct Session {
    stream: RefCell<SslStream<Wire>>,
    role: Role,
    state: Cell<State>,
    wants: Cell<Interest>,
    /// A part that OpenSSL has begun to write, and wants to see again.
    begun: RefCell<Vec<u8>>,
    findings: Arc<Findings>,
    reason: RefCell<String>,
    /// The process that made it. A copy made by fork has the same keys: what it says of its own accord
    /// would break the connection of the other.
    made_in: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// `asked_name`: whom a client asks for, unless that is an IP address. `host_name`: whom the peer's
    /// certificate must be for; who asks for nobody asks for this one.
    pub fn new(
        context: &Context,
        fd: Rc<OwnedFd>,
        asked_name: Option<&str>,
        host_name: Option<&str>,
    ) -> Result<Session, TlsError> {
        let failed = |what: &str, errors: &openssl::error::ErrorStack| TlsError {
            what: what.to_owned(),
            reason: reason(errors),
        };
        let new = Ssl::new(&context.context);
        let mut ssl = new.map_err(|errors| failed("no TLS session", &errors))?;
        let findings = Arc::new(Findings::default());
        let noted = Arc::clone(&findings);
        let mode = match (context.role, context.verify_peer) {
            (Role::Server, true) => SslVerifyMode::PEER,
            _ => SslVerifyMode::NONE,
        };
        // The handshake comes to its end in any case; who asks is told.
        ssl.set_verify_callback(mode, move |is_right, store| {
            if !is_right {
                let error = store.error();
                let place = match error.as_raw() {
                    SELF_SIGNED => &noted.self_signed,
                    HOSTNAME_MISMATCH | IP_MISMATCH => &noted.name,
                    _ => &noted.chain,
                };
                place.get_or_init(|| error);
            }
            true
        });
        if let Some(name) = host_name {
            let param = ssl.param_mut();
            let set = match name.parse::<IpAddr>() {
                Ok(ip) => param.set_ip(ip),
                Err(_) => param.set_host(name),
            };
            set.map_err(|errors| failed("ssl_host_name cannot be used", &errors))?;
        }
        match context.role {
            Role::Client => {
                let name = host_name.or(asked_name).filter(|name| {
                    !name.is_empty() && name.parse::<IpAddr>().is_err() && !name.contains('\0')
                });
                if let Some(name) = name {
                    let set = ssl.set_hostname(name);
                    set.map_err(|errors| failed("the name of the host cannot be sent", &errors))?;
                }
                ssl.set_connect_state();
            }
            Role::Server => ssl.set_accept_state(),
        }
        let stream = SslStream::new(ssl, Wire(fd));
        let stream = stream.map_err(|errors| failed("no TLS session", &errors))?;
        Ok(Session {
            stream: RefCell::new(stream),
            role: context.role,
            state: Cell::new(State::New),
            wants: Cell::new(Interest::Read),
            begun: RefCell::new(Vec::new()),
            findings,
            reason: RefCell::new(String::new()),
            made_in: forks::generation(),
        })
    }

    /// What to wait for.
    #[must_use]
    pub fn wants(&self) -> Interest {
        self.wants.get()
    }

    /// Whether the handshake has come to a good end.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state.get() != State::New
    }

    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// OpenSSL's words for what went wrong.
    #[must_use]
    pub fn reason(&self) -> String {
        self.reason.borrow().clone()
    }

    /// Goes on with the handshake.
    pub fn handshake(&self) -> Result<(), Fault> {
        if let State::Broken(fault) = self.state.get() {
            return Err(fault);
        }
        forget_errors();
        let done = self.stream.borrow_mut().do_handshake();
        let Err(error) = done else {
            self.state.set(State::Ready);
            return Ok(());
        };
        self.waits(&error)?;
        Err(self.breaks(match (self.role, error.code()) {
            (Role::Server, _) => codes::SSL_BAD_CLIENT,
            (Role::Client, ErrorCode::ZERO_RETURN) => codes::SSL_RESET,
            (Role::Client, ErrorCode::SYSCALL) => {
                let errno = error.io_error().and_then(io::Error::raw_os_error);
                errno.unwrap_or(codes::SSL_HANDSHAKE_FAILED)
            }
            (Role::Client, _) => codes::SSL_HANDSHAKE_FAILED,
        }))
    }

    /// The peer is not trusted: nothing goes to it, nor is anything taken from it.
    pub fn refuse(&self) {
        let _ = self.breaks(codes::SSL_VERIFY_FAILED);
    }

    fn breaks(&self, code: i32) -> Fault {
        let fault = Fault::Os(code);
        self.state.set(State::Broken(fault));
        fault
    }

    /// Ok: it is an error to give up for, and its reason is noted.
    fn waits(&self, error: &ssl::Error) -> Result<(), Fault> {
        match error.code() {
            ErrorCode::WANT_READ => self.wants.set(Interest::Read),
            ErrorCode::WANT_WRITE => self.wants.set(Interest::Write),
            _ => {
                let text = match (error.ssl_error(), error.io_error()) {
                    (Some(errors), _) => reason(errors),
                    (None, Some(error)) => error.to_string(),
                    (None, None) => "the peer has closed the connection".to_owned(),
                };
                self.reason.replace(text);
                return Ok(());
            }
        }
        Err(Fault::Os(libc::EAGAIN))
    }

    fn usable(&self) -> Result<(), Fault> {
        match self.state.get() {
            State::Ready => Ok(()),
            State::New => Err(Fault::Os(codes::SSL_NOT_READY)),
            State::Broken(fault) => Err(fault),
        }
    }

    /// Reads what there is; 0: the peer sends no more.
    pub fn read(&self, room: &mut Room<'_>) -> Result<usize, Fault> {
        let mut got = self.take(room, SslStream::ssl_read)?;
        while room.left() > 0 && got > 0 {
            match self.take(room, SslStream::ssl_read) {
                // What is wrong, or that it ends, the next call finds again.
                Err(_) | Ok(0) => break,
                Ok(more) => got += more,
            }
        }
        Ok(got)
    }

    /// What [`Self::read`] would read, a record at most, is left there.
    pub fn peek(&self, room: &mut Room<'_>) -> Result<usize, Fault> {
        self.take(room, SslStream::ssl_peek)
    }

    fn take(
        &self,
        room: &mut Room<'_>,
        mut call: impl FnMut(&mut SslStream<Wire>, &mut [u8]) -> Result<usize, ssl::Error>,
    ) -> Result<usize, Fault> {
        self.usable()?;
        RECORD.with_borrow_mut(|record| {
            record.resize(RECORD_BYTES, 0);
            let place = &mut record[..room.left().min(RECORD_BYTES)];
            forget_errors();
            match call(&mut self.stream.borrow_mut(), place) {
                Ok(got) => Ok(room.put(&place[..got])),
                Err(error) => self.read_failed(&error),
            }
        })
    }

    fn read_failed(&self, error: &ssl::Error) -> Result<usize, Fault> {
        if error.code() == ErrorCode::ZERO_RETURN {
            return Ok(0);
        }
        self.waits(error)?;
        match (error.code(), error.io_error()) {
            (ErrorCode::SYSCALL, None) => Ok(0),
            (ErrorCode::SYSCALL, Some(error)) => {
                Err(self.breaks(error.raw_os_error().unwrap_or(codes::SSL_RESET)))
            }
            _ => Err(self.breaks(codes::SSL_BAD_CLIENT)),
        }
    }

    /// Writes the first part of it. After a wait that was given up, the same bytes must come again.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Fault> {
        self.usable()?;
        let mut begun = self.begun.borrow_mut();
        let part = if begun.is_empty() {
            &bytes[..bytes.len().min(RECORD_BYTES)]
        } else {
            match bytes.get(..begun.len()) {
                Some(same) if same == begun.as_slice() => same,
                _ => return Err(Fault::Os(codes::WRONG_OPERATION)),
            }
        };
        if part.is_empty() {
            return Ok(0);
        }
        forget_errors();
        match self.stream.borrow_mut().ssl_write(part) {
            Ok(written) => {
                begun.clear();
                Ok(written)
            }
            Err(error) => {
                if let Err(waits) = self.waits(&error) {
                    if begun.is_empty() {
                        begun.extend_from_slice(part);
                    }
                    return Err(waits);
                }
                Err(self.breaks(match error.code() {
                    ErrorCode::SSL => codes::SSL_BAD_CLIENT,
                    _ => codes::SSL_RESET,
                }))
            }
        }
    }

    /// Tells the peer that no more comes, if that can be said without waiting, and by who made the session.
    pub fn shutdown(&self) {
        if self.state.get() != State::Ready
            || !self.begun.borrow().is_empty()
            || self.made_in != forks::generation()
        {
            return;
        }
        let mut stream = self.stream.borrow_mut();
        if !stream.get_shutdown().contains(ShutdownState::SENT) {
            forget_errors();
            let _ = stream.shutdown();
        }
    }

    /// Whether the peer is whom it claims to be; else why not. Who shows no certificate is nobody.
    pub fn verify(&self, allow_self_signed: bool) -> Result<(), Untrusted> {
        let stream = self.stream.borrow();
        let ssl = stream.ssl();
        if ssl.peer_certificate().is_none() {
            return Err(Untrusted {
                is_self_signed: false,
                code: UNSPECIFIED,
                text: "the peer has shown no certificate",
            });
        }
        // No certificate is looked at where a session is taken up again: what was found then, counts.
        let before = ssl.verify_result();
        if ssl.session_reused() && before != X509VerifyResult::OK {
            return Err(Untrusted::because(before));
        }
        let Findings {
            self_signed,
            chain,
            name,
        } = &*self.findings;
        let self_signed = self_signed.get().filter(|_| !allow_self_signed);
        match self_signed.or(chain.get()).or(name.get()) {
            None => Ok(()),
            Some(error) => Err(Untrusted::because(*error)),
        }
    }

    /// The peer's certificate in PEM.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let certificate = self.stream.borrow().ssl().peer_certificate()?;
        certificate.to_pem().ok()
    }
}

/// Why a peer is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// Nobody but itself vouches for it.
    pub is_self_signed: bool,
    /// `X509_V_ERR_*`
    pub code: i32,
    pub text: &'static str,
}

impl Untrusted {
    fn because(error: X509VerifyResult) -> Untrusted {
        Untrusted {
            is_self_signed: is_self_signed(error),
            code: error.as_raw(),
            text: error.error_string(),
        }
    }
}

impl std::fmt::Display for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (error {})", self.text, self.code)
    }
}

/// OpenSSL's queue of errors is the thread's: what others have left there, such as PHP's openssl extension, it
/// would take for an error of the next call.
fn forget_errors() {
    drop(ErrorStack::get());
}

fn is_self_signed(error: X509VerifyResult) -> bool {
    error.as_raw() == SELF_SIGNED
}
