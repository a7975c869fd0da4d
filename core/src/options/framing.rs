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
    /// `package_length_func` tells the length.
    pub length_function: bool,
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
            length_function: false,
            max_package_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl FramingSettings {
    /// Whether a length in the head tells where packages end.
    fn uses_length(&self) -> bool {
        self.length_check && !self.eof_check && !self.eof_split
    }

    /// The rule for the connections of the port.
    #[must_use]
    pub fn framing(&self) -> Framing {
        let rule = if self.eof_split {
            Rule::EachMark(self.package_eof)
        } else if self.eof_check {
            Rule::LastMark(self.package_eof)
        } else if self.uses_length() && self.length_function {
            Rule::Function
        } else if self.uses_length() {
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

#[cfg(test)]
mod tests {
    use super::super::{Env, Options, Raw};
    use super::*;
    use crate::error::Error;

    const ENV: Env = Env {
        cpu_num: 4,
        nofile_limit: 100_000,
        memory_bytes: 1 << 30,
    };

    fn framing(given: &[(&str, Raw)]) -> Result<Framing, Error> {
        let mut options = Options::default();
        for (name, raw) in given {
            options.apply(name, raw)?;
        }
        Ok(options.resolve(&ENV)?.framing.framing())
    }

    fn text(bytes: &[u8]) -> Raw {
        Raw::Str(bytes.to_vec())
    }

    #[test]
    fn marks_go_before_lengths_and_both_off_is_raw() -> Result<(), Error> {
        let (on, off) = (Raw::Bool(true), Raw::Bool(false));
        let mark = Marker::DEFAULT;
        assert_eq!(framing(&[])?, Framing::RAW);
        assert_eq!(framing(&[("package_eof", text(b"\n"))])?, Framing::RAW);
        let rule = |given: &[(&str, Raw)]| framing(given).map(|framing| framing.rule);
        let eof = ("open_eof_check", on.clone());
        let split = ("open_eof_split", on.clone());
        let length = ("open_length_check", on);
        assert_eq!(rule(std::slice::from_ref(&eof))?, Rule::LastMark(mark));
        assert_eq!(
            rule(&[split.clone(), ("open_eof_check", off)])?,
            Rule::EachMark(mark)
        );
        assert_eq!(rule(&[length.clone(), eof])?, Rule::LastMark(mark));
        assert_eq!(rule(&[split, length.clone()])?, Rule::EachMark(mark));
        let field = LengthField {
            kind: LengthType::DEFAULT,
            offset: 0,
            body_offset: 4,
        };
        assert_eq!(rule(std::slice::from_ref(&length))?, Rule::Field(field));
        let given = [
            length.clone(),
            ("package_length_type", text(b"v")),
            ("package_length_offset", Raw::Int(2)),
            ("package_body_start", Raw::Int(0)),
            ("package_max_length", Raw::Int(7)),
        ];
        let framing = framing(&given)?;
        assert_eq!(framing.max_bytes, MIN_PACKAGE_LIMIT_BYTES);
        assert!(matches!(
            framing.rule,
            Rule::Field(LengthField { offset: 2, body_offset: 0, kind }) if kind.letter() == b'v'
        ));
        let function = ("package_length_func", Raw::Callable);
        assert_eq!(rule(std::slice::from_ref(&function))?, Rule::Raw);
        assert_eq!(rule(&[length, function])?, Rule::Function);
        Ok(())
    }

    #[test]
    fn bad_values_are_named() {
        for (name, raw, shown) in [
            ("package_eof", text(b""), "an empty string"),
            ("package_eof", text(b"123456789"), "123456789"),
            ("package_length_type", text(b"i"), "\"i\""),
            ("package_length_type", text(b""), "\"\""),
            ("package_length_offset", Raw::Int(-1), "-1"),
            ("package_body_offset", Raw::Int(65_536), "65536"),
        ] {
            let error = framing(&[(name, raw)]).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(
                error.starts_with(&format!("option [{name}] is ")),
                "{error}"
            );
            assert!(error.contains(shown), "{error}");
        }
    }
}
