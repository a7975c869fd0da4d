//! System V message queues: they outlive the processes that use them, until someone removes them.

use super::{SysError, forks};
use nix::errno::Errno;
use std::cell::RefCell;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The largest message that is accepted here. The kernel's own limit (`kernel.msgmax`) is 8192 bytes by
/// default.
pub const MAX_MESSAGE_BYTES: usize = 65536;

/// An open queue. Dropping it leaves the queue in the kernel, but for one without a key, which only this
/// process and its children can reach; see [`MessageQueue::remove`].
#[derive(Debug)]
pub struct MessageQueue {
    id: i32,
    key: i32,
    /// The process that opened it (see [`forks::generation`]).
    owner: u64,
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    pub messages: u64,
    pub bytes: u64,
}

/// Whether to wait for a message, or for room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    No,
    Yes,
}

impl Wait {
    fn flags(self) -> i32 {
        match self {
            Wait::No => libc::IPC_NOWAIT,
            Wait::Yes => 0,
        }
    }
}

/// A message as the kernel wants it: its type, a long, and its bytes behind that.
struct Message(Vec<libc::c_long>);

const LONG_BYTES: usize = size_of::<libc::c_long>();

impl Message {
    /// With room for a number of bytes.
    fn new(kind: i64, room_bytes: usize) -> Message {
        let mut longs = vec![0; 1 + room_bytes.div_ceil(LONG_BYTES)];
        if let Some(first) = longs.first_mut() {
            *first = kind;
        }
        Message(longs)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.0);
        bytes.get_mut(LONG_BYTES..).unwrap_or_default()
    }
}

/// The key that stands for a file, as ftok(3); `None` if there is no such file.
#[must_use]
pub fn key_of_file(path: &Path, project: u8) -> Option<i32> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: a live NUL-terminated string.
    // JUSTIFICATION: nix has no ftok.
    let key = unsafe { libc::ftok(path.as_ptr(), i32::from(project)) };
    (key != -1).then_some(key)
}

/// [`MessageQueue::pop`] by the kernel's number of the queue, for a thread that does not own it.
pub(super) fn receive(id: i32, kind: i64, max_bytes: usize, wait: Wait) -> Result<Vec<u8>, Errno> {
    thread_local! {
        /// Kept, for clearing so much memory costs more than the call itself.
        static BUFFER: RefCell<Message> = RefCell::new(Message::new(0, MAX_MESSAGE_BYTES));
    }
    let max_bytes = max_bytes.min(MAX_MESSAGE_BYTES);
    BUFFER.with_borrow_mut(|message| {
        // SAFETY: the message has room for `MAX_MESSAGE_BYTES` bytes behind its long, and no more is asked
        // for.
        let received = unsafe {
            libc::msgrcv(
                id,
                message.0.as_mut_ptr().cast(),
                max_bytes,
                kind,
                wait.flags(),
            )
        };
        let len = usize::try_from(Errno::result(received)?).unwrap_or(0);
        Ok(message.bytes_mut().get(..len).unwrap_or_default().to_vec())
    })
}

impl MessageQueue {
    /// Opens the queue of `key`, or makes it, for any user. Key 0 makes one without a key.
    pub fn open(key: i32) -> Result<MessageQueue, SysError> {
        // SAFETY: msgget(2) takes two integers and touches no memory of this process.
        let id = unsafe { libc::msgget(key, libc::IPC_CREAT | 0o666) };
        if id < 0 {
            return Err(SysError::last(
                "open a message queue",
                format!("key {key:#x}"),
            ));
        }
        Ok(MessageQueue {
            id,
            key,
            owner: forks::generation(),
        })
    }

    /// The kernel's number of the queue.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    #[must_use]
    pub fn key(&self) -> i32 {
        self.key
    }

