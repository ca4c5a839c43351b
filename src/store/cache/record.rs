//! Records with their digest.
//!
//! ```text
//! carboy record 1\n | SHA-256 (32 bytes) of kind, key and content | content
//! ```
//! The digest covers kind and key, so that a record under another key's name is not used for it.

use super::kind::CacheKind;
use crate::oci::Digest;
use crate::oci::digest::Hasher;

const MAGIC: &[u8] = b"carboy record 1\n";
const HEAD: usize = MAGIC.len() + 32;

/// Returns the header of a record.
pub(super) fn head(content: &[u8], kind: CacheKind, key: &Digest) -> Vec<u8> {
    [MAGIC, seal(content, kind, key).as_bytes()].concat()
}

/// Returns the content of a stored record; none if it has changed since it was stored.
pub(super) fn open(mut stored: Vec<u8>, kind: CacheKind, key: &Digest) -> Option<Vec<u8>> {
    let (head, content) = stored.split_at_checked(HEAD)?;
    if head.strip_prefix(MAGIC)? != seal(content, kind, key).as_bytes() {
        return None;
    }
    stored.drain(..HEAD);
    Some(stored)
}

fn seal(content: &[u8], kind: CacheKind, key: &Digest) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(kind.folder_name().as_bytes());
    hasher.update(&[0]);
    hasher.update(key.as_bytes());
    hasher.update(content);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_is_noticed() {
        let (kind, key) = (CacheKind::Layer, Digest::of(b"key"));
        let stored = [head(b"content", kind, &key), b"content".to_vec()].concat();
        assert_eq!(open(stored.clone(), kind, &key).as_deref(), Some(&b"content"[..]));
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 1;
            assert_eq!(open(flipped, kind, &key), None, "{at}");
            assert_eq!(open(stored[..at].to_vec(), kind, &key), None, "{at}");
        }
        assert_eq!(open([stored.clone(), vec![0]].concat(), kind, &key), None);
        assert_eq!(open(stored.clone(), CacheKind::Elf, &key), None);
        assert_eq!(open(stored, kind, &Digest::of(b"other")), None);
    }
}
