package source

import (
	"context"
	"errors"
	"io"
	"net/url"

	"go-debug/analyze/evidence"
)

// openURL asks for one file. The body is checked for the cut that the runtime makes in
// silence.
func openURL(ctx context.Context, u *url.URL, opt CaptureOptions) (io.ReadCloser, error) {
	f := newFetcher(u, opt)
	if err := f.affordable(ctx, u, opt.StackLimit); err != nil {
		f.close()
		return nil, err
	}
	b, err := f.get(ctx, u, collectTime(u))
	if err != nil {
		f.close()
		return nil, err
	}
	o := &openBody{body: b, fetcher: f, dump: u.Query().Get("debug") == "2"}
	return o, nil
}

type openBody struct {
	body    *body
	fetcher *fetcher
	dump    bool // a goroutine dump, which the runtime cuts at stackDumpLimit
	n       int64
}

func (o *openBody) Read(p []byte) (int, error) {
	n, err := o.body.Read(p)
	o.n += int64(n)
	if errors.Is(err, io.EOF) && o.dump && o.n == stackDumpLimit {
		err = &evidence.InputError{Err: errors.New(stackDumpCut),
			Hint: "take debug=0, which is whole at any size: drop debug=2 from the URL"}
	}
	return n, err
}

func (o *openBody) Close() error {
	err := o.body.Close()
	o.fetcher.close()
	return err
}
