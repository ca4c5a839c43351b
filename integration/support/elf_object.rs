//! The smallest ELF programs and libraries of any architecture.

use carboy::oci::Architecture;

/// Lengths of numbers, in bytes.
const HALF: usize = 2;
const WORD: usize = 4;

/// A program or library, of which no code is ever run.
pub struct ElfObject<'a> {
    pub architecture: &'static Architecture,
    /// A program, started by the architecture's loader.
    pub program: bool,
    pub soname: Option<&'a str>,
    pub needed: &'a [&'a str],
}

/// Bytes in an architecture's order, with words as long as its addresses.
struct Writer {
    bytes: Vec<u8>,
    architecture: &'static Architecture,
}

impl Writer {
    fn number(&mut self, value: u64, length: usize) {
        let little = value.to_le_bytes();
        let bytes = little[..length].iter().copied();
        if self.architecture.little_endian {
            self.bytes.extend(bytes);
        } else {
            self.bytes.extend(bytes.rev());
        }
    }

    fn address(&mut self, value: u64) {
        self.number(value, if self.architecture.is_64 { 8 } else { 4 });
    }

    /// One program header; memory is as the file.
    fn segment(&mut self, kind: u64, offset: u64, size: u64) {
        self.number(kind, WORD);
        if self.architecture.is_64 {
            self.number(4, WORD);
        }
        for value in [offset, offset, offset, size, size] {
            self.address(value);
        }
        if !self.architecture.is_64 {
            self.number(4, WORD);
        }
        self.address(0x1000);
    }
}

impl ElfObject<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let wide = self.architecture.is_64;
        let (header, segment, dynamic) = if wide { (64, 56, 16) } else { (52, 32, 8) };
        let mut names = vec![0];
        let mut name = |text: &str| {
            let at = names.len() as u64;
            names.extend(text.bytes().chain([0]));
            at
        };
        let loader = name(self.architecture.loader);
        let mut tags: Vec<_> = self.needed.iter().map(|needed| (1, name(needed))).collect();
        tags.extend(self.soname.map(|soname| (14, name(soname))));
        let segments = if self.program { 3 } else { 2 };
        let at_tags = header + segments * segment;
        let at_names = at_tags + (tags.len() as u64 + 3) * dynamic;
        let size = at_names + names.len() as u64;
        tags.extend([(5, at_names), (10, names.len() as u64), (0, 0)]);

        let class = if wide { 2 } else { 1 };
        let order = if self.architecture.little_endian { 1 } else { 2 };
        let ident = [0x7f, b'E', b'L', b'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut out = Writer { bytes: ident.to_vec(), architecture: self.architecture };
        out.number(3, HALF);
        out.number(u64::from(self.architecture.elf_machine), HALF);
        out.number(1, WORD);
        for value in [u64::from(self.program), header, 0] {
            out.address(value);
        }
        out.number(0, WORD);
        for value in [header, segment, segments, 0, 0, 0] {
            out.number(value, HALF);
        }
        out.segment(1, 0, size);
        out.segment(2, at_tags, at_names - at_tags);
        if self.program {
            out.segment(3, at_names + loader, self.architecture.loader.len() as u64 + 1);
        }
        for (tag, value) in tags {
            out.address(tag);
            out.address(value);
        }
        out.bytes.extend(names);
        out.bytes
    }
}
