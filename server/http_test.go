package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// serveHTTP runs a worker's inside on a free port.
func serveHTTP(t *testing.T, cfg server.Config, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, err := server.Serve(h, cfg, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return l.Addr().String()
}

// raw sends bytes and returns all that comes back.
func raw(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	data, _ := io.ReadAll(c)
	return string(data)
}

func TestARequestTimeout(t *testing.T) {
	t.Parallel()
	var log buffered
	cause := make(chan error, 1)
	addr := serveHTTP(t, server.Config{RequestTimeout: 300 * time.Millisecond, Logger: log.logger()}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/started" {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		if context.Cause(r.Context()) == context.Canceled {
			t.Error("the context's cause is that of a client that has left")
		}
		_, err := io.WriteString(w, "too late")
		cause <- err
	})
	began := time.Now()
	got := raw(t, addr, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "Connection: close") || strings.Contains(got, "too late") {
		t.Errorf("a hung request got %q, want 503 and the end", got)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("after %v", took)
	}
	if err := <-cause; err == nil {
		t.Error("the handler could write after its time")
	}
	got = raw(t, addr, "HEAD /hang HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "Content-Length: 20\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("a hung HEAD got %q, want 503 without a body, and its length", got)
	}
	<-cause
	raw(t, addr, "GET /started HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	<-cause
	if text := log.String(); !strings.Contains(text, "request takes too long") || !strings.Contains(text, "TestARequestTimeout.func1") {
		t.Errorf("the log has no line with the stack: %s", text)
	}
}

func TestPanicsAreAnsweredWhileNothingIsOut(t *testing.T) {
	t.Parallel()
	addr := serveHTTP(t, server.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Half", "done")
		if r.URL.Path == "/started" {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		panic("bean")
	})
	got := raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 500 ") || strings.Contains(got, "bean") || strings.Contains(got, "X-Half") {
		t.Errorf("a panic got %q, want a plain 500 that tells nothing", got)
	}
	got = raw(t, addr, "GET /started HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("a panic after the first byte got %q: the answer must not look whole", got)
	}
}

func TestWhatAHandlerMustNotSendIsNotSent(t *testing.T) {
	t.Parallel()
	addr := serveHTTP(t, server.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Transfer-Encoding", "gzip")
		w.Header().Set("X-Nul", "a\x00b")
		if r.URL.Path == "/99" {
			w.WriteHeader(99)
		}
		io.WriteString(w, "ok")
	})
	got := raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Contains(got, "gzip") || strings.Contains(got, "\x00") || !strings.Contains(got, "X-Nul: a b") {
		t.Errorf("answer %q", got)
	}
	if got := raw(t, addr, "GET /99 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 500 ") {
		t.Errorf("status 99 became %q, want 500", got)
	}
}

func TestWhatNetHTTPOffersIsNotHidden(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, strings.Repeat("x", 10<<20))
	addr := serveHTTP(t, server.Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, readerFrom := w.(io.ReaderFrom)
		_, flusher := w.(http.Flusher)
		_, unwrap := w.(interface{ Unwrap() http.ResponseWriter })
		_, hijacker := w.(http.Hijacker)
		if !readerFrom || !flusher || !unwrap || !hijacker {
			t.Errorf("hidden: ReaderFrom %v, Flusher %v, Unwrap %v, Hijacker %v are there", readerFrom, flusher, unwrap, hijacker)
		}
		if r.URL.Path == "/file" {
			http.ServeFile(w, r, file)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(c, "raw: %s", line)
	})
	if got := raw(t, addr, "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); len(got) < 10<<20 || !strings.HasSuffix(got, "xxx") {
		t.Errorf("a file of 10 MB came as %d bytes", len(got))
	}
	if got := raw(t, addr, "GET /hijack HTTP/1.1\r\nHost: x\r\n\r\nno \x01 HTTP\n"); got != "raw: no \x01 HTTP\n" {
		t.Errorf("a hijacked connection gave %q", got)
	}
}

func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %v", r.RemoteAddr, r.URL.Scheme, r.Host, len(r.Header["X_under"]))
	}
	const fields = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 6.6.6.6, 1.2.3.4, 127.0.0.9\r\nX-Forwarded-Host: shop.test\r\nX_Under: score\r\n"
	for _, tt := range []struct {
		name, fields, want string
		cfg                server.Config
	}{
		{"a trusted proxy is believed", fields, "1.2.3.4:0 https shop.test 0", server.Config{TrustedProxies: []string{"127.0.0.0/8"}}},
		{"nobody else is, loopback included", fields, "127.0.0.1:", server.Config{}},
		{"a proxy that contradicts itself is refused", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n", "400 Bad Request", server.Config{TrustedProxies: []string{"*"}}},
		{"names with underscores can be kept", "X_Under: score\r\n", " 1", server.Config{UnderscoreHeaders: "keep"}},
		{"or refused", "X_Under: score\r\n", "400 Bad Request", server.Config{UnderscoreHeaders: "refuse"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serveHTTP(t, tt.cfg, show)
			got := raw(t, addr, "GET / HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n"+tt.fields+"\r\n")
			if !strings.Contains(got, tt.want) {
				t.Errorf("answer %q, want %q in it", got, tt.want)
			}
		})
	}
}

