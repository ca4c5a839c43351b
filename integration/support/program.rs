//! A program that nobody starts.

/// The head of a program for x86-64 that nobody starts: `elf(5)`.
pub const PROGRAM: [u8; 64] = {
    let mut head = [0; 64];
    let start = *b"\x7fELF\x02\x01\x01";
    let mut at = 0;
    while at < start.len() {
        head[at] = start[at];
        at += 1;
    }
    (head[16], head[18], head[20], head[24], head[52], head[54]) = (2, 62, 1, 1, 64, 56);
    head
};
