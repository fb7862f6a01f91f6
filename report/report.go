// Package report is the result of a run as data: the JSON contract, its schema, the
// verdict, the comparison of two reports and the policy that turns them into an exit code.
//
// A Report holds everything that a renderer shows, so a stored report renders to the same
// bytes as a fresh one. Nothing is judged outside this package.
//
// Within v1 of the schema fields are added and never renamed or removed. Absent is null,
// never 0; arrays are never null. Units stand in the field names or in a unit field.
package report

import (
	"bytes"
	"encoding/json"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// SchemaName is the value of the schema field that this package writes and reads.
const SchemaName = "go-debug/report/v1"

// Report is one run: what was read, what was checked, what was found.
type Report struct {
	Schema        string         `json:"schema" jsonschema:"name and major version of this format"`
	Tool          Tool           `json:"tool" jsonschema:"the program that wrote the report"`
	Verdict       Verdict        `json:"verdict" jsonschema:"the result in one word and one line"`
	Target        Text           `json:"target" jsonschema:"URL of the program that the inputs were captured from, without user, password and query; null when nobody recorded it or there are several"`
	Program       *Program       `json:"program" jsonschema:"the program that the captures are of, as far as they say; null when they do not"`
	Inputs        []Input        `json:"inputs" jsonschema:"what was read, in the order of the captures"`
	Source        *Source        `json:"source" jsonschema:"the program's source code, as far as it was read; null when none was"`
	Load          []Load         `json:"load" jsonschema:"throughput beside concurrency, by source and route"`
	Detectors     []Detector     `json:"detectors" jsonschema:"what was checked and what was not"`
	Findings      []Finding      `json:"findings" jsonschema:"what was found, the most important first"`
	Rules         []Rule         `json:"rules" jsonschema:"the rules of the findings, by id; additive: absent in reports of older versions"`
	Scores        []Score        `json:"scores" jsonschema:"numbers by which runs are compared: the largest functions, waits, latencies"`
	Distributions []Distribution `json:"distributions" jsonschema:"how long requests, waits and pauses took, as sketches that merge with those of other runs"`
	Sites         *SiteList      `json:"sites" jsonschema:"where goroutines blocked, found fault with or not; null when no evidence shows it"`
	Diff          *Diff          `json:"diff" jsonschema:"what differs from other runs; null where there was nothing to compare"`
	Gate          *Gate          `json:"gate" jsonschema:"the judgement of a gate; null for a plain analysis"`
}

// Text is a string whose absence is null in JSON.
type Text string

// MarshalJSON writes null for the empty string.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(t)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON reads null as the empty string.
func (t *Text) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*string)(t)) }

// Tool names the program that wrote a report.
type Tool struct {
	Name    string `json:"name" jsonschema:"always go-debug"`
	Version string `json:"version" jsonschema:"version of the tool"`
	Go      string `json:"go" jsonschema:"Go version that the tool was built with"`
}

// Status is the verdict in one word.
type Status string

// The statuses. See [Verdict] for when each applies.
const (
	Fail         Status = "fail"
	Warn         Status = "warn"
	OK           Status = "ok"
	Inconclusive Status = "inconclusive"
)

// Verdict is the result in one word and one line. See verdict.go for the rules.
type Verdict struct {
	Status  Status `json:"status" jsonschema:"fail: a finding of high severity that is likely or proven; warn: any other finding, an input not wholly read or a detector that failed; inconclusive: nothing could be checked; ok: otherwise"`
	Summary string `json:"summary" jsonschema:"one line: what was found by kind, and what was not read or checked"`
}

