//! Settings of TLS, and what all sessions with the same settings share.

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslSessionCacheMode,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A private key's file is no larger.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// So many contexts are kept for the next who wants the same.
const MAX_KEPT: usize = 16;

thread_local! {
    static KEPT: RefCell<VecDeque<(Settings, Role, Context)>> = const { RefCell::new(VecDeque::new()) };
}

/// Which side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// Bits of [`Settings::protocols`]: `SWOOLE_SSL_*`.
const VERSIONS: [(u32, SslOptions); 5] = [
    (1 << 2, SslOptions::NO_SSLV3),
    (1 << 3, SslOptions::NO_TLSV1),
    (1 << 4, SslOptions::NO_TLSV1_1),
    (1 << 5, SslOptions::NO_TLSV1_2),
    (1 << 6, SslOptions::NO_TLSV1_3),
];

/// What the `ssl_*` options say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The own certificate and its chain, in PEM.
    pub cert_file: Option<PathBuf>,
    /// Its private key, in PEM.
    pub key_file: Option<PathBuf>,
    pub passphrase: Option<Vec<u8>>,
    /// The name to ask for, and that the peer's certificate must be for.
    pub host_name: Option<String>,
    pub verify_peer: bool,
    pub allow_self_signed: bool,
    /// Whom to trust; neither: whom the system trusts.
    pub ca_file: Option<PathBuf>,
    pub ca_path: Option<PathBuf>,
    /// 0: the default of OpenSSL.
    pub verify_depth: u8,
    /// Empty: the default of OpenSSL.
    pub ciphers: String,
    /// Empty or `auto`: the default of OpenSSL.
    pub curves: String,
    /// A sum of `SWOOLE_SSL_*`; 0: all that OpenSSL allows.
    pub protocols: u32,
    /// Compression at the level of TLS, which is not safe.
    pub compress: bool,
}

impl Settings {
    fn names_files(&self) -> bool {
        let files = [
            &self.cert_file,
            &self.key_file,
            &self.ca_file,
            &self.ca_path,
        ];
        files.into_iter().any(Option::is_some)
    }
}

/// Why there is no context: what was tried, and OpenSSL's reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TlsError {
    pub what: String,
    pub reason: String,
}

impl TlsError {
    fn new(what: impl Into<String>, errors: &ErrorStack) -> TlsError {
        TlsError {
            what: what.into(),
            reason: reason(errors),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason)
    }
}

/// OpenSSL's words for the first of its errors.
#[must_use]
pub fn reason(errors: &ErrorStack) -> String {
    match errors.errors().first() {
        Some(error) => error.reason().unwrap_or("unknown error").to_owned(),
        None => "no reason is known".to_owned(),
    }
}

/// Adds to an error what was tried.
trait During<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, TlsError>;
}

impl<T> During<T> for Result<T, ErrorStack> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, TlsError> {
        self.map_err(|errors| TlsError::new(what(), &errors))
    }
}

