//! What stays out of every image: secrets, caches, outputs of other builds.

use super::*;

#[test]
fn what_never_belongs_into_an_application_stays_out() {
    let project = Project::new(&[
        (".git/objects/ab/cd", ""),
        (".git/HEAD", ""),
        (".hg/x", ""),
        (".svn/x", ""),
        (".venv/lib/x.py", ""),
        ("venv/pyvenv.cfg", ""),
        ("venv/bin/x", ""),
        ("env/pyvenv.cfg", ""),
        ("env/lib/a/b", ""),
        ("shop/venv/not-one.py", ""),
        ("shop/__pycache__/x.pyc", ""),
        ("shop/old.pyc", ""),
        (".env", ""),
        (".env.local", ""),
        ("shop/.envrc", ""),
        ("certs/server.key", KEY),
        ("certs/server.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("certs/both.PEM", &format!("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n{KEY}")),
        ("certs/id_rsa", ""),
        ("certs/id_rsa.pub", ""),
        ("certs/a.p12", ""),
        (".DS_Store", ""),
        (".pytest_cache/x", ""),
        (".mypy_cache/x", ""),
        (".ruff_cache/x", ""),
        (".tox/x", ""),
        (".nox/x", ""),
        ("carboy.toml", ""),
        ("shop/carboy.toml", ""),
        ("node_modules/x", ""),
    ]);
    let stays = "certs/id_rsa.pub certs/server.pem shop/carboy.toml shop/venv/not-one.py";
    let left_out = "*.pyc=1 .DS_Store=1 .env*=3 .git=2 .hg=1 .mypy_cache=1 .nox=1 .pytest_cache=1 .ruff_cache=1 .svn=1 \
        .tox=1 .venv=5 __pycache__=1 carboy.toml and ignore files=1 node_modules=1 private keys=4";
    assert_eq!(project.dump(&application()), format!("{stays} | {left_out}"));
    let everything = WalkRules { defaults: false, ..application() };
    assert!(project.dump(&everything).ends_with(" | "));
    assert_eq!(
        project.walk(&everything).unwrap().entries.iter().filter(|entry| entry.kind != LocalKind::Folder).count(),
        30
    );
}

#[test]
fn a_default_gives_way_only_to_a_glob_that_names_it() {
    let project = Project::new(&[
        ("shop/.env", ""),
        ("shop/.env.example", ""),
        ("shop/__pycache__/x.pyc", ""),
        ("shop/tls.key", KEY),
        ("shop/.git", ""),
    ]);
    for broad in ["**", "*", "shop", "shop/**", "shop/*", "**/*.*"] {
        let left_out = " | .env*=2 .git=1 __pycache__=1 private keys=1";
        assert_eq!(project.dump(&include(&[broad])), left_out, "{broad}");
    }
    for (named, stays) in [
        ("shop/.env.example", "shop/.env.example"),
        ("**/.env*", ""),
        ("**/.env", "shop/.env"),
        ("shop/*.key", ""),
        ("shop/tls.key", "shop/tls.key"),
        (".git", "shop/.git"),
        ("shop/__pycache__/**", ""),
        ("shop/__pycache__/*.pyc", "shop/__pycache__/x.pyc"),
    ] {
        let dump = project.dump(&include(&[named]));
        assert_eq!(dump.split(" | ").next(), Some(stays), "{named}");
    }
}

/// A tar of some members.
fn tar(members: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(vec![]);
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn the_cache_and_what_the_run_writes_stay_out() {
    let mut project = Project::new(&[("main.py", ""), ("uv.lock", ""), ("wheels/a.whl", ""), ("old/wheels.txt", "")]);
    project.cache = Arc::new(Cache::new(project.path("app/ci/cache")).unwrap());
    project.write("app/out/anything", "");
    let inputs = ["app/uv.lock", "app/wheels"].map(|name| project.path(name)).to_vec();
    let own = WalkRules { inputs, outputs: vec![project.path("app/out")], ..application() };
    let left_out = "carboy's cache and target=5 lock file and wheels=2";
    assert_eq!(project.dump(&own), format!("main.py old/wheels.txt | {left_out}"));
    assert!(project.walk(&own).unwrap().entries.iter().all(|entry| entry.path != b"ci"), "nothing else is in it");
    // The second time the cache is larger; nobody can ask for it.
    project.write("app/ci/cache/blobs/sha256/abc", "");
    let named = WalkRules { include: vec!["ci/cache/**".into(), "out".into(), "uv.lock".into()], ..own.clone() };
    assert_eq!(
        project.dump(&named),
        "main.py old/wheels.txt uv.lock | carboy's cache and target=6 lock file and wheels=1"
    );
    let copy = WalkRules { ignore_files: false, inputs: vec![], ..own };
    assert_eq!(project.dump(&copy), "main.py old/wheels.txt uv.lock wheels/a.whl | carboy's cache and target=6");
    let error = project.folders().walk(&project.path("app/ci/cache"), &WalkRules::default()).unwrap_err();
    assert!(error.line().ends_with("cannot be part of the image: it is the directory of the cache"), "{error}");
}

#[test]
fn caches_layouts_and_archives_of_others_stay_out_unless_named() {
    let layout = r#"{"imageLayoutVersion":"1.0.0"}"#;
    let hex = "0".repeat(64);
    let project = Project::new(&[
        ("main.py", ""),
        (".cache/uv/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
        (".cache/uv/wheels/a", ""),
        (&format!("earlier/blobs/sha256/{hex}"), ""),
        (&format!("earlier/tars/{hex}"), ""),
        ("earlier/tmp/x", ""),
        ("out/oci-layout", layout),
        ("out/index.json", ""),
        ("data/CACHEDIR.TAG", "not this"),
    ]);
    fs_err::write(project.path("app/shop.tar"), tar(&[("index.json", "{}"), ("oci-layout", layout)])).unwrap();
    fs_err::write(project.path("app/data/data.tar"), tar(&[("a.csv", "1,2")])).unwrap();
    let left_out = "caches=5 image layouts and archives=3";
    assert_eq!(project.dump(&application()), format!("data/CACHEDIR.TAG data/data.tar main.py | {left_out}"));
    assert_eq!(
        project.dump(&include(&["**/*.tar", "out/**"])),
        "data/CACHEDIR.TAG data/data.tar main.py out/index.json out/oci-layout shop.tar | caches=5"
    );
    let walk = project.folders().walk(&project.path("app/out"), &application()).unwrap();
    assert_eq!(walk.entries.len(), 2, "what is walked itself is wanted");
}

#[test]
fn secrets_of_every_kind_stay_out_in_any_case_and_anywhere() {
    let key = format!("deploy:\n{KEY}");
    let account = r#"{"type":"service_account","private_key":"x"}"#;
    let names = [
        ".netrc",
        "etc/.PYPIRC",
        "pip.conf",
        ".npmrc",
        ".git-credentials",
        ".docker/config.json",
        ".aws/credentials",
        ".azure/x",
        ".config/gcloud/x",
        ".Kube/config",
        "KubeConfig",
        ".ssh/known_hosts",
        "a.jks",
        "a.keystore",
        "a.KDBX",
        "AuthKey.p8",
        "a.ppk",
        "infra/terraform.tfstate",
        "infra/prod.tfvars",
        ".streamlit/secrets.toml",
        ".pgpass",
        ".my.cnf",
        ".vault-token",
        "deploy/prod.env",
        "Id_Rsa",
    ];
    let mut files: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
    files.extend([("docs/deploy.md", key.as_str()), ("keys/prod.json", account), ("certs/ca.crt", "certificate")]);
    files.extend([("client.py", KEY), (".streamlit/config.toml", ""), ("kubeconfig.py", ""), ("env.py", "")]);
    let project = Project::new(&files);
    let stays = ".streamlit/config.toml certs/ca.crt client.py env.py kubeconfig.py";
    let left_out = ".env*=1 credentials=19 private keys=7";
    assert_eq!(project.dump(&application()), format!("{stays} | {left_out}"));
    for name in names {
        let dump = project.dump(&include(&[name]));
        assert!(dump.split(" | ").next().unwrap().split(' ').any(|file| file == name), "{name} is named: {dump}");
    }
    let copy = WalkRules { ignore_files: false, ..application() };
    let inside = project.folders().walk(&project.path("app/.streamlit"), &copy).unwrap();
    assert_eq!(inside.entries.len(), 1, "the folder's own name counts");
}

#[test]
fn a_password_in_a_url_is_told_and_never_shown() {
    let project = Project::new(&[
        ("uv.toml", "[[index]]\nurl = \"https://bot:hunter2@pypi.example.com/simple\"\n"),
        ("alembic.ini", "sqlalchemy.url = driver://user:pass@localhost/dbname\n"),
    ]);
    let walk = project.walk(&application()).unwrap();
    assert_eq!(walk.with_passwords, [b"uv.toml"]);
    assert_eq!(project.dump(&application()), "alembic.ini | passwords in URLs=1");
    assert_eq!(project.dump(&include(&["uv.toml"])), "alembic.ini uv.toml | ");
}

#[test]
fn keys_that_stay_in_are_told() {
    let project = Project::new(&[("lib/test.key", KEY), ("lib/cacert.pem", "-----BEGIN CERTIFICATE-----\n")]);
    assert_eq!(project.walk(&WalkRules::default()).unwrap().private_keys, [b"lib/test.key"]);
    assert_eq!(project.walk(&application()).unwrap().private_keys, Vec::<Vec<u8>>::new());
}

#[test]
fn what_the_configuration_names_is_judged_by_what_it_leads_to() {
    let project = Project::new(&[
        (".git/config", "x"),
        (".aws/credentials", "x"),
        (".env", "A=1"),
        ("certs/tls.key", KEY),
        ("site/index.html", ""),
        ("node_modules/a.js", ""),
    ]);
    for (link, target) in
        [("al", ".aws"), ("alias.txt", ".env"), ("doc.txt", "certs/tls.key"), ("ok", "site"), ("git", ".git/config")]
    {
        project.link(link, target);
    }
    let folder = project.path("app");
    let check = |named: &str, include: &[&str]| {
        let include: Vec<_> = include.iter().map(|&glob| glob.to_owned()).collect();
        let checked = project.folders().check_named(&folder, &folder.join(named), &include);
        checked.map_err(|error| error.line()).err().unwrap_or_default()
    };
    for (named, include) in [
        ("certs/tls.key", &[][..]),
        (".env", &[]),
        (".aws", &[]),
        (".aws/credentials", &[]),
        ("site", &[]),
        ("ok", &[]),
        (".", &[]),
        ("node_modules", &[]),
        ("nothing", &[]),
        (".git/config", &[".git/config"]),
        ("git", &[".git"]),
        ("al", &[".aws"]),
        ("alias.txt", &[".env"]),
        ("doc.txt", &["tls.key"]),
    ] {
        assert_eq!(check(named, include), "", "{named} {include:?}");
    }
    for (named, include, name, rule) in [
        (".git/config", &[][..], ".git", ".git"),
        (".git/config", &["config", "**"], ".git", ".git"),
        (".GIT/../.git", &[], ".git", ".git"),
        ("git", &[], ".git", ".git"),
        ("al", &[], ".aws", "credentials"),
        ("al/credentials", &[], ".aws", "credentials"),
        ("alias.txt", &["alias.txt"], ".env", ".env*"),
        ("doc.txt", &[], "tls.key", "private keys"),
    ] {
        if named.starts_with(".GIT") {
            fs_err::create_dir_all(folder.join(".GIT")).unwrap();
        }
        let want = format!("`{named}` leads to `{name}`, which the rule `{rule}` leaves out");
        assert_eq!(check(named, include), want, "{named} {include:?}");
    }
    // the project's own place is nobody's fault
    let inside = folder.join(".aws");
    project.folders().check_named(&inside, &inside.join("credentials"), &[]).unwrap();
}

#[test]
fn nothing_vanishes_from_usual_projects() {
    let names = [
        "alembic.ini",
        "alembic/env.py",
        "alembic/versions/1_first.py",
        "config.yaml",
        "manage.py",
        "notebooks/explore.ipynb",
        "openapi.yaml",
        "production.ini",
        "settings.toml",
        "shop/migrations/0001_initial.py",
        "shop/settings.py",
        "shop/static/site.css",
        "shop/templates/index.html",
        "tests/test_shop.py",
    ];
    let text = |name: &str| match name {
        "alembic.ini" => "sqlalchemy.url = driver://user:pass@localhost/dbname\n",
        "config.yaml" => "# proxy: http://user:password@proxy.example.com:8080\nname: shop\n",
        "openapi.yaml" => "example: https://user:secret@example.com/hook\n",
        "production.ini" => "result_backend = db+postgresql://postgres:airflow@postgres/airflow\n",
        "settings.toml" => "dsn = \"https://0123456789abcdef0123456789abcdef@o123.ingest.sentry.io/456\"\n",
        "shop/settings.py" => "DATABASE_URL = 'postgres://shop:xK29fa@db/shop'\nSECRET_KEY = 'django-insecure-x'\n",
        _ => "",
    };
    let files: Vec<_> = names.iter().map(|name| (*name, text(name))).collect();
    let project = Project::new(&files);
    assert_eq!(project.dump(&application()), format!("{} | ", names.join(" ")));
}
