package main

import (
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"go-debug/cmd/internal/cli"
)

var update = flag.Bool("update", false, "rewrite expected output in scripts and README.md")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"go-debug": cli.Main, "leaky": leaky, "drive": drive})
}

// emptyMutexProfile writes idle/mutex.pb.gz: this process never turns the profile on.
func emptyMutexProfile(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "idle"), 0o700); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "idle", "mutex.pb.gz"))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("mutex").WriteTo(f, 0), f.Close())
}

// TestScript runs every command as a user does: stdout, stderr and exit code.
func TestScript(t *testing.T) {
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(targets())
	t.Cleanup(srv.Close)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("FIXTURES", fixtures)
			e.Setenv("SERVER", srv.URL)
			e.Setenv("EVIL", "\x1b[31mred\u202e.txt")
			e.Setenv("NO_COLOR", "1")
			goEnvironment(e)
			// $WORK/fixtures keeps the paths in reports short and the same everywhere.
			return errors.Join(os.Symlink(fixtures, filepath.Join(e.WorkDir, "fixtures")), emptyMutexProfile(e.WorkDir))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"gates":    gates,
			"cut":      cutFile,
			"bytes":    writeBytes,
			"repack":   repack,
			"serve":    serve,
			"freeport": freePort,
			"profile":  writeProfile,
			"stored":   storeBaseline,
			"hurt":     hurtBaseline,
		},
	})
}
