//! What the load generator sends and expects back.
//!
//! Each connection carries a stream of messages of one size. Message `n` of connection `c` is a
//! header (n and c, 16 bytes, cut off where the message is shorter) and then a run of noise that
//! starts at an offset given by n and c. So an answer that belongs to another connection or to an
//! earlier request, or that lost a byte, does not match, and no copy of what was sent is needed.

use anyhow::{Result, bail};

const HEADER_BYTES: usize = 16;
/// Runs start at one of so many places; a prime, so that neighbours differ.
const OFFSETS: u64 = 251;

#[derive(Debug)]
pub struct Pattern {
    size_bytes: usize,
    noise: Vec<u8>,
}

impl Pattern {
    /// `size_bytes` is the size of one message, at least 1.
    pub fn new(size_bytes: usize) -> Result<Pattern> {
        if size_bytes == 0 {
            bail!("a message needs at least 1 byte");
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = (0..size_bytes + OFFSETS as usize)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect();
        Ok(Pattern { size_bytes, noise })
    }

    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Fills `out` with the bytes of `connection`'s stream from `position` on.
    pub fn fill(&self, connection: u64, position: u64, out: &mut [u8]) {
        let mut done = 0;
        while done < out.len() {
            let rest = out.len() - done;
            let (header, body) = self.at(connection, position + done as u64);
            let part = header.as_slice().unwrap_or(body);
            let n = part.len().min(rest);
            out[done..done + n].copy_from_slice(&part[..n]);
            done += n;
        }
    }

    /// Compares `got` with `connection`'s stream from `position` on. `Err` is the index in `got`
    /// of the first byte that differs.
    pub fn verify(&self, connection: u64, position: u64, got: &[u8]) -> Result<(), usize> {
        let mut done = 0;
        while done < got.len() {
            let (header, body) = self.at(connection, position + done as u64);
            let part = header.as_slice().unwrap_or(body);
            let n = part.len().min(got.len() - done);
            if got[done..done + n] != part[..n] {
                let same = got[done..].iter().zip(part).take_while(|(a, b)| a == b);
                return Err(done + same.count());
            }
            done += n;
        }
        Ok(())
    }

    /// The rest of the header, or of the run of noise, that `position` lies in.
    fn at(&self, connection: u64, position: u64) -> (Header, &[u8]) {
        let size = self.size_bytes as u64;
        let (message, within) = (position / size, (position % size) as usize);
        let header_len = HEADER_BYTES.min(self.size_bytes);
        if within < header_len {
            return (Header::new(message, connection, within, header_len), &[]);
        }
        let offset = ((message * 7 + connection * 13) % OFFSETS) as usize;
        (
            Header::NONE,
            &self.noise[offset + within..offset + self.size_bytes],
        )
    }
}

#[derive(Debug)]
struct Header {
    bytes: [u8; HEADER_BYTES],
    from: usize,
    to: usize,
}

impl Header {
    const NONE: Header = Header {
        bytes: [0; HEADER_BYTES],
        from: 0,
        to: 0,
    };

    fn new(message: u64, connection: u64, from: usize, to: usize) -> Header {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&message.to_le_bytes());
        bytes[8..].copy_from_slice(&connection.to_le_bytes());
        Header { bytes, from, to }
    }

    fn as_slice(&self) -> Option<&[u8]> {
        (self.from < self.to).then(|| &self.bytes[self.from..self.to])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(pattern: &Pattern, connection: u64, from: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        pattern.fill(connection, from, &mut out);
        out
    }

    #[test]
    fn no_message_of_no_bytes() {
        assert!(Pattern::new(0).is_err());
    }

    #[test]
    fn messages_and_connections_differ() {
        let pattern = Pattern::new(64).unwrap();
        let first = stream(&pattern, 0, 0, 64);
        assert_ne!(first, stream(&pattern, 0, 64, 64), "the next message");
        assert_ne!(first, stream(&pattern, 1, 0, 64), "another connection");
        assert_eq!(pattern.verify(1, 0, &first), Err(8), "told by the header");
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_is_the_same_stream(
            size in 1usize..200, from in 0u64..1000, len in 0usize..600, cut in 0usize..600,
        ) {
            let pattern = Pattern::new(size).unwrap();
            let cut = cut.min(len);
            let whole = stream(&pattern, 3, from, len);
            let mut parts = stream(&pattern, 3, from, cut);
            parts.extend(stream(&pattern, 3, from + cut as u64, len - cut));
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(pattern.verify(3, from, &whole), Ok(()));
        }

        #[test]
        fn each_wrong_byte_is_found(
            size in 1usize..200, from in 0u64..1000, len in 1usize..600, at in 0usize..600,
        ) {
            let pattern = Pattern::new(size).unwrap();
            let at = at % len;
            let mut bytes = stream(&pattern, 3, from, len);
            bytes[at] ^= 0x40;
            prop_assert_eq!(pattern.verify(3, from, &bytes), Err(at));
        }
    }
}
