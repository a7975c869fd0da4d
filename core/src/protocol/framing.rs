//! Where packages end in a stream of bytes: by an end mark, by a length field in the head, or by a
//! length that user code computes.
//!
//! [`Framing`] is the rule, shared by all connections of a port; [`Progress`] is what one connection
//! has found out, 8 plain bytes. Whoever owns the connection's bytes calls [`Framing::step`] with all
//! that have come since the end of the last package, and again when more have come: a package is the
//! start of those very bytes, so nothing is copied here, and no byte is looked at twice.
//!
//! A server's port keeps one framing and a progress beside each connection's buffer; clients and
//! coroutine sockets use [`super::Decoder`], which brings a buffer along.

use super::length::LengthField;
use crate::error::codes;
use memchr::memmem;
use std::fmt;

/// The most bytes of an end mark.
pub const MAX_MARKER_BYTES: usize = 8;

/// A length function must find the length in so many bytes.
pub const MAX_HEAD_BYTES: usize = 8192;

const FASTCGI_HEAD_BYTES: usize = 8;

/// The default limit of a package.
pub const DEFAULT_MAX_BYTES: u32 = 2 * 1024 * 1024;

/// The bytes that end a package.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    bytes: [u8; MAX_MARKER_BYTES],
    len: u8,
}

impl Marker {
    /// Where a server says nothing else: an empty line.
    pub const DEFAULT: Marker = Marker {
        bytes: *b"\r\n\r\n\0\0\0\0",
        len: 4,
    };

    /// None unless it has 1 to [`MAX_MARKER_BYTES`].
    #[must_use]
    pub fn new(mark: &[u8]) -> Option<Marker> {
        if mark.is_empty() || mark.len() > MAX_MARKER_BYTES {
            return None;
        }
        let mut bytes = [0; MAX_MARKER_BYTES];
        bytes[..mark.len()].copy_from_slice(mark);
        Some(Marker {
            bytes,
            len: mark.len() as u8,
        })
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marker({})", self.as_bytes().escape_ascii())
    }
}

/// How packages end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// There are none: bytes are passed on as they come.
    Raw,
    /// Each package ends with the first mark (`open_eof_split`).
    EachMark(Marker),
    /// What has come ends with a mark: one package or several (`open_eof_check` of servers).
    LastMark(Marker),
    /// The head says how long it is.
    Field(LengthField),
    /// User code says how long it is; see [`Step::Ask`].
    Function,
    /// Packages of MQTT: a byte, and the length of the rest in 1 to 4 bytes of 7 bits.
    Mqtt,
    /// Records of FastCGI: 8 bytes of head, which tell the lengths of content and padding.
    FastCgi,
}

/// A rule and the limit of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    pub rule: Rule,
    /// The longest package in bytes, its end mark and head included. A longer one is an error.
    pub max_bytes: u32,
}

/// What is known of a connection's next package. Plain, so that it can stand in shared memory; all
/// zero at the start of a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Progress {
    /// No end mark starts in so many bytes.
    searched: u32,
    /// The length of the package, once it is known.
    expected: u32,
}

impl Progress {
    /// At the start of a package.
    pub const START: Progress = Progress {
        searched: 0,
        expected: 0,
    };

    /// The length of the package that is under way, once it is known: a reader may make room for it
    /// and read the rest straight there.
    #[must_use]
    pub fn expected(&self) -> Option<usize> {
        (self.expected > 0).then_some(self.expected as usize)
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The package is not whole. At least so many bytes more are needed (1 or more); reading no more
    /// than that never takes bytes of the next package.
    NeedMore { bytes: usize },
    /// The first `len` bytes (1 or more) are a package. The next step starts behind them.
    Package { len: usize },
    /// Call the length function with all the bytes, and pass what it says to [`Framing::answer`].
    Ask,
}

/// Why a stream of bytes makes no sense: nothing that follows can be read, so close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The length is negative.
    BadLength { received_bytes: usize },
    /// The length is 0, or the length function asks for more than [`MAX_HEAD_BYTES`].
    NoLength { received_bytes: usize },
    /// The package would be longer than `max_bytes`.
    TooLong { len: u64, max_bytes: u32 },
    /// `max_bytes` without an end mark.
    NoMark { max_bytes: u32 },
}

impl Malformed {
    /// The `SWOOLE_ERROR_*` value.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Malformed::BadLength { .. } => codes::PACKAGE_MALFORMED_DATA,
            Malformed::NoLength { .. } => codes::PACKAGE_LENGTH_NOT_FOUND,
            Malformed::TooLong { .. } | Malformed::NoMark { .. } => codes::PACKAGE_LENGTH_TOO_LARGE,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::BadLength { received_bytes } => {
                write!(f, "received {received_bytes} bytes of malformed data")
            }
            Malformed::NoLength { received_bytes } => {
                write!(f, "bad request, no length found in {received_bytes} bytes")
            }
            Malformed::TooLong { len, max_bytes } => write!(
                f,
                "the received packet length {len} is too large, at most {max_bytes} are allowed \
                 (package_max_length)"
            ),
            Malformed::NoMark { max_bytes } => write!(
                f,
                "no package_eof in {max_bytes} bytes, the most that are allowed (package_max_length)"
            ),
        }
    }
}

impl std::error::Error for Malformed {}

impl Framing {
    /// Bytes as they come.
    pub const RAW: Framing = Framing {
        rule: Rule::Raw,
        max_bytes: u32::MAX,
    };

