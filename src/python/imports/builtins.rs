//! The modules of the standard library in C. A build of `CPython` compiles each of them into the
//! interpreter or has a file for it.
//!
//! Source: `sys.builtin_module_names`, `sys.stdlib_module_names` and the `lib-dynload` folders of
//! `CPython` 3.8 to 3.14 on Linux, without modules for its own tests.

/// All modules in C.
const MODULES: &str = "_abc _ast _asyncio _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 \
    _codecs_jp _codecs_kr _codecs_tw _collections _contextvars _crypt _csv _ctypes _curses _curses_panel _datetime \
    _dbm _decimal _elementtree _frozen_importlib _frozen_importlib_external _functools _gdbm _hashlib _heapq _hmac \
    _imp _interpchannels _interpqueues _interpreters _io _json _locale _lsprof _lzma _md5 _multibytecodec \
    _multiprocessing _opcode _operator _peg_parser _pickle _posixshmem _posixsubprocess _queue _random \
    _remote_debugging _sha1 _sha2 _sha256 _sha3 _sha512 _signal _socket _sqlite3 _sre _ssl _stat _statistics _string \
    _struct _suggestions _symtable _sysconfig _thread _tkinter _tokenize _tracemalloc _types _typing _uuid _warnings \
    _weakref _zoneinfo _zstd array atexit audioop binascii builtins cmath errno faulthandler fcntl gc grp itertools \
    marshal math mmap nis ossaudiodev parser posix pwd pyexpat readline resource select spwd sys syslog termios time \
    unicodedata zlib";

/// Modules that later versions do not have: the minor version of Python 3 that removed each.
const REMOVED: [(&str, u32); 7] = [
    ("parser", 10),
    ("_peg_parser", 10),
    ("_crypt", 13),
    ("audioop", 13),
    ("nis", 13),
    ("ossaudiodev", 13),
    ("spwd", 13),
];

/// Returns the modules in C of a version of Python 3.
pub fn modules(minor: u32) -> impl Iterator<Item = &'static str> {
    let is_removed = move |name: &str| REMOVED.iter().any(|(removed, since)| *removed == name && minor >= *since);
    MODULES.split(' ').filter(|name| !name.is_empty()).filter(move |name| !is_removed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_modules_are_not_listed() {
        let has = |minor, name| modules(minor).any(|module| module == name);
        assert!(has(12, "audioop") && !has(13, "audioop"));
        assert!(has(9, "sys") && has(99, "sys"));
    }
}
