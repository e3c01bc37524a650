//! How many threads work on one thing together.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

/// Threads of one piece of work.
const THREADS_MAX: usize = 8;

/// Threads that are worth their start for `count` things, of which one thread takes `turn` at a time; at
/// least one.
pub(crate) fn worth(count: usize, turn: usize) -> usize {
    // Asking the system is reading several files of it, which costs more than a small search.
    static CORES: OnceLock<usize> = OnceLock::new();
    let wanted = count.div_ceil(turn).clamp(1, THREADS_MAX);
    if wanted == 1 {
        return 1;
    }
    let asked = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    wanted.min(*CORES.get_or_init(asked))
}