    /// Looks for the end of the package at the start of `input`, all that has come since the last
    /// package.
    pub fn step(&self, progress: &mut Progress, input: &[u8]) -> Result<Step, Malformed> {
        if let Some(expected) = progress.expected() {
            return Ok(whole(progress, expected, input));
        }
        if input.is_empty() {
            return Ok(Step::NeedMore {
                bytes: self.head_bytes(),
            });
        }
        match &self.rule {
            Rule::Raw => Ok(Step::Package { len: input.len() }),
            Rule::EachMark(marker) => self.each_mark(progress, input, marker.as_bytes()),
            Rule::LastMark(marker) => self.last_mark(input, marker.as_bytes()),
            Rule::Field(field) => {
                let head_bytes = field.head_bytes();
                if input.len() < head_bytes {
                    let bytes = head_bytes - input.len();
                    return Ok(Step::NeedMore { bytes });
                }
                let total = field.total(input).ok_or(Malformed::BadLength {
                    received_bytes: input.len(),
                })?;
                self.known(progress, input, total)
            }
            Rule::Function => Ok(Step::Ask),
            Rule::Mqtt => self.mqtt(progress, input),
            Rule::FastCgi => match input {
                [_, _, _, _, high, low, padding, _, ..] => {
                    let content = u16::from_be_bytes([*high, *low]);
                    let rest = u64::from(content) + u64::from(*padding);
                    self.known(progress, input, FASTCGI_HEAD_BYTES as u64 + rest)
                }
                _ => Ok(Step::NeedMore {
                    bytes: FASTCGI_HEAD_BYTES - input.len(),
                }),
            },
        }
    }

    /// Goes on after [`Step::Ask`] with what the length function said of `input`: the length of the
    /// package, 0 for "not enough bytes yet", less for "broken".
    pub fn answer(
        &self,
        progress: &mut Progress,
        input: &[u8],
        length: i64,
    ) -> Result<Step, Malformed> {
        let received_bytes = input.len();
        match u64::try_from(length) {
            Err(_) => Err(Malformed::BadLength { received_bytes }),
            Ok(0) if received_bytes >= MAX_HEAD_BYTES => {
                Err(Malformed::NoLength { received_bytes })
            }
            Ok(0) => Ok(Step::NeedMore { bytes: 1 }),
            Ok(total) => self.known(progress, input, total),
        }
    }

    /// So many bytes are worth reading when there are none.
    fn head_bytes(&self) -> usize {
        match &self.rule {
            Rule::Field(field) => field.head_bytes(),
            Rule::EachMark(marker) | Rule::LastMark(marker) => marker.as_bytes().len(),
            Rule::Raw | Rule::Function => 1,
            Rule::Mqtt => 2,
            Rule::FastCgi => FASTCGI_HEAD_BYTES,
        }
    }

    fn each_mark(
        &self,
        progress: &mut Progress,
        input: &[u8],
        marker: &[u8],
    ) -> Result<Step, Malformed> {
        let max_bytes = self.max_bytes as usize;
        let within = &input[..input.len().min(max_bytes)];
        let from = (progress.searched as usize).min(within.len());
        if let Some(at) = memmem::find(&within[from..], marker) {
            *progress = Progress::START;
            return Ok(Step::Package {
                len: from + at + marker.len(),
            });
        }
        if input.len() >= max_bytes {
            return Err(Malformed::NoMark {
                max_bytes: self.max_bytes,
            });
        }
        // The mark may have begun in the last bytes.
        let searched = within.len().saturating_sub(marker.len() - 1);
        progress.searched = searched as u32;
        Ok(Step::NeedMore {
            bytes: marker.len().saturating_sub(within.len()).max(1),
        })
    }

    fn last_mark(&self, input: &[u8], marker: &[u8]) -> Result<Step, Malformed> {
        let max_bytes = self.max_bytes as usize;
        if input.len() <= max_bytes && input.ends_with(marker) {
            return Ok(Step::Package { len: input.len() });
        }
        if input.len() >= max_bytes {
            return Err(Malformed::NoMark {
                max_bytes: self.max_bytes,
            });
        }
        Ok(Step::NeedMore {
            bytes: marker.len().saturating_sub(input.len()).max(1),
        })
    }

    fn mqtt(&self, progress: &mut Progress, input: &[u8]) -> Result<Step, Malformed> {
        const LENGTH_BYTES: usize = 4;
        let mut rest = 0;
        for (index, byte) in input.iter().skip(1).take(LENGTH_BYTES).enumerate() {
            rest |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return self.known(progress, input, rest + 2 + index as u64);
            }
        }
        if input.len() > LENGTH_BYTES {
            let received_bytes = input.len();
            return Err(Malformed::BadLength { received_bytes });
        }
        Ok(Step::NeedMore {
            bytes: 2_usize.saturating_sub(input.len()).max(1),
        })
    }

    fn known(&self, progress: &mut Progress, input: &[u8], total: u64) -> Result<Step, Malformed> {
        let max_bytes = self.max_bytes;
        match u32::try_from(total) {
            Ok(0) => Err(Malformed::NoLength {
                received_bytes: input.len(),
            }),
            Ok(total) if total <= max_bytes => {
                progress.expected = total;
                Ok(whole(progress, total as usize, input))
            }
            _ => Err(Malformed::TooLong {
                len: total,
                max_bytes,
            }),
        }
    }
}

fn whole(progress: &mut Progress, expected: usize, input: &[u8]) -> Step {
    if input.len() < expected {
        return Step::NeedMore {
            bytes: expected - input.len(),
        };
    }
    *progress = Progress::START;
    Step::Package { len: expected }
}
