//! Tests of pushes and pulls against a registry with faults of every kind.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;

use super::testing::memory::{Fault, Kind, Memory, MemoryRegistry};
use super::testing::{Framing, Log, Reply, Server, name, patient, read, tag};
use super::{PullSource, Repository};
use crate::diagnostic::Code;
use crate::oci::location::Selector;
use crate::oci::{Descriptor, Digest, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::repository::{BlobSource, Sink, Source};

/// More than the buffers of a connection hold.
const LARGE: usize = 9_000_000;
/// More than one piece, and less than a chunk.
const SMALL: usize = 400_000;
/// The size of the base layer.
const BASE: usize = 200_000;

/// Bytes that differ everywhere, so that a wrong offset shows.
fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    (0..u32::try_from(bytes.div_ceil(4)).unwrap())
        .flat_map(|n| (n ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
        .take(bytes)
        .collect()
}

/// An image of three blobs, each from another kind of origin.
struct Image {
    blobs: Vec<(Descriptor, BlobSource)>,
    manifest: RawManifest,
    index: RawManifest,
    /// The registry of the base layer.
    base: Option<MemoryRegistry>,
    /// The repository that the image is pushed to.
    pushed: Option<Arc<PullSource>>,
    _file: tempfile::NamedTempFile,
}

impl Image {
    /// Creates an image whose base layer is in the repository `base`.
    fn new(base: Arc<PullSource>, base_layer: &[u8], size: usize) -> Self {
        let (config, layer) = (Bytes::from_static(b"{}"), noise(size, 7));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&layer).unwrap();
        let kind = "application/octet-stream";
        let blobs = vec![
            (Descriptor::of(kind, &config), BlobSource::Bytes(config)),
            (Descriptor::of(kind, &layer), BlobSource::File(file.path().to_owned())),
            (Descriptor::of(kind, base_layer), BlobSource::Repository(base)),
        ];
        let part = |digest: Digest| json!({ "digest": digest.to_string() });
        let layers: Vec<_> = blobs[1..].iter().map(|(blob, _)| part(blob.digest)).collect();
        let manifest = json!({ "config": part(blobs[0].0.digest), "layers": layers });
        let manifest =
            RawManifest { media_type: media_type::MANIFEST.to_owned(), bytes: manifest.to_string().into_bytes() };
        let index = json!({ "manifests": [part(manifest.digest())] });
        let index = RawManifest { media_type: media_type::INDEX.to_owned(), bytes: index.to_string().into_bytes() };
        Self { blobs, manifest, index, base: None, pushed: None, _file: file }
    }

    async fn push(&self, to: &Repository) -> Result<(), OperationError> {
        for (blob, origin) in &self.blobs {
            Sink::blob(to, blob, origin).await?;
        }
        Sink::manifest(to, &self.manifest).await?;
        Sink::manifest(to, &self.index).await?;
        tag(to, &self.index, "1").await
    }

    async fn pull(&self) -> Result<(), OperationError> {
        let from = &**self.pushed.as_ref().unwrap();
        let manifest = Source::manifest(from, &Selector::Tag("1".to_owned())).await?;
        assert_eq!(manifest, self.index);
        for (blob, _) in &self.blobs {
            let bytes = read(Source::blob(from, blob).await?).await;
            let bytes = bytes.map_err(|cause| OperationError::new(Code::TransferFailed, cause.to_string()))?;
            assert_eq!(Digest::of(&bytes), blob.digest);
        }
        Ok(())
    }

    fn assert_stored(&self, memory: &Memory) {
        for (blob, _) in &self.blobs {
            let stored = memory.blobs.get(&blob.digest.to_string());
            assert_eq!(stored.map(Vec::as_slice).map(Digest::of), Some(blob.digest));
        }
        for reference in [self.manifest.digest().to_string(), self.index.digest().to_string(), "1".to_owned()] {
            assert!(memory.manifests.contains_key(&format!("shop {reference}")), "{reference}");
        }
    }
}

/// A registry with faults, its repository `shop` as `log` sees it, and an image to push there, with
/// a layer of `size` bytes.
async fn world(
    memory: Memory,
    size: usize,
    fault: impl Fn(Kind) -> Option<Fault> + Send + Sync + 'static,
) -> (MemoryRegistry, Arc<Repository>, Image, Arc<Log>) {
    let base_layer = noise(BASE, 3);
    let elsewhere = MemoryRegistry::start(Memory::default().with(&base_layer), |_, _| None).await;
    let server = MemoryRegistry::start(memory, move |kind, _| fault(kind)).await;
    let log = Arc::<Log>::default();
    // A large body is held back long enough for an answer.
    let delay = if size == LARGE { 100 } else { 10 };
    let client = patient(Arc::clone(&log), Duration::from_millis(delay));
    let base = client.source(&name(&elsewhere.server.address, "base")).unwrap();
    let shop = client.repository(&name(&server.server.address, "shop")).unwrap();
    let source = client.source(&name(&server.server.address, "shop")).unwrap();
    let mut image = Image::new(base, &base_layer, size);
    image.base = Some(elsewhere);
    image.pushed = Some(source);
    (server, shop, image, log)
}

/// Returns the number of bytes of blobs that a registry was sent, without refused ones.
fn sent(server: &MemoryRegistry) -> usize {
    let method = if server.memory().chunks_only { "PATCH" } else { "PUT" };
    let is_part = |line: &str| line.starts_with(method) || line.starts_with("PATCH");
    server.server.seen().iter().filter(|seen| is_part(&seen.line())).map(|seen| seen.body.len()).sum()
}

/// Pushes and pulls while the first `times` requests of a kind have a fault; returns the number of
/// faults.
async fn survives(kind: Kind, fault: Fault, times: usize, size: usize) -> (usize, MemoryRegistry) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let chunks_only = matches!(kind, Kind::Patch | Kind::Finish);
    let memory = Memory { chunks_only, token: Some(1), ..Memory::default() };
    let (server, shop, image, log) = world(memory, size, move |now| {
        (now == kind && counted.fetch_add(1, Ordering::SeqCst) < times).then_some(fault)
    })
    .await;
    let result = image.push(&shop).await;
    assert_eq!(result, Ok(()), "{kind:?} {fault:?}: {:?} {:?}", server.server.lines(), log.retries());
    image.assert_stored(&server.memory());
    let result = image.pull().await;
    assert_eq!(result, Ok(()), "{kind:?} {fault:?}: {:?}", log.retries());
    (count.load(Ordering::SeqCst).min(times), server)
}

