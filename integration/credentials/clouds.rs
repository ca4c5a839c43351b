//! The registries of clouds, with the account in the environment. The scripted server plays the
//! cloud's API, and the registry behind an HTTP proxy.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::harness::Machine;
use crate::small_image::SmallImage;
use crate::support::scripted::{Reply, Request};

const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

fn amazon() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let image = SmallImage::new();
    let token = BASE64_STANDARD.encode("AWS:ecr-password");
    move |request| match request.headers.get("authorization").map(String::as_str) {
        Some(given) if given.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") => Reply::new(200)
            .body(format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":4102444800.0}}]}}"#)),
        Some(given) if given.ends_with(&token) => image.answer(request),
        _ => Reply::error(401, "UNAUTHORIZED", "Not Authorized").with("WWW-Authenticate", "Basic realm=\"ecr\""),
    }
}

#[test]
fn an_account_in_the_environment_needs_no_helper() {
    let build = |machine: &Machine| {
        let base = format!("--base={HOST}/small/base:1");
        let insecure = format!("--insecure={HOST}");
        let args = [
            "build",
            "--python=false",
            &base,
            &insecure,
            "--platform=linux/amd64",
            "--no-cache",
            "--push=false",
            "--",
            "/bin/tool",
        ];
        machine.run(&args)
    };
    let machine = || {
        let machine =
            Machine::new(amazon()).env("http_proxy", "http://REGISTRY").env("AWS_ENDPOINT_URL_ECR", "http://REGISTRY");
        machine.env("AWS_EC2_METADATA_DISABLED", "true")
    };
    let with_account = machine().env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "s3cret-key");
    let ran = build(&with_account);
    assert_eq!((ran.code, with_account.told(&ran).as_str()), (Some(0), ""));
    let api = with_account.registry.requests().iter().filter(|request| request.line.starts_with("POST / ")).count();
    assert_eq!(api, 1);
    let without = machine();
    let ran = build(&without);
    assert_eq!(ran.code, Some(1));
    let told = without.told(&ran);
    assert!(told.starts_with(&format!("error[access-denied]: {HOST} refuses access to small/base: ")), "{told}");
    let refused = machine().env("AWS_ACCESS_KEY_ID", "OTHER").env("AWS_SECRET_ACCESS_KEY", "s3cret-key");
    let told = refused.told(&build(&refused));
    assert!(
        told.starts_with(&format!("error[access-denied]: cannot get the credentials for {HOST}: REGISTRY refuses: ")),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");
}
