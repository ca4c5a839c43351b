//! The lowest minor release of Python 3 that a requirement allows.
//!
//! Source: PEP 440, "Version specifiers", and Poetry's `^` and `~`, for projects with such
//! requirements. Pre-releases count as the release that they precede. Poetry's alternatives (`||`)
//! are not supported.

/// The first minor version of the search, for a requirement without a lower bound within Python 3.
const OLDEST_MINOR: u32 = 9;
/// A number higher than any minor or patch version. It bounds the search.
const NUMBERS: u32 = 100;

/// Returns the lowest minor version with an allowed release, such as `3.10`; `None` if no release
/// is allowed, or if a part of the requirement is not understood.
pub(super) fn lowest_allowed(requirement: &str) -> Option<String> {
    let clauses = clauses(requirement)?;
    let bounded = clauses.iter().any(Clause::names_a_lowest_minor);
    let first = if bounded { 0 } else { OLDEST_MINOR };
    let allowed = |minor: &u32| (0..NUMBERS).any(|patch| clauses.iter().all(|clause| clause.allows(*minor, patch)));
    if clauses.is_empty() { None } else { (first..NUMBERS).find(allowed).map(|minor| format!("3.{minor}")) }
}

/// Returns whether a requirement allows a release of a minor version, such as `3.10`. `false` if a
/// part of the requirement is not understood.
pub(super) fn allows(requirement: &str, version: &str) -> bool {
    let Some(minor) = version.strip_prefix("3.").and_then(|minor| minor.parse().ok()) else { return false };
    let all = |clauses: Vec<Clause>| (0..NUMBERS).any(|patch| clauses.iter().all(|clause| clause.allows(minor, patch)));
    clauses(requirement).is_some_and(all)
}

fn clauses(requirement: &str) -> Option<Vec<Clause>> {
    let clauses = requirement.split(',').map(str::trim).filter(|clause| !clause.is_empty());
    clauses.map(Clause::parse).collect()
}

/// A comma-separated part of a requirement.
struct Clause {
    operator: Operator,
    /// The release numbers without the wildcard.
    release: Vec<u32>,
    wildcard: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    AtLeast,
    Above,
    AtMost,
    Below,
    Equal,
    Not,
    /// PEP 440's `~=`: the last number may increase.
    Compatible,
    /// Poetry's `^`: all numbers but the first may increase.
    Caret,
    /// Poetry's `~`: all numbers but the first two may increase.
    Tilde,
}

const OPERATORS: [(&str, Operator); 10] = [
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("~=", Operator::Compatible),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::Not),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("^", Operator::Caret),
    ("~", Operator::Tilde),
];

impl Clause {
    fn parse(text: &str) -> Option<Self> {
        let written = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
        let (operator, version) = written.unwrap_or((Operator::Equal, text));
        let version = version.trim();
        let release = version.strip_suffix(".*").unwrap_or(version);
        let wildcard = release.len() < version.len();
        let release: Vec<_> = release.split('.').map(leading_number).collect::<Option<_>>()?;
        // Without an operator, Poetry reads `3.11` as every 3.11.
        Some(Self { operator, wildcard: wildcard || (written.is_none() && release.len() < 3), release })
    }

    fn names_a_lowest_minor(&self) -> bool {
        !matches!(self.operator, Operator::AtMost | Operator::Below | Operator::Not)
            && self.release.len() > 1
            && self.release[0] == 3
    }

    fn allows(&self, minor: u32, patch: u32) -> bool {
        let version = [3, minor, patch];
        let mut bound = [0; 3];
        bound.iter_mut().zip(&self.release).for_each(|(slot, number)| *slot = *number);
        let begins_with = |count: usize| version.iter().zip(&self.release).take(count).all(|(a, b)| a == b);
        let equal = if self.wildcard { begins_with(3) } else { version == bound };
        match self.operator {
            Operator::AtLeast => version >= bound,
            Operator::Above => version > bound,
            Operator::AtMost => version <= bound,
            Operator::Below => version < bound,
            Operator::Equal => equal,
            Operator::Not => !equal,
            Operator::Compatible => version >= bound && begins_with(self.release.len() - 1),
            Operator::Caret => version >= bound && begins_with(1),
            Operator::Tilde => version >= bound && begins_with(2),
        }
    }
}

/// Returns the number before the letters of a pre-release: `0` of `0rc1`.
fn leading_number(part: &str) -> Option<u32> {
    let (digits, rest) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
    if rest.bytes().all(|b| b.is_ascii_alphanumeric()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clauses_allow_the_lowest_minor() {
        for (requirement, version) in [
            (">=3.10,<4", Some("3.10")),
            ("~=3.11", Some("3.11")),
            ("~=3.11.2", Some("3.11")),
            ("==3.12.*", Some("3.12")),
            ("==3.12.4", Some("3.12")),
            (">=3.9", Some("3.9")),
            (">= 3.7 , < 3.9", Some("3.7")),
            (">3.10", Some("3.10")),
            (">3.10.99", Some("3.11")),
            (">=3.10,!=3.10.*", Some("3.11")),
            (">=3.10,!=3.10.0", Some("3.10")),
            (">=3.13.0rc1", Some("3.13")),
            (">=3", Some("3.9")),
            ("<3.12", Some("3.9")),
            (">=2.7,!=3.0.*,!=3.1.*", Some("3.9")),
            ("^3.10", Some("3.10")),
            ("~3.10", Some("3.10")),
            ("3.11", Some("3.11")),
            (">=4", None),
            (">=3.12,<3.11", None),
            ("^3.9 || ^3.11", None),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(lowest_allowed(requirement).as_deref(), version, "{requirement:?}");
        }
    }
}
