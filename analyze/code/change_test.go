package code

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

func TestPropose(t *testing.T) {
	const src = `package shop

import ("os"; "regexp"; "time"; "strings")

func pattern(s string) bool {
	re := regexp.MustCompile("^a+$") // 6
	return re.MatchString(s)
}

func inline(s string) bool {
	if regexp.MustCompile("^b+$").MatchString(s) { // 11
		return true
	}
	return regexp.MustCompile(s).MatchString("x") // 14
}

func checked(s string) (*regexp.Regexp, error) {
	return regexp.Compile("^c+$") // 18
}

func slice(all []int, n int) (out []int) {
	var some []int
	more := []int{}
	for _, v := range all {
		some = append(some, v) // 25
		out = append(out, v) // 26
		more = append(more, all...) // 27
	}
	for i := range n {
		more = append(more, i) // 30
	}
	return append(some, more...)
}

func table(o *order) map[string]int {
	counts := make(map[string]int)
	var none map[string]int
	for _, l := range o.lines {
		counts[l.name]++
		counts[l.name] += l.n // 40
		none[l.name] = 1 // 41
	}
	return counts
}

func text(all []string) string {
	s := ""
	for _, x := range all {
		s += x + ", " // 49
	}
	return s
}

func read(all []string) string {
	s := ""
	for _, x := range all {
		s += strings.ToUpper(x) // 57
		if len(s) > 100 {
			break
		}
	}
	return s
}

func wait(c chan int, quiet time.Duration) {
	for {
		pause := quiet * 2
		select {
		case <-c:
		case <-time.After(quiet): // 70
		case <-time.After(5 * time.Second): // 71
		case <-time.After(pause): // 72
		}
	}
}

func save(f *os.File, all []string) {
	for _, x := range all {
		if _, err := f.WriteString(x); err != nil { // 79
			return
		}
	}
	f.WriteString("end") // 83
}
`
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/shop\n", "shop.go": src} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		function      string
		line          int
		change        evidence.Change
		before, after string
	}{
		{"pattern", 6, evidence.CompileOnce, `re := regexp.MustCompile("^a+$")`, "// at package level:\nvar re = regexp.MustCompile(\"^a+$\")"},
		{"inline", 11, evidence.CompileOnce, `regexp.MustCompile("^b+$").MatchString(s)`, "// at package level:\nvar pattern = regexp.MustCompile(\"^b+$\")\npattern.MatchString(s)"},
		{"inline", 14, evidence.CompileOnce, "", ""},  // the pattern comes from outside
		{"checked", 18, evidence.CompileOnce, "", ""}, // so does what becomes of the error
		{"slice", 25, evidence.MakeRoom, "var some []int", "some := make([]int, 0, len(all))"},
		{"slice", 26, evidence.MakeRoom, "", ""}, // a result
		{"slice", 27, evidence.MakeRoom, "", ""}, // many at a time
		{"slice", 30, evidence.MakeRoom, "", ""}, // a number is ranged over
		{"table", 40, evidence.MakeRoom, "counts := make(map[string]int)", "counts := make(map[string]int, len(o.lines))"},
		{"table", 41, evidence.MakeRoom, "", ""}, // nil
		{"text", 49, evidence.BuildText, "s := \"\"\n// …\ns += x + \", \"\n// …\nreturn s", "var s strings.Builder\n// …\ns.WriteString(x + \", \")\n// …\nreturn s.String()"},
		{"read", 57, evidence.BuildText, "", ""}, // it is read, too
		{"wait", 70, evidence.ReuseTimer, "case <-time.After(quiet):", "// before the loop:\ntimer := time.NewTimer(quiet)\ndefer timer.Stop()\n// before each select, from go1.23 on:\ntimer.Reset(quiet)\ncase <-timer.C:"},
		{"wait", 71, evidence.ReuseTimer, "case <-time.After(5 * time.Second):", "// before the loop:\ntimer := time.NewTimer(5 * time.Second)\ndefer timer.Stop()\n// before each select, from go1.23 on:\ntimer.Reset(5 * time.Second)\ncase <-timer.C:"},
		{"wait", 72, evidence.ReuseTimer, "", ""}, // not the same each time
		{"save", 79, evidence.BufferWrites, "f.WriteString(x)", "// before the loop:\nbuffered := bufio.NewWriter(f)\n// in it:\nbuffered.WriteString(x)\n// behind it:\nerr := buffered.Flush()"},
		{"save", 83, evidence.BufferWrites, "", ""},  // no loop
		{"other", 79, evidence.BufferWrites, "", ""}, // another version
	} {
		at := evidence.Frame{Function: "example.com/shop." + tt.function, File: "example.com/shop/shop.go", Line: tt.line}
		got, err := Propose(dir, map[evidence.Frame]evidence.Change{at: tt.change})
		if err != nil {
			t.Fatal(err)
		}
		if c := got[at]; c.Before != tt.before || c.After != tt.after {
			t.Errorf("%s:%d (%s): before %q, after %q\nwant %q, %q", tt.function, tt.line, strings.Split(src, "\n")[tt.line-1], c.Before, c.After, tt.before, tt.after)
		}
	}
	if _, err := Propose(filepath.Join(dir, "nothing"), nil); err == nil {
		t.Error("no error for a directory that is not there")
	}
}
