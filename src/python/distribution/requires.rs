//! The requirements in the metadata of an installed distribution.
//!
//! Source: PyPA, core metadata, `Requires-Dist`; setuptools, "The Internal Structure of Python
//! Eggs", `requires.txt` (`[extra:marker]` before the requirements of an extra).

/// The largest number of requirements that are read. `apache-airflow` has some hundreds.
const MANY: usize = 5000;
/// The largest size of a requirement, in bytes.
const LONGEST: usize = 16 << 10;

/// Returns the requirements in `METADATA` or `PKG-INFO`.
pub(super) fn of_metadata(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| !line.is_empty());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let values = fields.filter(|(name, _)| name.eq_ignore_ascii_case("requires-dist")).map(|(_, value)| value.trim());
    values.filter(|value| value.len() <= LONGEST).take(MANY).map(str::to_owned).collect()
}

/// Returns the requirements in the `requires.txt` of an egg, each with the marker of its section.
pub(super) fn of_egg(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut condition = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && line.len() <= LONGEST).take(MANY) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extra, marker) = section.split_once(':').unwrap_or((section, ""));
            let extra = (!extra.is_empty()).then(|| format!("extra == '{extra}'"));
            let marker = (!marker.is_empty()).then(|| format!("({marker})"));
            condition = marker.into_iter().chain(extra).collect::<Vec<_>>().join(" and ");
            continue;
        }
        out.push(match (line.split_once(';'), condition.is_empty()) {
            (_, true) => line.to_owned(),
            (None, false) => format!("{line} ; {condition}"),
            (Some((line, own)), false) => format!("{line} ; ({own}) and {condition}"),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::requirement::Requirement;

    #[test]
    fn requirements_are_those_of_the_header() {
        let text = "Name: x\nRequires-Dist: a>=1 ; extra == 'b'\nrequires-dist:  c\r\n\nRequires-Dist: readme\n";
        assert_eq!(of_metadata(text), ["a>=1 ; extra == 'b'", "c"]);
    }

    #[test]
    fn sections_of_an_egg_are_markers() {
        let found =
            of_egg("a>=1\n\n[:python_version < '3.8']\nb\n[x]\nc; os_name == 'nt'\n[y:sys_platform == 'linux']\nd\n");
        assert_eq!(
            found,
            [
                "a>=1",
                "b ; (python_version < '3.8')",
                "c ; ( os_name == 'nt') and extra == 'x'",
                "d ; (sys_platform == 'linux') and extra == 'y'"
            ]
        );
        assert!(found.iter().all(|text| Requirement::parse(text).is_ok()));
    }
}
