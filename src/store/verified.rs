//! A reader that checks its bytes against a digest and a size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::oci::Descriptor;
use crate::oci::digest::Verifier;

/// A reader that ends in `InvalidData`, with a `VerifyError` inside, when the content does not
/// match its descriptor.
pub(super) struct Verified<R> {
    reader: R,
    verifier: Verifier,
}

impl<R> Verified<R> {
    /// Creates a reader for the described content.
    pub(super) fn new(reader: R, blob: &Descriptor) -> Self {
        Self { reader, verifier: Verifier::new(blob.digest, blob.size) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Verified<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.reader).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        let checked = if new.is_empty() { self.verifier.finish() } else { self.verifier.update(new) };
        Poll::Ready(checked.map_err(|cause| {
            buf.set_filled(before);
            io::Error::new(io::ErrorKind::InvalidData, cause)
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::oci::digest::VerifyError;

    async fn read(promised: &[u8], content: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let blob = Descriptor::of("x", promised);
        Verified::new(content, &blob).read_to_end(&mut out).await.map(|_| out)
    }

    #[tokio::test]
    async fn wrong_content_ends_in_an_error() {
        assert_eq!(read(b"carboy", b"carboy").await.unwrap(), b"carboy");
        for content in ["carboys", "carbo", "carbob", ""] {
            let error = read(b"carboy", content.as_bytes()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{content}");
            assert!(error.downcast::<VerifyError>().is_ok(), "{content}");
        }
    }
}
