//! The mirrors that served and that failed in a run. Each is reported once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{Code, Diagnostic};
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;
use crate::progress::{Event, Progress};

/// The mirrors that served and that failed.
pub struct MirrorLog {
    progress: Arc<dyn Progress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Hosts and repositories that are not asked again.
    given_up: BTreeSet<String>,
    reported: BTreeSet<String>,
    served: BTreeSet<String>,
}

impl MirrorLog {
    /// Creates an empty log.
    pub fn new(progress: Arc<dyn Progress>) -> Self {
        Self { progress, state: Mutex::default() }
    }

    /// Returns whether a mirror can still be asked.
    pub fn is_usable(&self, mirror: &RegistryName) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !state.given_up.contains(&mirror.registry) && !state.given_up.contains(&mirror.bare())
    }

    /// Reports that a mirror serves a repository.
    pub fn served(&self, name: &RegistryName, mirror: &RegistryName) {
        let is_new = self.state.lock().unwrap_or_else(PoisonError::into_inner).served.insert(mirror.bare());
        if is_new {
            self.progress.on(Event::Mirrored { repository: name.bare(), mirror: mirror.bare() });
        }
    }

    /// Reports that a mirror does not serve a repository, so that the next place is asked. A mirror
    /// that lacks one image may have others; one that refuses access or sends wrong bytes is not asked
    /// again for this repository, and one that fails is not asked again at all.
    pub fn failed(&self, name: &RegistryName, mirror: &RegistryName, error: &OperationError) {
        let is_new = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let (subject, gives_up) = match error.code {
                Code::NotFound => (mirror.bare(), false),
                Code::AccessDenied | Code::CorruptContent => (mirror.bare(), true),
                _ => (mirror.registry.clone(), true),
            };
            if gives_up {
                state.given_up.insert(subject.clone());
            }
            state.reported.insert(subject)
        };
        if is_new {
            let text = format!("the mirror {} of {} is not used: {}", mirror.bare(), name.bare(), error.line());
            let warning = Diagnostic::warning(Code::MirrorFailed, text);
            self.progress.warn(warning.hint(error.hint.clone()));
        }
    }
}
