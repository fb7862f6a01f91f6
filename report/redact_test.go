package report

import (
	"strings"
	"testing"
)

// secretTexts are texts with the secret that must not be left in them.
var secretTexts = map[string]string{
	"http://user:hunter2@app:6060/debug/pprof/heap":                       "hunter2",
	"postgres://svc:p%40ss@db/x?sslmode=off: refused":                     "p%40ss",
	"ftp://user:hunter2@host":                                             "hunter2",
	"http://app/debug/pprof/?access_token=abc123&seconds=5":               "abc123",
	"--api-key=abc123":                                                    "abc123",
	"DB_PASSWORD=correct horse":                                           "correct",
	`password="correct horse battery"`:                                    "battery",
	`password=""battery`:                                                  "battery",
	`pass --password='correct '"horse"battery; next`:                      "battery",
	`authorization=Bearer hunter2, next`:                                  "hunter2",
	`bearer password="hunter2"`:                                           "hunter2",
	`Cookie: a="x"; session="abc123"`:                                     "abc123",
	`{"user":"x","password":"hunter2","n":1}`:                             "hunter2",
	`{"api_key" : "hun\"ter2"}`:                                           "ter2",
	`body "{\"token\":\"hunter2\"}"`:                                      "hunter2",
	`{'secret': 17, 'x': 1}`:                                              "17",
	"http://app/?key=AIza" + strings.Repeat("a", 40) + "eyJabcdef.abcdef": "eyJ",
	"api_token=tiny":                                                      "tiny",
	"Authorization: Bearer abc.def":                                       "abc.def",
	"curl -H 'X-Api-Key: abc123' http://app":                              "abc123",
	"Cookie: session=abc123; other=def":                                   "abc123",
	"bearer abcdefgh1234":                                                 "abcdefgh1234",
	"user=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl":              "eyJhbGci",
	"key AKIAIOSFODNN7EXAMPLE was used":                                   "AKIAIOSFODNN7EXAMPLE",
	"ghp_abcdefghijklmnopqrstuvwxyz0123456789":                            "ghp_abc",
	"xoxb-123456789012-abcdefGHIJ":                                        "xoxb-1",
	"tenant=Xk9fQ2mZ7pLr4TsVw8bN1cYd":                                     "Xk9fQ2",
	"-----BEGIN RSA PRIVATE KEY-----MIIEabc-----END RSA PRIVATE KEY-----": "MIIEabc",
}

func TestRedactText(t *testing.T) {
	for in, secret := range secretTexts {
		got := RedactText(in)
		if strings.Contains(got, secret) || !strings.Contains(got, Redacted) {
			t.Errorf("%q becomes %q", in, got)
		}
		if again := RedactText(got); again != got {
			t.Errorf("%q becomes %q when it is redacted again", got, again)
		}
	}
}

// What a report is made of stays: names of functions and files, hashes, ids, measures, commands.
func TestRedactLeavesTheRest(t *testing.T) {
	for _, s := range []string{
		"", "main.(*tokenBucket).wait", "example.com/auth/token.(*Source).Token.func1", "internal/secret/password.go:17",
		"5a1c0ffee0000001", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "request_id=123e4567-e89b-12d3-a456-426614174000",
		"path=/users/{id}/token", "handler=GetUserProfileV2Handler", "worker=12", "go-debug analyze http://localhost:6060 --for 30s",
		"D = log((L+0.5)/(λ+1)), last", "goroutine.00.debug2.txt.gz", "tokens: 12 waiting for the token bucket", "mail bob@example.com",
		"go-debug gate capture/ --baseline report.json", "v0.0.0-20261016150608-1facf8f91b50", "n=6, interval 95 %, p99=131ms",
	} {
		if got := RedactText(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

// Every string of a report is looked at, and what a command was given.
func TestRedact(t *testing.T) {
	r := &Report{Inputs: []Input{{Name: "http://u:hunter2@h/", Notes: []string{"label token=hunter2"}}},
		Findings: []Finding{{Stacks: [][]string{{"main.f"}}, Message: "user=x password=hunter2"}},
		Gate:     &Gate{Command: &Command{Args: []string{"load", "--password", "hunter2", "-token=hunter2", "--password", "--quiet"}}}}
	out := r.Redact()
	out.MapStrings(func(s string) string {
		if strings.Contains(s, "hunter2") {
			t.Errorf("left: %q", s)
		}
		return s
	})
	if got := strings.Join(out.Gate.Command.Args, " "); got != "load --password [redacted] -token=[redacted] --password --quiet" {
		t.Errorf("the command is %q", got)
	}
	if r.Inputs[0].Name != "http://u:hunter2@h/" || r.Gate.Command.Args[2] != "hunter2" {
		t.Error("the report itself was changed")
	}
}

// FuzzRedactText: whatever stands around it, a value behind a name that says it is secret is hidden, in
// quotes or not, redacting again changes nothing, and no text is passed over that a kind of secret is found in. Quotes are taken out of what stands around it,
// since they decide where a value ends.
func FuzzRedactText(f *testing.F) {
	for s := range secretTexts {
		f.Add(s)
	}
	const secret = "planted-Secret"
	unquoted := strings.NewReplacer(`"`, "", `'`, "")
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range secretKinds {
			if !k.needs(s) && k.pattern().MatchString(s) {
				t.Errorf("%q is passed over, and %v matches", s, k.pattern())
			}
		}
		once := RedactText(s)
		if twice := RedactText(once); twice != once {
			t.Errorf("%q becomes %q and then %q", s, once, twice)
		}
		around := unquoted.Replace(s)
		if strings.Contains(around, secret) {
			return
		}
		for _, quote := range []string{"", `"`, `'`} {
			text := around + " password=" + quote + secret + quote + " " + around
			if got := RedactText(text); strings.Contains(got, secret) {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	})
}
