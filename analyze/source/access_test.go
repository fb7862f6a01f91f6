package source

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// seen is a server that keeps the last request that it was sent.
func seen(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *atomic.Pointer[http.Request]) {
	var last atomic.Pointer[http.Request]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last.Store(r)
		answer(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, &last
}

// secretIn finds a credential in a request.
func secretIn(r *http.Request) string {
	for name, values := range r.Header {
		for _, v := range values {
			if strings.Contains(v, "secret") || name == "Authorization" {
				return name + ": " + v
			}
		}
	}
	return ""
}

func secrets() Access {
	return Access{Header: http.Header{"X-Api-Key": {"secret"}, "Cookie": {"session=secret"}, "Authorization": {"Bearer secret"}}}
}

// Credentials go to the origin that was named, through redirects within it, and to no other: not
// in header fields, not in the Referer, not as user info.
func TestCredentialsStayWithTheirOrigin(t *testing.T) {
	elsewhere, there := seen(t, text("profile"))
	var to string
	target, here := seen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/debug/pprof/heap" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		io.WriteString(w, "profile")
	})
	withUser := strings.Replace(target.URL, "http://", "http://user:secret@", 1)
	for name, tc := range map[string]struct {
		url     string
		access  Access
		to      string
		foreign bool
	}{
		"header fields, to another port":  {target.URL, secrets(), elsewhere.URL + "/heap", true},
		"header fields, within":           {target.URL, secrets(), "/moved", false},
		"user info, to another port":      {withUser, Access{}, elsewhere.URL + "/heap", true},
		"user info, within":               {withUser, Access{}, "/moved", false},
		"user info, by a whole URL":       {withUser, Access{}, target.URL + "/moved", false},
		"header fields, and back again":   {target.URL, secrets(), elsewhere.URL + "/back", true},
		"user info in what leads onwards": {target.URL, secrets(), strings.Replace(elsewhere.URL, "http://", "http://evil:secret@", 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			there.Store(nil)
			to = tc.to
			tc.access.FollowRedirects = true
			items, problems := resolve(t, Options{Capture: CaptureOptions{Access: tc.access}}, tc.url+"/debug/pprof/heap?token=secret")
			if got := contents(t, items); len(problems) != 0 || len(got) != 1 || got[0] != "profile" {
				t.Fatalf("read %q, problems %q", got, show(problems))
			}
			if secretIn(here.Load()) == "" {
				t.Error("the target was not shown the credentials")
			}
			foreign := there.Load()
			if (foreign != nil) != tc.foreign {
				t.Fatalf("another origin was asked: %v", foreign != nil)
			}
			if foreign == nil {
				return
			}
			if s := secretIn(foreign); s != "" {
				t.Errorf("another origin was shown %s", s)
			}
			if r := foreign.Header.Get("Referer"); r != "" {
				t.Errorf("another origin was shown the Referer %s", r)
			}
		})
	}
}

func TestRedirectsElsewhereAreRefused(t *testing.T) {
	elsewhere, there := seen(t, text("profile"))
	for to, want := range map[string]string{
		elsewhere.URL + "/x":     "redirects to another host",
		"file:///etc/passwd":     "redirects to the scheme \"file\"",
		"gopher://127.0.0.1:1/x": "redirects to the scheme \"gopher\"",
	} {
		target, _ := seen(t, redirect(to))
		for _, follow := range []bool{false, true} {
			if follow && strings.HasPrefix(to, "http") {
				continue
			}
			items, problems := resolve(t, Options{Capture: CaptureOptions{Access: Access{FollowRedirects: follow}}}, target.URL+"/debug/pprof/heap")
			if len(problems) != 0 || len(items) != 1 {
				t.Fatalf("problems %q", show(problems))
			}
			_, err := items[0].Open(t.Context())
			var in *evidence.InputError
			if !errors.As(err, &in) || !strings.Contains(err.Error(), want) || in.Hint == "" {
				t.Errorf("%s, followed %v: %v", to, follow, err)
			}
		}
	}
	if there.Load() != nil {
		t.Error("another origin was asked")
	}
}

