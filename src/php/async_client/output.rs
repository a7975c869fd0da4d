//! Sending of a client that the event loop drives.

use super::super::client::{failed, transfer_code};
use super::super::client_connect::Settings;
use super::super::convert::set_long;
use super::super::ffi::*;
use super::super::method::{Frame, Stop};
use super::{ON_BUFFER_FULL, Session, events, fire, has};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use swoole_core::error::codes;
use swoole_core::net::client::{ClientError, open_range};

/// What waits may be so large, unless `socket_buffer_size` says otherwise; the last data pushed may
/// exceed it.
const DEFAULT_BUFFER_BYTES: i64 = 8 * 1024 * 1024;

/// Files that may wait; each is open.
const MAX_FILES: usize = 256;

/// How much may wait, and when onBufferFull and onBufferEmpty are called.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    most: usize,
    pub high: usize,
    pub low: usize,
}

impl Marks {
    pub fn of(settings: &Settings) -> Result<Marks, Stop> {
        let most = settings.size("socket_buffer_size", 1, i64::from(i32::MAX))?;
        let most = most.unwrap_or(DEFAULT_BUFFER_BYTES);
        let max = i64::from(u32::MAX);
        let high = settings.size("buffer_high_watermark", 0, max)?;
        let high = high.filter(|high| *high > 0).unwrap_or(most / 5 * 4);
        let low = settings.size("buffer_low_watermark", 0, max)?.unwrap_or(0);
        let number = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(Marks {
            most: number(most),
            high: number(high),
            low: number(low),
        })
    }
}

pub fn send(
    frame: Frame,
    place: Place<'_>,
    session: &Rc<Session>,
    data: &[u8],
) -> Result<(), Stop> {
    let sent = if session.link.socket.borrow().sock_type().is_stream() {
        push(session, data)
    } else {
        session.link.socket.borrow().send_datagram_now(data)
    };
    let sent = sent.map_err(|error| {
        let fd = session.link.socket.borrow().raw_fd();
        let what = format!("failed to send({fd}) {} bytes", data.len());
        failed(frame, transfer_code(&error), &what)
    })?;
    set_long(place, sent as i64);
    after_push(session, frame.this())
}

/// Sends what the kernel takes now and keeps the rest.
fn push(session: &Session, data: &[u8]) -> Result<usize, ClientError> {
    let mut outgoing = session.outgoing.borrow_mut();
    if outgoing.bytes() > session.marks.most {
        session.is_full.set(true);
        return Err(ClientError::Refused(codes::OUTPUT_BUFFER_OVERFLOW));
    }
    outgoing.send(session.link.socket.borrow().as_fd(), data)?;
    Ok(data.len())
}

fn after_push(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    events::watch(session, object)?;
    let waits = session.outgoing.borrow().bytes();
    if waits >= session.marks.high && !session.is_full.get() && has(object, ON_BUFFER_FULL) {
        session.is_full.set(true);
        fire(object, ON_BUFFER_FULL, None)?;
    }
    Ok(())
}

pub fn send_file(
    frame: Frame,
    session: &Rc<Session>,
    path: &Path,
    offset: i64,
    length: i64,
) -> Result<(), ClientError> {
    let (file, offset, count) = open_range(path, offset, length)?;
    if session.outgoing.borrow().files() >= MAX_FILES {
        return Err(ClientError::Refused(codes::OUTPUT_BUFFER_OVERFLOW));
    }
    session.outgoing.borrow_mut().push_file(file, offset, count);
    // The loop sends it.
    match events::watch(session, frame.this()) {
        Ok(()) => Ok(()),
        Err(_) => Err(ClientError::Refused(codes::OPERATION_NOT_SUPPORT)),
    }
}
