package report

import (
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
)

// Program is what the captures say of the program itself.
type Program struct {
	Go       Text `json:"go" jsonschema:"Go version; null when the captures do not say, or do not agree"`
	MaxProcs *int `json:"max_procs" jsonschema:"GOMAXPROCS; null when the captures do not say, or do not agree"`
	BuildID  Text `json:"build_id" jsonschema:"of the binary, as its profiles state it; null when they do not, or do not agree"`
}

// newProgram is nil where nothing is known.
func newProgram(set *evidence.Set) *Program {
	var version, build agreed[string]
	var procs agreed[int]
	for i := range set.Inputs {
		version.add(set.Inputs[i].Go)
		build.add(set.Inputs[i].BuildID)
		procs.add(set.Inputs[i].MaxProcs)
	}
	if set.Trace != nil {
		for i := range set.Trace.Windows {
			procs.add(set.Trace.Windows[i].MaxProcs)
		}
	}
	p := Program{Go: Text(version.value()), BuildID: Text(build.value())}
	if n := procs.value(); n > 0 {
		p.MaxProcs = &n
	}
	if p == (Program{}) {
		return nil
	}
	return &p
}

// agreed is what all say who say anything.
type agreed[T comparable] struct {
	said     T
	disputed bool
}

func (a *agreed[T]) add(v T) {
	var none T
	switch {
	case v == none:
	case a.said == none:
		a.said = v
	case a.said != v:
		a.disputed = true
	}
}

func (a *agreed[T]) value() (none T) {
	if a.disputed {
		return none
	}
	return a.said
}

// program is what the report says of the program, also one from before there was such a section.
func (r *Report) program() Program {
	if r.Program != nil {
		return *r.Program
	}
	var version agreed[Text]
	for _, in := range r.Inputs {
		version.add(in.Go)
	}
	return Program{Go: version.value()}
}

// Distribution is how long something took each time.
type Distribution struct {
	Family string `json:"family" jsonschema:"load, runtime or wait"`
	Name   string `json:"name" jsonschema:"what took so long"`
	Unit   string `json:"unit" jsonschema:"ns"`
	Sketch string `json:"sketch" jsonschema:"count, sum, min and max, then the buckets that are not empty as distance from the one before and count; below 32 a bucket is a value, then 32 buckets an octave; sketches of several runs merge by adding counts"`
}

// Histogram reads the sketch.
func (d *Distribution) Histogram() (*evidence.Histogram, error) {
	h := &evidence.Histogram{}
	return h, h.UnmarshalText([]byte(d.Sketch))
}

func newDistributions(all []score.Distribution) []Distribution {
	var out []Distribution
	for i := range all {
		d := &all[i]
		if text, err := d.Histogram.MarshalText(); err == nil {
			out = append(out, Distribution{Family: string(d.Family), Name: d.Name, Unit: "ns", Sketch: string(text)})
		}
	}
	return out
}
