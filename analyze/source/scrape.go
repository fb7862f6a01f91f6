package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"go-debug/analyze/evidence"
)

const (
	metricsFile    = "metrics.prom"
	maxScrapes     = 600
	maxScrapeBytes = 16 << 20
)

var (
	goInfo = pattern(`(?m)^go_info\{[^}]*\bversion="(go[^"\s]{1,40})"`)
	// expositionLine is a comment or a sample of the Prometheus text format.
	expositionLine = pattern(`^(# |#$|#(HELP|TYPE|EOF)|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?[ \t]+[-+0-9.eEInNfaA]+)`)
)

// scrapes asks for /metrics over and over and writes all answers to one file, each after a
// line `# scrape <unix seconds>`. A scrape that failed leaves the line alone, so that the gap
// shows. A target without metrics is common, and no failure.
func (c *capturer) scrapes(ctx context.Context, window time.Time) {
	u := metricsURL(c.base)
	every := max(time.Second, c.opt.For/maxScrapes)
	f := File{Name: metricsFile, Kind: evidence.Metrics, Format: "openmetrics", Path: requestPath(u)}
	var out *os.File
	failures, total := 0, 0
	var last error
	for offset := time.Duration(0); offset <= c.opt.For; offset += every {
		if sleepUntil(ctx, window.Add(offset)) != nil {
			break
		}
		at := c.now()
		data, err := c.scrape(ctx)
		f.RequestS += c.now().Sub(at).Seconds()
		if ctx.Err() != nil {
			break
		}
		if err != nil && out == nil {
			f.CapturedAt = at
			c.noMetrics(ctx, f, err)
			return
		}
		total++
		if err != nil {
			failures++
			last, data = err, nil
		}
		if out == nil {
			if out, err = c.w.create(metricsFile); err != nil {
				c.abort(fmt.Errorf("write %s: %w", metricsFile, err))
				return
			}
			defer out.Close()
			f.CapturedAt = at
			c.learnVersion(data)
		}
		if err := writeScrape(out, at, data); err != nil {
			c.abort(fmt.Errorf("write %s: %w", metricsFile, err))
			return
		}
		f.Bytes += int64(len(data))
		f.DurationS = at.Sub(f.CapturedAt).Seconds()
	}
	if out == nil {
		return
	}
	if failures > 0 {
		c.warn(fmt.Sprintf("%s: %d of %d scrapes failed, the last because: %v", metricsFile, failures, total, last))
	}
	c.record(f)
}

// noMetrics notes why there are none.
func (c *capturer) noMetrics(ctx context.Context, f File, err error) {
	var se *statusError
	if errors.Is(err, errHTML) || errors.Is(err, errNoExposition) || errors.As(err, &se) {
		c.skip(Skip{Kind: evidence.Metrics, Why: fmt.Sprintf("%s: %v", f.Path, err), Absent: true})
		return
	}
	c.failed(ctx, f, err)
}

var errNoExposition = errors.New("the answer is no Prometheus exposition")

// scrape fetches one exposition. A cut one is an error: half of it would look like metrics
// that went away.
func (c *capturer) scrape(ctx context.Context) ([]byte, error) {
	start := time.Now()
	b, err := c.fetcher.get(ctx, metricsURL(c.base), 0)
	if err != nil {
		c.spend(Expense{Requests: 1, RequestS: time.Since(start).Seconds()})
		return nil, err
	}
	defer b.Close()
	data, err := io.ReadAll(io.LimitReader(b, maxScrapeBytes+1))
	c.spend(Expense{Requests: 1, Bytes: int64(len(data)), RequestS: time.Since(start).Seconds()})
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxScrapeBytes:
		return nil, fmt.Errorf("an exposition longer than %d bytes", maxScrapeBytes)
	case !isExposition(data):
		return nil, errNoExposition
	}
	return data, nil
}

// isExposition looks at the first line that is not empty.
func isExposition(data []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	return expositionLine().Match(line)
}

func writeScrape(out io.Writer, at time.Time, data []byte) error {
	seconds := strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64)
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	_, err := out.Write(append([]byte("# scrape "+seconds+"\n"), data...))
	return err
}

func (c *capturer) learnVersion(exposition []byte) {
	if m := goInfo().FindSubmatch(exposition); m != nil {
		c.mu.Lock()
		c.out.Go = string(m[1])
		c.mu.Unlock()
	}
}