    /// Appends a message. `kind` is from 1 on. A signal does not end the waiting.
    ///
    /// # Errors
    /// EAGAIN: full, and not to wait; EINVAL: larger than the kernel allows, or the queue is gone;
    /// EIDRM: removed meanwhile.
    pub fn push(&self, kind: i64, bytes: &[u8], wait: Wait) -> Result<(), Errno> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(Errno::EINVAL);
        }
        let mut message = Message::new(kind, bytes.len());
        if let Some(place) = message.bytes_mut().get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        loop {
            // SAFETY: the message is a long followed by at least `bytes.len()` bytes, and lives.
            let sent = unsafe {
                libc::msgsnd(
                    self.id,
                    message.0.as_ptr().cast(),
                    bytes.len(),
                    wait.flags(),
                )
            };
            match Errno::result(sent) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Takes the first message of `kind` (0: of any) that has up to `max_bytes`.
    ///
    /// # Errors
    /// ENOMSG: none, and not to wait; EINTR: a signal came; E2BIG: the next one is larger, and stays.
    pub fn pop(&self, kind: i64, max_bytes: usize, wait: Wait) -> Result<Vec<u8>, Errno> {
        receive(self.id, kind, max_bytes, wait)
    }

    pub fn stats(&self) -> Result<Stats, Errno> {
        let status = self.status()?;
        Ok(Stats {
            messages: status.msg_qnum,
            bytes: status.__msg_cbytes,
        })
    }

    /// How many bytes the queue may hold. Raising it above the kernel's limit takes privileges.
    pub fn set_capacity(&self, bytes: u64) -> Result<(), SysError> {
        let fail = |errno| {
            let detail = format!("queue {}, {bytes} bytes", self.id);
            SysError::new("set the capacity of a message queue", detail, errno)
        };
        let mut status = self.status().map_err(fail)?;
        status.msg_qbytes = bytes;
        // SAFETY: a live msqid_ds that the kernel filled.
        let result = unsafe { libc::msgctl(self.id, libc::IPC_SET, &raw mut status) };
        Errno::result(result).map(drop).map_err(fail)
    }

    fn status(&self) -> Result<libc::msqid_ds, Errno> {
        // SAFETY: a plain C struct of integers, for which zero is valid.
        let mut status: libc::msqid_ds = unsafe { std::mem::zeroed() };
        // SAFETY: a live msqid_ds, which the kernel fills.
        let result = unsafe { libc::msgctl(self.id, libc::IPC_STAT, &raw mut status) };
        Errno::result(result).map(|_| status)
    }

    /// Removes the queue with what is in it; who waits for it gets EIDRM.
    pub fn remove(&self) -> Result<(), SysError> {
        // SAFETY: IPC_RMID ignores the pointer.
        let result = unsafe { libc::msgctl(self.id, libc::IPC_RMID, std::ptr::null_mut()) };
        Errno::result(result)
            .map(drop)
            .map_err(|e| SysError::new("remove a message queue", format!("queue {}", self.id), e))
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // Nobody else can open it again. A child's copy is not its owner.
        if self.key == libc::IPC_PRIVATE && self.owner == forks::generation() {
            // It may have been removed already.
            let _ = self.remove();
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_order_kind_and_bytes() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        queue.push(2, b"two", Wait::No).expect("push");
        queue.push(1, b"one", Wait::No).expect("push");
        queue.push(1, b"", Wait::No).expect("push");
        let stats = queue.stats().expect("stats");
        assert_eq!((stats.messages, stats.bytes), (3, 6));
        assert_eq!(queue.pop(1, 100, Wait::No).expect("pop"), b"one");
        assert_eq!(queue.pop(0, 100, Wait::No).expect("pop"), b"two");
        assert_eq!(queue.pop(0, 100, Wait::No).expect("pop"), b"");
        assert_eq!(queue.pop(0, 100, Wait::No), Err(Errno::ENOMSG));
    }

    #[test]
    fn what_does_not_fit_stays() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        queue.push(1, b"long", Wait::No).expect("push");
        assert_eq!(queue.pop(0, 3, Wait::No), Err(Errno::E2BIG));
        assert_eq!(queue.pop(0, usize::MAX, Wait::No).expect("pop"), b"long");
        let huge = vec![0; MAX_MESSAGE_BYTES + 1];
        assert_eq!(queue.push(1, &huge, Wait::No), Err(Errno::EINVAL));
    }

    #[test]
    fn a_removed_queue_is_gone() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        queue.remove().expect("remove");
        assert_eq!(queue.push(1, b"x", Wait::No), Err(Errno::EINVAL));
        assert!(queue.stats().is_err());
        assert!(queue.set_capacity(1).is_err());
        assert!(queue.remove().is_err());
    }

    #[test]
    fn a_file_has_a_key() {
        let here = Path::new(file!()).file_name().expect("name");
        assert_eq!(key_of_file(Path::new("/no/such/file"), 1), None);
        let key = key_of_file(Path::new("/"), 1);
        assert!(key.is_some(), "{}", here.display());
        assert_ne!(key, key_of_file(Path::new("/"), 2));
    }
}
