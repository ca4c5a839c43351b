//! Recognises private keys by a file's name or content.
//!
//! Sources: RFC 7468 and RFC 1421 for PEM; `PROTOCOL.key` of OpenSSH and RFC 9580 for
//! their own forms, which look the same; RFC 5958 for keys in DER. Pure.

/// The most bytes between a key's first and last line.
pub const LONGEST: usize = 64 << 10;

const BEGIN: &[u8; 11] = b"-----BEGIN ";
const END: &[u8; 9] = b"-----END ";
const DASHES: &[u8; 5] = b"-----";
/// The most bytes of a label: `ENCRYPTED PRIVATE KEY` has 21.
const LABEL: usize = 64;
/// Several words on one line are base64 only if they are as long as no word of prose.
const SHORTEST_WORD: usize = 16;

/// Names of files that hold private keys and nothing else, in lower case.
const NAMES: [&[u8]; 7] =
    [b"id_rsa", b"id_dsa", b"id_ecdsa", b"id_ecdsa_sk", b"id_ed25519", b"id_ed25519_sk", b"id_xmss"];
/// Endings of files that hold private keys, in lower case.
const ENDINGS: [&[u8]; 11] =
    [b".p8", b".p12", b".pfx", b".pkcs12", b".ppk", b".jks", b".jceks", b".bcfks", b".keystore", b".kdbx", b".keytab"];
/// Endings of source code, in lower case: a key in it is a program's business.
const SOURCE: [&[u8]; 72] = [
    b"py", b"pyi", b"pyx", b"pxd", b"pxi", b"pyw", b"ipynb", b"js", b"mjs", b"cjs", b"jsx", b"ts", b"mts", b"cts",
    b"tsx", b"vue", b"svelte", b"html", b"htm", b"xhtml", b"css", b"scss", b"sass", b"less", b"j2", b"jinja",
    b"jinja2", b"mako", b"tmpl", b"tpl", b"c", b"h", b"cc", b"cpp", b"cxx", b"hh", b"hpp", b"hxx", b"m", b"mm", b"go",
    b"rs", b"java", b"kt", b"kts", b"scala", b"groovy", b"cs", b"fs", b"vb", b"swift", b"dart", b"rb", b"php", b"pl",
    b"pm", b"lua", b"r", b"jl", b"ex", b"exs", b"erl", b"hrl", b"clj", b"hs", b"ml", b"sh", b"bash", b"zsh", b"fish",
    b"ps1", b"bat",
];

/// Returns whether a file of this name is a private key.
#[must_use]
pub fn is_key_name(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_slice()) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns whether the content of a file of this name has to tell if it is a key: certificates have
/// the same names.
#[must_use]
pub fn may_be_key(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b".pem"[..], b".key", b".der"].iter().any(|ending| name.ends_with(ending))
}

/// Returns whether a file is source code by its name or by its first line.
#[must_use]
pub fn is_source(name: &[u8], start: &[u8]) -> bool {
    let ending = name.iter().rposition(|&byte| byte == b'.').map(|dot| name[dot + 1..].to_ascii_lowercase());
    ending.is_some_and(|ending| SOURCE.contains(&ending.as_slice())) || start.starts_with(b"#!")
}

/// Returns whether a private key begins in the first bytes of a file that may be one.
#[must_use]
pub fn begins_key(start: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = find(&start[from..], BEGIN) {
        from += at + BEGIN.len();
        if label(&start[from..]).is_some_and(is_private) {
            return true;
        }
    }
    is_der(start)
}

/// Returns whether a whole private key in PEM is in some text: both its lines, and base64 between
/// them. Line ends may be escaped, as in JSON.
#[must_use]
pub fn holds_key(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = find(&text[from..], BEGIN) {
        from += at + BEGIN.len();
        let Some(label) = label(&text[from..]).filter(|label| is_private(label)) else { continue };
        let body = &text[from + label.len() + DASHES.len()..];
        let body = &body[..body.len().min(LONGEST)];
        let Some(end) = find(body, DASHES) else { continue };
        let last = body[end..].strip_prefix(END).and_then(|rest| rest.strip_prefix(label));
        if last.is_some_and(|rest| rest.starts_with(DASHES)) && is_base64(&body[..end]) {
            return true;
        }
        from += label.len() + DASHES.len() + end;
    }
    false
}

/// Returns the label of a first line, whose beginning is cut off.
fn label(rest: &[u8]) -> Option<&[u8]> {
    let end = find(&rest[..rest.len().min(LABEL + DASHES.len())], DASHES)?;
    Some(&rest[..end]).filter(|label| label.iter().all(|&byte| byte == b' ' || byte.is_ascii_alphanumeric()))
}

fn is_private(label: &[u8]) -> bool {
    find(label, b"PRIVATE KEY").is_some()
}

/// Returns whether what is between a key's lines is base64, after headers as RFC 1421 has them.
fn is_base64(body: &[u8]) -> bool {
    let mut text = Vec::with_capacity(body.len());
    let mut rest = body.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        while rest.next_if_eq(&b'\\').is_some() {}
        rest.next_if(|next| b"nrt".contains(next));
        text.push(b'\n');
    }
    let quote = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,|>#*\\".contains(byte);
    let lines = text.split(|&byte| byte == b'\n' || byte == b'\r').map(|line| trim(line, quote));
    let lines = lines.filter(|line| !line.is_empty() && !line.contains(&b':'));
    let words: Vec<_> =
        lines.flat_map(|line| line.split(u8::is_ascii_whitespace)).filter(|word| !word.is_empty()).collect();
    // The checksum of PGP's form is a word of its own.
    let data: Vec<_> = words.iter().filter(|word| !word.starts_with(b"=")).collect();
    let is_data = |word: &&[u8]| word.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    let Some((last, others)) = data.split_last() else { return false };
    words.iter().all(is_data)
        && others.iter().all(|word| word.len() >= SHORTEST_WORD)
        && last.len() + others.len() * SHORTEST_WORD >= 4
}

