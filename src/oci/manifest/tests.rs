use super::*;

fn raw(media_type: &str, json: &str) -> RawManifest {
    RawManifest { media_type: media_type.to_owned(), bytes: json.as_bytes().to_vec() }
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let manifest = ImageManifest {
        annotations: Annotations::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]),
        ..ImageManifest::new(
            Descriptor::of(media_type::CONFIG, b"{}"),
            vec![Descriptor::of("application/vnd.oci.image.layer.v1.tar+zstd", b"layer")],
        )
    };
    assert_eq!(manifest.to_raw().parse().unwrap(), Parsed::Image(manifest.clone()));
    let platform = Some("linux/arm64/v8".parse().unwrap());
    let entry = Descriptor { platform, ..manifest.to_raw().descriptor() };
    let index = ImageIndex { manifests: vec![entry], ..ImageIndex::default() };
    assert_eq!(index.to_raw().parse().unwrap(), Parsed::Index(index));
}

#[test]
fn unknown_fields_and_subjects_stay_and_key_order_does_not_matter() {
    let descriptor = |kind: &str| format!(r#"{{"x":1,"size":2,"mediaType":"{kind}","digest":"{}"}}"#, Digest::of(b""));
    let fields = [
        format!(r#""mediaType":"{}""#, media_type::MANIFEST),
        r#""schemaVersion":2"#.to_owned(),
        r#""artifactType":"a/b""#.to_owned(),
        format!(r#""subject":{}"#, descriptor(media_type::MANIFEST)),
        format!(r#""config":{}"#, descriptor("c/d")),
        format!(r#""layers":[{}]"#, descriptor("e/f")),
        r#""unknown":{"b":1,"a":[2]}"#.to_owned(),
        r#""annotations":{"k":"v"}"#.to_owned(),
    ];
    let forwards = fields.join(",");
    let backwards = fields.iter().rev().cloned().collect::<Vec<_>>().join(",");
    let [one, two] = [forwards, backwards].map(|fields| {
        let raw = raw(media_type::MANIFEST, &format!("{{{fields}}}"));
        let Parsed::Image(manifest) = raw.parse().unwrap() else { panic!() };
        (manifest.subject.clone(), manifest.to_raw(), serde_json::from_slice::<Value>(&raw.bytes).unwrap())
    });
    assert_eq!(one, two);
    let (subject, written, source) = one;
    assert_eq!(serde_json::from_slice::<Value>(&written.bytes).unwrap(), source, "nothing is lost");
    assert_eq!(subject.unwrap().media_type, media_type::MANIFEST);
}

#[test]
fn entries_that_cannot_be_read_are_set_apart() {
    let digest = Digest::of(b"").to_string();
    let entry = |platform: Value| serde_json::json!({"mediaType": media_type::MANIFEST, "digest": digest, "size": 1, "platform": platform});
    let linux = serde_json::json!({"os": "linux", "architecture": "amd64"});
    let entries = [
        entry(serde_json::json!({})),
        entry(linux.clone()),
        serde_json::json!({"mediaType": "x", "digest": "sha512:00", "size": 1}),
        serde_json::json!(7),
        entry(Value::Null),
    ];
    let source = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries});
    let Parsed::Index(index) = raw("", &source.to_string()).parse().unwrap() else { panic!() };
    assert_eq!(index.manifests.iter().filter(|entry| entry.platform.is_some()).count(), 1);
    assert_eq!(index.unreadable.iter().map(|entry| entry.place).collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!(serde_json::from_slice::<Value>(&index.to_raw().bytes).unwrap(), source, "nothing is lost");
}

#[test]
fn hostile_manifests_are_errors() {
    for json in [
        "",
        "[]",
        r#"{"schemaVersion":2}"#,
        r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:0","size":1},"layers":[]}"#,
        r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#,
        r#"{"schemaVersion":2,"config":{},"layers":{}}"#,
    ] {
        assert!(raw(media_type::MANIFEST, json).parse().is_err(), "{json}");
    }
    let layer = format!(r#"{{"mediaType":"x","digest":"{}","size":1}}"#, Digest::of(b""));
    let many = |count| {
        let layers = vec![layer.as_str(); count].join(",");
        raw(media_type::MANIFEST, &format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layers}]}}"#)).parse()
    };
    assert!(many(MOST_LAYERS).is_ok());
    let error = many(MOST_LAYERS + 1).unwrap_err().to_string();
    assert!(error.ends_with(" has 257 layers, and an image may have 256"), "{error}");
    let artifact = r#"{"schemaVersion":2,"mediaType":"application/vnd.example+json"}"#;
    assert!(matches!(raw(media_type::MANIFEST, artifact).parse(), Err(ManifestError::MediaType { .. })));
}
