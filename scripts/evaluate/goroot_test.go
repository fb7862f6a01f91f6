package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestReadCases(t *testing.T) {
	const src = `package runtime_test

func TestGoroutineLeakProfile() {
	microTests := []testCase{
		makeTest("NilRecv", ` + "`NilRecv\\.func2`" + `),
	}
	gokerTestCases := []testCase{
		makeFlakyTest("Moby1", ` + "`run\\(.* \\[chan send\\]`, `stop`" + `),
		makeTest("NoLeak"),
	}
}
`
	name := filepath.Join(t.TempDir(), "x_test.go")
	if err := os.WriteFile(name, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	cases, err := readCases(name)
	if err != nil || len(cases) != 3 {
		t.Fatalf("%+v, %v", cases, err)
	}
	if c := cases[0]; c.Name != "NilRecv" || c.flaky || c.folder != "" || len(c.expected) != 1 {
		t.Errorf("%+v", c)
	}
	if c := cases[1]; c.Name != "Moby1" || !c.flaky || c.folder != "goker" || len(c.expected) != 2 {
		t.Errorf("%+v", c)
	}
	if c := cases[2]; c.Name != "NoLeak" || len(c.expected) != 0 {
		t.Errorf("%+v", c)
	}
}

// TestReadCasesOfThisToolchain notices when the Go project's table takes another form.
func TestReadCasesOfThisToolchain(t *testing.T) {
	goroot, err := gorootOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cases, err := readCases(filepath.Join(goroot, gorootTest))
	if os.IsNotExist(err) {
		t.Skip("GOROOT has no such test")
	}
	if err != nil || len(cases) < 60 {
		t.Errorf("%d cases, %v", len(cases), err)
	}
}

func TestLeakedIn(t *testing.T) {
	const dump = `goroutine 1 [running]:
main.main()
	main.go:38 +0x133

goroutine 9 [chan send (leaked)]:
main.(*worker).run(0xc000012345, {0x1, 0x2})
	a.go:218 +0x34
main.start.func1()
	a.go:230 +0x34
created by main.start in goroutine 8
	a.go:215 +0x3c

goroutine 11 gp=0x1 m=nil [sync.Mutex.Lock (leaked)]:
main.lock(...)
	a.go:5
created by main.start in goroutine 8
	a.go:216 +0x3c
`
	got := leakedIn(dump)
	if len(got) != 2 || got[0].name != "main.start.func1() [chan send]" || got[1].name != "main.lock(...) [sync.Mutex.Lock]" {
		t.Fatalf("%+v", got)
	}
	if want := []string{"main.(*worker).run", "main.start.func1"}; !slices.Equal(got[0].functions, want) {
		t.Errorf("functions %v, want %v", got[0].functions, want)
	}
}
