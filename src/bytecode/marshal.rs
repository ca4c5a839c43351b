//! Canonicalises marshalled code, so that it is independent of the process that compiled it.
//!
//! Source: `CPython`'s `Python/marshal.c`, versions 3.7 to 3.14. A writer marks an object for later
//! reference if any other code in the process holds it too, writes frozen sets in an order that
//! depends on these marks (from 3.11 on) or on addresses (before), and records for strings of one
//! character whether the process ever interned them (before 3.12). Readers ignore all of this. Here
//! objects are marked only if they are referred to, sets are sorted, and such strings are interned.
//! The rest depends on the source alone: the constants that are one object.
//!
//! Measured: compiled one after the other and in the opposite order, 2 of 1,790 files of 3.11's
//! library came out differently without this, 38 of 3.8's and none of 3.13's. Assumed for 3.14: its
//! layout, which was read in its source and not tried.
//!
//! Tried instead: one fresh process for each distribution, with sorted sources, gave the same bytes
//! in three runs over the libraries of 3.8, 3.11 and 3.12, and for 668 files by two builds of 3.11.2.
//! Not adopted: all 1,790 files of a library then go through one process; the second half of 3.8's
//! library in a fresh process, as after a crash, differs in 16 files; and before 3.11 frozen sets are
//! ordered by the address of `None` (assumed to differ between builds of one version, not tried).
//!
//! Pure. Not recursive, because the input decides on the depth.

use std::ops::Range;

use crate::oci::Digest;
use crate::oci::digest::Hasher;

/// The flag of an object that is referred to later.
const MARK: u8 = 0x80;
/// More objects than any source within the limits has.
const OBJECTS: usize = 1 << 26;

/// The layout of code objects of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The bytes of numbers at the beginning.
    numbers: usize,
    /// The number of objects between these and the first line's number.
    before: usize,
    /// The number of objects after it.
    after: usize,
}

/// The error of malformed code from the interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unreadable compiled code: {0}")]
pub struct MarshalError(&'static str);

impl Layout {
    /// Returns the layout of Python 3's `minor` version; none for unknown versions.
    #[must_use]
    pub fn of(minor: u32) -> Option<Self> {
        match minor {
            7 => Some(Self { numbers: 20, before: 8, after: 1 }),
            8..=10 => Some(Self { numbers: 24, before: 8, after: 1 }),
            11..=14 => Some(Self { numbers: 20, before: 8, after: 2 }),
            _ => None,
        }
    }
}

/// Brings marshalled code into its canonical form.
///
/// # Errors
/// Data that is too short or too long, and types that no compiler writes.
pub fn canonical(data: &[u8], layout: Layout) -> Result<Vec<u8>, MarshalError> {
    let mut graph = Graph::read(data, layout)?;
    graph.sort_sets();
    Ok(graph.written())
}

/// An object.
struct Node {
    /// The letter of its type; 0 for a bare number inside of a code object.
    kind: u8,
    /// The bytes after the letter, up to the objects in it.
    head: Range<usize>,
    children: Vec<usize>,
    /// The number of objects that contain it.
    uses: u32,
    /// True once its children have been read.
    complete: bool,
}

/// An object, the children of which are being read.
struct Open {
    node: usize,
    left: usize,
    /// The number of children before a bare number.
    number_after: Option<usize>,
}

/// Objects in the order in which they were read: containers before their content.
struct Graph<'a> {
    data: &'a [u8],
    nodes: Vec<Node>,
    /// The same objects, content before its containers.
    completed: Vec<usize>,
    root: usize,
}

impl<'a> Graph<'a> {
    fn read(data: &'a [u8], layout: Layout) -> Result<Self, MarshalError> {
        let mut reader = Reader { data, at: 0 };
        let mut graph = Self { data, nodes: Vec::new(), completed: Vec::new(), root: 0 };
        let mut marked = Vec::new();
        let mut open = Vec::new();
        loop {
            let byte = reader.byte()?;
            let (kind, mark) = (byte & !MARK, byte & MARK != 0);
            let node = if kind == b'r' {
                *marked.get(reader.number()?).ok_or(MarshalError("a reference to a missing object"))?
            } else {
                let (head, objects) = reader.head(kind, layout)?;
                let node = graph.add(kind, head, objects == 0)?;
                if mark {
                    marked.push(node);
                }
                if objects > 0 {
                    let number_after = (kind == b'c').then_some(layout.before);
                    open.push(Open { node, left: objects, number_after });
                    continue;
                }
                node
            };
            if graph.attach(node, &mut open, &mut reader)? {
                break;
            }
        }
        if reader.at == data.len() { Ok(graph) } else { Err(MarshalError("there is data after its end")) }
    }

