//! The types of options, and how a raw value becomes one of them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::raw::Raw;

/// Longest path that Linux takes, without the final zero.
pub const MAX_PATH_BYTES: usize = 4095;

/// What an option may hold. Bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any scalar, taken as PHP's `(bool)` takes it.
    Bool,
    Int {
        min: i64,
        max: i64,
    },
    /// Bytes: an integer, or a string with K, M or G.
    Size {
        min: i64,
        max: i64,
    },
    Float {
        min: f64,
        max: f64,
    },
    /// Any bytes.
    Str {
        max_len: usize,
    },
    /// UTF-8 without zero bytes.
    Text {
        max_len: usize,
    },
    /// A path of up to [`MAX_PATH_BYTES`].
    Path,
    IntList {
        min: i64,
        max: i64,
        max_len: usize,
    },
    /// An array of strings.
    StrList,
    /// An array with keys.
    Map,
    Callable,
    Any,
}

/// A value of the right kind. `Str` and `Path` hold bytes; kinds that no built option has become
/// `Checked`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
    IntList(Vec<i64>),
    Checked,
}

impl Kind {
    /// Converts `raw`. The second part is a remark for the user where the conversion may surprise.
    /// `None` if `raw` is of a wrong type or out of range: see [`Kind::allowed`].
    pub(super) fn convert(&self, raw: &Raw) -> Option<(Value, Option<String>)> {
        match *self {
            Kind::Bool => bool_of(raw),
            Kind::Int { min, max } => int_of(raw, raw.number()?, min, max),
            Kind::Size { min, max } => int_of(raw, raw.size()?, min, max),
            Kind::Float { min, max } => {
                let float = raw.number()?.as_f64();
                (min..=max)
                    .contains(&float)
                    .then_some((Value::Float(float), None))
            }
            Kind::Str { max_len } => bytes_of(raw, max_len),
            Kind::Path => bytes_of(raw, MAX_PATH_BYTES).filter(|(value, _)| !value.has_zero()),
            Kind::Text { max_len } => {
                bytes_of(raw, max_len).filter(|(value, _)| !value.has_zero() && value.is_utf8())
            }
            Kind::IntList { min, max, max_len } => int_list_of(raw, min, max, max_len),
            Kind::StrList => match raw {
                Raw::List(items) if items.iter().all(|item| item.bytes().is_some()) => checked(),
                Raw::Map(items) if items.iter().all(|(_, item)| item.bytes().is_some()) => {
                    checked()
                }
                _ => None,
            },
            Kind::Map => matches!(raw, Raw::Map(_) | Raw::List(_)).then(checked)?,
            // Whether a string names a function only PHP can tell.
            Kind::Callable => {
                matches!(raw, Raw::Callable | Raw::Str(_) | Raw::List(_)).then(checked)?
            }
            Kind::Any => checked(),
        }
    }

    /// What would be right, as a clause for messages and docs.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self {
            Kind::Bool => "it must be true or false".to_owned(),
            Kind::Int { min, max } => format!("it must be an integer from {min} to {max}"),
            Kind::Size { min, max } => format!(
                "it must be a number of bytes from {min} to {max}, as an integer or a string such as \
                 \"8M\""
            ),
            Kind::Float { min, max } => format!("it must be a number from {min} to {max}"),
            Kind::Str { max_len } => format!("it must be a string of up to {max_len} bytes"),
            Kind::Text { max_len } => {
                format!(
                    "it must be a string of up to {max_len} bytes, in UTF-8, without zero bytes"
                )
            }
            Kind::Path => {
                format!("it must be a path of up to {MAX_PATH_BYTES} bytes, without zero bytes")
            }
            Kind::IntList { min, max, max_len } => {
                format!("it must be an array of up to {max_len} integers, each from {min} to {max}")
            }
            Kind::StrList => "it must be an array of strings".to_owned(),
            Kind::Map => "it must be an array".to_owned(),
            Kind::Callable => "it must be a callable".to_owned(),
            Kind::Any => "any value is allowed".to_owned(),
        }
    }

    /// The type as a stub for an IDE writes it.
    #[must_use]
    pub fn php_type(&self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int { .. } => "int",
            Kind::Size { .. } => "int|string",
            Kind::Float { .. } => "float",
            Kind::Str { .. } | Kind::Text { .. } | Kind::Path => "string",
            Kind::IntList { .. } => "list<int>",
            Kind::StrList => "list<string>",
            Kind::Map => "array",
            Kind::Callable => "callable",
            Kind::Any => "mixed",
        }
    }
}

