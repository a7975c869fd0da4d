//! The header in front of each message in a ring.

use bytemuck::{Pod, Zeroable};

/// Size of a [`Header`] in a ring.
pub const HEADER_BYTES: usize = size_of::<Header>();

/// The first part of a message.
pub const FIRST: u8 = 1;
/// The last part of a message; with [`FIRST`], the only one.
pub const LAST: u8 = 2;
/// The server, not the client, began it (of a close).
pub const BY_SERVER: u8 = 4;
/// Drop what is queued and reset the connection (of a close).
pub const RESET: u8 = 8;
/// Confirm only, no callback (of a close): another worker runs it.
pub const SILENT: u8 = 16;

/// What a message is. The numbers are internal to one server: all its processes run the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Host to worker: a client connected.
    Connect = 1,
    /// Host to worker: bytes from a client.
    Receive = 2,
    /// Host to worker: a connection ended, run its close callback and confirm.
    Close = 3,
    /// Host to worker: the send queue of a connection reached its high watermark.
    BufferFull = 4,
    /// Host to worker: and fell to its low watermark.
    BufferEmpty = 5,
    /// Worker to host: bytes for a client.
    Send = 6,
    /// Worker to host: the close callback has run, the descriptor may be freed.
    CloseConfirm = 7,
    /// Worker to host or worker: close a connection.
    CloseRequest = 8,
    /// Manager to host: a worker died; `source` is its slot and `epoch` its incarnation.
    WorkerDied = 9,
    /// Manager or host to worker: take no new work and finish.
    Drain = 10,
    /// Worker to host: it takes no new work and has finished what it had.
    Drained = 11,
    /// Host to worker: stop accepting (BASE mode) or the server is going down.
    Shutdown = 12,
    /// Manager to host: close a connection whose worker died.
    CloseSession = 16,
    /// Worker to worker: a message of user code (`sendMessage`).
    PipeMessage = 13,
    /// Worker to task worker: a task.
    Task = 14,
    /// Task worker to worker: its result.
    Finish = 15,
    /// Manager to worker: the task worker that had this task in hand is dead.
    TaskLost = 17,
}

impl Kind {
    /// The kind of a number; `None` if there is none.
    #[inline]
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Connect,
            2 => Self::Receive,
            3 => Self::Close,
            4 => Self::BufferFull,
            5 => Self::BufferEmpty,
            6 => Self::Send,
            7 => Self::CloseConfirm,
            8 => Self::CloseRequest,
            9 => Self::WorkerDied,
            10 => Self::Drain,
            11 => Self::Drained,
            12 => Self::Shutdown,
            13 => Self::PipeMessage,
            14 => Self::Task,
            15 => Self::Finish,
            16 => Self::CloseSession,
            17 => Self::TaskLost,
            _ => return None,
        })
    }
}

/// In front of each message, in native byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// The connection it belongs to, 0 for none; of tasks and their results the number of the task.
    pub session_id: u64,
    /// When it was passed on: microseconds since the epoch.
    pub time_us: u64,
    /// Bytes of the whole message, all parts together, without headers.
    pub len: u32,
    /// Incarnation of the worker slot that sent it, or that it is about.
    pub epoch: u32,
    /// A [`Kind`] as a number.
    pub kind: u8,
    /// [`FIRST`], [`LAST`], [`BY_SERVER`], [`RESET`].
    pub flags: u8,
    /// Index of the sender: reactor thread or worker slot.
    pub source: u16,
    /// Index of the listening port; of tasks, results and messages of user code their flags.
    pub port: u16,
    /// Of a task's result: the low bits of the incarnation that asked for it. Of a task in a System V queue:
    /// which run of the server it is of. Else 0.
    pub asker_epoch: u16,
}

const _: () = assert!(size_of::<Header>() == 32);

/// A record that is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a record of {bytes} bytes is too short for a message header")]
    Short { bytes: usize },
    #[error("no message kind has the number {number}")]
    Kind { number: u8 },
    #[error("a part of {part_bytes} bytes (flags {flags:#x}) in a message of {message_bytes}")]
    Length {
        part_bytes: usize,
        message_bytes: u32,
        flags: u8,
    },
}

impl Header {
    /// A whole message of `len` bytes; other fields are 0.
    #[inline]
    #[must_use]
    pub fn new(kind: Kind, session_id: u64, len: u32) -> Self {
        Self {
            session_id,
            len,
            kind: kind as u8,
            flags: FIRST | LAST,
            ..Self::default()
        }
    }

    /// The bytes to put in front of the data.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    /// Writes the header at the start of a reservation.
    ///
    /// # Errors
    /// [`Malformed::Short`] if there is no room.
    #[inline]
    pub fn write(&self, record: &mut [u8]) -> Result<(), Malformed> {
        let bytes = record.len();
        let place = record
            .get_mut(..HEADER_BYTES)
            .ok_or(Malformed::Short { bytes })?;
        place.copy_from_slice(self.as_bytes());
        Ok(())
    }