/// What sessions share. Cheap to copy.
#[derive(Clone)]
pub struct Context {
    pub(super) context: Rc<SslContext>,
    pub(super) role: Role,
    pub(super) verify_peer: bool,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

impl Context {
    /// Reads the files that the settings name. Settings without files, as most clients have, always make
    /// the same: that is kept, as reading all that the system trusts takes longer than a handshake.
    pub fn new(settings: &Settings, role: Role) -> Result<Context, TlsError> {
        if settings.names_files() {
            return Context::make(settings, role);
        }
        let kept = KEPT.with_borrow(|kept| {
            let mut kept = kept.iter();
            let found = kept.find(|(known, side, _)| known == settings && *side == role)?;
            Some(found.2.clone())
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let made = Context::make(settings, role)?;
        KEPT.with_borrow_mut(|kept| {
            kept.truncate(MAX_KEPT - 1);
            kept.push_front((settings.clone(), role, made.clone()));
        });
        Ok(made)
    }

    fn make(settings: &Settings, role: Role) -> Result<Context, TlsError> {
        let mut builder =
            SslContextBuilder::new(SslMethod::tls()).during(|| "no TLS context".to_owned())?;
        builder.set_options(versions(settings.protocols));
        if settings.compress {
            builder.clear_options(SslOptions::NO_COMPRESSION);
        } else {
            builder.set_options(SslOptions::NO_COMPRESSION);
        }
        builder.set_mode(
            SslMode::ENABLE_PARTIAL_WRITE
                | SslMode::ACCEPT_MOVING_WRITE_BUFFER
                | SslMode::AUTO_RETRY
                | SslMode::RELEASE_BUFFERS,
        );
        builder.set_read_ahead(true);
        own_certificate(&mut builder, settings)?;
        trust(&mut builder, settings)?;
        algorithms(&mut builder, settings)?;
        if role == Role::Server {
            // Sessions that are taken up again are those of this context.
            let made = builder.set_session_id_context(b"swoole");
            made.during(|| "no id for sessions".to_owned())?;
            if settings.verify_peer {
                // A client could otherwise take up again what it got before its certificate was refused.
                let none = builder.set_num_tickets(0);
                none.during(|| "sessions cannot be kept from being taken up again".to_owned())?;
                builder.set_options(SslOptions::NO_TICKET);
                builder.set_session_cache_mode(SslSessionCacheMode::OFF);
            } else {
                builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
            }
        }
        Ok(Context {
            context: Rc::new(builder.build()),
            role,
            verify_peer: settings.verify_peer,
        })
    }
}

/// Which versions are off.
fn versions(protocols: u32) -> SslOptions {
    VERSIONS
        .iter()
        .filter(|(bit, _)| protocols != 0 && protocols & bit == 0)
        .fold(SslOptions::empty(), |sum, (_, off)| sum | *off)
}

fn own_certificate(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), TlsError> {
    if let Some(file) = &settings.cert_file {
        let used = builder.set_certificate_chain_file(file);
        used.during(|| format!("certificate {} cannot be used", file.display()))?;
    }
    if let Some(file) = &settings.key_file {
        let what = || format!("private key {} cannot be used", file.display());
        let text = read_limited(file).map_err(|reason| TlsError {
            what: what(),
            reason,
        })?;
        let passphrase = settings.passphrase.as_deref().unwrap_or_default();
        // Without a callback OpenSSL would ask at the terminal.
        let key = PKey::private_key_from_pem_callback(&text, |place| {
            let fits = passphrase.len() <= place.len();
            let len = if fits { passphrase.len() } else { 0 };
            place[..len].copy_from_slice(&passphrase[..len]);
            Ok(len)
        });
        let key = key.during(what)?;
        builder.set_private_key(&key).during(what)?;
        let checked = builder.check_private_key();
        checked.during(|| format!("{} is not the key of the certificate", file.display()))?;
    }
    Ok(())
}

fn read_limited(file: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    let read = opened.take(MAX_KEY_BYTES).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(text)
}

fn trust(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), TlsError> {
    let (file, path) = (settings.ca_file.as_deref(), settings.ca_path.as_deref());
    let loaded = if file.is_some() || path.is_some() {
        builder.load_verify_locations(file, path)
    } else {
        builder.set_default_verify_paths()
    };
    let shown = |path: Option<&Path>| path.map_or_else(String::new, |p| p.display().to_string());
    let loaded = loaded.during(|| {
        format!(
            "the trusted certificates of '{}' '{}' cannot be read",
            shown(file),
            shown(path)
        )
    });
    // Who verifies nothing needs none.
    if settings.verify_peer {
        loaded?;
    }
    if settings.verify_depth > 0 {
        builder.set_verify_depth(u32::from(settings.verify_depth));
    }
    Ok(())
}

fn algorithms(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), TlsError> {
    if !settings.ciphers.is_empty() {
        let set = builder.set_cipher_list(&settings.ciphers);
        set.during(|| format!("ssl_ciphers '{}' cannot be used", settings.ciphers))?;
    }
    if !settings.curves.is_empty() && settings.curves != "auto" {
        let set = builder.set_groups_list(&settings.curves);
        set.during(|| format!("ssl_ecdh_curve '{}' cannot be used", settings.curves))?;
    }
    Ok(())
}
