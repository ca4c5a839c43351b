"""Odd tar archives, and what Python's tarfile and GNU tar read in them.

  readers.py SEED COUNT DIR

Writes DIR/NAME.tar, first the named ones below, then COUNT random ones from SEED on, and prints a line of JSON for
each: {"archive": NAME, "tarfile": …, "gnu": …}, where a reading is a list of entries or null for an error. An entry is
[kind, name, link, mode, uid, gid, size, SHA-256 of the content, attributes], bytes in hex, null for what is not told.
"""

import hashlib, json, os, random, re, shutil, stat, subprocess, sys, tarfile


def num(value, width):
    return b"%0*o\0" % (width - 1, value) if isinstance(value, int) else value.ljust(width, b"\0")


def hdr(name, size=0, type=b"0", link=b"", mode=0o644, uid=0, gid=0, magic=b"ustar\x0000", prefix=b"", raw=None):
    b = bytearray(512)
    b[0 : len(name[:100])] = name[:100]
    b[100:108] = num(mode, 8)
    b[108:116] = num(uid, 8)
    b[116:124] = num(gid, 8)
    b[124:136] = num(size, 12)
    b[136:148] = num(0, 12)
    b[156:157] = type
    b[157 : 157 + len(link[:100])] = link[:100]
    b[257:265] = magic
    b[345 : 345 + len(prefix)] = prefix
    for o, d in (raw or {}).items():
        b[o : o + len(d)] = d
    b[148:156] = b" " * 8
    b[148:156] = b"%06o\0 " % sum(b)
    return bytes(b)


def pad(d):
    return d + b"\0" * (-len(d) % 512)


def rec(k, v):
    n = len(k) + len(v) + 3
    t = n + len(str(n))
    t = n + len(str(t))
    return b"%d %s=%s\n" % (t, k, v)


def x(recs, type=b"x"):
    d = b"".join(rec(k, v) for k, v in recs) if not isinstance(recs, bytes) else recs
    return hdr(b"PaxHeader", len(d), type) + pad(d)


def L(name, type=b"L"):
    d = name + b"\0"
    return hdr(b"././@LongLink", len(d), type, magic=b"ustar  \0") + pad(d)


def f(name=b"f", data=b"data", **k):
    return hdr(name, len(data), **k) + pad(data)