fn checked() -> Option<(Value, Option<String>)> {
    Some((Value::Checked, None))
}

fn bool_of(raw: &Raw) -> Option<(Value, Option<String>)> {
    let truth = raw.truth()?;
    let plain = match raw {
        Raw::Str(bytes) => {
            let text = bytes.to_ascii_lowercase();
            matches!(
                text.as_slice(),
                b"" | b"0" | b"1" | b"true" | b"on" | b"yes"
            )
        }
        _ => true,
    };
    let remark = (!plain).then(|| {
        format!(
            "{} is a string that is not empty, which PHP takes for true; write true or false",
            raw.shown()
        )
    });
    Some((Value::Bool(truth), remark))
}

fn int_of(
    raw: &Raw,
    number: super::raw::Number,
    min: i64,
    max: i64,
) -> Option<(Value, Option<String>)> {
    let int = number.truncated().filter(|int| (min..=max).contains(int))?;
    let remark = number
        .is_fractional()
        .then(|| format!("{} is cut to the integer {int}", raw.shown()));
    Some((Value::Int(int), remark))
}

fn bytes_of(raw: &Raw, max_len: usize) -> Option<(Value, Option<String>)> {
    let bytes = raw.bytes().filter(|bytes| bytes.len() <= max_len)?;
    Some((Value::Bytes(bytes), None))
}

fn int_list_of(raw: &Raw, min: i64, max: i64, max_len: usize) -> Option<(Value, Option<String>)> {
    let one = |item: &Raw| {
        let number = item.number().filter(|number| !number.is_fractional())?;
        number.truncated().filter(|int| (min..=max).contains(int))
    };
    let items: Option<Vec<i64>> = match raw {
        Raw::List(items) if items.len() <= max_len => items.iter().map(one).collect(),
        Raw::Map(items) if items.len() <= max_len => {
            items.iter().map(|(_, item)| one(item)).collect()
        }
        _ => None,
    };
    items.map(|items| (Value::IntList(items), None))
}

// The kind of a row decides which variant its setter gets, so the fallbacks below are never seen; the
// test that sets each built option would notice.
impl Value {
    fn has_zero(&self) -> bool {
        matches!(self, Value::Bytes(bytes) if bytes.contains(&0))
    }

    fn is_utf8(&self) -> bool {
        matches!(self, Value::Bytes(bytes) if std::str::from_utf8(bytes).is_ok())
    }

    pub(super) fn bool(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    pub(super) fn int(&self) -> i64 {
        match self {
            Value::Int(int) => *int,
            _ => 0,
        }
    }

    pub(super) fn i64(&self) -> i64 {
        self.int()
    }

    /// Within the range of the row, which must fit.
    pub(super) fn u32(&self) -> u32 {
        u32::try_from(self.int()).unwrap_or(u32::MAX)
    }

    pub(super) fn u64(&self) -> u64 {
        u64::try_from(self.int()).unwrap_or(0)
    }

    /// Seconds as whole milliseconds, rounded up so that a small time is not none.
    pub(super) fn milliseconds(&self) -> u64 {
        match self {
            // `as` saturates.
            Value::Float(seconds) => (seconds * 1000.0).ceil() as u64,
            _ => 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// Within the range of the row, which must fit.
    pub(super) fn u16(&self) -> u16 {
        u16::try_from(self.int()).unwrap_or(u16::MAX)
    }

    /// `None` if empty.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Value::Bytes(bytes) if !bytes.is_empty() => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        }
    }

    /// `None` if empty.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Value::Bytes(bytes) if !bytes.is_empty() => {
                Some(PathBuf::from(OsString::from_vec(bytes.clone())))
            }
            _ => None,
        }
    }

    pub(super) fn u32_list(&self) -> Vec<u32> {
        match self {
            Value::IntList(items) => items
                .iter()
                .filter_map(|item| u32::try_from(*item).ok())
                .collect(),
            _ => Vec::new(),
        }
    }
}
