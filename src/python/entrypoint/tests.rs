use super::testing::Sample;
use super::{Query, of_wheel};

fn pyproject(text: &str) -> Sample {
    Sample::default().file("pyproject.toml", text).locks(&[])
}

const SHOP: &str = "[project]\nname = \"shop\"\n";

#[test]
fn scripts_come_first_then_packages_then_files() {
    let script = format!("{SHOP}scripts = {{ serve = \"shop:main\" }}");
    let two = format!("{SHOP}scripts = {{ serve = \"shop:main\", work = \"shop:work\" }}");
    let named = format!("{SHOP}scripts = {{ serve = \"shop:main\", Shop = \"shop:work\" }}");
    let all = ["shop/__main__.py", "main.py"];
    let told = |text: &str, files: &[&str]| pyproject(text).files(files).told();
    assert_eq!(told(&script, &all), "serve |  | [project.scripts]");
    assert_eq!(told(&named, &all), "Shop |  | [project.scripts]");
    assert_eq!(told(&two, &all), "python -m shop |  | shop/__main__.py");
    assert_eq!(told("", &["src/shop/__main__.py"]), "python -m shop |  | src/shop/__main__.py");
    assert_eq!(told("", &["app.py", "lib/main.py"]), "python /app/app.py |  | app.py");
    assert_eq!(told("", &["__main__.py", "x.py"]), "python /app/__main__.py |  | __main__.py");
    let own = ["a/__main__.py", "my_shop/__main__.py"];
    assert_eq!(told("[project]\nname = \"My-Shop\"", &own), "python -m my_shop |  | my_shop/__main__.py");
    let poetry = "[tool.poetry]\nname = \"x\"\nscripts = { serve = \"shop:main\" }";
    assert_eq!(told(poetry, &all), "serve |  | [tool.poetry.scripts]");
}