func TestPROXYProtocol(t *testing.T) {
	t.Parallel()
	const get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	v1 := "PROXY TCP4 192.168.0.1 10.0.0.1 56324 443\r\n"
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x0a\x00\x00\x01\x12\x34\x01\xbb"
	local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for _, tt := range []struct{ name, mode, from, send, want string }{
		{"version 1", "v1", "", v1, "192.168.0.1:56324"},
		{"version 1 over IPv6", "v1", "", "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "[2001:db8::1]:1"},
		{"version 1 that knows nothing", "v1", "", "PROXY UNKNOWN\r\n", "127.0.0.1:"},
		{"version 2", "v2", "", v2, "1.2.3.4:4660"},
		{"version 2 for itself", "required", "", local, "127.0.0.1:"},
		{"either where one is required", "required", "", v1, "192.168.0.1:56324"},
		{"none where one is required", "required", "", "", ""},
		{"none where there may be one", "auto", "", "", "127.0.0.1:"},
		{"the wrong version", "v2", "", v1, ""},
		{"a header from a stranger", "required", "10.9.9.9", v1, ""},
		{"an address of the other family", "v1", "", "PROXY TCP4 ::1 ::1 1 2\r\n", ""},
		{"a line without an end", "v1", "", "PROXY " + strings.Repeat("x", 200), ""},
		{"a port that is none", "v1", "", "PROXY TCP4 1.1.1.1 1.1.1.1 99999 1\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := server.Config{ProxyProtocol: tt.mode, HeaderTimeout: time.Second}
			if tt.from != "" {
				cfg.ProxyProtocolFrom = []string{tt.from}
			}
			addr := serveHTTP(t, cfg, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "from "+r.RemoteAddr) })
			got := raw(t, addr, tt.send+get)
			if tt.want == "" && got != "" || tt.want != "" && !strings.Contains(got, "from "+tt.want) {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAProxyThatSendsNoPROXYHeaderIsToldOfOnce(t *testing.T) {
	t.Parallel()
	var log buffered
	cfg := server.Config{ProxyProtocol: "required", Logger: log.logger()}
	addr := serveHTTP(t, cfg, func(http.ResponseWriter, *http.Request) {
		t.Error("a request without its PROXY header reached the handler")
	})
	c, err := net.Dial("tcp", addr) // only looks whether somebody listens
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for range 3 {
		raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	if text := log.String(); strings.Count(text, "PROXY header refused") != 1 || !strings.Contains(text, "does not begin with a PROXY header") {
		t.Errorf("the log has %q, want one line that says why", text)
	}
}

// certificate makes a self-signed one for 127.0.0.1 and returns the files' names.
func certificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}},
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	return cert, key
}

func TestTLSWithBothProtocols(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "one")
	addr := serveHTTP(t, server.Config{TLSCertFile: cert, TLSKeyFile: key}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v", r.Proto, r.TLS != nil)
	})
	for _, h2 := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: h2}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get("https://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := map[bool]string{false: "HTTP/1.1 true", true: "HTTP/2.0 true"}[h2]; string(body) != want {
			t.Errorf("the handler saw %q, want %q", body, want)
		}
	}
}

func TestTLSWithClientCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir, "one")
	addr := serveHTTP(t, server.Config{TLSCertFile: cert, TLSKeyFile: key, TLSClientAuth: "required", TLSClientCAFile: cert}, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	})
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{true, false} {
		conf := &tls.Config{InsecureSkipVerify: true}
		if own {
			conf.Certificates = []tls.Certificate{pair}
		}
		tr := &http.Transport{TLSClientConfig: conf}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get("https://" + addr)
		if (err == nil) != own {
			t.Errorf("with a certificate %v: error %v", own, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
}

func TestHTTP2CleartextIsForTrustedPeersOnly(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		cfg := server.Config{HTTP2Cleartext: "prior-knowledge", RequestTimeout: 400 * time.Millisecond}
		if trusted {
			cfg.TrustedProxies = []string{"127.0.0.1"}
		}
		addr := serveHTTP(t, cfg, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hang" {
				<-r.Context().Done()
				return
			}
			io.WriteString(w, r.Proto)
		})
		tr := &http.Transport{Protocols: new(http.Protocols)}
		tr.Protocols.SetUnencryptedHTTP2(true)
		defer tr.CloseIdleConnections()
		client := &http.Client{Transport: tr}
		resp, err := client.Get("http://" + addr)
		if (err == nil) != trusted {
			t.Errorf("from a trusted peer %v: error %v", trusted, err)
			continue
		}
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "HTTP/2.0" {
			t.Errorf("the handler saw %q", body)
		}
		hung, err := client.Get("http://" + addr + "/hang")
		if err != nil || hung.StatusCode != 503 {
			t.Errorf("a hung request over HTTP/2 got %v, %v, want 503", hung, err)
		}
		if http1 := raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.Contains(http1, "HTTP/1.1 200") {
			t.Errorf("HTTP/1 beside it got %q", http1)
		}
	}
}

