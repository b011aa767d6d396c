# Sourced by every suite of interop/: a started server with accounts, tools installed once, one last line of counts.
# Invariant: a suite leaves nothing behind but interop/.work (the tools it installed); its server, its folder and its
# database go when the shell ends, however it ends.
#
# KALENDS          the binary to test; without it `cargo build --release` makes one
# INTEROP_POSTGRES a superuser URL of PostgreSQL: every server of the suite then runs on a database made there
set -euo pipefail
shopt -s inherit_errexit

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$interop/.." && pwd)
work=$interop/.work
suite=${suite:-$(basename "$0")}
mkdir -p "$work"
unset KALENDS_CONFIG KALENDS_DATA KALENDS_LISTEN # the caller's own server is none of a suite's business

say() { printf '%s: %s\n' "$suite" "$*" >&2; }
die() { say "$*"; exit 2; }

# --- tools -----------------------------------------------------------------------------------------------------------

# as_root COMMAND...: as it stands for root, by sudo for anybody else
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# alone COMMAND...: one installation at a time, of suites that run side by side too
alone() { (flock 9; "$@") 9>"$work/.installing"; }

# need_debian PACKAGE...: installs those that are absent
need_debian() { alone install_debian "$@"; }

install_debian() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing from Debian: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" \
    </dev/null >"$work/apt.log" 2>&1 && return 0
  as_root apt-get update -q </dev/null >>"$work/apt.log" 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" \
    </dev/null >>"$work/apt.log" 2>&1 || die "apt-get install ${missing[*]} failed, see $work/apt.log"
}

# need_command COMMAND PACKAGE...: the packages, unless the command is there already
need_command() { command -v "$1" >/dev/null || need_debian "${@:2}"; }

# need_python NAME REQUIREMENT...: a virtual environment in .work with exactly these; sets $venv
need_python() {
  need_command python3 python3 python3-venv
  python3 -c 'import ensurepip' 2>/dev/null || need_debian python3-venv
  venv=$work/venv-$1
  alone install_python "$@"
}

install_python() {
  local name=$1 stamp=$venv/.requirements wanted
  shift
  wanted="$*"
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
  say "installing from PyPI into interop/.work/venv-$name: $wanted"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "$@" </dev/null >"$work/pip-$name.log" 2>&1 ||
    die "pip install $wanted failed, see $work/pip-$name.log"
  printf '%s' "$wanted" >"$stamp"
}

