package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/recovered"
)

// Options are what Resolve needs beside the arguments. The zero value of a limit means its
// default.
type Options struct {
	// Stdin is what the argument "-" reads.
	Stdin io.Reader
	// Scratch takes temporary files and open archives. Archives, pipes that carry one, and
	// URLs of programs cannot be read without it.
	Scratch *Scratch
	// Capture says how live endpoints are captured. Output is not used: the bundle goes to
	// Scratch.
	Capture CaptureOptions

	// MaxMembers bounds the files of a directory and the members of an archive; MaxSpool
	// bounds the bytes that one archive unpacks to, or that a pipe or URL holds.
	MaxMembers int
	MaxSpool   int64
	// MaxMemory bounds what unpacking an archive may take.
	MaxMemory int64
}

const (
	defaultMaxMembers = budget.DefaultFiles
	defaultMaxSpool   = 4 << 30
)

func (o Options) limits() limits {
	l := limits{members: o.MaxMembers, bytes: o.MaxSpool, memory: o.MaxMemory}
	if l.members <= 0 {
		l.members = defaultMaxMembers
	}
	if l.bytes <= 0 {
		l.bytes = defaultMaxSpool
	}
	if l.memory <= 0 {
		l.memory = budget.DefaultMemory
	}
	return l
}

// StdinName is the name of standard input among the items.
const StdinName = "stdin"

// Resolve turns arguments into items in time order. An argument is "-", a file, a directory,
// an archive (zip, tar, tar.gz, tar.zst: known by content), the URL of one profile or other file, or
// the URL or host:port of a program, which is then captured as [Capture] does. Named pipes
// and devices are read as streams.
//
// Several arguments are as if they stood in one directory: items of which a capture.json
// tells the time are ordered by it, others by file name, numbers in names by their value. An
// input that is named twice is read once.
//
// Items are opened by the caller, and opt.Scratch closed by it when all are read. Whatever
// could not be used is a Problem; items and problems may both be there.
func Resolve(ctx context.Context, args []string, opt Options) ([]Item, []Problem) {
	r := &resolver{opt: opt, seen: map[string]bool{}}
	if len(args) == 0 {
		r.fatal("", errors.New("no input"), "go-debug analyze FILE, DIRECTORY or http://localhost:6060")
	}
	targets := make([]target, len(args))
	for i, arg := range args {
		targets[i] = r.classify(arg)
	}
	r.captureAll(ctx, targets)
	for _, t := range targets {
		if ctx.Err() != nil {
			r.fatal(t.name, context.Cause(ctx), "")
			break
		}
		if !t.failed && r.first(t.name) {
			r.guarded(ctx, t)
		}
	}
	sortLoose(r.loose)
	return mergeOrdered(append([][]Item{r.loose}, r.recorded...)), r.problems
}

// target is an argument as it was understood.
type target struct {
	name   string   // as shown
	path   string   // of a file or directory
	url    *url.URL // of one profile, or of a program when live
	stdin  bool
	live   bool
	failed bool   // a problem has been noted
	bundle string // the directory that a live target was captured into
}

type resolver struct {
	opt      Options
	loose    []Item   // nobody recorded their time
	recorded [][]Item // one list for each capture.json
	problems []Problem
	seen     map[string]bool
}

func (r *resolver) fatal(name string, err error, hint string) {
	var ie *evidence.InputError
	if errors.As(err, &ie) && ie.Hint != "" {
		hint = ie.Hint
	}
	var over *budget.Error
	if errors.As(err, &over) && over.Flag != "" {
		hint = fmt.Sprintf("raise the limit: %s %s", over.Flag, over.Raise(r.opt.limits().memory))
	}
	r.problems = append(r.problems, Problem{Name: name, Err: err, Hint: hint, Fatal: true})
}

