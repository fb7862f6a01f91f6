package pprof

import (
	"fmt"
	"path"
	"strings"

	"github.com/google/pprof/profile"

	"go-debug/analyze/evidence"
)

// parsed is what conversion to evidence needs of a profile, whoever parsed it.
type parsed struct {
	sampleTypes   []evidence.ValueType
	defaultType   string
	periodType    evidence.ValueType
	period        int64
	timeNanos     int64
	durationNanos int64
	comments      []string
	stacks        *aggregate
	// labels are the distinct labels as "key=value", and how many samples carry each.
	labels      []string
	labelCounts []int64
	lostLabels  int64

	negative   int64 // samples with a negative value
	locations  int
	nameless   int  // locations without a function name
	functions  int  // functions with a name
	goSource   bool // some function is Go's
	defaultCol int
}

// parse runs profile.Parse's decoder over a scanned body and folds the samples. An error
// means that the body is no valid profile.
func parse(s *scan, limit int64) (*parsed, error) {
	names, err := s.labelNames()
	if err != nil {
		return nil, err
	}
	prof, err := profile.ParseUncompressed(s.body)
	if err != nil {
		// All other faults of encoding were found by the scan.
		return nil, fmt.Errorf("a message has a field of the wrong type or points outside the string table, as in a file that is cut short: %w", err)
	}
	s.body, s.message = nil, nil // profile.Parse copied what it keeps
	if err := prof.CheckValid(); err != nil {
		return nil, err
	}
	if len(prof.SampleType) == 0 {
		return nil, fmt.Errorf("it has no sample types")
	}
	p := &parsed{
		defaultType: prof.DefaultSampleType, period: prof.Period, timeNanos: prof.TimeNanos,
		durationNanos: prof.DurationNanos, comments: prof.Comments,
		labels: names, labelCounts: make([]int64, len(names)), lostLabels: s.lostLabels,
		locations: len(prof.Location),
	}
	for _, t := range prof.SampleType {
		p.sampleTypes = append(p.sampleTypes, evidence.ValueType{Type: t.Type, Unit: t.Unit})
	}
	p.defaultCol = defaultColumn(prof)
	if t := prof.PeriodType; t != nil {
		p.periodType = evidence.ValueType{Type: t.Type, Unit: t.Unit}
	}
	for _, f := range prof.Function {
		if f.Name != "" {
			p.functions++
		}
		p.goSource = p.goSource || isGo(f)
	}
	p.fold(prof, s, limit)
	return p, nil
}

// defaultColumn is the column of goroutines, or the one the profile names, or the last.
func defaultColumn(prof *profile.Profile) int {
	for i, t := range prof.SampleType {
		if t.Type == "goroutine" || t.Type == "goroutineleak" {
			return i
		}
	}
	for i, t := range prof.SampleType {
		if t.Type != "" && t.Type == prof.DefaultSampleType {
			return i
		}
	}
	return len(prof.SampleType) - 1
}

// fold feeds the samples to the aggregate.
func (p *parsed) fold(prof *profile.Profile, s *scan, limit int64) {
	a := newAggregate(len(prof.SampleType), p.defaultCol, limit)
	p.stacks = a
	siteOf := make(map[*profile.Location]int32, len(prof.Location))
	var frames []int32
	for _, l := range prof.Location {
		frames = frames[:0]
		for _, line := range l.Line { // innermost first; the last is the function that was compiled
			frames = append(frames, a.frame(frameOf(line)))
		}
		if len(l.Line) == 0 || l.Line[0].Function.Name == "" {
			p.nameless++
		}
		if len(l.Line) == 0 {
			frames = append(frames, a.frame(evidence.Frame{Function: mappingName(l.Mapping)}))
		}
		siteOf[l] = a.site(frames)
	}
	var sites []int32
	for i, sample := range prof.Sample {
		sites = sites[:0]
		for _, l := range sample.Location {
			sites = append(sites, siteOf[l])
		}
		for _, v := range sample.Value {
			if v < 0 {
				p.negative++
				break
			}
		}
		labels := s.labelsOf(i)
		for _, id := range labels {
			p.labelCounts[id]++
		}
		a.add(sites, sample.Value, labels)
	}
}

func frameOf(line profile.Line) evidence.Frame {
	return evidence.Frame{Function: line.Function.Name, File: line.Function.Filename, Line: int(max(line.Line, 0))}
}

// mappingName stands for the function of an address that nobody symbolised. It holds no
// address: those change with every run.
func mappingName(m *profile.Mapping) string {
	if m == nil || m.File == "" {
		return "[unknown]"
	}
	name := path.Base(strings.ReplaceAll(m.File, `\`, "/"))
	return "[" + strings.Trim(name, "[]") + "]"
}

// isGo reports whether a function was compiled by Go's toolchain, as far as its names tell.
func isGo(f *profile.Function) bool {
	return strings.HasSuffix(f.Filename, ".go") || strings.HasPrefix(f.Name, "runtime.") || strings.HasPrefix(f.Name, "main.")
}

// labelNames resolves the distinct labels against the string table of the body.
func (s *scan) labelNames() ([]string, error) {
	if len(s.pairs) == 0 {
		return nil, nil
	}
	wanted := map[int64]string{}
	for _, p := range s.pairs {
		wanted[p.key], wanted[p.str] = "", ""
	}
	index := int64(0)
	for body := s.body; len(body) > 0; {
		f, rest, err := nextField(body)
		if err != nil {
			return nil, err
		}
		if f.number == fieldString {
			if _, ok := wanted[index]; ok {
				wanted[index] = string(f.data[:min(len(f.data), maxLabel)])
			}
			index++
		}
		body = rest
	}
	out := make([]string, len(s.pairs))
	for i, p := range s.pairs {
		if p.key < 0 || p.key >= index || p.str < 0 || p.str >= index {
			return nil, fmt.Errorf("a label points outside the string table")
		}
		if p.str != 0 {
			out[i] = wanted[p.key] + "=" + wanted[p.str]
		} else {
			out[i] = fmt.Sprintf("%s=%d", wanted[p.key], p.num)
		}
	}
	return out, nil
}

// maxLabel cuts a label's key and value.
const maxLabel = 256
