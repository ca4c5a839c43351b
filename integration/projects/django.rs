//! A Django project whose static files and translations were not made.

use crate::folder::{HERE, project, told};

const SETTINGS: &str = "import os\nfrom pathlib import Path\n\nBASE_DIR = Path(__file__).resolve().parent.parent\n\
                        STATIC_ROOT = os.path.join(BASE_DIR, 'staticfiles')\n";
const MANAGE: &str = "import os\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";

#[test]
fn what_commands_make_and_the_image_lacks_is_told_cold_and_warm() {
    let harness = project()
        .file("manage.py", MANAGE)
        .file("shop/__init__.py", "")
        .file("shop/settings.py", SETTINGS)
        .file("shop/locale/de/LC_MESSAGES/django.po", "");
    let args = [&HERE[..], &["--push=false", "--", "python3", "main.py"]].concat();
    let warnings = told(&harness.succeeds(&args));
    insta::assert_snapshot!(warnings, @"
    warning[missing-build-output]: the image has no static files: STATIC_ROOT is `staticfiles`, which does not exist
      hint: run `python manage.py collectstatic --noinput` before the build, as a step of CI
    warning[missing-build-output]: the image has no translations: the compiled file of `shop/locale/de/LC_MESSAGES/django.po` is missing
      hint: run `python manage.py compilemessages` before the build, as a step of CI
    ");
    assert_eq!(told(&harness.succeeds(&args)), warnings);
    let harness = harness.file("staticfiles/admin.css", "").file("shop/locale/de/LC_MESSAGES/django.mo", "");
    assert_eq!(told(&harness.succeeds(&args)), "");
}
