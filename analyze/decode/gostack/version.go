package gostack

import (
	"bytes"
	"strings"
)

// toolchainVersion is the Go version in the path of a downloaded toolchain:
// …/golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64/src/runtime/proc.go.
func toolchainVersion(file string) string {
	_, rest, ok := strings.Cut(file, "golang.org/toolchain@v0.0.1-")
	if !ok {
		return ""
	}
	return versionWord(rest)
}

// versionWord takes "go1.26.8" or "go1.27rc1" from the head of s.
func versionWord(s string) string {
	const head = "go1."
	if !strings.HasPrefix(s, head) {
		return ""
	}
	i := len(head)
	for i < len(s) && (s[i]-'0' <= 9 || strings.IndexByte("betarc", s[i]) >= 0 || s[i] == '.' && i+1 < len(s) && s[i+1]-'0' <= 9) {
		i++
	}
	if i == len(head) || i > 24 {
		return ""
	}
	return s[:i]
}

// versionIn finds the Go version in a log line that names it: "go version go1.26.8
// linux/amd64", "goVersion=go1.26.8", `"go_version":"go1.26.8"`.
func versionIn(line []byte) string {
	i := bytes.Index(line, []byte("go1."))
	if i < 4 {
		return ""
	}
	var letters []byte
	for _, c := range line[max(0, i-16):i] {
		if c |= 0x20; 'a' <= c && c <= 'z' {
			letters = append(letters, c)
		}
	}
	if !bytes.HasSuffix(letters, []byte("goversion")) {
		return ""
	}
	return versionWord(string(line[i:min(len(line), i+32)]))
}
