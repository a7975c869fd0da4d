//! How packages of a socket end, as `setProtocol()` says it bit by bit.

use crate::protocol::framing::{DEFAULT_MAX_BYTES, Rule};
use crate::protocol::{Framing, LengthField, LengthType, Marker};

/// Where the length of a package comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthSource {
    #[default]
    Field,
    Function,
    Mqtt,
    FastCgi,
}

/// The settings that make a [`Framing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub has_length: bool,
    pub has_mark: bool,
    pub mark: Option<Marker>,
    pub length_type: Option<LengthType>,
    pub length_offset: u16,
    pub body_offset: u16,
    pub source: LengthSource,
    pub max_bytes: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            has_length: false,
            has_mark: false,
            mark: Marker::new(b"\r\n\r\n"),
            length_type: LengthType::from_letter(b'N'),
            length_offset: 0,
            body_offset: 0,
            source: LengthSource::Field,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl Rules {
    /// Whether there are packages at all.
    #[must_use]
    pub fn has_packages(&self) -> bool {
        self.has_length || self.has_mark
    }

    #[must_use]
    pub fn framing(&self) -> Framing {
        let rule = match (self.source, self.length_type, self.mark) {
            (LengthSource::Function, _, _) if self.has_length => Rule::Function,
            (LengthSource::Mqtt, _, _) if self.has_length => Rule::Mqtt,
            (LengthSource::FastCgi, _, _) if self.has_length => Rule::FastCgi,
            (LengthSource::Field, Some(kind), _) if self.has_length => Rule::Field(LengthField {
                kind,
                offset: self.length_offset,
                body_offset: self.body_offset,
            }),
            (_, _, Some(mark)) if self.has_mark => Rule::EachMark(mark),
            _ => Rule::Raw,
        };
        Framing {
            rule,
            max_bytes: self.max_bytes,
        }
    }
}