const READS: [Kind; 5] = [Kind::HeadBlob, Kind::GetBlob, Kind::HeadManifest, Kind::GetManifest, Kind::Token];
const WRITES: [Kind; 5] = [Kind::Open, Kind::Put, Kind::Patch, Kind::Finish, Kind::PutManifest];

/// Every fault at every kind of request, once.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_every_request_is_survived() {
    let passing = [408, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524, 529, 530];
    let statuses = passing.map(Fault::Status);
    let early = [Fault::Early(503), Fault::Early(429), Fault::EarlyOpen(503)];
    let unauthorized = [Fault::Early(401), Fault::EarlyOpen(401), Fault::Status(401)];
    let of_all = [&[Fault::Close, Fault::Break(0), Fault::Lost][..], &statuses, &early].concat();
    let framings = [Framing::Length, Framing::Chunked, Framing::Close].map(Fault::Cut);
    let mut cells = Vec::new();
    for kind in READS.into_iter().chain(WRITES) {
        cells.extend(of_all.iter().map(|fault| (kind, *fault)));
        if kind != Kind::Token {
            cells.extend(unauthorized.map(|fault| (kind, fault)));
        }
        if matches!(kind, Kind::GetBlob | Kind::GetManifest | Kind::Token) {
            cells.extend(framings.map(|fault| (kind, fault)));
        }
        if matches!(kind, Kind::Put | Kind::Patch | Kind::Finish) {
            cells.extend([(kind, Fault::Forget), (kind, Fault::Break(100_000)), (kind, Fault::Status(416))]);
        }
    }
    let runs = cells.into_iter().map(async |(kind, fault)| {
        let (faults, _) = survives(kind, fault, 1, SMALL).await;
        assert_eq!(faults, 1, "{kind:?} {fault:?} did not occur");
    });
    stream::iter(runs).buffer_unordered(24).collect::<Vec<_>>().await;
}

