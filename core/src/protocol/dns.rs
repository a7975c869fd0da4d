//! Questions to DNS servers and their answers (RFC 1035, RFC 3596): addresses only, over datagrams.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Without the byte in front and the root behind.
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;
const HEADER_BYTES: usize = 12;
/// A message that a server may answer with over UDP, where nothing else was agreed.
pub const MAX_MESSAGE_BYTES: usize = 512;

/// The port of DNS servers.
pub const SERVER_PORT: u16 = 53;

const CLASS_IN: u16 = 1;
const FLAG_RESPONSE: u16 = 1 << 15;
const FLAG_RECURSE: u16 = 1 << 8;

/// An address of a server, with a port behind a colon where it is not 53.
#[must_use]
pub fn server_address(text: &str) -> Option<SocketAddr> {
    match text.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, SERVER_PORT)),
        Err(_) => text.parse().ok(),
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// IPv4 addresses.
    A = 1,
    /// IPv6 addresses.
    Aaaa = 28,
}

/// A question, and what tells its answer from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    message: Vec<u8>,
}

/// What a message is to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not an answer to it: of another question, or forged.
    Foreign,
    /// An answer that cannot be understood.
    Malformed,
    /// The server's refusal, as its code (RFC 1035, RCODE): 2 failure, 3 no such name, 5 refused.
    Refused(u8),
    /// In the server's order; none: the name has no such record.
    Addresses(Vec<IpAddr>),
}

impl Question {
    /// None: not a name of DNS. `id` should be hard to guess.
    #[must_use]
    pub fn new(name: &str, record: Record, id: u16) -> Option<Question> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return None;
        }
        let mut message = Vec::with_capacity(HEADER_BYTES + name.len() + 6);
        for word in [id, FLAG_RECURSE, 1, 0, 0, 0] {
            message.extend_from_slice(&word.to_be_bytes());
        }
        for label in name.split('.') {
            let is_label = (1..=MAX_LABEL_BYTES).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_label {
                return None;
            }
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        message.extend_from_slice(&(record as u16).to_be_bytes());
        message.extend_from_slice(&CLASS_IN.to_be_bytes());
        Some(Question { message })
    }

    /// The bytes to send.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Reads a message that has come from the server.
    #[must_use]
    pub fn read(&self, message: &[u8]) -> Answer {
        let mut reader = Reader { rest: message };
        let Some([id, flags, questions, answers, _, _]) = reader.header() else {
            return Answer::Foreign;
        };
        let asked = self.message.get(HEADER_BYTES..).unwrap_or_default();
        let is_ours = flags & FLAG_RESPONSE != 0
            && self.message.starts_with(&id.to_be_bytes())
            && questions == 1
            && reader
                .take(asked.len())
                .is_some_and(|echo| echo.eq_ignore_ascii_case(asked));
        if !is_ours {
            return Answer::Foreign;
        }
        let code = (flags & 0xF) as u8;
        if code != 0 {
            return Answer::Refused(code);
        }
        match reader.addresses(answers) {
            Some(addresses) => Answer::Addresses(addresses),
            None => Answer::Malformed,
        }
    }
}

/// Takes bytes from the front. None: there are not so many.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn word(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn header(&mut self) -> Option<[u16; 6]> {
        let mut words = [0; 6];
        for word in &mut words {
            *word = self.word()?;
        }
        Some(words)
    }

    /// Passes over a name: labels up to the root, or up to a pointer to an earlier name.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            let [length] = self.array()?;
            match length {
                0 => return Some(()),
                1..=63 => {
                    self.take(usize::from(length))?;
                }
                0xC0.. => {
                    let [_low] = self.array()?;
                    return Some(());
                }
                // Kinds of labels that no server uses.
                _ => return None,
            }
        }
    }

    fn addresses(&mut self, answers: u16) -> Option<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        for _ in 0..answers {
            self.skip_name()?;
            let (kind, class) = (self.word()?, self.word()?);
            let [..] = self.array::<4>()?;
            let length = usize::from(self.word()?);
            let data = self.take(length)?;
            if class != CLASS_IN {
                continue;
            }
            let address = match kind {
                kind if kind == Record::A as u16 => {
                    Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()
                }
                kind if kind == Record::Aaaa as u16 => {
                    Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()
                }
                // The aliases on the way.
                _ => continue,
            };
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Some(addresses)
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn question() -> Question {
        Question::new("www.Example.com.", Record::A, 0x1234).expect("a name")
    }

    /// An answer with an alias and two addresses.
    fn answer(question: &Question) -> Vec<u8> {
        let mut message = question.message().to_vec();
        message[2] |= 0x80;
        message[7] = 3;
        message.extend_from_slice(b"\xC0\x0C\0\x05\0\x01\0\0\0\x09\0\x04\x01a\xC0\x10");
        for last in [1, 2] {
            message.extend_from_slice(b"\x01a\xC0\x10\0\x01\0\x01\0\0\0\x09\0\x04\xC0\0\x02");
            message.push(last);
        }
        message
    }

    #[test]
    fn servers_have_addresses() {
        let text = |text| server_address(text).map(|server| server.to_string());
        assert_eq!(text("192.0.2.1").as_deref(), Some("192.0.2.1:53"));
        assert_eq!(text("192.0.2.1:5353").as_deref(), Some("192.0.2.1:5353"));
        assert_eq!(text("::1").as_deref(), Some("[::1]:53"));
        assert_eq!(text("name.example"), None);
    }

    #[test]
    fn a_question_has_its_form() {
        let message = question().message;
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07Example\x03com\0\0\x01\0\x01";
        assert_eq!(message, expected);
        let long = "a".repeat(64);
        let many = "a.".repeat(128);
        for bad in ["", ".", "a..b", ".a", "a b", "a\0", "ä", &long, &many] {
            assert_eq!(Question::new(bad, Record::A, 1), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_read() {
        let question = question();
        let message = answer(&question);
        let expected: Vec<IpAddr> = vec![[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        assert_eq!(question.read(&message), Answer::Addresses(expected));
        for end in HEADER_BYTES + 21..message.len() {
            assert_eq!(question.read(&message[..end]), Answer::Malformed, "{end}");
        }
        let mut none = message.clone();
        none[7] = 0;
        assert_eq!(question.read(&none), Answer::Addresses(Vec::new()));
        none[3] = 3;
        assert_eq!(question.read(&none), Answer::Refused(3));
    }

    #[test]
    fn answers_to_others_are_told() {
        let question = question();
        let mut message = answer(&question);
        assert_eq!(question.read(question.message()), Answer::Foreign);
        message[0] ^= 1;
        assert_eq!(question.read(&message), Answer::Foreign);
        message[0] ^= 1;
        message[14] ^= 1;
        assert_eq!(question.read(&message), Answer::Foreign);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
            let question = question();
            prop_assert_eq!(question.read(&noise), Answer::Foreign);
            let mut message = question.message().to_vec();
            message[2] |= 0x80;
            message.extend_from_slice(&noise);
            message[7] = noise.len() as u8;
            let _ = question.read(&message);
        }
    }
}
