package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/unpack"
)

type archiveFormat int

const (
	noArchive archiveFormat = iota
	zipArchive
	tarArchive // perhaps compressed
)

// headBytes is how much of an input is looked at: enough bytes of gzip to see the first 512 of a
// tar archive. zstd shows nothing before the end of a block: zstdHeadBytes hold the headers of a
// frame and a block, and the longest block.
const (
	headBytes     = 8 << 10
	zstdHeadBytes = 18 + 3 + 128<<10
)

// sniffArchive tells archives by their first bytes, whatever they are called.
func sniffArchive(head []byte) archiveFormat {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return zipArchive
	case isTarHeader(head):
		return tarArchive
	}
	u, err := unpack.NewReader(bytes.NewReader(head), unpack.Sniff(head), budget.DefaultMemory)
	if err != nil {
		return noArchive
	}
	defer u.Close()
	block := make([]byte, tarBlock)
	n, _ := io.ReadFull(u, block) // the head is cut: an error after enough bytes is expected
	if isTarHeader(block[:n]) {
		return tarArchive
	}
	return noArchive
}

const tarBlock = 512

// isTarHeader checks a header block by its checksum, which every tar format has; the magic
// is younger.
func isTarHeader(b []byte) bool {
	if len(b) < tarBlock || b[0] == 0 {
		return false
	}
	field := strings.Trim(string(b[148:156]), " \x00")
	want, err := strconv.ParseUint(field, 8, 32)
	if err != nil {
		return false
	}
	var sum uint64
	for i, c := range b[:tarBlock] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += uint64(c)
	}
	return sum == want
}

// archive collects the members of an archive while it is read.
type archive struct {
	name     string
	look     string // the hint of every problem
	members  map[string]member
	problems []Problem
	limits   limits
}

// limits bound an archive or directory.
type limits struct {
	members int
	bytes   int64 // of one member, and of all spooled members together
	memory  int64 // that unpacking may take
}

// newArchive starts one. lister is the command that lists such archives.
func newArchive(name, lister string, l limits) *archive {
	look := "look at it with: " + lister + " " + ShellQuote(name)
	if name == StdinName {
		look = "store it in a file first, and look at it with: " + lister + " FILE"
	}
	return &archive{name: name, look: look, members: map[string]member{}, limits: l}
}

func (a *archive) refuse(member string, err error) {
	a.problems = append(a.problems, Problem{Name: a.name + "/" + member, Fatal: true,
		Err: fmt.Errorf("refused: %w", err), Hint: a.look + orRaise(err)})
}

func overFiles(what string, limit int) error {
	return &budget.Error{What: what, Limit: int64(limit), Flag: budget.FilesFlag}
}

// orRaise continues a hint with the flag that raises the limit of an error; it is empty where no
// flag does.
func orRaise(err error) string {
	var over *budget.Error
	if !errors.As(err, &over) || over.Flag == "" {
		return ""
	}
	return fmt.Sprintf("; or raise the limit: %s %s", over.Flag, over.Raise(0))
}

func (a *archive) fail(err error) {
	hint := a.look
	var ie *evidence.InputError
	var over *budget.Error
	switch {
	case errors.As(err, &over) && over.Flag != "":
		hint = fmt.Sprintf("raise the limit with %s: go-debug analyze %s %s FILE", over.Flag, over.Flag, over.Raise(a.limits.memory))
	case errors.As(err, &ie) && ie.Hint != "":
		hint = ie.Hint
	}
	if a.name != StdinName {
		hint = strings.ReplaceAll(hint, "FILE", ShellQuote(a.name))
	}
	a.problems = append(a.problems, Problem{Name: a.name, Fatal: true, Err: err, Hint: hint})
}

// admit checks a member's name, mode and size before anything of it is read. It returns the
// name to file it under; empty means that the member is passed over.
func (a *archive) admit(name string, mode fs.FileMode, size int64) string {
	clean := strings.TrimPrefix(name, "./")
	if mode.IsDir() || clean == "" {
		clean = strings.TrimSuffix(clean, "/")
		if clean != "" && clean != "." {
			if err := checkMemberName(clean); err != nil {
				a.refuse(name, err)
			}
		}
		return ""
	}
	if err := checkMemberName(clean); err != nil {
		a.refuse(name, err)
		return ""
	}
	_, twice := a.members[clean]
	switch {
	case mode&fs.ModeSymlink != 0:
		a.refuse(name, errors.New("a link"))
	case !mode.IsRegular():
		a.refuse(name, errors.New("a device, pipe or socket"))
	case twice:
		a.refuse(name, errors.New("a second member of the same name"))
	case size < 0 || size > a.limits.bytes:
		a.refuse(name, &budget.Error{What: fmt.Sprintf("a member of %d bytes", uint64(size)), Limit: a.limits.bytes, Flag: budget.BytesFlag})
	case hidden(clean):
	default:
		return clean
	}
	return ""
}

// bundle makes a bundle of the members. A directory that holds everything (as `tar -c DIR`
// writes it) is passed through.
func (a *archive) bundle() *bundle {
	members := a.members
	for {
		dir, ok := commonDirectory(members)
		if !ok {
			break
		}
		inner := make(map[string]member, len(members))
		for name, m := range members {
			m.name = strings.TrimPrefix(name, dir)
			inner[m.name] = m
		}
		members = inner
	}
	sorted := slices.SortedFunc(maps.Keys(members), compareNatural)
	return &bundle{
		name:     a.name,
		problems: a.problems,
		find: func(name string) (member, error) {
			m, ok := members[name]
			if !ok {
				return member{}, fs.ErrNotExist
			}
			return m, nil
		},
		list: func() listing { return topLevel(members, sorted) },
	}
}

// commonDirectory is the directory, with its slash, that all members are in.
func commonDirectory(members map[string]member) (string, bool) {
	var dir string
	for name := range members {
		i := strings.IndexByte(name, '/')
		if i < 0 || dir != "" && name[:i+1] != dir {
			return "", false
		}
		dir = name[:i+1]
	}
	return dir, dir != ""
}
