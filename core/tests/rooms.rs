//! The shape of the sources, checked: which room may import which, where `unsafe` may stand, that each
//! `unsafe` is explained, and how long a file may be. The rooms are described in ARCHITECTURE.md.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// A room imports only rooms of a lower rank.
const RANKS: &[(&str, u8)] = &[
    ("error", 0),
    ("log", 0),
    ("sys", 1),
    ("protocol", 1),
    ("shm", 2),
    ("options", 2),
    ("reactor", 3),
    ("net", 3),
    ("ipc", 3),
    ("process_pool", 4),
    ("server", 4),
    ("coroutine", 5),
    ("php", 6),
    ("lib", 7),
];

/// Imports that the ranks forbid, (importer, imported, why).
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "log",
    "error",
    "setting up the log can fail, and `error` imports nothing, so there is no circle",
)];

/// Rooms where `unsafe` may stand; `ipc` for the cast of message headers alone.
const UNSAFE_ROOMS: &[&str] = &["sys", "shm", "ipc", "php"];

const MAX_FILE_LINES: usize = 700;
const MAX_ENTRY_LINES: usize = 100;

/// One source file of a room.
struct Source {
    /// Relative to the repository, for messages.
    path: PathBuf,
    room: String,
    /// How many `super::` lead from the file's own module to the crate's root.
    depth: usize,
    text: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The sources of both crates: `core/src` with rooms 0 to 5, `src` with `php` and `lib`.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for base in ["core/src", "src"] {
        let folder = repository().join(base);
        for file in rust_files(&folder) {
            let inner = file.strip_prefix(&folder).unwrap();
            let mut parts: Vec<&str> = inner.iter().map(|part| part.to_str().unwrap()).collect();
            if parts.last() == Some(&"mod.rs") {
                parts.pop();
            }
            sources.push(Source {
                path: Path::new(base).join(inner),
                room: parts[0].trim_end_matches(".rs").to_owned(),
                depth: if parts == ["lib.rs"] { 0 } else { parts.len() },
                text: fs::read_to_string(&file).unwrap(),
            });
        }
    }
    assert!(
        sources.len() > 10,
        "the sources are not where this test looks"
    );
    sources
}

fn rank(room: &str) -> Option<u8> {
    RANKS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, rank)| *rank)
}

/// A word or a mark of the source with its line, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::` and single marks; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        let rest = &text[at..];
        let first = bytes[at];
        let length = if let Some(length) = comment_length(rest).or_else(|| literal_length(rest)) {
            length
        } else if first.is_ascii_alphabetic() || first == b'_' {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            tokens.push(Token {
                text: &rest[..length],
                line,
            });
            length
        } else if rest.starts_with("::") {
            tokens.push(Token {
                text: &rest[..2],
                line,
            });
            2
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            if !first.is_ascii_whitespace() {
                tokens.push(Token {
                    text: &rest[..length],
                    line,
                });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

fn comment_length(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    Some(at)
}

/// The length of a string, byte string, raw string or character; lifetimes are none of these.
fn literal_length(rest: &str) -> Option<usize> {
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = &raw[hashes + 1..];
            let length = body
                .find(&end)
                .map_or(body.len(), |found| found + end.len());
            return Some(prefix + 1 + hashes + 1 + length);
        }
        return None;
    }
    if unprefixed.starts_with('"') {
        return Some(prefix + quoted_length(unprefixed, b'"'));
    }
    let mut characters = unprefixed.strip_prefix('\'')?.chars();
    let first = characters.next()?;
    if first == '\\' {
        return Some(prefix + quoted_length(unprefixed, b'\''));
    }
    (characters.next()? == '\'').then(|| prefix + 1 + first.len_utf8() + 1)
}

