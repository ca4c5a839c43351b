//! One block of 512 bytes that begins an entry.

use super::error::TarError;

/// The length of a tar's blocks.
pub const BLOCK: u64 = 512;
pub type Block = [u8; 512];

/// A header as it stands in the archive.
pub struct Header(Block);

impl Header {
    pub fn new(block: &Block) -> Self {
        Self(*block)
    }

    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&byte| byte == 0)
    }

    /// Checks what a reader checks of headers of any type: the sum over all bytes, its
    /// own field taken as blanks (old archivers summed signed bytes), and that mode, owner,
    /// time and device numbers are numbers, though they may mean nothing.
    pub fn check(&self) -> Result<(), TarError> {
        for field in [&self.0[100..108], &self.0[108..116], &self.0[116..124], &self.0[136..148]] {
            number(field)?;
        }
        // tarfile alone looks at these of what is no device, and takes blanks for zero
        for field in [&self.0[329..337], &self.0[337..345]] {
            if !until_nul(field).trim_ascii().is_empty() {
                number(field)?;
            }
        }
        let want = number(&self.0[148..156])?;
        let (mut sum, mut high) = (0, 0);
        for &byte in &self.0 {
            sum += i64::from(byte);
            high += i64::from(byte >> 7);
        }
        let field = self.0[148..156].iter().map(|&byte| i64::from(byte)).sum::<i64>();
        sum = sum - field + 8 * i64::from(b' ');
        let signed = sum - 256 * high;
        if want == sum || want == signed { Ok(()) } else { Err(TarError::Broken("its checksum is wrong")) }
    }

    pub fn kind(&self) -> u8 {
        self.0[156]
    }

    /// Returns the name as the header has it, ustar's prefix before it.
    pub fn name(&self) -> Result<Vec<u8>, TarError> {
        let (name, prefix) = (until_nul(&self.0[..100]), until_nul(&self.0[345..500]));
        // The old GNU sparse type has other fields there.
        if prefix.is_empty() || self.kind() == b'S' {
            return Ok(name.to_vec());
        }
        let ustar = &self.0[257..263] == b"ustar\0";
        let star = &self.0[508..512] == b"tar\0" && prefix.len() > 131;
        if !ustar || star {
            return Err(TarError::Ambiguous("it has a prefix that belongs to another format"));
        }
        Ok([prefix, b"/", name].concat())
    }

    /// Returns whether the name field itself ends in a slash: an old archiver's folder.
    pub fn names_folder(&self) -> bool {
        until_nul(&self.0[..100]).ends_with(b"/")
    }

    pub fn link(&self) -> &[u8] {
        until_nul(&self.0[157..257])
    }

    pub fn size(&self) -> Result<u64, TarError> {
        positive(&self.0[124..136])
    }

    pub fn mode(&self) -> Result<u64, TarError> {
        positive(&self.0[100..108])
    }

    /// Owner and group.
    pub fn owner(&self) -> Result<(u64, u64), TarError> {
        Ok((positive(&self.0[108..116])?, positive(&self.0[116..124])?))
    }

    /// Returns the fields of the old GNU sparse type: the file's length, its first stretches, and whether blocks
    /// with more of them follow.
    pub fn sparse(&self) -> Result<(u64, &[u8], bool), TarError> {
        Ok((positive(&self.0[483..495])?, &self.0[386..482], self.0[482] != 0))
    }
}

/// Returns the bytes before the first NUL.
pub fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Reads a number that cannot be negative.
pub fn positive(field: &[u8]) -> Result<u64, TarError> {
    u64::try_from(number(field)?).map_err(|_| TarError::Broken("a number in its header is negative"))
}

/// Reads a number: octal digits, or GNU's base 256. What readers take in different ways is
/// refused: digits after a NUL, blanks alone, signs, the base 64 of old GNU tars.
fn number(field: &[u8]) -> Result<i64, TarError> {
    match field.first() {
        Some(0x80) => base_256(&field[1..], 0),
        Some(0xff) => base_256(&field[1..], -1),
        _ => octal(field),
    }
}

fn base_256(bytes: &[u8], sign: i64) -> Result<i64, TarError> {
    bytes.iter().try_fold(sign, |value, &byte| {
        let shifted = value.checked_mul(256).ok_or(TarError::Broken("a number in its header is out of range"))?;
        Ok(shifted | i64::from(byte))
    })
}

fn octal(field: &[u8]) -> Result<i64, TarError> {
    let text = until_nul(field);
    let digits = text.trim_ascii();
    let blank = digits.is_empty() && (!text.is_empty() || field.iter().any(|&byte| byte != 0));
    if blank || !digits.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
        return Err(TarError::Broken("a number in its header is none"));
    }
    // 12 digits at most: no overflow
    Ok(digits.iter().fold(0, |value, digit| value * 8 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_all_readers_agree_on() {
        for (field, want) in [
            (&b"0000644\0"[..], 0o644),
            (b"   644 \0", 0o644),
            (b"77777777", 0o77_777_777),
            (b"\0\0\0\0\0\0\0\0", 0),
            (b"\x80\0\0\0\0\x01\0\0", 65536),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
        ] {
            assert_eq!(number(field), Ok(want), "{field:?}");
        }
        for field in [
            &b"\x00000644\0"[..],
            b"        ",
            b"+644\0\0\0\0",
            b"-1\0\0\0\0\0\0",
            b"0000648\0",
            b"4 9\0\0\0\0\0",
            b"\x81\0\0\0\0\0\0\0",
            b"\x80\xff\0\0\0\0\0\0\0\0\0\0",
            b"\xff\x00\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert!(number(field).is_err(), "{field:?}");
        }
    }
}
