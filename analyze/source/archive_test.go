package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func zipOf(t *testing.T, members map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, members[name])
		must(t, err)
	}
	must(t, z.Close())
	return buf.Bytes()
}

func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		content := h.Linkname
		if h.Typeflag == 0 {
			h.Typeflag, h.Size, h.Linkname = tar.TypeReg, int64(len(content)), ""
		}
		must(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, content)
			must(t, err)
		}
	}
	must(t, w.Close())
	return buf.Bytes()
}

// file is a regular member; its content travels in Linkname.
func file(name, content string) tar.Header { return tar.Header{Name: name, Linkname: content} }

func gz(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	must(t, errors.Join(err, w.Close()))
	return buf.Bytes()
}

func zst(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1))
	must(t, err)
	_, err = w.Write(data)
	must(t, errors.Join(err, w.Close()))
	return buf.Bytes()
}

// noise does not compress.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// A compressed archive that is cut keeps the members before the cut; one whose checksum is wrong
// keeps all. Both say so.
func TestDamagedCompression(t *testing.T) {
	plain := tarOf(t, file("a", "A"), file("b", noise(300_000)), file("c", "C"))
	for name, pack := range map[string]func(*testing.T, []byte) []byte{"gzip": gz, "zstd": zst} {
		packed := pack(t, plain)
		badSum := bytes.Clone(packed)
		badSum[len(badSum)-1] ^= 1
		for what, tt := range map[string]struct {
			data  []byte
			items []string
			want  string
		}{
			"cut":      {packed[:len(packed)*3/4], []string{"t/a", "t/b"}, "!t: the archive is cut: what follows was not read"},
			"checksum": {badSum, []string{"t/a", "t/b", "t/c"}, name + " stream is damaged"},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				tree(t, map[string]string{"t": string(tt.data)})
				items, problems := resolve(t, Options{}, "t")
				if !slices.Equal(names(items), tt.items) {
					t.Errorf("items %q, want %q", names(items), tt.items)
				}
				if len(problems) != 1 || !strings.Contains(show(problems)[0], tt.want) || strings.Contains(problems[0].Hint, "FILE") {
					t.Errorf("problems %q, hint %q", show(problems), problems[0].Hint)
				}
			})
		}
	}
}

// The writer of a zstd archive chooses how much memory its reader needs; the bound is said to be
// the reason, and how to raise it.
func TestArchiveBeyondTheMemory(t *testing.T) {
	packed := zst(t, tarOf(t, file("a", "A")))
	tree(t, map[string]string{"t": string(packed)})
	_, problems := resolve(t, Options{MaxMemory: 4096}, "t")
	if len(problems) != 1 || !strings.Contains(show(problems)[0], "over budget: memory for a zstd window") ||
		!strings.Contains(problems[0].Hint, "go-debug analyze --max-memory ") || !strings.HasSuffix(problems[0].Hint, " t") {
		t.Fatalf("problems %+v", problems)
	}
}

func TestArchives(t *testing.T) {
	listed := fmt.Sprintf(manifest, `{"name": "b"}, {"name": "a"}`, "")
	flat := []tar.Header{file("capture.json", listed), file("a", "A"), file("b", "B"), file("other", "")}
	nested := []tar.Header{{Name: "x/", Typeflag: tar.TypeDir}, file("x/y/capture.json", listed), file("./x/y/a", "A"), file("x/y/b", "B")}
	members := map[string]string{"cap/": "", "cap/capture.json": listed, "cap/a": "A", "cap/b": "B", "__MACOSX/cap/._a": "junk"}
	for name, data := range map[string][]byte{
		"bundle.tar":     tarOf(t, flat...),
		"bundle.tgz":     gz(t, tarOf(t, nested...)),
		"bundle.zip":     zipOf(t, members),
		"misnamed.pb.gz": zipOf(t, members),
		"mutex":          gz(t, tarOf(t, flat...)),
		"bundle.tar.zst": zst(t, tarOf(t, flat...)),
		// The first block of zstd, and no byte before its end, shows what is inside.
		"noise.tar.zst": zst(t, tarOf(t, append(flat, file("noise", noise(400_000)))...)),
	} {
		check := func(t *testing.T, items []Item, problems []Problem, prefix string) {
			t.Helper()
			if want := []string{prefix + "/b", prefix + "/a"}; len(problems) != 0 || !slices.Equal(names(items), want) {
				t.Fatalf("items %q, want %q, problems %q", names(items), want, show(problems))
			}
			if got := contents(t, items); !slices.Equal(got, []string{"B", "A"}) {
				t.Errorf("contents %q", got)
			}
		}
		t.Run(name, func(t *testing.T) {
			tree(t, map[string]string{name: string(data)})
			items, problems := resolve(t, Options{}, name)
			check(t, items, problems, name)
		})
		t.Run(name+" from stdin", func(t *testing.T) {
			items, problems := resolve(t, Options{Stdin: bytes.NewReader(data)}, "-")
			check(t, items, problems, "stdin")
		})
	}
}