Z = b"\0" * 512
END = Z * 2
GNU = b"ustar  \0"
CASES = {}
CASES["plain"] = f() + END
CASES["paxnl"] = (
    x([(b"comment", b"a\n11 size=9\nx"), (b"SCHILY.xattr.user.a", b"v\n12 size=9\n")]) + f() + f(b"g") + END
)
CASES["paxsize"] = x([(b"size", b"600")]) + hdr(b"f", 0) + pad(b"z" * 600) + f(b"g") + END
CASES["paxsizedir"] = x([(b"size", b"600")]) + hdr(b"d/", 0, b"5") + f(b"g") + END
CASES["paxsizelink"] = x([(b"size", b"600")]) + hdr(b"d", 0, b"2", link=b"t") + f(b"g") + END
CASES["sizedir"] = hdr(b"d/", 600, b"5") + f(b"g") + END
CASES["sizedirdata"] = hdr(b"d/", 600, b"5") + pad(b"z" * 600) + f(b"g") + END
CASES["sizesym"] = hdr(b"d", 600, b"2", link=b"t") + f(b"g") + END
CASES["sizehard"] = f(b"t") + hdr(b"d", 600, b"1", link=b"t") + f(b"g") + END
CASES["sizeharddata"] = f(b"t") + hdr(b"d", 600, b"1", link=b"t") + pad(b"q" * 600) + f(b"g") + END
CASES["sizefifo"] = hdr(b"d", 600, b"6") + f(b"g") + END
CASES["sizechr"] = hdr(b"d", 600, b"3") + f(b"g") + END
CASES["globalpath"] = x([(b"path", b"G")], b"g") + f() + f(b"g") + END
CASES["globaluid"] = (
    x([(b"uid", b"77"), (b"SCHILY.xattr.user.a", b"b")], b"g")
    + f()
    + x([(b"uid", b"78")])
    + f(b"g")
    + x([(b"uid", b"5")], b"g")
    + f(b"h")
    + END
)
CASES["globalunset"] = x([(b"uid", b"77")], b"g") + f() + x([(b"uid", b"")], b"g") + f(b"h", uid=3) + END
CASES["globalsize"] = x([(b"size", b"600")], b"g") + hdr(b"f", 4) + pad(b"z" * 600) + f(b"g") + END
CASES["xthenL"] = x([(b"path", b"PAX")]) + L(b"LONG") + f() + END
CASES["Lthenx"] = L(b"LONG") + x([(b"path", b"PAX")]) + f() + END
CASES["xuidL"] = x([(b"uid", b"9")]) + L(b"LONG") + f() + END
CASES["LL"] = L(b"ONE") + L(b"TWO") + f() + END
CASES["KL"] = L(b"T" * 120, b"K") + L(b"ONE") + hdr(b"s", 0, b"2") + END
CASES["Kfile"] = L(b"T" * 120, b"K") + f() + END
CASES["xx"] = x([(b"path", b"ONE")]) + x([(b"uid", b"7")]) + f() + END
CASES["xg"] = x([(b"uid", b"7")]) + x([(b"gid", b"7"), (b"uid", b"8")], b"g") + f() + f(b"h") + END
CASES["Lg"] = L(b"LONG") + x([(b"gid", b"7")], b"g") + f() + f(b"h") + END
CASES["Xtype"] = x([(b"path", b"SOL")], b"X") + f() + END
CASES["lonezero"] = f() + Z + f(b"g") + END
CASES["zeroeof"] = f() + Z
CASES["noend"] = f()
CASES["garbage"] = f() + END + b"garbage" * 200
CASES["concat"] = f() + END + f(b"g") + END
CASES["partial"] = f() + END[:700]
CASES["v7dir"] = hdr(b"d/", 0, b"\0", magic=b"\0" * 8) + END
CASES["v7file"] = f(type=b"\0", magic=b"\0" * 8) + END
CASES["slashfile"] = f(b"d/") + END
CASES["slashfileustar0"] = f(b"d/", data=b"") + END
CASES["oldtypeslash"] = f(b"d/", type=b"\0") + f(b"g") + END
CASES["paxslash"] = x([(b"path", b"dd/")]) + f(b"d", type=b"\0", data=b"") + END
CASES["Lslash"] = L(b"dd/") + f(b"d", type=b"\0", data=b"") + END
CASES["paxnoslash"] = x([(b"path", b"dd")]) + f(b"d/", type=b"\0", data=b"") + END
CASES["prefix"] = f(b"n", prefix=b"p/q") + END
CASES["gnuprefix"] = f(b"n", prefix=b"p/q", magic=GNU) + END
CASES["v7prefix"] = f(b"n", prefix=b"p/q", magic=b"\0" * 8) + END
CASES["xmagicprefix"] = f(b"n", prefix=b"p/q", magic=b"ustar\0xx") + END
CASES["contig"] = f(type=b"7") + END
CASES["unknown"] = f(type=b"Q") + END
CASES["volume"] = hdr(b"vol", 0, b"V", magic=GNU) + f() + END
CASES["multivol"] = f(type=b"M", magic=GNU) + f(b"g") + END
CASES["dumpdir"] = f(b"dd/", data=b"Yx\0\0", type=b"D", magic=GNU) + f(b"g") + END
CASES["N"] = f(type=b"N", magic=GNU) + f(b"g") + END
CASES["base256"] = hdr(b"f", b"\x80" + b"\0" * 10 + b"\x04") + pad(b"data") + f(b"g", uid=b"\x80\0\0\0\0\1\0\0") + END
CASES["neg"] = f(uid=b"\xff" * 8, mode=0o644) + f(b"g") + END
CASES["negsize"] = hdr(b"f", b"\xff" * 12) + f(b"g") + END
CASES["negmtime"] = f(raw={136: b"\xff" * 12}) + END
CASES["oddmtime"] = f(raw={136: b"zzzzzzzzzzz\0"}) + f(b"g") + END
CASES["spaceoct"] = f(raw={124: b"          4 "}) + f(b"g") + END
CASES["leadnul"] = f(raw={124: b"\0" + b"0000000004\0"}) + f(b"g") + END
CASES["junkoct"] = f(raw={124: b"4 9        \0"}) + f(b"g") + END
CASES["notoct"] = f(raw={124: b"00000000009\0"}) + f(b"g") + END
CASES["blanksize"] = f(data=b"", raw={124: b" " * 12}) + f(b"g") + END
CASES["blankuid"] = f(raw={108: b"\0" * 8}) + f(b"g") + END
CASES["baduid"] = f(raw={108: b"xyz\0\0\0\0\0"}) + f(b"g") + END
CASES["badmode"] = f(raw={100: b"xyz\0\0\0\0\0"}) + f(b"g") + END
CASES["minusoct"] = f(raw={108: b"-1\0\0\0\0\0\0"}) + f(b"g") + END
CASES["plusoct"] = f(raw={124: b"+4\0"}) + f(b"g") + END
CASES["badsum"] = f()[:148] + b"0000000\0" + f()[156:] + f(b"g") + END
CASES["badsum2"] = f(b"a") + f()[:148] + b"0000000\0" + f()[156:] + f(b"g") + END
CASES["paxempty"] = x([(b"path", b""), (b"uid", b""), (b"linkpath", b"")]) + f(uid=3) + f(b"g") + END
CASES["paxtrunc"] = x(b"30 path=foo\n") + f() + END
CASES["paxjunk"] = x(b"junk") + f() + END
CASES["paxnul"] = x(rec(b"uid", b"8") + b"\0" * 20) + f() + END
CASES["paxdup"] = x([(b"path", b"A"), (b"path", b"B"), (b"uid", b"1"), (b"uid", b"2")]) + f() + END
CASES["paxlz"] = x(b"000012 uid=7\n"[:0] + b"0010 uid=7\n"[:11]) + f() + END
CASES["paxneg"] = x([(b"uid", b"-5")]) + f() + END
CASES["paxfloat"] = x([(b"uid", b"5.5"), (b"size", b"4.0")]) + f() + END
CASES["paxsp"] = x([(b"uid", b" 5"), (b"gid", b"5 ")]) + f() + END
CASES["paxplus"] = x([(b"uid", b"+5")]) + f() + END
CASES["paxbig"] = x([(b"uid", b"99999999999")]) + f() + END
CASES["paxhuge"] = x([(b"size", b"99999999999999999999999")]) + f() + END
CASES["paxnegsize"] = x([(b"size", b"-4")]) + f() + f(b"g") + END
CASES["paxbadsize"] = x([(b"size", b"abc")]) + f() + f(b"g") + END
CASES["paxpathnul"] = x([(b"path", b"a\0b")]) + f() + END
CASES["paxlinknul"] = x([(b"linkpath", b"a\0b")]) + hdr(b"s", 0, b"2") + END
CASES["paxkeyeq"] = x([(b"SCHILY.xattr.user.a=b", b"c")]) + f() + END
CASES["paxnonutf"] = x([(b"path", b"\xff\xfe"), (b"hdrcharset", b"BINARY")]) + f() + END
CASES["paxnonutf2"] = x([(b"path", b"\xff\xfe")]) + f() + END
CASES["paxcharset"] = x([(b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"), (b"path", "é".encode())]) + f() + END
CASES["paxxattrbin"] = x([(b"SCHILY.xattr.user.a", bytes(range(256)))]) + f() + END
CASES["paxemptyx"] = x([(b"SCHILY.xattr.user.a", b"")]) + f() + END
CASES["paxnonl"] = x(b"9 uid=78X" + rec(b"gid", b"3")) + f() + END
CASES["emptyname"] = f(b"") + f(b"g") + END
CASES["Lempty"] = L(b"") + f() + END
CASES["Lnul"] = hdr(b"././@LongLink", 7, b"L", magic=GNU) + pad(b"abc\0def") + f() + END
CASES["Lnonul"] = hdr(b"././@LongLink", 3, b"L", magic=GNU) + pad(b"abc") + f() + END
CASES["Lv7"] = hdr(b"././@LongLink", 4, b"L", magic=b"\0" * 8) + pad(b"abc\0") + f() + END
CASES["xv7"] = hdr(b"pax", 11, b"x", magic=b"\0" * 8) + pad(rec(b"path", b"a")) + f() + END
CASES["Leof"] = f() + L(b"abc") + END
CASES["xeof"] = f() + x([(b"path", b"a")])
CASES["Lzero"] = L(b"abc") + Z + f() + END
CASES["hardabs"] = f(b"a") + hdr(b"h", 0, b"1", link=b"/a") + END
CASES["trunc"] = f(b"a") + hdr(b"f", 2000) + b"z" * 100
CASES["trunc2"] = f(b"a") + hdr(b"f", 2000)[:300]
CASES["truncpad"] = f(b"a") + hdr(b"f", 3) + b"abc"


def sp(*ext, real, extended=b"\0", size=None, name=b"s", exts=()):
    raw = {386 + 24 * i: b"%011o\0%011o\0" % e for i, e in enumerate(ext)}
    raw[482] = extended
    raw[483] = b"%011o\0" % real
    return hdr(name, size if size is not None else sum(l for _, l in ext), b"S", magic=GNU, raw=raw)


CASES["oldsparse"] = sp((0, 512), (2048, 512), (5000, 0), real=5000) + b"a" * 512 + b"b" * 512 + f(b"g") + END
CASES["oldsparsehole"] = sp((5000, 0), real=5000) + f(b"g") + END
CASES["oldsparse0"] = sp((512, 0), (1024, 512), real=1536) + b"b" * 512 + f(b"g") + END
CASES["oldsparsecut"] = sp((0, 512), (2048, 512), real=2100) + b"a" * 512 + b"b" * 512 + f(b"g") + END
CASES["oldsparseorder"] = sp((2048, 512), (0, 512), real=3000) + b"a" * 512 + b"b" * 512 + f(b"g") + END
CASES["oldsparseoverlap"] = sp((0, 512), (256, 512), real=3000) + b"a" * 512 + b"b" * 512 + f(b"g") + END
CASES["oldsparseless"] = sp((0, 512), real=3000, size=1024) + b"a" * 512 + b"b" * 512 + f(b"g") + END
CASES["oldsparsemore"] = sp((0, 512), (1024, 512), real=3000, size=512) + b"a" * 512 + f(b"g") + END
CASES["oldsparseunal"] = sp((0, 100), (1000, 200), real=3000) + pad(b"a" * 100 + b"b" * 200) + f(b"g") + END
e1 = b"".join(b"%011o\0%011o\0" % (10000 + i * 1024, 512) for i in range(21)).ljust(504, b"\0") + b"\0" * 8
CASES["oldsparseext"] = (
    sp((0, 512), (1024, 512), (2048, 512), (3072, 512), real=40000, extended=b"\1", size=512 * 25)
    + e1
    + b"".join(bytes([65 + i]) * 512 for i in range(25))
    + f(b"g")
    + END
)
CASES["oldsparsepaxsize"] = x([(b"size", b"512")]) + sp((0, 512), real=3000, size=1024) + b"a" * 512 + f(b"g") + END
CASES["p00"] = (
    x(
        [
            (b"GNU.sparse.size", b"3000"),
            (b"GNU.sparse.numblocks", b"2"),
            (b"GNU.sparse.offset", b"0"),
            (b"GNU.sparse.numbytes", b"512"),
            (b"GNU.sparse.offset", b"1024"),
            (b"GNU.sparse.numbytes", b"100"),
        ]
    )
    + f(data=b"a" * 512 + b"b" * 100)
    + f(b"g")
    + END
)
CASES["p01"] = (
    x(
        [
            (b"GNU.sparse.size", b"3000"),
            (b"GNU.sparse.numblocks", b"2"),
            (b"GNU.sparse.map", b"0,512,1024,100"),
            (b"GNU.sparse.name", b"real"),
        ]
    )
    + f(data=b"a" * 512 + b"b" * 100)
    + f(b"g")
    + END
)
CASES["p10"] = (
    x(
        [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"3000"),
            (b"GNU.sparse.name", b"real"),
        ]
    )
    + f(b"GNUSparseFile.0/real", data=pad(b"2\n0\n512\n1024\n100\n") + b"a" * 512 + b"b" * 100)
    + f(b"g")
    + END
)
CASES["p10path"] = (
    x(
        [
            (b"GNU.sparse.name", b"real"),
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"3000"),
            (b"path", b"other"),
        ]
    )
    + f(b"GNUSparseFile.0/real", data=pad(b"2\n0\n512\n1024\n100\n") + b"a" * 512 + b"b" * 100)
    + f(b"g")
    + END
)
CASES["p10size"] = (
    x(
        [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"3000"),
            (b"GNU.sparse.name", b"real"),
            (b"size", b"1124"),
        ]
    )
    + hdr(b"f", 0)
    + pad(pad(b"2\n0\n512\n1024\n100\n") + b"a" * 512 + b"b" * 100)
    + f(b"g")
    + END
)
CASES["p10nomajor"] = x([(b"GNU.sparse.realsize", b"3000"), (b"GNU.sparse.name", b"real")]) + f() + f(b"g") + END


