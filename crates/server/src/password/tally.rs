//! What a login has cost, in pieces of work: for the test that a name nobody has costs what any other does.
//! Nothing of it is in the server.

/// A piece of work is done.
#[cfg(not(test))]
pub(super) const fn did(_work: &str) {}

#[cfg(test)]
thread_local! {
    static DONE: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[cfg(test)]
pub(super) fn did(work: &str) {
    DONE.with_borrow_mut(|done| done.push(work.to_owned()));
}

/// What this thread has done since it was last asked, in order.
#[cfg(test)]
pub(super) fn take() -> Vec<String> {
    DONE.take()
}