// classify decides what an argument is. What exists as a file is that file, whatever else
// its name could mean.
func (r *resolver) classify(arg string) target {
	t := target{name: arg, path: arg}
	if arg == "-" {
		return target{name: StdinName, stdin: true}
	}
	_, statErr := os.Stat(arg)
	if statErr == nil {
		t.name = filepath.ToSlash(filepath.Clean(arg))
		return t
	}
	u, err := parseTarget(arg)
	switch {
	case err != nil:
		r.fatal(arg, err, "go-debug analyze http://localhost:6060")
	case u != nil:
		t.url, t.name = u, display(u)
		if base := profileBase(u); base != nil {
			t.url, t.live = base, true
			t.name, _, _ = strings.Cut(display(base), "?")
			t.name = strings.TrimSuffix(strings.TrimSuffix(t.name, "debug/pprof/"), "/")
		}
		return t
	case errors.Is(statErr, fs.ErrNotExist) && strings.ContainsAny(arg, "*?["):
		r.fatal(arg, errors.New("no file matches the pattern"), "ls "+ShellQuote(nearestDir(arg)))
	case arg == "":
		r.fatal(`""`, errors.New("empty argument"), "go-debug analyze --help")
	default:
		r.fatal(arg, reason(statErr), "ls -l "+ShellQuote(nearestDir(arg)))
	}
	t.failed = true
	return t
}

// nearestDir is the closest directory above a path that exists: the place to look.
func nearestDir(path string) string {
	for {
		up := filepath.Dir(path)
		if st, err := os.Stat(up); err == nil && st.IsDir() || up == path {
			return up
		}
		path = up
	}
}

// captureAll captures the live targets, all over the same window.
func (r *resolver) captureAll(ctx context.Context, targets []target) {
	opt := r.opt.Capture
	if progress := opt.Progress; progress != nil {
		var mu sync.Mutex
		opt.Progress = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			progress(e)
		}
	}
	errs := make([]error, len(targets))
	claimed := map[string]bool{}
	var wg sync.WaitGroup
	for i := range targets {
		t := &targets[i]
		if !t.live || claimed[t.name] {
			continue
		}
		claimed[t.name] = true
		wg.Go(func() {
			o := opt
			if o.Output, errs[i] = r.opt.Scratch.path(); errs[i] != nil {
				return
			}
			t.bundle = o.Output
			_, errs[i] = Capture(ctx, t.url.String(), o)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			r.fatal(targets[i].name, err, "go-debug capture "+ShellQuote(targets[i].name)+" -o capture.zip")
			targets[i].failed = true
		}
	}
}

// first tells whether a name is met for the first time; a second time is mentioned.
func (r *resolver) first(name string) bool {
	if r.seen[name] {
		r.problems = append(r.problems, Problem{Name: name, Err: errors.New("named twice, read once"),
			Hint: "name it once; to compare captures, add --separate"})
		return false
	}
	r.seen[name] = true
	return true
}

// guarded adds an argument; a panic on the way is a problem of it alone.
func (r *resolver) guarded(ctx context.Context, t target) {
	defer func() {
		if p := recover(); p != nil {
			r.fatal(t.name, fmt.Errorf("opening it panicked: %s", recovered.Cause(ctx, p)), "the input is damaged, or this is a defect of go-debug")
		}
	}()
	r.add(ctx, t)
}

func (r *resolver) add(ctx context.Context, t target) {
	switch {
	case t.stdin:
		r.addStdin(ctx)
	case t.live:
		r.addBundle(openDirectory(t.bundle, t.name, r.opt.limits().members))
	case t.url != nil:
		r.addURL(ctx, t)
	default:
		r.addPath(ctx, t)
	}
}

func (r *resolver) addPath(ctx context.Context, t target) {
	look := "ls -l " + ShellQuote(t.path)
	st, err := os.Stat(t.path)
	switch {
	case err != nil:
		r.fatal(t.name, reason(err), look)
	case st.IsDir():
		b := openDirectory(t.path, t.name, r.opt.limits().members)
		b.onDisk = true
		r.addBundle(b)
	case st.Mode().IsRegular():
		r.addFile(ctx, t.path, t.name, kindOfName(t.name))
	case st.Mode()&fs.ModeSocket != 0:
		r.fatal(t.name, errors.New("is a socket"), "curl --unix-socket "+ShellQuote(t.path)+" http://localhost/debug/pprof/goroutine | go-debug analyze")
	default:
		s, err := openPipe(ctx, t.path)
		if err != nil {
			r.fatal(t.name, reason(err), look)
			return
		}
		r.addStream(ctx, s)
	}
}

