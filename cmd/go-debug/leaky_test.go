package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// leaky is a server whose goroutines come with its load and not with the time that passes: ten
// before each goroutine profile that is asked for while a request to /load is open. The request
// ends after five full dumps, those of the window. Without ?end=1 the goroutines stay.
func leaky() {
	s := &leakyServer{}
	mux := http.NewServeMux()
	mux.HandleFunc("/load", s.load)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/goroutine", s.goroutines)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	panic(http.Serve(l, mux))
}

type leakyServer struct {
	mu    sync.Mutex
	dumps int           // full ones still to come before the load ends
	stop  chan struct{} // closed when the load ends; nil when there is none
	born  []chan struct{}
}

func (s *leakyServer) load(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.dumps, s.stop, s.born = 5, make(chan struct{}), nil
	stop := s.stop
	s.mu.Unlock()
	select {
	case <-stop:
	case <-time.After(20 * time.Second): // a slow machine leaves dumps out
	}
	if r.FormValue("end") != "" {
		for _, ch := range s.born {
			close(ch)
		}
	}
}

// dumped counts a full dump.
func (s *leakyServer) dumped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dumps--; s.dumps <= 0 && s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

func (s *leakyServer) goroutines(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.stop != nil {
		for range 10 {
			ch := make(chan struct{})
			s.born = append(s.born, ch)
			go forgotten(ch)
		}
	}
	s.mu.Unlock()
	time.Sleep(10 * time.Millisecond) // let them block
	pprof.Handler("goroutine").ServeHTTP(w, r)
	if r.FormValue("debug") == "2" {
		s.dumped()
	}
}

func forgotten(ch chan struct{}) { <-ch }

// drive asks for a URL, as a load generator does.
func drive() {
	resp, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	fmt.Println("driven:", resp.Status)
	if resp.StatusCode != http.StatusOK {
		os.Exit(1)
	}
}

// serve runs the leaky server until the script ends, with its URL in $LEAKY.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: serve")
	}
	path := ""
	for _, dir := range strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if _, err := os.Stat(dir + "/leaky"); err == nil {
			path = dir + "/leaky"
			break
		}
	}
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	ts.Setenv("LEAKY", strings.TrimSpace(url))
}

// freePort puts an address at which nobody listens into a variable.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// goEnvironment lets scripts run go: they have no home of their own.
func goEnvironment(e *testscript.Env) {
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		if out, err := exec.Command("go", "env", name).Output(); err == nil {
			e.Setenv(name, strings.TrimSpace(string(out)))
		}
	}
	e.Setenv("GOFLAGS", "")
	e.Setenv("GOPROXY", "off")
	e.Setenv("GOTOOLCHAIN", "local")
}
