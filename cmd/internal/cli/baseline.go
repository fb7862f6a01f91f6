package cli

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze/source"
	"go-debug/cmd/internal/bucket"
	"go-debug/report"
	"go-debug/report/render"
)

func newBaseline(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Keep good runs for gates to compare with, in a directory or an object store",
		Long: `Baseline keeps what go-debug gate --baseline compares with. A LOCATION is a directory, a file:// URL, or
s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX, with the parameters of gocloud.dev after a
question mark. Give each program and branch a location of its own.

Baselines are written once, under names that order by time and tell what was damaged, and never changed: jobs
that save at the same time do not disturb each other. A gate takes the newest of a location, or the one that
it is given the full name of.

Object stores need the build of cmd/go-debug-cloud: their drivers are larger than go-debug itself.`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(t.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return silent(report.ExitUsage)
		},
	}
	cmd.AddCommand(configured(newBaselineSave(t), newBaselineShow(t), newBaselinePrune(t))...)
	return cmd
}

// saving is one run of baseline save.
type saving struct {
	t            *terminal
	in           inputFlags
	allowPartial bool
	revision     string
	binary       string
}

func newBaselineSave(t *terminal) *cobra.Command {
	s := &saving{t: t}
	cmd := &cobra.Command{
		Use:   "save LOCATION INPUT...",
		Short: "Analyse good runs and keep what a gate needs of them",
		Long: `Save analyses INPUT like analyze does, and stores the report at LOCATION: findings with their rates,
scores, distributions, Go version, GOMAXPROCS and build ID, and when it was captured. One INPUT that is a
directory of several captures, bundles or reports is as many runs: eight or more let a gate compare them
by statistics.

Nothing is stored that a gate could not pass by: it exits with 3 when an input was not wholly read, and
with 4 when nothing could be checked.`,
		Example: `  go-debug baseline save baselines/main runs/ --revision "$(git rev-parse HEAD)"
  go-debug gate capture/ --baseline baselines/main`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("go-debug baseline save baselines/main capture/", "%s takes a LOCATION and what to keep; got %d arguments", cmd.CommandPath(), len(args))
			}
			return s.run(cmd.Context(), args[0], args[1:])
		},
	}
	s.in.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&s.allowPartial, "allow-partial", false, "keep runs of which an input was cut")
	f.StringVar(&s.revision, "revision", "", "VCS `REVISION` of the program")
	f.StringVar(&s.binary, "binary", "", "read the VCS revision from the program's executable `FILE`")
	return cmd
}

func (s *saving) run(ctx context.Context, location string, inputs []string) error {
	opt, err := s.in.options()
	if err != nil {
		return err
	}
	origin := report.Origin{Tool: tool(), Source: strings.Join(inputs, " "), Revision: s.revision}
	if err := s.build(&origin); err != nil {
		return err
	}
	side := report.Side{Name: origin.Source}
	if len(inputs) == 1 {
		side, err = s.t.side(ctx, inputs[0], &s.in, opt)
	} else {
		var r *report.Report
		r, err = s.t.pipeline(ctx, inputs, &s.in, opt)
		side.Runs = []*report.Report{r}
	}
	if err != nil {
		return err
	}
	if err := s.worthKeeping(side); err != nil {
		return err
	}
	for i, r := range side.Runs {
		side.Runs[i] = r.Redact()
	}
	origin.Source, origin.At = report.RedactText(origin.Source), s.t.clock()
	return s.store(ctx, location, report.NewStoredBaseline(side.Runs, origin))
}

// build reads what the executable says of its own origin.
func (s *saving) build(o *report.Origin) error {
	if s.binary == "" {
		return nil
	}
	info, err := buildinfo.ReadFile(s.binary)
	if err != nil {
		return unreadable(fmt.Errorf("cannot read the program %s: %w", s.binary, err), "go version -m "+source.ShellQuote(s.binary))
	}
	for _, set := range info.Settings {
		switch {
		case set.Key == "vcs.revision" && o.Revision == "":
			o.Revision = set.Value
		case set.Key == "vcs.modified":
			o.Modified = set.Value == "true"
		}
	}
	return nil
}

// worthKeeping refuses runs by which a gate could not pass anything.
func (s *saving) worthKeeping(side report.Side) error {
	if err := partial(side); err != nil && !s.allowPartial {
		return unreadable(fmt.Errorf("nothing is saved: %w", err), "--allow-partial")
	}
	for _, r := range side.Runs {
		if r.Verdict.Status == report.Inconclusive {
			return &failure{code: report.ExitInconclusive, err: fmt.Errorf("nothing is saved: %s", r.Verdict.Summary), hint: "go-debug capture http://localhost:6060 --for 30s"}
		}
	}
	return nil
}