// Input is one input as it was read.
type Input struct {
	Name       string        `json:"name" jsonschema:"as the user named it"`
	Kind       evidence.Kind `json:"kind" jsonschema:"goroutine, goroutineleak, heap, allocs, cpu, mutex, block, threadcreate, trace, metrics, loadtest or unknown"`
	Format     Text          `json:"format" jsonschema:"pprof, debug1, debug2, trace, openmetrics and so on; null when not recognised"`
	Bytes      *int64        `json:"bytes" jsonschema:"size in bytes as read, before decompression; null when it could not be read"`
	SHA256     Text          `json:"sha256" jsonschema:"of the bytes as read; null when they were not read to the end"`
	Go         Text          `json:"go" jsonschema:"Go version of the program; null when the capture does not say"`
	CapturedAt Text          `json:"captured_at" jsonschema:"RFC 3339; null when nobody recorded it"`
	ProgramAt  Text          `json:"program_at" jsonschema:"the same by the clock of the program, RFC 3339; null when the capture does not say"`
	Phase      Text          `json:"phase" jsonschema:"settled: taken when the load had stopped; unattended: when it was to stop and nobody saw it do so; null for any other"`
	Empty      bool          `json:"empty" jsonschema:"true for a profile without a sample: nothing happened, or nobody turned it on"`
	Complete   bool          `json:"complete" jsonschema:"false when the input was cut, over budget or unreadable"`
	LostBytes  *int64        `json:"lost_bytes" jsonschema:"bytes not analysed; null when that is not known"`
	LostS      *float64      `json:"lost_s" jsonschema:"seconds of the capture's window that are missing; null when that is not known"`
	Error      string        `json:"error" jsonschema:"why the input is incomplete; empty when it is not"`
	Hint       string        `json:"hint" jsonschema:"what to do about the error"`
	Notes      []string      `json:"notes" jsonschema:"remarks that are no errors"`
}

// Detector is how one detector ended.
type Detector struct {
	Name      string        `json:"name" jsonschema:"name of the detector"`
	State     analyze.State `json:"state" jsonschema:"ran: it answered, findings or none; skipped: nothing it reads was there; inconclusive: the evidence cannot answer; failed: a defect in the detector"`
	Why       string        `json:"why" jsonschema:"why it did not run or could not tell; else empty"`
	Try       string        `json:"try" jsonschema:"the command that would supply the evidence; else empty"`
	Unchecked []Unchecked   `json:"unchecked" jsonschema:"questions that stayed open although the detector ran"`
	// Supporting detectors judge the evidence: without another that ran, nothing was checked.
	Supporting bool `json:"supporting,omitempty" jsonschema:"it judges the evidence and not the service: alone it does not make a report ok"`
	// Reads and Evidence let a comparison tell a fault that is gone from one that could no
	// longer be seen.
	Reads    []evidence.Kind `json:"reads" jsonschema:"kinds of input that the detector can use, best first"`
	Evidence []evidence.Kind `json:"evidence" jsonschema:"those of them that were there"`
}

// Unchecked is a question that stayed open, and the command that would answer it.
type Unchecked struct {
	What string `json:"what" jsonschema:"the question"`
	Try  string `json:"try" jsonschema:"the command that would answer it"`
}

// Rule is what a finding's rule says, whatever the place.
type Rule struct {
	ID       string           `json:"id" jsonschema:"detector and fault, such as leak/chan-send"`
	Title    string           `json:"title" jsonschema:"the fault in one line"`
	Severity analyze.Severity `json:"severity" jsonschema:"how bad it is"`
	Remedy   string           `json:"remedy" jsonschema:"what to change"`
	Help     string           `json:"help" jsonschema:"what it means, how it is found and when it is wrong"`
}

// Finding is one fault at one place.
type Finding struct {
	Rule        string             `json:"rule" jsonschema:"detector and fault, such as leak/chan-send"`
	Noun        string             `json:"noun" jsonschema:"what the summary calls a finding of this detector"`
	Severity    analyze.Severity   `json:"severity" jsonschema:"how bad the fault is; it belongs to the rule"`
	Confidence  analyze.Confidence `json:"confidence" jsonschema:"how sure the finding is; it follows from the evidence"`
	Message     string             `json:"message" jsonschema:"one line of cause, without the location"`
	Fingerprint string             `json:"fingerprint" jsonschema:"hash of rule, wait and function names: survives edits of other lines"`
	Location    *Frame             `json:"location" jsonschema:"the line to look at; null when no line can be named"`
	CreatedBy   *Frame             `json:"created_by" jsonschema:"the go statement; null when not known"`
	Wait        evidence.Wait      `json:"wait" jsonschema:"what the goroutines wait for; empty when they do not or it is not known"`
	Measures    []Measure          `json:"measures" jsonschema:"the numbers behind the finding; the first is the headline"`
	Stacks      [][]string         `json:"stacks" jsonschema:"function names, innermost first"`
	StackFrames [][]Frame          `json:"stack_frames" jsonschema:"the same stacks with file and line"`
	Code        *Code              `json:"code" jsonschema:"what the program's source says about the place; null when it was not read or says nothing"`
	Remedy      string             `json:"remedy" jsonschema:"what to change"`
	Next        string             `json:"next" jsonschema:"the next command to run; empty for none"`
	FoldedInto  string             `json:"folded_into" jsonschema:"fingerprint of the finding before this one that has the same cause and is the one to act on; empty for most"`
}

