//! Sessions against each other over a pair of sockets, driven by turns: nobody waits.
#![allow(clippy::expect_used)]

use super::*;
use crate::error::codes;
use crate::net::client::Fault;
use crate::sys::socket;
use crate::sys::transfer::Room;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Name};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use tempfile::NamedTempFile;

const WAITS: Fault = Fault::Os(libc::EAGAIN);

pub(crate) struct Certificate {
    file: NamedTempFile,
    key: PKey<Private>,
    key_file: NamedTempFile,
}

fn file_of(text: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("file");
    file.write_all(text).expect("write");
    file
}

pub(crate) fn certificate(name: &str) -> Certificate {
    certificate_until(name, Asn1Time::days_from_now(2).expect("time"))
}

fn certificate_until(name: &str, end: Asn1Time) -> Certificate {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let key = PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key");
    let mut subject = X509Name::builder().expect("name");
    subject.append_entry_by_text("CN", name).expect("name");
    let subject = subject.build();
    let mut builder = X509::builder().expect("certificate");
    builder.set_version(2).expect("version");
    builder.set_subject_name(&subject).expect("subject");
    builder.set_issuer_name(&subject).expect("issuer");
    builder.set_pubkey(&key).expect("key");
    let begin = Asn1Time::from_unix(0).expect("time");
    builder.set_not_before(&begin).expect("time");
    builder.set_not_after(&end).expect("time");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    let pem = builder.build().to_pem().expect("PEM");
    let secret = key.private_key_to_pem_pkcs8().expect("PEM");
    Certificate {
        file: file_of(&pem),
        key,
        key_file: file_of(&secret),
    }
}

impl Certificate {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            cert_file: Some(self.file.path().to_owned()),
            key_file: Some(self.key_file.path().to_owned()),
            ..Settings::default()
        }
    }

    fn trusting(&self) -> Settings {
        Settings {
            ca_file: Some(self.file.path().to_owned()),
            verify_peer: true,
            ..Settings::default()
        }
    }
}

fn wires() -> (Rc<OwnedFd>, Rc<OwnedFd>) {
    let pair = socket::pair(libc::AF_UNIX, libc::SOCK_STREAM, 0);
    let (one, other) = pair.expect("pair");
    (Rc::new(one), Rc::new(other))
}

fn sessions(client: &Settings, server: &Settings, asked: Option<&str>) -> (Session, Session) {
    let (one, other) = wires();
    let context = Context::new(client, Role::Client).expect("context");
    let host = client.host_name.as_deref();
    let client = Session::new(&context, one, asked, host).expect("session");
    let context = Context::new(server, Role::Server).expect("context");
    let server = Session::new(&context, other, None, None).expect("session");
    (client, server)
}

fn shake(client: &Session, server: &Session) {
    for _ in 0..20 {
        let done = [client, server].map(|side| side.is_ready() || side.handshake() == Ok(()));
        if done == [true, true] {
            return;
        }
    }
    panic!("no handshake: {} {}", client.reason(), server.reason());
}

fn read(session: &Session, bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut memory = vec![0; bytes];
    let mut room = Room::of(&mut memory);
    let got = session.read(&mut room)?;
    memory.truncate(got);
    Ok(memory)
}

#[test]
fn bytes_go_both_ways_and_end() {
    let certificate = certificate("localhost");
    let settings = certificate.settings();
    let (client, server) = sessions(&certificate.trusting(), &settings, Some("localhost"));
    assert_eq!(client.write(b"x"), Err(Fault::Os(codes::SSL_NOT_READY)));
    shake(&client, &server);
    assert_eq!(read(&server, 10), Err(WAITS));
    assert_eq!(client.write(b"hello"), Ok(5));
    let mut memory = [0; 10];
    assert_eq!(server.peek(&mut Room::of(&mut memory)), Ok(5));
    assert_eq!(read(&server, 2).as_deref(), Ok(b"he".as_slice()));
    assert_eq!(read(&server, 10).as_deref(), Ok(b"llo".as_slice()));
    assert_eq!(server.write(b"and back"), Ok(8));
    assert_eq!(read(&client, 10).as_deref(), Ok(b"and back".as_slice()));
    assert_eq!(client.verify(false), Ok(()));
    let shown = client.peer_certificate().expect("certificate");
    let file = std::fs::read(certificate.file.path()).expect("file");
    assert_eq!(shown, file);
    assert_eq!(server.peer_certificate(), None);
    client.shutdown();
    assert_eq!(read(&server, 10).as_deref(), Ok(b"".as_slice()));
    assert_eq!(read(&server, 10).as_deref(), Ok(b"".as_slice()));
}

