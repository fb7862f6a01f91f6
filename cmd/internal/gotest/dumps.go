package gotest

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Dump is the goroutines that outlived the tests of one package.
type Dump struct {
	Package string
	Text    []byte // as debug=2, goroutine 1 among them
}

// Dumps returns what the test binaries have told, by package, and the packages of those that
// began and did not tell how they ended.
func (r *Run) Dumps() (dumps []Dump, untold []string, err error) {
	begun, err := filepath.Glob(filepath.Join(r.dumps(), "*.begun"))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range begun {
		name, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		pkg := packageOf(string(name))
		text, err := os.ReadFile(strings.TrimSuffix(file, ".begun") + ".ended")
		if os.IsNotExist(err) {
			untold = append(untold, pkg)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		text = bytes.ReplaceAll(text, []byte(r.root+string(filepath.Separator)), []byte(r.real+string(filepath.Separator)))
		dumps = append(dumps, Dump{Package: pkg, Text: withoutProcessLong(text)})
	}
	slices.Sort(untold)
	slices.SortFunc(dumps, func(a, b Dump) int { return cmp.Or(cmp.Compare(a.Package, b.Package), bytes.Compare(a.Text, b.Text)) })
	seen := map[string]int{}
	for i := range dumps {
		pkg := dumps[i].Package
		if seen[pkg]++; seen[pkg] > 1 {
			dumps[i].Package = fmt.Sprintf("%s #%d", pkg, seen[pkg])
		}
	}
	return dumps, untold, nil
}

// packageOf is the package of a test binary, whose build information names it with ".test"
// behind. One built in another way has the path of its file.
func packageOf(name string) string {
	if filepath.IsAbs(name) {
		name = filepath.Base(name)
	}
	return strings.TrimSuffix(name, ".test")
}

var (
	goroutineHeader = regexp.MustCompile(`^goroutine (\d+) `)
	createdBy       = regexp.MustCompile(`(?m)^created by (\S+) in goroutine (\d+)$`)
)

// withoutProcessLong leaves out the goroutines that were started on goroutine 1, or by such
// ones: they are not the tests'. Test functions are started there too, by package testing.
func withoutProcessLong(dump []byte) []byte {
	type block struct {
		id, creator string
		text        []byte
	}
	var blocks []block
	for _, text := range bytes.Split(bytes.TrimRight(dump, "\n"), []byte("\n\n")) {
		b := block{text: text}
		if m := goroutineHeader.FindSubmatch(text); m != nil {
			b.id = string(m[1])
		}
		if m := createdBy.FindSubmatch(text); m != nil && !strings.HasPrefix(string(m[1]), "testing.") {
			b.creator = string(m[2])
		}
		blocks = append(blocks, b)
	}
	long := map[string]bool{"1": true}
	for more := true; more; {
		more = false
		for _, b := range blocks {
			if b.creator != "" && long[b.creator] && !long[b.id] {
				long[b.id], more = true, true
			}
		}
	}
	var out [][]byte
	for _, b := range blocks {
		if b.id == "1" || !long[b.id] {
			out = append(out, b.text)
		}
	}
	return append(bytes.Join(out, []byte("\n\n")), '\n')
}
