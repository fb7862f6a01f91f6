package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/report/render"
)

// A secret in a file's name and one in a URL are hidden in every format and in every error, in what is
// stored as well; --redact=false shows the name, and no URL's user in any case.
func TestSecretsAreHiddenInEveryFormat(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "resyncleak", "heap.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cut, stored := filepath.Join(dir, "password=hunter2.pb.gz"), filepath.Join(dir, "stored.json")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(args ...string) (stdout, stderr string) {
		var out, said bytes.Buffer
		args = append(args, cut, "http://user:letmein99@127.0.0.1:1/debug/pprof/heap")
		run(t.Context(), append([]string{"analyze", "-v", "-o", stored}, args...), &terminal{stdin: strings.NewReader(""), stdout: &out, stderr: &said, getenv: environment(nil)})
		return out.String(), said.String()
	}
	for _, format := range render.Names() {
		out, said := read("-f", format)
		file, err := os.ReadFile(stored)
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string]string{"standard output": out, "standard error": said, "the file": string(file)} {
			if strings.Contains(text, "hunter2") || strings.Contains(text, "letmein99") {
				t.Errorf("%s: a secret stands in %s:\n%s", format, where, text)
			}
		}
		if !strings.Contains(said, "[redacted]") {
			t.Errorf("%s: nothing was hidden: %s", format, said)
		}
	}
	out, said := read("-f", "json", "--redact=false")
	if !strings.Contains(out, "hunter2") || strings.Contains(out+said, "letmein99") {
		t.Errorf("--redact=false:\n%s\n%s", out, said)
	}
}
