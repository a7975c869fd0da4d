//! Where a client's datagrams go, and where answers come to.

use super::{Client, ClientError, Link};
use crate::net::SocketOptions;
use crate::net::address::Address;
use crate::sys::forks;
use crate::sys::socket;
use crate::sys::transfer::{self as calls, Room};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The kernel's buffers for datagrams are asked to be so large.
const DATAGRAM_BUFFER_BYTES: u32 = 8 * 1024 * 1024;

/// So many datagrams of others are thrown away at most.
const MAX_FORGOTTEN: usize = 4096;

impl Client {
    pub(super) fn connect_datagrams(
        &mut self,
        host: &str,
        port: i64,
        fixed_peer: bool,
    ) -> Result<(), ClientError> {
        let address = Address::resolve(self.sock_type, host, port)?;
        self.aim(address, fixed_peer)?;
        self.start_datagrams()
    }

    /// Sends datagrams there from now on. `fixed_peer`: and takes them from there alone.
    pub fn aim(&mut self, address: Address, fixed_peer: bool) -> Result<(), ClientError> {
        let sizes = SocketOptions {
            recv_buffer_bytes: Some(DATAGRAM_BUFFER_BYTES),
            send_buffer_bytes: Some(DATAGRAM_BUFFER_BYTES),
            ..SocketOptions::default()
        };
        sizes.set_on(&self.fd, false)?;
        if self.sock_type.is_unix() {
            self.bind_for_answers()?;
        }
        if fixed_peer {
            socket::connect(&self.fd, address.as_sys())?;
            self.forget_datagrams();
            self.fixed_peer = true;
        }
        self.server = Some(address);
        self.link = Link::Up;
        Ok(())
    }

    /// A server can answer only to a socket that has a name.
    fn bind_for_answers(&mut self) -> Result<(), ClientError> {
        let pid = std::process::id();
        let path = format!("/tmp/swoole-client.{pid}.{}.sock", self.raw_fd());
        let address = Address::resolve(self.sock_type, &path, 0)?;
        // Of a process before us with the same number.
        let _ = std::fs::remove_file(&path);
        socket::bind(&self.fd, address.as_sys())?;
        self.bound = Some((PathBuf::from(path), forks::generation()));
        Ok(())
    }

    /// What others sent before the peer was fixed.
    fn forget_datagrams(&self) {
        let mut scratch = [0; 1];
        for _ in 0..MAX_FORGOTTEN {
            let mut room = Room::of(&mut scratch);
            if calls::recv(self.fd.as_fd(), &mut room, libc::MSG_DONTWAIT).is_err() {
                return;
            }
        }
    }
}
