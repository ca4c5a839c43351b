"""As much of the Kubernetes API as main.py uses. The port is the argument."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

POD = {
    "metadata": {"name": "shop-1", "namespace": "default", "creationTimestamp": "2026-01-02T03:04:05Z"},
    "spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/shop:1"}]},
    "status": {"phase": "Running"},
}


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path.split("?")[0] == "/api/v1/namespaces/default/pods"
        allowed = self.headers["Authorization"] == "Bearer carboy"
        pods = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [POD]}
        self.send_response(200 if known and allowed else 403)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(pods if known and allowed else {}).encode())


HTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
