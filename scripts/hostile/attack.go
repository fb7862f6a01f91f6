package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// attack is one hostile input and what must come of it. Words of args that begin with @ are files of
// the attack's directory, with URL the address of its server.
type attack struct {
	name  string
	args  []string
	make  func(dir string) error // writes the files
	stdin func() io.Reader
	serve func() http.Handler
	exit  []int // nil means 3
	limit time.Duration
	says  *regexp.Regexp // what standard error says, where the exit code is 3
	slow  bool
}

func (a attack) exits() []int {
	if a.exit == nil {
		return []int{3}
	}
	return a.exit
}

func (a attack) most() time.Duration {
	if a.limit == 0 {
		return 30 * time.Second
	}
	return a.limit
}

// result is what one attack did.
type result struct {
	exit    int
	took    time.Duration
	cpu     time.Duration
	rss     int64
	control int // bytes on stdout and stderr that steer a terminal
	outside []string
	said    string // the beginning of standard error
}

// run attacks the tool once, in a directory of its own. This process stays small, since the peak
// memory of a child begins at that of its parent.
func (a attack) run(ctx context.Context, tool, dir string, memory int64, patience time.Duration) (*result, error) {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "tmp"), 0o700), os.Mkdir(filepath.Join(dir, "in"), 0o700)); err != nil {
		return nil, err
	}
	in := filepath.Join(dir, "in")
	if a.make != nil {
		if err := a.make(in); err != nil {
			return nil, err
		}
	}
	url := ""
	if a.serve != nil {
		srv := httptest.NewServer(a.serve())
		defer func() { srv.CloseClientConnections(); srv.Close() }()
		url = srv.URL
	}
	before, err := tree(dir)
	if err != nil {
		return nil, err
	}
	args := a.words(in, url, memory)
	ctx, cancel := context.WithTimeout(ctx, 2*a.most()*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = in
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"), "HOME="+dir, "GOMEMLIMIT=", "GO_DEBUG_MAX_MEMORY=")
	if a.stdin != nil {
		cmd.Stdin = a.stdin()
		cmd.WaitDelay = time.Second // an endless stream is still being copied
	}
	var out, said watcher
	cmd.Stdout, cmd.Stderr = &out, &said
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if cmd.ProcessState == nil {
		return nil, err
	}
	after, err := tree(dir)
	if err != nil {
		return nil, err
	}
	return &result{exit: cmd.ProcessState.ExitCode(), took: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rss: cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10,
		control: out.control + said.control, outside: changed(before, after), said: said.head.String()}, nil
}

func (a attack) words(in, url string, memory int64) []string {
	var args []string
	for _, w := range a.args {
		w = strings.ReplaceAll(w, "URL", url)
		if name, ok := strings.CutPrefix(w, "@"); ok {
			w = filepath.Join(in, name)
		}
		args = append(args, w)
	}
	if len(args) > 0 && (args[0] == "analyze" || args[0] == "gate") {
		args = append(args, "--max-memory", fmt.Sprint(memory))
	}
	return args
}

// watcher counts the bytes that steer a terminal and keeps the beginning of a text.
type watcher struct {
	control int
	head    bytes.Buffer
}

func (w *watcher) Write(p []byte) (int, error) {
	for i, c := range p {
		// C1 controls are two bytes in UTF-8, and one where a terminal does not read that.
		if c < ' ' && c != '\n' || c == 0x7f || c == 0xc2 && i+1 < len(p) && p[i+1] < 0xa0 {
			w.control++
		}
	}
	if room := 4<<10 - w.head.Len(); room > 0 {
		w.head.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// tree lists what is in a directory, and when it was changed.
func tree(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = fmt.Sprint(info.Size(), info.ModTime(), info.Mode())
		}
		return err
	})
	return out, err
}

func changed(before, after map[string]string) []string {
	var out []string
	for path, state := range after {
		if before[path] != state && filepath.Base(path) != "report.json" && !strings.Contains(path, "/bundle/") {
			out = append(out, path)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			out = append(out, path+" (removed)")
		}
	}
	return out
}
