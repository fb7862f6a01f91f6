package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"go-debug/analyze/source"
)

// accessFlags say what a live endpoint demands of who asks. Nothing of it is stored or printed.
type accessFlags struct {
	headers         []string
	bearerFile      string
	cert, key, ca   string
	followRedirects bool
}

func (a *accessFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&a.headers, "header", nil, "send a header `'NAME: VALUE'` to the live endpoint, and to no other; may be repeated")
	f.StringVar(&a.bearerFile, "bearer-file", "", "send the token in `FILE` to the live endpoint as Authorization: Bearer")
	f.StringVar(&a.cert, "cert", "", "present the client certificate in `FILE` (PEM) to the live endpoint")
	f.StringVar(&a.key, "key", "", "private key of --cert in `FILE` (PEM; default: the file of --cert)")
	f.StringVar(&a.ca, "ca", "", "trust the certificate authorities in `FILE` (PEM) instead of the system's")
	f.BoolVar(&a.followRedirects, "follow-redirects", false, "follow redirects to other hosts; credentials stay behind")
}

// maxCredential bounds the files of credentials.
const maxCredential = 1 << 20

// access reads the credentials. args are the inputs that they are for.
func (a *accessFlags) access(args []string) (source.Access, error) {
	out := source.Access{Header: http.Header{}, FollowRedirects: a.followRedirects}
	if a.demands() && !source.OneOrigin(args) {
		return out, usage("go-debug capture URL --header 'NAME: VALUE' -o capture.zip", "credentials are for one host, and the inputs name several: capture them one after another")
	}
	for _, h := range a.headers {
		name, value, err := source.ParseHeader(h)
		if err != nil {
			return out, usage("--header 'X-Api-Key: KEY'", "--header: %w", err)
		}
		out.Header.Add(name, value)
	}
	if a.bearerFile != "" {
		token, err := readCredential(a.bearerFile)
		if err != nil {
			return out, err
		}
		_, value, err := source.ParseHeader("Authorization: Bearer " + string(bytes.TrimSpace(token)))
		if err != nil {
			return out, unreadable(fmt.Errorf("%s: %w", a.bearerFile, err), "file "+source.ShellQuote(a.bearerFile))
		}
		out.Header.Set("Authorization", value)
	}
	if a.ca != "" {
		pem, err := readCredential(a.ca)
		if err != nil {
			return out, err
		}
		out.CAs = x509.NewCertPool()
		if !out.CAs.AppendCertsFromPEM(pem) {
			return out, unreadable(fmt.Errorf("%s holds no certificate in PEM", a.ca), "openssl x509 -in "+source.ShellQuote(a.ca)+" -noout -subject")
		}
	}
	if a.cert == "" && a.key != "" {
		return out, usage("--cert FILE --key FILE", "--key is the key of a certificate: name that with --cert")
	}
	if a.cert != "" {
		cert, err := a.certificate()
		if err != nil {
			return out, err
		}
		out.Certificates = []tls.Certificate{cert}
	}
	return out, nil
}

func (a *accessFlags) demands() bool { return len(a.headers) > 0 || a.bearerFile != "" || a.cert != "" }

func (a *accessFlags) certificate() (tls.Certificate, error) {
	key := a.key
	if key == "" {
		key = a.cert
	}
	certPEM, err := readCredential(a.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readCredential(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return cert, unreadable(fmt.Errorf("the client certificate %s: %w", a.cert, err), "openssl x509 -in "+source.ShellQuote(a.cert)+" -noout -subject")
	}
	return cert, nil
}

func readCredential(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, unreadable(fmt.Errorf("cannot read credentials: %w", err), "ls -l "+source.ShellQuote(name))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err == nil && len(data) > maxCredential {
		err = fmt.Errorf("longer than %d bytes", maxCredential)
	}
	if err == nil && len(bytes.TrimSpace(data)) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, unreadable(fmt.Errorf("cannot read credentials from %s: %w", name, err), "ls -l "+source.ShellQuote(name))
	}
	return data, nil
}
