package pprof

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"runtime"
	rpprof "runtime/pprof"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func takeText(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rpprof.Lookup(name).WriteTo(&b, 1); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var held [][]byte

//go:noinline
func hold() {
	for range 64 {
		held = append(held, make([]byte, 1<<20))
	}
}

// stacksOf is what a profile says by stack.
func stacksOf(p *evidence.Profile) *sums {
	s := newSums(len(p.SampleTypes))
	for i := range p.Stacks {
		s.add(p.Stack(&p.Stacks[i]), p.Stacks[i].Values)
	}
	return s
}

// TestTextsSayTheSame holds the debug=1 text of each profile against its protobuf.
func TestTextsSayTheSame(t *testing.T) {
	contend(t)
	hold()
	t.Cleanup(func() { held = nil })
	runtime.GC()
	for name, kind := range map[string]evidence.Kind{"mutex": evidence.Mutex, "block": evidence.Block, "heap": evidence.Heap, "threadcreate": evidence.ThreadCreate} {
		t.Run(name, func(t *testing.T) {
			text, proto := takeText(t, name), take(t, name)
			set := decode(t, text, "input", evidence.Unknown)
			in, p := set.Inputs[0], set.Profiles[0]
			if in.Kind != kind || in.Format != TextFormat || p.Kind != kind {
				t.Fatalf("kind %s, format %s", in.Kind, in.Format)
			}
			got, want := stacksOf(p), stacksOf(decode(t, proto, "input", kind).Profiles[0])
			switch name {
			case "mutex", "block": // the runtime's own stacks go on rising
				for _, m := range []map[string][]int64{got.stacks, want.stacks} {
					maps.DeleteFunc(m, func(stack string, _ []int64) bool { return !strings.Contains(stack, "pprof.contend") })
				}
				if len(got.stacks) == 0 || !maps.EqualFunc(got.stacks, want.stacks, near) {
					t.Errorf("stacks differ:\n got %v\nwant %v", got.stacks, want.stacks)
				}
			case "heap": // goes on while it is read
				f := "go-debug/analyze/decode/pprof.hold"
				if got.flat[f] == nil || !slices.Equal(got.flat[f], want.flat[f]) {
					t.Errorf("%s: %v, want %v", f, got.flat[f], want.flat[f])
				}
				if p.Period != int64(runtime.MemProfileRate) || p.SampleTypes[p.Default].Type != "inuse_space" {
					t.Errorf("period %d, default %v", p.Period, p.SampleTypes[p.Default])
				}
			default:
				if got.totals[0] != want.totals[0] {
					t.Errorf("%v threads, want %v", got.totals, want.totals)
				}
			}
		})
	}
	if in := decode(t, takeText(t, "heap"), "", evidence.Allocs).Inputs[0]; in.Kind != evidence.Allocs {
		t.Errorf("declared as allocs: %s", in.Kind)
	}
}

// near allows for the rounding of cycles to nanoseconds.
func near(x, y []int64) bool {
	return slices.EqualFunc(x, y, func(a, b int64) bool { return a-b <= 1 && b-a <= 1 })
}

const heapText = `heap profile: 2: 3072 [5: 9216] @ heap/2
1: 1024 [2: 2048] @ 0x47b4a5 0x47b4b5
#	0x47b4a4	main.keep[go.shape.struct { F int }]+0x1c4	/src/app dir/main.go:12
#	0x47b4b4	main.main+0x24					/src/app dir/main.go:7

1: 2048 [3: 7168] @ 0x47b4a5 0x47b4c5
#	0x47b4a4	main.keep[go.shape.struct { F int }]+0x1c4	/src/app dir/main.go:12
#	0x47b4c4

# runtime.MemStats
# Alloc = 123
`

func TestHeapText(t *testing.T) {
	for name, text := range map[string]string{"plain": heapText, "carriage returns": strings.ReplaceAll(heapText, "\n", "\r\n"), "no end of line": strings.TrimSpace(heapText), "mark": "\ufeff" + heapText} {
		t.Run(name, func(t *testing.T) {
			set := decode(t, []byte(text), "x", evidence.Unknown)
			p := set.Profiles[0]
			keep := evidence.Frame{Function: "main.keep[go.shape.struct { F int }]", File: "/src/app dir/main.go", Line: 12}
			want := []evidence.Stack{{keep, {Function: "[unknown]"}}, {keep, {Function: "main.main", File: "/src/app dir/main.go", Line: 7}}}
			values := [][]int64{{3, 7168, 1, 2048}, {2, 2048, 1, 1024}}
			if len(p.Stacks) != 2 || !slices.Equal(p.Totals, []int64{5, 9216, 2, 3072}) || p.Records != 2 {
				t.Fatalf("%d stacks, totals %v", len(p.Stacks), p.Totals)
			}
			for i := range p.Stacks {
				if got := p.Stack(&p.Stacks[i]); !slices.Equal(got, want[i]) || !slices.Equal(p.Stacks[i].Values, values[i]) {
					t.Errorf("stack %v with %v, want %v with %v", got, p.Stacks[i].Values, want[i], values[i])
				}
			}
			if !hasNote(set, "1 of 4 frames have no name") {
				t.Errorf("notes %q", set.Inputs[0].Notes)
			}
		})
	}
}

func TestBadTexts(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"cut":            {heapText[:strings.Index(heapText, "1: 2048")], "it lists 2 of 5"},
		"header":         {"heap profile: 1: x [3: 4] @ heap/2\n", "line 1: the header"},
		"record":         {"--- mutex:\ncycles/second=1\n1 2 3 @ 0x1\n", "line 3: this is no record of 2 numbers"},
		"number":         {"--- mutex:\n1 99999999999999999999 @ 0x1\n", "what is no number"},
		"attribute":      {"--- mutex:\ncycles/second=many\n", "cycles/second has no number"},
		"prose":          {"--- contention:\nhello\n", "line 2: this is no record"},
		"long line":      {"--- mutex:\n1 2 @" + strings.Repeat(" 0x123456789", 4000), "longer than"},
		"threads":        {"threadcreate profile: total 12\n1 @ 0x1\n#\t0x1\tmain.f+0x1\tf.go:1\n", "it lists 1 of 12"},
		"of gperftools":  {"heap profile: rubbish\n", "unrecognized"},
		"threads, total": {"threadcreate profile: total many\n", "no total"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeErr(t, []byte(tc.text), budget.Default())
			var input *evidence.InputError
			if !errors.As(err, &input) || input.Hint == "" || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v, want an InputError with a hint that says %q", err, tc.want)
			}
		})
	}
	broken := io.MultiReader(strings.NewReader(heapText[:200]), errReader{errors.New("connection reset")})
	set, err := Decode(context.Background(), broken, evidence.Position{}, evidence.Unknown, budget.Default())
	if err == nil || !strings.Contains(err.Error(), "connection reset") || len(set.Profiles) != 1 || set.Inputs[0].Complete {
		t.Errorf("a text that breaks off: %v, %d profiles", err, len(set.Profiles))
	}
	many := "--- mutex:\n" + strings.Repeat("1 1 @ 0x1\n#\t0x1\tmain.f+0x1\t"+strings.Repeat("x", 3000)+":", 1)
	for i := range 1000 {
		many += strings.Repeat("\n1 1 @ 0x1\n#\t0x1\tmain.f"+strings.Repeat("y", i)+"+0x1\tf.go:1", 1)
	}
	if _, err := decodeErr(t, []byte(many), budget.Budget{Memory: 100 << 10}); !isOver(err) {
		t.Errorf("many names: %v, want an error of the budget", err)
	}
}

