package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

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

// capacity is how many requests per second a server completes for as many clients as it can have processors, each of which
// asks again as soon as it has its reply.
func (s *scenario) capacity(ctx context.Context, url string) (perS float64, err error) {
	const length = 2 * time.Second
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	var done atomic.Int64
	begin := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Since(begin) < length && ctx.Err() == nil {
				s.request(ctx, client, url+"/work", false, nil)
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds(), ctx.Err()
}

// send sends at the scenario's rate, in units that it is given, whether or not replies come, as a Poisson process.
func (s *scenario) send(ctx context.Context, url string, begin time.Time, unit float64, sent *clientTruth, rng *rand.Rand) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096}}
	defer client.CloseIdleConnections()
	for range s.streams {
		go s.request(ctx, client, url+"/work?stream=1", false, sent)
	}
	next := time.Now()
	for {
		rate := unit * s.rate(-time.Until(begin).Seconds())
		next = next.Add(time.Duration(rng.ExpFloat64() / rate * float64(time.Second)))
		if !sleep(ctx, time.Until(next)) {
			return
		}
		go s.request(ctx, client, url+"/work", s.retries, sent)
	}
}

// request asks once, or where clients have no patience up to four times: the server goes on with what they gave up.
func (s *scenario) request(ctx context.Context, client *http.Client, url string, retries bool, sent *clientTruth) {
	for range 4 {
		one, cancel := ctx, context.CancelFunc(func() {})
		if retries {
			one, cancel = context.WithTimeout(ctx, patience)
		}
		req, err := http.NewRequestWithContext(one, http.MethodGet, url, nil)
		if err == nil {
			var resp *http.Response
			end := sent.begin()
			if resp, err = client.Do(req); err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			end()
		}
		cancel()
		if err == nil || !retries || ctx.Err() != nil {
			return
		}
	}
}

// scrapeInto writes the scrapes of the window into a file, and returns when the first and the last were taken.
func scrapeInto(ctx context.Context, file, url string, begin time.Time, opt loadOptions) (p period, err error) {
	f, err := os.Create(file)
	if err != nil {
		return p, err
	}
	defer f.Close()
	for next := begin; next.Before(begin.Add(opt.window)); next = next.Add(opt.every) {
		if !sleep(ctx, time.Until(next)) {
			break
		}
		p.To = time.Now()
		if p.From.IsZero() {
			p.From = p.To
		}
		text, err := fetch(url+"/metrics", scrapeTimeout)
		if err != nil {
			text = nil // a scrape that the service did not answer
		}
		if _, err := fmt.Fprintf(f, "# scrape %.6f\n%s", float64(p.To.UnixNano())/1e9, text); err != nil {
			return p, err
		}
	}
	return p, f.Close()
}

// traceInto writes a trace of the window into a file, and returns about when it begins and ends.
func traceInto(ctx context.Context, file, url string, begin time.Time, window time.Duration) (p period, err error) {
	if !sleep(ctx, time.Until(begin)) {
		return p, context.Cause(ctx)
	}
	p.From = time.Now()
	p.To = p.From.Add(window)
	data, err := fetch(fmt.Sprintf("%s/debug/pprof/trace?seconds=%g", url, window.Seconds()), window+traceTimeout)
	if err != nil {
		return p, fmt.Errorf("trace: %w", err)
	}
	return p, os.WriteFile(file, data, 0o644)
}

const (
	scrapeTimeout = 3 * time.Second
	truthTimeout  = time.Minute
	traceTimeout  = time.Minute // a saturated server takes its time
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
