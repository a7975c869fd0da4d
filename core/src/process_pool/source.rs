//! Where a worker's messages come from.

use std::borrow::Cow;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use super::bus::Assembler;
use super::socket::SocketSource;
use super::{Ipc, Pool, Role};
use crate::error::Error;
use crate::log;
use crate::reactor::{EventLoop, Interest};
use crate::sys::message_queue::{MAX_MESSAGE_BYTES, MessageQueue, Wait};
use crate::sys::pipe::{self, Patience};
use crate::sys::queue_receiver::QueueReceiver;
use crate::sys::{Errno, SysError};

/// The source's own token in the event loop; those above are its clients'.
pub const SOURCE_TOKEN: usize = 0;
/// Datagrams that are taken one after the other for one message before the loop gets its turn.
const DATAGRAMS_AT_ONCE: usize = 256;

/// See the module.
pub enum Source {
    None,
    Pipe(PipeSource),
    Queue(QueueSource),
    Socket(SocketSource),
}

impl Source {
    pub fn open(pool: &Pool) -> Result<Source, Error> {
        let settings = pool.settings();
        Ok(match (pool.ipc, pool.role()) {
            (Ipc::Pipes, Role::Worker(id)) => match pool.pipe(id) {
                Some((_, pipe)) => Source::Pipe(PipeSource {
                    pipe: Rc::clone(pipe),
                    buffer: vec![0; settings.max_message_bytes.saturating_add(1)],
                    bus: settings.bus.then(|| Assembler::new(pool.bus_limit())),
                    is_stopped: false,
                }),
                None => Source::None,
            },
            (Ipc::Queue, _) => match &pool.queue {
                Some(queue) => Source::Queue(QueueSource {
                    receiver: Some(QueueReceiver::start(queue)?),
                    queue: Rc::clone(queue),
                }),
                None => Source::None,
            },
            (Ipc::Socket, _) => match &*pool.listener.borrow() {
                Some(listener) => Source::Socket(SocketSource::new(
                    Rc::clone(listener),
                    settings.max_message_bytes,
                )),
                None => Source::None,
            },
            _ => Source::None,
        })
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Source::None)
    }

    /// Puts everything into a new event loop.
    pub fn register(&mut self, event_loop: &EventLoop) -> io::Result<()> {
        let fd = match self {
            Source::Pipe(pipe) if !pipe.is_stopped => pipe.pipe.as_raw_fd(),
            Source::Queue(QueueSource {
                receiver: Some(receiver),
                ..
            }) => receiver.fd(),
            Source::Socket(socket) => return socket.register(event_loop),
            _ => return Ok(()),
        };
        event_loop.register(fd, SOURCE_TOKEN, Interest::READABLE)
    }

    /// The next message, if there is one.
    pub fn take(&mut self, event_loop: &EventLoop) -> Result<Option<Cow<'_, [u8]>>, Error> {
        match self {
            Source::None => Ok(None),
            Source::Pipe(pipe) => pipe.take(),
            Source::Queue(queue) => Ok(queue.take()?.map(Cow::Owned)),
            Source::Socket(socket) => Ok(socket.take(event_loop)?.map(Cow::Owned)),
        }
    }

    /// A descriptor became ready.
    pub fn note(&mut self, token: usize) {
        if let Source::Socket(socket) = self {
            socket.note(token);
        }
    }

    /// Some may have become ready without a word.
    pub fn look_at_all(&mut self) {
        if let Source::Socket(socket) = self {
            socket.look_at_all();
        }
    }

    /// How long to wait at most.
    pub fn patience(&self) -> Option<Duration> {
        match self {
            Source::Socket(socket) => socket.patience(),
            _ => None,
        }
    }

    /// Whether the message that was taken last came from a client who gets an answer.
    pub fn has_client(&self) -> bool {
        matches!(self, Source::Socket(_))
    }

    /// The answer to the message that was taken last.
    pub fn answer(&mut self, event_loop: &EventLoop, reply: &[u8]) {
        if let Source::Socket(socket) = self {
            socket.answer(event_loop, reply);
        }
    }

    /// Takes nothing new any more; what was taken already is given back.
    pub fn stop(&mut self) -> Option<Vec<u8>> {
        match self {
            Source::None => None,
            Source::Pipe(pipe) => {
                pipe.stop();
                None
            }
            Source::Queue(queue) => queue.stop(),
            Source::Socket(socket) => {
                socket.stop();
                None
            }
        }
    }

    /// Whether nobody waits for the source.
    pub fn is_idle(&self) -> bool {
        match self {
            Source::Socket(socket) => socket.is_idle(),
            _ => true,
        }
    }
}

/// A worker's pipe.
pub struct PipeSource {
    pipe: Rc<OwnedFd>,
    buffer: Vec<u8>,
    /// With the message bus: puts messages together.
    bus: Option<Assembler>,
    is_stopped: bool,
}

impl PipeSource {
    fn take(&mut self) -> Result<Option<Cow<'_, [u8]>>, Error> {
        if self.is_stopped {
            return Ok(None);
        }
        for _ in 0..DATAGRAMS_AT_ONCE {
            let len = match pipe::receive(&*self.pipe, &mut self.buffer, Patience::None) {
                Ok(len) => len,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => {
                    return Err(SysError::new("read a worker's pipe", "", errno).into());
                }
            };
            let Some(assembler) = &mut self.bus else {
                if len == self.buffer.len() {
                    let max = len - 1;
                    log::warning(format_args!(
                        "a message of more than {max} bytes was dropped: raise max_package_size"
                    ));
                    continue;
                }
                return Ok(Some(Cow::Borrowed(
                    self.buffer.get(..len).unwrap_or_default(),
                )));
            };
            let datagram = self.buffer.get(..len).unwrap_or_default();
            match assembler.push(datagram) {
                Ok(None) => {}
                // Borrowed from what this loop writes to, as far as the compiler can see.
                Ok(Some(message)) => return Ok(Some(Cow::Owned(message.into_owned()))),
                Err(dropped) => log::warning(format_args!("dropped {dropped}")),
            }
        }
        Ok(None)
    }

    /// What waits is the successor's.
    fn stop(&mut self) {
        self.is_stopped = true;
        if let Some(event_loop) = crate::reactor::event_loop::existing() {
            // Unknown if the loop was never used.
            let _ = event_loop.deregister(self.pipe.as_raw_fd());
        }
    }
}

/// The message queue.
pub struct QueueSource {
    queue: Rc<MessageQueue>,
    /// None: stopped.
    receiver: Option<QueueReceiver>,
}

impl QueueSource {
    fn take(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(receiver) = &self.receiver else {
            return Ok(None);
        };
        let received = match receiver.take() {
            Some(received) => received,
            // The thread is asked for one only when there is none: each way through it costs two switches.
            None => match self.queue.pop(0, MAX_MESSAGE_BYTES, Wait::No) {
                Err(Errno::ENOMSG | Errno::EINTR) => {
                    receiver.ask();
                    return Ok(None);
                }
                received => received,
            },
        };
        let detail = || {
            format!(
                "queue {}: it was removed, or its limits are too low",
                self.queue.id()
            )
        };
        received
            .map(Some)
            .map_err(|errno| SysError::new("take from a message queue", detail(), errno).into())
    }

    fn stop(&mut self) -> Option<Vec<u8>> {
        self.receiver.take()?.end()?.ok()
    }
}
