#!/bin/sh
# start.sh DIR PORT   a database like crt.sh's behind a pooler in statement mode on 127.0.0.1:PORT, everything in DIR.
# Runs until its standard input ends. Says `ready` when it answers; exits with 77 where the servers are not installed.
set -eu
dir=$1 port=$2 here=$(cd "$(dirname "$0")" && pwd)
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
pooler=$(command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null || true)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ] || [ -z "$pooler" ]; then exit 77; fi

# Neither server runs as root.
as=""
if [ "$(id -u)" = 0 ]; then
  id nobody >/dev/null 2>&1 || exit 77
  as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
  chown "nobody:$(id -g nobody)" "$dir"
fi
stop() {
  trap - EXIT
  [ -f "$dir/pooler.pid" ] && kill "$(cat "$dir/pooler.pid")" 2>/dev/null || true
  $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
}
trap stop EXIT

cd "$dir"
$as "$bin/initdb" -D "$dir/data" -U owner -A trust --no-sync --no-locale -E UTF8 >"$dir/initdb.log" 2>&1
$as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/postgres.log" \
  -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c shared_buffers=16MB" start >/dev/null
$as "$bin/createdb" -h "$dir" -U owner certwatch
$as "$bin/psql" -h "$dir" -U owner -d certwatch -q -v ON_ERROR_STOP=1 -f - <"$here/schema.sql" >"$dir/schema.log" 2>&1
# Certificates, one a line: see schema.sql.
$as "$bin/psql" -h "$dir" -U owner -d certwatch -q -v ON_ERROR_STOP=1 \
  -c "COPY incoming FROM STDIN" -c "SELECT take_in()" <"$dir/incoming.tsv" >"$dir/incoming.log" 2>&1

cat >"$dir/pooler.ini" <<INI
[databases]
certwatch = host=$dir dbname=certwatch user=guest
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
auth_file = $dir/users
pool_mode = statement
server_login_retry = 0
pidfile = $dir/pooler.pid
logfile = $dir/pooler.log
INI
: >"$dir/users"
$as "$pooler" -q -d "$dir/pooler.ini"
i=0
until $as "$bin/psql" -h 127.0.0.1 -p "$port" -U guest -d certwatch -qtc 'SELECT 1' >/dev/null 2>&1; do
  i=$((i + 1)); [ $i -lt 100 ] || { cat "$dir/pooler.log" >&2; exit 1; }
  sleep 0.1
done
echo ready
cat >/dev/null