# ---------------------------------------------------------------- random ones


def member(r, n):
    """One entry, with a name of its own."""
    name = b"m%d" % n
    data = bytes(r.randrange(256) for _ in range(r.choice([0, 1, 100, 511, 512, 513, 1500])))
    magic = r.choice([b"ustar\x0000", b"ustar  \0", b"\0" * 8])
    ids = dict(mode=r.choice([0o644, 0o4755, 0o100755, 0]), uid=r.randrange(2**21), gid=r.randrange(2**21))
    if r.random() < 0.2:
        ids["uid"] = b"\x80" + r.randrange(2**32).to_bytes(7, "big")
    what = r.randrange(14)
    if what < 4:
        return f(name, data, magic=magic, type=r.choice([b"0", b"0", b"\0", b"7"]), **ids)
    if what == 4:
        return hdr(name + b"/", r.choice([0, 0, 0, 700]), b"5", magic=magic, **ids)
    if what == 5:
        return hdr(name + b"/", 0, b"\0", magic=magic, **ids)
    if what == 6:
        return hdr(
            name, r.choice([0, 0, 0, 0, 9]), b"2", r.choice([b"../x", b"/y", b"z z", b"\xff"]), magic=magic, **ids
        )
    if what == 7:
        return f(name, data) + hdr(name + b"h", r.choice([0, 0, len(data)]), b"1", name, magic=magic, **ids)
    if what == 8:
        return hdr(name, 0, b"6", magic=magic, **ids)
    if what == 9:
        return f(
            name, data, prefix=r.choice([b"p", b"p" * 155, b"p/q"]), magic=r.choice([magic, b"ustar\x0000"]), **ids
        )
    if what == 10:
        long = name + b"/" + b"n" * r.choice([90, 100, 150, 250])
        return L(long) + f(long[:100], data, magic=b"ustar  \0", **ids)
    if what == 11:
        return L(b"t" * r.choice([99, 101, 300]), b"K") + hdr(name, 0, b"2", magic=b"ustar  \0", **ids)
    return sparse(r, name)


