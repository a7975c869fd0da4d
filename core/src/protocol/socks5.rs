//! The client's side of SOCKS 5 (RFC 1928), with name and password (RFC 1929). Host names are resolved
//! by the proxy.

use super::proxy::{Credentials, ProxyError, Target, Turn};
use crate::error::codes;

const VERSION: u8 = 5;
const AUTH_VERSION: u8 = 1;
const NO_AUTH: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;
/// The protocol has one byte for each length.
const MAX_TEXT_BYTES: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Auth,
    Connect,
    Done,
}

#[derive(Clone, Debug)]
pub struct Socks5 {
    target: Target,
    credentials: Option<Credentials>,
    state: State,
}

impl Socks5 {
    /// Refuses what does not fit into the protocol's fields.
    pub fn new(target: Target, credentials: Option<Credentials>) -> Result<Socks5, ProxyError> {
        let refused = |code, what: &str, len: usize| {
            let message = format!(
                "the {what} for the SOCKS5 proxy has {len} bytes, 1 to {MAX_TEXT_BYTES} fit"
            );
            Err(ProxyError::new(code, message))
        };
        let fits = |len: usize| (1..=MAX_TEXT_BYTES).contains(&len);
        if !fits(target.host.len()) {
            let len = target.host.len();
            return refused(codes::SOCKS5_HANDSHAKE_FAILED, "target host", len);
        }
        if let Some(Credentials { user, password }) = &credentials {
            for (what, len) in [("user name", user.len()), ("password", password.len())] {
                if !fits(len) {
                    return refused(codes::SOCKS5_AUTH_FAILED, what, len);
                }
            }
        }
        Ok(Socks5 {
            target,
            credentials,
            state: State::Method,
        })
    }

    fn method(&self) -> u8 {
        if self.credentials.is_some() {
            USER_AND_PASSWORD
        } else {
            NO_AUTH
        }
    }

    /// The first bytes to send.
    #[must_use]
    pub fn greeting(&self) -> Vec<u8> {
        vec![VERSION, 1, self.method()]
    }

    /// See [`super::proxy::Handshake`].
    pub fn advance(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        match self.state {
            State::Method => self.on_method(input),
            State::Auth => self.on_auth(input),
            State::Connect => self.on_reply(input),
            State::Done => Ok(Turn::Done { consumed: 0 }),
        }
    }

    fn on_method(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        let &[version, method, ..] = input else {
            return Ok(Turn::NeedMore);
        };
        check_version(version, VERSION)?;
        if method != self.method() {
            let message = "SOCKS authentication method is not supported";
            return Err(ProxyError::new(codes::SOCKS5_UNSUPPORT_METHOD, message));
        }
        let bytes = match &self.credentials {
            Some(Credentials { user, password }) => {
                self.state = State::Auth;
                let mut bytes = vec![AUTH_VERSION];
                push_text(&mut bytes, user);
                push_text(&mut bytes, password);
                bytes
            }
            None => self.connect_request(),
        };
        Ok(Turn::Send { consumed: 2, bytes })
    }

    fn on_auth(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        let &[version, result, ..] = input else {
            return Ok(Turn::NeedMore);
        };
        check_version(version, AUTH_VERSION)?;
        if result != 0 {
            let message = "SOCKS username/password authentication failed";
            return Err(ProxyError::new(codes::SOCKS5_AUTH_FAILED, message));
        }
        let bytes = self.connect_request();
        Ok(Turn::Send { consumed: 2, bytes })
    }

    fn connect_request(&mut self) -> Vec<u8> {
        self.state = State::Connect;
        let mut bytes = vec![VERSION, CONNECT, 0, DOMAIN];
        push_text(&mut bytes, self.target.host.as_bytes());
        bytes.extend(self.target.port.to_be_bytes());
        bytes
    }