// TestForeignTexts: profiles of other runtimes in text come by way of google/pprof.
func TestForeignTexts(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		kind evidence.Kind
		note string
	}{
		"gperftools CPU":        {words(0, 3, 0, 10000, 0, 2, 1, 0x47b4a5, 0, 1, 0), evidence.CPU, "no names"},
		"gperftools heap":       {"heap profile: 1: 1024 [2: 2048] @ heapprofile\n1: 1024 [2: 2048] @ 0x47b4a5\n\nMAPPED_LIBRARIES:\n00400000-00fcb000 r-xp 00000000 fd:01 123 /bin/app\n", evidence.Heap, "no names"},
		"gperftools contention": {"--- contentionz 1 ---\ncycles/second = 1000000000\nsampling period = 1\n100 2 @ 0x47b4a5\n", evidence.Block, "no names"},
		"Java heap":             {"--- heapz 1 ---\nformat = java\nresolution = bytes\n1024 2 @ 0x3\n\n 0x00000003 com.example.Main.main (Main.java:7)\n", evidence.Heap, "not a Go profile"},
	} {
		t.Run(name, func(t *testing.T) {
			if kind, ok := LegacyText([]byte(tc.text)); !ok || kind != tc.kind {
				t.Errorf("recognised as %s, %v", kind, ok)
			}
			set := decode(t, []byte(tc.text), "x", evidence.Unknown)
			if in := set.Inputs[0]; in.Kind != tc.kind || (in.Format == TextFormat) == (tc.kind == evidence.CPU) || !hasNote(set, tc.note) {
				t.Errorf("kind %s, format %s, notes %q; want %s, %q", in.Kind, in.Format, in.Notes, tc.kind, tc.note)
			}
			p, err := profile.ParseData([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Profiles[0]; got.Records != int64(len(p.Sample)) || got.Totals[0] != p.Sample[0].Value[0] {
				t.Errorf("%d records, totals %v", got.Records, got.Totals)
			}
		})
	}
	long := "--- contentionz 1 ---\n" + strings.Repeat("# remark\n", 1<<20)
	if _, err := decodeErr(t, []byte(long), budget.Budget{Memory: 8 << 20}); !isOver(err) {
		t.Errorf("a long text: %v, want an error of the budget", err)
	}
}

func words(w ...uint64) string {
	var out []byte
	for _, v := range w {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	return string(out)
}

func FuzzText(f *testing.F) {
	f.Add([]byte(heapText))
	f.Add([]byte("--- mutex:\ncycles/second=1000\nsampling period=5\n10 2 @ 0x1 0x2\n#\t0x1\tmain.f+0x1\tf.go:1\n"))
	f.Add([]byte("threadcreate profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f+0x1\tf.go:1\n"))
	f.Add([]byte("--- heapz 1 ---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		LegacyText(data)
		set, err := decodeErr(t, data, budget.Budget{Memory: 32 << 20, Stacks: 10})
		if err == nil && len(set.Profiles)+len(set.Snapshots) != 1 {
			t.Fatal("no error and no evidence")
		}
		for _, p := range set.Profiles {
			checkOrder(t, p)
		}
	})
}
