package code

import (
	"os"
	"path/filepath"
	"testing"

	"go-debug/analyze/evidence"
)

func TestQuote(t *testing.T) {
	dir := t.TempDir()
	src := "package shop\n\ntype list[T any] struct{}\n\nfunc (l *list[T]) all(s string) (out string) {\n\tfunc() {\n\t\tout += s // each time\n\t}()\n\n\treturn out\n}\n"
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/shop\n")
	write("list.go", src)
	write("broken.go", "package shop\n\nfunc f( {\n")
	at := func(function, file string, line int) evidence.Frame {
		return evidence.Frame{Function: function, File: file, Line: line}
	}
	method, trimmed := "example.com/shop.(*list[go.shape.string]).all.func1", "example.com/shop/list.go"
	for _, tc := range []struct {
		name string
		at   evidence.Frame
		want string
	}{
		{"built here", at(method, filepath.ToSlash(dir)+"/list.go", 7), "out += s"},
		{"built with -trimpath", at(method, trimmed, 7), "out += s"},
		{"built elsewhere", at(method, "/home/ci/shop/list.go", 10), "return out"},
		{"another function is there now", at("example.com/shop.(*list[...]).sum", trimmed, 7), ""},
		{"no function is there now", at(method, trimmed, 3), ""},
		{"an empty line", at(method, trimmed, 9), ""},
		{"beyond the end", at(method, trimmed, 70), ""},
		{"no line", at(method, trimmed, 0), ""},
		{"a file that does not parse", at("example.com/shop.f", "example.com/shop/broken.go", 3), ""},
		{"a file that is not there", at(method, "example.com/shop/other.go", 7), ""},
		{"another module", at("example.com/bank.all", "example.com/bank/list.go", 7), ""},
	} {
		got, err := Quote(dir, []evidence.Frame{tc.at})
		if err != nil || got[tc.at] != tc.want {
			t.Errorf("%s: %q, %v, want %q", tc.name, got[tc.at], err, tc.want)
		}
		file := ""
		if tc.want != "" {
			file = "list.go"
		}
		if files, err := Locate(dir, []evidence.Frame{tc.at}); err != nil || files[tc.at] != file {
			t.Errorf("%s: in file %q, %v, want %q", tc.name, files[tc.at], err, file)
		}
	}
	if _, err := Quote(filepath.Join(dir, "nothing"), nil); err == nil {
		t.Error("no error for a directory that is not there")
	}
	if _, err := Locate(filepath.Join(dir, "nothing"), nil); err == nil {
		t.Error("no file is looked for in a directory that is not there, and nobody says so")
	}
}
