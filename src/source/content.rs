//! What a file's content tells that its name does not: a private key, an image archive.

use super::archive::Watch;
use super::defaults;

/// How many bytes of a file are searched for a private key.
const START: usize = 4096;

/// Something that is left out because of what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    PrivateKey,
    ImageArchive,
}

impl Finding {
    const ALL: [Self; 2] = [Self::PrivateKey, Self::ImageArchive];

    /// The rule that leaves the file out.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::PrivateKey => defaults::PRIVATE_KEYS,
            Self::ImageArchive => defaults::IMAGES,
        }
    }

    /// A number for the index; zero is nothing found.
    pub(super) fn to_byte(found: Option<Self>) -> u8 {
        let place = Self::ALL.iter().position(|one| Some(*one) == found);
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or_default()
    }

    /// What a number stands for; none for a number that stands for nothing.
    pub(super) fn from_byte(byte: u8) -> Option<Option<Self>> {
        match byte.checked_sub(1) {
            None => Some(None),
            Some(place) => Self::ALL.get(usize::from(place)).copied().map(Some),
        }
    }
}

/// Looks at a file's bytes as they pass.
pub(super) struct Scan {
    may_be_key: bool,
    start: Vec<u8>,
    archive: Watch,
}

impl Scan {
    /// For a file of this name.
    pub(super) fn new(name: &[u8]) -> Self {
        Self { may_be_key: defaults::may_be_key(name), start: vec![], archive: Watch::default() }
    }

    /// Looks at the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let missing = START.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        self.archive.take(bytes);
    }

    /// The first four bytes.
    pub(super) fn magic(&self) -> [u8; 4] {
        let mut magic = [0; 4];
        magic.iter_mut().zip(&self.start).for_each(|(to, from)| *to = *from);
        magic
    }

    /// What was found.
    pub(super) fn finish(self) -> Option<Finding> {
        let is_key = self.may_be_key && defaults::is_private_key(&self.start);
        let is_archive = self.archive.finish();
        is_key.then_some(Finding::PrivateKey).or_else(|| is_archive.then_some(Finding::ImageArchive))
    }
}
