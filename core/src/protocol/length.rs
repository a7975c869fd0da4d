//! The length field of a package's head.

/// The type of a length field: a letter of PHP's `pack()`. `l` and `L` have 32 bits everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthType {
    letter: u8,
    bytes: u8,
}

impl LengthType {
    /// Where nothing else is said: `N`, 32 bits in network byte order.
    pub const DEFAULT: LengthType = LengthType {
        letter: b'N',
        bytes: 4,
    };

    /// None: no letter of an integer of fixed size.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<LengthType> {
        let bytes = match letter {
            b'c' | b'C' => 1,
            b's' | b'S' | b'n' | b'v' => 2,
            b'l' | b'L' | b'N' | b'V' => 4,
            b'q' | b'Q' | b'J' | b'P' => 8,
            _ => return None,
        };
        Some(LengthType { letter, bytes })
    }

    #[must_use]
    pub fn letter(self) -> u8 {
        self.letter
    }

    /// The size of the field, 1 to 8 bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::from(self.bytes)
    }

    /// The number at the start of `field`; None if it is negative, over 2^63 - 1, or `field` is too
    /// short.
    #[must_use]
    pub fn read(self, field: &[u8]) -> Option<u64> {
        let field = field.get(..self.bytes())?;
        let value = match self.letter {
            b'c' => i64::from(field[0].cast_signed()),
            b'C' => i64::from(field[0]),
            b's' => i64::from(i16::from_ne_bytes(array(field))),
            b'S' => i64::from(u16::from_ne_bytes(array(field))),
            b'n' => i64::from(u16::from_be_bytes(array(field))),
            b'v' => i64::from(u16::from_le_bytes(array(field))),
            b'l' => i64::from(i32::from_ne_bytes(array(field))),
            b'L' => i64::from(u32::from_ne_bytes(array(field))),
            b'N' => i64::from(u32::from_be_bytes(array(field))),
            b'V' => i64::from(u32::from_le_bytes(array(field))),
            b'J' => i64::from_be_bytes(array(field)),
            b'P' => i64::from_le_bytes(array(field)),
            // q and Q.
            _ => i64::from_ne_bytes(array(field)),
        };
        u64::try_from(value).ok()
    }
}

/// `field` has `N` bytes: the callers' letters say so.
fn array<const N: usize>(field: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(field);
    bytes
}

/// Where the length of a package stands, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthField {
    pub kind: LengthType,
    /// Bytes before the field.
    pub offset: u16,
    /// Bytes of the package that the length does not count.
    pub body_offset: u16,
}

impl LengthField {
    /// So many bytes hold the whole field.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        usize::from(self.offset) + self.kind.bytes()
    }

    /// The length of the whole package; None if the field is negative. `head` has at least
    /// [`LengthField::head_bytes`].
    #[must_use]
    pub fn total(&self, head: &[u8]) -> Option<u64> {
        let counted = self.kind.read(head.get(usize::from(self.offset)..)?)?;
        counted.checked_add(u64::from(self.body_offset))
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_reads_as_unpack_does() {
        let bytes = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
        let read = |letter| {
            LengthType::from_letter(letter)
                .expect("letter")
                .read(&bytes)
        };
        assert_eq!(read(b'c'), Some(1));
        assert_eq!(read(b'C'), Some(1));
        assert_eq!(read(b'n'), Some(0x0102));
        assert_eq!(read(b'v'), Some(0x0201));
        assert_eq!(read(b'N'), Some(0x0102_0304));
        assert_eq!(read(b'V'), Some(0x0403_0201));
        assert_eq!(read(b'J'), Some(0x0102_0304_0506_0708));
        assert_eq!(read(b'P'), Some(0x0807_0605_0403_0201));
        for (letter, wide) in [
            (b's', 2),
            (b'S', 2),
            (b'l', 4),
            (b'L', 4),
            (b'q', 8),
            (b'Q', 8),
        ] {
            let mut padded = [0; 8];
            padded[..wide].copy_from_slice(&bytes[..wide]);
            let expected = u64::from_ne_bytes(padded);
            #[cfg(target_endian = "little")]
            assert_eq!(read(letter), Some(expected));
        }
    }

    #[test]
    fn negative_and_short_fields_are_refused() {
        let negative = [0xff; 8];
        for letter in *b"cslqQJP" {
            let kind = LengthType::from_letter(letter).expect("letter");
            assert_eq!(kind.read(&negative), None, "{}", char::from(letter));
        }
        for letter in *b"CSnvLNV" {
            let kind = LengthType::from_letter(letter).expect("letter");
            let largest = (1 << (8 * kind.bytes())) - 1;
            assert_eq!(kind.read(&negative), Some(largest));
            assert_eq!(kind.read(&negative[..kind.bytes() - 1]), None);
        }
        for letter in *b"aAhHiIfgGdeExXZ@ \0" {
            assert_eq!(LengthType::from_letter(letter), None);
        }
    }

    #[test]
    fn what_the_length_does_not_count_is_added() {
        let field = LengthField {
            kind: LengthType::from_letter(b'J').expect("letter"),
            offset: 2,
            body_offset: 10,
        };
        assert_eq!(field.head_bytes(), 10);
        assert_eq!(field.total(b"xx\0\0\0\0\0\0\0\x05hello"), Some(15));
        // The largest length does not wrap around.
        let mut head = *b"xx\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(field.total(&head), Some(i64::MAX as u64 + 10));
        head[2] = 0x80;
        assert_eq!(field.total(&head), None);
        assert_eq!(field.total(b"xx\0\0"), None);
    }
}
