package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

const loadServices = "scripts/evaluate/load/services"

// A scenario is a server and the load it is under, and what is right to say of it.
type scenario struct {
	name string
	rate func(t float64) float64 // requests per second, t in seconds from the begin of the watched window
	// verdicts are those that are right; findings says whether one is due.
	verdicts []string
	diverges bool
	streams  int  // connections that stay open
	retries  bool // clients give up after patience and ask again
}

const patience = 400 * time.Millisecond

func steady(rate float64) func(float64) float64 { return func(float64) float64 { return rate } }

// from is the rate before a moment of the window, and after it.
func from(at, before, after float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}

// loadScenarios are judged by scrapes alone. A saturated server may have levelled off where clients are few.
var loadScenarios = []scenario{
	{name: "healthy_low", rate: steady(20), verdicts: []string{"ok"}},
	{name: "healthy_high", rate: steady(300), verdicts: []string{"ok"}},
	{name: "bursty", rate: func(t float64) float64 { return 60 + 140*math.Pow(math.Max(math.Sin(t*1.3), 0), 4) }, verdicts: []string{"ok", "recovered"}},
	{name: "ramp", rate: func(t float64) float64 { return 20 + 12*math.Max(t, 0) }, verdicts: []string{"ok"}},
	{name: "streams", rate: steady(60), streams: 40, verdicts: []string{"ok"}},
	{name: "stable_contention", rate: steady(200), verdicts: []string{"ok", "recovered"}},
	{name: "slow_steady", rate: steady(60), verdicts: []string{"ok"}},
	{name: "burst_recovery", rate: func(t float64) float64 {
		if t > 7 && t < 10 {
			return 350
		}
		return 60
	}, verdicts: []string{"ok", "recovered"}},
	{name: "mutex_saturated", rate: from(3, 60, 180), verdicts: []string{"growing", "plateau"}, diverges: true},
	{name: "pool_saturated", rate: from(3, 50, 140), verdicts: []string{"growing", "plateau"}, diverges: true},
	// Where processors saturate, scrapes go unanswered: that is a verdict too.
	{name: "cpu_saturated", rate: from(3, 40, 140), verdicts: []string{"growing", "plateau", "unanswered"}, diverges: true},
	{name: "gc_saturated", rate: from(3, 150, 420), verdicts: []string{"growing", "plateau", "unanswered"}, diverges: true},
	{name: "slow_downstream", rate: steady(80), verdicts: []string{"growing", "plateau"}, diverges: true},
	{name: "in_flight_leak", rate: steady(100), verdicts: []string{"leak"}, diverges: true},
	{name: "retry_storm", rate: from(3, 60, 230), retries: true, verdicts: []string{"growing", "plateau", "leak"}, diverges: true},
}

// loadTrial is what became of a scenario.
type loadTrial struct {
	Name      string  `json:"name"`
	Diverges  bool    `json:"diverges"` // the truth
	Verdict   string  `json:"verdict"`
	Sentence  string  `json:"sentence"`
	Alarm     bool    `json:"alarm"` // a finding was made, or the server could not answer
	Right     bool    `json:"right"`
	Made      bool    `json:"made"`            // requests piled up, where they were to
	QPSError  float64 `json:"qps_error"`       // against the middleware
	FlightErr float64 `json:"in_flight_error"` // mean in flight, against the middleware
	Error     string  `json:"error,omitempty"`
}

type loadOptions struct {
	only   *regexp.Regexp
	window time.Duration
	every  time.Duration
	json   bool
	keep   string
	seed   uint64
}

func parseLoadFlags(args []string) (loadOptions, error) {
	var opt loadOptions
	var only string
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.StringVar(&only, "only", "", "run only the scenarios that `regexp` matches by name")
	fs.DurationVar(&opt.window, "for", 15*time.Second, "watch each scenario for this long")
	fs.DurationVar(&opt.every, "every", 500*time.Millisecond, "time between scrapes")
	fs.BoolVar(&opt.json, "json", false, "print the results as JSON")
	fs.StringVar(&opt.keep, "keep", "", "keep the scrapes in this `directory`")
	fs.Uint64Var(&opt.seed, "seed", 1, "of the arrivals")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	var err error
	if opt.only, err = regexp.Compile(only); err != nil {
		return opt, fmt.Errorf("-only: %w", err)
	}
	return opt, nil
}