func TestHostileTar(t *testing.T) {
	good := file("g.txt", "good")
	long := strings.Repeat("a/", 600) + "b"
	for _, tc := range []struct {
		name     string
		headers  []tar.Header
		problems []string
	}{
		{"absolute", []tar.Header{good, file("/etc/passwd", "x")}, []string{"!t//etc/passwd: refused: absolute name"}},
		{"dot dot", []tar.Header{good, file("../x", "x")}, []string{"!t/../x: refused: name leads out of the bundle or is not in its shortest form"}},
		{"hidden dot dot", []tar.Header{good, file("a/../../x", "x")}, []string{"!t/a/../../x: refused: name leads out of the bundle or is not in its shortest form"}},
		{"backslash", []tar.Header{good, file(`..\x`, "x")}, []string{`!t/..\x: refused: name holds a backslash or NUL`}},
		{"drive", []tar.Header{good, file(`C:/x`, "x")}, []string{`!t/C:/x: refused: absolute name`}},
		{"symlink", []tar.Header{good, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "g.txt"}}, []string{"!t/l: refused: a link"}},
		{"hard link", []tar.Header{good, {Name: "l", Typeflag: tar.TypeLink, Linkname: "g.txt"}}, []string{"!t/l: refused: a link"}},
		{"device", []tar.Header{good, {Name: "d", Typeflag: tar.TypeChar}}, []string{"!t/d: refused: a device, pipe or socket"}},
		{"fifo", []tar.Header{good, {Name: "f", Typeflag: tar.TypeFifo}}, []string{"!t/f: refused: a device, pipe or socket"}},
		{"twice", []tar.Header{good, file("./g.txt", "bad")}, []string{"!t/./g.txt: refused: a second member of the same name"}},
		{"too large", []tar.Header{good, file("big", strings.Repeat("x", 5000))}, []string{"!t/big: refused: over budget: a member of 5000 bytes beyond the limit of 4096"}},
		{"deep", []tar.Header{good, file(long, "x")}, []string{"!t/" + long + ": refused: name of 1201 bytes"}},
		{"too many", []tar.Header{good, file("a", ""), file("b", ""), file("c", "")}, []string{"!t: over budget: members of an archive beyond the limit of 3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree(t, map[string]string{"t": string(tarOf(t, tc.headers...))})
			items, problems := resolve(t, Options{MaxMembers: 3, MaxSpool: 4096}, "t")
			if got := show(problems); !slices.Equal(got, tc.problems) {
				t.Errorf("problems %q, want %q", got, tc.problems)
			}
			if got := contents(t, items); len(got) == 0 || !slices.Contains(got, "good") {
				t.Errorf("the good member is lost: %q", names(items))
			}
			outside, _ := filepath.Glob("../x")
			if len(outside) > 0 {
				t.Errorf("written outside: %q", outside)
			}
		})
	}
}

// Wherever a tar archive is cut, what comes through is marked or a fatal problem says so.
func TestCutTarIsNeverWhole(t *testing.T) {
	whole := tarOf(t, file("a.txt", strings.Repeat("A", 700)), file("b.txt", "B"))
	for _, gzipped := range []bool{false, true} {
		data := whole
		if gzipped {
			data = gz(t, whole)
		}
		end := len(data) - 1
		if !gzipped {
			end = len(data) - 2*tarBlock // the end mark itself
		}
		for n := tarBlock; n < end; n += 61 {
			if gzipped && n < len(data)-40 {
				continue // too little of it to be known as a tar archive
			}
			tree(t, map[string]string{"t": string(data[:n])})
			items, problems := resolve(t, Options{}, "t")
			if !anyFatal(problems) {
				t.Errorf("gzip %v, cut at %d of %d: no fatal problem; items %q", gzipped, n, len(data), names(items))
			}
			for i, got := range contents(t, items) {
				if items[i].Truncated == "" && got != "B" && len(got) != 700 {
					t.Errorf("gzip %v, cut at %d: %s holds %d bytes and is not marked", gzipped, n, items[i].Source, len(got))
				}
			}
		}
	}
}

