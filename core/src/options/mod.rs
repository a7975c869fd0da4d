//! Options: every key of `set()` as a row of one table, from which follow the checks, the messages, the
//! documentation and the stubs.
//!
//! Values come in one by one ([`Options::apply`]), each checked against its row; [`Options::resolve`] weighs
//! them against each other and against the machine and gives the [`Settings`] that a server runs with. An
//! option that is taken without a warning works.
//!
//! ```
//! use swoole_core::options::{Env, Options, Raw};
//! let mut options = Options::default();
//! assert_eq!(options.apply("worker_num", &Raw::Str(b"3".to_vec())), Ok(None));
//! let warning = options.apply("worker_nun", &Raw::Int(3));
//! assert!(warning.is_ok_and(|w| w.is_some_and(|w| w.text.contains("did you mean [worker_num]"))));
//! let env = Env { cpu_num: 2, nofile_limit: 1024, memory_bytes: 1 << 30 };
//! assert!(options.resolve(&env).is_ok_and(|settings| settings.worker_num == 3));
//! ```

use std::fmt;

use crate::error::Error;

mod framing;
mod kind;
mod process;
mod raw;
mod row;
mod settings;
mod table;
mod tasks;

pub use framing::{FramingSettings, MIN_PACKAGE_LIMIT_BYTES};
pub use kind::{Kind, MAX_PATH_BYTES};
pub use process::{
    AioSettings, DnsSettings, ProcessSettings, SocketSettings, change_process, process, set_process,
};
pub use raw::Raw;
pub use row::{Built, Row, Scope, Stage};
pub use settings::*;
pub use table::table;
pub use tasks::{TaskIpc, TaskSettings};

/// Unknown names are compared with known ones up to this length; longer ones are no slip of the pen.
const MAX_NAME_BYTES: usize = 64;
/// How much alike a known name must be to be proposed, from 0 to 1.
const ALIKE: f64 = 0.7;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// No such option.
    Unknown,
    /// An option of a part that is not built yet.
    Later,
    /// An option that does nothing here.
    NoEffect,
    /// An option of the server on a port.
    WrongScope,
    /// The value was taken, but not as it stands.
    Adjusted,
}

/// Something the user should know; the server can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The name that was given.
    pub option: String,
    pub kind: WarningKind,
    /// A whole sentence.
    pub text: String,
}

impl Warning {
    pub(crate) fn new(option: &str, kind: WarningKind, text: String) -> Warning {
        Warning {
            option: option.to_owned(),
            kind,
            text,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The options of a server as given so far.
#[derive(Clone, Debug, Default)]
pub struct Options {
    given: settings::Given,
    values: Vec<(String, Raw)>,
}

impl Options {
    /// Takes one entry of the array that was given to `Swoole\Server::set()`. `null` means: not given.
    ///
    /// # Errors
    /// [`Error::Option`] for a wrong type or a value out of range; then nothing has changed.
    pub fn apply(&mut self, name: &str, raw: &Raw) -> Result<Option<Warning>, Error> {
        self.apply_in(Scope::Server, name, raw)
    }

    /// As [`Options::apply`], where [`Scope::Port`] is `Swoole\Server\Port::set()`: options that are not
    /// of a port change nothing there and give a warning.
    ///
    /// # Errors
    /// As [`Options::apply`].
    pub fn apply_in(
        &mut self,
        scope: Scope,
        name: &str,
        raw: &Raw,
    ) -> Result<Option<Warning>, Error> {
        let warning = match find(name) {
            None => Some(unknown(name)),
            Some(_) if *raw == Raw::Null => None,
            Some(row) if scope == Scope::Port && row.scope != Scope::Port => {
                let text = format!(
                    "option [{name}] is of the server, not of a port: set it with Swoole\\Server::set()"
                );
                Some(Warning::new(name, WarningKind::WrongScope, text))
            }
            Some(row) => self.apply_row(row, name, raw)?,
        };
        self.remember(name, raw);
        Ok(warning)
    }

    fn apply_row(&mut self, row: &Row, name: &str, raw: &Raw) -> Result<Option<Warning>, Error> {
        let Some((value, remark)) = row.kind.convert(raw) else {
            return Err(Error::option(name, raw.shown(), row.kind.allowed()));
        };
        let (kind, text) = match row.stage {
            Stage::Built(built) => match (built.set)(&mut self.given, &value)?.or(remark) {
                Some(remark) => (WarningKind::Adjusted, format!("option [{name}]: {remark}")),
                None => return Ok(None),
            },
            Stage::InPhp => return Ok(None),
            _ if row.is_quiet(raw) => return Ok(None),
            Stage::Later(needs) => {
                let text = format!(
                    "option [{name}] has no effect yet: it needs {needs}, not built in this version"
                );
                (WarningKind::Later, text)
            }
            Stage::NoEffect(why) => {
                let text = format!("option [{name}] has no effect: {why}");
                (WarningKind::NoEffect, text)
            }
        };
        Ok(Some(Warning::new(name, kind, text)))
    }

    fn remember(&mut self, name: &str, raw: &Raw) {
        match self.values.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = raw.clone(),
            None => self.values.push((name.to_owned(), raw.clone())),
        }
    }

    /// What `$server->setting` shows: names and values as they were given, in that order.
    #[must_use]
    pub fn values(&self) -> &[(String, Raw)] {
        &self.values
    }

    /// What `$server->setting` shows from `start()` on in addition to [`Options::values`].
    #[must_use]
    pub fn shown_defaults(&self, settings: &Settings) -> Vec<(&'static str, Raw)> {
        let number = |number: u64| Raw::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let mut shown = vec![
            ("worker_num", number(settings.worker_num.into())),
            ("task_worker_num", number(settings.task.worker_num.into())),
            ("output_buffer_size", number(settings.buffer_output_bytes)),
            ("max_connection", number(settings.max_conn.into())),
        ];
        shown.retain(|(name, _)| !self.values.iter().any(|(given, _)| given == name));
        shown
    }

    /// Whether a value was given under this name or an alias of it.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        let same = |given: &str| find(given).is_some_and(|row| row.is_called(name));
        let mut values = self.values.iter();
        values.any(|(given, raw)| *raw != Raw::Null && (given == name || same(given)))
    }

    /// The settings of a server on such a machine; see [`Settings::warnings`] for what was adjusted.
    ///
    /// # Errors
    /// [`Error::Option`] where options contradict each other or the machine.
    pub fn resolve(&self, env: &Env) -> Result<Settings, Error> {
        let mut settings = self.given.resolve(env)?;
        settings.framing.length_function = self.is_given("package_length_func");
        Ok(settings)
    }
}

/// The row of an option by name or alias.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    table().find(|row| row.is_called(name))
}

/// The known name that is most like `name`, if any is.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let name = name.to_ascii_lowercase().replace(['-', ' '], "_");
    table()
        .flat_map(|row| std::iter::once(&row.name).chain(row.aliases))
        .map(|known| (strsim::normalized_damerau_levenshtein(&name, known), *known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn unknown(name: &str) -> Warning {
    // PHP code and its tests look for these words.
    let mut text = format!("unsupported option [{}]", raw::shown_text(name));
    if let Some(known) = nearest(name) {
        text.push_str(&format!(", did you mean [{known}]?"));
    }
    Warning::new(name, WarningKind::Unknown, text)
}

#[cfg(test)]
mod tests;
