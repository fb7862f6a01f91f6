package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go-debug/analyze/evidence"
)

// Access is what a target demands of who asks. It is shown to the origin (scheme, host and port)
// that was named and to no other, wherever redirects lead.
type Access struct {
	// Header holds header fields for every request, Authorization among them.
	Header http.Header
	// Certificates are the client's. CAs are whose servers are trusted; nil means the system's.
	Certificates []tls.Certificate
	CAs          *x509.CertPool
	// FollowRedirects allows redirects to other origins of http and https.
	FollowRedirects bool
}

// maxRedirects bounds the redirects of one request.
const maxRedirects = 5

// escort is a transport that adds credentials to requests of one origin. Requests of others go
// through a transport that has none, also no certificate of the client.
type escort struct {
	origin          string
	header          http.Header
	trusted, others http.RoundTripper
}

// newEscort guards the transport of a target. The user info of its URL becomes a header field here,
// so that no later stage carries it along.
func newEscort(target *url.URL, a Access, trusted, others http.RoundTripper) *escort {
	e := &escort{origin: originOf(target), header: a.Header.Clone(), trusted: trusted, others: others}
	if e.header == nil {
		e.header = http.Header{}
	}
	if u := target.User; u != nil && e.header.Get("Authorization") == "" {
		password, _ := u.Password()
		e.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	return e
}

func (e *escort) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name := range e.header { // the client copies some along when it is redirected
		req.Header.Del(name)
	}
	if originOf(req.URL) != e.origin {
		req.Header.Del("Authorization")
		return e.others.RoundTrip(req)
	}
	for name, values := range e.header {
		if name == "Host" {
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	return e.trusted.RoundTrip(req)
}

// originOf is the scheme, host and port of a URL.
func originOf(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}

// transports are one that carries the client's certificates, and one that does not.
func (a Access) transports(base *http.Transport) (trusted, others *http.Transport) {
	others = base
	if a.CAs != nil {
		others.TLSClientConfig = &tls.Config{RootCAs: a.CAs}
	}
	if len(a.Certificates) == 0 {
		return others, others
	}
	trusted = base.Clone()
	if trusted.TLSClientConfig == nil {
		trusted.TLSClientConfig = &tls.Config{}
	}
	trusted.TLSClientConfig.Certificates = a.Certificates
	return trusted, others
}

// redirects is the policy on redirects: within one origin, and to others where that is allowed. What
// answers elsewhere is mostly another program. The Referer would tell it the query of the URL,
// where tokens stand.
func (a Access) redirects(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return &evidence.InputError{Err: fmt.Errorf("redirects to the scheme %.20q, only http and https are read", req.URL.Scheme),
			Hint: "see what answers there: curl -sS -i " + ShellQuote(display(via[0].URL))}
	}
	if originOf(req.URL) != originOf(via[0].URL) && !a.FollowRedirects {
		return &evidence.InputError{
			Err:  fmt.Errorf("redirects to another host, %s", display(req.URL)),
			Hint: "if that is the program, name it: go-debug analyze " + ShellQuote(display(req.URL)) + ", or allow it: --follow-redirects",
		}
	}
	return nil
}

// ParseHeader reads "Name: value" as a header field. The error does not repeat the value.
func ParseHeader(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	switch {
	case !ok || name == "":
		return "", "", errors.New(`a header field is "Name: value"`)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("()<>@,;\\\"/[]?={}", r) }):
		return "", "", fmt.Errorf("%q is no name of a header field", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "", "", fmt.Errorf("the value of %s holds control characters", name)
	}
	return http.CanonicalHeaderKey(name), value, nil
}

// OneOrigin reports whether all programs and URLs among the arguments of [Resolve] have the same
// origin, so that it is clear whom credentials are for.
func OneOrigin(args []string) bool {
	origin := ""
	for _, arg := range args {
		u, err := parseTarget(arg)
		if err != nil || u == nil {
			continue
		}
		if o := originOf(u); origin == "" {
			origin = o
		} else if o != origin {
			return false
		}
	}
	return true
}