// Frame is a place in the program.
type Frame struct {
	Function string `json:"function" jsonschema:"as the runtime names it"`
	File     Text   `json:"file" jsonschema:"last element of the package path and base name (store/rows.go); base name alone in package main"`
	Line     *int   `json:"line" jsonschema:"line number; null when not known"`
	Path     Text   `json:"path" jsonschema:"the file as the capture records it"`
	Source   Text   `json:"source" jsonschema:"the file in the program's source as it was read, relative to where the tool ran, or to the source where that is elsewhere; null when it was not found, and for all but the places of findings"`
}

// Measure is one number with what a reader needs to judge it.
type Measure struct {
	Name     string      `json:"name" jsonschema:"what is measured"`
	Value    *float64    `json:"value" jsonschema:"the number, in unit"`
	Unit     string      `json:"unit" jsonschema:"of value, percentiles and interval: count, ns, s, bytes, per_s, ratio (0 to 1), percent and so on"`
	N        *int64      `json:"n" jsonschema:"samples behind the value"`
	WindowS  *float64    `json:"window_s" jsonschema:"seconds of observation; null for a moment in time"`
	P50      *float64    `json:"p50" jsonschema:"median"`
	P90      *float64    `json:"p90" jsonschema:"90th percentile"`
	P95      *float64    `json:"p95" jsonschema:"95th percentile"`
	P99      *float64    `json:"p99" jsonschema:"99th percentile"`
	Max      *float64    `json:"max" jsonschema:"largest sample"`
	Interval *[2]float64 `json:"interval" jsonschema:"lower and upper bound, 95 % unless method says otherwise"`
	Method   string      `json:"method" jsonschema:"how the value was found"`
	Warnings []string    `json:"warnings" jsonschema:"why to be careful with it"`
}

// Load is throughput beside concurrency for one source and route.
type Load struct {
	Source       string             `json:"source" jsonschema:"trace, metrics or loadtest"`
	Route        string             `json:"route" jsonschema:"all, or a route or handler"`
	Origin       Text               `json:"origin" jsonschema:"the target or the file that the load is of, where several of one source and route can stand side by side; null otherwise"`
	WindowS      *float64           `json:"window_s" jsonschema:"seconds of observation"`
	Requests     *float64           `json:"requests" jsonschema:"completed in the window"`
	Censored     *float64           `json:"censored" jsonschema:"requests whose begin or end lies outside the window"`
	ArrivalsPerS *float64           `json:"arrivals_per_s" jsonschema:"requests that arrived, per second"`
	QPS          *float64           `json:"qps" jsonschema:"requests completed, per second"`
	InFlight     InFlight           `json:"in_flight" jsonschema:"requests in flight"`
	LatencyNS    *Latency           `json:"latency_ns" jsonschema:"latency percentiles in nanoseconds"`
	Queued       *float64           `json:"queued" jsonschema:"requests in flight that wait rather than are served: in_flight * (1 - W0/W), W0 the mean latency in the quietest bins"`
	States       map[string]float64 `json:"states" jsonschema:"share (0 to 1) of in-flight time by state"`
	FanOut       *FanOut            `json:"fan_out" jsonschema:"goroutines that requests start and wait for; null where they start none or it is not known"`
	LittlesGap   *float64           `json:"littles_gap" jsonschema:"1 - X*W/L: near 0 is steady, near 1 is work that does not complete"`
	Goroutines   *float64           `json:"goroutines" jsonschema:"at the end of the window"`
	Verdict      string             `json:"verdict" jsonschema:"ok, growing, plateau, leak, recovered, unanswered or inconclusive"`
	Cause        Text               `json:"cause" jsonschema:"downstream, pool, mutex, cpu, gc, stuck, abandoned and so on; null when not known"`
	Sentence     string             `json:"sentence" jsonschema:"the load in one line"`
	Support      *Support           `json:"support" jsonschema:"the concurrency up to which P99 is known to keep a limit"`
	Measures     []Measure          `json:"measures" jsonschema:"the numbers behind the verdict"`
	Series       *Series            `json:"series" jsonschema:"the load over time"`
}

