import os
import platform
import tempfile

from flask import Flask

app = Flask(__name__)


def tmp_writable():
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    except OSError:
        return False
    return True


@app.get("/")
def index():
    return {
        "uid": os.getuid(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "tmp_writable": tmp_writable(),
    }
