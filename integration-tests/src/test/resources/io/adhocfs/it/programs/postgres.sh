# A PostgreSQL server that is killed while it works and has to recover. $here: a directory of the file
# system; $local: one outside, for the socket and logs; $seconds: how long pgbench runs undisturbed.
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as=()
# The server refuses to run as root.
if ((EUID == 0)); then
  as=(setpriv --reuid postgres --regid postgres --clear-groups)
  chown postgres "$here" "$local"
fi
export PGHOST=$local PGUSER=postgres PGDATA=$here/data HOME=$local

start() {
  "${as[@]}" "$bin/postgres" -c listen_addresses= -c unix_socket_directories="$local" >"$local/server" 2>&1 &
  server=$!
  for ((i = 0; i < 1200; i++)); do
    "$bin/pg_isready" -q && return
    kill -0 $server || break
    sleep 0.1
  done
  cat "$local/server"
  exit 1
}

committed() { "$bin/psql" -At postgres -c 'SELECT count(*) FROM pgbench_history'; }

"${as[@]}" "$bin/initdb" -k -A trust -U postgres >"$local/initdb" 2>&1 || { cat "$local/initdb"; exit 1; }
start
"$bin/pgbench" -i -q postgres >"$local/load" 2>&1 || { cat "$local/load" "$local/server"; exit 1; }
"$bin/pgbench" -n -c 4 -T "$seconds" postgres || { cat "$local/server"; exit 1; }
before=$(committed)
((before > 0))

"$bin/pgbench" -n -c 4 -T 600 postgres >"$local/bench" 2>&1 &
bench=$!
until (($(committed) > before + 100)); do kill -0 $bench; done
kill -STOP $server
mapfile -t backends < <(pgrep -P $server)
kill -9 $server "${backends[@]}"
wait $server || true
if wait $bench; then exit 1; fi

start
grep 'automatic recovery in progress' "$local/server"
(($(committed) > before))
[ "$("$bin/psql" -At postgres <<'Q'
SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT count(*) FROM pgbench_accounts) = 100000;
Q
)" = t ]
"$bin/pg_amcheck" --install-missing --heapallindexed postgres
kill -INT $server
wait $server
"${as[@]}" "$bin/pg_checksums" --check