    /// Takes a record apart: header, kind, data.
    ///
    /// # Errors
    /// [`Malformed`] if it is none that [`Header::new`] and [`parts`] make.
    #[inline]
    pub fn read(record: &[u8]) -> Result<(Header, Kind, &[u8]), Malformed> {
        let (head, data) = record
            .split_at_checked(HEADER_BYTES)
            .ok_or(Malformed::Short {
                bytes: record.len(),
            })?;
        let header: Header = bytemuck::pod_read_unaligned(head);
        let kind = Kind::from_number(header.kind).ok_or(Malformed::Kind {
            number: header.kind,
        })?;
        let len = header.len as usize;
        let fits = if header.is_whole() {
            data.len() == len
        } else {
            data.len() < len
        };
        if !fits {
            return Err(Malformed::Length {
                part_bytes: data.len(),
                message_bytes: header.len,
                flags: header.flags,
            });
        }
        Ok((header, kind, data))
    }

    /// Whether the message came in one part, as nearly all do.
    #[inline]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.flags & (FIRST | LAST) == FIRST | LAST
    }

    #[inline]
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// The header and data of the part that begins at `sent_bytes` of a message, with at most
    /// `max_bytes` of data (at least 1). For a sender that goes on later where the ring was full.
    #[must_use]
    pub fn part<'a>(
        &self,
        data: &'a [u8],
        sent_bytes: usize,
        max_bytes: usize,
    ) -> (Header, &'a [u8]) {
        let rest = data.get(sent_bytes..).unwrap_or_default();
        let part = rest.get(..max_bytes.max(1)).unwrap_or(rest);
        let mut header = *self;
        header.flags &= !(FIRST | LAST);
        if sent_bytes == 0 {
            header.flags |= FIRST;
        }
        if part.len() == rest.len() {
            header.flags |= LAST;
        }
        (header, part)
    }
}

/// All parts of a message, each with at most `max_bytes` of data (at least 1); one part if it fits.
/// `header.len` must be `data.len()`.
pub fn parts(
    header: Header,
    data: &[u8],
    max_bytes: usize,
) -> impl Iterator<Item = (Header, &[u8])> {
    let mut sent_bytes = 0;
    let mut done = false;
    core::iter::from_fn(move || {
        if done {
            return None;
        }
        let (header, part) = header.part(data, sent_bytes, max_bytes);
        sent_bytes += part.len();
        done = header.has(LAST);
        Some((header, part))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_ring() {
        let header = Header {
            time_us: 7,
            epoch: 3,
            source: 2,
            port: 1,
            ..Header::new(Kind::Receive, 42, 5)
        };
        let mut record = vec![0; HEADER_BYTES + 5];
        header.write(&mut record).unwrap();
        record[HEADER_BYTES..].copy_from_slice(b"hello");
        assert_eq!(
            Header::read(&record),
            Ok((header, Kind::Receive, &b"hello"[..]))
        );
        // Unaligned, too.
        record.insert(0, 0);
        assert_eq!(Header::read(&record[1..]).unwrap().0, header);
    }

    #[test]
    fn every_kind_has_its_number() {
        let known = (0..=u8::MAX).filter_map(|n| Kind::from_number(n).map(|kind| (n, kind)));
        let known: Vec<_> = known.collect();
        assert_eq!(known.len(), 17);
        assert!(known.iter().all(|(number, kind)| *kind as u8 == *number));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(Header::read(&[0; 31]), Err(Malformed::Short { bytes: 31 }));
        assert!(Header::default().write(&mut [0; 31]).is_err());
        let mut header = Header::new(Kind::Send, 1, 1);
        assert!(matches!(
            Header::read(header.as_bytes()),
            Err(Malformed::Length { .. })
        ));
        header.flags = FIRST;
        header.len = 0;
        assert!(matches!(
            Header::read(header.as_bytes()),
            Err(Malformed::Length { .. })
        ));
        header.kind = 200;
        assert_eq!(
            Header::read(header.as_bytes()),
            Err(Malformed::Kind { number: 200 })
        );
    }

    #[test]
    fn parts_cover_the_data() {
        let data: Vec<u8> = (0..100).collect();
        for max_bytes in [1, 7, 50, 99, 100, 101] {
            let header = Header::new(Kind::Send, 1, 100);
            let all: Vec<_> = parts(header, &data, max_bytes).collect();
            let joined: Vec<u8> = all.iter().flat_map(|(_, part)| part.to_vec()).collect();
            assert_eq!(joined, data);
            assert_eq!(all.len(), 100_usize.div_ceil(max_bytes));
            assert!(all.iter().all(|(_, part)| part.len() <= max_bytes));
            assert!(all[0].0.has(FIRST) && all[all.len() - 1].0.has(LAST));
        }
        let none: Vec<_> = parts(Header::new(Kind::Close, 1, 0), &[], 10).collect();
        assert_eq!(none.len(), 1);
        assert!(none[0].0.is_whole());
    }
}