#[test]
fn what_was_begun_must_be_ended() {
    let certificate = certificate("localhost");
    let settings = certificate.settings();
    let (client, server) = sessions(&Settings::default(), &settings, None);
    shake(&client, &server);
    let much: Vec<u8> = (0..8_000_000_u32).map(|i| (i >> 8) as u8).collect();
    let mut sent = 0;
    let fault = loop {
        match client.write(&much[sent..]) {
            Ok(more) => sent += more,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, WAITS);
    assert_eq!(
        client.write(b"other"),
        Err(Fault::Os(codes::WRONG_OPERATION))
    );
    let mut received = Vec::new();
    while sent < much.len() || received.len() < much.len() {
        if let Ok(more) = read(&server, 100_000) {
            received.extend(more);
        }
        // From another place in memory.
        let rest = much[sent..].to_vec();
        if let Ok(more) = client.write(&rest) {
            sent += more;
        }
    }
    assert!(received == much);
}

#[test]
fn peers_are_checked() {
    let certificate = certificate("localhost");
    let settings = certificate.settings();
    let named = |name: &str| Settings {
        host_name: Some(name.to_owned()),
        ..certificate.trusting()
    };
    let verified = |client: &Settings, allow_self_signed| {
        let (client, server) = sessions(client, &settings, None);
        shake(&client, &server);
        client.verify(allow_self_signed).map_err(|error| error.code)
    };
    assert_eq!(verified(&named("localhost"), false), Ok(()));
    assert_eq!(verified(&named("elsewhere"), false), Err(62));
    assert_eq!(verified(&named("127.0.0.1"), false), Err(64));
    let stranger = Settings::default();
    assert_eq!(verified(&stranger, false), Err(18));
    assert_eq!(verified(&stranger, true), Ok(()));
    let stranger = Settings {
        host_name: Some("elsewhere".to_owned()),
        ..stranger
    };
    assert_eq!(verified(&stranger, true), Err(62));
}

#[test]
fn who_may_sign_for_himself_may_nothing_else() {
    let expired = certificate_until("localhost", Asn1Time::from_unix(86_400).expect("time"));
    let (client, server) = sessions(&Settings::default(), &expired.settings(), None);
    shake(&client, &server);
    let verified = |allow_self_signed| client.verify(allow_self_signed).map_err(|error| error.code);
    assert_eq!(verified(false), Err(18));
    assert_eq!(verified(true), Err(10));
}

#[test]
fn clients_are_checked() {
    let (ours, stranger) = (certificate("client"), certificate("client"));
    let own = certificate("localhost");
    let server = Settings {
        ca_file: Some(ours.file.path().to_owned()),
        verify_peer: true,
        ..own.settings()
    };
    let verified = |client: &Settings| {
        let (client, server) = sessions(client, &server, None);
        shake(&client, &server);
        let found = server.verify(false).map_err(|error| error.code);
        let allowed = server.verify(true).map_err(|error| error.code);
        (found, allowed)
    };
    assert_eq!(verified(&ours.settings()), (Ok(()), Ok(())));
    assert_eq!(verified(&stranger.settings()), (Err(18), Ok(())));
    assert_eq!(verified(&Settings::default()), (Err(1), Err(1)));
}

#[test]
fn nothing_goes_to_who_is_refused() {
    let certificate = certificate("localhost");
    let (client, server) = sessions(&Settings::default(), &certificate.settings(), None);
    shake(&client, &server);
    assert_eq!(server.write(b"x"), Ok(1));
    client.refuse();
    let refused = Fault::Os(codes::SSL_VERIFY_FAILED);
    assert_eq!(client.handshake(), Err(refused));
    assert_eq!(client.write(b"secret"), Err(refused));
    assert_eq!(read(&client, 1), Err(refused));
    let mut memory = [0];
    assert_eq!(client.peek(&mut Room::of(&mut memory)), Err(refused));
    client.shutdown();
    assert_eq!(read(&server, 10), Err(WAITS));
}

/// What others who use OpenSSL have left in the thread's queue of errors.
fn leave_errors() {
    PKey::private_key_from_pem(b"nothing")
        .expect_err("a key")
        .put();
}

#[test]
fn errors_of_others_end_nothing() {
    let certificate = certificate("localhost");
    let (client, server) = sessions(&Settings::default(), &certificate.settings(), None);
    for _ in 0..20 {
        for side in [&client, &server] {
            leave_errors();
            let went = side.is_ready() || matches!(side.handshake(), Ok(()) | Err(WAITS));
            assert!(went, "{}", side.reason());
        }
    }
    for _ in 0..2 {
        leave_errors();
        assert_eq!(read(&server, 10), Err(WAITS));
        leave_errors();
        assert_eq!(server.peek(&mut Room::of(&mut [0; 10])), Err(WAITS));
    }
    let much = vec![0; 8_000_000];
    loop {
        leave_errors();
        match client.write(&much) {
            Ok(_) => {}
            Err(fault) => break assert_eq!(fault, WAITS),
        }
    }
    leave_errors();
    assert_eq!(server.write(b"hello"), Ok(5));
    leave_errors();
    server.shutdown();
    assert_eq!(read(&client, 10).as_deref(), Ok(b"hello".as_slice()));
    leave_errors();
    assert_eq!(read(&client, 10).as_deref(), Ok(b"".as_slice()));
}

#[test]
fn no_tls_is_told() {
    let certificate = certificate("localhost");
    let (one, other) = wires();
    let context = Context::new(&certificate.settings(), Role::Server).expect("context");
    let server = Session::new(&context, one, None, None).expect("session");
    assert_eq!(server.handshake(), Err(WAITS));
    let text = b"GET / HTTP/1.1\r\n\r\n";
    crate::sys::transfer::send(other.as_fd(), text, 0).expect("sent");
    let refused = Err(Fault::Os(codes::SSL_BAD_CLIENT));
    assert_eq!(server.handshake(), refused);
    assert_eq!(server.reason(), "http request");
    assert_eq!(server.write(b"x").map(|_| ()), refused);

    let (one, other) = wires();
    let context = Context::new(&Settings::default(), Role::Client).expect("context");
    let client = Session::new(&context, one, None, None).expect("session");
    assert_eq!(client.handshake(), Err(WAITS));
    drop(other);
    assert!(matches!(client.handshake(), Err(Fault::Os(code)) if code != libc::EAGAIN));
}

#[test]
fn wrong_settings_are_named() {
    let (one, other) = (certificate("one"), certificate("other"));
    let failed = |settings: Settings| {
        let context = Context::new(&settings, Role::Server);
        context.expect_err("a context").to_string()
    };
    let text = failed(Settings {
        cert_file: Some(PathBuf::from("/nowhere")),
        ..Settings::default()
    });
    assert!(
        text.starts_with("certificate /nowhere cannot be used: "),
        "{text}"
    );
    let text = failed(Settings {
        key_file: Some(other.key_file.path().to_owned()),
        ..one.settings()
    });
    assert!(text.contains("key"), "{text}");
    let text = failed(Settings {
        ciphers: "no such".to_owned(),
        ..one.settings()
    });
    assert!(
        text.starts_with("ssl_ciphers 'no such' cannot be used: "),
        "{text}"
    );
    let text = failed(Settings {
        ca_file: Some(PathBuf::from("/nowhere")),
        verify_peer: true,
        ..one.settings()
    });
    assert!(text.contains("/nowhere"), "{text}");
}

#[test]
fn keys_have_passwords() {
    let certificate = certificate("localhost");
    let cipher = Cipher::aes_256_cbc();
    let secret = certificate
        .key
        .private_key_to_pem_pkcs8_passphrase(cipher, b"secret");
    let key_file = file_of(&secret.expect("PEM"));
    let with = |passphrase: Option<&[u8]>| Settings {
        key_file: Some(key_file.path().to_owned()),
        passphrase: passphrase.map(<[u8]>::to_vec),
        ..certificate.settings()
    };
    assert!(Context::new(&with(Some(b"secret")), Role::Server).is_ok());
    assert!(Context::new(&with(Some(b"wrong")), Role::Server).is_err());
    assert!(Context::new(&with(None), Role::Server).is_err());
}

#[test]
fn versions_can_be_left_out() {
    let certificate = certificate("localhost");
    let only = |protocols| Settings {
        protocols,
        ..certificate.settings()
    };
    let (client, server) = sessions(&only(1 << 5), &only(0), None);
    shake(&client, &server);
    let (client, server) = sessions(&only(1 << 5), &only(1 << 6), None);
    let mut results = Vec::new();
    for _ in 0..4 {
        results.push(client.handshake());
        results.push(server.handshake());
    }
    assert!(results.iter().all(Result::is_err));
    assert_eq!(server.reason(), "unsupported protocol");
}

#[test]
fn contexts_without_files_are_shared() {
    let with = |verify_depth| Settings {
        verify_depth,
        ..Settings::default()
    };
    let of = |settings: &Settings| Context::new(settings, Role::Client).expect("context");
    let same = |one: &Context, other: &Context| Rc::ptr_eq(&one.context, &other.context);
    let first = of(&with(0));
    assert!(same(&first, &of(&with(0))));
    assert!(!same(&first, &of(&with(1))));
    let server = Context::new(&with(0), Role::Server).expect("context");
    assert!(!same(&first, &server));
    // Few are kept.
    for depth in 2..40 {
        of(&with(depth));
    }
    assert!(!same(&first, &of(&with(0))));
    let certificate = certificate("localhost");
    let (one, other) = (of(&certificate.trusting()), of(&certificate.trusting()));
    assert!(!same(&one, &other));
}
