//! Corrupts real ELF files where it matters, and has them read: the reader returns, and
//! does not panic.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read has failed the test")]

#[path = "support/random.rs"]
mod random;
#[path = "support/test_cache.rs"]
mod test_cache;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::fs;

use carboy::elf;
use test_cache::test_cache;

use random::Random;
use watchdog::Watchdog;

/// The smaller ELF files of the wheels, of both platforms, with versions and without.
fn samples() -> Vec<Vec<u8>> {
    let mut open = vec![test_cache("site")];
    let mut out = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                open.push(path);
            } else if meta.is_file() && meta.len() < 300_000 && path.to_string_lossy().contains(".so") {
                out.push(fs::read(&path).unwrap());
            }
        }
    }
    out.push(fs::read(std::env::current_exe().unwrap()).unwrap()[..].iter().take(1 << 20).copied().collect());
    out.extend(
        ["libm.so.6", "libc.so.6"].iter().filter_map(|name| fs::read(format!("/lib/x86_64-linux-gnu/{name}")).ok()),
    );
    out.retain(|bytes| bytes.starts_with(b"\x7fELF"));
    assert!(out.len() > 20, "only {} samples: run scripts/setup", out.len());
    out
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    let mut out = [0; 8];
    out[..size].copy_from_slice(&bytes[at..at + size]);
    u64::from_le_bytes(out)
}

/// Where the fields are that decide anything, and their sizes: of the header, of
/// each program header, of each dynamic entry, and of the version records.
fn fields(bytes: &[u8]) -> Vec<(usize, usize)> {
    // 64 bits, little-endian: what both platforms are
    let mut out = vec![(4, 1), (5, 1), (16, 2), (18, 2), (32, 8), (54, 2), (56, 2)];
    let usize = |value: u64| usize::try_from(value).unwrap();
    let (headers, count) = (usize(number(bytes, 32, 8)), usize(number(bytes, 56, 2)));
    let mut loads = Vec::new();
    let mut dynamic = None;
    for at in (0..count).map(|index| headers + index * 56) {
        out.extend([(at, 4), (at + 8, 8), (at + 16, 8), (at + 32, 8), (at + 40, 8)]);
        let of = |field: usize| number(bytes, at + field, 8);
        match number(bytes, at, 4) {
            1 => loads.push((of(16), of(8), of(32))),
            2 => dynamic = Some((usize(of(8)), usize(of(32)))),
            _ => {}
        }
    }
    let offset = |address: u64| {
        let load = loads.iter().find(|(start, _, size)| (*start..start + size).contains(&address));
        load.map(|(start, offset, _)| usize(address - start + offset))
    };
    let Some((start, size)) = dynamic else { return out };
    let mut versions = Vec::new();
    for at in (start..(start + size).min(bytes.len() - 16)).step_by(16) {
        out.extend([(at, 8), (at + 8, 8)]);
        match number(bytes, at, 8) {
            0 => break,
            0x6fff_fffc | 0x6fff_fffe => versions.push((number(bytes, at, 8), offset(number(bytes, at + 8, 8)))),
            _ => {}
        }
    }
    for (tag, at) in versions {
        let Some(at) = at else { continue };
        // whole words of the first records, whatever they are there
        let end = (at + 400).min(bytes.len() - 8);
        out.extend((at..end).step_by(4).map(|at| (at, 4)));
        out.extend((at..end).step_by(2).map(|at| (at, 2)));
        assert!(tag > 0);
    }
    out
}

/// A number that is likely to be wrong.
fn boundary(random: &mut Random, old: u64, length: usize) -> u64 {
    let length = length as u64;
    let pick = [
        0,
        1,
        2,
        u64::MAX,
        u64::MAX / 2,
        u64::from(u32::MAX),
        u64::from(u16::MAX),
        length,
        length - 1,
        length + 1,
        old.wrapping_add(1),
        old.wrapping_sub(1),
        old.wrapping_mul(2),
        old ^ 1 << random.index(64),
        random.next(),
        random.below(length),
    ];
    pick[random.index(pick.len())]
}

#[test]
fn corrupted_files_are_read_or_refused() {
    read_corrupted(6_000);
}

#[test]
#[ignore = "long"]
fn many_corrupted_files_are_read_or_refused() {
    read_corrupted(200_000);
}

fn read_corrupted(rounds: usize) {
    let samples: Vec<_> = samples().into_iter().map(|bytes| (fields(&bytes), bytes)).collect();
    let mut random = Random::new(0xca5b_0e1f);
    let (mut read, mut refused) = (0, 0);
    let watchdog = Watchdog::start();
    for round in 0..rounds {
        let (fields, bytes) = &samples[random.index(samples.len())];
        let mut bytes = bytes.clone();
        for _ in 0..=random.index(3) {
            let (at, size) = fields[random.index(fields.len())];
            let old = number(&bytes, at, size);
            let new = boundary(&mut random, old, bytes.len());
            bytes[at..at + size].copy_from_slice(&new.to_le_bytes()[..size]);
        }
        match random.index(16) {
            0 => bytes.truncate(random.index(bytes.len())),
            1 => bytes.truncate(random.index(4096)),
            2 => {
                let at = random.index(bytes.len());
                bytes[at] = 0xff;
            }
            _ => {}
        }
        watchdog.step(format!("round {round}"));
        let direct = elf::parse(&bytes[..]);
        match &direct {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
        // whether it exports a symbol: by its hash tables
        let exported = elf::exports(&bytes[..], b"PyInit_x").ok();
        // as layers are read, for some of them: the same comes out
        if round % 16 == 0 {
            let cache = object::ReadCache::new(std::io::Cursor::new(bytes));
            assert_eq!(elf::parse(&cache).ok(), direct.ok());
            assert_eq!(elf::exports(&cache, b"PyInit_x").ok(), exported);
        }
    }
    // neither were they all rubbish, nor was nothing hit
    assert!(read > rounds / 20 && refused > rounds / 20, "{read} read, {refused} refused");
}
