package source

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"

	"go-debug/analyze/evidence"
)

// affordable refuses a full dump of so many goroutines that it would hurt the program. They are
// counted first, which stops it for no time worth mentioning. Where they cannot be counted, what is wrong
// with the target is for the request itself to meet.
func (f *fetcher) affordable(ctx context.Context, u *url.URL, limit int64) error {
	limit = cmp.Or(limit, DefaultStackLimit)
	if path.Base(u.Path) != string(evidence.Goroutine) || u.Query().Get("debug") != "2" || limit == NoLimit {
		return nil
	}
	count := *u
	q := count.Query()
	q.Del("debug")
	count.RawQuery = q.Encode()
	b, err := f.get(ctx, &count, 0)
	if err != nil {
		return nil
	}
	defer b.Close()
	n, err := countGoroutines(b)
	if err != nil || n < limit {
		return nil
	}
	return &evidence.InputError{
		Err: fmt.Errorf("refused: a full dump (debug=2) of %d goroutines would stop the program for up to %.1f s; the limit is %d goroutines",
			n, dumpStallS(n), limit),
		Hint: "drop debug=2, which costs nothing: go-debug analyze " + ShellQuote(display(&count)) + ", or take it all the same with --force",
	}
}
