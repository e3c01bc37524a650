//! Taking compressed octets apart, no faster than somebody wants them (RFC 1951 §3.2, RFC 4978 §3).
//!
//! Between two blocks, which is where a peer that waits for an answer has left it, an inflater is put down to
//! a few octets and what the window holds. It stops behind a block that ends with the command UNAUTHENTICATE:
//! what comes then is no longer compressed, if the command is accepted (RFC 8437 §4.1).

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

/// How far back a block may refer (RFC 1951 §2).
const WINDOW_OCTETS: usize = 32 * 1024;
/// The command after which the peer's octets may be clear, with its line end (RFC 8437 §3).
const LAST_COMMAND: &[u8] = b" UNAUTHENTICATE\r\n";

/// One direction of one connection.
pub struct Inflater {
    state: State,
    /// What was made last: a ring when it is as long as the window, else all of it.
    window: Vec<u8>,
    /// Where in the window the next octet goes.
    at: usize,
    /// Octets that were fed and not taken apart yet.
    fed: Vec<u8>,
    used: usize,
    /// More can be made of what was taken already.
    more: bool,
    /// Something was made since it last held.
    made: bool,
    holds: bool,
    holding: bool,
}

enum State {
    /// Between two blocks.
    Between(BlockBoundaryState),
    Within(Box<DecompressorOxide>),
    /// After the last block.
    Ended,
}

/// Why there is nothing more for now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Everything fed is taken apart.
    NeedMore,
    /// The next piece might have no room.
    Full,
    /// After UNAUTHENTICATE: [`Inflater::go_on`] if it was not accepted, else [`Inflater::rest`] is clear.
    Held,
}

/// Not a stream of DEFLATE, or octets after its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken;

/// It never holds.
impl Default for Inflater {
    fn default() -> Self {
        Self {
            state: State::Between(BlockBoundaryState::default()),
            window: Vec::new(),
            at: 0,
            fed: Vec::new(),
            used: 0,
            more: false,
            made: false,
            holds: false,
            holding: false,
        }
    }
}

impl Inflater {
    /// For what a client says: it holds behind UNAUTHENTICATE.
    #[must_use]
    pub fn of_commands() -> Self {
        Self { holds: true, ..Self::default() }
    }
    /// Octets from the peer. What is fed is kept until it is taken apart: feed only when there is nothing.
    pub fn feed(&mut self, octets: &[u8]) {
        self.fed.drain(..std::mem::take(&mut self.used));
        self.fed.extend_from_slice(octets);
    }
    /// Whether everything fed is taken apart.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == self.fed.len() && !self.more
    }
    #[must_use]
    pub const fn is_holding(&self) -> bool {
        self.holding
    }
    /// Whether the last block is behind.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
    /// The command was not the last compressed one.
    pub fn go_on(&mut self) {
        self.holding = false;
    }
    /// What was fed and not taken apart.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.fed.get(self.used..).unwrap_or_default()
    }
    /// Appends what comes next to `out`, until it has more than `octets_max` less the window's length.
    pub fn read(&mut self, octets_max: usize, out: &mut Vec<u8>) -> Result<Stopped, Broken> {
        let begin = out.len();
        while !self.holding {
            if self.is_empty() {
                self.forget_fed();
                return Ok(Stopped::NeedMore);
            }
            if out.len() - begin + WINDOW_OCTETS > octets_max.max(WINDOW_OCTETS) {
                return Ok(Stopped::Full);
            }
            self.piece(out)?;
        }
        Ok(Stopped::Held)
    }
    /// Gives back memory: between two blocks all but what can still be referred to.
    pub fn put_down(&mut self) {
        if let State::Within(inflate) = &self.state
            && let Some(between) = inflate.block_boundary_state()
        {
            self.state = State::Between(between);
        }
        if let State::Within(_) = self.state {
            return;
        }
        if self.is_empty() {
            self.forget_fed();
        }
        self.window.shrink_to_fit();
    }
    /// Octets of memory it holds beside itself, for tests and measuring.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let state = if let State::Within(_) = self.state { size_of::<DecompressorOxide>() } else { 0 };
        state + self.window.capacity() + self.fed.capacity()
    }

    fn forget_fed(&mut self) {
        (self.fed, self.used) = (Vec::new(), 0);
    }
    /// As much as one call gives: to the end of a block, of the ring, or of what was fed.
    fn piece(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let inflate = match &mut self.state {
            State::Within(inflate) => inflate,
            State::Between(between) => {
                let inflate = Box::new(DecompressorOxide::from_block_boundary_state(between));
                self.state = State::Within(inflate);
                return Ok(());
            }
            State::Ended => return Err(Broken),
        };
        let filled = self.window.len();
        self.window.resize(WINDOW_OCTETS, 0);
        let fed = self.fed.get(self.used..).unwrap_or_default();
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        let (status, taken, made) = decompress(inflate, fed, &mut self.window, self.at, flags);
        let end = self.at + made;
        out.extend_from_slice(self.window.get(self.at..end).unwrap_or_default());
        self.used += taken;
        self.more = status == TINFLStatus::HasMoreOutput;
        // Until it is full for the first time, the window is only as long as what was made.
        self.window.truncate(filled.max(end));
        self.at = end % WINDOW_OCTETS;
        self.made |= made > 0;
        match status {
            TINFLStatus::BlockBoundary => {}
            TINFLStatus::Done => self.state = State::Ended,
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => return Ok(()),
            _ => return Err(Broken),
        }
        self.holding = self.holds && self.made && self.ends_with_last_command();
        self.made &= !self.holding;
        Ok(())
    }
    fn ends_with_last_command(&self) -> bool {
        let last = |back: usize| {
            let at = (self.at + WINDOW_OCTETS - back) % WINDOW_OCTETS;
            self.window.get(at).copied().unwrap_or(0)
        };
        let mut wanted = LAST_COMMAND.iter().rev();
        (1..=LAST_COMMAND.len()).all(|back| wanted.next().is_some_and(|w| last(back).eq_ignore_ascii_case(w)))
    }
}

/// Clear octets without what the end of the compressed stream before them may have left: an empty block, the
/// last or not, which is made of octets no command begins with.
#[must_use]
pub fn without_end(octets: &[u8]) -> &[u8] {
    let first = octets.iter().position(|octet| !matches!(octet, 0x00 | 0x01 | 0x03 | 0xff));
    first.map_or(&[], |first| octets.get(first..).unwrap_or_default())
}
