//! Layers as tools write them: their compressions, their labels, and what is around them.

use serde_json::{Value, json};

use crate::odd_image::{GZIP, MANIFEST, OddImage, gzip, tar, tar_of, zstd};
use crate::workbench::Workbench;

const OCI: &str = "application/vnd.oci.image.layer.v1.tar";
const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// The layer that docker writes for a step without files.
const EMPTY: &[u8] = b"\x1f\x8b\x08\x00\x00\x09\x6e\x88\x00\xffb\x18\x05\xa3`\x14\x8cX\x00\x08\x00\x00\xff\xff.\xaf\xb5\xef\x00\x04\x00\x00";

/// An image of layers, each a media type, a blob and its tar.
fn image(layers: &[(&str, Vec<u8>, Vec<u8>)]) -> OddImage {
    let mut image = OddImage::default();
    let descriptors: Vec<_> = layers.iter().map(|(media_type, blob, _)| image.add(media_type, blob)).collect();
    let tars: Vec<_> = layers.iter().map(|(.., tar)| tar.as_slice()).collect();
    let manifest = image.image(&descriptors, &tars, &json!({}));
    image.tag(&manifest, Some(MANIFEST));
    image
}

/// Builds upon one layer; returns its media type in the new image.
#[track_caller]
fn rewritten(media_type: &str, blob: &[u8]) -> String {
    let run = Workbench::new().succeeds(&image(&[(media_type, blob.to_vec(), tar())]));
    assert!(run.has(&carboy::oci::Digest::of(blob).to_string()), "the bytes stay");
    run.layer_types()[0].clone()
}

#[test]
fn layers_of_docker_become_ocis() {
    for (suffix, blob, name) in [("", tar(), ""), (".gzip", gzip(&tar()), "+gzip"), (".zstd", zstd(&tar()), "+zstd")] {
        assert_eq!(rewritten(&format!("{DOCKER}{suffix}"), &blob), format!("oci.image.layer.v1.tar{name}"));
    }
}

#[test]
fn the_first_bytes_tell_the_compression_and_the_label_stays() {
    let packings = [tar(), gzip(&tar()), zstd(&tar())];
    for label in ["", "+gzip", "+zstd"] {
        for blob in &packings {
            assert_eq!(rewritten(&format!("{OCI}{label}"), blob), format!("oci.image.layer.v1.tar{label}"));
        }
    }
}

#[test]
fn members_frames_and_padding_are_read() {
    let tar = tar();
    let (head, tail) = tar.split_at(700);
    let skippable = [&b"\x50\x2a\x4d\x18\x05\x00\x00\x00"[..], b"12345"].concat();
    for blob in [
        [gzip(head), gzip(tail)].concat(),
        [gzip(head), gzip(b""), gzip(tail), gzip(b"")].concat(),
        [gzip(&tar), vec![0; 5000]].concat(),
        // eStargz ends in an empty member with the place of its table of contents.
        [gzip(&tar), estargz_footer()].concat(),
        [zstd(head), zstd(tail)].concat(),
        // zstd:chunked has its table of contents in skippable frames.
        [skippable.clone(), zstd(head), skippable.clone(), zstd(tail), skippable].concat(),
    ] {
        rewritten(GZIP, &blob);
    }
}

/// The last 51 bytes of an eStargz blob: an empty member with an extra field.
fn estargz_footer() -> Vec<u8> {
    let extra = [&b"SG\x16\x00"[..], b"0000000000000000STARGZ"].concat();
    let length = u16::try_from(extra.len()).unwrap().to_le_bytes();
    let header = [&b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff"[..], &length, &extra].concat();
    [header, b"\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00".to_vec()].concat()
}

#[test]
fn junk_after_a_layer_is_refused() {
    let blob = [gzip(&tar()), b"junk".to_vec()].concat();
    let told = Workbench::new().fails(image(&[(GZIP, blob, tar())]));
    assert!(told.starts_with("error[invalid-image]: cannot read blob "), "{told}");
}

#[test]
fn empty_and_repeated_layers_are_kept() {
    let empty = (GZIP, EMPTY.to_vec(), vec![0; 1024]);
    let full = (GZIP, gzip(&tar()), tar());
    let run = Workbench::new().succeeds(&image(&[empty.clone(), full.clone(), empty.clone(), full, empty]));
    assert_eq!(run.manifest()["layers"].as_array().unwrap()[..5].len(), 5);
}

#[test]
fn an_image_without_layers_is_a_base() {
    let bench = Workbench::new();
    for diff_ids in [json!([]), Value::Null] {
        let mut odd = OddImage::default();
        let manifest = odd.image(&[], &[], &json!({ "rootfs": { "type": "layers", "diff_ids": diff_ids } }));
        odd.tag(&manifest, Some(MANIFEST));
        let run = bench.build_layout(&odd);
        // There is no program in it; the image itself is understood.
        assert!(run.stderr.starts_with("error[entrypoint-not-found]"), "{}", run.stderr);
    }
}

/// An image whose upper layer is foreign and named with a URL.
fn foreign(is_served: bool) -> OddImage {
    let mut odd = OddImage::default();
    let (tar, upper) = (tar(), tar_of(&[("opt/x", 0o644, b"x")]));
    let lower = odd.add(GZIP, &gzip(&tar));
    let mut layer = odd.add("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &gzip(&upper));
    layer["urls"] = json!(["https://example.com/layer"]);
    if !is_served {
        odd.blobs.remove(layer["digest"].as_str().unwrap());
    }
    let manifest = odd.image(&[lower, layer], &[&tar, &upper], &json!({}));
    odd.tag(&manifest, Some(MANIFEST));
    odd
}

#[test]
fn foreign_layers_stay_where_they_are() {
    let run = Workbench::new().succeeds(&foreign(true));
    let layer = &run.manifest()["layers"][1];
    assert_eq!(layer["urls"], json!(["https://example.com/layer"]));
    assert_eq!(run.layer_types()[1], "oci.image.layer.nondistributable.v1.tar+gzip");
    assert!(!run.has(layer["digest"].as_str().unwrap()), "it is not copied");
    let told = Workbench::new().fails(foreign(false));
    insta::assert_snapshot!(told, @r"
    error[not-found]: layer fec663622e7f of SCRIPTED/odd/base:1 is a foreign layer, which its registry does not have
    hint: it is at https://example.com/layer, where carboy does not fetch it; copy the image to a registry that may keep all of its layers
    ");
}
