package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
)

// openDirectory reads a directory as a bundle. Every access goes through os.Root, so that
// no link leads out of it.
func openDirectory(dir, name string, maxFiles int) *bundle {
	return &bundle{
		name: name,
		find: func(file string) (member, error) {
			root, err := os.OpenRoot(dir)
			if err != nil {
				return member{}, err
			}
			defer root.Close()
			st, err := root.Stat(file)
			if err != nil {
				return member{}, err
			}
			return dirMember(dir, file), regular(st)
		},
		list: func() listing { return listDirectory(dir, name, maxFiles) },
	}
}

func regular(st fs.FileInfo) error {
	switch {
	case st.Mode().IsRegular():
		return nil
	case st.IsDir():
		return errors.New("is a directory")
	}
	return errors.New("is a pipe, socket or device; name it as an argument of its own to have it read")
}

func dirMember(dir, file string) member {
	return member{name: file, open: func() (io.ReadCloser, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		// The file may have been swapped for a pipe since it was listed: without O_NONBLOCK
		// that would hang.
		f, err := root.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		st, err := f.Stat()
		if err == nil {
			err = regular(st)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}}
}

// listDirectory lists the top level. A link to a file of the same directory is that file's
// second name and is passed over; another link inside the directory is followed (mounted
// volumes are made of such links).
func listDirectory(dir, name string, maxFiles int) (l listing) {
	fail := func(file string, fatal bool, err error, hint string) {
		l.problems = append(l.problems, Problem{Name: path.Join(name, file), Err: reason(err), Fatal: fatal, Hint: hint})
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		fail("", true, err, "ls -ld "+ShellQuote(name))
		return l
	}
	defer root.Close()
	entries, err := readEntries(root, maxFiles)
	if err != nil {
		fail("", true, err, "name the captures themselves: go-debug analyze "+ShellQuote(name)+"/goroutine*"+orRaise(err))
		return l
	}
	var seen []fs.FileInfo
	for _, links := range []bool{false, true} {
		for _, e := range entries {
			file := e.Name()
			if hidden(file) || (e.Type()&fs.ModeSymlink != 0) != links {
				continue
			}
			st, err := root.Stat(file)
			switch {
			case err != nil && notCapture(file) != "":
				fail(file, false, fmt.Errorf("left out: %s", notCapture(file)), "ls -l "+ShellQuote(path.Join(name, file)))
			case err != nil:
				fail(file, true, err, "ls -l "+ShellQuote(path.Join(name, file)))
			case st.IsDir():
				if _, err := root.Stat(path.Join(file, ManifestName)); err == nil {
					l.captures = append(l.captures, file)
				} else {
					l.dirs = append(l.dirs, file)
				}
			case !st.Mode().IsRegular():
				fail(file, false, fmt.Errorf("left out: %w", regular(st)), "go-debug analyze "+ShellQuote(path.Join(name, file)))
			case links && slices.ContainsFunc(seen, func(o fs.FileInfo) bool { return os.SameFile(o, st) }):
			default:
				seen = append(seen, st)
				l.files = append(l.files, dirMember(dir, file))
			}
		}
	}
	slices.SortFunc(l.files, func(a, b member) int { return compareNatural(a.name, b.name) })
	return l
}

func readEntries(root *os.Root, maxFiles int) ([]fs.DirEntry, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(maxFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > maxFiles {
		return nil, overFiles("files of a directory", maxFiles)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return compareNatural(a.Name(), b.Name()) })
	return entries, nil
}
