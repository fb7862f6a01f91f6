#!/usr/bin/env bash
# Starts a server, waits until it answers, drives load on it with go-debug gate watching, and stops it.
# The recipes beside this file all call it. It needs bash, curl, and go-debug in PATH.
#
#   GATE_SERVER     shell command that starts the server; empty if it runs already
#   GATE_URL        where the server serves net/http/pprof (http://localhost:6060)
#   GATE_LOAD       shell command that drives load: k6, vegeta, hey, go test -bench
#   GATE_BASELINE   what to compare with: a file, a directory or an object store
#   GATE_SAVE       where to save the baseline of a run that passed
#   GATE_FLAGS      more flags of go-debug gate, separated by white space
#   GATE_OUT        directory of the reports and of the server's output (gate)
#   GATE_READY      seconds that the server may take to answer (60)
#   GATE_READY_URL  what it has to answer with success by then (GATE_URL/debug/pprof/)
#
# Exits as go-debug gate does: 0 passed, 1 failed, 2 usage, 3 a server or an input that could not be
# read, 4 inconclusive, 130 interrupted.
set -euo pipefail

GATE_URL=${GATE_URL:-http://localhost:6060}
GATE_OUT=${GATE_OUT:-gate}
GATE_READY=${GATE_READY:-60}
GATE_READY_URL=${GATE_READY_URL:-${GATE_URL%/}/debug/pprof/}
server='' gate=''

fail() {
	printf 'gate.sh: %s\n' "$2" >&2
	exit "$1"
}

answers() { curl -fsS -o /dev/null --max-time 5 "$GATE_READY_URL" 2>/dev/null; }

# The server and all that it started are a process group, for go run and npm start do not pass signals on.
alive() { [ -n "$server" ] && kill -0 -- "-$server" 2>/dev/null; }

stop() {
	trap '' INT TERM
	if [ -n "$gate" ]; then
		kill -TERM "$gate" 2>/dev/null && wait "$gate" || true
	fi
	alive || return 0
	kill -TERM -- "-$server" 2>/dev/null || true
	for _ in {1..50}; do
		alive || return 0
		sleep 0.2
	done
	kill -KILL -- "-$server" 2>/dev/null || true
}

start() {
	# A server left over from before would be judged in place of this one.
	if answers; then
		fail 3 "$GATE_READY_URL answers before the server is started: stop what runs there"
	fi
	set -m
	bash -c "$GATE_SERVER" >"$GATE_OUT/server.log" 2>&1 </dev/null &
	server=$!
	set +m
}

await() {
	local end=$((SECONDS + GATE_READY))
	until answers; do
		if [ -n "$server" ] && ! alive; then
			tail -n 20 "$GATE_OUT/server.log" >&2
			fail 3 "the server ended before it answered at $GATE_READY_URL; its output is in $GATE_OUT/server.log"
		fi
		if [ "$SECONDS" -ge "$end" ]; then
			[ -z "$server" ] || tail -n 20 "$GATE_OUT/server.log" >&2
			fail 3 "no answer from $GATE_READY_URL within $GATE_READY s (GATE_READY, GATE_READY_URL)"
		fi
		sleep 0.2
	done
}

[ -n "${GATE_LOAD:-}" ] || fail 2 'GATE_LOAD is empty: name the command that drives load'
[[ $GATE_READY =~ ^[0-9]+$ ]] || fail 2 "GATE_READY is a number of seconds, not '$GATE_READY'"
for tool in curl go-debug; do
	command -v "$tool" >/dev/null || fail 3 "$tool is not in PATH"
done
mkdir -p "$GATE_OUT"
# Reports of an earlier run must not pass for those of this one.
rm -f "$GATE_OUT"/gate.{json,md,xml,sarif} "$GATE_OUT"/{quality.json,annotations.txt,server.log}

read -r -d '' -a flags <<<"${GATE_FLAGS:-}" || true
[ -z "${GATE_BASELINE:-}" ] || flags+=(--baseline "$GATE_BASELINE")

trap stop EXIT
trap 'exit 130' INT TERM
[ -z "${GATE_SERVER:-}" ] || start
await

# In the background, so that a signal is heeded while the gate runs.
go-debug gate "$GATE_URL" --settle 10s --retry 1 ${flags[@]+"${flags[@]}"} \
	-o "$GATE_OUT/gate.json" -o "$GATE_OUT/gate.md" -o "$GATE_OUT/gate.xml" -o "$GATE_OUT/gate.sarif" \
	-o gitlab="$GATE_OUT/quality.json" -o github="$GATE_OUT/annotations.txt" \
	-- bash -c "$GATE_LOAD" &
gate=$!
code=0
wait "$gate" || code=$?
gate=''
if [ "$code" = 0 ] && [ -n "${GATE_SAVE:-}" ]; then
	go-debug baseline save "$GATE_SAVE" "$GATE_OUT/gate.json" || code=$?
fi
exit "$code"
