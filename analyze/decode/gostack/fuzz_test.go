package gostack

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// FuzzDecode holds for any bytes: no panic, bounds kept, sums right, the same result twice
// and at any chunk size.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"goroutine 1 [running]:\nmain.main()\n\t/src/main.go:8 +0x1d\n\ngoroutine 2 gp=0x1 m=nil [select, 3 minutes] {k: v}:\nmain.f(...)\n\t/src/f.go:1\ncreated by main.g in goroutine 1\n\t/src/g.go:2 +0x1\n",
		"goroutine profile: total 3\n2 @ 0x1 0x2\n# labels: {\"k\":\"v\"}\n#\t0x1\tmain.f+0x1\t/src/f.go:1\n\n1 @ 0x3\n#\t0x3\n\n",
		"panic: boom\n\ngoroutine 7 [running]:\nmain.f(0x1)\n\t/f.go:1 +0x1\n...additional frames elided...\ncreated by main.g\n\t/g.go:1 +0x2\n[originating from goroutine 1]:\nmain.h(...)\n\t/h.go:1 +0x1\nexit status 2\n",
		"SIGQUIT: quit\nPC=0x1 m=0 sigcode=0\n\ngoroutine 0 [idle]:\nruntime.futex()\n\t/a.s:1 +0x1\n\ngoroutine 3 [running]:\n\tgoroutine running on other thread; stack unavailable\n\nrax 0x0\n\n-----\n\ngoroutine 3 [running]:\nmain.f()\n\t/f.go:1\n",
		"ts F goroutine 1 [select labels:{\"a\": \"]}\"}]:\r\nts F main.main()\r\nts F \t/m.go:1 +0x1\r\nts F \r\n",
	} {
		f.Add([]byte(seed), 7)
	}
	for _, v := range variants {
		f.Add([]byte(v.text), len(v.text)/2)
	}
	for _, rewrite := range []func(string) string{prefixed("pod-%d app: "), wrapped(`{"log":%s,"stream":"stderr"}`, "\n")} {
		f.Add([]byte(rewrite(variants[0].text)), 5)
		f.Add([]byte(rewrite("goroutineleak profile: total 2\n"+group1("f", "0x1", "0x2", "0x3"))), 5)
	}
	f.Add([]byte("goroutine 1 [running]:\nmain.main()\n\t/src/main.go:8 +0x1goroutine 9 [running]:\nmain.f()\n\t/src/main.go:8 +0x1\ncreated by main.g\n\t/m.go:1 +0x1\n"), 64)
	f.Add([]byte("x +0x1\n\t/src/x.go:3 +0x1d\n\ngoroutine 7 [select]:\nmain.f()\n        /src/main.go:8 +0x1\ncreated by main.g\n        /m.go:1 +0x1\n"), 64)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		set, err := decode(t, data)
		for i := range set.Snapshots {
			check(t, &set.Snapshots[i])
		}
		if len(set.Inputs) != 1 || set.Inputs[0].Complete != (err == nil) {
			t.Fatalf("inputs %+v with error %v", set.Inputs, err)
		}
		again, err2 := Decode(context.Background(), &chunks{bytes.Clone(data), 1 + n&0xff}, evidence.Position{Source: "dump"}, budget.Budget{})
		if !reflect.DeepEqual(set, again) || (err == nil) != (err2 == nil) {
			t.Fatalf("two results:\n%s\n%s", describe(set, err), describe(again, err2))
		}
	})
}
