// Command costs spends its CPU on one cost after another and writes a CPU profile of it:
//
//	GOTOOLCHAIN=go1.20.14 CGO_ENABLED=0 go build -trimpath -o /srv/costs main.go
//	GOMAXPROCS=1 /srv/costs lines ../go1.20.lines.pb.gz; GOMAXPROCS=1 /srv/costs timers ../go1.20.timers.pb.gz
//
// It compiles with go1.20 and later. Other work on the machine distorts the shares (chrt -r 1).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"os"
	"regexp"
	"runtime/pprof"
	"strings"
	"sync"
	"text/template"
	"time"
)

var sink interface{}

func regexps() {
	sink = regexp.MustCompile(`^([a-z]+)-(\d+)$`) // want "hotpath/regexp-compile"
}

func matches() {
	sink, _ = regexp.MatchString(`^([a-z]+)-(\d+)$`, "abc-12") // want "hotpath/regexp-compile"
}

func templates() {
	sink, _ = template.New("page").Parse("{{range .}}{{.}} and {{end}}none") // want "hotpath/template-parse"
}

var page = htmltemplate.Must(htmltemplate.New("page").Parse("<p>{{range .}}<a href={{.}}>{{.}}</a>{{end}}</p>"))

func clones() {
	clone, err := page.Clone()
	if err == nil {
		err = clone.Execute(io.Discard, nil) // want "hotpath/template-parse"
	}
	sink = err
}

func slices() {
	var s []int
	for i := 0; i < 5000; i++ {
		s = append(s, i) // want "hotpath/slice-growth"
	}
	sink = s
}

func buffers() {
	var b bytes.Buffer
	for i := 0; i < 50; i++ {
		b.Write(chunk[:512]) // want "hotpath/slice-growth"
	}
	sink = &b
}

func builders() {
	var b strings.Builder
	for i := 0; i < 50; i++ {
		b.WriteString(text) // want "hotpath/slice-growth"
	}
	sink = b.String()
}

func maps() {
	m := map[int]int{}
	for i := 0; i < 5000; i++ {
		m[i] = i // want "hotpath/map-growth"
	}
	sink = m
}

func stringMaps() {
	m := map[string]int{}
	for i, k := range keys {
		m[k] = i // want "hotpath/map-growth"
	}
	sink = m
}

func concatenate() {
	s := ""
	for i := 0; i < 200; i++ {
		s += text // want "hotpath/concatenation"
	}
	sink = s
}

func convert() {
	for i := 0; i < 20; i++ {
		sink = string(chunk) // want "hotpath/conversion"
	}
}

func copyChunks() {
	for i := 0; i < 20; i++ {
		copy(large[1:], large) // want "hotpath/copying"
	}
}

func deferInLoop() {
	for i := range locks {
		locks[i].Lock()
		defer locks[i].Unlock() // want "hotpath/defer-in-loop"
	}
}

func growStacks() {
	var wg sync.WaitGroup
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			deep(500)
		}()
	}
	wg.Wait()
}

func deep(n int) int { // want "hotpath/stack-growth"
	var pad [20]int
	if n == 0 {
		return pad[3]
	}
	pad[n%20] = n
	return deep(n-1) + pad[n%20]
}

func waits() {
	for i := 0; i < 2000; i++ {
		select {
		case <-ready:
		case <-time.After(time.Second): // want "hotpath/time-after"
		}
	}
}

func format() {
	for i := 0; i < 2000; i++ {
		sink = fmt.Sprintf("%d-%s-%5.2f", i, "abc", float64(i)) // want "hotpath/fmt"
	}
}

type record struct {
	Name   string
	Values []int
	Tags   map[string]string
}

func encode() {
	sink, _ = json.Marshal(record{"a name", []int{1, 2, 3}, map[string]string{"a": "b"}}) // want "hotpath/json"
}

func write() {
	for i := 0; i < 2000; i++ {
		out.Write(chunk[:1]) // want "hotpath/unbuffered-io"
	}
}

// storm wakes thousands of goroutines a thousand times a second.
func storm() {
	for i := 0; i < 3000; i++ {
		go func() {
			for {
				time.Sleep(time.Millisecond) // want "hotpath/timer-heap"
			}
		}()
	}
	time.Sleep(8 * time.Second)
}

var (
	chunk = bytes.Repeat([]byte("abcd"), 1024)
	text  = strings.Repeat("some text ", 40)
	large = make([]byte, 1<<18)
	locks = make([]sync.Mutex, 3000)
	ready = make(chan int)
	keys  []string
	out   *os.File
)

func main() {
	close(ready)
	for i := 0; i < 3000; i++ {
		keys = append(keys, fmt.Sprint("key ", i))
	}
	costs := []func(){regexps, matches, templates, clones, slices, buffers, builders, maps, stringMaps, concatenate, convert, copyChunks,
		deferInLoop, growStacks, waits, format, encode, write}
	if os.Args[1] == "timers" {
		costs = []func(){storm}
	}
	out, _ = os.Create(os.DevNull)
	profile, err := os.Create(os.Args[2])
	if err == nil {
		err = pprof.StartCPUProfile(profile)
	}
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range costs {
		for start := time.Now(); time.Since(start) < 700*time.Millisecond; {
			f()
		}
	}
	pprof.StopCPUProfile()
	profile.Close()
}