func (s *saving) store(ctx context.Context, location string, b *report.StoredBaseline) error {
	data, err := b.Encode()
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, b.SavedAt)
	if err != nil {
		return err
	}
	key := report.BaselineName(at, data)
	bk, err := bucket.Open(ctx, location, true)
	if err != nil {
		return storeFailure(ctx, "cannot save to "+location, err)
	}
	defer bk.Close()
	// One of the same name has the same content.
	if err := bk.Put(ctx, key, data, report.BaselineType); err != nil && !errors.Is(err, bucket.ErrExists) {
		return storeFailure(ctx, "cannot save to "+location, err)
	}
	_, err = fmt.Fprintf(s.t.stdout, "%s: %s; next: go-debug gate CAPTURE --baseline %s\n", safe(bucket.Join(location, key)), safe(render.BaselinePhrase(b)), safe(source.ShellQuote(location)))
	return err
}

func newBaselineShow(t *terminal) *cobra.Command {
	var format string
	var width int
	cmd := &cobra.Command{
		Use:   "show LOCATION",
		Short: "Show the baselines of a location, and the newest of them in full",
		Long: `Show lists the baselines of LOCATION, the newest first, and what the newest holds; or what the one holds
that LOCATION is the full name of. With -f json it prints that one as it is stored, without the list.`,
		Example: `  go-debug baseline show baselines/main`,
		Args:    exactly("go-debug baseline show baselines/main", "one LOCATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usage("-f text", "unknown format %q (have text, json)", format)
			}
			return t.showBaselines(cmd.Context(), args[0], format == "json", width)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "text", "format: text or json")
	cmd.Flags().IntVar(&width, "width", 0, "columns of the text format (default: the terminal's, else 80)")
	return cmd
}

func (t *terminal) showBaselines(ctx context.Context, location string, raw bool, width int) error {
	keys, bk, err := t.baselines(ctx, location)
	if err != nil {
		return err
	}
	defer bk.Close()
	newest := keys[len(keys)-1]
	b, err := readStored(ctx, bk, location, newest)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if raw {
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(b)
	} else {
		opt := render.Options{Width: (&outputFlags{width: width}).columns(t)}
		err = render.Baseline(&out, keys, b, opt)
	}
	if err == nil {
		_, err = t.stdout.Write(out.Bytes())
	}
	return err
}

func newBaselinePrune(t *terminal) *cobra.Command {
	p := &pruning{t: t}
	cmd := &cobra.Command{
		Use:   "prune LOCATION",
		Short: "Remove old baselines of a location",
		Long: `Prune removes all baselines of LOCATION but the newest --keep, and of the others those that are older
than --older-than, where that is given. The newest one always stays, and so does what is no baseline.`,
		Example: `  go-debug baseline prune baselines/main --keep 20`,
		Args:    exactly("go-debug baseline prune baselines/main --keep 20", "one LOCATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.keep < 1 {
				return usage("--keep 10", "--keep is %d: give a number from 1, the newest one stays", p.keep)
			}
			if p.olderThan < 0 {
				return usage("--older-than 720h", "--older-than is %v: give a time above 0", p.olderThan)
			}
			return p.run(cmd.Context(), args[0])
		},
	}
	f := cmd.Flags()
	f.IntVar(&p.keep, "keep", 10, "keep the newest `N`")
	f.DurationVar(&p.olderThan, "older-than", 0, "of the others remove those only that are older than this `TIME`")
	f.BoolVar(&p.dryRun, "dry-run", false, "say what would be removed")
	return cmd
}

// pruning is one run of baseline prune.
type pruning struct {
	t         *terminal
	keep      int
	olderThan time.Duration
	dryRun    bool
}

func (p *pruning) run(ctx context.Context, location string) error {
	keys, bk, err := p.t.baselines(ctx, location)
	if err != nil {
		return err
	}
	defer bk.Close()
	removed := "removed"
	if p.dryRun {
		removed = "would remove"
	}
	n := 0
	for _, key := range keys[:max(0, len(keys)-p.keep)] {
		if p.olderThan > 0 && p.t.clock().Sub(report.BaselineTime(key)) < p.olderThan {
			continue
		}
		if !p.dryRun {
			if err := bk.Delete(ctx, key); err != nil {
				return storeFailure(ctx, "cannot remove "+bucket.Join(location, key), err)
			}
		}
		n++
		if _, err := fmt.Fprintf(p.t.stdout, "%s %s\n", removed, safe(bucket.Join(location, key))); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(p.t.stdout, "%s: %d of %d baselines stay\n", safe(location), len(keys)-n, len(keys))
	return err
}
