//! A client whose every wait ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::pattern::Pattern;

/// Ends a test that hangs; nothing depends on how soon anything happens.
pub const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// How the server's side of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

impl Client {
    pub fn connect(port: u16) -> Client {
        Self::try_connect(port).expect("the server lets clients in")
    }

    pub fn try_connect(port: u16) -> std::io::Result<Client> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            buffer: Vec::new(),
        })
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Sends a command of the scripted handler.
    pub fn tell(&mut self, command: &str) {
        self.send(format!("{command}\n").as_bytes());
    }

    /// Sends a command and answers its line.
    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.line()
    }

    pub fn line(&mut self) -> String {
        self.try_line().expect("a line from the server")
    }

    pub fn try_line(&mut self) -> std::io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let line = std::mem::replace(&mut self.buffer, rest);
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut room = [0u8; 65_536];
            match self.stream.read(&mut room)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.buffer.extend_from_slice(&room[..n]),
            }
        }
    }

    /// Reads bytes of a pattern, which must be right.
    pub fn expect_pattern(&mut self, pattern: &Pattern, from: usize, len: usize) {
        let mut got = 0;
        let mut room = vec![0u8; 256 * 1024];
        while got < len {
            let want = (len - got).min(room.len());
            let n = self.read_some(&mut room[..want]);
            assert!(n > 0, "the server closed after {got} of {len} bytes");
            pattern.check(from + got, &room[..n]).unwrap();
            got += n;
        }
    }

    fn read_some(&mut self, room: &mut [u8]) -> usize {
        if !self.buffer.is_empty() {
            let n = room.len().min(self.buffer.len());
            room[..n].copy_from_slice(&self.buffer[..n]);
            self.buffer.drain(..n);
            return n;
        }
        self.stream.read(room).expect("the server answers")
    }

    /// Reads something, at most so much.
    pub fn read_any(&mut self, most: usize) -> usize {
        let mut room = vec![0u8; most.min(1 << 18)];
        let n = self.read_some(&mut room);
        assert!(n > 0, "the server closed");
        n
    }

    pub fn read_exactly(&mut self, len: usize) -> Vec<u8> {
        let mut all = vec![0u8; len];
        let mut got = 0;
        while got < len {
            let n = self.read_some(&mut all[got..]);
            assert!(n > 0, "the server closed after {got} of {len} bytes");
            got += n;
        }
        all
    }

    /// Waits for something to come.
    pub fn expect_first_byte(&mut self) {
        assert_eq!(self.read_some(&mut [0]), 1);
    }

    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits for the end of the connection; answers how it ended and what came before it.
    pub fn end(&mut self) -> (End, Vec<u8>) {
        let mut rest = std::mem::take(&mut self.buffer);
        let mut room = vec![0u8; 256 * 1024];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => return (End::Fin, rest),
                Ok(n) => rest.extend_from_slice(&room[..n]),
                Err(e) if is_reset(&e) => return (End::Reset, rest),
                Err(e) => panic!("waiting for the server to close: {e}"),
            }
        }
    }

    /// The server closes in order and sends nothing more.
    pub fn expect_fin(&mut self) {
        assert_eq!(self.end(), (End::Fin, Vec::new()));
    }

    /// Closes with RST.
    pub fn reset(self) {
        use nix::sys::socket::{setsockopt, sockopt::Linger};
        let linger = nix::libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&self.stream, Linger, &linger).unwrap();
    }

    /// Makes the receive buffer small, so that little is on its way.
    pub fn read_slowly(&self) {
        use nix::sys::socket::{setsockopt, sockopt::RcvBuf};
        setsockopt(&self.stream, RcvBuf, &65_536).unwrap();
        assert!(self.stream.as_raw_fd() >= 0);
    }
}

pub fn is_reset(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
