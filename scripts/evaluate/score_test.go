package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func at(file string, line int) frame { return frame{"main.f", file, line} }

func TestJudge(t *testing.T) {
	marks := []mark{{"cart.go", 12, "leak/mutex"}}
	own := func(file string) bool { return file != "sql.go" }
	for _, c := range []struct {
		name  string
		f     finding
		marks []mark
		want  judgement
	}{
		{"the line", finding{Location: at("services/cart.go", 12)}, marks, atLine},
		{"the go statement", finding{Location: at("sql.go", 3), CreatedBy: at("cart.go", 12)}, marks, atLine},
		{"another line", finding{Location: at("cart.go", 13)}, marks, falseAlarm},
		{"the same line of another file", finding{Location: at("order.go", 12)}, marks, falseAlarm},
		{"a library", finding{Location: at("database/sql/sql.go", 2996)}, marks, outsideOwn},
		{"a library in a healthy service", finding{Location: at("database/sql/sql.go", 2996)}, nil, falseAlarm},
		{"a healthy service", finding{Location: at("cart.go", 12)}, nil, falseAlarm},
	} {
		if got := judge(&c.f, c.marks, own); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// trialOf makes a trial of a program in localServices whose fault, if it has one, is in the
// first line of faultyFile.
func trialOf(faulty bool, findings ...finding) *trial {
	t := &trial{Name: "a", Findings: findings, program: program{source: localServices}}
	if faulty {
		t.marks = []mark{{faultyFile, 1, "leak/select"}}
	}
	return t
}

const faultyFile = "early_return.go"

func found(confidence string, line int) finding {
	return finding{Confidence: confidence, Location: at(faultyFile, line)}
}

func TestScoreAt(t *testing.T) {
	trials := []*trial{
		trialOf(true, found("proven", 1)),
		trialOf(true, found("likely", 1), found("possible", 9)),
		trialOf(true, found("low", 1)),
		trialOf(true),
		trialOf(false),
		trialOf(false, found("possible", 4)),
		{Error: "no capture", marks: []mark{{faultyFile, 1, "leak/select"}}},
	}
	for _, c := range []struct {
		confidence string
		want       score
	}{
		{"proven", score{recall: share{1, 4}, precision: share{1, 1}, alone: share{1, 1}, alarmed: share{0, 2}}},
		{"likely", score{recall: share{2, 4}, precision: share{2, 2}, alone: share{1, 1}, alarmed: share{0, 2}}},
		{"possible", score{recall: share{2, 4}, precision: share{2, 4}, alone: share{0, 2}, alarmed: share{1, 2}}},
		{"low", score{recall: share{3, 4}, precision: share{3, 5}, alone: share{1, 1}, alarmed: share{1, 2}}},
	} {
		if got := scoreAt(trials, c.confidence); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.confidence, got, c.want)
		}
	}
	if trials[0].missed() || !trials[2].missed() || !trials[3].missed() || trials[4].missed() {
		t.Error("missed: want the third and the fourth")
	}
}

func TestReason(t *testing.T) {
	grown := census{Total: []int{10, 20}, AtMark: []int{0, 8}}
	for _, c := range []struct {
		name string
		t    trial
		want string
	}{
		{"nothing leaked", trial{Census: census{Total: []int{10, 11}, AtMark: []int{0, 1}}}, "the run made no leak"},
		{"low", trial{Census: grown, Findings: []finding{found("low", 1)}}, "low only"},
		{"another line", trial{Census: grown, Findings: []finding{found("likely", 7)}}, "another line is named, early_return.go:7"},
		{"the detector's word", trial{Census: grown, Why: "inconclusive: one snapshot"}, "inconclusive: one snapshot; goroutines [10 20]"},
		{"silence", trial{Census: grown}, "nothing reported; goroutines [10 20], at the line [0 8]"},
	} {
		c.t.program.source = localServices
		c.t.marks = []mark{{faultyFile, 1, "leak/select"}}
		if got := c.t.reason(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPrintNamesWhatWentWrong(t *testing.T) {
	alarmed := trialOf(false, found("likely", 4))
	alarmed.Name, alarmed.Pass = "pool", "load"
	missed := trialOf(true)
	missed.Name, missed.Pass = "cart", "quiet"
	res := &results{
		Trials:  []*trial{alarmed, missed},
		Gates:   []gating{{Name: "cart", Head: "faulty load", Fault: true, Code: exitPassed}, {Name: "pool", Code: exitInconclusive}},
		Goroot:  []upstreamCase{{Name: "Etcd1", Made: 2, Found: 1, Missed: []string{"run"}}},
		Skipped: []string{"services with go9: no such toolchain"},
	}
	var out bytes.Buffer
	res.print(&out)
	for _, want := range []string{
		"skipped: services with go9",
		"missed at possible and above: 1\n  cart",
		"false alarms: 1\n  pool",
		"regressions caught   0.0 % (0/1;",
		"healthy heads failed   0.0 % (0/1;",
		"wrong answers of the gate: 1\n  cart faulty load",
		"expected leaks found  50.0 % (1/2;",
		"Etcd1: run",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	if err := res.broken(); err != nil {
		t.Errorf("wrong answers are results, not errors: %v", err)
	}
	res.Trials[0].Error = "no capture"
	if err := res.broken(); err == nil {
		t.Error("a run that was not measured is no error")
	}
}

func TestShare(t *testing.T) {
	if got, want := (share{40, 40}).String(), "100.0 % (40/40; 91.2 to 100.0)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (share{}).String(); got != "none" {
		t.Errorf("nothing counted is %q", got)
	}
}

func TestCountGoroutines(t *testing.T) {
	const dump = `goroutine 1 [running]:
main.main()
	/src/services/main.go:40 +0x1

goroutine 7 [chan send, 2 minutes]:
main.send(...)
	/src/services/cart.go:12
main.serve()
	/src/services/cart.go:12 +0x2
created by main.main in goroutine 1
	/src/services/cart.go:30 +0x3

goroutine 8 [select]:
main.wait()
	/src/services/cart.go:121 +0x1
created by main.main in goroutine 1
	/src/services/cart.go:12 +0x3
`
	total, marked, err := countGoroutines(strings.NewReader(dump), []mark{{File: "cart.go", Line: 12}})
	if total != 3 || marked != 1 || err != nil {
		t.Errorf("%d goroutines, %d marked, %v; want 3 and 1", total, marked, err)
	}
}

func TestCensusOfAStoredBundle(t *testing.T) {
	c, err := takeCensus(filepath.Join("..", "..", "fixtures", "resyncleak"), []mark{{File: "main.go", Line: 139}})
	if err != nil || len(c.Total) < 5 || !c.made() {
		t.Errorf("%+v, %v", c, err)
	}
}
