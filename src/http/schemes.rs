//! The schemes that were found out, by host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// A scheme, once it is known.
pub type SchemeCell = Arc<OnceCell<&'static str>>;

/// The schemes that were found out, by host.
#[derive(Default)]
pub struct Schemes(Mutex<HashMap<String, SchemeCell>>);

impl Schemes {
    /// Returns the cell of a host; whoever fills it makes the others wait.
    pub fn of(&self, authority: &str) -> SchemeCell {
        let mut schemes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(schemes.entry(authority.to_owned()).or_default())
    }
}
