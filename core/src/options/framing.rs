//! How a port's bytes become packages: what `set()` says, and the rule that follows.

use crate::protocol::framing::{DEFAULT_MAX_BYTES, Framing, Marker, Rule};
use crate::protocol::length::{LengthField, LengthType};

/// Smaller values of `package_max_length` count as this.
pub const MIN_PACKAGE_LIMIT_BYTES: u32 = 65_536;
/// Bytes that the length does not count, where `package_body_offset` is not set: the field itself.
const DEFAULT_BODY_OFFSET: u16 = 4;

/// The options of framing. An end mark goes before a length; with neither, bytes are passed on as they
/// come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramingSettings {
    /// Pass on what has come when it ends in `package_eof`.
    pub eof_check: bool,
    /// Pass on each package that ends in `package_eof`; switches `eof_check` on.
    pub eof_split: bool,
    pub package_eof: Marker,
    pub length_check: bool,
    pub length_type: LengthType,
    /// Bytes before the length field.
    pub length_offset: u16,
    /// Bytes of a package that the length does not count.
    pub body_offset: u16,
    /// Most bytes of a package; [`MIN_PACKAGE_LIMIT_BYTES`] and more.
    pub max_package_bytes: u32,
}

impl Default for FramingSettings {
    fn default() -> FramingSettings {
        FramingSettings {
            eof_check: false,
            eof_split: false,
            package_eof: Marker::DEFAULT,
            length_check: false,
            length_type: LengthType::DEFAULT,
            length_offset: 0,
            body_offset: DEFAULT_BODY_OFFSET,
            max_package_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl FramingSettings {
    /// The rule for the connections of the port.
    #[must_use]
    pub fn framing(&self) -> Framing {
        let rule = if self.eof_split {
            Rule::EachMark(self.package_eof)
        } else if self.eof_check {
            Rule::LastMark(self.package_eof)
        } else if self.length_check {
            Rule::Field(LengthField {
                kind: self.length_type,
                offset: self.length_offset,
                body_offset: self.body_offset,
            })
        } else {
            return Framing::RAW;
        };
        Framing {
            rule,
            max_bytes: self.max_package_bytes,
        }
    }
}