func TestMaxConcurrentMakesOthersWait(t *testing.T) {
	t.Parallel()
	in, out := make(chan bool, 10), make(chan bool)
	addr := serveHTTP(t, server.Config{MaxConcurrent: 2}, func(http.ResponseWriter, *http.Request) {
		in <- true
		<-out
	})
	done := make(chan string, 3)
	for range 3 {
		go func() { done <- raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") }()
	}
	<-in
	<-in
	select {
	case <-in:
		t.Error("three requests are handled at once")
	case <-time.After(100 * time.Millisecond):
	}
	for range 3 {
		out <- true
	}
	for range 3 {
		if got := <-done; !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("answer %q", got)
		}
	}
}

func TestAccessLines(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/a?b=c", nil)
	r.RemoteAddr = "10.0.0.1:55"
	r.Header.Set("User-Agent", "bean \"x\"\nforged")
	r.Header.Set("Referer", "http://ref")
	r.SetBasicAuth("joe", "x")
	for _, tt := range []struct{ format, want string }{
		{`%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"`,
			`10.0.0.1 - joe [02/Jan/2026:03:04:05 +0000] "GET /a?b=c HTTP/1.1" 404 12 "http://ref" "bean \"x\"\x0aforged"`},
		{"%(m)s %(U)s %(q)s %(H)s %(B)s %(T)s %(M)s %(D)s %(L)s 100%%", "GET /a b=c HTTP/1.1 12 1 1500 1500000 1.500000 100%"},
		{"%({user-agent}i)s %({x-out}o)s %({none}i)s", `bean \"x\"\x0aforged out -`},
		{"%(p)s", fmt.Sprintf("<%d>", os.Getpid())},
	} {
		got, err := server.AccessLine(tt.format, r, 404, 12, 1500*time.Millisecond)
		if err != nil || got != tt.want+"\n" {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.format, got, err, tt.want+"\n")
		}
	}
	line, err := server.AccessLine("json", r, 404, 12, 1500*time.Millisecond)
	var m map[string]any
	if err = errors.Join(err, json.Unmarshal([]byte(line), &m)); err != nil || m["status"] != 404.0 || m["user_agent"] != "bean \"x\"\nforged" || strings.Count(line, "\n") != 1 {
		t.Errorf("JSON line %q: %v", line, err)
	}
}

func FuzzTheScannerDoesNotCareHowBytesArrive(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		piece = 1 + (piece&0x7fffffff)%64
		p1, h1, s1 := server.ScanHead(b, len(b)+1)
		p2, h2, s2 := server.ScanHead(b, piece)
		if h1 != h2 || s1 != s2 || p1 != p2 {
			t.Errorf("at once: %d bytes, %d heads, refusal %d; in pieces of %d: %d bytes, %d heads, refusal %d", p1, h1, s1, piece, p2, h2, s2)
		}
		// What passes, net/http reads with the same framing.
		r := bufio.NewReader(bytes.NewReader(b[:p1]))
		for range h1 {
			q, err := http.ReadRequest(r)
			if err != nil {
				return // stricter than the scanner (targets it cannot parse): net/http answers 400 itself
			}
			if len(q.TransferEncoding) > 0 && q.ContentLength >= 0 {
				t.Errorf("net/http sees both framings in %q", b)
			}
			io.Copy(io.Discard, q.Body)
		}
		if rest := r.Buffered(); s1 == 0 && h1 > 0 && rest > 0 && p1 == len(b) {
			t.Errorf("net/http leaves %d bytes of %q that the scanner gave it", rest, b)
		}
	})
}

// buffered is a logger's text.
type buffered struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffered) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *buffered) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan string, 1)
	done := make(chan error, 1)
	cfg := server.Config{Bind: []string{"127.0.0.1:0"}, Logger: new(buffered).logger()}
	exits := 0
	cfg.Hooks = server.Hooks{
		WhenReady: func(addresses []string) { ready <- addresses[0] },
		OnExit:    func() { exits++ },
	}
	go func() {
		done <- server.Run(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }), cfg)
	}()
	if got := raw(t, <-ready, "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "hi") {
		t.Errorf("answer %q", got)
	}
	cancel()
	if err := <-done; err != nil || exits != 1 {
		t.Errorf("Run returned %v, OnExit was called %d times", err, exits)
	}
}
