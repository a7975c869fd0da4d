//! Bytes that tell connections and positions apart.

/// A prime, so that no buffer size of the server divides it.
const PERIOD: usize = 65_521;

/// An endless sequence of bytes for one seed.
#[derive(Debug)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    pub fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let block = (0..PERIOD)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 24) as u8
            })
            .collect();
        Self(block)
    }

    pub fn bytes(&self, from: usize, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let at = (from + bytes.len()) % PERIOD;
            let take = (PERIOD - at).min(len - bytes.len());
            bytes.extend_from_slice(&self.0[at..at + take]);
        }
        bytes
    }

    /// Where `got`, which should stand at `from`, is wrong.
    pub fn check(&self, from: usize, got: &[u8]) -> Result<(), String> {
        let wanted = self.bytes(from, got.len());
        if wanted == got {
            return Ok(());
        }
        let at = wanted
            .iter()
            .zip(got)
            .position(|(a, b)| a != b)
            .unwrap_or(0);
        Err(format!(
            "byte {} of the stream is {:#x}, not {:#x}; {} more bytes follow it",
            from + at,
            got[at],
            wanted[at],
            got.len() - at - 1
        ))
    }
}