# need_sdist NAME VERSION: the unpacked source archive of a PyPI package; sets $sdist
need_sdist() {
  sdist=$work/sdist/$1-$2
  [ -d "$sdist" ] && return 0
  say "fetching the source of $1 $2 from PyPI"
  local into=$work/sdist/.fetch-$1
  rm -rf "$into" && mkdir -p "$into"
  python3 -m pip download -q --disable-pip-version-check --no-deps --no-build-isolation --no-binary :all: \
    -d "$into" "$1==$2" </dev/null >"$work/sdist-$1.log" 2>&1 ||
    "$venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$into" "$1==$2" \
      </dev/null >>"$work/sdist-$1.log" 2>&1 || die "cannot fetch $1 $2, see $work/sdist-$1.log"
  tar -xzf "$into"/*.tar.gz -C "$into"
  rm -f "$into"/*.tar.gz
  mv "$into"/* "$sdist"
  rmdir "$into"
}

# need_node NAME PACKAGE@VERSION...: a node_modules in .work; sets $modules
need_node() {
  command -v npm >/dev/null || need_debian nodejs npm
  modules=$work/node-$1
  alone install_node "$@"
}

install_node() {
  local name=$1 wanted
  shift
  wanted="$*"
  [ "$(cat "$modules/.requirements" 2>/dev/null)" = "$wanted" ] && return 0
  say "installing from npm into interop/.work/node-$name: $wanted"
  rm -rf "$modules" && mkdir -p "$modules"
  printf '{"private":true,"type":"module"}\n' >"$modules/package.json"
  (cd "$modules" && npm install --silent --no-audit --no-fund "$@" </dev/null >npm.log 2>&1) ||
    die "npm install $wanted failed, see $modules/npm.log"
  printf '%s' "$wanted" >"$modules/.requirements"
}

# need_kalends: sets and exports $KALENDS, building it when the caller named none
need_kalends() {
  if [ -z "${KALENDS:-}" ]; then
    (cd "$top" && cargo build --release --quiet --bin kalends) || die "cargo build --release failed"
    KALENDS=${CARGO_TARGET_DIR:-$top/target}/release/kalends
  fi
  [ -x "$KALENDS" ] || die "no kalends at $KALENDS"
  export KALENDS
}

# --- the server ------------------------------------------------------------------------------------------------------

folders=() databases=() servers=()
at_end=() # commands for what a suite set up beside them, run when no server is left

leave() {
  local status=$? pid name
  for pid in "${servers[@]}"; do { kill -9 "$pid" && wait "$pid"; } 2>/dev/null || true; done
  for name in "${databases[@]}"; do
    psql -q "$INTEROP_POSTGRES" -c "drop database if exists $name with (force)" >/dev/null 2>&1 || true
  done
  if [ $status != 0 ] && [ -n "${log:-}" ] && [ -s "${log:-}" ]; then
    say "the server's last words:"
    tail -n 5 "$log" >&2 || true
  fi
  for name in "${at_end[@]}"; do eval "$name" >&2 || true; done
  for name in "${folders[@]}"; do rm -rf "$name"; done
}
trap leave EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# new_store: an empty folder (and database); sets and exports $data $log $port $url, and KALENDS_DATABASE on PostgreSQL
new_store() {
  need_command python3 python3
  need_command curl curl
  need_kalends
  data=$(mktemp -d "${TMPDIR:-/tmp}/kalends-$suite.XXXXXX")
  folders+=("$data")
  log=$data/server.log
  port=$(free_port)
  url=http://127.0.0.1:$port
  unset KALENDS_DATABASE
  if [ -n "${INTEROP_POSTGRES:-}" ]; then
    local name=interop_$(basename "$data" | tr -c 'a-zA-Z0-9\n' _ | tr A-Z a-z)
    need_command psql postgresql-client
    psql -q "$INTEROP_POSTGRES" -c "create database $name" >/dev/null
    databases+=("$name")
    KALENDS_DATABASE=$(python3 - "$INTEROP_POSTGRES" "$name" <<'PY'
import sys, urllib.parse as u
p = u.urlsplit(sys.argv[1])
print(u.urlunsplit((p.scheme, p.netloc, "/" + sys.argv[2], p.query, "")))
PY
)
    export KALENDS_DATABASE
  fi
  export data log port url
}

secret_of() { printf 'interop-%s-passphrase' "$1"; }
home_of() { printf '/dav/calendars/%s/' "$1"; }

# account NAME...: each with the password that secret_of gives
account() {
  local name person
  for name in "$@"; do
    person=${name%%@*}
    secret_of "$name" | "$KALENDS" user add "$name" --name "Dr. ${person^}" --email "$person@example.org" \
      --password-stdin --data "$data" >>"$log" 2>&1 || { tail -n 5 "$log" >&2; die "kalends user add $name failed"; }
  done
}

# start_server [WORD...]: `kalends serve` with these further words; returns when it is ready; sets $server
start_server() {
  "$KALENDS" serve --data "$data" --listen "127.0.0.1:$port" "$@" >>"$log" 2>&1 </dev/null &
  server=$!
  servers+=("$server")
  export server
  local turn
  for turn in $(seq 600); do
    curl -fs -o /dev/null "$url/health/ready" && return 0
    kill -0 "$server" 2>/dev/null || { tail -n 20 "$log" >&2; die "the server ended before it was ready"; }
    sleep 0.05
  done
  tail -n 20 "$log" >&2
  die "the server was not ready within 30 s"
}

stop_server() {
  kill -TERM "$server"
  wait "$server" || true
}

# started NAME...: a new store, these accounts, a running server
started() {
  new_store
  account "$@"
  start_server
}

# start_fake_google FOLDER: the fake Google of the tests, its address in FOLDER; exports $FAKE
start_fake_google() {
  (cd "$top" && cargo build --quiet -p kalends-fake-google </dev/null) || die "the fake does not build"
  "${CARGO_TARGET_DIR:-$top/target}/debug/fake-google" >"$1/fake" </dev/null &
  servers+=($!)
  local turn
  for turn in $(seq 200); do [ -s "$1/fake" ] && break; sleep 0.05; done
  FAKE=$(cat "$1/fake")
  [ -n "$FAKE" ] || die "the fake did not start"
  export FAKE
}

# with_google [LINE...]: the server's settings for it, and these of [google] besides
with_google() {
  cat >"$data/kalends.toml" <<END
public_url = "$url"
[google]
client_id = "kalends.apps.googleusercontent.com"
client_secret = "fake-client-secret"
sealing_keys = "$(head -c 32 /dev/urandom | base64)"
base_url = "$FAKE"
END
  [ $# = 0 ] || printf '%s\n' "$@" >>"$data/kalends.toml"
}

# --- the load driver -------------------------------------------------------------------------------------------------

# need_driver: builds interop/bench/caldav-load; sets $driver
need_driver() {
  CARGO_TARGET_DIR=$interop/bench/target \
    cargo build --release --quiet --locked --manifest-path "$interop/bench/caldav-load/Cargo.toml" </dev/null ||
    die "the load driver does not build"
  driver=$interop/bench/target/release/caldav-load
}

# memory_mib: what the running server holds resident
memory_mib() { awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$server/status"; }

# --- the last line ---------------------------------------------------------------------------------------------------

# count PASSED FAILED SKIPPED [LEAST_PASSED [MOST_FAILED]]: prints the last line, ends red below the bar
count() {
  local least=${4:-1} most=${5:-0}
  printf '%s: %d passed, %d failed, %d skipped\n' "$suite" "$1" "$2" "$3"
  [ "$1" -ge "$least" ] && [ "$2" -le "$most" ] || exit 1
  exit 0
}