#[test]
fn several_or_no_commands_are_candidates() {
    let two = format!("{SHOP}scripts = {{ serve = \"shop:main\", work = \"shop:work\" }}");
    let files = ["a/__main__.py", "b/__main__.py", "main.py", "app.py"];
    insta::assert_snapshot!(pyproject(&two).files(&files).told().replace("; ", "\n"), @r#"
    entrypoint = ["serve"]
    entrypoint = ["work"]
    entrypoint = ["python", "-m", "a"]
    entrypoint = ["python", "-m", "b"]
    entrypoint = ["python", "main.py"]
    entrypoint = ["python", "app.py"]
    "#);
    assert_eq!(pyproject("").files(&["a/b/__main__.py", "shop.py"]).told(), "");
}

#[test]
fn a_lone_program_is_started() {
    let guard = "if __name__ == '__main__':\n    run()\n";
    let sample = Sample::default().locks(&[]).file("bot.py", guard).file("setup.py", guard).file("lib.py", "");
    assert_eq!(sample.told(), "python /app/bot.py |  | bot.py");
    assert_eq!(
        sample.file("tool.py", guard).told(),
        "entrypoint = [\"python\", \"bot.py\"]; entrypoint = [\"python\", \"tool.py\"]; "
    );
    let app = "app = FastAPI()\n";
    let sample = Sample::default().locks(&["fastapi"]).file("main.py", app);
    let line = "entrypoint = [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]; ";
    assert_eq!(sample.told(), line, "it would end at once");
    assert_eq!(sample.file("main.py", &format!("{app}{guard}")).told(), "python /app/main.py |  | main.py");
}

#[test]
fn applications_of_fastapi_are_served() {
    let names = ["fastapi", "uvicorn"];
    let app = "from fastapi import FastAPI\n\napi = FastAPI()\n";
    let told = |file: &str| Sample::default().locks(&names).files(&["app/__init__.py"]).file(file, app).told();
    assert_eq!(told("main.py"), " | uvicorn main:api | the application in main.py");
    assert_eq!(told("app/main.py"), " | uvicorn app.main:api | the application in app/main.py");
    assert_eq!(told("src/main.py"), " | uvicorn main:api | the application in src/main.py");
    let configured = pyproject("[tool.fastapi]\nentrypoint = \"shop.web:app\"\n").locks(&names);
    assert_eq!(configured.told(), " | uvicorn shop.web:app | [tool.fastapi]");
    let package = pyproject(SHOP).locks(&["starlette", "hypercorn"]);
    let package = package.files(&["src/shop/__init__.py"]).file("src/shop/server.py", "app = Starlette()\n");
    assert_eq!(
        package.told(),
        " | hypercorn --bind 0.0.0.0:8000 shop.server:app | the application in src/shop/server.py"
    );
}

#[test]
fn applications_of_django_are_served() {
    let application = "application = get_wsgi_application()\n";
    let django = |names: &[&str]| {
        let sample = Sample::default().locks(names).files(&["manage.py", "shop/settings.py"]);
        sample.file("shop/wsgi.py", application).file("shop/asgi.py", "application = get_asgi_application()\n")
    };
    assert_eq!(django(&["django", "gunicorn"]).told(), " | gunicorn shop.wsgi:application | shop/wsgi.py");
    assert_eq!(django(&["django", "uvicorn"]).told(), " | uvicorn shop.asgi:application | shop/asgi.py");
    let asgi = django(&["django", "daphne", "gunicorn"]);
    let asgi = asgi.file("shop/settings.py", "ASGI_APPLICATION = 'shop.asgi.application'\n");
    assert_eq!(
        asgi.told(),
        " | daphne -b 0.0.0.0 -p 8000 shop.asgi:application | ASGI_APPLICATION in shop/settings.py"
    );
    let below = Sample::default().locks(&["django", "gunicorn"]).file("web/manage.py", "");
    let below = below
        .file("web/config/wsgi.py", application)
        .file("web/config/settings/base.py", "WSGI_APPLICATION = \"config.wsgi.application\"");
    assert_eq!(
        below.told(),
        " | gunicorn config.wsgi:application | WSGI_APPLICATION in web/config/settings/base.py in web"
    );
    let own = "entrypoint = [\"python\", \"manage.py\", \"runserver\", \"0.0.0.0:8000\"]; ";
    assert_eq!(django(&["django"]).told(), own);
    let needs = django(&["django"]).found().start.unwrap_err().0.remove(0).needs;
    assert_eq!(needs.as_deref(), Some("gunicorn"));
}

#[test]
fn one_application_of_flask_is_served() {
    let names = ["flask", "gunicorn"];
    let app = "app = Flask(__name__)\n";
    let sample = || Sample::default().locks(&names);
    assert_eq!(sample().file("app.py", app).told(), " | gunicorn app:app | the application in app.py");
    let factory = sample().file("shop/__init__.py", "def create_app():\n    pass\n");
    assert_eq!(factory.told(), " | gunicorn shop:create_app() | the application in shop/__init__.py");
    let wsgi = factory.file("wsgi.py", "from shop import create_app\napp = create_app()\n").file("app.py", app);
    assert_eq!(wsgi.told(), " | gunicorn wsgi:app | wsgi.py");
    let two = sample().file("app.py", app).file("main.py", app);
    assert!(two.told().starts_with("entrypoint = [\"gunicorn\", \"app:app\", \"--bind\", \"0.0.0.0:8000\"]; "));
}

#[test]
fn applications_that_a_function_makes_are_served() {
    let names = ["fastapi", "flask", "uvicorn", "gunicorn"];
    let sample = || Sample::default().locks(&names);
    let same = "def get_application() -> FastAPI:\n    x = FastAPI()\n\n    return x\n\n\napp = get_application()\n";
    assert_eq!(sample().file("app/main.py", same).told(), " | uvicorn app.main:app | the application in app/main.py");
    let factory = "import flask\n\ndef make(\n    a=1,\n):\n    return flask.Flask(__name__)\n";
    for (import, file) in [
        ("from shop import make", "shop/__init__.py"),
        ("from shop.web import make", "shop/web.py"),
        ("from .web import make", "web.py"),
    ] {
        let sample = sample().file(file, factory).file("blog.py", &format!("{import}\napp = make()\n"));
        assert_eq!(sample.told(), " | gunicorn blog:app | the application in blog.py", "{import}");
    }
    let asgi = sample().file("src/shop/web.py", "async def make():\n    return FastAPI()\n");
    let asgi = asgi.file("src/asgi.py", "from shop.web import make\napplication: FastAPI = make()\n");
    assert_eq!(asgi.told(), " | uvicorn asgi:application | the application in src/asgi.py");
    let two = sample().file("a.py", same).file("b.py", same);
    assert_eq!(
        two.told(),
        "entrypoint = [\"uvicorn\", \"a:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]; \
         entrypoint = [\"uvicorn\", \"b:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]; "
    );
    let other = "from fastapi import FastAPI\n\ndef make():\n    return MyFastAPI()\n\napp = make()\n";
    assert_eq!(sample().file("x.py", other).told(), "");
    let unlocked = Sample::default().locks(&["flask"]).file("app.py", &format!("{factory}\napp = make()\n"));
    assert_eq!(unlocked.told(), "entrypoint = [\"gunicorn\", \"app:app\", \"--bind\", \"0.0.0.0:8000\"]; ");
}

#[test]
fn a_dockerfiles_console_script_needs_no_virtual_environment() {
    let told = |text: &str| {
        let sample = pyproject(&format!("{SHOP}scripts = {{ serve = \"shop:main\", work = \"shop:work\" }}"));
        sample.locks(&["celery"]).files(&["bin/tool"]).file("Dockerfile", &format!("FROM a\n{text}\n")).told()
    };
    for (text, want) in [
        ("ENTRYPOINT [\"/app/bin/python\", \"/app/bin/work\"]\nCMD [\"-v\"]", "work | -v | Dockerfile"),
        ("CMD [\"/opt/venv/bin/python3\", \"/opt/venv/bin/celery\", \"worker\"]", " | celery worker | Dockerfile"),
        ("CMD [\"/app/.venv/bin/work\"]", " | work | Dockerfile"),
        ("COPY . /app\nCMD [\"python\", \"/app/bin/tool\"]", " | python /app/bin/tool | Dockerfile"),
        ("COPY . /code\nCMD [\"/code/bin/tool\"]", " | /app/bin/tool | Dockerfile"),
        ("CMD [\"python\", \"/opt/bin/other\"]", " | python /opt/bin/other | Dockerfile"),
    ] {
        assert_eq!(told(text), want, "{text}");
    }
}

/// Returns the variables of a Dockerfile with a command: those that the image sets, and the unknown
/// ones.
fn environment(text: &str) -> String {
    let sample = Sample::default().files(&["shop/web.py", "conf/a.toml"]);
    let start =
        sample.file("Dockerfile", &format!("{text}\nCMD [\"gunicorn\", \"shop.web:app\"]\n")).found().start.unwrap();
    let set = start.file_env.iter().map(|(name, value)| format!("{name}={value}"));
    let unset = start.unset.iter().map(|one| format!("? {} {}", one.name, one.part));
    set.chain(unset).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_dockerfiles_variables_go_along_with_its_command() {
    for (text, want) in [
        (
            "FROM a\nENV FLASK_APP=shop.web PORT=8080\nENV MODE prod  mode",
            "FLASK_APP=shop.web; MODE=prod  mode; PORT=8080",
        ),
        ("FROM a\nENV A='$B' C=\"x y\" D=x\\ y E=\"\\$B\"", "A=$B; C=x y; D=x y; E=$B"),
        ("FROM a AS base\nENV A=1 B=2\nFROM base\nENV B=3", "A=1; B=3"),
        ("FROM a AS build\nENV A=1\nFROM b\nENV B=$A", "? B `$A`"),
        ("FROM a\nENV A=1\nENV A=2 B=$A", "A=2; B=1"),
        ("ARG V=1\nFROM a\nARG V\nARG W\nARG X=3\nENV V=$V W=$W X=${X} Y=${W:-y}", "V=1; X=3; Y=y; ? W `$W`"),
        ("FROM a\nENV V=1\nARG V=2\nENV W=$V", "V=1; W=1"),
        ("FROM a\nENV PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy DEBIAN_FRONTEND=x POETRY_VERSION=1 APT_KEY=1", ""),
        ("FROM a\nENV PATH=/opt/venv/bin:$PATH VIRTUAL_ENV=/opt/venv HOME=/x LD_PRELOAD=/l.so", ""),
        ("FROM a\nENV LANG=en_US.UTF-8 LC_ALL=C.UTF-8 PYTHONUNBUFFERED=0", "LC_ALL=C.UTF-8; PYTHONUNBUFFERED=0"),
        ("FROM a\nENV =x 1=2 a-b=c", ""),
    ] {
        assert_eq!(environment(text), want, "{text}");
    }
}

#[test]
fn paths_of_variables_lead_to_the_project() {
    for (text, want) in [
        (
            "FROM a\nWORKDIR /code\nCOPY . .\nENV PYTHONPATH=\"${PYTHONPATH}:/code:/code/src/\"",
            "PYTHONPATH=:/app:/app/src/",
        ),
        ("FROM a\nWORKDIR /code\nCOPY shop shop\nENV PYTHONPATH=/code D=/code/data", "D=/app/data; PYTHONPATH=/app"),
        (
            "FROM a\nCOPY conf /etc/shop\nENV C=/etc/shop/a.toml R=/ T=/tmp U=http://a/code",
            "C=/app/conf/a.toml; R=/; T=/tmp; U=http://a/code",
        ),
        ("FROM a\nCOPY . /\nENV A=/shop/web.py B=/usr/lib", "A=/app/shop/web.py; B=/usr/lib"),
        ("FROM a AS b\nCOPY . /src\nFROM a\nCOPY --from=b /src /srv\nENV P=/srv/shop", "P=/app/shop"),
    ] {
        assert_eq!(environment(text), want, "{text}");
    }
}

#[test]
fn a_server_listens_at_the_dockerfiles_port() {
    let start = |text: &str| Sample::default().file("Dockerfile", text).found().start.unwrap();
    let uvicorn = start("FROM a\nENV PORT=8080\nCMD [\"uvicorn\", \"shop:app\"]\n");
    assert_eq!(
        uvicorn.env.iter().find(|(name, _)| name == "UVICORN_PORT").map(|(_, port)| port.as_str()),
        Some("8080")
    );
}

/// Time that grows with the square of the input would not end here.
#[test]
fn large_files_take_linear_time() {
    let lines = |line: &dyn Fn(usize) -> String| (0..8_000).map(line).collect::<String>();
    let calls = lines(&|at| format!("app = make{at}()\n"));
    let imports = lines(&|at| format!("from m{at} import f{at}\napp = f{at}()\n"));
    let functions = lines(&|at| format!("def f{at}(): pass\napp = f{at}()\n"));
    let sample = |text: &str| Sample::default().locks(&["flask", "gunicorn"]).file("app.py", text).told();
    for text in [calls, imports, functions] {
        assert_eq!(sample(&text), "python /app/app.py |  | app.py");
    }
    let settings = lines(&|at| format!("WSGI_APPLICATION = 'm{at}.x'\n"));
    let django = Sample::default().locks(&["django"]).file("manage.py", "").file("shop/settings.py", &settings);
    assert!(django.told().contains("runserver"));
    let words = lines(&|_| "A=1 ".to_owned());
    let procfile = Sample::default().file("Procfile", &format!("web: {words} gunicorn a:b"));
    assert!(procfile.told().contains("sets more than 250 variables"), "{}", procfile.told());
    let words = lines(&|_| "\"/srv/x/y\",".to_owned());
    let copies = "COPY a b c d e f /srv/\n".repeat(1_000);
    let dockerfile = format!("FROM a\n{copies}CMD [{words}\"x\"]\n");
    let told = Sample::default().files(&["a/x"]).file("Dockerfile", &dockerfile).told();
    assert!(told.contains("more than 1000 words"), "{told}");
}

#[test]
fn variables_of_the_exec_form_are_literal_text() {
    let told = |text: &str| {
        let sample = pyproject(&format!("{SHOP}scripts = {{ serve = \"shop:main\" }}"));
        sample.file("Dockerfile", &format!("FROM a\nENV ZONE=UTC\n{text}\n")).told()
    };
    assert_eq!(
        told("ENTRYPOINT [\"serve\", \"--zone\", \"${ZONE}\"]"),
        "serve |  | [project.scripts] (Dockerfile: its ENTRYPOINT has `${ZONE}`, and no shell replaces the variable)"
    );
    assert!(told("CMD [\"serve\", \"-p=$PORT\"]").contains("its CMD has `-p=$PORT`"));
    assert_eq!(told("CMD [\"serve\", \"5$\", \"$1\"]"), " | serve 5$ $1 | Dockerfile");
}

#[test]
fn commands_of_shells_are_candidates() {
    let sample = |text: &str| Sample::default().locks(&[]).file("Dockerfile", &format!("FROM a\n{text}\n"));
    assert_eq!(
        sample("CMD alembic upgrade head && \\\n  poetry run uvicorn --host=0.0.0.0 app.main:app").told(),
        "entrypoint = [\"uvicorn\", \"--host=0.0.0.0\", \"app.main:app\"];  (Dockerfile: its CMD is in shell form)"
    );
    let script = sample("COPY boot.sh ./\nENTRYPOINT [\"tini\", \"--\", \"./boot.sh\"]");
    let script =
        script.file("boot.sh", "#!/bin/bash\nwhile true; do\n  flask db upgrade\ndone\nexec gunicorn shop:app\n");
    assert!(script.told().starts_with("entrypoint = [\"gunicorn\", \"shop:app\"]; "), "{}", script.told());
    let procfile = Sample::default().locks(&[]).file("Procfile", "web: flask db upgrade; gunicorn shop:app\n");
    assert!(procfile.told().starts_with("entrypoint = [\"gunicorn\", \"shop:app\"]; "), "{}", procfile.told());
    assert_eq!(
        sample("CMD gunicorn shop:app && true").files(&["main.py"]).told(),
        "python /app/main.py |  | main.py (Dockerfile: its CMD is in shell form)"
    );
}

#[test]
fn the_dockerfile_decides_with_its_split() {
    let script = format!("{SHOP}scripts = {{ serve = \"shop:main\" }}");
    let told = |text: &str| {
        let sample = pyproject(&script).files(&["main.py", "web/run.py"]).file("start", "#!/bin/bash\n");
        sample.file("Dockerfile", text).told()
    };
    for (text, want) in [
        ("FROM a\nENTRYPOINT [\"python\", \"-m\"]\nCMD [\"shop\"]\n", "python -m | shop | Dockerfile"),
        ("FROM a\nCMD [\"gunicorn\", \"shop:app\"]\n", " | gunicorn shop:app | Dockerfile"),
        (
            "FROM a\nENTRYPOINT [\"tini\", \"--\"]\nCMD [\"uv\", \"run\", \"main.py\"]\n",
            " | python main.py | Dockerfile",
        ),
        ("FROM a\nENTRYPOINT [\"uv\", \"run\"]\nCMD [\"main.py\"]\n", " | python main.py | Dockerfile"),
        (
            "FROM a\nWORKDIR /code\nCOPY . .\nCMD [\"python3.12\", \"/code/main.py\"]\n",
            " | python /app/main.py | Dockerfile",
        ),
        (
            "FROM a\nCOPY web /srv\nWORKDIR /srv\nCMD [\"/venv/bin/python\", \"run.py\"]\n",
            " | python run.py | Dockerfile in web",
        ),
        ("FROM a\nCOPY main.py /x.py\nCMD [\"python\", \"/x.py\"]\n", " | python /app/main.py | Dockerfile"),
        ("FROM a\nCMD python main.py\n", "serve |  | [project.scripts] (Dockerfile: its CMD is in shell form)"),
        (
            "FROM a\nCOPY start /bin/start\nENTRYPOINT [\"/bin/start\"]\nCMD [\"serve\"]\n",
            "serve |  | [project.scripts] (Dockerfile: its ENTRYPOINT, `/bin/start`, is a shell script)",
        ),
        (
            "FROM a\nENTRYPOINT [\"/entrypoint.sh\"]\n",
            "serve |  | [project.scripts] (Dockerfile: its ENTRYPOINT cannot start: `/entrypoint.sh` is a shell script)",
        ),
        ("FROM a\nRUN x\n", "serve |  | [project.scripts]"),
    ] {
        assert_eq!(told(text), want, "{text}");
    }
}

#[test]
fn a_procfile_is_translated_or_refused() {
    let told = |web: &str| Sample::default().locks(&[]).files(&["main.py"]).file("Procfile", web).told();
    assert_eq!(told("web: gunicorn shop:app -b :$PORT\n"), " | gunicorn shop:app | Procfile");
    assert_eq!(told("web: a && b\n"), "python /app/main.py |  | main.py (Procfile: its `web` needs a shell for `&&`)");
}

#[test]
fn a_wheel_has_scripts_or_a_package() {
    let of = |scripts: &[&str], files: &[&str]| {
        let scripts: Vec<_> = scripts.iter().map(|name| (*name).to_owned()).collect();
        let query = Query {
            project: None,
            files,
            read: &|_| None,
            names: None,
            dockerfile: None,
            procfile: None,
            folder: "/app",
            port: None,
        };
        of_wheel(&query, "shop", &scripts).start.map(|start| start.typed.join(" ")).map_err(|all| all.0.len())
    };
    assert_eq!(of(&["serve"], &["shop/__main__.py"]), Ok("serve".to_owned()));
    assert_eq!(of(&["a", "b"], &["shop/__main__.py"]), Ok("python -m shop".to_owned()));
    assert_eq!(of(&["a", "shop"], &["shop/__main__.py"]), Ok("shop".to_owned()));
    assert_eq!(of(&[], &["tests/__main__.py", "shop/__main__.py"]), Ok("python -m shop".to_owned()));
    assert_eq!((of(&["a", "b"], &[]), of(&[], &["main.py"])), (Err(2), Err(0)));
}
