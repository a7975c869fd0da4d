//! One row of the table of options.

use super::kind::{Kind, Value};
use super::raw::Raw;
use super::settings::Given;
use crate::error::Error;

/// Where an option may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `Swoole\Server::set()` only.
    Server,
    /// `Swoole\Server\Port::set()`, and `Swoole\Server::set()` for the first port.
    Port,
    /// Of the process as a whole: `Swoole\Server::set()`, and `set()` of coroutines and process pools.
    Process,
}

/// Takes a value over into [`Given`]; may return a remark for the user.
pub(super) type Setter = fn(&mut Given, &Value) -> Result<Option<String>, Error>;

/// Whether an option works.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// It works: the value ends in the named field of [`Settings`](super::Settings).
    Built(Built),
    /// It works, and the PHP room keeps it: the value is of a kind that only PHP knows, or belongs to its
    /// coroutines.
    InPhp,
    /// It belongs to a part that is not there yet; the text names the part.
    Later(&'static str),
    /// It does nothing here; the text says why.
    NoEffect(&'static str),
}

/// The way of a value into the settings.
#[derive(Clone, Copy, Debug)]
pub struct Built {
    /// Name of the field of [`Settings`](super::Settings).
    pub field: &'static str,
    pub(super) set: Setter,
}

/// Which values of an option that does not work are no reason for a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    Never,
    /// Empty values (`false`, 0, ...): they switch off what is not there.
    Empty,
    Always,
}

/// An option of `set()`.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub scope: Scope,
    pub kind: Kind,
    /// The default, in words or as PHP writes it.
    pub default: &'static str,
    /// What it does, with unit; the range is in `kind`.
    pub doc: &'static str,
    pub stage: Stage,
    pub(super) quiet: Quiet,
}

impl Row {
    pub(super) const fn built(
        name: &'static str,
        scope: Scope,
        kind: Kind,
        default: &'static str,
        (field, set): (&'static str, Setter),
        doc: &'static str,
    ) -> Row {
        let stage = Stage::Built(Built { field, set });
        Row::new(name, scope, kind, default, stage, doc)
    }

    pub(super) const fn later(
        name: &'static str,
        scope: Scope,
        kind: Kind,
        default: &'static str,
        needs: &'static str,
        doc: &'static str,
    ) -> Row {
        let row = Row::new(name, scope, kind, default, Stage::Later(needs), doc);
        match kind {
            Kind::Bool => row.quiet_if_empty(),
            _ => row,
        }
    }

    pub(super) const fn in_php(
        name: &'static str,
        scope: Scope,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Row {
        Row::new(name, scope, kind, default, Stage::InPhp, doc)
    }

    pub(super) const fn no_effect(
        name: &'static str,
        scope: Scope,
        kind: Kind,
        why: &'static str,
        doc: &'static str,
    ) -> Row {
        Row::new(name, scope, kind, "none", Stage::NoEffect(why), doc).quiet_if_empty()
    }

    const fn new(
        name: &'static str,
        scope: Scope,
        kind: Kind,
        default: &'static str,
        stage: Stage,
        doc: &'static str,
    ) -> Row {
        Row {
            name,
            aliases: &[],
            scope,
            kind,
            default,
            doc,
            stage,
            quiet: Quiet::Never,
        }
    }

    pub(super) const fn aliases(self, aliases: &'static [&'static str]) -> Row {
        Row { aliases, ..self }
    }

    pub(super) const fn quiet_if_empty(self) -> Row {
        Row {
            quiet: Quiet::Empty,
            ..self
        }
    }

    pub(super) const fn always_quiet(self) -> Row {
        Row {
            quiet: Quiet::Always,
            ..self
        }
    }

    /// Whether `name` is the name or an alias of this option.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    pub(super) fn is_quiet(&self, raw: &Raw) -> bool {
        match self.quiet {
            Quiet::Never => false,
            Quiet::Empty => raw.is_falsy(),
            Quiet::Always => true,
        }
    }
}
