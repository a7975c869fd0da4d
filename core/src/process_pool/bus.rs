//! Messages of any length over pipes that take short ones: sent in parts, put together again.

use std::borrow::Cow;
use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};

/// What one datagram holds at most, its header included. The kernel's default limit is above 200 KiB.
pub const DATAGRAM_BYTES: usize = 64 << 10;
const HEADER_BYTES: usize = size_of::<Header>();
/// Bytes of a message in one datagram.
pub const PART_BYTES: usize = DATAGRAM_BYTES - HEADER_BYTES;
/// Senders whose message is under way at the same time.
const SENDERS_MAX: usize = 4096;
/// Memory set aside when a message begins.
const FIRST_RESERVE_BYTES: usize = 1 << 20;
const MARK: u32 = 0x5357_4d42;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Header {
    mark: u32,
    /// Process id of the sender, which sends one message after the other.
    sender: u32,
    /// Counts the sender's messages.
    number: u64,
    /// Bytes of the whole message.
    len: u32,
    /// How many of them came before this part.
    offset: u32,
}

/// Cuts a message, of less than 4 GiB, into datagrams.
pub fn datagrams(sender: u32, number: u64, message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let count = message.len().div_ceil(PART_BYTES).max(1);
    (0..count).map(move |index| {
        let offset = index * PART_BYTES;
        let end = (offset + PART_BYTES).min(message.len());
        let part = message.get(offset..end).unwrap_or_default();
        let header = Header {
            mark: MARK,
            sender,
            number,
            len: message.len() as u32,
            offset: offset as u32,
        };
        let mut datagram = Vec::with_capacity(HEADER_BYTES + part.len());
        datagram.extend_from_slice(bytemuck::bytes_of(&header));
        datagram.extend_from_slice(part);
        datagram
    })
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    #[error(
        "{bytes} bytes that are no part of a message: with enable_message_bus only sendMessage() may write to the workers' pipes"
    )]
    Foreign { bytes: usize },
    #[error("a message of {bytes} bytes, above the limit of {max}")]
    TooLarge { bytes: usize, max: usize },
    #[error(
        "{bytes} bytes of a message whose beginning or other parts are missing: its sender died"
    )]
    Orphan { bytes: usize },
}

#[derive(Debug)]
struct Partial {
    number: u64,
    len: usize,
    bytes: Vec<u8>,
}

/// Puts messages together.
#[derive(Debug)]
pub struct Assembler {
    max_bytes: usize,
    partial: HashMap<u32, Partial>,
}

impl Assembler {
    /// Messages of at most `max_bytes`; of all senders together four times as much may be unfinished.
    #[must_use]
    pub fn new(max_bytes: usize) -> Assembler {
        Assembler {
            max_bytes,
            partial: HashMap::new(),
        }
    }

    fn held_bytes(&self) -> usize {
        self.partial
            .values()
            .map(|partial| partial.bytes.len())
            .sum()
    }

