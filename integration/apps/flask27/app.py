import os
import platform
import ssl
import sys
import tempfile

from flask import Flask, jsonify
from waitress import serve

app = Flask(__name__)


def tmp_writable():
    try:
        with tempfile.TemporaryFile() as f:
            f.write(b"x")
    except (IOError, OSError):
        return False
    return True


@app.route("/")
def index():
    return jsonify(
        uid=os.getuid(),
        machine=platform.machine(),
        python=".".join(str(part) for part in sys.version_info[:3]),
        openssl=ssl.OPENSSL_VERSION,
        certificates=len(ssl.create_default_context().get_ca_certs()) > 100,
        encoding=sys.getfilesystemencoding(),
        tmp_writable=tmp_writable(),
    )


if __name__ == "__main__":
    serve(app, port=int(os.environ["PORT"]))
