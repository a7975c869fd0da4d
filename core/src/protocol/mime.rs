//! The types of files by the suffix of their names, for static files and `swoole_mime_type_*`.
//!
//! The table is that of the `mime_guess` crate; where users of Swoole know another type it is theirs.
//! Changes hold for the process and the children that it forks later.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use parking_lot::RwLock;

/// What a file of no known type is.
pub const DEFAULT_TYPE: &str = "application/octet-stream";

/// Where Swoole's answer is another one than that of the crate.
const OTHER_TYPES: &[(&str, &str)] = &[
    ("adp", "audio/adpcm"),
    ("arc", "application/octet-stream"),
    ("cer", "application/pkix-cert"),
    ("class", "application/java-vm"),
    ("dll", "application/octet-stream"),
    ("dtd", "application/xml-dtd"),
    ("ecma", "application/ecmascript"),
    ("es", "application/ecmascript"),
    ("js", "application/javascript"),
    ("jsx", "text/jsx"),
    ("m4a", "audio/mp4"),
    ("m4p", "application/mp4"),
    ("man", "text/troff"),
    ("manifest", "text/cache-manifest"),
    ("map", "application/json"),
    ("me", "text/troff"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("ms", "text/troff"),
    ("otf", "font/otf"),
    ("pls", "application/pls+xml"),
    ("rmi", "audio/midi"),
    ("roff", "text/troff"),
    ("rs", "application/rls-services+xml"),
    ("smi", "application/smil+xml"),
    ("t", "text/troff"),
    ("tr", "text/troff"),
    ("ts", "video/mp2t"),
    ("wrl", "model/vrml"),
    ("wsdl", "application/wsdl+xml"),
    ("xml", "application/xml"),
    ("xsd", "application/xml"),
    ("xsl", "application/xml"),
    ("xslt", "application/xslt+xml"),
    ("yaml", "text/yaml"),
    ("yml", "text/yaml"),
];

/// What the process has changed: `None` is a suffix that was deleted.
static CHANGES: LazyLock<RwLock<HashMap<String, Option<String>>>> = LazyLock::new(RwLock::default);

/// What stands behind the last dot, or the whole name if it has none, in lower case.
fn suffix_of(filename: &str) -> String {
    let suffix = filename.rsplit_once('.').map_or(filename, |(_, end)| end);
    suffix.to_ascii_lowercase()
}

fn built_in(suffix: &str) -> Option<&'static str> {
    let other = OTHER_TYPES.binary_search_by_key(&suffix, |(known, _)| known);
    match other {
        Ok(at) => OTHER_TYPES.get(at).map(|(_, kind)| *kind),
        Err(_) => mime_guess::from_ext(suffix).first_raw(),
    }
}

fn find(suffix: &str) -> Option<Cow<'static, str>> {
    match CHANGES.read().get(suffix) {
        Some(change) => change.clone().map(Cow::Owned),
        None => built_in(suffix).map(Cow::Borrowed),
    }
}

/// The type of a file by its name.
#[must_use]
pub fn of_file(filename: &str) -> Cow<'static, str> {
    find(&suffix_of(filename)).unwrap_or(Cow::Borrowed(DEFAULT_TYPE))
}

/// Whether the suffix of a name is known.
#[must_use]
pub fn is_known(filename: &str) -> bool {
    find(&suffix_of(filename)).is_some()
}

/// Adds a suffix without the dot; false if there is such a one already.
pub fn add(suffix: &str, kind: &str) -> bool {
    let suffix = suffix.to_ascii_lowercase();
    if find(&suffix).is_some() {
        return false;
    }
    set(&suffix, kind);
    true
}

/// Sets the type of a suffix, known or not.
pub fn set(suffix: &str, kind: &str) {
    let mut changes = CHANGES.write();
    changes.insert(suffix.to_ascii_lowercase(), Some(kind.to_owned()));
}

/// Forgets a suffix; false if it is not known.
pub fn delete(suffix: &str) -> bool {
    let suffix = suffix.to_ascii_lowercase();
    if find(&suffix).is_none() {
        return false;
    }
    CHANGES.write().insert(suffix, None);
    true
}

/// The types of all suffixes, by suffix in alphabetical order; a type comes once for each of its suffixes.
#[must_use]
pub fn list() -> Vec<String> {
    let known = mime_guess::get_mime_extensions_str("*/*").unwrap_or_default();
    let others = OTHER_TYPES.iter().map(|(suffix, _)| suffix);
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for suffix in known.iter().chain(others) {
        if let Some(kind) = built_in(suffix) {
            all.insert((*suffix).to_owned(), kind.to_owned());
        }
    }
    for (suffix, change) in CHANGES.read().iter() {
        match change {
            Some(kind) => all.insert(suffix.clone(), kind.clone()),
            None => all.remove(suffix),
        };
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_types() {
        for (name, kind) in [
            ("index.html", "text/html"),
            ("a.b/INDEX.HTML", "text/html"),
            ("app.js", "application/javascript"),
            ("a.tar.gz", "application/gzip"),
            ("html", "text/html"),
            (
                "x.docx",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ),
            (".htaccess", DEFAULT_TYPE),
            ("a.", DEFAULT_TYPE),
            ("", DEFAULT_TYPE),
            ("a.js/x", DEFAULT_TYPE),
        ] {
            assert_eq!(of_file(name), kind, "{name}");
        }
        assert!(OTHER_TYPES.is_sorted(), "binary search");
        assert!(
            OTHER_TYPES
                .iter()
                .all(|(suffix, kind)| { mime_guess::from_ext(suffix).first_raw() != Some(kind) })
        );
    }

    #[test]
    fn suffixes_can_be_changed() {
        let before = list();
        assert!(before.len() > 1000);
        assert!(!is_known("x.swoole-test"));
        assert!(!delete("swoole-test"));
        assert!(add("Swoole-Test", "x/one"));
        assert!(!add("swoole-test", "x/two"));
        assert_eq!(of_file("x.SWOOLE-test"), "x/one");
        set("swoole-test", "x/two");
        assert_eq!(of_file("x.swoole-test"), "x/two");
        assert_eq!(list().len(), before.len() + 1);
        assert!(delete("swoole-test"));
        assert_eq!(of_file("x.swoole-test"), DEFAULT_TYPE);
        assert_eq!(list(), before);
    }
}
