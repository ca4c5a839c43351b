# shellcheck shell=bash disable=SC2034  # what is set here is used by who sources it
# What the scripts share; sourced, after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# CARBOY_TEST_CACHE: a folder that outlives this checkout
cache=${CARBOY_TEST_CACHE:-$root/.cache}
mkdir -p "$cache/bin"
cache=$(cd "$cache" && pwd)
export CARBOY_TEST_CACHE=$cache PATH="$cache/bin:$PATH"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# What a thing was made from is noted in a file beside it, so that it is made again when that changes.
key_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_made() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# need_uv: uv and pip, which know nothing of this machine's Pythons but where one is; sets uv.
need_uv() {
  local version=0.9.10
  uv=$cache/venv/bin/uv
  [ "$("$uv" --version 2>/dev/null | cut -d' ' -f2)" = $version ] && return
  say "installing uv $version into $cache/venv"
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet "uv==$version"
}

# Wheels that setup fetches: requirements, Python, machine, folder. The large set is for the long tests and the benchmark.
small_wheels=("differential/small.txt 3.13 x86_64 small/3.13-x86_64" "differential/small.txt 3.13 aarch64 small/3.13-aarch64"
  "differential/small.txt 3.11 x86_64 small/3.11-x86_64")
large_wheels=("differential/large.txt 3.13 x86_64 large/3.13-x86_64" "differential/large.txt 3.13 aarch64 large/3.13-aarch64")
demo_wheels=("apps/flask/requirements.txt 3.13 x86_64 apps" "apps/flask/requirements.txt 3.13 aarch64 apps")
app_wheels=("${demo_wheels[@]}")
for set in "flask 3.11" "fastapi 3.13" "pandas 3.13" "pubsub 3.13" "kubernetes 3.13"; do
  for machine in x86_64 aarch64; do
    app_wheels+=("apps/${set% *}/requirements.txt ${set#* } $machine apps")
  done
done

wheels_key() { key_of "$root/scripts/wheels" "$root/integration/$1"; }

# The examples' ready-made dependencies: application and Python.
sites=("flask 3.11" "flask 3.13" "pandas 3.13" "flask27 2.7")

site_key() { key_of "$root/scripts/site-packages" "$root/integration/apps/$1"/*.txt; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_registry DIR: Debian's docker-registry on a free loopback port, storing in DIR; sets registry and registry_pid.
start_registry() {
  local port
  port=$(free_port)
  cat >"$1/registry.yml" <<YML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $1/registry }, delete: { enabled: true } }
http: { addr: "127.0.0.1:$port" }
YML
  # should the script be killed, the kernel ends the registry
  setpriv --pdeathsig KILL docker-registry serve "$1/registry.yml" >"$1/registry.log" 2>&1 &
  registry_pid=$!
  registry=127.0.0.1:$port
  for _ in $(seq 100); do
    curl -fs "http://$registry/v2/" >/dev/null && return
    sleep 0.1
  done
  cat "$1/registry.log" >&2
  die "docker-registry does not answer on $registry"
}

# push_fixture REPOSITORY:TAG: a test image to the registry that was started, as it is.
push_fixture() {
  skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false \
    "oci:$cache/fixtures/oci/${1/://}:${1##*:}" "docker://$registry/$1"
}

# builder_python REPOSITORY:TAG DIR: unpacks an image from the registry that was started; DIR/python3 is its interpreter as
# a program of this machine, which compiles bytecode.
builder_python() {
  "$root/integration/fixtures/unpack" "$registry/$1" "linux/$(dpkg --print-architecture)" "$2"
  cat >"$2/python3" <<SH
#!/bin/sh
unset PYTHONSAFEPATH
exec "$root/integration/fixtures/run-image" --env PYTHONHASHSEED=0 "$2" -- python3 "\$@"
SH
  chmod +x "$2/python3"
}

# stop PID…: end what this script started, and wait for it.
stop() {
  kill "$@" 2>/dev/null || true
  wait "$@" 2>/dev/null || true
}
