//! TLS of a port.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Port};

const NEEDS: &str = "TLS";

const fn tls(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Row {
    Row::later(name, Port, kind, default, NEEDS, doc)
}

const LIST: Kind = Kind::Text { max_len: 4096 };

pub(super) static ROWS: &[Row] = &[
    tls(
        "ssl_cert_file",
        Kind::Path,
        "none",
        "File of the certificate and its chain, in PEM.",
    ),
    tls(
        "ssl_key_file",
        Kind::Path,
        "none",
        "File of the private key, in PEM.",
    ),
    tls(
        "ssl_passphrase",
        LIST,
        "none",
        "Password of the private key.",
    ),
    tls(
        "ssl_protocols",
        Kind::Int {
            min: 0,
            max: 65_535,
        },
        "all that are safe",
        "Versions of TLS that are allowed, a sum of SWOOLE_SSL_* values.",
    ),
    tls(
        "ssl_ciphers",
        LIST,
        "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH",
        "Ciphers that are allowed, in the notation of OpenSSL.",
    ),
    tls(
        "ssl_prefer_server_ciphers",
        Kind::Bool,
        "true",
        "Prefer the order of ssl_ciphers to that of the client.",
    ),
    tls(
        "ssl_ecdh_curve",
        LIST,
        "auto",
        "Curves for the exchange of keys.",
    ),
    tls(
        "ssl_dhparam",
        Kind::Path,
        "none",
        "File of Diffie-Hellman parameters, in PEM.",
    ),
    tls(
        "ssl_verify_peer",
        Kind::Bool,
        "false",
        "Ask the client for a certificate and check it.",
    ),
    tls(
        "ssl_allow_self_signed",
        Kind::Bool,
        "false",
        "Accept certificates of clients that sign themselves.",
    ),
    tls(
        "ssl_client_cert_file",
        Kind::Path,
        "none",
        "File of the certificates that sign those of clients, in PEM.",
    ),
    tls(
        "ssl_cafile",
        Kind::Path,
        "none",
        "File of certificates to check peers with, in PEM.",
    ),
    tls(
        "ssl_capath",
        Kind::Path,
        "none",
        "Folder of certificates to check peers with.",
    ),
    tls(
        "ssl_verify_depth",
        Kind::Int { min: 0, max: 255 },
        "1",
        "Most certificates in the chain of a client.",
    ),
    tls(
        "ssl_sni_certs",
        Kind::Map,
        "none",
        "Array of host name and array of ssl_cert_file and ssl_key_file.",
    ),
    tls(
        "ssl_compress",
        Kind::Bool,
        "false",
        "Compress at the level of TLS, which is not safe.",
    ),
    tls(
        "ssl_grease",
        Kind::Int { min: 0, max: 255 },
        "0",
        "Send random values for extensions, to keep peers tolerant.",
    )
    .quiet_if_empty(),
    Row::no_effect(
        "ssl_disable_compression",
        Port,
        Kind::Any,
        "TLS compression is off; the option is called ssl_compress",
        "Do not compress at the level of TLS.",
    )
    .always_quiet(),
    Row::no_effect(
        "ssl_method",
        Port,
        Kind::Any,
        "it was replaced by ssl_protocols in version 4.5.4",
        "Version of TLS in old versions, a SWOOLE_*_METHOD value.",
    ),
];
