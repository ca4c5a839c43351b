use super::*;
use crate::http::testing::{Reply, Seen, Server};
use crate::registry::credentials::Credential;
use crate::registry::credentials::clouds::testing::{environment, http};

const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

#[test]
fn hosts_of_amazon_are_known_with_their_apis() {
    for (host, api) in [
        (HOST, "https://api.ecr.eu-central-1.amazonaws.com"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "https://ecr-fips.us-gov-west-1.amazonaws.com"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn"),
        ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "https://api.ecr.eusc-de-east-1.amazonaws.eu"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "https://ecr.us-east-1.api.aws"),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "https://ecr-fips.us-east-1.api.aws"),
        ("public.ecr.aws", "https://api.ecr-public.us-east-1.amazonaws.com"),
    ] {
        assert_eq!(EcrRegistry::of(host).unwrap().api(), api, "{host}");
    }
    for other in [
        "amazonaws.com",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
        "evil.example/123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.a.b.amazonaws.com",
        "x.dkr.ecr.eu-central-1.amazonaws.com",
        "ghcr.io",
    ] {
        assert_eq!(EcrRegistry::of(other), None, "{other}");
    }
}

/// A service that plays ECR, STS and the metadata services.
async fn amazon() -> Server {
    Server::start(|seen: &Seen| match seen.line().as_str() {
        "POST /sts/" => Reply::new(200).body(concat!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>",
            "<SessionToken>sts-token</SessionToken><SecretAccessKey>s</SecretAccessKey><AccessKeyId>STSKEY</AccessKeyId>",
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )),
        "PUT /latest/api/token" => Reply::new(200).body("imds-token"),
        "GET /latest/meta-data/iam/security-credentials/" => Reply::new(200).body("the-role\n"),
        "GET /latest/meta-data/iam/security-credentials/the-role" | "GET /container" => Reply::new(200)
            .body(r#"{"Code":"Success","AccessKeyId":"ROLEKEY","SecretAccessKey":"s","Token":"role-token","Expiration":"x"}"#),
        "POST /" => Reply::new(200).body(format!(
            r#"{{"authorizationData":[{{"authorizationToken":"{}","expiresAt":1767366245.0,"proxyEndpoint":"https://x"}}]}}"#,
            BASE64_STANDARD.encode("AWS:ecr:password")
        )),
        _ => Reply::new(404),
    })
    .await
}

async fn issued(server: &Server, variables: &[(&str, &str)]) -> Issued {
    let api = format!("http://{}", server.address);
    let environment = environment(&[&[("AWS_ENDPOINT_URL_ECR", api.as_str())], variables].concat());
    let registry = EcrRegistry::of(HOST).unwrap();
    issue(&environment, &http(), &registry).await.unwrap().unwrap()
}

#[tokio::test]
async fn keys_give_a_password_for_its_time() {
    let server = amazon().await;
    let issued = issued(&server, &KEYS).await;
    let password = Credential::Password { user: "AWS".to_owned(), password: "ecr:password".to_owned() };
    assert!(issued.credential == password);
    assert_eq!((issued.origin.as_str(), issued.life), ("AWS_ACCESS_KEY_ID", Some(Duration::from_hours(12))));
    let asked = &server.seen()[0];
    assert_eq!(asked.header("x-amz-target"), "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    assert_eq!(asked.header("x-amz-date"), "20260102T030405Z");
    assert_eq!(asked.body, br#"{"registryIds":["123456789012"]}"#);
    let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/ecr/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    assert!(asked.header("authorization").starts_with(start), "{}", asked.header("authorization"));
}

#[tokio::test]
async fn roles_are_found_where_aws_puts_them() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "web-identity\n").unwrap();
    let file = token.path().display().to_string();
    let server = amazon().await;
    let root = format!("http://{}", server.address);
    let (sts, container) = (format!("{root}/sts/"), format!("{root}/container"));
    for (variables, key, session, origin) in [
        (
            &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str()),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci"),
                ("AWS_ENDPOINT_URL_STS", &sts),
            ][..],
            "STSKEY",
            "sts-token",
            "AWS_ROLE_ARN arn:aws:iam::1:role/ci",
        ),
        (
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t")],
            "ROLEKEY",
            "role-token",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &root)], "ROLEKEY", "role-token", "this machine's AWS role"),
    ] {
        assert_eq!(issued(&server, variables).await.origin, origin);
        let seen = server.seen();
        let asked = seen.last().unwrap();
        assert!(asked.header("authorization").contains(&format!("Credential={key}/")), "{origin}");
        assert_eq!(asked.header("x-amz-security-token"), session);
    }
    let seen = server.seen();
    let of = |line: &str| seen.iter().find(|seen| seen.line() == line).unwrap();
    let form = String::from_utf8_lossy(&of("POST /sts/").body).into_owned();
    assert!(form.starts_with("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws"), "{form}");
    assert!(form.ends_with("&RoleSessionName=carboy&WebIdentityToken=web-identity"), "{form}");
    assert_eq!(of("GET /container").header("authorization"), "t");
    assert_eq!(of("PUT /latest/api/token").header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
    assert_eq!(of("GET /latest/meta-data/iam/security-credentials/").header("x-aws-ec2-metadata-token"), "imds-token");
}

#[tokio::test]
async fn no_account_is_no_error_and_a_refused_one_is() {
    let registry = EcrRegistry::of(HOST).unwrap();
    assert!(issue(&environment(&[]), &http(), &registry).await.unwrap().is_none());
    let message = r#"{"__type":"UnrecognizedClientException","message":"The security token is invalid"}"#;
    let server = Server::start(move |_| Reply::new(400).body(message)).await;
    let api = format!("http://{}", server.address);
    let environment = environment(&[&KEYS[..], &[("AWS_ENDPOINT_URL", &api)]].concat());
    let failure = issue(&environment, &http(), &registry).await.err().unwrap();
    assert_eq!(failure.error.line(), format!("{} refuses: The security token is invalid", server.address));
}

#[tokio::test]
async fn credentials_do_not_travel_over_plain_http() {
    let registry = EcrRegistry::of(HOST).unwrap();
    let environment = environment(&[&KEYS[..], &[("AWS_ENDPOINT_URL_ECR", "http://ecr.example.org")]].concat());
    let failure = issue(&environment, &http(), &registry).await.err().unwrap();
    assert_eq!(failure.error.line(), "plain HTTP to ecr.example.org is not allowed for credentials");
}
