# Targets for a Makefile: include this file, and set what differs before that or on the command line.
GATE_SH        ?= scripts/recipes/gate.sh
GATE_SERVER    ?= go run ./cmd/server
GATE_URL       ?= http://localhost:6060
GATE_LOAD      ?= echo 'GET http://localhost:8080/' | vegeta attack -duration=35s | vegeta report
GATE_FLAGS     ?= --for 30s
GATE_BASELINES ?= baselines
export GATE_SERVER GATE_URL GATE_LOAD GATE_FLAGS

.PHONY: gate gate-baseline
gate: # compares with the newest baseline, where there is one
	GATE_BASELINE="$(wildcard $(GATE_BASELINES))" $(GATE_SH)

gate-baseline: # saves one, if the gate passes
	GATE_SAVE="$(GATE_BASELINES)" $(GATE_SH)