// FanOut is the goroutines that requests start, and what these do while requests wait for them.
type FanOut struct {
	Started    int64     `json:"started" jsonschema:"goroutines started by requests that arrived and ended in the window, and by those that these started"`
	Left       int64     `json:"left_running" jsonschema:"of started: still there 10 ms after their requests were over"`
	Unfollowed int64     `json:"unfollowed" jsonschema:"of started: what they did is not known throughout"`
	Awaited    []Awaited `json:"awaited" jsonschema:"waits that goroutines of the requests' own ended"`
}

// Awaited is time in which requests waited for goroutines of their own.
type Awaited struct {
	State string   `json:"state" jsonschema:"of the request"`
	For   string   `json:"for" jsonschema:"state of the goroutine that ended the wait"`
	Share *float64 `json:"share" jsonschema:"share (0 to 1) of in-flight time"`
}

// Support is the concurrency up to which P99 is known to keep a limit.
type Support struct {
	InFlight *int     `json:"in_flight" jsonschema:"requests at once"`
	LimitNS  *float64 `json:"p99_limit_ns" jsonschema:"the limit on P99 in nanoseconds"`
	BoundNS  *float64 `json:"p99_bound_ns" jsonschema:"upper bound of P99 at that concurrency"`
	Limited  bool     `json:"limited" jsonschema:"true when more was seen and did not keep the limit"`
	Method   string   `json:"method" jsonschema:"how it was found"`
}

// InFlight is concurrency over the window. Lower and Upper stand instead of Mean where
// only an interval can be known.
type InFlight struct {
	Mean  *float64 `json:"mean" jsonschema:"time average"`
	Max   *float64 `json:"max" jsonschema:"largest"`
	Lower *float64 `json:"lower" jsonschema:"lower bound of the mean, where only an interval is known"`
	Upper *float64 `json:"upper" jsonschema:"upper bound of the mean, where only an interval is known"`
}

// Latency holds percentiles in nanoseconds.
type Latency struct {
	P50    *float64 `json:"p50" jsonschema:"median"`
	P90    *float64 `json:"p90" jsonschema:"90th percentile"`
	P95    *float64 `json:"p95" jsonschema:"95th percentile"`
	P99    *float64 `json:"p99" jsonschema:"99th percentile"`
	Max    *float64 `json:"max" jsonschema:"slowest"`
	N      *int64   `json:"n" jsonschema:"requests behind the percentiles"`
	Bound  bool     `json:"upper_bound" jsonschema:"true when the percentiles are upper bounds of histogram buckets"`
	Method string   `json:"method" jsonschema:"how the percentiles were found"`
	// Intervals are by the names of the percentiles.
	Intervals map[string][2]float64 `json:"intervals" jsonschema:"95 % interval of each percentile, or the bounds of its bucket; what is missing has none"`
}

// Series is the load over time in bins of one width.
type Series struct {
	BinS         float64    `json:"bin_s" jsonschema:"width of a bin in seconds"`
	ArrivalsPerS []*float64 `json:"arrivals_per_s" jsonschema:"arrivals per second in each bin"`
	QPS          []*float64 `json:"qps" jsonschema:"completions per second in each bin"`
	InFlight     []*float64 `json:"in_flight" jsonschema:"mean in flight in each bin"`
	Goroutines   []*float64 `json:"goroutines" jsonschema:"at the end of each bin"`
}
