package source

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"go-debug/analyze/evidence"
)

var (
	// hostPort is :6060, host:6060, [::1]:6060 and the like, with or without a path.
	hostPort = pattern(`^(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]*):([0-9]{1,5})([/?].*)?$`)
	// hostPath is a host and a path that only pprof endpoints have.
	hostPath = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*/(.*/)?debug/pprof(/.*)?$`)
	scheme   = pattern(`^[A-Za-z][A-Za-z0-9+.-]*://`)
)

// pattern is a regular expression that is compiled when it is first asked for.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// parseTarget reads a URL, or a host and port without a scheme (http is then meant). It
// returns nil and no error for what looks like neither.
func parseTarget(arg string) (*url.URL, error) {
	text := arg
	switch m := hostPort().FindStringSubmatch(arg); {
	case scheme().MatchString(arg):
	case m != nil:
		if port, _ := strconv.Atoi(m[2]); port < 1 || port > 65535 {
			return nil, fmt.Errorf("%s is no port", m[2])
		}
		if m[1] == "" {
			text = "localhost" + arg
		}
		text = "http://" + text
	case hostPath().MatchString(arg):
		text = "http://" + arg
	default:
		return nil, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("not a valid URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the scheme %q is not read, only http and https", u.Scheme)
	case u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("the URL names no host")
	}
	return u, nil
}

// profileBase returns the URL under which all profiles of a program are found, when u names
// the program and not one profile: the host, the pprof index, or a prefix that ends in a
// slash.
func profileBase(u *url.URL) *url.URL {
	p := u.Path
	switch {
	case p == "", p == "/":
		p = "/debug/pprof/"
	case strings.HasSuffix(p, "/debug/pprof"):
		p += "/"
	case strings.HasSuffix(p, "/pprof/"):
	case strings.HasSuffix(p, "/"):
		p += "debug/pprof/"
	default:
		return nil
	}
	b := *u
	b.Path, b.RawPath, b.Fragment = p, "", ""
	return &b
}

// profileURL is the URL of one profile under the base. Query parameters that the user gave
// (a proxy's token, say) stay.
func profileURL(base *url.URL, name, query string) *url.URL {
	u := *base
	u.Path += name
	u.RawQuery = joinQuery(base.RawQuery, query)
	return &u
}

// metricsURL is /metrics beside debug/pprof/: at the host root, or under the same prefix
// when the program is behind a proxy that adds one.
func metricsURL(base *url.URL) *url.URL {
	u := *base
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "pprof/"), "debug/") + "metrics"
	return &u
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// display is a URL as it may be shown and stored: without user info, and of the query only
// what says how a profile was taken.
func display(u *url.URL) string {
	d := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	q := u.Query()
	for _, key := range []string{"debug", "gc", "seconds"} {
		if v := q.Get(key); v != "" {
			d.RawQuery = joinQuery(d.RawQuery, key+"="+url.QueryEscape(v))
		}
	}
	return d.String()
}

// maxTarget bounds a target that is repeated in suggested commands.
const maxTarget = 512

// TargetOf is the shortest URL that names the program behind a URL of its pprof endpoint or
// of one of its profiles: http://host:6060 for http://host:6060/debug/pprof/heap. User info
// and query are left out. It is empty for what is no such URL, a metrics endpoint among them: that
// may listen on a port of its own.
func TargetOf(name string) string {
	if !scheme().MatchString(name) || len(name) > maxTarget {
		return ""
	}
	u, err := parseTarget(name)
	if err != nil || u == nil {
		return ""
	}
	b := profileBase(u)
	if b == nil {
		i := strings.LastIndex(u.Path, "/pprof/")
		if i < 0 {
			return ""
		}
		b = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path[:i+len("/pprof/")]}
	}
	text, _, _ := strings.Cut(display(b), "?")
	return strings.TrimSuffix(strings.TrimSuffix(text, "debug/pprof/"), "/")
}

// collectTime is how long the server will collect before it answers a request for u: the
// profile and trace handlers send no header before they are done.
func collectTime(u *url.URL) time.Duration {
	s := 0.0
	switch path.Base(u.Path) {
	case "profile":
		s = 30
	case "trace":
		s = 1
	}
	if v, err := strconv.ParseFloat(u.Query().Get("seconds"), 64); err == nil && v > 0 && v < 24*3600 {
		s = v
	}
	return time.Duration(s * float64(time.Second))
}

// capturable tells whether a live endpoint can serve the kind.
func capturable(k evidence.Kind) bool {
	for _, c := range CaptureKinds {
		if c == k {
			return true
		}
	}
	return false
}

// Listens reports whether something takes connections where a target is.
func Listens(ctx context.Context, target string) bool {
	u, err := parseTarget(target)
	if err != nil || u == nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
