//! The storage engine: journal, index, transactions, snapshots, change log, bodies, recovery. Knows no protocol.
