//! A framing with a buffer of its own, for one connection.

use super::framing::{Framing, Malformed, Progress, Rule, Step};
use super::input::InputBuffer;

/// How much is read at once where packages have no known length.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes in with [`Decoder::room`] and [`Decoder::added`], packages out with [`Decoder::step`] and
/// [`Decoder::consume`].
///
/// It holds at most a package and a chunk: an owner that reads as much as [`Decoder::step`] asks for,
/// and no more before the packages are taken out, is within `max_bytes` + [`CHUNK_BYTES`].
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    progress: Progress,
    input: InputBuffer,
}

impl Decoder {
    #[must_use]
    pub const fn new(framing: Framing) -> Decoder {
        Decoder {
            framing,
            progress: Progress::START,
            input: InputBuffer::new(),
        }
    }

    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Another rule for what comes from now on and for what is in the buffer.
    pub fn set_framing(&mut self, framing: Framing) {
        if self.framing != framing {
            self.framing = framing;
            self.progress = Progress::START;
        }
    }

    /// Looks for a package. [`Step::Package`] is handed out once: take its bytes from
    /// [`Decoder::filled`], then [`Decoder::consume`] them.
    pub fn step(&mut self) -> Result<Step, Malformed> {
        let step = self.framing.step(&mut self.progress, self.input.filled())?;
        Ok(self.chunked(step))
    }

    /// See [`Framing::answer`].
    pub fn answer(&mut self, length: i64) -> Result<Step, Malformed> {
        let input = self.input.filled();
        let step = self.framing.answer(&mut self.progress, input, length)?;
        Ok(self.chunked(step))
    }

    /// Whether a whole package is there. Does not ask a length function.
    #[must_use]
    pub fn has_package(&self) -> bool {
        let mut progress = self.progress;
        matches!(
            self.framing.step(&mut progress, self.input.filled()),
            Ok(Step::Package { .. }) | Err(_)
        )
    }

    /// The length of the package that is under way, once it is known.
    #[must_use]
    pub fn expected(&self) -> Option<usize> {
        self.progress.expected()
    }

    /// The package that is under way was completed elsewhere: forgets it and its bytes.
    pub fn completed_elsewhere(&mut self) {
        self.progress = Progress::START;
        self.input.clear();
    }

    /// Where the length is unknown, reading more than asked for saves calls.
    fn chunked(&self, step: Step) -> Step {
        match (step, &self.framing.rule) {
            (
                Step::NeedMore { .. },
                Rule::Raw | Rule::EachMark(_) | Rule::LastMark(_) | Rule::Function,
            ) if self.progress.expected().is_none() => {
                let left = (self.framing.max_bytes as usize).saturating_sub(self.input.len());
                Step::NeedMore {
                    bytes: left.clamp(1, CHUNK_BYTES),
                }
            }
            _ => step,
        }
    }

    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.input.filled()
    }

    /// Room for `bytes` to come.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.input.room(bytes)
    }

    /// So many bytes have come into the room.
    pub fn added(&mut self, bytes: usize) {
        self.input.added(bytes);
    }

    /// Copies bytes in.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// Puts bytes in front, which were taken out and not used.
    pub fn put_back(&mut self, bytes: &[u8]) {
        self.progress = Progress::START;
        self.input.put_back(bytes);
    }

    /// Forgets the first bytes: a package that was taken.
    pub fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }

    /// Forgets everything: a new connection.
    pub fn reset(&mut self) {
        self.progress = Progress::START;
        self.input.release();
    }
}
