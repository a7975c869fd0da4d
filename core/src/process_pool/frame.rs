//! What a client of a pool's socket sends: four bytes of length, most significant first, then so many bytes.

/// The length in front.
pub const HEAD_BYTES: usize = 4;
/// Memory set aside before bytes have come, whatever the length says.
const FIRST_RESERVE_BYTES: usize = 64 << 10;

/// A length that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLength(pub u32);

/// Puts one frame together.
#[derive(Debug)]
pub struct Frame {
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    body: Vec<u8>,
    max_bytes: usize,
}

impl Frame {
    /// One of at most `max_bytes` after its length.
    #[must_use]
    pub fn new(max_bytes: usize) -> Frame {
        Frame {
            head: [0; HEAD_BYTES],
            head_bytes: 0,
            body: Vec::new(),
            max_bytes,
        }
    }

    fn len(&self) -> usize {
        u32::from_be_bytes(self.head) as usize
    }

    /// How many bytes are still to come, as far as that is known; 0: it is whole.
    #[must_use]
    pub fn missing(&self) -> usize {
        if self.head_bytes < HEAD_BYTES {
            HEAD_BYTES - self.head_bytes
        } else {
            self.len().saturating_sub(self.body.len())
        }
    }

    /// Takes the next bytes, of which there are at most [`Self::missing`]; true: it is whole.
    ///
    /// # Errors
    /// The length is 0 or above the limit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, BadLength> {
        let in_head = bytes.len().min(HEAD_BYTES - self.head_bytes);
        let (head, body) = bytes.split_at(in_head);
        if in_head > 0 {
            if let Some(place) = self
                .head
                .get_mut(self.head_bytes..self.head_bytes + in_head)
            {
                place.copy_from_slice(head);
            }
            self.head_bytes += in_head;
            if self.head_bytes < HEAD_BYTES {
                return Ok(false);
            }
            let len = self.len();
            if len == 0 || len > self.max_bytes {
                return Err(BadLength(u32::from_be_bytes(self.head)));
            }
            self.body.reserve_exact(len.min(FIRST_RESERVE_BYTES));
        }
        let body = body.get(..self.missing()).unwrap_or(body);
        self.body.extend_from_slice(body);
        Ok(self.missing() == 0)
    }

    /// The bytes behind the length.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn frames_come_in_any_pieces() {
        let body: Vec<u8> = (0..=255).cycle().take(700).collect();
        let bytes = frame(&body);
        for piece in [1, 2, 3, 4, 5, 7, 100, 703, 704] {
            let mut frame = Frame::new(1000);
            let mut at = 0;
            while at < bytes.len() {
                let end = (at + piece.min(frame.missing())).min(bytes.len());
                assert_eq!(frame.push(&bytes[at..end]), Ok(end == bytes.len()));
                at = end;
            }
            assert_eq!(frame.into_body(), body);
        }
    }

    #[test]
    fn what_comes_behind_is_not_taken() {
        let mut bytes = frame(b"one");
        bytes.extend_from_slice(b"two");
        let mut frame = Frame::new(10);
        assert_eq!(frame.push(&bytes), Ok(true));
        assert_eq!(frame.into_body(), b"one");
    }

    #[test]
    fn lengths_are_checked_before_anything_is_kept() {
        assert_eq!(Frame::new(10).push(&frame(b"")), Err(BadLength(0)));
        assert_eq!(Frame::new(10).push(&[0, 0, 0, 11]), Err(BadLength(11)));
        assert_eq!(Frame::new(10).push(&[0xff; 4]), Err(BadLength(u32::MAX)));
        let mut frame = Frame::new(usize::MAX);
        assert_eq!(frame.push(&[0xff, 0xff, 0xff, 0xff]), Ok(false));
        assert!(frame.body.capacity() <= FIRST_RESERVE_BYTES);
        assert_eq!(frame.missing(), u32::MAX as usize);
    }
}
