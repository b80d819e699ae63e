package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What makes no sense about certificates is refused by the name of its key, when
// the file is read or when the server starts.
func TestTLSMisconfigured(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, configName)
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	testCertificate(t, dir, "cert.pem", "key.pem")
	testCertificate(t, dir, "other.pem", "other-key.pem")
	write("text", "nothing of use")
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	const acme = "acme: {accept_terms: true, cache_dir: cache"
	for _, c := range []struct{ base, tls, want string }{
		{"http://localhost:8080", "cert_file: cert.pem\n    key_file: key.pem", "tls: public_base"},
		{"", "cert_file: cert.pem", "tls.key_file"},
		{"", "key_file: key.pem", "tls.cert_file"},
		{"", "http_listen: 127.0.0.1:0", "tls.http_listen"},
		{"", "cert_file: cert.pem\n    " + acme + "}", "tls.acme: cert_file"},
		{"", "acme: {cache_dir: cache}", "tls.acme.accept_terms"},
		{"", "acme: {email: operator@uni.example}", "tls.acme.accept_terms"},
		{"", "acme: {accept_terms: true}", "tls.acme.cache_dir"},
		{"", acme + ", email: operator}", "tls.acme.email"},
		{"", acme + ", directory: \"http://ca.uni.example/dir\"}", "tls.acme.directory"},
		{"", acme + ", directory: ca.uni.example}", "tls.acme.directory"},
		{"", acme + ", account_id: uni}", "tls.acme.account_id"},
		{"", acme + ", account_key_file: text}", "tls.acme.account_id"},
		{"https://192.0.2.7", acme + "}", "tls.acme: public_base names 192.0.2.7"},
		{"https://localhost", acme + "}", "tls.acme: public_base names localhost"},
		{"", "cert_fil: cert.pem", "cert_fil"},

		{"", "cert_file: none\n    key_file: key.pem", "tls.cert_file and key_file"},
		{"", "cert_file: cert.pem\n    key_file: other-key.pem", "tls.cert_file and key_file"},
		{"", "cert_file: cert.pem\n    key_file: text", "tls.cert_file and key_file"},
		{"", acme + ", ca_file: none}", "tls.acme.ca_file"},
		{"", acme + ", ca_file: text}", "tls.acme.ca_file"},
		{"", acme + ", account_id: uni, account_key_file: none}", "tls.acme.account_key_file"},
		{"", acme + ", account_id: uni, account_key_file: text}", "tls.acme.account_key_file"},
		{"", "acme: {accept_terms: true, cache_dir: text/cache}", "tls.acme.cache_dir"},
		{"", "cert_file: cert.pem\n    key_file: key.pem\n    http_listen: " + used.Addr().String(), "tls.http_listen"},
	} {
		if c.base == "" {
			c.base = "https://verify.uni.example"
		}
		write(configName, "verifier:\n  listen: 127.0.0.1:0\n  public_base: "+c.base+"\n  trust_file: \"\"\n  tls:\n    "+c.tls+"\n")
		var log output
		code := run(t.Context(), []string{"verifier", "--config", config}, console{strings.NewReader(""), io.Discard, &log})
		if code == exitOK || !strings.Contains(log.String(), c.want) || !strings.Contains(log.String(), "verifier.tls.") && !strings.Contains(log.String(), "verifier.tls: ") && c.want != "cert_fil" {
			t.Errorf("%s: code %d, %s\nwant %s", c.tls, code, log.String(), c.want)
		}
		if strings.Contains(log.String(), "nothing of use") {
			t.Errorf("%s: the file's content is shown", c.tls)
		}
	}
}

// testCertificate writes a certificate for both servers and its key.
func testCertificate(t *testing.T, dir, cert, key string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"credentials.uni.example", "verify.uni.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// Both servers with certificates of their own: HTTP/2, what is in the clear is led
// there, the end of the certificate is told, and the log names nobody.
func TestServersWithTLS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	indeks(t, "init", dir, "--institution", "../../examples/institution.json", "--public-base", "https://credentials.uni.example", "--verifier-base", "https://verify.uni.example")
	roots := testCertificate(t, dir, "cert.pem", "key.pem")
	path := filepath.Join(dir, configName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const own = "\n  metrics_listen: 127.0.0.1:0\n  tls: {cert_file: cert.pem, key_file: key.pem, http_listen: \"127.0.0.1:0\"}\n"
	text := strings.Replace(string(raw), "\nissuer:\n", "\nissuer:"+own, 1)
	text = strings.Replace(text, "\nverifier:\n", "\nverifier:"+own, 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const canary = "canary-of-a-name"
	for name, base := range map[string]string{"issuer": "https://credentials.uni.example", "verifier": "https://verify.uni.example"} {
		ctx, cancel := context.WithCancel(t.Context())
		out, log, done := new(output), new(output), make(chan int, 1)
		go func() {
			done <- run(ctx, []string{name, "--config", dir, "--listen", "127.0.0.1:0"}, console{strings.NewReader(""), out, log})
		}()
		for !strings.Contains(out.String(), "Ctrl-C") {
			select {
			case code := <-done:
				t.Fatalf("%s ended with code %d:\n%s%s", name, code, out, log)
			case <-time.After(20 * time.Millisecond):
			}
		}
		m := regexp.MustCompile(`on https://(127\S+), to which http://(127\S+) leads`).FindStringSubmatch(out.String())
		if m == nil {
			t.Fatalf("%s says %s", name, out)
		}
		client := &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, m[1])
				}}}
		get := func(url string) (*http.Response, string) {
			t.Helper()
			r, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return r, string(body)
		}
		if r, body := get(base + "/healthz"); r.StatusCode != 200 || r.ProtoMajor != 2 || body != "ok\n" || r.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %s %d %q %v", name, r.Proto, r.StatusCode, body, r.Header)
		}
		if r, body := get(base + "/readyz"); r.StatusCode != 200 || !strings.Contains(body, `{"name":"tls","holds":true`) {
			t.Errorf("%s: %d %s", name, r.StatusCode, body)
		}
		get(base + "/h/" + canary + "?name=" + canary)
		plain, err := http.NewRequest("GET", "http://"+m[2]+"/h/"+canary, nil)
		if err != nil {
			t.Fatal(err)
		}
		plain.Header.Set("User-Agent", canary)
		r, err := (&http.Transport{}).RoundTrip(plain)
		if err != nil || r.StatusCode != http.StatusPermanentRedirect || r.Header.Get("Location") != base+"/h/"+canary {
			t.Errorf("%s in the clear: %v %v", name, r, err)
		}
		tls.Dial("tcp", m[1], &tls.Config{ServerName: canary + ".example", RootCAs: roots}) // refused by the client
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("%s ended with code %d:\n%s", name, code, log)
		}
		for _, secret := range []string{canary, "127.0.0.1", "handshake"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log of the %s holds %q:\n%s", name, secret, log)
			}
		}
	}
}
