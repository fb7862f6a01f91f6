package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/unpack"
)

// member is one file of a bundle.
type member struct {
	name string // within the bundle, separated by slashes
	cut  string // why its content is not whole; empty when it is
	open func() (io.ReadCloser, error)
}

// bundle is a directory or an archive: what both can do.
type bundle struct {
	// name is how the user named it; it stands before the members' names.
	name string
	// onDisk is true for a directory that the user named: its files can be moved.
	onDisk bool
	// find looks a member up; an error that is fs.ErrNotExist means there is none.
	find func(name string) (member, error)
	// list gives the files and directories of the top level.
	list func() listing
	// problems were met while it was opened: refused members, a cut archive.
	problems []Problem
}

type listing struct {
	files    []member
	captures []string // sub-directories that hold a capture.json
	dirs     []string // other sub-directories
	problems []Problem
}

func (b *bundle) path(name string) string { return strings.TrimSuffix(b.name, "/") + "/" + name }

// read turns the bundle into items. recorded tells that capture.json gave their order.
func (b *bundle) read() (items []Item, recorded bool, problems []Problem) {
	mf, err := b.find(ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		items, problems = b.readBare()
		return items, false, append(problems, b.problems...)
	}
	m, err := readManifestMember(mf, err)
	if err != nil {
		return nil, true, append(b.problems, Problem{Name: b.path(ManifestName), Err: err, Fatal: true,
			Hint: b.withoutManifest()})
	}
	items, problems = b.readListed(m)
	return items, true, append(problems, b.problems...)
}

// withoutManifest is what to do about a capture.json that cannot be read. Hidden files are
// passed over, so a directory is then read in the order of its file names.
func (b *bundle) withoutManifest() string {
	if !b.onDisk {
		return "capture again: go-debug capture http://localhost:6060 -o capture.zip"
	}
	return "to go by file names: mv " + ShellQuote(b.path(ManifestName)) + " " + ShellQuote(b.path("."+ManifestName)) +
		" && go-debug analyze " + ShellQuote(b.name)
}

func readManifestMember(mf member, err error) (*Manifest, error) {
	if err != nil {
		return nil, reason(err)
	}
	if mf.cut != "" {
		return nil, errors.New(mf.cut)
	}
	f, err := mf.open()
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	return ReadManifest(f)
}

// readListed takes what capture.json lists and nothing else.
func (b *bundle) readListed(m *Manifest) (items []Item, problems []Problem) {
	again := "capture again: go-debug capture " + ShellQuote(m.Target) + " -o capture.zip"
	for _, f := range m.Files {
		mem, err := b.find(f.Name)
		switch {
		case err == nil:
			it := b.item(mem)
			it.At, it.Phase, it.Go, it.Target, it.Declared = f.CapturedAt, f.Phase, m.Go, TargetOf(m.Target), evidence.Unknown
			if capturable(f.Kind) {
				it.Declared = f.Kind
			}
			it.Truncated = firstNonEmpty(f.Truncated, f.Error, mem.cut)
			items = append(items, it)
		case f.Error != "":
			problems = append(problems, Problem{Name: b.path(f.Name), Fatal: true, Hint: again,
				Err: fmt.Errorf("the capture failed: %s", f.Error)})
		default:
			problems = append(problems, Problem{Name: b.path(f.Name), Fatal: true, Hint: again,
				Err: fmt.Errorf("listed in %s: %w", ManifestName, reason(err))})
		}
	}
	for _, s := range m.Skipped {
		if !s.Absent {
			problems = append(problems, Problem{Name: b.name, Hint: again,
				Err: fmt.Errorf("%s was not captured: %s", s.Kind, s.Why)})
		}
	}
	for _, w := range m.Warnings {
		problems = append(problems, Problem{Name: b.name, Hint: again, Err: errors.New(w)})
	}
	if len(m.Files) == 0 {
		problems = append(problems, Problem{Name: b.path(ManifestName), Fatal: true, Hint: again,
			Err: errors.New("lists no files")})
	}
	sortRecorded(items)
	return items, problems
}

