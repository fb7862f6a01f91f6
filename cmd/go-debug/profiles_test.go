package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/google/pprof/profile"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeProfile writes a profile such as no fixture has, of stacks with one frame each:
//
//	profile FILE TYPES FUNCTION@FILE VALUES [SECONDS]
//
// TYPES are a list like samples/count,cpu/nanoseconds, VALUES a list of as many numbers for each sample. Several
// samples stand in several lists, separated by semicolons; none makes an empty profile.
func writeProfile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || len(args) > 5 {
		ts.Fatalf("usage: profile FILE TYPES FUNCTION@FILE VALUES [SECONDS]")
	}
	p := &profile.Profile{Period: 1, PeriodType: &profile.ValueType{Type: "space", Unit: "bytes"}}
	for t := range strings.SplitSeq(args[1], ",") {
		name, unit, _ := strings.Cut(t, "/")
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: name, Unit: unit})
		if name == "cpu" {
			p.PeriodType, p.Period = &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, 1e7
		}
	}
	function, file, _ := strings.Cut(args[2], "@")
	if args[3] != "" {
		for list := range strings.SplitSeq(args[3], ";") {
			id := uint64(len(p.Function) + 1)
			f := &profile.Function{ID: id, Name: function, Filename: file}
			l := &profile.Location{ID: id, Address: id, Line: []profile.Line{{Function: f, Line: int64(id)}}}
			p.Function, p.Location = append(p.Function, f), append(p.Location, l)
			s := &profile.Sample{Location: []*profile.Location{l}}
			for v := range strings.SplitSeq(list, ",") {
				n, err := strconv.ParseInt(v, 10, 64)
				ts.Check(err)
				s.Value = append(s.Value, n)
			}
			p.Sample = append(p.Sample, s)
		}
	}
	if len(args) == 5 {
		n, err := strconv.ParseInt(args[4], 10, 64)
		ts.Check(err)
		p.DurationNanos = n * 1e9
	}
	out, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(p.Write(out))
	ts.Check(out.Close())
}