fn quoted_length(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The rooms a file names by a path from the root of a crate, with the line of each.
fn imported_rooms(source: &Source) -> Vec<(String, usize)> {
    let tokens = tokens(&source.text);
    let mut found = Vec::new();
    // Braces that inline modules opened: inside, it takes one more `super` to the root.
    let mut modules: Vec<usize> = Vec::new();
    let mut braces = 0;
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text {
            "{" => {
                if at >= 2 && tokens[at - 2].text == "mod" {
                    modules.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces -= 1;
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
            }
            "crate" | "swoole_core" if next_is(&tokens, at, "::") => {
                // `pub(crate)` has no `::` behind it, and `$crate::` is the macro's own crate.
                at = first_segments(&tokens, at + 2, &mut found);
                continue;
            }
            "super" if at == 0 || tokens[at - 1].text != "::" => {
                let mut supers = 1;
                while next_is(&tokens, at, "::")
                    && tokens.get(at + 2).is_some_and(|t| t.text == "super")
                {
                    supers += 1;
                    at += 2;
                }
                if supers >= source.depth + modules.len() && next_is(&tokens, at, "::") {
                    at = first_segments(&tokens, at + 2, &mut found);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn next_is(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    tokens.get(at + 1).is_some_and(|token| token.text == text)
}

/// Notes the first segment of the path at `at`, or of each path of a `{...}` group, and returns where to go on.
fn first_segments(tokens: &[Token<'_>], at: usize, found: &mut Vec<(String, usize)>) -> usize {
    let Some(token) = tokens.get(at) else {
        return at;
    };
    if token.text != "{" {
        found.push((token.text.to_owned(), token.line));
        return at + 1;
    }
    let (mut depth, mut at, mut is_first) = (1, at + 1, true);
    while depth > 0 && at < tokens.len() {
        match tokens[at].text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => is_first = true,
            text if depth == 1 && is_first => {
                found.push((text.to_owned(), tokens[at].line));
                is_first = false;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// Lines with an `unsafe` that opens a block or begins an `impl` or `fn`, and have no SAFETY comment: in
/// the comment above, which ends at most three lines up. An `extern` function that the engine calls is
/// explained where it does something unsafe.
fn unexplained_unsafe(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.text == "unsafe")
    {
        let mut rest = tokens[at + 1..].iter().map(|token| token.text);
        let opens = match rest.next() {
            Some("{" | "impl") => true,
            // `unsafe fn(u8)` is a type.
            Some("fn") => rest.next() != Some("("),
            // The name of the ABI is a literal, and so no token.
            Some("extern") => rest.next() == Some("{"),
            _ => false,
        };
        if opens && !is_explained(&lines, token.line) {
            found.push(token.line);
        }
    }
    found
}

fn is_explained(lines: &[&str], line: usize) -> bool {
    let explains = |line: &str| line.contains("SAFETY") || line.contains("# Safety");
    let is_comment = |line: &str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[")
    };
    let near = line.saturating_sub(3);
    let top = (near..line)
        .find(|&above| is_comment(lines[above]))
        .unwrap_or(line);
    lines[near..=line].iter().any(|line| explains(line))
        || lines[..top]
            .iter()
            .rev()
            .take_while(|line| is_comment(line))
            .any(|line| explains(line))
}

/// An `unsafe` that says no more than that a symbol's name is not mangled.
fn is_attribute(tokens: &[Token<'_>], at: usize) -> bool {
    at >= 2 && tokens[at - 2].text == "#" && tokens[at - 1].text == "[" && next_is(tokens, at, "(")
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn rooms_import_only_lower_ranks() {
    let mut problems = Vec::new();
    for source in sources() {
        let place = source.path.display();
        let Some(own_rank) = rank(&source.room) else {
            problems.push(format!(
                "{place}: room `{}` has no rank in RANKS of {}",
                source.room,
                file!()
            ));
            continue;
        };
        for (room, line) in imported_rooms(&source) {
            let is_exception = EXCEPTIONS
                .iter()
                .any(|(from, to, _)| *from == source.room && *to == room);
            match rank(&room) {
                // Not a room: an item of the crate's root, a macro.
                None => {}
                Some(rank) if room == source.room || rank < own_rank || is_exception => {}
                Some(rank) => problems.push(format!(
                    "{place}:{}: `{}` (rank {own_rank}) imports `{room}` (rank {rank})",
                    line + 1,
                    source.room
                )),
            }
        }
    }
    report(&problems);
}

#[test]
fn only_php_names_the_php_crate() {
    let mut problems = Vec::new();
    for source in sources() {
        let may = matches!(source.room.as_str(), "php" | "lib") && !source.path.starts_with("core");
        if !may
            && tokens(&source.text)
                .iter()
                .any(|token| token.text == "ext_php_rs")
        {
            problems.push(format!(
                "{}: names ext_php_rs, which only `php` may",
                source.path.display()
            ));
        }
    }
    report(&problems);
}

#[test]
fn unsafe_stands_only_where_it_may_and_is_explained() {
    let mut problems = Vec::new();
    for source in sources() {
        let place = source.path.display();
        if !UNSAFE_ROOMS.contains(&source.room.as_str()) {
            let tokens = tokens(&source.text);
            for (at, token) in tokens.iter().enumerate() {
                if token.text == "unsafe" && !(source.room == "lib" && is_attribute(&tokens, at)) {
                    problems.push(format!(
                        "{place}:{}: `unsafe` in room `{}`",
                        token.line + 1,
                        source.room
                    ));
                }
            }
        }
        for line in unexplained_unsafe(&source.text) {
            problems.push(format!(
                "{place}:{}: `unsafe` without a SAFETY comment above it",
                line + 1
            ));
        }
    }
    report(&problems);
}

#[test]
fn files_are_short() {
    let mut problems = Vec::new();
    for folder in ["core", "src", "benches", "fuzz"] {
        for file in rust_files(&repository().join(folder)) {
            let name = file.strip_prefix(repository()).unwrap();
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            let limit = if name == Path::new("src/lib.rs") {
                MAX_ENTRY_LINES
            } else {
                MAX_FILE_LINES
            };
            if lines > limit {
                problems.push(format!(
                    "{}: {lines} lines, at most {limit}",
                    name.display()
                ));
            }
        }
    }
    report(&problems);
}

/// The scanner itself.
mod scanner {
    use super::*;

    fn source(depth: usize, text: &str) -> Source {
        Source {
            path: PathBuf::new(),
            room: "net".to_owned(),
            depth,
            text: text.to_owned(),
        }
    }

    fn rooms(depth: usize, text: &str) -> Vec<String> {
        imported_rooms(&source(depth, text))
            .into_iter()
            .map(|(room, _)| room)
            .collect()
    }

    #[test]
    fn finds_paths_from_the_root() {
        assert_eq!(
            rooms(2, "use crate::sys::fd;\nfn f() { crate::log::error(1) }"),
            ["sys", "log"]
        );
        assert_eq!(
            rooms(2, "use crate::{shm::{ring, region}, error::Error, log};"),
            ["shm", "error", "log"]
        );
        assert_eq!(rooms(2, "use swoole_core::server::Mode;"), ["server"]);
        assert_eq!(
            rooms(2, "pub(crate) struct A; use super::b; use std::fs;"),
            [""; 0]
        );
    }

    #[test]
    fn counts_super_to_the_root() {
        assert_eq!(rooms(1, "use super::reactor::Poller;"), ["reactor"]);
        assert_eq!(rooms(2, "use super::reactor::Poller;"), [""; 0]);
        assert_eq!(rooms(2, "use super::super::reactor::Poller;"), ["reactor"]);
        assert_eq!(
            rooms(
                2,
                "mod tests { use super::super::stream; }\nuse super::super::ipc;"
            ),
            ["ipc"]
        );
    }

    #[test]
    fn skips_comments_and_literals() {
        let text = "// crate::a\n/* crate::b /* */ crate::c */ \"crate::d \\\" crate::e\" r#\"crate::f\"# 'x' b'\\'' <'a> crate::g";
        assert_eq!(rooms(2, text), ["g"]);
        let lines: Vec<usize> = tokens("\"a\nb\"\n/*\n*/ c\nd")
            .iter()
            .map(|token| token.line)
            .collect();
        assert_eq!(lines, [3, 4]);
    }

    #[test]
    fn wants_each_unsafe_explained() {
        assert_eq!(unexplained_unsafe("fn f() {\n    unsafe { g() }\n}"), [1]);
        assert_eq!(unexplained_unsafe("unsafe impl Send for A {}"), [0]);
        assert!(
            unexplained_unsafe("// SAFETY: none\n// is needed\n//\n// here\n//\nunsafe { g() }")
                .is_empty()
        );
        assert!(
            unexplained_unsafe("/// # Safety\n/// x\n#[inline]\npub unsafe fn f() {}").is_empty()
        );
        assert!(unexplained_unsafe("type F = unsafe fn(u8);").is_empty());
        assert!(unexplained_unsafe("type F = unsafe extern \"C\" fn(u8);").is_empty());
        assert_eq!(unexplained_unsafe("unsafe extern \"C\" { fn f(); }"), [0]);
        let wrapped = "// SAFETY: x\n// y\n// z\n// a\nlet b =\n    unsafe { c() };";
        assert!(unexplained_unsafe(wrapped).is_empty());
        assert_eq!(
            unexplained_unsafe("// SAFETY: x\na();\nb();\nc();\nunsafe { d() }"),
            [4]
        );
        assert!(unexplained_unsafe("#![deny(unsafe_code)] // unsafe {").is_empty());
    }
}