    fn add(&mut self, kind: u8, head: Range<usize>, complete: bool) -> Result<usize, MarshalError> {
        if self.nodes.len() >= OBJECTS {
            return Err(MarshalError("too many objects"));
        }
        let node = self.nodes.len();
        self.nodes.push(Node { kind, head, children: Vec::new(), uses: 0, complete });
        if complete {
            self.completed.push(node);
        }
        Ok(node)
    }

    /// Adds an object to its container, which may complete that in turn. Returns whether the
    /// outermost is complete.
    fn attach(&mut self, node: usize, open: &mut Vec<Open>, reader: &mut Reader) -> Result<bool, MarshalError> {
        if !self.nodes[node].complete {
            return Err(MarshalError("an object in itself"));
        }
        let mut done = node;
        while let Some(parent) = open.last_mut() {
            self.nodes[done].uses += 1;
            self.nodes[parent.node].children.push(done);
            if parent.number_after == Some(self.nodes[parent.node].children.len()) {
                let head = reader.bytes(4)?;
                let number = self.add(0, head, true)?;
                self.nodes[parent.node].children.push(number);
            }
            parent.left -= 1;
            if parent.left > 0 {
                return Ok(false);
            }
            done = parent.node;
            self.nodes[done].complete = true;
            self.completed.push(done);
            open.pop();
        }
        self.root = done;
        Ok(true)
    }

    /// Sorts the members of frozen sets by their content, without any marks: by a hash, because the
    /// text of an object that is shared a hundred times is long.
    fn sort_sets(&mut self) {
        if self.nodes.iter().all(|node| node.kind != b'>') {
            return;
        }
        let mut known = vec![Digest::of(b""); self.nodes.len()];
        for &at in &self.completed {
            if self.nodes[at].kind == b'>' {
                self.nodes[at].children.sort_by_key(|&member| known[member]);
            }
            let node = &self.nodes[at];
            let mut hasher = Hasher::default();
            hasher.update(&[self.letter(node)]);
            for count in [node.head.len(), node.children.len()] {
                hasher.update(&(count as u64).to_le_bytes());
            }
            hasher.update(&self.data[node.head.clone()]);
            node.children.iter().for_each(|&child| hasher.update(known[child].as_bytes()));
            known[at] = hasher.finish();
        }
    }

    /// Writes all objects, marked where they are referred to.
    fn written(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut indices = vec![None; self.nodes.len()];
        let mut marked: u32 = 0;
        let mut todo = vec![self.root];
        while let Some(next) = todo.pop() {
            let node = &self.nodes[next];
            if let Some(index) = indices[next] {
                out.push(b'r');
                out.extend_from_slice(&u32::to_le_bytes(index));
                continue;
            }
            let mark = node.uses > 1;
            if mark {
                indices[next] = Some(marked);
                marked += 1;
            }
            if node.kind != 0 {
                out.push(self.letter(node) | if mark { MARK } else { 0 });
            }
            out.extend_from_slice(&self.data[node.head.clone()]);
            todo.extend(node.children.iter().rev());
        }
        out
    }

