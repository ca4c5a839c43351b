//! The application that a server is started with.

use crate::folder::{HERE, pins, project, told};
use crate::support::harness::Harness;
use crate::wheels::Wheel;

/// A project with servers that only print what they are called with.
fn shop() -> Harness {
    let server = |name: &str| {
        let code = "import sys\ndef main():\n    print(*sys.argv[1:])\n";
        let points = format!("[console_scripts]\n{name} = {name}:main\n");
        Wheel::new(name, "1.0").file(&format!("{name}.py"), code).entry_points(&points)
    };
    let all = ["gunicorn", "uvicorn", "celery", "flask", "streamlit"].map(server);
    let harness = all.iter().fold(project(), Harness::wheel);
    harness
        .file("requirements.txt", &pins(&all.each_ref()))
        .file("shop/__init__.py", "")
        .file("shop/web.py", "")
        .file("shop/open/__init__.py", "__path__ += ['/opt']\n")
        .file("src/lib/api.py", "")
}

fn refusal(harness: &Harness, line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let text = harness.fails(&[&HERE[..], &["--"], &words].concat());
    text.trim_start_matches("exit: 1\n-- stdout\n-- stderr\n").to_owned()
}

#[test]
fn an_application_that_is_not_there_is_refused() {
    let harness = shop();
    for (line, error, hint) in [
        (
            "gunicorn shpo.web:app",
            "missing-module]: linux/amd64: gunicorn is started with `shpo.web:app`, but the image has no module `shpo`",
            "it has `shop`",
        ),
        (
            "gunicorn -w 2 shop.wbe:app",
            "missing-module]: linux/amd64: gunicorn is started with `shop.wbe:app`, but the image has no module `shop.wbe`",
            "it has `shop.web`",
        ),
        (
            "python -m uvicorn zebra_crossing:app",
            "missing-module]: linux/amd64: uvicorn is started with `zebra_crossing:app`, but the image has no module `zebra_crossing`",
            "add the package that provides `zebra_crossing` to the dependencies",
        ),
        (
            "uvicorn --app-dir=src libs.api:app",
            "missing-module]: linux/amd64: uvicorn is started with `libs.api:app`, but the image has no module `libs`",
            "it has `lib`",
        ),
        (
            "celery -A shpo worker",
            "missing-module]: linux/amd64: celery is started with `shpo`, but the image has no module `shpo`",
            "it has `shop`",
        ),
        (
            "flask --app mian.py run",
            "missing-script]: linux/amd64: flask is started with `mian.py`, but the image has no `/app/mian.py`",
            "it has `/app/main.py`",
        ),
        (
            "streamlit run mian.py",
            "missing-script]: linux/amd64: streamlit is started with `mian.py`, but the image has no `/app/mian.py`",
            "it has `/app/main.py`",
        ),
        (
            "python -m shop.wbe",
            "missing-module]: linux/amd64: the command runs the module `shop.wbe`, but the image has neither `shop/wbe.py` nor `shop/wbe/__main__.py`",
            "it has `shop.web`",
        ),
    ] {
        let text = refusal(&harness, line);
        assert_eq!(text, format!("error[{error}\n\nhint: {hint}\n"), "{line}");
    }
    let harness = harness.file("carboy.toml", "[image]\nentrypoint = [\"gunicorn\"]\ncmd = [\"shpo:app\"]\n");
    let text = harness.fails(&HERE);
    assert!(text.contains("gunicorn is started with `shpo:app`, but the image has no module `shpo`"), "{text}");
}

#[test]
fn an_application_that_is_there_or_may_come_is_not_refused() {
    let harness = shop().file("gunicorn.conf.py", "workers = 2\n").file("conf.py", "chdir = '/srv'\n");
    for line in [
        "gunicorn shop.web:app",
        "gunicorn shop.web:create()",
        "gunicorn -c conf.py other:app",
        "gunicorn -c /run/conf.py other:app",
        "gunicorn --chdir src lib.api:app",
        "uvicorn --app-dir src lib.api:app",
        "python -m uvicorn shop.web:app --port 80",
        "celery -A shop.web.app worker",
        "celery -A shop.app worker",
        "flask --app shop.web:create() run",
        "flask --app main.py run",
        "streamlit run main.py",
        "uvicorn --unknown shpo:app",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let run = harness.succeeds(&[&HERE[..], &["--push=false", "--"], &words].concat());
        assert!(!told(&run).contains("missing-"), "{line}: {}", told(&run));
    }
    // A package may extend its own path.
    let run = harness.succeeds(&[&HERE[..], &["--push=false", "--", "gunicorn", "shop.open.plug:app"]].concat());
    assert_eq!(
        told(&run),
        "warning[missing-module]: gunicorn is started with `shop.open.plug:app`, but the image has no module `shop.open.plug`"
    );
}