// judgeLoad runs every scenario, one at a time: they share the processors with their load generator.
func judgeLoad(ctx context.Context, opt loadOptions) error {
	if _, err := os.Stat(loadServices); err != nil {
		return fmt.Errorf("not in the module's root: %w", err)
	}
	work, err := os.MkdirTemp("", "evaluate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	services, debug := filepath.Join(work, "services"), filepath.Join(work, "go-debug")
	if err := errors.Join(goBuild(ctx, ".", "./"+loadServices, services, build{}), goBuild(ctx, ".", "./cmd/go-debug", debug, build{})); err != nil {
		return err
	}
	if opt.keep == "" {
		opt.keep = work
	} else if err := os.MkdirAll(opt.keep, 0o755); err != nil {
		return err
	}
	var trials []loadTrial
	for _, s := range loadScenarios {
		if !opt.only.MatchString(s.name) || ctx.Err() != nil {
			continue
		}
		tr := loadTrial{Name: s.name, Diverges: s.diverges}
		if err := s.perform(ctx, opt, services, debug, &tr); err != nil {
			tr.Error = err.Error()
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, tr.outcome())
		trials = append(trials, tr)
	}
	if opt.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(trials)
	} else {
		err = printLoad(os.Stdout, trials)
	}
	for _, t := range trials {
		if t.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", t.Name, t.Error))
		}
	}
	return errors.Join(err, context.Cause(ctx))
}

func (t *loadTrial) outcome() string {
	switch {
	case t.Error != "":
		return "not measured: " + t.Error
	case !t.Made:
		return "not made, requests did not pile up on this machine: " + t.Sentence
	case t.Alarm && !t.Diverges:
		return "FALSE ALARM: " + t.Sentence
	case !t.Alarm && t.Diverges:
		return "MISSED: " + t.Sentence
	case !t.Right:
		return "WRONG VERDICT " + t.Verdict + ": " + t.Sentence
	}
	return t.Verdict + ": " + t.Sentence
}

// perform runs one scenario and judges what its scrapes say.
func (s *scenario) perform(ctx context.Context, opt loadOptions, services, debug string, tr *loadTrial) error {
	url, kill, err := startService(ctx, services, "-scenario", s.name)
	if err != nil {
		return err
	}
	defer kill()
	const lead = 3 * time.Second
	ctx, stop := context.WithTimeout(ctx, lead+opt.window)
	defer stop()
	begin := time.Now().Add(lead)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.send(ctx, url, begin, rand.New(rand.NewPCG(opt.seed, 7)))
	}()
	file := filepath.Join(opt.keep, s.name+".metrics.txt")
	from, to, err := scrapeInto(ctx, file, url, begin, opt)
	if err != nil {
		return err
	}
	// A saturated server answers once nobody asks for more.
	stop()
	<-sent
	visits, err := fetchTruth(url)
	if err != nil {
		return err
	}
	return s.judge(context.WithoutCancel(ctx), debug, file, visits, from, to, tr)
}

// startService runs a service's process and reads its URL.
func startService(ctx context.Context, binary string, args ...string) (base string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // a saturated service has nothing to tidy up
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		stop()
		return "", nil, fmt.Errorf("%s does not say where it listens: %w", strings.Join(args, " "), cmp.Or(err, errors.New(line)))
	}
	return base, stop, nil
}

// send sends at the scenario's rate whether or not replies come, as a Poisson process.
func (s *scenario) send(ctx context.Context, url string, begin time.Time, rng *rand.Rand) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096}}
	defer client.CloseIdleConnections()
	for range s.streams {
		go s.request(ctx, client, url+"/work?stream=1", false)
	}
	next := time.Now()
	for {
		rate := s.rate(time.Until(begin).Seconds() * -1)
		next = next.Add(time.Duration(rng.ExpFloat64() / rate * float64(time.Second)))
		if !sleep(ctx, time.Until(next)) {
			return
		}
		go s.request(ctx, client, url+"/work", s.retries)
	}
}

