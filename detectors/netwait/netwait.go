package netwait

import (
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

//go:embed doc.go
var doc string

const (
	rulePool        = "netwait/pool-starved"
	ruleOpen        = "netwait/sql-open"
	ruleSlowClients = "netwait/slow-clients"
	ruleHandshakes  = "netwait/handshakes"
	rulePolling     = "netwait/polling"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"
	trySamples = "go-debug capture http://localhost:6060 --for 60s"
)

// Detector finds what the program waits for at the other end of a connection, or pays for connections.
var Detector = &analyze.Detector{
	Name:  "netwait",
	Noun:  "network wait",
	Doc:   doc,
	Rules: rules,
	Needs: []analyze.Need{
		// What the runtime proves of pools of database/sql; all else is likely at most, as the rules have it.
		{Kind: evidence.GoroutineLeak, Captures: 1, Confidence: analyze.Proven, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 3, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-waiters", Default: 2, Unit: "goroutines", Why: "that wait for a connection of the pool, on average over the time: a pool that is large enough has 0, a burst now and then 0.1"},
		{Name: "min-starved", Default: 1, Unit: "ratio", Why: "of those that wait over those that have a connection: from there on queries wait longer than they take"},
		{Name: "min-waiters-alone", Default: 10, Unit: "goroutines", Why: "in the only snapshot: fewer are a burst"},
		{Name: "min-pools", Default: 10, Unit: "pools", Why: "of package database/sql: programs have one for each database, and a few databases"},
		{Name: "min-pools-alone", Default: 100, Unit: "pools", Why: "where growth cannot be seen: a program may have one for each of its tenants"},
		{Name: "min-stalled", Default: 20, Unit: "goroutines", Why: "requests that wait for their client: a few phones in tunnels are with every server"},
		{Name: "min-stall", Default: 5, Unit: "s", Why: "without a byte: ten times the round trip of the slowest network that works"},
		{Name: "min-handshake-share", Default: 0.05, Unit: "ratio", Why: "of the CPU: servers whose clients keep connections spend less than 0.01 on handshakes, ones that make a connection for each request 0.5 to 0.9"},
		{Name: "min-poll-share", Default: 0.1, Unit: "ratio", Why: "of the CPU: servers spend 0.02 asking the kernel what is ready, 0.05 with many small messages"},
		{Name: "max-scheduling-share", Default: 0.25, Unit: "ratio", Why: "of the CPU, beside polling: beyond it the scheduler is what costs, and polling is part of that; programs with little to do have 0.2 to 0.4"},
		{Name: "min-cores", Default: 0.1, Unit: "cores", Why: "a program that uses less does nothing but poll, at no cost to anybody"},
	},
	Plantings: plantings,
	Run:       run,
}

// reading is the evidence as the rules want it.
type reading struct {
	pass      *analyze.Pass
	set       *evidence.Set
	snapshots []*evidence.Snapshot // whole ones
	cpu       *signature.Profile
	taken     bool
	requestsS float64
}

func run(_ context.Context, p *analyze.Pass) error {
	r := &reading{pass: p, set: p.Evidence, cpu: signature.Read(p.Evidence), requestsS: signature.RequestRate(p.Evidence)}
	for _, s := range p.Evidence.SnapshotsOf(evidence.Goroutine) {
		if s.Complete {
			r.snapshots = append(r.snapshots, s)
		}
	}
	r.taken = len(p.Evidence.ProfilesOf(evidence.CPU)) > 0
	found := reportPool(r) + reportOpen(r) + reportSlowClients(r)
	if r.unusable() == "" && !r.idle() {
		found += reportHandshakes(r) + reportPolling(r)
	}
	remark(r, found)
	return nil
}

// unusable says why shares of the CPU profile tell nothing; "" where they do.
func (r *reading) unusable() string {
	if !r.taken {
		return "no CPU profile"
	}
	for _, p := range r.set.ProfilesOf(evidence.CPU) {
		if !signature.IsGo(p) {
			return "the CPU profile is not of a Go program"
		}
	}
	for _, d := range r.cpu.Doubts() {
		if d.Kind == signature.Difference {
			return "the CPU profile is the difference of two, which has no shares"
		}
	}
	if !r.cpu.Enough() && !r.idle() {
		return "too few samples for a share"
	}
	return ""
}

// idle reports a program that used so little CPU that its shares matter to nobody.
func (r *reading) idle() bool { return r.cpu.Idle(r.pass.Param("min-cores")) }

// remark says which questions stay open.
func remark(r *reading, found int) {
	p, why := r.pass, r.unusable()
	traced := r.set.Trace != nil
	switch {
	case len(r.snapshots) == 0 && !traced && why != "":
		p.Inconclusive("no goroutine snapshot that is whole; "+why, tryCapture)
	case len(r.snapshots) == 1 && !traced && !r.taken && found == 0:
		p.Inconclusive("one snapshot: it does not show who waits for long", tryCapture)
	case len(r.snapshots) < 2 && !traced:
		p.NotChecked("who waits for the network for long: it takes goroutine snapshots or a trace", tryCapture)
	case why != "":
		p.NotChecked("CPU spent on handshakes and polling: "+why, trySamples)
	}
}
