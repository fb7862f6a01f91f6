package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/budget"
	"go-debug/analyze/decode"
	"go-debug/analyze/source"
	"go-debug/detectors"
	"go-debug/detectors/detectortest"
)

// What a subject of the evaluation is.
const (
	kindFixture = "fixture"
	kindTwin    = "twin"
	kindSurvey  = "survey"
)

// A subject is one set of captures and what all detectors make of it together.
type subject struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Home is the detector whose fault is planted: that of the first want.
	Home     string        `json:"home,omitempty"`
	Findings []verdictLine `json:"findings"`
	Missed   []string      `json:"missed,omitempty"` // wants that no finding meets
	Error    string        `json:"error,omitempty"`

	wants   []detectortest.Want
	reasons map[string]string // why a rule of another detector speaks, by rule
}

// A verdictLine is one finding of a subject.
type verdictLine struct {
	Rule       string `json:"rule"`
	Severity   string `json:"severity"`
	Confidence string `json:"confidence"`
	At         string `json:"at"`
	Message    string `json:"message"`
	Wanted     bool   `json:"wanted"`
	Reason     string `json:"reason,omitempty"`

	severity analyze.Severity
}

// detector is the first part of the rule's name.
func (l *verdictLine) detector() string { return detectorOf(l.Rule) }

func detectorOf(rule string) string {
	name, _, _ := strings.Cut(rule, "/")
	return name
}

type detectorOptions struct {
	only    *regexp.Regexp
	sets    []string
	bundles string
	window  time.Duration
	json    bool
}

func parseDetectorFlags(args []string) (detectorOptions, error) {
	var opt detectorOptions
	var only, sets string
	fs := flag.NewFlagSet("detectors", flag.ContinueOnError)
	fs.StringVar(&only, "only", "", "judge only what `regexp` matches by name")
	fs.StringVar(&sets, "sets", "fixtures,survey", "what to judge")
	fs.StringVar(&opt.bundles, "bundles", "", "keep the survey's profiles in this `directory`; those that it holds already are judged without another run")
	fs.DurationVar(&opt.window, "for", 10*time.Second, "run each program of the survey for about this long")
	fs.BoolVar(&opt.json, "json", false, "print the results as JSON")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	var err error
	if opt.only, err = regexp.Compile(only); err != nil {
		return opt, fmt.Errorf("-only: %w", err)
	}
	opt.sets = strings.Split(sets, ",")
	for _, s := range opt.sets {
		if s != setFixtures && s != setSurvey {
			return opt, fmt.Errorf("-sets: no set %q", s)
		}
	}
	return opt, nil
}

// judgeDetectors is the command: it prints what each rule finds where it should and where it should not.
func judgeDetectors(ctx context.Context, args []string) error {
	opt, err := parseDetectorFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var subjects []*subject
	if slices.Contains(opt.sets, setFixtures) {
		planted, err := plantedSubjects(ctx, fixturesDir, opt.only)
		if err != nil {
			return err
		}
		subjects = append(subjects, planted...)
	}
	if slices.Contains(opt.sets, setSurvey) {
		healthy, err := surveySubjects(ctx, opt)
		if err != nil {
			return err
		}
		subjects = append(subjects, healthy...)
	}
	if opt.json {
		err = printJSON(os.Stdout, subjects)
	} else {
		printDetectors(os.Stdout, subjects)
	}
	return errors.Join(err, unmeasured(subjects))
}

func unmeasured(subjects []*subject) error {
	var all []error
	for _, s := range subjects {
		if s.Error != "" {
			all = append(all, fmt.Errorf("%s: %s", s.Name, s.Error))
		}
	}
	return errors.Join(all...)
}

// plantedSubjects judges every folder of fixtures that holds a program, by the captures it has.
func plantedSubjects(ctx context.Context, dir string, only *regexp.Regexp) ([]*subject, error) {
	mains, err := filepath.Glob(filepath.Join(dir, "*", "main.go"))
	if err != nil {
		return nil, err
	}
	if len(mains) == 0 {
		return nil, fmt.Errorf("no fixtures in %s: run it in the module's root", dir)
	}
	var out []*subject
	for _, m := range mains {
		folder := filepath.Dir(m)
		s := &subject{Name: filepath.Base(folder), Kind: kindFixture}
		if !only.MatchString(s.Name) {
			continue
		}
		if strings.HasSuffix(s.Name, "-healthy") {
			s.Kind = kindTwin
		}
		if s.wants, err = detectortest.Wants(folder); err != nil {
			return nil, err
		}
		if s.reasons, err = reasonsIn(folder); err != nil {
			return nil, err
		}
		for _, w := range s.wants {
			if !w.Low {
				s.Home = cmp.Or(s.Home, detectorOf(w.Rule))
			}
		}
		if err := s.judge(ctx, folder); err != nil {
			s.Error = err.Error()
		}
		out = append(out, s)
	}
	return out, context.Cause(ctx)
}

// reasonComment explains in a fixture's source why another detector speaks of it, too:
//
//	// crosstalk gc/cpu: the strings that are put together are garbage
var reasonComment = regexp.MustCompile(`(?m)^\s*// crosstalk ([a-z0-9]+/[a-z0-9-]+): (.+)$`)

func reasonsIn(folder string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, m := range reasonComment.FindAllStringSubmatch(string(src), -1) {
			out[m[1]] = m[2]
		}
	}
	return out, nil
}

// judge runs all detectors over the captures in a directory.
func (s *subject) judge(ctx context.Context, dir string) error {
	items, problems := source.Resolve(ctx, []string{dir}, source.Options{})
	for _, p := range problems {
		if p.Fatal {
			return fmt.Errorf("%s: %w", p.Name, p.Err)
		}
	}
	if len(items) == 0 {
		return errors.New("no captures")
	}
	set := decode.All(ctx, items, budget.Default())
	for _, in := range set.Inputs {
		if in.Error != "" {
			return fmt.Errorf("%s: %s", in.Source, in.Error)
		}
	}
	params, err := detectortest.Params(dir)
	if err != nil {
		return err
	}
	res, err := analyze.Run(ctx, set, detectors.All, analyze.Options{Params: params})
	if err != nil {
		return err
	}
	for _, o := range res.Outcomes {
		if o.State == analyze.Failed {
			return fmt.Errorf("detector %s failed: %s", o.Detector, o.Why)
		}
	}
	s.compare(res.Findings)
	return nil
}

// compare pairs findings with wants, one to one.
func (s *subject) compare(findings []analyze.Finding) {
	met := make([]bool, len(s.wants))
	for i := range findings {
		f := &findings[i]
		line := verdictLine{Rule: f.Rule, Severity: f.Severity.String(), Confidence: f.Confidence.String(), Message: f.Message,
			severity: f.Severity, Reason: s.reasons[f.Rule]}
		if !f.Location.IsZero() {
			line.At = fmt.Sprintf("%s:%d", path.Base(f.Location.File), f.Location.Line)
		}
		for j, w := range s.wants {
			if !met[j] && w.Matches(f) {
				met[j], line.Wanted = true, true
				break
			}
		}
		s.Findings = append(s.Findings, line)
	}
	for j, w := range s.wants {
		if !met[j] {
			s.Missed = append(s.Missed, fmt.Sprintf("%s:%d %v", w.File, w.Line, w))
		}
	}
}
