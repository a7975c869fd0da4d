//! Tasks as bytes, for whoever puts them into the message queue of a server (`Task::pack()`).

use super::incoming::{NONBLOCK, NOREPLY};
use crate::ipc::message::{Header, Kind};
use crate::reactor::clock;

/// `SWOOLE_TASK_SERIALIZE`.
const SERIALIZED: u16 = 2;

/// A task that nobody gets a result of.
#[must_use]
pub fn pack(data: &[u8], is_serialized: bool) -> Vec<u8> {
    let header = Header {
        time_us: clock::wall_us(),
        port: NONBLOCK | NOREPLY | if is_serialized { SERIALIZED } else { 0 },
        ..Header::new(Kind::Task, 0, data.len() as u32)
    };
    [header.as_bytes(), data].concat()
}

/// The data, and whether it is serialized; `None` if [`pack`] did not make it.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Option<(&[u8], bool)> {
    let (header, kind, data) = Header::read(bytes).ok()?;
    (kind == Kind::Task).then_some((data, header.port & SERIALIZED != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out() {
        for data in [&b""[..], b"x", &[7; 100_000]] {
            assert_eq!(unpack(&pack(data, true)), Some((data, true)));
            assert_eq!(unpack(&pack(data, false)), Some((data, false)));
        }
        assert_eq!(unpack(b"nonsense"), None);
        assert_eq!(unpack(&[1; 32]), None);
    }
}