// readBare takes every file of the top level that may be a capture.
func (b *bundle) readBare() (items []Item, problems []Problem) {
	l := b.list()
	problems = l.problems
	for _, mem := range l.files {
		if hidden(mem.name) {
			continue
		}
		p := Problem{Name: b.path(mem.name)}
		if why := notCapture(mem.name); why != "" {
			p.Err, p.Hint = fmt.Errorf("left out: %s", why), "name it to have it read all the same: go-debug analyze "+ShellQuote(p.Name)
			problems = append(problems, p)
			continue
		}
		head, err := readHead(mem)
		switch {
		case err != nil:
			p.Err, p.Fatal, p.Hint = reason(err), true, "ls -l "+ShellQuote(b.name)
		case isProgram(head):
			p.Err, p.Hint = errors.New("left out: a program"), "go-debug reads what programs emit: go-debug analyze --help"
		case sniffArchive(head) != noArchive:
			p.Err, p.Fatal, p.Hint = errors.New("an archive inside "+b.name+" is not opened"), true, "go-debug analyze "+ShellQuote(p.Name)
		default:
			items = append(items, b.item(mem))
			continue
		}
		problems = append(problems, p)
	}
	for _, d := range l.dirs {
		problems = append(problems, Problem{Name: b.path(d), Err: errors.New("left out: a sub-directory"),
			Hint: "go-debug analyze " + ShellQuote(b.path(d))})
	}
	for _, d := range l.captures {
		problems = append(problems, Problem{Name: b.path(d), Fatal: true,
			Err: errors.New("a capture of its own in a sub-directory was not read"), Hint: "go-debug analyze " + ShellQuote(b.path(d))})
	}
	if len(items) == 0 && !anyFatal(problems) && !anyFatal(b.problems) {
		problems = append(problems, Problem{Name: b.name, Fatal: true, Err: errors.New("holds no captures"),
			Hint: "take some: go-debug capture http://localhost:6060 -o capture.zip"})
	}
	return items, problems
}

func (b *bundle) item(m member) Item {
	return Item{
		Position:  evidence.Position{Source: b.path(m.name)},
		Declared:  kindOfName(m.name),
		Truncated: m.cut,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return m.open()
		},
	}
}

// readHead reads what sniffArchive wants to see.
func readHead(m member) ([]byte, error) {
	f, err := m.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err == nil && unpack.Sniff(head) == unpack.Zstd {
		head = append(head, make([]byte, zstdHeadBytes-headBytes)...)
		var more int
		more, err = io.ReadFull(f, head[n:])
		n += more
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || n > 0 {
		err = nil // what is wrong further on is the decoder's to tell
	}
	return head[:n], err
}

// hidden are the names that listings leave out, and the folder of resource forks that macOS
// adds to zip files.
func hidden(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") || part == "__MACOSX" {
			return true
		}
	}
	return false
}

// reason strips the operation and path from a file error: the problem names the input.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func anyFatal(ps []Problem) bool {
	for _, p := range ps {
		if p.Fatal {
			return true
		}
	}
	return false
}

func firstNonEmpty(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// ShellQuote quotes a word for use in a command of a hint.
func ShellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// topLevel sorts the members of an archive into the files of its top level and directories.
func topLevel(members map[string]member, sorted []string) listing {
	var l listing
	seen := map[string]bool{}
	for _, name := range sorted {
		if !strings.Contains(name, "/") {
			l.files = append(l.files, members[name])
			continue
		}
		dir, _, _ := strings.Cut(name, "/")
		if seen[dir] || hidden(dir) {
			continue
		}
		seen[dir] = true
		if _, ok := members[path.Join(dir, ManifestName)]; ok {
			l.captures = append(l.captures, dir)
		} else {
			l.dirs = append(l.dirs, dir)
		}
	}
	return l
}
