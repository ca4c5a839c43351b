//! Walks a tar archive: every entry with what the headers before it say of it.
//!
//! A layer must mean one thing. GNU tar, Python's tarfile and Go's archive/tar, which
//! containers' engines use, disagree on many odd headers, and an archive can be made to
//! show each of them other files. What GNU tar and tarfile read alike is read as they do;
//! where they disagree, the entry is refused. Measured with GNU tar 1.34, Python 3.11 and
//! Go 1.26, and held by `integration/archives.rs`:
//!
//! - Sizes of folders and hardlinks mean nothing. With links and devices GNU tar skips
//!   data, the others do not: refused unless zero.
//! - An extended header's name and a GNU long name must be the same: GNU tar takes the
//!   first kind, Go the second, tarfile whichever came first. So must two of a kind.
//! - A name that ends in a slash makes a folder of a file for GNU tar alone; with the old
//!   type NUL for all three, when the name field itself ends in one and the size is zero.
//! - A prefix counts in ustar headers only; tarfile applies it in all.
//! - Values may hold newlines; empty names, names with a NUL, numbers with signs, blanks or
//!   junk, records whose length is wrong: refused.
//! - A zero block ends the archive, a second one or not, and what follows is not read. (Go
//!   wants two, and stops with an error where something follows the first.)
//! - A global header holds for the entries that follow until another takes its place (Go
//!   ignores both). Refused: one that leaves out what one before it says, which GNU tar
//!   forgets and tarfile keeps; one that says a thing twice, of which GNU tar takes the first
//!   and tarfile the second; a size; one between an entry and its own headers.
//! - Entries that are cut off, blocks that are no header, types that are no file of an
//!   image (Solaris's `X` among them, which Go takes for a file): refused.
//!
//! No crate does this: `tar` splits records at newlines and knows no global headers,
//! `tar-core` 0.1 leaves global headers to its caller, skips lone zero blocks and lets an
//! extended header's name win over a long one. Both hide from their callers what is needed
//! to tell a plain archive from one with two meanings. Layers are written with `tar`.

mod entry;
mod error;
mod header;
mod input;
mod pax;
mod reader;
mod sparse;

pub use entry::{EntryType, TarEntry};
pub use error::TarError;
pub use input::TarInput;
pub use reader::TarReader;
