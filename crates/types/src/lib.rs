//! Vocabulary of Koi: ids, numbers, flags, names, changes, errors, limits. No I/O.