fn trim(mut line: &[u8], out: impl Fn(&u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = line
        && out(first)
    {
        line = rest;
    }
    while let [rest @ .., last] = line
        && out(last)
    {
        line = rest;
    }
    line
}

/// Returns whether a file begins as a key in DER does: a sequence whose first element is a version
/// below 4. A certificate's first element is another sequence.
fn is_der(start: &[u8]) -> bool {
    let content = match start {
        [0x30, 0x82, _, _, rest @ ..] | [0x30, 0x81, _, rest @ ..] => rest,
        [0x30, length, rest @ ..] if *length < 0x80 => rest,
        _ => return false,
    };
    matches!(content, [0x02, 0x01, 0..=3, ..])
}

/// Returns the offset of some bytes in others (Boyer, Moore and Horspool).
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let last = wanted.len() - 1;
    let mut steps = [wanted.len(); 256];
    wanted[..last].iter().enumerate().for_each(|(at, &byte)| steps[usize::from(byte)] = last - at);
    let mut at = 0;
    while at + last < text.len() {
        if text[at + last] == wanted[last] && text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += steps[usize::from(text[at + last])];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_certificates_by_their_first_line() {
        for (start, private) in [
            ("-----BEGIN PRIVATE KEY-----\nMIIE", true),
            ("Bag Attributes\n-----BEGIN CERTIFICATE-----\nxx\n-----BEGIN RSA PRIVATE KEY-----\n", true),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", true),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", true),
            ("-----BEGIN CERTIFICATE-----\nPRIVATE KEY", false),
            ("-----BEGIN PUBLIC KEY-----", false),
            ("-----BEGIN ", false),
            ("0\u{11}\u{2}\u{1}\0rest", true),
            ("", false),
        ] {
            assert_eq!(begins_key(start.as_bytes()), private, "{start}");
        }
        assert!(begins_key(&[0x30, 0x82, 4, 0xa4, 2, 1, 0, 2]), "RSA in DER");
        assert!(!begins_key(&[0x30, 0x82, 3, 0x3b, 0x30, 0x82, 2, 0x23]), "a certificate in DER");
    }

    #[test]
    fn a_whole_key_has_both_lines_and_base64_between_them() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        for (text, whole) in [
            ("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", true),
            ("-----BEGIN PRIVATE KEY-----\r\nLINE\r\nLINE\r\nMC4C==\r\n-----END PRIVATE KEY-----", true),
            (
                "tls:\n  key: |\n    -----BEGIN EC PRIVATE KEY-----\n    LINE\n    MC4C\n    -----END EC PRIVATE KEY-----\n",
                true,
            ),
            (r#"{"key": "-----BEGIN PRIVATE KEY-----\nLINE\nLINE\nab==\n-----END PRIVATE KEY-----\n"}"#, true),
            (r"KEY='-----BEGIN PRIVATE KEY-----\\nLINE\\nab\\n-----END PRIVATE KEY-----'", true),
            ("-----BEGIN PRIVATE KEY----- LINE LINE MC4C -----END PRIVATE KEY-----", true),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\nLINE\n-----END RSA PRIVATE KEY-----",
                true,
            ),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nLINE\nMC4C\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----",
                true,
            ),
            ("-----BEGIN X-----\n-----BEGIN PRIVATE KEY-----\nLINE\n-----END PRIVATE KEY-----", true),
            ("# -----BEGIN PRIVATE KEY-----\n# LINE\n# -----END PRIVATE KEY-----", true),
            ("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\nyour key goes here\n-----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\n<key>\n-----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\n{{ key }}\n-----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\nLINE\n", false),
            ("-----BEGIN PRIVATE KEY-----\nLINE\n-----END EC PRIVATE KEY-----", false),
            ("-----BEGIN CERTIFICATE-----\nLINE\n-----END CERTIFICATE-----", false),
            ("if text.startswith('-----BEGIN PRIVATE KEY-----'):", false),
        ] {
            assert_eq!(holds_key(text.replace("LINE", line).as_bytes()), whole, "{text}");
        }
        let many = "-----BEGIN PRIVATE KEY-----".repeat(40_000);
        assert!(!holds_key(many.as_bytes()), "in no time");
        let long = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "A".repeat(LONGEST));
        assert!(!holds_key(long.as_bytes()));
    }

    #[test]
    fn names_tell_keys_and_source_code() {
        for (name, is_key, may, source) in [
            ("ID_RSA", true, false, false),
            ("id_rsa.pub", false, false, false),
            ("store.P12", true, false, false),
            ("AuthKey_ABC.p8", true, false, false),
            ("server.KEY", false, true, false),
            ("cacert.pem", false, true, false),
            ("client.PY", false, false, true),
            ("README.md", false, false, false),
            ("py", false, false, false),
        ] {
            let name_bytes = name.as_bytes();
            let told = (is_key_name(name_bytes), may_be_key(name_bytes), is_source(name_bytes, b""));
            assert_eq!(told, (is_key, may, source), "{name}");
        }
        assert!(is_source(b"deploy", b"#!/bin/sh\n"));
    }

    #[test]
    fn bytes_are_found_where_they_begin() {
        for (text, wanted, at) in [
            ("abcabd", "abd", Some(3)),
            ("aaab", "aab", Some(1)),
            ("ab", "abc", None),
            ("", "a", None),
            ("xa", "a", Some(1)),
        ] {
            assert_eq!(find(text.as_bytes(), wanted.as_bytes()), at, "{wanted} in {text}");
        }
    }
}