/// The same fault at the first three requests of a kind.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_counts_each_time() {
    let cells = [
        (Kind::Put, Fault::Early(503)),
        (Kind::Put, Fault::EarlyOpen(503)),
        (Kind::Put, Fault::Early(401)),
        (Kind::Patch, Fault::Early(429)),
    ];
    let runs = cells.map(async |(kind, fault)| {
        let times = if fault == Fault::Early(401) { 2 } else { 3 };
        survives(kind, fault, times, LARGE).await;
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_request_size_is_found() {
    for (most, largest) in [(6_000_000, 5 << 20), (5_000_000, 1 << 20), (1 << 20, 1 << 20), (300_000, 256 << 10)] {
        let memory = Memory { most: Some(most), ..Memory::default() };
        let (server, shop, image, _) = world(memory, LARGE, |_| None).await;
        assert_eq!(image.push(&shop).await, Ok(()), "{most}");
        image.assert_stored(&server.memory());
        let accepted = server.server.seen().into_iter().filter(|seen| seen.method == "PATCH");
        assert_eq!(accepted.map(|seen| seen.body.len()).max(), Some(largest), "{most}");
        assert_eq!(server.memory().uploads.len(), 0, "sessions are left open");
        assert!(server.memory().cancelled > 0);
    }
    let memory = Memory { most: Some(100_000), ..Memory::default() };
    let (server, shop, image, _) = world(memory, LARGE, |_| None).await;
    let error = image.push(&shop).await.unwrap_err();
    let (address, layer) = (&server.server.address, image.blobs[1].0.digest.short());
    assert_eq!(error.line(), format!("pushing blob {layer} to {address}/shop failed: 413 Payload Too Large"));
    assert!(error.hint.unwrap().contains("client_max_body_size"));
    assert_eq!(server.memory().uploads.len(), 0, "sessions are left open");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_at_the_offset_that_the_registry_tells() {
    for (kind, kept) in [(Kind::Put, 4_000_000), (Kind::Patch, 4_000_000)] {
        let (_, server) = survives(kind, Fault::Break(kept), 1, LARGE).await;
        let sent = sent(&server);
        let all = LARGE + BASE;
        assert!((all..all + 100_000).contains(&sent), "{kind:?}: {sent} of {all} bytes");
        let lines = server.server.lines();
        assert!(lines.iter().any(|line| line.starts_with("GET /upload/")), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_complete_upload_is_no_second_upload() {
    for kind in [Kind::Put, Kind::Finish] {
        let (_, server) = survives(kind, Fault::Lost, 1, SMALL).await;
        let sent = sent(&server);
        assert!(sent < SMALL + BASE + 100_000, "{kind:?}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_lost_is_uploaded_again() {
    for names_parts in [true, false] {
        let (server, shop, image, log) = world(Memory { names_parts, ..Memory::default() }, SMALL, |_| None).await;
        let lost = [image.blobs[2].0.digest, image.manifest.digest()].map(|digest| digest.to_string());
        server.memory().claimed.extend(lost);
        assert_eq!(image.push(&shop).await, Ok(()), "{:?}", log.retries());
        image.assert_stored(&server.memory());
        assert_eq!(log.retries().len(), 2, "{:?}", log.retries());
        let sent = sent(&server);
        let all = SMALL + BASE;
        assert_eq!(sent < all + 10_000, names_parts, "only the named parts are sent: {sent} bytes");
    }
}

#[tokio::test]
async fn a_part_that_a_registry_loses_again_and_again_ends_the_push() {
    let (server, shop, image, log) = world(Memory::default(), SMALL, |_| None).await;
    let stranger = json!({ "layers": [{ "digest": Digest::of(b"elsewhere").to_string() }] });
    let manifest = RawManifest { bytes: stranger.to_string().into_bytes(), ..image.manifest.clone() };
    let error = Sink::manifest(&*shop, &manifest).await.unwrap_err();
    assert!(error.line().ends_with("failed: manifest blob unknown: unknown"), "{error}");
    assert_eq!((server.server.lines().len(), log.retries().len()), (6, 4), "HEAD, and five tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_push_of_the_same_image_writes_nothing() {
    let immutable = Some((400, r#"{"errors":[{"code":"TAG_INVALID","message":"x"}]}"#));
    let (server, shop, image, _) = world(Memory { immutable, ..Memory::default() }, SMALL, |_| None).await;
    image.push(&shop).await.unwrap();
    let before = server.server.lines().len();
    image.push(&shop).await.unwrap();
    let lines = server.server.lines()[before..].to_vec();
    assert!(lines.iter().all(|line| line.starts_with("HEAD ")), "{lines:?}");
}

#[tokio::test]
async fn a_tag_that_cannot_move_is_explained() {
    let body = |code, message| format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    let ecr =
        body("TAG_INVALID", "The image tag '1' already exists in the 'shop' repository and cannot be overwritten");
    let harbor = body("PRECONDITION", "Failed to process request due to '1' configured as immutable.");
    let google = body("MANIFEST_INVALID", "cannot update tag 1. The repository has enabled tag immutability");
    let azure = body("DENIED", "The operation is disallowed on this registry, repository or image: tag is locked");
    let gitlab = body("DENIED", "tag '1' is immutable");
    for (status, body) in [(400, ecr), (412, harbor), (400, google), (405, azure), (403, gitlab), (409, String::new())]
    {
        let immutable = Some((status, &*body.leak()));
        let (server, shop, image, log) = world(Memory { immutable, ..Memory::default() }, SMALL, |_| None).await;
        let old = (media_type::INDEX.to_owned(), b"{}".to_vec());
        server.memory().manifests.insert("shop 1".to_owned(), old);
        let new = RawManifest { bytes: b"{ }".to_vec(), ..image.index.clone() };
        let error = tag(&shop, &new, "1").await.unwrap_err();
        let start =
            format!("{}/shop does not move the tag `1`, which names {}: ", server.server.address, Digest::of(b"{}"));
        assert!(error.line().starts_with(&start), "{status}: {error}");
        assert_eq!((error.code, log.retries().len()), (Code::ImmutableTag, 0));
        assert!(error.hint.unwrap().contains("choose a tag that is not in use"));
    }
}

#[tokio::test]
async fn a_forbidden_answer_that_limits_requests_is_waited_for() {
    let bodies = [
        r#"{"message":"You have exceeded a secondary rate limit"}"#,
        r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}"#,
        r#"{"errors":[{"code":"DENIED","message":"Rate exceeded"}]}"#,
    ];
    for (status, body, header) in [
        (403, bodies[0], None),
        (403, bodies[1], None),
        (400, bodies[2], None),
        (403, "", Some(("X-RateLimit-Remaining", "0"))),
        (403, "", Some(("RateLimit-Remaining", "0;w=21600"))),
        (403, "", Some(("Retry-After", "0"))),
    ] {
        let count = AtomicUsize::new(0);
        let server = Server::start(move |_| {
            let limited =
                header.into_iter().fold(Reply::new(status).body(body), |reply, (name, value)| reply.with(name, value));
            if count.fetch_add(1, Ordering::SeqCst) < 2 { limited } else { Reply::new(200).body("{}") }
        })
        .await;
        Source::manifest(&*server.source("a"), &Selector::Tag("1".to_owned())).await.unwrap();
        assert_eq!(server.lines().len(), 3, "{status} {body} {header:?}");
    }
    let server = Server::start(|_| Reply::new(403).with("X-RateLimit-Remaining", "10").body("no")).await;
    let error = Source::manifest(&*server.source("a"), &Selector::Tag("1".to_owned())).await.unwrap_err();
    assert_eq!((error.code, server.lines().len()), (Code::AccessDenied, 1));
}

/// Pushes and pulls while 12 % of all requests fail, in ways that `seed` chooses.
async fn flaky(seed: u64) {
    let kinds = [
        Fault::Close,
        Fault::Break(0),
        Fault::Break(150_000),
        Fault::Status(503),
        Fault::Status(520),
        Fault::Early(503),
        Fault::Early(401),
        Fault::EarlyOpen(429),
        Fault::Cut(Framing::Length),
        Fault::Cut(Framing::Close),
        Fault::Lost,
        Fault::Forget,
    ];
    let state = Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let random = move |below: u64| {
        let mut state = state.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) % below
    };
    let memory = Memory { chunks_only: seed.is_multiple_of(2), token: Some(1), ..Memory::default() };
    let (server, shop, image, log) = world(memory, 4 * SMALL, move |kind| {
        let fault = kinds[usize::try_from(random(kinds.len() as u64)).unwrap()];
        (kind != Kind::Cancel && random(100) < 12).then_some(fault)
    })
    .await;
    let result = image.push(&shop).await;
    assert_eq!(result, Ok(()), "seed {seed}: {:?}", log.retries());
    image.assert_stored(&server.memory());
    let result = image.pull().await;
    assert_eq!(result, Ok(()), "seed {seed}: {:?}", log.retries());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_registry_is_survived() {
    stream::iter((0..12).map(flaky)).buffer_unordered(8).collect::<Vec<_>>().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long"]
async fn a_flaky_registry_is_survived_many_times() {
    stream::iter((100..400).map(flaky)).buffer_unordered(8).collect::<Vec<_>>().await;
}
