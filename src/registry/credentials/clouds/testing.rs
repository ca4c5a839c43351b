//! An environment of clouds for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::cloud_http::CloudHttp;
use super::environment::CloudEnvironment;
use crate::http::client::Client;

/// Returns an environment with these variables, on a machine of an unknown maker.
pub fn environment(variables: &[(&str, &str)]) -> CloudEnvironment {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    CloudEnvironment {
        variable: Arc::new(move |name| variables.get(name).cloned()),
        now: || "2026-01-02T03:04:05Z".parse().unwrap(),
        google_file: None,
        // The names of some other maker: no test asks the metadata services of this machine.
        dmi: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/integration/fixtures/dmi")),
    }
}

pub fn http() -> CloudHttp<'static> {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(Arc::default(), "carboy"));
    // A busy machine takes longer than metadata services may.
    CloudHttp::new(&CLIENT).unwrap().with_metadata_limit(Duration::from_mins(1))
}