    fn on_reply(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        let &[version, result, ..] = input else {
            return Ok(Turn::NeedMore);
        };
        check_version(version, VERSION)?;
        if result != 0 {
            let message = format!("Socks5 server error, reason :{}", reason(result));
            return Err(ProxyError::new(codes::SOCKS5_SERVER_ERROR, message));
        }
        // The address that the proxy connects from follows: of no use, but its bytes must go.
        let address_bytes = match input.get(3) {
            None => return Ok(Turn::NeedMore),
            Some(&IPV4) => 4,
            Some(&IPV6) => 16,
            Some(&DOMAIN) => match input.get(4) {
                Some(&len) => 1 + usize::from(len),
                None => return Ok(Turn::NeedMore),
            },
            Some(other) => {
                let message = format!("the SOCKS5 proxy answered with address type {other}");
                return Err(ProxyError::new(codes::SOCKS5_HANDSHAKE_FAILED, message));
            }
        };
        let consumed = 4 + address_bytes + 2;
        if input.len() < consumed {
            return Ok(Turn::NeedMore);
        }
        self.state = State::Done;
        Ok(Turn::Done { consumed })
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    // The constructor saw to it that it fits.
    bytes.push(text.len().min(MAX_TEXT_BYTES) as u8);
    bytes.extend(text.iter().take(MAX_TEXT_BYTES));
}

fn check_version(version: u8, expected: u8) -> Result<(), ProxyError> {
    if version == expected {
        return Ok(());
    }
    let message = "SOCKS version is not supported";
    Err(ProxyError::new(codes::SOCKS5_UNSUPPORT_VERSION, message))
}

fn reason(code: u8) -> &'static str {
    match code {
        1 => "General failure",
        2 => "Connection not allowed by ruleset",
        3 => "Network unreachable",
        4 => "Host unreachable",
        5 => "Connection refused by destination host",
        6 => "TTL expired",
        7 => "command not supported / protocol error",
        8 => "address type not supported",
        _ => "Unknown error",
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            host: "example.org".to_owned(),
            port: 8080,
        }
    }

    fn code(result: Result<Turn, ProxyError>) -> i32 {
        result.expect_err("refused").code
    }

    #[test]
    fn without_credentials_it_asks_for_the_target_at_once() {
        let mut socks = Socks5::new(target(), None).expect("fits");
        assert_eq!(socks.greeting(), [5, 1, 0]);
        assert_eq!(socks.advance(&[5]), Ok(Turn::NeedMore));
        let mut request = vec![5, 1, 0, 3, 11];
        request.extend(b"example.org");
        request.extend([0x1f, 0x90]);
        let sent = Turn::Send {
            consumed: 2,
            bytes: request,
        };
        assert_eq!(socks.advance(&[5, 0]), Ok(sent));
        // Each kind of address, whole and in parts, with bytes of the tunnel behind it.
        let replies: [&[u8]; 3] = [
            &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80],
            &[5, 0, 0, 3, 2, b'a', b'b', 0, 80],
            &[
                5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80,
            ],
        ];
        for reply in replies {
            for part in 0..reply.len() {
                assert_eq!(socks.clone().advance(&reply[..part]), Ok(Turn::NeedMore));
            }
            let more = [reply, b"tunnel"].concat();
            let consumed = reply.len();
            assert_eq!(socks.clone().advance(&more), Ok(Turn::Done { consumed }));
        }
        assert_eq!(code(socks.clone().advance(&[5, 0, 0, 9, 1])), 7005);
        assert_eq!(code(socks.clone().advance(&[4, 0])), 7001);
        let refused = socks.advance(&[5, 5]).expect_err("refused");
        assert_eq!(refused.code, 7004);
        assert!(refused.message.contains("Connection refused"));
    }

    #[test]
    fn with_credentials_it_logs_in_first() {
        let credentials = Credentials {
            user: b"me".to_vec(),
            password: b"secret".to_vec(),
        };
        let mut socks = Socks5::new(target(), Some(credentials)).expect("fits");
        assert_eq!(socks.greeting(), [5, 1, 2]);
        assert_eq!(code(socks.clone().advance(&[5, 0])), 7002);
        assert_eq!(code(socks.clone().advance(&[5, 0xff])), 7002);
        let Ok(Turn::Send { consumed: 2, bytes }) = socks.advance(&[5, 2]) else {
            unreachable!("logs in");
        };
        assert_eq!(bytes, b"\x01\x02me\x06secret");
        assert_eq!(code(socks.clone().advance(&[1, 1])), 7003);
        assert_eq!(code(socks.clone().advance(&[5, 0])), 7001);
        assert!(matches!(socks.advance(&[1, 0]), Ok(Turn::Send { .. })));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let long = Target {
            host: "a".repeat(256),
            port: 1,
        };
        assert_eq!(Socks5::new(long, None).expect_err("refused").code, 7005);
        let long = Credentials {
            user: vec![b'a'; 256],
            password: b"x".to_vec(),
        };
        let refused = Socks5::new(target(), Some(long)).expect_err("refused");
        assert_eq!(refused.code, 7003);
        assert!(refused.message.contains("256 bytes"));
    }
}
