//! The client's side of a tunnel through an HTTP proxy: CONNECT, with basic authentication.

use super::proxy::{Credentials, ProxyError, Target, Turn};
use crate::error::codes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

/// The head of the proxy's answer has at most so many bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HOST_BYTES: usize = 255;

#[derive(Clone, Debug)]
pub struct HttpProxy {
    target: Target,
    credentials: Option<Credentials>,
}

impl HttpProxy {
    /// Refuses a host that would break the request.
    pub fn new(target: Target, credentials: Option<Credentials>) -> Result<HttpProxy, ProxyError> {
        let host = &target.host;
        let clean = host.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || host.len() > MAX_HOST_BYTES || !clean {
            let message = format!(
                "the target host for the HTTP proxy is {host:?}: 1 to {MAX_HOST_BYTES} visible ASCII \
                 characters are allowed"
            );
            return Err(ProxyError::new(codes::HTTP_PROXY_HANDSHAKE_ERROR, message));
        }
        Ok(HttpProxy {
            target,
            credentials,
        })
    }

    /// The first bytes to send.
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        let Target { host, port } = &self.target;
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let mut request = format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: Swoole/6.2.2\r\n\
             Proxy-Connection: Keep-Alive\r\n"
        );
        if let Some(Credentials { user, password }) = &self.credentials {
            let plain = [user.as_slice(), b":", password].concat();
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&STANDARD.encode(plain));
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.into_bytes()
    }

    /// See [`super::proxy::Handshake`].
    pub fn advance(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        let bad = |message: &str| {
            Err(ProxyError::new(
                codes::HTTP_PROXY_BAD_RESPONSE,
                message.to_owned(),
            ))
        };
        const START: &[u8] = b"HTTP/1.";
        let seen = input.len().min(START.len());
        if !input[..seen].eq_ignore_ascii_case(&START[..seen]) {
            return bad("the HTTP proxy does not answer with HTTP/1");
        }
        let within = &input[..input.len().min(MAX_HEAD_BYTES)];
        let Some(end) = memmem::find(within, b"\r\n\r\n") else {
            if input.len() >= MAX_HEAD_BYTES {
                return bad("the head of the HTTP proxy's answer is too long");
            }
            return Ok(Turn::NeedMore);
        };
        let head = &input[..end];
        let line = head.split(|&b| b == b'\r').next().unwrap_or_default();
        // "HTTP/1.1 200 Connection established"
        let status = line.split(|&b| b == b' ').find_map(|word| match word {
            [a, b, c] if word.iter().all(u8::is_ascii_digit) => Some([*a, *b, *c]),
            _ => None,
        });
        match status {
            Some([b'2', ..]) => Ok(Turn::Done { consumed: end + 4 }),
            Some(_) => {
                let line = String::from_utf8_lossy(line);
                let message = format!("the HTTP proxy refused the tunnel: {line}");
                Err(ProxyError::new(codes::HTTP_PROXY_HANDSHAKE_FAILED, message))
            }
            None => bad("the HTTP proxy's answer has no status"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn proxy(host: &str, credentials: Option<Credentials>) -> Result<HttpProxy, ProxyError> {
        let target = Target {
            host: host.to_owned(),
            port: 443,
        };
        HttpProxy::new(target, credentials)
    }

    #[test]
    fn the_request_names_target_and_credentials() {
        let credentials = Credentials {
            user: b"me".to_vec(),
            password: b"secret".to_vec(),
        };
        let request = proxy("example.org", Some(credentials))
            .expect("proxy")
            .request();
        let request = String::from_utf8(request).expect("ASCII");
        assert!(
            request.starts_with("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n")
        );
        assert!(request.ends_with("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"));
        let request = proxy("::1", None).expect("proxy").request();
        assert!(request.starts_with(b"CONNECT [::1]:443 HTTP/1.1\r\n"));
    }

    #[test]
    fn a_host_cannot_smuggle_headers() {
        for host in ["", "a\r\nX: y", "a b", "ä", &"a".repeat(256)] {
            assert_eq!(proxy(host, None).expect_err("refused").code, 7101);
        }
    }

    #[test]
    fn the_answer_decides() {
        let mut proxy = proxy("example.org", None).expect("proxy");
        let answer = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\ntunnel";
        let head = answer.len() - 6;
        for part in 0..head {
            assert_eq!(proxy.advance(&answer[..part]), Ok(Turn::NeedMore));
        }
        assert_eq!(proxy.advance(answer), Ok(Turn::Done { consumed: head }));
        let refused = proxy.advance(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n");
        let refused = refused.expect_err("refused");
        assert_eq!(refused.code, 7103);
        assert!(refused.message.contains("407"));
        let code =
            |proxy: &mut HttpProxy, input: &[u8]| proxy.advance(input).expect_err("bad").code;
        assert_eq!(code(&mut proxy, b"SSH-2.0-x"), 7104);
        assert_eq!(code(&mut proxy, b"HTTP/1.1 ok\r\n\r\n"), 7104);
        let endless = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; MAX_HEAD_BYTES]].concat();
        assert_eq!(code(&mut proxy, &endless), 7104);
    }
}
