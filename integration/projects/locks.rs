//! Which lock file decides, and what of it.

use serde_json::json;

use crate::folder::{HERE, pins, project, told, uv_lock};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::{Reply, Scripted};
use crate::wheels::Wheel;

fn alpha() -> Wheel {
    Wheel::simple("alpha", "1.0")
}

fn beta() -> Wheel {
    Wheel::simple("beta", "2.0")
}

/// With the wheels of both.
fn with_wheels() -> Harness {
    project().wheel(&alpha()).wheel(&beta())
}

#[test]
fn the_one_beside_the_configuration_is_found_and_told() {
    let mut harness = with_wheels().file("requirements.txt", &pins(&[&alpha(), &beta()]));
    let plan = harness.plan(&HERE);
    assert_eq!(
        (&plan["lock"], &plan["platforms"][0]["distributions"]),
        (&json!("requirements.txt"), &json!(["alpha 1.0", "beta 2.0"]))
    );
    harness.verb(&["plan"]);
    let run = harness.succeeds(&HERE);
    assert!(run.stdout.contains("\nlock    requirements.txt (2 distributions)\n"), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert_eq!(told(&run), "");
}

/// Nobody knows the kernel yet.
#[test]
fn what_only_the_kernel_decides_is_installed_and_told() {
    let (one, two) = (alpha().pin(), beta().pin());
    let marked = |pin: &str, marker: &str| pin.replacen(" --hash", &format!(" ; {marker} --hash"), 1);
    let lock = marked(&one, "platform_release >= '5.10'")
        + &marked(&two, "platform_release >= '5.10' and sys_platform == 'win32'");
    let mut harness = with_wheels().file("requirements.txt", &lock);
    assert_eq!(harness.distributions(&HERE), "alpha 1.0");
    insta::assert_snapshot!(harness.warnings(&HERE), @"warning[lock-file-doubt]: requirements.txt: `alpha` is installed: whether `platform_release >= '5.10'` holds depends on the kernel that will run the image");
}

#[test]
fn of_several_the_order_decides_and_a_line_says_so() {
    let mut harness = with_wheels()
        .file("requirements.txt", &pins(&[&beta()]))
        .file("uv.lock", &uv_lock("dependencies = [{ name = \"alpha\" }]", &alpha().locked()))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"alpha\"]\n");
    assert_eq!(harness.distributions(&HERE), "alpha 1.0");
    insta::assert_snapshot!(harness.warnings(&HERE), @r#"
    warning[lock-file-doubt]: dependencies are taken from uv.lock, not from requirements.txt, which is in the same directory
      hint: delete the one that is out of date, or name one: lock = "uv.lock" under [dependencies]
    "#);
}

#[test]
fn one_that_is_named_decides() {
    let mut harness = with_wheels()
        .file("requirements.txt", &pins(&[&alpha()]))
        .file("locks/prod.txt", &pins(&[&beta()]))
        .file("carboy.toml", "[dependencies]\nlock = \"locks/prod.txt\"\n");
    let plan = harness.plan(&HERE);
    assert_eq!(
        (&plan["lock"], &plan["platforms"][0]["distributions"]),
        (&json!("locks/prod.txt"), &json!(["beta 2.0"]))
    );
    // the flag before the configuration
    assert_eq!(harness.distributions(&[&HERE[..], &["--lock", "requirements.txt"]].concat()), "alpha 1.0");
    // even over a folder that has them ready
    let mut harness = harness.file("carboy.toml", "[dependencies]\nsite-packages = \"site\"\n").file("site/x.py", "");
    assert_eq!(harness.distributions(&HERE), "");
    assert_eq!(harness.distributions(&[&HERE[..], &["--lock", "requirements.txt"]].concat()), "alpha 1.0");
    insta::assert_snapshot!(harness.fails(&[&HERE[..], &["--lock", "main.py"]].concat()), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: `main.py` does not look like a lock file

    hint: name a uv.lock, pylock.toml, poetry.lock, Pipfile.lock, or a requirements file that ends in .txt
    ");
}

#[test]
fn a_workspaces_member_has_its_parents_lock_file() {
    let packages = "[[package]]\nname = \"web\"\nversion = \"1\"\nsource = { virtual = \"packages/web\" }\ndependencies = [{ name = \"beta\" }]\n\n";
    let lock =
        uv_lock("dependencies = [{ name = \"alpha\" }]", &format!("{}{}{packages}", alpha().locked(), beta().locked()));
    let root = "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"alpha\"]\n[tool.uv.workspace]\nmembers = [\"packages/*\"]\n";
    let web = "[project]\nname = \"web\"\nversion = \"1\"\ndependencies = [\"beta\"]\n";
    let mut harness = with_wheels()
        .file("uv.lock", &lock)
        .file("pyproject.toml", root)
        .file("packages/web/pyproject.toml", web)
        .file("packages/web/main.py", "");
    assert_eq!(harness.distributions(&HERE), "alpha 1.0");
    assert_eq!(harness.distributions(&[&["packages/web"], &HERE[..]].concat()), "beta 2.0");
    assert_eq!(harness.distributions(&[&["packages/web", "--lock", "uv.lock"], &HERE[..]].concat()), "beta 2.0");
    let mut harness = harness.file("carboy.toml", "[dependencies]\nmember = \"Web\"\n");
    assert_eq!(harness.distributions(&HERE), "beta 2.0");
    let harness = harness.file("carboy.toml", "[dependencies]\nmember = \"wep\"\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock: has no member `wep`

    hint: did you mean `web`? it has `shop`, `web`
    ");
}

/// The index of a poetry.lock gets the login of the source that pyproject.toml has at
/// its URL, and none of those that the lock file claims by a name.
#[test]
fn logins_go_where_pyproject_has_their_source() {
    const BASIC: &str = "Basic bWU6czNjcmV0";
    let (file, bytes) = (alpha().file_name(), alpha().bytes());
    let page = format!("<a href=\"/files/{file}#sha256={}\">{file}</a>", &alpha().sha256()["sha256:".len()..]);
    let index = Scripted::start(move |request| match request.headers.get("authorization") {
        Some(given) if given != BASIC => Reply::new(401),
        None => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"i\""),
        _ if request.is("GET", "/files/") => Reply::new(200).body(&bytes),
        _ => Reply::new(200).with("Content-Type", "text/html").body(&page),
    });
    let lock = format!(
        "[[package]]\nname = \"alpha\"\nversion = \"1.0\"\ngroups = [\"main\"]\nfiles = [{{ file = \"{file}\", hash = \"{}\" }}]\n\
         [package.source]\ntype = \"legacy\"\nurl = \"http://{}/simple\"\nreference = \"acme\"\n\
         [metadata]\nlock-version = \"2.1\"\npython-versions = \"*\"\n",
        alpha().sha256(),
        index.host
    );
    for (host, known) in [(index.host.as_str(), true), ("acme.invalid", false)] {
        let source = format!(
            "[[tool.poetry.source]]\nname = \"acme\"\nurl = \"http://{host}/simple/\"\npriority = \"explicit\"\n"
        );
        let harness = project()
            .env("POETRY_HTTP_BASIC_ACME_USERNAME", "me")
            .env("POETRY_HTTP_BASIC_ACME_PASSWORD", "s3cret")
            .file("poetry.lock", &lock)
            .file("pyproject.toml", &format!("[tool.poetry]\nname = \"shop\"\nversion = \"1\"\n{source}"));
        let before = index.requests().len();
        let run = harness.run(&[CC, SLIM, AMD64]);
        assert_eq!(run.code, Some(i32::from(!known)), "{}", run.text());
        let told =
            index.requests()[before..].iter().filter(|request| request.headers.contains_key("authorization")).count();
        assert_eq!(told > 0, known, "{}", run.text());
    }
}

#[test]
fn extras_and_groups_are_chosen_by_key_and_by_flag() {
    let more = "optional-dependencies = { web = [{ name = \"alpha\" }] }\ndev-dependencies = { dev = [{ name = \"gamma\" }], jobs = [{ name = \"beta\" }] }\n\
                metadata = { provides-extras = [\"web\"] }";
    let gamma = Wheel::simple("gamma", "3.0");
    let packages = format!("{}{}{}", alpha().locked(), beta().locked(), gamma.locked());
    let mut harness = with_wheels()
        .file("uv.lock", &uv_lock(more, &packages))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\n");
    assert_eq!(harness.distributions(&HERE), "");
    assert_eq!(
        harness.distributions(&[&HERE[..], &["--extra", "web", "--group", "jobs"]].concat()),
        "alpha 1.0, beta 2.0"
    );
    let mut harness = harness.file("carboy.toml", "[dependencies]\nextras = [\"Web\"]\n");
    assert_eq!(harness.distributions(&HERE), "alpha 1.0");
    let harness = harness.file("carboy.toml", "[dependencies]\nextras = [\"wep\"]\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock: has no extra `wep`

    hint: did you mean `web`? it has `web`
    ");
    std::fs::remove_file(harness.project().join("uv.lock")).unwrap();
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `dependencies.extras` needs a lock file, and there is none

    hint: make one beside the configuration: uv lock; or name it: lock = "FILE" under [dependencies]
    "#);
}

#[test]
fn requirements_nest_and_constrain() {
    let mut harness = with_wheels()
        .file("requirements.txt", &format!("-r more/base.txt\n-c constraints.txt\n{}", alpha().pin()))
        .file("more/base.txt", "-r ../deep.txt\n")
        .file("deep.txt", &format!("beta --hash={}\n", beta().sha256()))
        .file("constraints.txt", "beta==2.0\n");
    assert_eq!(harness.distributions(&HERE), "alpha 1.0, beta 2.0");
    let harness = harness.file("deep.txt", "-r nowhere.txt\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: deep.txt:1: includes `nowhere.txt`: No such file or directory (os error 2)
    ");
}

#[test]
fn pins_without_hashes_are_taken_with_a_warning() {
    let harness = with_wheels()
        .file("requirements.txt", "alpha==1.0\nbeta==2.0\n")
        .file("main.py", "import alpha, beta\nprint(alpha.VERSION, beta.VERSION)\n");
    insta::assert_snapshot!(harness.warnings(&HERE), @"
    warning[lock-file-doubt]: requirements.txt: 2 distributions have no hash (`alpha`, `beta`): files are taken as the index serves them
      hint: add them with `uv pip compile requirements.txt --universal -o pylock.toml`
    ");
    assert_eq!(harness.started(&HERE, &[]), "1.0 2.0");
}

#[test]
fn what_is_not_pinned_is_refused_with_the_command_that_pins_it() {
    let harness = project().file("requirements.txt", "alpha==1.0\nbeta>=2\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    warning[lock-file-doubt]: requirements.txt: 2 distributions have no hash (`alpha`, `beta`): files are taken as the index serves them
      hint: add them with `uv pip compile requirements.txt --universal -o pylock.toml`
    error[invalid-lock-file]: requirements.txt:2: `beta>=2` has no exact version

    hint: pin them: `uv pip compile requirements.txt --universal --python-version 3.11 -o pylock.toml`
    ");
}

#[test]
fn a_python_that_the_lock_file_excludes_is_refused() {
    let lock = uv_lock("", "").replace(">=3.9", ">=3.12,<3.14");
    let harness = project().file("uv.lock", &lock);
    let text = harness.fails(&HERE);
    insta::assert_snapshot!(text.replace(&image_python(&text), "3.11.N"), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock: requires Python >=3.12,<3.14, and the image's is 3.11.N

    hint: choose another Python: --builder python:3.12-slim-trixie, or change `requires-python` and `uv lock`
    ");
}

/// The version that an error says the image has.
fn image_python(text: &str) -> String {
    text.split("the image's is ").nth(1).and_then(|rest| rest.lines().next()).unwrap().to_owned()
}

#[test]
fn contradictions_are_refused_before_anything_is_done() {
    let both = "[dependencies]\nlock = \"uv.lock\"\nsite-packages = \"site\"\n";
    let harness = Harness::alone().file("main.py", "").file("carboy.toml", both);
    insta::assert_snapshot!(harness.refuses(&[CC, SLIM, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `dependencies.lock` and `dependencies.site-packages` contradict each other

    hint: leave one of them out
    ");
    let harness = harness.file("carboy.toml", "python = false\n[dependencies]\nlock = \"uv.lock\"\n");
    insta::assert_snapshot!(harness.refuses(&[CC, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `python = false` and `dependencies.lock` contradict each other

    hint: leave one of them out
    ");
    let harness = harness.file("carboy.toml", "python = false\n");
    insta::assert_snapshot!(harness.refuses(&[CC, AMD64, "--lock", "uv.lock"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `python = false` and `--lock` contradict each other

    hint: leave one of them out
    ");
    let harness = harness.file("carboy.toml", "python = false\n[app]\nwheel = \"dist/*.whl\"\n");
    insta::assert_snapshot!(harness.refuses(&[CC, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `python = false` and `app.wheel` contradict each other

    hint: leave one of them out
    ");
}

#[test]
fn without_python_no_lock_file_is_looked_at() {
    let harness = project()
        .file("uv.lock", "no lock file at all [")
        .file("requirements.txt", "loose\n")
        .file("start", "#!/lib64/ld-linux-x86-64.so.2 --version\n")
        .file("carboy.toml", "python = false\n[image]\nentrypoint = [\"/bin/true\"]\n[[copy]]\nfrom = \"start\"\nto = \"/bin/true\"\nmode = \"755\"\n");
    let run = harness.run(&[CC, AMD64]);
    assert_eq!((run.code, told(&run).as_str()), (Some(0), ""), "{}", run.text());
}

#[test]
fn a_broken_lock_file_is_told_with_its_line() {
    let harness = Harness::warm().file("main.py", "").file("uv.lock", "version = 1\n\n[[package]\nname = \"x\"\n");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock:3: unclosed array table, expected `]`
    ");
    let harness =
        Harness::warm().file("main.py", "").file("requirements.txt", "alpha==1.0\nbeta==2.0 --hash=sha256:12\n");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: requirements.txt:2: `sha256:12` is not a sha256, sha384 or sha512 hash
    ");
    let harness = Harness::alone()
        .file("main.py", "")
        .file("requirements.txt", "alpha==1.0\n")
        .file("carboy.toml", "[dependencies]\nlock = \"uv.lock\"\n");
    insta::assert_snapshot!(harness.refuses(&[CC, SLIM, AMD64]), @"
    exit: 2
    -- stdout
    -- stderr
    error[unreadable-file]: cannot read `uv.lock`: No such file or directory (os error 2)
    ");
}
