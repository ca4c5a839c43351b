//! Indexes and links as settings write them.

use std::path::PathBuf;

use url::Url;

use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::wheels::login::without_login;
use crate::wheels::sources::Index;

/// An index as its source writes it. It may contain a login, so it is never shown.
#[derive(Clone)]
pub struct IndexUrl {
    pub name: Option<String>,
    pub url: String,
    /// The name of its source, for messages.
    pub what: String,
    pub by: Author,
}

/// The location of an index or a link.
pub enum IndexLocation {
    Web(Url),
    /// The path in the settings: absolute, or relative to the base of its source.
    Folder(PathBuf),
}

impl IndexUrl {
    pub fn index(&self, url: &Url) -> Index {
        Index { name: self.name.clone(), url: without_login(url) }
    }

    pub fn place(&self) -> Result<IndexLocation, OperationError> {
        let text = self.url.trim();
        if text.contains("://") && text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(OperationError::new(
                Code::InvalidConfiguration,
                format!("{} has a URL with a blank or a line's end in it", self.what),
            ));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(IndexLocation::Web(url)),
            Ok(url) if url.scheme() == "file" => {
                Ok(IndexLocation::Folder(url.to_file_path().map_err(|()| self.wrong())?))
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => Ok(IndexLocation::Folder(text.into())),
            Ok(_) | Err(_) => Err(self.wrong()),
        }
    }

    pub fn wrong(&self) -> OperationError {
        let mut error = OperationError::new(
            Code::InvalidConfiguration,
            format!("{} has an index that is neither a URL nor a directory", self.what),
        );
        error.hint = Some("write it as in https://pypi.org/simple".to_owned());
        error
    }
}