    /// Writes a type's letter. Strings of at most one character, which exist once in a process, are
    /// always interned.
    /// are always interned; so is the empty one.
    fn letter(&self, node: &Node) -> u8 {
        let text = &self.data[node.head.clone()];
        let single = |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| text.chars().count() < 2);
        match node.kind {
            b'a' if single(&text[4..]) => b'A',
            b'z' if single(&text[1..]) => b'Z',
            b'u' if single(&text[4..]) => b't',
            kind => kind,
        }
    }
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn bytes(&mut self, length: usize) -> Result<Range<usize>, MarshalError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.data.len());
        let end = end.ok_or(MarshalError("it ends early"))?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    fn byte(&mut self) -> Result<u8, MarshalError> {
        Ok(self.data[self.bytes(1)?.start])
    }

    fn signed(&mut self) -> Result<i32, MarshalError> {
        let four = self.data[self.bytes(4)?].try_into();
        Ok(i32::from_le_bytes(four.map_err(|_| MarshalError("it ends early"))?))
    }

    fn number(&mut self) -> Result<usize, MarshalError> {
        usize::try_from(self.signed()?).map_err(|_| MarshalError("a length is negative"))
    }

    /// Reads the bytes after a letter up to the first object, and the number of objects that
    /// follow.
    fn head(&mut self, kind: u8, layout: Layout) -> Result<(Range<usize>, usize), MarshalError> {
        let start = self.at;
        let (bytes, objects) = match kind {
            b'N' | b'F' | b'T' | b'.' => (0, 0),
            b'i' => (4, 0),
            b'g' => (8, 0),
            b'y' => (16, 0),
            b'l' => {
                let digits = usize::try_from(self.signed()?.unsigned_abs()).unwrap_or(usize::MAX);
                (digits.checked_mul(2).ok_or(MarshalError("it ends early"))?, 0)
            }
            b's' | b't' | b'u' | b'a' | b'A' => (self.number()?, 0),
            b'z' | b'Z' => (usize::from(self.byte()?), 0),
            b')' => (0, usize::from(self.byte()?)),
            b'(' | b'>' => (0, self.number()?),
            b':' => (0, 3),
            b'c' => (layout.numbers, layout.before + layout.after),
            _ => return Err(MarshalError("an object of an unexpected type")),
        };
        self.bytes(bytes)?;
        Ok((start..self.at, objects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { numbers: 4, before: 2, after: 1 };

    fn form(data: &[u8]) -> Result<Vec<u8>, MarshalError> {
        canonical(data, LAYOUT)
    }

    #[test]
    fn only_what_is_referred_to_is_marked() {
        // ('xy', 'zz', 'xy') with every object marked, or with none that need not be.
        let all = b"\xa9\x03\xfa\x02xy\xfa\x02zzr\x01\0\0\0";
        let some = b")\x03\xfa\x02xyz\x02zzr\0\0\0\0";
        assert_eq!(form(all).unwrap(), some);
        assert_eq!(form(some).unwrap(), some);
    }

    #[test]
    fn sets_are_sorted_by_what_is_in_them() {
        let one = b">\x03\0\0\0\xda\x01a\xe9\x01\0\0\0N";
        let other = b">\x03\0\0\0Ni\x01\0\0\0z\x01a";
        assert_eq!(form(one).unwrap(), form(other).unwrap());
        // A reference in a set's member may now come before its object.
        let within = b")\x02>\x02\0\0\0\xfa\x02bb\xfa\x02aar\x01\0\0\0";
        assert_eq!(form(within).unwrap(), b")\x02>\x02\0\0\0\xfa\x02aaz\x02bbr\0\0\0\0");
    }

    #[test]
    fn a_set_in_a_set_is_sorted_before_it_though_it_was_met_earlier() {
        // (frozenset{a, b}, frozenset{the first, frozenset{a, c}})
        let inner = |mark: u8, one: &[u8], other: &[u8]| {
            [&[b'>' | mark][..], b"\x02\0\0\0z\x02", one, b"z\x02", other].concat()
        };
        let whole =
            |first: Vec<u8>| [b")\x02", first.as_slice(), b">\x02\0\0\0r\0\0\0\0", &inner(0, b"aa", b"cc")].concat();
        let (one, other) = (whole(inner(MARK, b"aa", b"bb")), whole(inner(MARK, b"bb", b"aa")));
        assert_eq!(form(&one).unwrap(), form(&other).unwrap());
    }

    #[test]
    fn what_others_have_often_is_not_written_out_to_be_compared() {
        // each of 60 tuples has the one before twice: written out, the last has 2^60 strings
        let refer = |level: u32| [b"r", &level.to_le_bytes()[..]].concat();
        let tuple = |level: u32| [b"\xa9\x02", refer(level - 1).as_slice(), &refer(level - 1)].concat();
        let tuples: Vec<_> = (1..=60).flat_map(tuple).collect();
        let all = [b")\x3e\xfa\x02aa", tuples.as_slice(), b">\x02\0\0\0", &refer(60), b"N"].concat();
        assert_eq!(form(&all).unwrap().len(), all.len());
    }

    #[test]
    fn code_keeps_its_numbers() {
        let code = |mark: u8| [b"c\x01\0\0\0", &[b'z' | mark][..], b"\x02xyN\x07\0\0\0s\0\0\0\0"].concat();
        assert_eq!(form(&code(MARK)).unwrap(), code(0));
        let nested = [b"c\x01\0\0\0", code(0).as_slice(), b"N\x08\0\0\0z\x02xy"].concat();
        assert_eq!(form(&nested).unwrap(), nested);
    }

    #[test]
    fn single_characters_are_interned() {
        assert_eq!(form(b")\x03z\x01+z\0z\x02++").unwrap(), b")\x03Z\x01+Z\0z\x02++");
        assert_eq!(form("u\x02\0\0\0\u{e9}".as_bytes()).unwrap(), "t\x02\0\0\0\u{e9}".as_bytes());
    }

    #[test]
    fn odd_data_is_refused() {
        let deep = |end: &[u8]| [&b")\x01".repeat(100_000), end].concat();
        assert_eq!(form(&deep(b"N")).unwrap(), deep(b"N"));
        for odd in [
            &b""[..],
            b"N ",
            b")\x02N",
            b"r\0\0\0\0",
            b"\xa9\x01r\0\0\0\0",
            b"(\xff\xff\xff\xff",
            b"(\xff\xff\xff\x7f",
            b"l\0\0\0\x80",
            b"[\0\0\0\0",
            b"s\xff\xff\xff\x7fx",
            b"0",
            &deep(b""),
        ] {
            assert!(form(odd).is_err(), "{:?}", &odd[..odd.len().min(20)]);
        }
    }
}
