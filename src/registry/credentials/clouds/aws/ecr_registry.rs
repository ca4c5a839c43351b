//! The hosts of Amazon's registries, and their APIs.
//!
//! Source: amazon-ecr-credential-helper; "Amazon ECR endpoints and quotas".

use std::sync::LazyLock;

use regex::Regex;

/// ACCOUNT, FIPS, REGION and domain of a private registry.
static PRIVATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^([0-9]{12})\.dkr[-.]ecr(-fips)?\.([a-z0-9][a-z0-9-]*)\.",
        r"(amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.(?:com\.cn|eu))|sc2s\.sgov\.gov|c2s\.ic\.gov",
        r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$"
    ))
    .ok()
});

/// A registry of Amazon's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EcrRegistry {
    /// The number of the registry's account; none of the public one.
    pub account: Option<String>,
    pub region: String,
    /// The domain of the partition: `amazonaws.com`.
    domain: String,
    is_fips: bool,
}

impl EcrRegistry {
    /// Returns the registry of a host; none for hosts of others.
    pub fn of(host: &str) -> Option<Self> {
        if matches!(host, "public.ecr.aws" | "ecr-public.aws.com") {
            let (region, domain) = ("us-east-1".to_owned(), "amazonaws.com".to_owned());
            return Some(Self { account: None, region, domain, is_fips: false });
        }
        let found = PRIVATE.as_ref()?.captures(host)?;
        let (region, domain) = (found.get(3)?.as_str().to_owned(), found.get(4)?.as_str().to_owned());
        let account = found.get(1).map(|account| account.as_str().to_owned());
        Some(Self { account, region, domain, is_fips: found.get(2).is_some() })
    }

    /// Returns whether it is Amazon's public registry.
    pub fn is_public(&self) -> bool {
        self.account.is_none()
    }

    /// Returns the name of the service for signatures.
    pub fn service(&self) -> &'static str {
        if self.is_public() { "ecr-public" } else { "ecr" }
    }

    /// Returns the URL of the API.
    pub fn api(&self) -> String {
        let Self { region, domain, .. } = self;
        match (domain.as_str(), self.is_fips, self.is_public()) {
            (_, _, true) => "https://api.ecr-public.us-east-1.amazonaws.com".to_owned(),
            ("on.aws", true, _) => format!("https://ecr-fips.{region}.api.aws"),
            ("on.aws", false, _) => format!("https://ecr.{region}.api.aws"),
            ("on.amazonwebservices.com.cn", ..) => format!("https://ecr.{region}.api.amazonwebservices.com.cn"),
            ("on.amazonwebservices.eu", ..) => format!("https://ecr.{region}.api.amazonwebservices.eu"),
            (domain, true, _) => format!("https://ecr-fips.{region}.{domain}"),
            (domain, false, _) => format!("https://api.ecr.{region}.{domain}"),
        }
    }

    /// Returns the domain of the partition's other services.
    pub fn partition(&self) -> &str {
        match self.domain.as_str() {
            "on.aws" => "amazonaws.com",
            "on.amazonwebservices.com.cn" => "amazonaws.com.cn",
            "on.amazonwebservices.eu" => "amazonaws.eu",
            domain => domain,
        }
    }
}
