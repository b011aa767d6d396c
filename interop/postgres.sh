# Sourced by the suites that cannot do without PostgreSQL: the caller's INTEROP_POSTGRES, or a throw-away one of their
# own by interop/postgres, stopped when the shell ends.

need_postgres() {
  [ -n "${INTEROP_POSTGRES:-}" ] && return 0
  local said
  said=$("$interop/postgres" </dev/null) || die "interop/postgres could not start one"
  INTEROP_POSTGRES=$(sed -n 1p <<<"$said")
  postgres_folder=$(sed -n 2p <<<"$said")
  export INTEROP_POSTGRES
  at_end+=("'$interop/postgres' stop '$postgres_folder'")
}