def sparse(r, name):
    at, stretches = 0, []
    for _ in range(r.choice([0, 1, 3, 4, 5, 30])):
        at += 512 * r.randrange(4)
        length = 512 * r.randrange(3)
        stretches.append((at, length))
        at += length
    last = r.choice([0, 0, 7])
    if last:
        stretches.append((at, last))
        at += last
    size = at + r.choice([0, 1, 5000])
    if r.random() < 0.05:
        size = max(0, size - 600)
    stretches.append((size, 0))
    data = b"".join(bytes([65 + i % 26]) * length for i, (_, length) in enumerate(stretches))
    numbers = [number for pair in stretches for number in pair]
    text = [b"%d" % number for number in numbers]
    form = r.randrange(4)
    if form == 0:
        first, rest, blocks = stretches[:4], stretches[4:], b""
        while rest:
            pairs = b"".join(b"%011o\0%011o\0" % pair for pair in rest[:21]).ljust(504, b"\0")
            rest = rest[21:]
            blocks += pairs + (b"\1" if rest else b"\0") + b"\0" * 7
        return (
            sp(*first, real=size, extended=b"\1" if blocks else b"\0", size=len(data), name=name) + blocks + pad(data)
        )
    count = (b"GNU.sparse.numblocks", b"%d" % len(stretches))
    length = (b"GNU.sparse.size", b"%d" % size)
    if form == 1:
        keys = [b"GNU.sparse.offset", b"GNU.sparse.numbytes"] * len(stretches)
        return x([length, count, *zip(keys, text)]) + f(name, data)
    if form == 2:
        records = [length, count, (b"GNU.sparse.name", name), (b"GNU.sparse.map", b",".join(text))]
        return x(records) + f(b"GNUSparseFile.0/" + name, data)
    records = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", name)]
    records.append((b"GNU.sparse.realsize", b"%d" % size))
    return x(records) + f(b"GNUSparseFile.0/" + name, pad(b"\n".join([b"%d" % len(stretches), *text, b""])) + data)


