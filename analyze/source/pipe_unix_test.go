//go:build unix

package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"go-debug/analyze/evidence"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

func TestLinksAndPipesInDirectories(t *testing.T) {
	tree(t, map[string]string{"outside/secret.txt": "s", "d/..data/g.0.txt": "v", "d/a.txt": "a"})
	must(t, os.Symlink("../outside/secret.txt", "d/escape.txt"))
	must(t, os.Symlink("a.txt", "d/latest.txt"))
	must(t, os.Symlink("..data/g.0.txt", "d/g.0.txt")) // as volumes are mounted
	must(t, os.Symlink("nowhere", "d/notes.md"))
	must(t, mkfifo("d/pipe"))
	items, problems := resolve(t, Options{}, "d")
	if want := []string{"d/a.txt", "d/g.0.txt"}; !slices.Equal(names(items), want) {
		t.Errorf("items %q, want %q", names(items), want)
	}
	want := []string{"!d/escape.txt: path escapes from parent", "d/notes.md: left out: a document",
		"d/pipe: left out: is a pipe, socket or device; name it as an argument of its own to have it read"}
	if got := show(problems); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
}

// A listed file that has become a pipe must neither hang nor be read.
func TestListedPipeIsRefused(t *testing.T) {
	tree(t, map[string]string{"d/capture.json": fmt.Sprintf(manifest, `{"name": "pipe"}`, "")})
	must(t, mkfifo("d/pipe"))
	items, problems := resolve(t, Options{}, "d")
	if len(items) != 0 || len(problems) != 1 || !problems[0].Fatal {
		t.Errorf("items %v, problems %v", names(items), show(problems))
	}
	if _, err := dirMember("d", "pipe").open(); err == nil {
		t.Error("a pipe was opened as a member")
	}
}

func TestNamedPipeIsAStream(t *testing.T) {
	tree(t, nil)
	must(t, mkfifo("mutex.pipe"))
	go os.WriteFile("mutex.pipe", []byte("profile"), 0)
	items, problems := resolve(t, Options{}, "mutex.pipe")
	if len(problems) != 0 || len(items) != 1 || items[0].Declared != evidence.Mutex {
		t.Fatalf("items %v, problems %v", names(items), show(problems))
	}
	if got := contents(t, items); got[0] != "profile" {
		t.Errorf("content %q", got)
	}
}

// Nobody writes to the pipe: the wait ends with the context.
func TestPipeWithoutWriterEndsWithTheContext(t *testing.T) {
	tree(t, nil)
	must(t, mkfifo("pipe"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := openPipe(ctx, "pipe"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	f, err := os.OpenFile("pipe", os.O_RDWR, 0) // lets the blocked open go
	must(t, err)
	f.Close()
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	tree(t, map[string]string{"secret": "", "d/secret": ""})
	must(t, os.Chmod("secret", 0))
	must(t, os.Chmod("d/secret", 0))
	_, problems := resolve(t, Options{}, "secret", "d")
	if want := []string{"!d/secret: permission denied", "!secret: permission denied"}; !slices.Equal(show(problems), want) {
		t.Errorf("problems %q, want %q", show(problems), want)
	}
}
