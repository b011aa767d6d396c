# Sourced by the suites that cannot do without PostgreSQL: the caller's INTEROP_POSTGRES, or a throw-away one of their
# own by interop/postgres, stopped when the shell ends.

need_postgres() {
  [ -n "${INTEROP_POSTGRES:-}" ] && return 0
  postgres_folder=$(mktemp -d "${TMPDIR:-/tmp}/kalends-postgres.XXXXXX")
  INTEROP_POSTGRES=$("$interop/postgres" start "$postgres_folder") || die "interop/postgres could not start one"
  export INTEROP_POSTGRES
  trap 'leave; "$interop/postgres" stop "$postgres_folder" >&2 || true; rm -rf "$postgres_folder"' EXIT
}
