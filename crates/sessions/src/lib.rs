//! One state machine per protocol between proto and mailbox. No sockets, no clock, no threads.