func TestTarBomb(t *testing.T) {
	tree(t, map[string]string{"bomb.tgz": string(gz(t, tarOf(t,
		file("a", strings.Repeat("\x00", 60<<10)), file("b", strings.Repeat("\x00", 60<<10)))))})
	scratch := &Scratch{Parent: t.TempDir()}
	items, problems := resolve(t, Options{MaxSpool: 64 << 10, MaxMembers: 2, Scratch: scratch}, "bomb.tgz")
	if want := []string{"!bomb.tgz: what follows was not read: over budget: unpacked bytes of an archive beyond the limit of 65536"}; !slices.Equal(show(problems), want) {
		t.Errorf("problems %q, want %q", show(problems), want)
	}
	if len(items) != 2 || items[0].Truncated != "" || items[1].Truncated == "" {
		t.Errorf("items %+v", items)
	}
	var spooled int64
	must(t, filepath.WalkDir(scratch.Parent, func(_ string, d fs.DirEntry, err error) error {
		if st, serr := d.Info(); err == nil && serr == nil && !d.IsDir() {
			spooled += st.Size()
		}
		return err
	}))
	if spooled > 70<<10 {
		t.Errorf("%d bytes were spooled", spooled)
	}
	must(t, scratch.Close())
	left, err := os.ReadDir(scratch.Parent)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestHostileZip(t *testing.T) {
	link := &zip.FileHeader{Name: "l"}
	link.SetMode(fs.ModeSymlink | 0o777)
	write := func(headers ...*zip.FileHeader) string {
		var buf bytes.Buffer
		z := zip.NewWriter(&buf)
		for _, h := range append(headers, &zip.FileHeader{Name: "g.txt"}) {
			w, err := z.CreateHeader(h)
			must(t, err)
			_, err = io.WriteString(w, "good")
			must(t, err)
		}
		must(t, z.Close())
		return buf.String()
	}
	for _, tc := range []struct {
		name, data, problem string
		items               int
	}{
		{"dot dot", write(&zip.FileHeader{Name: "../x"}), "!z/../x: refused: name leads out of the bundle or is not in its shortest form", 1},
		{"absolute", write(&zip.FileHeader{Name: "/x"}), "!z//x: refused: absolute name", 1},
		{"link", write(link), "!z/l: refused: a link", 1},
		{"encrypted", write(&zip.FileHeader{Name: "e", Flags: 1}), "!z/e: refused: encrypted", 1},
		{"twice", write(&zip.FileHeader{Name: "g.txt"}), "!z/g.txt: refused: a second member of the same name", 1},
		{"cut", write()[:60], "!z: damaged or cut zip file: zip: not a valid zip file", 0},
		{"too many", write(&zip.FileHeader{Name: "a"}, &zip.FileHeader{Name: "b"}, &zip.FileHeader{Name: "c"}), "!z: over budget: 4 members of an archive beyond the limit of 3", 0},
		{"empty", string(zipOf(t, nil)), "!z: holds no captures", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree(t, map[string]string{"z": tc.data})
			items, problems := resolve(t, Options{MaxMembers: 3}, "z")
			if got := show(problems); !slices.Equal(got, []string{tc.problem}) {
				t.Errorf("problems %q, want %q", got, tc.problem)
			}
			if got := contents(t, items); len(got) != tc.items {
				t.Errorf("items %q, want %d", names(items), tc.items)
			}
		})
	}
}

// The directory of a zip file is not read into memory without bound.
func TestZipDirectoryIsBounded(t *testing.T) {
	c := &readCap{r: bytes.NewReader(make([]byte, 100)), left: 60}
	if _, err := c.ReadAt(make([]byte, 50), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadAt(make([]byte, 50), 50); !errors.Is(err, errZipDirectory) {
		t.Errorf("got %v", err)
	}
}
