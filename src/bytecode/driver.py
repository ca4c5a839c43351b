# Compiles sources that come in on stdin and writes what became of them to stdout. Nothing of a source is run.
#
# In:  path's length, source's length (32 bits each, little-endian), path, source; and so on until the end.
# Out: a letter, a length (32 bits), a text. First one H, which says what this interpreter is; then for every
#      source C with its .pyc, I when it cannot be compiled, or D when it is nested too deeply or needs too much.
#
# Runs with any CPython from 3.7 on.
import gc
import marshal
import posix
import sys
import _signal
import _thread
from importlib.util import MAGIC_NUMBER, source_hash

MEMORY = 4 << 30  # bytes of address space
STACK = 16 << 20  # bytes; a thread's own, since the main thread's depends on the machine
SECONDS = 120  # for one source; the signal ends the process


def read(length):
    parts = []
    while length:
        part = posix.read(0, min(length, 1 << 20))
        if not part:
            posix._exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def write(letter, data):
    data = letter + len(data).to_bytes(4, "little") + data
    at = 0
    while at < len(data):
        at += posix.write(OUT, data[at : at + (1 << 20)])


def compiled(path, source):
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        # PEP 552: a hash that is not checked
        return b"C", MAGIC_NUMBER + b"\1\0\0\0" + source_hash(source) + marshal.dumps(code)
    except (RecursionError, MemoryError):
        return b"D", b""
    except Exception:
        return b"I", b""


def serve():
    while True:
        lengths = read(8)
        path = read(int.from_bytes(lengths[:4], "little"))
        source = read(int.from_bytes(lengths[4:], "little"))
        _signal.alarm(SECONDS)
        answer = compiled(path.decode("utf-8", "surrogateescape"), source)
        _signal.alarm(0)
        write(*answer)
        del answer, source


def run():
    try:
        serve()
    finally:
        posix._exit(1)


OUT = posix.dup(1)
posix.dup2(2, 1)
gc.disable()
try:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass
hello = [
    sys.implementation.name,
    sys.version.split()[0],
    MAGIC_NUMBER.hex(),
    sys.implementation.cache_tag or "",
    getattr(sys, "abiflags", ""),
    "debug" if hasattr(sys, "gettotalrefcount") else "release",
    "random" if sys.flags.hash_randomization else "fixed",
]
write(b"H", "\n".join(hello).encode())
_thread.stack_size(STACK)
_thread.start_new_thread(run, ())
while True:
    _signal.pause()