// request asks once, or where clients have no patience up to four times: the server goes on with what they gave up.
func (s *scenario) request(ctx context.Context, client *http.Client, url string, retries bool) {
	for range 4 {
		one, cancel := ctx, context.CancelFunc(func() {})
		if retries {
			one, cancel = context.WithTimeout(ctx, patience)
		}
		req, err := http.NewRequestWithContext(one, http.MethodGet, url, nil)
		if err == nil {
			var resp *http.Response
			if resp, err = client.Do(req); err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
		cancel()
		if err == nil || !retries || ctx.Err() != nil {
			return
		}
	}
}

// scrapeInto writes the scrapes of the window into a file, and returns when the first and the last were taken.
func scrapeInto(ctx context.Context, file, url string, begin time.Time, opt loadOptions) (first, last time.Time, err error) {
	f, err := os.Create(file)
	if err != nil {
		return first, last, err
	}
	defer f.Close()
	for next := begin; next.Before(begin.Add(opt.window)); next = next.Add(opt.every) {
		if !sleep(ctx, time.Until(next)) {
			break
		}
		last = time.Now()
		if first.IsZero() {
			first = last
		}
		text, err := fetch(url+"/metrics", scrapeTimeout)
		if err != nil {
			text = nil // a scrape that the service did not answer
		}
		if _, err := fmt.Fprintf(f, "# scrape %.6f\n%s", float64(last.UnixNano())/1e9, text); err != nil {
			return first, last, err
		}
	}
	return first, last, f.Close()
}

const (
	scrapeTimeout = 3 * time.Second
	truthTimeout  = time.Minute
)

func fetch(url string, timeout time.Duration) ([]byte, error) {
	client := http.Client{Timeout: timeout}
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// visit is a request as the service's middleware saw it.
type visit struct{ Start, End int64 }

func fetchTruth(url string) ([]visit, error) {
	data, err := fetch(url+"/truth", truthTimeout)
	if err != nil {
		return nil, err
	}
	var out []visit
	return out, json.Unmarshal(data, &out)
}

// loadReport is what is read of a report.
type loadReport struct {
	Load []struct {
		Route, Verdict, Sentence string
		QPS                      *float64
		InFlight                 struct{ Mean *float64 } `json:"in_flight"`
	}
	Findings []struct{ Rule string }
}

func (s *scenario) judge(ctx context.Context, debug, file string, visits []visit, from, to time.Time, tr *loadTrial) error {
	out, code, err := tool{debug}.run(ctx, "", "analyze", "-f", "json", "--only", "inflight", file)
	if err != nil && code != exitInconclusive {
		return err
	}
	var r loadReport
	if err := json.Unmarshal(out, &r); err != nil {
		return err
	}
	for _, f := range r.Findings {
		tr.Alarm = tr.Alarm || strings.HasPrefix(f.Rule, "inflight/")
	}
	for _, l := range r.Load {
		if l.Route != "all" || l.QPS == nil || l.InFlight.Mean == nil {
			continue
		}
		tr.Verdict, tr.Sentence = l.Verdict, l.Sentence
		qps, flight := truthOf(visits, from, to)
		tr.QPSError, tr.FlightErr = *l.QPS/qps-1, *l.InFlight.Mean/flight-1
	}
	tr.Made = !s.diverges || made(visits, from, to)
	tr.Alarm = tr.Alarm || tr.Verdict == "unanswered"
	tr.Right = tr.Alarm == s.diverges && slices.Contains(s.verdicts, tr.Verdict)
	return nil
}

// made reports whether requests piled up at all: a machine may be faster than the scenario takes it to be.
func made(visits []visit, from, to time.Time) bool {
	third := to.Sub(from) / 3
	_, first := truthOf(visits, from, from.Add(third))
	_, last := truthOf(visits, to.Add(-third), to)
	return last >= 2*first && last-first >= 10
}

// truthOf is throughput and mean concurrency over the window, from the single requests.
func truthOf(visits []visit, from, to time.Time) (qps, inFlight float64) {
	a, b := from.UnixNano(), to.UnixNano()
	var done, area float64
	for _, v := range visits {
		end := v.End
		if end == 0 {
			end = math.MaxInt64
		}
		if end > a && end <= b {
			done++
		}
		if lo, hi := max(v.Start, a), min(end, b); hi > lo {
			area += float64(hi - lo)
		}
	}
	return done / to.Sub(from).Seconds(), area / float64(b-a)
}

func printLoad(w io.Writer, trials []loadTrial) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "scenario\ttruth\tfinding\tverdict\tQPS off by\tin flight off by")
	var alarms, healthy, found, faulty, right int
	for _, t := range trials {
		if t.Error != "" {
			fmt.Fprintf(tw, "%s\tnot measured: %s\n", t.Name, t.Error)
			continue
		}
		if !t.Made {
			fmt.Fprintf(tw, "%s\tnot made: requests did not pile up\n", t.Name)
			continue
		}
		truth, finding := "stable", "-"
		if t.Diverges {
			truth = "diverges"
		}
		if t.Alarm {
			finding = "yes"
		}
		mark := ""
		if !t.Right {
			mark = " (wrong)"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s%s\t%+.2f %%\t%+.1f %%\n", t.Name, truth, finding, t.Verdict, mark, 100*t.QPSError, 100*t.FlightErr)
		switch {
		case t.Diverges:
			faulty++
			if t.Alarm {
				found++
			}
		default:
			healthy++
			if t.Alarm {
				alarms++
			}
		}
		if t.Right {
			right++
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nfalse alarms %d of %d, found %d of %d, right verdict %d of %d; from scrapes alone, which name no cause\n",
		alarms, healthy, found, faulty, right, healthy+faulty)
	return err
}
