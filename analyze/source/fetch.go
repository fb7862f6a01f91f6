package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/unpack"
)

// The deadlines and caps of one request, where the caller sets none. They come on top of
// the time that the server is asked to collect.
const (
	defaultHeaderTimeout = 30 * time.Second
	defaultIdleTimeout   = 30 * time.Second
	defaultTotalTimeout  = 3 * time.Minute
	connectTimeout       = 10 * time.Second
	defaultMaxBodyBytes  = 2 << 30

	// stackDumpLimit is where net/http/pprof cuts goroutine?debug=2, without a word
	// (runtime/pprof, writeGoroutineStacks). A body of exactly this length is cut.
	stackDumpLimit = 64 << 20
)

const stackDumpCut = "cut by the target's runtime at 64 MiB: goroutines are missing"

// fetcher makes requests under deadlines and caps.
type fetcher struct {
	client              *http.Client
	own                 []*http.Transport // none when the caller brought one
	header, idle, total time.Duration
	maxBytes            int64
}

// newFetcher makes one for a target, the only one that is shown the credentials of opt.
func newFetcher(target *url.URL, opt CaptureOptions) *fetcher {
	f := &fetcher{header: opt.HeaderTimeout, idle: opt.IdleTimeout, total: opt.TotalTimeout, maxBytes: opt.MaxBytes}
	client := http.Client{}
	if opt.Client != nil {
		client = *opt.Client
	}
	if client.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
		// The window keeps several requests open beside the snapshots.
		t.MaxIdleConnsPerHost = 16
		trusted, others := opt.Access.transports(t)
		client.Transport, f.own = newEscort(target, opt.Access, trusted, others), []*http.Transport{trusted, others}
	} else {
		client.Transport = newEscort(target, opt.Access, client.Transport, client.Transport)
	}
	client.CheckRedirect = opt.Access.redirects
	client.Timeout = 0 // the deadlines below know how long the server was asked to collect
	f.client = &client
	if f.header <= 0 {
		f.header = defaultHeaderTimeout
	}
	if f.idle <= 0 {
		f.idle = defaultIdleTimeout
	}
	if f.total <= 0 {
		f.total = defaultTotalTimeout
	}
	if f.maxBytes <= 0 {
		f.maxBytes = defaultMaxBodyBytes
	}
	return f
}

func (f *fetcher) close() {
	for _, t := range f.own {
		t.CloseIdleConnections()
	}
}

// statusError is an answer other than 200.
type statusError struct {
	code int
	text string // the first line of the body
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("HTTP status %d %s", e.code, http.StatusText(e.code))
	if e.text != "" {
		s += ": " + e.text
	}
	return s
}

// absent reports that the target does not offer what was asked for. net/http/pprof says so
// with 404; handlers of other makers pass its words on under another status.
func (e *statusError) absent() bool {
	return e.code == http.StatusNotFound || strings.Contains(e.text, "Unknown profile")
}

// body is an answer that has passed the checks of get.
type body struct {
	buf    *bufio.Reader
	max    int64
	left   int64
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   *time.Timer
	pause  time.Duration // after which idle ends the request
	got    int64         // bytes as they came
	src    io.ReadCloser
	plain  io.Reader      // src without the encoding of its transfer
	packed *unpack.Reader // plain, where it had one
}

// get asks for u. wait is how long the server was asked to collect before it answers.
func (f *fetcher) get(ctx context.Context, u *url.URL, wait time.Duration) (*body, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	headers := time.AfterFunc(wait+f.header, func() {
		cancel(fmt.Errorf("no answer within %s", wait+f.header))
	})
	total := time.AfterFunc(wait+f.total, func() {
		cancel(fmt.Errorf("the answer did not end within %s", wait+f.total))
	})
	fail := func(err error) (*body, error) {
		headers.Stop()
		total.Stop()
		err = explain(ctx, u, err)
		cancel(err)
		return nil, err
	}
	bare := *u
	bare.User = nil // the escort shows it to whom it is for
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return fail(err)
	}
	// Profiles are compressed already, and compressing a dump would cost the target more
	// than sending it.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Accept", "*/*")
	resp, err := f.client.Do(req)
	if err != nil {
		return fail(err)
	}
	headers.Stop()
	// A target that collects while it answers may be silent for as long.
	b := &body{max: f.maxBytes, left: f.maxBytes, ctx: ctx, cancel: cancel, timer: total, pause: wait + f.idle}
	b.idle = time.AfterFunc(b.pause, func() { cancel(fmt.Errorf("the answer stopped for %s", b.pause)) })
	b.src = arriving{resp.Body, b}
	b.plain = b.src
	b.buf = bufio.NewReaderSize(limited{b}, 32<<10)
	err = b.decodeTransfer(resp.Header.Get("Content-Encoding"))
	if err == nil {
		err = b.check(resp)
	}
	if err != nil {
		b.closeBody()
		return fail(err)
	}
	return b, nil
}

