//! Engines by their API: `POST /images/load`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Client, Response};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use super::endpoint::Endpoint;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::printable::one_line;

const CONNECT: Duration = Duration::from_secs(10);
const PIECE: usize = 128 << 10;
/// The most bytes of an answer: a line for each layer and image.
const MOST_ANSWER: usize = 4 << 20;

/// Sends an archive to the API.
///
/// # Errors
/// An engine that does not answer or refuses the archive.
pub(super) async fn load(endpoint: &Endpoint, archive: &Path) -> Result<(), OperationError> {
    let builder = Client::builder().no_proxy().tls_certs_only([]).connect_timeout(CONNECT);
    let (builder, host) = match endpoint {
        Endpoint::Socket { path, .. } => (builder.unix_socket(path.as_path()), "docker"),
        Endpoint::Tcp { address, .. } => (builder, address.as_str()),
        Endpoint::Program { engine, .. } => {
            return Err(OperationError::new(Code::Internal, format!("{engine} has no API here")));
        }
    };
    let failed = |cause: reqwest::Error| unreachable(endpoint, &cause);
    let unreadable = |cause: std::io::Error| {
        OperationError::new(Code::UnreadableFile, format!("cannot read `{}`", archive.display())).because(&cause)
    };
    let file = tokio::fs::File::open(archive).await.map_err(unreadable)?;
    let size = file.metadata().await.map_err(unreadable)?.len();
    let request = builder
        .build()
        .map_err(failed)?
        .post(format!("http://{host}/images/load?quiet=1"))
        .header(CONTENT_TYPE, "application/x-tar")
        .header(CONTENT_LENGTH, size)
        .body(Body::wrap_stream(ReaderStream::with_capacity(file, PIECE)));
    let response = request.send().await.map_err(failed)?;
    let is_success = response.status().is_success();
    let status = response.status();
    let answer = text(response).await.map_err(failed)?;
    match refusal(&answer) {
        None if is_success => Ok(()),
        cause => {
            let cause = cause.unwrap_or_else(|| format!("it answers {status}"));
            Err(OperationError::new(Code::UnwritableOutput, format!("{endpoint} does not load the image"))
                .because(cause))
        }
    }
}

async fn text(response: Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let room = MOST_ANSWER.saturating_sub(bytes.len()).min(piece.len());
        bytes.extend_from_slice(&piece[..room]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the error in an answer: `{"message": …}` of a failed request, or a line
/// `{"error": …}` among the lines of progress, which come with the status 200.
fn refusal(answer: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        error: Option<String>,
        message: Option<String>,
        cause: Option<String>,
    }
    let lines = serde_json::Deserializer::from_str(answer).into_iter::<Line>();
    lines.map_while(Result::ok).find_map(|line| line.error.or(line.message).or(line.cause)).map(|text| one_line(&text))
}

fn unreachable(endpoint: &Endpoint, cause: &reqwest::Error) -> OperationError {
    // The innermost cause says most; the ones around it repeat the URL.
    let mut inner: &dyn Error = cause;
    while let Some(next) = inner.source() {
        inner = next;
    }
    let hint = if cause.is_connect() {
        "start it, or set DOCKER_HOST to where it listens"
    } else {
        "see the engine's own log"
    };
    let message = format!("cannot load the image into {endpoint}");
    OperationError::new(Code::NoContainerEngine, message).because(one_line(&inner.to_string())).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_among_lines_of_progress() {
        let lines = "{\"stream\":\"Loaded image: a:1\\n\"}\r\n{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\r\n";
        assert_eq!(refusal(lines).as_deref(), Some("no space"));
        assert_eq!(refusal(r#"{"message":"invalid tar header"}"#).as_deref(), Some("invalid tar header"));
        assert_eq!(refusal("{\"stream\":\"Loaded image: a:1\\n\"}\n"), None);
        assert_eq!(refusal(""), None);
    }
}
