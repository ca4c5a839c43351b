//! Work that several ask for and that is done once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Results by key. A failure is not kept: the next who asks tries again.
pub struct OnceMap<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K, V> Default for OnceMap<K, V> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}

impl<K: Hash + Eq, V: Clone> OnceMap<K, V> {
    /// Returns the result for a key, made by `work` unless another caller made it or is making it.
    ///
    /// # Errors
    /// Errors of `work`.
    pub async fn get<E>(&self, key: K, work: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let cell = self.cells.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        cell.get_or_try_init(|| work).await.cloned()
    }
}
