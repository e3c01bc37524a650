//! The mailbox service: the one API that all protocols call.
