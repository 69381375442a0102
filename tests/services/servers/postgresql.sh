#!/bin/sh
# A private, throw-away PostgreSQL for the tests. Any user may run it; root's runs as `postgres`.
#   missing        names the Debian packages to install, one a line; nothing if all is there
#   start DIR PORT starts it on 127.0.0.1:PORT with an empty database, prints NAME=VALUE lines for the tests
#   stop DIR       ends the server whose pid DIR/data/postmaster.pid names
set -eu
bin=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
bin=${bin%/initdb}
as_server() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --init-groups "$@"; else "$@"; fi
}
case $1 in
missing)
    [ -n "$bin" ] || echo postgresql
    ;;
start)
    cd "$2"
    if [ "$(id -u)" = 0 ]; then chown postgres: .; fi
    as_server "$bin/initdb" -D data -U uws -A trust -E UTF8 --locale=C.UTF-8 --no-sync >initdb.log
    # Nothing here outlives the test run, so durability is traded for speed.
    cat >>data/postgresql.conf <<END
listen_addresses = '127.0.0.1'
port = $3
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
max_connections = 100
END
    as_server "$bin/pg_ctl" -D data -l log -w -t 30 start >pg_ctl.log
    "$bin/psql" -qX -h 127.0.0.1 -p "$3" -U uws -d postgres -c 'CREATE DATABASE uws'
    echo "UWS_TEST_POSTGRESQL_URL=postgresql://uws@127.0.0.1:$3/uws"
    ;;
stop)
    cd "$2"
    [ -f data/postmaster.pid ] || exit 0
    as_server "$bin/pg_ctl" -D data -m immediate -w -t 30 stop
    ;;
esac