// decodeTransfer undoes a compression that was not asked for, as some proxies add it. The bytes
// decide whether there is one: profiles are compressed themselves, and a server that says so in
// this header is common.
func (b *body) decodeTransfer(encoding string) error {
	switch encoding {
	case "", "identity":
		return nil
	case "gzip", "x-gzip", "zstd":
	default:
		return fmt.Errorf("answers in content encoding %q, which was not asked for", encoding)
	}
	raw := bufio.NewReader(b.src)
	b.plain = raw
	head, _ := raw.Peek(unpack.SniffSize) // errors are left for the reader to meet again
	format := unpack.Sniff(head)
	if format == unpack.None {
		return nil
	}
	u, err := unpack.NewReader(raw, format, budget.DefaultMemory)
	if err != nil {
		return b.why(err)
	}
	b.plain, b.packed = u, u
	return nil
}

// check refuses what is no profile: another status, a page for people.
func (b *body) check(resp *http.Response) error {
	head, err := b.buf.Peek(512)
	if err != nil && b.ctx.Err() != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		text, _, _ := strings.Cut(strings.TrimSpace(string(head)), "\n")
		if isHTML(resp, head) {
			text = ""
		}
		return &statusError{resp.StatusCode, text}
	}
	if isHTML(resp, head) {
		return errHTML
	}
	return nil
}

var errHTML = errors.New("this is HTML, did a proxy answer?")

func isHTML(resp *http.Response, head []byte) bool {
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return true
	}
	head = bytes.ToLower(bytes.TrimSpace(head))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// arriving is a body as it comes: every byte of it puts off the end of the wait for more.
type arriving struct {
	io.ReadCloser
	b *body
}

func (a arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if n > 0 {
		a.b.got += int64(n)
		a.b.idle.Reset(a.b.pause)
	}
	return n, err
}

// limited reads the body under the cap, and names the deadline that cut it.
type limited struct{ b *body }

func (l limited) Read(p []byte) (int, error) {
	b := l.b
	if b.left <= 0 {
		var one [1]byte
		if n, err := b.plain.Read(one[:]); n == 0 {
			return 0, b.why(err)
		}
		return 0, &budget.Error{What: "bytes of an answer", Limit: b.max, Flag: budget.BytesFlag, Need: 8 * b.max}
	}
	n, err := b.plain.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if out := b.max - b.left; out > budget.RatioFrom && out/max(b.got, 1) > budget.DefaultRatio {
		return n, &budget.Error{What: fmt.Sprintf("an answer encoded to a %dth of its size", out/max(b.got, 1)), Limit: budget.DefaultRatio}
	}
	return n, b.why(err)
}

func (b *body) why(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended before the whole answer was there")
	}
	return fmt.Errorf("the answer broke off: %w", err)
}

func (b *body) Read(p []byte) (int, error) { return b.buf.Read(p) }

// Close ends the request.
func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.closeBody()
}

func (b *body) closeBody() error {
	b.idle.Stop()
	if b.packed != nil {
		b.packed.Close()
	}
	return b.src.Close()
}

// explain turns a request's failure into what the user can act on. It keeps user info and
// tokens of the URL out of the text.
func explain(ctx context.Context, u *url.URL, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var ie *evidence.InputError
	if errors.As(err, &ie) {
		return ie
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	try := "curl -sS -o /dev/null -w '%{http_code}\\n' " + ShellQuote(display(u))
	hint := "see what answers there: " + try
	var se *statusError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		err, hint = errors.New("connection refused"), "is the program running, and does it listen there? "+try
	case errors.As(err, &dns):
		err, hint = fmt.Errorf("cannot find the host %s", dns.Name), "check the name: getent hosts "+ShellQuote(u.Hostname())
	case errors.As(err, &se):
		hint = statusHint(se, u)
	}
	return &evidence.InputError{Err: err, Hint: hint}
}

func statusHint(e *statusError, u *url.URL) string {
	index := *u
	if i := strings.LastIndex(u.Path, "pprof/"); i >= 0 {
		index.Path = u.Path[:i+len("pprof/")]
	}
	index.RawQuery = ""
	switch {
	case e.code == http.StatusNotFound && strings.Contains(e.text, "Unknown profile"):
		return "see which profiles the program has: curl -sS " + ShellQuote(display(&index))
	case e.code == http.StatusNotFound:
		return `the program must import _ "net/http/pprof" and serve http.DefaultServeMux; try curl -sS ` + ShellQuote(display(&index))
	case e.code == http.StatusUnauthorized || e.code == http.StatusForbidden:
		return "give credentials: --bearer-file FILE, --header 'Name: value', or http://USER:PASSWORD@" + index.Host
	}
	return "see what answers there: curl -sS -i " + ShellQuote(display(u))
}
