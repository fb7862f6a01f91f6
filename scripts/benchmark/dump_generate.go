package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// generateDump writes a debug=2 dump of n goroutines. A service in this process is made to
// block in as many ways as real ones do; its goroutines are repeated under ids, addresses
// and waiting times of their own, as they would stand in the dump of a larger one.
func generateDump(ctx context.Context, file string, n int64) error {
	blocks, err := blockedService(ctx)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(7, 7))
	w.WriteString(runningFirst)
	for i := int64(1); i < n; i++ {
		fmt.Fprintf(w, "\ngoroutine %d [", 20+3*i)
		blocks[rng.IntN(len(blocks))].write(w, rng)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

const runningFirst = "goroutine 1 [running]:\nmain.main()\n\t/src/example.com/app/main.go:50 +0x19f\n"

// block is the text of a goroutine behind the '[' of its header, and where its addresses
// end in it.
type block struct {
	text      []byte
	addresses []int
	waits     int // where the status ends
}

var address = regexp.MustCompile(`0xc[0-9a-f]{6,}`)

func newBlock(text []byte) block {
	b := block{text: bytes.Clone(text), waits: bytes.IndexByte(text, ']')}
	for _, at := range address.FindAllIndex(b.text, -1) {
		b.addresses = append(b.addresses, at[1])
	}
	return b
}

func (b *block) write(w *bufio.Writer, rng *rand.Rand) {
	const hex = "0123456789abcdef"
	for _, end := range b.addresses {
		for digit := end - 5; digit < end; digit++ {
			b.text[digit] = hex[rng.IntN(len(hex))]
		}
	}
	w.Write(b.text[:b.waits])
	if minutes := rng.IntN(90); minutes > 30 {
		w.WriteString(", " + strconv.Itoa(minutes) + " minutes")
	}
	w.Write(b.text[b.waits:])
}

// blockedService starts HTTP clients and handlers that wait for each other behind a few
// layers, workers and lock waiters, and returns what the runtime shows of them.
func blockedService(ctx context.Context) ([]block, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	release := make(chan struct{})
	defer close(release)
	service := &http.Server{Handler: http.TimeoutHandler(middleware(9, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		<-release
	})), time.Hour, "")}
	go service.Serve(l)
	defer service.Close()
	for range 40 {
		go request(ctx, "http://"+l.Addr().String()+"/items?n=10")
	}
	parkWorkers(release)
	time.Sleep(500 * time.Millisecond) // let them park
	dump := make([]byte, 16<<20)
	dump = dump[:runtime.Stack(dump, true)]
	var blocks []block
	for _, text := range bytes.Split(dump, []byte("\n\n"))[1:] {
		if _, status, ok := bytes.Cut(text, []byte(" [")); ok && !bytes.HasPrefix(status, []byte("run")) {
			blocks = append(blocks, newBlock(append(bytes.TrimRight(status, "\n"), '\n')))
		}
	}
	if len(blocks) < 100 {
		return nil, fmt.Errorf("%d goroutines are parked: too few to repeat", len(blocks))
	}
	return blocks, nil
}

func middleware(depth int, next http.Handler) http.Handler {
	if depth == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { middleware(depth-1, next).ServeHTTP(w, r) })
}

func request(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// parkWorkers starts goroutines that block in channels, a lock and a WaitGroup until they
// are released.
func parkWorkers(release chan struct{}) {
	jobs, results := make(chan int), make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	mu.Lock()
	wg.Add(1)
	for range 10 {
		go func() {
			select {
			case results <- 1:
			case <-release:
			}
		}()
		go func() {
			for {
				select {
				case <-jobs:
				case <-release:
					return
				}
			}
		}()
		go func() {
			mu.Lock()
			defer mu.Unlock()
		}()
		go wg.Wait()
	}
	go func() {
		<-release
		mu.Unlock()
		wg.Done()
	}()
}
