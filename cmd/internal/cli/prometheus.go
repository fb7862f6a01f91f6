package cli

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze/decode/metrics"
)

// metricFlags say which metrics mean what, and which Prometheus server has them.
type metricFlags struct {
	roles  []string
	server string
	match  string
	window time.Duration
}

const (
	defaultQueryWindow = 10 * time.Minute
	maxQueryWindow     = 7 * 24 * time.Hour
	exampleServer      = "http://localhost:9090"
)

func (m *metricFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&m.roles, "metric", nil, "say what a metric means, `ROLE=NAME`, before all conventions; roles: "+strings.Join(metrics.RoleNames(), ", "))
	cmd.Flags().StringVar(&m.server, "prometheus", "", "`URL` of a Prometheus server that scrapes the service: its raw samples are read like a file of scrapes")
	cmd.Flags().DurationVar(&m.window, "query-window", defaultQueryWindow, "how far back to read from --prometheus")
	cmd.Flags().StringVar(&m.match, "prometheus-match", "", "label `MATCHERS` that narrow --prometheus to one service: 'job=\"shop\"'")
}

// decoder is what the flags make of metrics.
func (m *metricFlags) decoder() (metrics.Decoder, error) {
	d := metrics.Decoder{Roles: metrics.Roles{}}
	for _, r := range m.roles {
		role, name, _ := strings.Cut(r, "=")
		if d.Roles[role] != "" {
			return d, usage("--metric in_flight=shop_active", "--metric names the role %q twice", role)
		}
		d.Roles[role] = name
	}
	if err := d.Roles.Check(); err != nil {
		return d, usage("--metric in_flight=shop_active", "--metric: %w", err)
	}
	return d, nil
}

func (m *metricFlags) check() error {
	if _, err := m.decoder(); err != nil {
		return err
	}
	if m.window < time.Second || m.window > maxQueryWindow {
		return usage("--query-window 10m", "--query-window is %v: give a time from 1s to %v", m.window, maxQueryWindow)
	}
	if m.server == "" {
		if m.match != "" {
			return usage("--prometheus "+exampleServer, "--prometheus-match narrows what --prometheus reads, which is not given")
		}
		return nil
	}
	u, err := url.Parse(m.server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return usage("--prometheus "+exampleServer, "--prometheus %q is no URL of a server", m.server)
	}
	return nil
}

// inputs are the arguments and the query that the flags stand for.
func (m *metricFlags) inputs(args []string) ([]string, error) {
	if m.server == "" {
		return args, nil
	}
	d, err := m.decoder()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(m.server)
	if err != nil {
		return nil, err
	}
	u = u.JoinPath("api/v1/query")
	u.RawQuery = url.Values{"query": {d.Selector(m.match, m.window)}}.Encode()
	return append(args[:len(args):len(args)], u.String()), nil
}