    /// Takes a datagram; gives the message that it completes.
    ///
    /// # Errors
    /// It was dropped.
    pub fn push<'a>(&mut self, datagram: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Dropped> {
        let bytes = datagram.len();
        let header = datagram.get(..HEADER_BYTES);
        let header: Option<Header> = header.and_then(|b| bytemuck::try_pod_read_unaligned(b).ok());
        let header = header.filter(|header| header.mark == MARK);
        let (Some(header), Some(part)) = (header, datagram.get(HEADER_BYTES..)) else {
            return Err(Dropped::Foreign { bytes });
        };
        let (len, offset) = (header.len as usize, header.offset as usize);
        if len > self.max_bytes {
            let max = self.max_bytes;
            return Err(Dropped::TooLarge { bytes: len, max });
        }
        // A sender begins a message when it is done with, or has given up, the one before.
        let before = self.partial.remove(&header.sender);
        if offset == 0 {
            if part.len() == len {
                return Ok(Some(Cow::Borrowed(part)));
            }
            return self.begin(&header, part);
        }
        let orphan = Dropped::Orphan { bytes: part.len() };
        let Some(mut partial) = before else {
            return Err(orphan);
        };
        let is_next = (partial.number, partial.len, partial.bytes.len())
            == (header.number, len, offset)
            && part.len() <= len - offset
            && !part.is_empty();
        if !is_next {
            return Err(orphan);
        }
        partial.bytes.extend_from_slice(part);
        if partial.bytes.len() == len {
            return Ok(Some(Cow::Owned(partial.bytes)));
        }
        self.partial.insert(header.sender, partial);
        Ok(None)
    }

    fn begin<'a>(
        &mut self,
        header: &Header,
        part: &[u8],
    ) -> Result<Option<Cow<'a, [u8]>>, Dropped> {
        let len = header.len as usize;
        if part.is_empty() || part.len() > len {
            return Err(Dropped::Orphan { bytes: part.len() });
        }
        let most = self.max_bytes.saturating_mul(4);
        if self.partial.len() >= SENDERS_MAX || self.held_bytes().saturating_add(len) > most {
            // Some of these are of dead senders; the others lose a message, which is said here.
            self.partial.clear();
            return Err(Dropped::TooLarge {
                bytes: len,
                max: most,
            });
        }
        let mut bytes = Vec::with_capacity(len.min(FIRST_RESERVE_BYTES));
        bytes.extend_from_slice(part);
        let partial = Partial {
            number: header.number,
            len,
            bytes,
        };
        self.partial.insert(header.sender, partial);
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(len: usize) -> Vec<u8> {
        (0..=250).cycle().take(len).collect()
    }

    #[test]
    fn messages_of_all_lengths_arrive() {
        let mut assembler = Assembler::new(1 << 20);
        for len in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 1 << 20] {
            let message = message(len);
            let datagrams: Vec<_> = datagrams(7, 1, &message).collect();
            assert!(datagrams.iter().all(|d| d.len() <= DATAGRAM_BYTES));
            let (last, others) = datagrams.split_last().unwrap();
            for datagram in others {
                assert_eq!(assembler.push(datagram), Ok(None));
            }
            assert_eq!(assembler.push(last).unwrap().as_deref(), Some(&message[..]));
            assert!(assembler.partial.is_empty());
        }
    }

    #[test]
    fn senders_do_not_disturb_each_other() {
        let (a, b) = (message(150_000), message(140_001));
        let (of_a, of_b): (Vec<_>, Vec<_>) =
            (datagrams(1, 1, &a).collect(), datagrams(2, 1, &b).collect());
        let mut assembler = Assembler::new(1 << 20);
        for index in 0..2 {
            assert_eq!(assembler.push(&of_a[index]), Ok(None));
            assert_eq!(assembler.push(&of_b[index]), Ok(None));
        }
        assert_eq!(assembler.push(&of_b[2]).unwrap().as_deref(), Some(&b[..]));
        assert_eq!(assembler.push(&of_a[2]).unwrap().as_deref(), Some(&a[..]));
    }

    #[test]
    fn unfinished_messages_are_given_up() {
        let long = message(200_000);
        let parts: Vec<_> = datagrams(1, 1, &long).collect();
        let mut assembler = Assembler::new(1 << 20);
        assert_eq!(assembler.push(&parts[0]), Ok(None));
        // The sender gave up and sends the next one.
        let next = datagrams(1, 2, b"next").next().unwrap();
        assert_eq!(
            assembler.push(&next).unwrap().as_deref(),
            Some(&b"next"[..])
        );
        assert!(matches!(
            assembler.push(&parts[1]),
            Err(Dropped::Orphan { .. })
        ));
        // A part is missing.
        assert_eq!(assembler.push(&parts[0]), Ok(None));
        assert!(matches!(
            assembler.push(&parts[2]),
            Err(Dropped::Orphan { .. })
        ));
        assert!(assembler.partial.is_empty());
    }

    #[test]
    fn garbage_is_refused() {
        let mut assembler = Assembler::new(1000);
        assert_eq!(assembler.push(b""), Err(Dropped::Foreign { bytes: 0 }));
        assert_eq!(
            assembler.push(&[0; 100]),
            Err(Dropped::Foreign { bytes: 100 })
        );
        let large = datagrams(1, 1, &message(1001)).next().unwrap();
        let refused = Dropped::TooLarge {
            bytes: 1001,
            max: 1000,
        };
        assert_eq!(assembler.push(&large), Err(refused));
        let mut longer = datagrams(1, 1, b"abc").next().unwrap();
        longer.push(b'd');
        assert!(assembler.push(&longer).is_err());
    }

    #[test]
    fn unfinished_messages_have_a_limit() {
        let mut assembler = Assembler::new(100_000);
        let message = message(100_000);
        let mut refused = 0;
        for sender in 0..100 {
            let first = datagrams(sender, 1, &message).next().unwrap();
            refused += usize::from(assembler.push(&first).is_err());
            assert!(assembler.held_bytes() <= 400_000);
        }
        assert!(refused > 0);
    }
}