// A certificate of the client is for the origin that was named; that of the server is checked
// against the authorities that were named.
func TestClientCertificates(t *testing.T) {
	var elsewhereSaw, targetSaw atomic.Int64
	elsewhere := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhereSaw.Store(int64(len(r.TLS.PeerCertificates)))
		io.WriteString(w, "profile")
	}))
	elsewhere.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	elsewhere.StartTLS()
	defer elsewhere.Close()
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		targetSaw.Store(int64(len(r.TLS.PeerCertificates)))
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	}))
	target.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	target.StartTLS()
	defer target.Close()

	cas := x509.NewCertPool()
	cas.AddCert(target.Certificate())
	cas.AddCert(elsewhere.Certificate())
	access := Access{Certificates: []tls.Certificate{selfSigned(t)}, CAs: cas, FollowRedirects: true}
	items, _ := resolve(t, Options{Capture: CaptureOptions{Access: access}}, target.URL+"/debug/pprof/heap")
	if got := contents(t, items); len(got) != 1 || got[0] != "profile" {
		t.Fatalf("read %q", got)
	}
	if targetSaw.Load() != 1 || elsewhereSaw.Load() != 0 {
		t.Errorf("the target saw %d certificates, another origin %d", targetSaw.Load(), elsewhereSaw.Load())
	}

	items, _ = resolve(t, Options{}, elsewhere.URL+"/debug/pprof/heap")
	if _, err := items[0].Open(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestParseHeader(t *testing.T) {
	for in, want := range map[string]string{"x-api-key: a: b ": "X-Api-Key=a: b", "A:": "A="} {
		name, value, err := ParseHeader(in)
		if err != nil || name+"="+value != want {
			t.Errorf("%q: %q %q %v", in, name, value, err)
		}
	}
	for _, in := range []string{"", "secret", ": secret", "a b: secret", "a: secret\r\nb: c", "a\x00: secret"} {
		if _, _, err := ParseHeader(in); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestOneOrigin(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{[]string{"file", "http://a:6060", "a:6060/debug/pprof/heap"}, true},
		{[]string{"https://a", "https://A:443/x"}, true},
		{[]string{"http://a:6060", "http://a:6061"}, false},
		{[]string{"http://a", "https://a"}, false},
		{nil, true},
	} {
		if got := OneOrigin(tc.args); got != tc.want {
			t.Errorf("%q: %v", tc.args, got)
		}
	}
}

// A full dump of many goroutines is asked for by its URL only with force.
func TestFullDumpByURLIsGuarded(t *testing.T) {
	for _, tc := range []struct {
		total, limit int64
		refused      bool
	}{{30_000, 0, true}, {30_000, NoLimit, false}, {300, 0, false}} {
		f := &fakeTarget{total: func(time.Duration) int64 { return tc.total }}
		srv := httptest.NewServer(f)
		items, _ := resolve(t, Options{Capture: CaptureOptions{StackLimit: tc.limit}}, srv.URL+"/debug/pprof/goroutine?debug=2")
		r, err := items[0].Open(t.Context())
		var in *evidence.InputError
		if refused := errors.As(err, &in); refused != tc.refused {
			t.Errorf("%d goroutines, limit %d: %v", tc.total, tc.limit, err)
		} else if refused && (!strings.Contains(err.Error(), "30000 goroutines would stop the program for up to") || !strings.Contains(in.Hint, "--force")) {
			t.Errorf("%v, %s", err, in.Hint)
		}
		if err == nil {
			r.Close()
		}
		asked := strings.Contains(strings.Join(f.asked(), "\n"), "debug=2")
		if asked == tc.refused {
			t.Errorf("%d goroutines: asked for %q", tc.total, f.asked())
		}
		srv.Close()
	}
}
