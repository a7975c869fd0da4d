//! Values as they come from PHP, and PHP's own conversions between them.

/// A value of the array that was given to `set()`.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Vec<u8>),
    List(Vec<Raw>),
    Map(Vec<(String, Raw)>),
    Callable,
    /// Anything else, with the name of its type: `resource`, a class name.
    Other(&'static str),
}

/// More of a string is not shown in messages.
const SHOWN_CHARS: usize = 64;

impl Raw {
    /// The value as a message shows it: on one line, short.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Raw::Null => "null".to_owned(),
            Raw::Bool(true) => "true".to_owned(),
            Raw::Bool(false) => "false".to_owned(),
            Raw::Int(int) => int.to_string(),
            Raw::Float(float) => float.to_string(),
            Raw::Str(bytes) => format!("\"{}\"", shown_text(&String::from_utf8_lossy(bytes))),
            Raw::List(items) => format!("an array of {} items", items.len()),
            Raw::Map(items) => format!("an array of {} items with keys", items.len()),
            Raw::Callable => "a callable".to_owned(),
            Raw::Other(kind) => format!("a value of type {kind}"),
        }
    }

    /// As PHP's `(bool)`; `None` for what is no scalar.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self {
            Raw::Null => Some(false),
            Raw::Bool(bool) => Some(*bool),
            Raw::Int(int) => Some(*int != 0),
            Raw::Float(float) => Some(*float != 0.0),
            Raw::Str(bytes) => Some(!bytes.is_empty() && bytes != b"0"),
            Raw::List(_) | Raw::Map(_) | Raw::Callable | Raw::Other(_) => None,
        }
    }

    /// Whether the value is empty in the sense of PHP's `empty()`.
    pub(super) fn is_falsy(&self) -> bool {
        match self {
            Raw::List(items) => items.is_empty(),
            Raw::Map(items) => items.is_empty(),
            _ => self.truth() == Some(false),
        }
    }

    /// A number, as PHP takes it from scalars and numeric strings; `None` for the rest.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Raw::Bool(bool) => Some(Number::Int(i64::from(*bool))),
            Raw::Int(int) => Some(Number::Int(*int)),
            Raw::Float(float) => Some(Number::Float(*float)),
            Raw::Str(bytes) => numeric(std::str::from_utf8(bytes).ok()?),
            Raw::Null | Raw::List(_) | Raw::Map(_) | Raw::Callable | Raw::Other(_) => None,
        }
    }

    /// A number of bytes: a number, or a string such as `128K`, `8M`, `1G`, `0x10000`.
    pub(super) fn size(&self) -> Option<Number> {
        self.number().or_else(|| match self {
            Raw::Str(bytes) => quantity(std::str::from_utf8(bytes).ok()?).map(Number::Int),
            _ => None,
        })
    }

    /// An integer, as PHP takes it from scalars and numeric strings.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        self.number()?.truncated()
    }

    /// A float, as PHP takes it from scalars and numeric strings.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self.number()? {
            Number::Int(int) => Some(int as f64),
            Number::Float(float) => Some(float),
        }
    }

    /// A number of bytes, which may be written as `8M`.
    #[must_use]
    pub fn int_size(&self) -> Option<i64> {
        self.size()?.truncated()
    }

    /// A string, as PHP makes it from scalars; `true`, which makes "1", is refused as a mistake.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Raw::Str(bytes) => Some(bytes.clone()),
            Raw::Int(int) => Some(int.to_string().into_bytes()),
            Raw::Float(float) => Some(float.to_string().into_bytes()),
            Raw::Bool(false) => Some(Vec::new()),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            // Rounding beyond 2^53 is far outside any range in the table.
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }

    /// The integer part, as PHP's `(int)`; `None` where it does not fit.
    pub(super) fn truncated(self) -> Option<i64> {
        match self {
            Number::Int(int) => Some(int),
            // 2^63 as f64 is exact; NaN fails both comparisons.
            Number::Float(float) if float >= -(2f64.powi(63)) && float < 2f64.powi(63) => {
                Some(float as i64)
            }
            Number::Float(_) => None,
        }
    }

    pub(super) fn is_fractional(self) -> bool {
        matches!(self, Number::Float(float) if float.fract() != 0.0)
    }
}

/// A numeric string in the sense of PHP 8: white space on both sides is fine, anything else is not.
fn numeric(text: &str) -> Option<Number> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    if let Ok(int) = text.parse::<i64>() {
        return Some(Number::Int(int));
    }
    // Rust would also take "inf", "nan" and "infinity".
    if text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E') {
        return None;
    }
    text.parse::<f64>().ok().map(Number::Float)
}

/// As PHP reads sizes in php.ini; `None` where it would complain.
fn quantity(text: &str) -> Option<i64> {
    let text = text.trim();
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let digits = digits.trim_end();
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (lower.as_str(), 10),
    };
    // from_str_radix would take a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    let value = value.checked_mul(1 << shift)?;
    Some(if negative { -value } else { value })
}

/// `text` on one line, cut to a bearable length.
pub(super) fn shown_text(text: &str) -> String {
    let mut out = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == SHOWN_CHARS {
            out.push_str("...");
            break;
        }
        if char.is_control() {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn str(text: &str) -> Raw {
        Raw::Str(text.as_bytes().to_vec())
    }

    #[test]
    fn numeric_strings_are_numbers_as_in_php() {
        for (text, number) in [
            ("4", Some(Number::Int(4))),
            (" -7 ", Some(Number::Int(-7))),
            ("1.5", Some(Number::Float(1.5))),
            ("1e3", Some(Number::Float(1000.0))),
            (".5", Some(Number::Float(0.5))),
            ("", None),
            ("4x", None),
            ("inf", None),
            ("NAN", None),
            ("0x10", None),
        ] {
            assert_eq!(str(text).number(), number, "{text}");
        }
        assert_eq!(Raw::Bool(true).number(), Some(Number::Int(1)));
        assert_eq!(Raw::Null.number(), None);
    }

    #[test]
    fn sizes_take_suffixes_as_php_ini_does() {
        for (text, size) in [
            ("128k", Some(131_072)),
            ("8M", Some(8 << 20)),
            ("1 G", Some(1 << 30)),
            ("0x10", Some(16)),
            ("0b11K", Some(3072)),
            ("-1M", Some(-(1 << 20))),
            ("16MB", None),
            ("M", None),
            ("1.5M", None),
            ("99999999999G", None),
            ("--1", None),
            ("é", None),
        ] {
            assert_eq!(str(text).size(), size.map(Number::Int), "{text}");
        }
    }

    #[test]
    fn floats_are_cut_and_never_overflow() {
        assert_eq!(Number::Float(4.9).truncated(), Some(4));
        assert_eq!(Number::Float(-4.9).truncated(), Some(-4));
        for bad in [f64::NAN, f64::INFINITY, 2f64.powi(63), -2f64.powi(64)] {
            assert_eq!(Number::Float(bad).truncated(), None);
        }
    }

    #[test]
    fn shown_values_stay_short_and_on_one_line() {
        assert_eq!(str("a\nb").shown(), "\"a\\nb\"");
        assert!(str(&"x".repeat(10_000)).shown().len() < 80);
        assert_eq!(Raw::Other("PDO").shown(), "a value of type PDO");
    }
}
