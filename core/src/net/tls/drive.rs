//! Waiting until a session has done what it is asked for, whoever waits.

use super::Session;
use crate::net::client::transfer::Patience;
use crate::net::client::{Fault, Waiter};
use crate::sys::socket::Interest;
use crate::sys::transfer::Room;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

/// A file is read in such parts.
const FILE_PART_BYTES: usize = 64 * 1024;

/// Calls until there is an answer, and waits in between.
pub fn run<W: Waiter, R>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    interest: Interest,
    session: &Session,
    mut call: impl FnMut() -> Result<R, Fault>,
) -> Result<R, Fault> {
    loop {
        match call() {
            Err(Fault::Os(libc::EAGAIN)) if session.wants() == interest => {
                patience.wait(fd, interest)?;
            }
            // Where a coroutine reads and another one writes, both may have to wait for the same: one of
            // them looks again after a while. It is rare: the keys are changing.
            Err(Fault::Os(libc::EAGAIN)) => patience.nap()?,
            answer => return answer,
        }
    }
}

/// The handshake; nobody else uses the session yet.
pub fn handshake<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    session: &Session,
) -> Result<(), Fault> {
    loop {
        match session.handshake() {
            Err(Fault::Os(libc::EAGAIN)) => patience.wait(fd, session.wants())?,
            answer => return answer,
        }
    }
}

/// Reads what there is; 0: the peer sends no more.
pub fn recv<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    session: &Session,
    room: &mut Room<'_>,
) -> Result<usize, Fault> {
    run(patience, fd, Interest::Read, session, || session.read(room))
}

/// Sends all; how much was sent is right in any case.
pub fn send_all<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    session: &Session,
    bytes: &[u8],
) -> (usize, Result<(), Fault>) {
    let mut sent = 0;
    while sent < bytes.len() {
        let rest = &bytes[sent..];
        match run(patience, fd, Interest::Write, session, || {
            session.write(rest)
        }) {
            Ok(more) => sent += more,
            Err(fault) => return (sent, Err(fault)),
        }
    }
    (sent, Ok(()))
}

/// Sends `count` bytes of a file from `offset` on, or what there is of them; returns how many.
pub fn send_file<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    session: &Session,
    file: &File,
    offset: u64,
    count: u64,
) -> Result<u64, Fault> {
    let mut part = vec![0; FILE_PART_BYTES];
    let mut done = 0;
    while done < count {
        let wanted = usize::try_from(count - done)
            .unwrap_or(usize::MAX)
            .min(part.len());
        let got = match file.read_at(&mut part[..wanted], offset + done) {
            Ok(got) => got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::Os(error.raw_os_error().unwrap_or(libc::EIO))),
        };
        if got == 0 {
            break;
        }
        send_all(patience, fd, session, &part[..got]).1?;
        done += got as u64;
    }
    Ok(done)
}
