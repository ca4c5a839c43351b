//! Collects the errors of things that a run without the network does not have.

use futures_util::future::{join_all, try_join_all};

use super::context::Context;
use super::error::BuildError;
use crate::diagnostic::{Code, Diagnostic};

impl Context {
    /// Returns the results of all work, or the first error. Offline, all errors of missing things
    /// are one.
    ///
    /// # Errors
    /// Any error of the work.
    pub async fn all<T, F>(&self, work: impl IntoIterator<Item = F>) -> Result<Vec<T>, BuildError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        if self.io.offline { BuildError::of_offline(join_all(work).await) } else { try_join_all(work).await }
    }
}

impl BuildError {
    /// Returns the values of several outcomes, or the first error; if it is about something that the
    /// cache does not have, all such errors as one.
    ///
    /// # Errors
    /// Any error among the outcomes.
    pub(super) fn of_offline<T>(outcomes: Vec<Result<T, Self>>) -> Result<Vec<T>, Self> {
        let is_offline = |one: &Diagnostic| one.code == Code::Offline;
        let (mut done, mut found) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(value) => done.push(value),
                Err(error) if error.diagnostics().iter().all(is_offline) => found.extend(error.diagnostics()),
                Err(error) if found.is_empty() => return Err(error),
                Err(_) => {}
            }
        }
        if found.is_empty() { Ok(done) } else { Err(found.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation_error::OperationError;

    #[test]
    fn all_that_lacks_is_one_error_and_other_errors_come_alone() {
        let error = |code: Code| Err::<(), _>(BuildError::from(OperationError::new(code, code.name())));
        let codes = |outcomes: Vec<Result<(), BuildError>>| {
            let found = BuildError::of_offline(outcomes).err().map(|error| error.diagnostics()).unwrap_or_default();
            found.iter().map(|one| one.code.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(codes(vec![error(Code::Offline), Ok(()), error(Code::Offline)]), "offline offline");
        assert_eq!(codes(vec![error(Code::NotFound), error(Code::Offline)]), "not-found");
        assert_eq!(codes(vec![Ok(())]), "");
    }
}