def records(r, n):
    """An extended header for what follows."""
    choices = [
        (b"path", b"pax%d" % n), (b"path", b"pax%d/\xff\n9 size=1\n" % n), (b"linkpath", b"target\n"), (b"uid", b"%d" % r.randrange(2**32)),
        (b"gid", b"4294967295"), (b"gid", b"4294967296"), (b"mtime", b"1.5"), (b"comment", b"a\n11 size=99\n"),
        (b"SCHILY.xattr.user.a", bytes(r.randrange(256) for _ in range(20))), (b"SCHILY.xattr.user.b", b"\n20 path=elsewhere\n\n"),
        (b"hdrcharset", b"BINARY"), (b"uid", r.choice([b"", b"-1", b"+1", b"x"])),
    ]  # fmt: skip
    weights = [4, 4, 4, 4, 4, 1, 4, 4, 8, 8, 4, 1]
    return x(r.choices(choices, weights, k=r.randrange(1, 4)), r.choice([b"x"] * 9 + [b"g"]))


def mutated(r, tar):
    """The archive with a byte changed, mostly in a header whose checksum is made right again."""
    tar = bytearray(tar)
    block = 512 * r.randrange(max(1, len(tar) // 512))
    at = block + r.choice([*range(100, 148), 156, 257, 263, 345, r.randrange(512)])
    if at < len(tar):
        tar[at] = r.choice([0, 0x20, 0x2F, 0x30, 0x31, 0x37, 0x39, 0x80, 0xFF, r.randrange(256)])
    if len(tar) >= block + 512 and r.random() < 0.8:
        tar[block + 148 : block + 156] = b" " * 8
        tar[block + 148 : block + 156] = b"%06o\0 " % sum(tar[block : block + 512])
    return bytes(tar)


def archive(seed):
    r = random.Random(seed)
    out = b""
    for n in range(r.randrange(1, 7)):
        for _ in range(r.choice([0, 0, 0, 1, 1, 2])):
            out += records(r, n)
        out += member(r, n)
    out += r.choice([END, END, END, Z, b"", END + b"junk" * 300, END + f(b"after")])
    if r.random() < 0.3:
        out = mutated(r, out)
    if r.random() < 0.05:
        out = out[: r.randrange(len(out))]
    return out


# ---------------------------------------------------------------- the readers


def from_text(text):
    return text.encode("utf-8", "surrogateescape")


TYPES = {b"0": "file", b"\0": "file", b"7": "file", b"S": "file", b"1": "hardlink", b"2": "link", b"5": "folder",
         b"3": "special", b"4": "special", b"6": "special"}  # fmt: skip


def by_tarfile(path):
    out = []
    try:
        with tarfile.open(path, "r:") as tar:
            for m in tar:
                data = tar.extractfile(m).read() if m.isreg() else b""
                attributes = {
                    from_text(key.removeprefix("SCHILY.xattr.")).hex(): from_text(value).hex()
                    for key, value in m.pax_headers.items()
                    if key.startswith("SCHILY.xattr.")
                }
                kind = TYPES.get(m.type, "other")
                link = from_text(m.linkname).hex() if kind in ("link", "hardlink") else ""
                digest = hashlib.sha256(data).hexdigest() if kind == "file" else None
                size = m.size if kind == "file" else 0
                out.append(
                    [kind, from_text(m.name).hex(), link, m.mode & 0o7777, m.uid, m.gid, size, digest, attributes]
                )
    except (tarfile.TarError, ArithmeticError, EOFError, LookupError, MemoryError, ValueError):
        return None
    return out


LETTERS = {
    "-": "file",
    "C": "file",
    "h": "hardlink",
    "l": "link",
    "d": "folder",
    "c": "special",
    "b": "special",
    "p": "special",
}
LINE = re.compile(
    rb'(.)(.{9}).? +(\d+)/(\d+) +(\d+|\d+,\d+) +\S+ \S+ ("(?:[^"\\]|\\.)*")(?: (?:->|link to) ("(?:[^"\\]|\\.)*"))?(.*)'
)
ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def unquoted(text):
    def one(m):
        return ESCAPES.get(m[1]) or (bytes([int(m[1], 8)]) if m[1].isdigit() else m[1])

    return re.sub(rb"\\([0-7]{3}|.)", one, text[1:-1])


def mode(text):
    bits = sum(1 << (8 - i) for i, c in enumerate(text) if c not in "-ST")
    return bits | sum(bit for at, bit in ((2, 0o4000), (5, 0o2000), (8, 0o1000)) if text[at] in "sStT")


def by_gnu_tar(path):
    env = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ["PATH"]}
    options = ["-P", "--numeric-owner", "--quoting-style=c", "--warning=no-unknown-keyword"]
    listed = subprocess.run(["tar", "-tv", *options, "-f", path], capture_output=True, env=env, timeout=60)
    folder = path + ".d"
    os.mkdir(folder)
    options = ["--no-same-owner", "--no-same-permissions", "--warning=no-unknown-keyword", "-C", folder]
    unpacked = subprocess.run(["tar", "-x", *options, "-f", path], capture_output=True, env=env, timeout=60)
    out = []
    for line in listed.stdout.splitlines():
        m = LINE.fullmatch(line)
        if not m or m[1].decode() not in LETTERS or m[8].strip():
            out = None
            break
        kind = LETTERS[m[1].decode()]
        name, link = unquoted(m[6]), unquoted(m[7] or b'""')
        digest, size = None, 0
        if kind == "file":
            size = int(m[5])
            file = os.path.join(folder.encode(), name.lstrip(b"/"))
            try:
                if stat.S_ISREG(os.lstat(file).st_mode):  # or a later entry took its place, such as a pipe
                    with open(file, "rb") as data:
                        digest = hashlib.sha256(data.read()).hexdigest()
            except (OSError, ValueError):
                pass
        out.append([kind, name.hex(), link.hex(), mode(m[2].decode()), int(m[3]), int(m[4]), size, digest, None])
    shutil.rmtree(folder)
    # Names of random archives may be changed after something was linked to them. Of what follows
    # a lone zero block GNU tar tells that it is no header, and does not read it either.
    harmless = [b"hard link", b"Not a directory", b"contiguous", b"lone zero", b"Exiting with failure status"]
    if b"lone zero" in listed.stderr:
        harmless += [b"base-256"]
    told = (listed.stderr + unpacked.stderr).splitlines()
    errors = [line for line in told if not any(word in line for word in harmless)]
    if out is None or (listed.returncode or unpacked.returncode) and errors:
        return None
    names = [row[1] for row in out]
    for row in out:
        if names.count(row[1]) > 1:
            row[7] = None  # the last one is on the disk
    return out


def main(seed, count, folder):
    os.umask(0o022)
    archives = [*CASES.items(), *((str(n), archive(n)) for n in range(seed, seed + count))]
    for name, tar in archives:
        path = f"{folder}/{name}.tar"
        with open(path, "wb") as file:
            file.write(tar)
        print(json.dumps({"archive": name, "tarfile": by_tarfile(path), "gnu": by_gnu_tar(path)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
