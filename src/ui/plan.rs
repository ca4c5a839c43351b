//! The plan of a build as text: the image's facts, each platform's layers, the files from images
//! with their reasons, the differences between platforms, missing libraries and omitted files.
//! Pure.

use super::differences::differences;
use super::extracted_files::taken;
use super::layer_table::{ESTIMATE, Row, mark, table};
use super::text::{
    alike, broken, command_env_words, command_words, count, from_sdists, heading, local_files, missing, notes, wrapped,
};
use crate::assemble::report::{LayerPreview, PlatformPreview, Preview};
use crate::config::IndexMode;
use crate::printable::one_line;
use crate::progress::LayerKind;

/// Returns the plans of all profiles, at most `width` wide unless a name is longer. Ends with a
/// newline.
#[must_use]
pub fn plan_text(previews: &[Preview], width: usize) -> String {
    let one = |preview: &Preview| {
        let named = previews.len() > 1 || preview.profile.is_some();
        let heading = if named { heading(preview.profile.as_deref()) + "\n\n" } else { String::new() };
        heading + &profile(preview, width)
    };
    previews.iter().map(one).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn profile(preview: &Preview, width: usize) -> String {
    let platforms = &preview.platforms;
    let mut sections = Vec::new();
    sections.push(facts(preview, width));
    sections.extend(platforms.iter().map(|platform| layers(platform, width)));
    if platforms.iter().flat_map(|platform| &platform.layers).any(|layer| !layer.known) {
        sections.push(broken(ESTIMATE, words("estimated: the layer has not been made yet"), "", width));
    }
    sections.extend(taken(platforms, width));
    let absent: Vec<_> = platforms.iter().map(|one| (&one.platform, one.missing.as_slice())).collect();
    let told: Vec<_> = platforms.iter().map(|one| (&one.platform, one.notes.as_slice())).collect();
    let notes = [missing(&absent, width), notes(&told, width), local_files(&preview.left_out, width)].concat();
    sections.extend(differences(platforms, width));
    if !notes.is_empty() {
        sections.push(notes.join("\n"));
    }
    sections.join("\n\n")
}

/// Returns the image's sources, target and command.
fn facts(preview: &Preview, width: usize) -> String {
    let fact = |name: &str, text: String| broken(&format!("{name:7}"), words(&text), "", width);
    let mut lines = Vec::new();
    for target in &preview.targets {
        lines.push(fact("target", target.target.clone()));
        if !target.names.is_empty() {
            lines.push(broken("tags   ", target.names.iter().cloned(), ",", width));
        }
    }
    if preview.targets.is_empty() {
        lines.push(fact("target", "none named".to_owned()));
    }
    if preview.index == IndexMode::Never {
        lines.push(fact("index", "none: a plain manifest".to_owned()));
    }
    lines.push(fact("base", preview.base.clone()));
    lines.extend(preview.builder.as_ref().map(|builder| fact("builder", builder.clone())));
    if let Some(lock) = &preview.lock {
        let told = |one: &PlatformPreview| {
            let number = one.distributions.len() as u64;
            vec![one_line(lock), format!("({})", count(number, "distribution", "distributions"))]
        };
        for group in alike(&preview.platforms, |one| &one.platform, told) {
            let [lock, number] = told(group.first).try_into().unwrap_or_default();
            lines.push(broken("lock   ", words(&format!("{lock} {number}{}", group.only)), "", width));
        }
    }
    let made = |one: &PlatformPreview| one.from_sdist.clone();
    for group in alike(&preview.platforms, |one| &one.platform, made) {
        let head = format!("        {}{}:", from_sdists(group.first.from_sdist.len()), group.only);
        lines.push(wrapped(&head, group.first.from_sdist.iter().cloned(), width));
    }
    let mut process = |name: &str, of: &dyn Fn(&PlatformPreview) -> Vec<String>| {
        for group in alike(&preview.platforms, |one| &one.platform, of) {
            lines.push(broken(&format!("{name:7}{}", group.only), of(group.first), "", width));
        }
    };
    process("starts", &|one| command_words(&one.command, one.command_origin.as_deref()));
    process("sets", &|one| command_env_words(&one.command_env, one.command_origin.as_deref()));
    process("user", &|one| vec![one.user.clone()]);
    process("workdir", &|one| vec![one.workdir.clone()]);
    lines.join("\n")
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Returns one platform's table of layers.
fn layers(preview: &PlatformPreview, width: usize) -> String {
    let mut total = Row { name: "total to pull", size: preview.base, ..Row::default() };
    let mut rows = Vec::new();
    if preview.base.layers > 0 {
        rows.push(Row { name: "base", size: preview.base, ..Row::default() });
    }
    for kind in LayerKind::ALL {
        let layers: Vec<_> = preview.layers.iter().filter(|layer| layer.kind == kind).collect();
        let cached = layers.iter().filter(|layer| layer.known).count();
        let mut row = Row { name: kind.name(), mark: mark(cached, layers.len()), ..Row::default() };
        for LayerPreview { size, files, known, .. } in &layers {
            row.add(*size, *files, !known);
            total.add(*size, *files, !known);
        }
        if !layers.is_empty() {
            rows.push(row);
        }
    }
    table(&preview.platform, preview.python.as_deref(), rows.into_iter().chain([total]), width)
}

#[cfg(test)]
pub(super) mod tests;
