//! The distributions that may provide a module, by its name.
//!
//! Most modules are named like their distribution. The table has well-known exceptions (assumed to
//! be the ones that projects meet).

use crate::python::normalised;

/// Modules, and the distributions that provide them.
const KNOWN: &[(&str, &[&str])] = &[
    ("Crypto", &["pycryptodome"]),
    ("Cryptodome", &["pycryptodomex"]),
    ("MySQLdb", &["mysqlclient"]),
    ("OpenSSL", &["pyopenssl"]),
    ("PIL", &["pillow"]),
    ("Xlib", &["python-xlib"]),
    ("apt_pkg", &["python-apt"]),
    ("attr", &["attrs"]),
    ("bs4", &["beautifulsoup4"]),
    ("bson", &["pymongo"]),
    ("cairo", &["pycairo"]),
    ("corsheaders", &["django-cors-headers"]),
    ("cv2", &["opencv-python-headless", "opencv-python", "opencv-contrib-python"]),
    ("dateutil", &["python-dateutil"]),
    ("debug_toolbar", &["django-debug-toolbar"]),
    ("discord", &["discord-py", "py-cord"]),
    ("distutils", &["setuptools"]),
    ("django_filters", &["django-filter"]),
    ("docx", &["python-docx"]),
    ("dotenv", &["python-dotenv"]),
    ("environ", &["django-environ"]),
    ("fitz", &["pymupdf"]),
    ("flask_sqlalchemy", &["flask-sqlalchemy"]),
    ("git", &["gitpython"]),
    ("gi", &["pygobject"]),
    ("github", &["pygithub"]),
    ("grpc", &["grpcio"]),
    ("grpc_status", &["grpcio-status"]),
    ("ipware", &["python-ipware", "django-ipware"]),
    ("jose", &["python-jose"]),
    ("jwt", &["pyjwt"]),
    ("ldap", &["python-ldap"]),
    ("magic", &["python-magic"]),
    ("markdown_it", &["markdown-it-py"]),
    ("multipart", &["python-multipart"]),
    ("nacl", &["pynacl"]),
    ("osgeo", &["gdal"]),
    ("pkg_resources", &["setuptools"]),
    ("pptx", &["python-pptx"]),
    ("psycopg2", &["psycopg2-binary", "psycopg2"]),
    ("pythonjsonlogger", &["python-json-logger"]),
    ("rest_framework", &["djangorestframework"]),
    ("ruamel", &["ruamel-yaml"]),
    ("serial", &["pyserial"]),
    ("skimage", &["scikit-image"]),
    ("sklearn", &["scikit-learn"]),
    ("slugify", &["python-slugify"]),
    ("socks", &["pysocks"]),
    ("storages", &["django-storages"]),
    ("telegram", &["python-telegram-bot"]),
    ("telebot", &["pytelegrambotapi"]),
    ("usb", &["pyusb"]),
    ("websocket", &["websocket-client"]),
    ("win32api", &["pywin32"]),
    ("yaml", &["pyyaml"]),
    ("zmq", &["pyzmq"]),
];

/// The most parts of a module's name that name a distribution.
const PARTS: usize = 8;

/// Returns the normalised names of distributions that may provide a module, the likeliest first.
#[must_use]
pub fn candidates(module: &str) -> Vec<String> {
    let top = module.split('.').next().unwrap_or_default();
    let known = KNOWN.iter().filter(|(name, _)| *name == top).flat_map(|(_, names)| *names);
    let mut out: Vec<_> = known.map(|name| (*name).to_owned()).collect();
    // `google.cloud.storage` is in `google-cloud-storage`.
    let whole = normalised(module);
    let prefixes = whole.match_indices('-').take(PARTS).map(|(at, _)| whole[..at].to_owned()).collect::<Vec<_>>();
    out.push(whole.clone());
    if module.contains('.') {
        out.extend(prefixes.into_iter().rev());
    }
    let top = normalised(top);
    for name in
        [top.clone(), format!("python-{top}"), format!("py{top}"), format!("django-{top}"), format!("{top}-python")]
    {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// Returns the well-known distribution that provides a module.
#[must_use]
pub fn well_known(module: &str) -> Option<&'static str> {
    let top = module.split('.').next().unwrap_or_default();
    KNOWN.iter().find(|(name, _)| *name == top).and_then(|(_, names)| names.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_come_first() {
        assert_eq!(candidates("yaml")[0], "pyyaml");
        assert_eq!(candidates("pytimeparse")[0], "pytimeparse");
        assert_eq!(candidates("django_stubs_ext")[0], "django-stubs-ext");
        assert_eq!(candidates("google.cloud.storage")[..2], ["google-cloud-storage", "google-cloud"]);
        assert_eq!((well_known("cv2"), well_known("requests")), (Some("opencv-python-headless"), None));
    }
}