// addFile adds a regular file: an archive's members, or the file itself.
func (r *resolver) addFile(ctx context.Context, path, name string, kind evidence.Kind) {
	m := member{name: name, open: func() (io.ReadCloser, error) { return os.Open(path) }}
	head, err := readHead(m)
	if err != nil {
		r.fatal(name, reason(err), "ls -l "+ShellQuote(name))
		return
	}
	l := r.opt.limits()
	switch sniffArchive(head) {
	case zipArchive:
		r.addBundle(openZip(path, name, l, r.opt.Scratch))
	case tarArchive:
		r.addBundle(openTar(ctx, path, name, l, r.opt.Scratch))
	default:
		r.loose = append(r.loose, Item{
			Position: evidence.Position{Source: name},
			Declared: kind,
			Open: func(ctx context.Context) (io.ReadCloser, error) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				return os.Open(path)
			},
		})
	}
}

func (r *resolver) addBundle(b *bundle) {
	items, recorded, problems := b.read()
	r.problems = append(r.problems, problems...)
	items = slices.DeleteFunc(items, func(it Item) bool { return !r.first(it.Source) })
	if recorded {
		r.recorded = append(r.recorded, items)
	} else {
		r.loose = append(r.loose, items...)
	}
}

func (r *resolver) addStdin(ctx context.Context) {
	if r.opt.Stdin == nil {
		r.fatal(StdinName, errors.New("there is no standard input"), "go-debug analyze FILE")
		return
	}
	r.addStream(ctx, &stream{name: StdinName, r: r.opt.Stdin, c: io.NopCloser(nil)})
}

// addStream adds what can be read once. An archive is spooled first.
func (r *resolver) addStream(ctx context.Context, s *stream) {
	head, err := s.peek(ctx)
	if err != nil {
		r.fatal(s.name, err, "")
		return
	}
	if sniffArchive(head) == noArchive {
		r.loose = append(r.loose, Item{
			Position: evidence.Position{Source: s.name},
			Declared: kindOfName(s.name),
			Open:     func(context.Context) (io.ReadCloser, error) { return readCloser{s.r, s.c}, nil },
		})
		return
	}
	defer s.c.Close()
	r.spool(ctx, s.r, s.name, evidence.Unknown)
}

// addURL adds one profile, read from the target when it is opened. What is no profile by its
// path may be an archive, which must be looked at first.
func (r *resolver) addURL(ctx context.Context, t target) {
	kind := kindOfPath(t.url.Path)
	if strings.Contains(t.url.Path, "pprof/") || kind == evidence.Metrics {
		r.loose = append(r.loose, Item{
			Position: evidence.Position{Source: t.name},
			Declared: kind,
			Target:   TargetOf(t.name),
			Open:     func(ctx context.Context) (io.ReadCloser, error) { return openURL(ctx, t.url, r.opt.Capture) },
		})
		return
	}
	b, err := openURL(ctx, t.url, r.opt.Capture)
	if err != nil {
		r.fatal(t.name, err, "")
		return
	}
	defer b.Close()
	r.spool(ctx, b, t.name, kind)
}

func (r *resolver) spool(ctx context.Context, src io.Reader, name string, kind evidence.Kind) {
	path, err := spoolStream(src, r.opt.limits().bytes, r.opt.Scratch)
	if err != nil {
		r.fatal(name, err, spoolHint(name))
		return
	}
	r.addFile(ctx, path, name, kind)
}

// spoolHint is what to do about a stream that could not be stored whole.
func spoolHint(name string) string {
	if name == StdinName {
		return "store it first, then: go-debug analyze FILE"
	}
	return "store it first: curl -fsS -o capture " + ShellQuote(name) + " && go-debug analyze capture"
}
