//! Sessions that a client takes up again, which no certificate is looked at for.
#![allow(clippy::expect_used)]

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslSession, SslStream};
use openssl::x509::{X509, X509Name};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use swoole_core::net::tls::{Context, Role, Session, Settings};
use tempfile::NamedTempFile;

struct Certificate {
    shown: X509,
    key: PKey<Private>,
}

/// One that nobody but itself vouches for.
fn certificate() -> Certificate {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let key = PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key");
    let mut name = X509Name::builder().expect("name");
    name.append_entry_by_text("CN", "somebody").expect("name");
    let name = name.build();
    let mut builder = X509::builder().expect("certificate");
    builder.set_version(2).expect("version");
    builder.set_subject_name(&name).expect("subject");
    builder.set_issuer_name(&name).expect("issuer");
    builder.set_pubkey(&key).expect("key");
    let days = |days| Asn1Time::days_from_now(days).expect("time");
    builder.set_not_before(&days(0)).expect("time");
    builder.set_not_after(&days(2)).expect("time");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    let shown = builder.build();
    Certificate { shown, key }
}

fn file_of(text: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("file");
    file.write_all(text).expect("write");
    file
}

fn client(
    wire: UnixStream,
    own: &Certificate,
    session: Option<&SslSession>,
) -> SslStream<UnixStream> {
    let mut builder = SslContextBuilder::new(SslMethod::tls()).expect("context");
    builder.set_certificate(&own.shown).expect("certificate");
    builder.set_private_key(&own.key).expect("key");
    let mut ssl = Ssl::new(&builder.build()).expect("session");
    if let Some(session) = session {
        // SAFETY: a session of a context like this one, which is used by this thread alone.
        unsafe { ssl.set_session(session) }.expect("session");
    }
    ssl.set_connect_state();
    wire.set_nonblocking(true).expect("mode");
    SslStream::new(ssl, wire).expect("session")
}

/// Connects twice, the second time with what it got the first time: whether the server has taken that up,
/// and what it says of the client then.
fn twice(server: &Context, own: &Certificate) -> (bool, Result<(), i32>) {
    let mut given = None;
    let mut last = (false, Ok(()));
    for _ in 0..2 {
        let (one, other) = UnixStream::pair().expect("pair");
        let mut client = client(one, own, given.as_ref());
        let other = Rc::new(OwnedFd::from(other));
        let server = Session::new(server, other, None, None).expect("session");
        let mut done = [false; 2];
        for _ in 0..20 {
            done[0] = done[0] || client.do_handshake().is_ok();
            done[1] = done[1] || server.handshake().is_ok();
        }
        assert_eq!(done, [true, true]);
        // What is given comes with the first bytes.
        assert_eq!(server.write(b"x"), Ok(1));
        client.read_exact(&mut [0]).expect("a byte");
        let found = server.verify(false).map_err(|error| error.code);
        last = (client.ssl().session_reused(), found);
        given = client.ssl().session().map(ToOwned::to_owned);
        // A session without an end cannot be taken up again.
        server.shutdown();
        client.shutdown().expect("an end");
    }
    last
}

#[test]
fn a_client_that_was_refused_does_not_come_in_by_its_session() {
    let (own, stranger) = (certificate(), certificate());
    let cert_file = file_of(&own.shown.to_pem().expect("PEM"));
    let key_file = file_of(&own.key.private_key_to_pem_pkcs8().expect("PEM"));
    // TLS 1.2 and 1.3.
    for protocols in [1 << 5, 1 << 6] {
        let server = |verify_peer| {
            let settings = Settings {
                cert_file: Some(cert_file.path().to_owned()),
                key_file: Some(key_file.path().to_owned()),
                ca_file: Some(cert_file.path().to_owned()),
                verify_peer,
                protocols,
                ..Settings::default()
            };
            Context::new(&settings, Role::Server).expect("context")
        };
        assert_eq!(twice(&server(true), &own), (false, Ok(())));
        // It is looked at again, and refused again.
        assert_eq!(twice(&server(true), &stranger), (false, Err(18)));
        // A server that asks for no certificate takes sessions up, and trusts nobody.
        assert_eq!(twice(&server(false), &stranger), (true, Err(1)));
    }
}
