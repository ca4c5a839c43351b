//! Writes small ELF files, byte for byte the same on every machine.
//!
//! Source: gABI chapter 5, "Dynamic Linking"; LSB core, "Symbol Versioning". The file
//! has program headers and a dynamic section, and no section table: the dynamic loader
//! needs none. One segment holds the whole file, so addresses are offsets.

use object::elf::hash;

const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERDEFNUM: u64 = 0x6fff_fffd;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
const DF_1_PIE: u64 = 0x0800_0000;

/// A program or shared library for a 64-bit little-endian machine.
#[derive(Clone)]
pub struct Elf {
    machine: u16,
    interpreter: Option<String>,
    /// The tags with a string, in order.
    strings: Vec<(u64, String)>,
    /// Sonames and the versions that are needed of each.
    version_needs: Vec<(String, Vec<String>)>,
    versions: Vec<String>,
    code: Vec<u8>,
}

impl Elf {
    /// A file for a machine, 62 for x86-64 or 183 for AArch64, that needs nothing.
    pub fn new(machine: u16) -> Self {
        let (interpreter, strings) = (None, Vec::new());
        Self { machine, interpreter, strings, version_needs: Vec::new(), versions: Vec::new(), code: Vec::new() }
    }

    fn string(mut self, tag: u64, text: &str) -> Self {
        self.strings.push((tag, text.to_owned()));
        self
    }

    /// Makes the file a program that this loader starts.
    pub fn interpreter(mut self, path: &str) -> Self {
        self.interpreter = Some(path.to_owned());
        self
    }

    pub fn soname(self, name: &str) -> Self {
        self.string(DT_SONAME, name)
    }

    pub fn needs(self, sonames: &[&str]) -> Self {
        sonames.iter().fold(self, |elf, name| elf.string(DT_NEEDED, name))
    }

    pub fn rpath(self, path: &str) -> Self {
        self.string(DT_RPATH, path)
    }

    pub fn runpath(self, path: &str) -> Self {
        self.string(DT_RUNPATH, path)
    }

    /// Needs symbol versions of a library.
    pub fn needs_versions(mut self, soname: &str, versions: &[&str]) -> Self {
        self.version_needs.push((soname.to_owned(), versions.iter().map(|&version| version.to_owned()).collect()));
        self
    }

    /// Defines symbol versions.
    pub fn versions(mut self, versions: &[&str]) -> Self {
        self.versions = versions.iter().map(|&version| version.to_owned()).collect();
        self
    }

    /// Appends bytes, which make the file as large and as different as a test needs.
    pub fn code(mut self, bytes: &[u8]) -> Self {
        self.code = bytes.to_vec();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let count = 2 + usize::from(self.interpreter.is_some());
        let mut body = Body { start: HEADER + count * PROGRAM_HEADER, bytes: Vec::new() };
        let mut table = Strings(vec![0]);
        let interpreter = self.interpreter.as_ref().map(|path| body.add(&[path.as_bytes(), b"\0"].concat()));
        let mut dynamic: Vec<(u64, u64)> =
            self.strings.iter().map(|(tag, text)| (*tag, u64::from(table.add(text)))).collect();
        if !self.version_needs.is_empty() {
            let (at, _) = body.add(&version_needs(&self.version_needs, &mut table));
            dynamic.extend([(DT_VERNEED, at), (DT_VERNEEDNUM, self.version_needs.len() as u64)]);
        }
        if !self.versions.is_empty() {
            let (at, _) = body.add(&versions(&self.versions, &mut table));
            dynamic.extend([(DT_VERDEF, at), (DT_VERDEFNUM, self.versions.len() as u64)]);
        }
        if self.interpreter.is_some() {
            dynamic.push((DT_FLAGS_1, DF_1_PIE));
        }
        let (at, size) = body.add(&table.0);
        dynamic.extend([(DT_STRTAB, at), (DT_STRSZ, size), (0, 0)]);
        let entries: Vec<_> =
            dynamic.iter().flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()]).collect();
        let dynamic = body.add(entries.as_flattened());
        body.add(&self.code);

        let whole = (0, (body.start + body.bytes.len()) as u64);
        let mut segments = vec![(PT_LOAD, whole), (PT_DYNAMIC, dynamic)];
        segments.extend(interpreter.map(|place| (PT_INTERP, place)));
        let headers: Vec<_> = segments.iter().flat_map(|(kind, place)| program_header(*kind, *place)).collect();
        [self.header(count), headers, body.bytes].concat()
    }

    fn header(&self, count: usize) -> Vec<u8> {
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        out.extend(ET_DYN.to_le_bytes());
        out.extend(self.machine.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        let entry = if self.interpreter.is_some() { HEADER as u64 } else { 0 };
        for number in [entry, HEADER as u64, 0] {
            out.extend(number.to_le_bytes());
        }
        out.extend(0_u32.to_le_bytes());
        for number in [HEADER, PROGRAM_HEADER, count, 64, 0, 0] {
            out.extend(u16::try_from(number).unwrap().to_le_bytes());
        }
        out
    }
}

fn program_header(kind: u32, (at, size): (u64, u64)) -> Vec<u8> {
    let read_and_execute = 5_u32;
    let mut out = [kind.to_le_bytes(), read_and_execute.to_le_bytes()].concat();
    for number in [at, at, at, size, size, 8] {
        out.extend(number.to_le_bytes());
    }
    out
}

/// The bytes after the headers.
struct Body {
    start: usize,
    bytes: Vec<u8>,
}

impl Body {
    /// Adds a part at a multiple of eight; its address and size.
    fn add(&mut self, part: &[u8]) -> (u64, u64) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.start + self.bytes.len();
        self.bytes.extend(part);
        (at as u64, part.len() as u64)
    }
}

/// A string table.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        let at = u32::try_from(self.0.len()).unwrap();
        self.0.extend(text.as_bytes());
        self.0.push(0);
        at
    }
}

/// `Elf64_Verneed` and `Elf64_Vernaux` records, 16 bytes each.
fn version_needs(needs: &[(String, Vec<String>)], table: &mut Strings) -> Vec<u8> {
    let mut out = Vec::new();
    let mut index = 1_u16;
    for (at, (soname, versions)) in needs.iter().enumerate() {
        let count = u16::try_from(versions.len()).unwrap();
        let next = if at + 1 == needs.len() { 0 } else { 16 * (1 + u32::from(count)) };
        out.extend([1, count].map(u16::to_le_bytes).as_flattened());
        out.extend([table.add(soname), 16, next].map(u32::to_le_bytes).as_flattened());
        for (at, version) in versions.iter().enumerate() {
            index += 1;
            let next = if at + 1 == versions.len() { 0 } else { 16 };
            out.extend(hash(version.as_bytes()).to_le_bytes());
            out.extend([0, index].map(u16::to_le_bytes).as_flattened());
            out.extend([table.add(version), next].map(u32::to_le_bytes).as_flattened());
        }
    }
    out
}

/// `Elf64_Verdef` records, 20 bytes each, with one `Elf64_Verdaux` of 8 bytes.
fn versions(versions: &[String], table: &mut Strings) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let index = u16::try_from(at + 1).unwrap();
        let next = if at + 1 == versions.len() { 0 } else { 28 };
        let of_the_file = u16::from(at == 0);
        out.extend([1, of_the_file, index, 1].map(u16::to_le_bytes).as_flattened());
        out.extend([hash(version.as_bytes()), 20, next].map(u32::to_le_bytes).as_flattened());
        out.extend([table.add(version), 0].map(u32::to_le_bytes).as_flattened());
    }
    out
}
