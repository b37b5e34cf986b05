package server_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// httpCase is a case of http-requests.json.
type httpCase struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	Category string         `json:"category"`
	Request  string         `json:"request_b64"`
	WithHost string         `json:"request_with_host_b64"`
	Config   map[string]any `json:"config"`
	Expected struct {
		Requests []struct {
			Method   string      `json:"method"`
			URI      string      `json:"uri"`
			Version  string      `json:"version"`
			Headers  [][2]string `json:"headers"`
			Body     string      `json:"body_b64"`
			Trailers [][2]string `json:"trailers"`
		} `json:"requests"`
	} `json:"expected"`
	Careful struct {
		Status     []int  `json:"status"`
		Connection string `json:"connection"`
		Answered   int    `json:"requests_answered"`
	} `json:"careful"`
}

// seen is a request as a handler saw it.
type seen struct {
	method, uri, version string
	header, trailer      http.Header
	body                 []byte
	err                  error
}

// recorder answers 200 to whatever it can read whole, and remembers it.
type recorder struct {
	mu   sync.Mutex
	list []seen
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if q.URL.Path != "/probe" {
		r.mu.Lock()
		r.list = append(r.list, seen{q.Method, q.RequestURI, fmt.Sprintf("%d.%d", q.ProtoMajor, q.ProtoMinor), q.Header, q.Trailer, body, err})
		r.mu.Unlock()
	}
	if err != nil {
		http.Error(w, "bad body", http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Path", q.URL.Path)
}

func (r *recorder) take() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

// configOf is Gunicorn's configuration of a case in this server's settings. What loosens parsing (folding, spaces before
// the colon, case folding, dangerous names) has no counterpart: the careful answer is the strict one.
func configOf(t *testing.T, c httpCase) server.Config {
	t.Helper()
	cfg := server.Config{HeaderTimeout: 700 * time.Millisecond, BodyTimeout: 700 * time.Millisecond}
	for name, v := range c.Config {
		switch name {
		case "limit_request_line":
			cfg.MaxRequestLine = int(v.(float64))
		case "limit_request_field_size":
			cfg.MaxHeaderFieldSize = int(v.(float64))
		case "limit_request_fields":
			cfg.MaxHeaderFields = int(v.(float64))
		case "proxy_protocol":
			cfg.ProxyProtocol = v.(string)
		case "forwarded_allow_ips":
			for _, ip := range v.([]any) {
				cfg.TrustedProxies = append(cfg.TrustedProxies, ip.(string))
			}
		case "header_map":
			if v == "refuse" {
				cfg.UnderscoreHeaders = "refuse"
			}
		}
	}
	return cfg
}

// outcome is what came back on one connection.
type outcome struct {
	statuses []int
	probed   bool // a request sent afterwards was answered
	closed   bool
}

const probe = "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"

// exchange sends a case in pieces of so many bytes, then a probe, and reads to the end.
func exchange(t *testing.T, addr string, raw []byte, piece int, together bool) outcome {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if together {
		raw = append(slices.Clone(raw), probe...)
	}
	for len(raw) > 0 {
		n := min(piece, len(raw))
		if _, err := c.Write(raw[:n]); err != nil {
			break
		}
		raw = raw[n:]
	}
	var out outcome
	r := bufio.NewReader(c)
	probed := together
	for {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if !probed {
			c.SetReadDeadline(time.Now().Add(120 * time.Millisecond))
		}
		resp, err := http.ReadResponse(r, nil)
		if ne, ok := err.(net.Error); ok && ne.Timeout() && !probed {
			probed = true
			io.WriteString(c, probe)
			c.(*net.TCPConn).CloseWrite()
			continue
		}
		if err != nil {
			out.closed = true
			return out
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.Header.Get("X-Path") == "/probe" {
			out.probed = true
			return out
		}
		out.statuses = append(out.statuses, resp.StatusCode)
	}
}

func TestOracleHTTPRequests(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(dir, "http-requests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []httpCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	byConfig := map[string][]httpCase{}
	for _, c := range file.Cases {
		key, _ := json.Marshal(c.Config)
		byConfig[string(key)] = append(byConfig[string(key)], c)
	}
	agree, differ, fail := 0, 0, 0
	for _, cases := range byConfig {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		rec := &recorder{}
		stop, err := server.Serve(rec, configOf(t, cases[0]), l)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			switch problems, stricter := judge(t, c, l.Addr().String(), rec); {
			case len(problems) > 0:
				fail++
				t.Errorf("%s (%s, %s):\n  %s", c.Name, c.Kind, c.Category, strings.Join(problems, "\n  "))
			case stricter:
				differ++
				t.Logf("stricter than Gunicorn: %s (%s)", c.Name, c.Category)
			default:
				agree++
			}
		}
		stop()
	}
	t.Logf("oracle http-requests: %d agree, %d differ on purpose, %d fail", agree, differ, fail)
}

// judge sends one case in three ways and says what is wrong. stricter: Gunicorn takes the request, and this server, as the
// careful answer allows, does not. Unlike Gunicorn, it refuses what RFC 9112 lets a proxy read otherwise.
func judge(t *testing.T, c httpCase, addr string, rec *recorder) (problems []string, stricter bool) {
	t.Helper()
	text := c.WithHost
	if text == "" {
		text = c.Request
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	small := 1
	if len(raw) > 600 {
		small = len(raw)/97 + 1
	}
	for _, way := range []struct {
		name     string
		piece    int
		together bool
	}{{"in one write", len(raw) + len(probe) + 1, false}, {"byte by byte", small, false}, {"pipelined with another", len(raw) + len(probe) + 1, true}} {
		out := exchange(t, addr, raw, way.piece, way.together)
		got := rec.take()
		for _, p := range compare(c, out, got, way.together) {
			problems = append(problems, way.name+": "+p)
		}
		stricter = stricter || c.Kind == "valid" && len(out.statuses) > 0 && out.statuses[0] >= 400
	}
	return problems, stricter
}

func compare(c httpCase, out outcome, got []seen, together bool) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	first := 0 // closed without an answer
	if len(out.statuses) > 0 {
		first = out.statuses[0]
	}
	// With a request right behind it, a body that is too short takes that request's bytes, and goes on waiting for more.
	if together && unfinished(c) && first == http.StatusRequestTimeout && !out.probed {
		return nil
	}
	if !slices.Contains(c.Careful.Status, first) {
		bad("status %d, careful is %v", first, c.Careful.Status)
	}
	if first == 0 || first >= 400 {
		if out.probed && c.Careful.Connection == "close" {
			bad("after the refusal the connection was read on")
		}
		if len(out.statuses) > 1 {
			bad("%d answers to a refused request: %v", len(out.statuses), out.statuses)
		}
		return problems
	}
	if len(out.statuses) != max(1, c.Careful.Answered) {
		bad("%d answers %v, careful is %d", len(out.statuses), out.statuses, c.Careful.Answered)
	}
	if want := c.Careful.Connection == "keep-alive"; out.probed != want && c.Careful.Connection != "either" {
		bad("connection kept: %v, careful is %s", out.probed, c.Careful.Connection)
	}
	if c.Kind == "valid" {
		problems = append(problems, compareRequests(c, got)...)
	}
	return problems
}

// unfinished reports whether a case ends before its framing says.
func unfinished(c httpCase) bool {
	raw, _ := base64.StdEncoding.DecodeString(c.Request)
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if n, ok := strings.CutPrefix(strings.ToLower(line), "content-length:"); ok {
			length, err := strconv.Atoi(strings.TrimSpace(n))
			return err == nil && length > len(body)
		}
	}
	return false
}

// gone are the fields that net/http keeps elsewhere than in Header, or that are dropped on purpose.
func gone(name string) bool {
	return slices.Contains([]string{"HOST", "TRANSFER-ENCODING", "CONNECTION", "CONTENT-LENGTH", "TRAILER"}, name) || strings.Contains(name, "_")
}

func compareRequests(c httpCase, got []seen) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	want := c.Expected.Requests
	if len(want) == 1 && want[0].Method == http.MethodOptions && want[0].URI == "*" {
		// Unlike Gunicorn, which leaves it to the application, net/http answers for the server as a whole by itself.
		if len(got) != 0 {
			bad("the handler saw OPTIONS *")
		}
		return problems
	}
	if len(got) != min(len(want), max(1, c.Careful.Answered)) {
		bad("the handler saw %d requests, want %d", len(got), len(want))
		return problems
	}
	for i, g := range got {
		w := want[i]
		body, _ := base64.StdEncoding.DecodeString(w.Body)
		// Unlike Gunicorn with casefold_http_method, methods are never folded.
		if g.method != w.Method && !strings.EqualFold(g.method, w.Method) || g.uri != w.URI && !slices.Contains(c.Careful.Status, 400) || g.version != w.Version {
			bad("request %d is %s %s HTTP/%s, want %s %s HTTP/%s", i, g.method, g.uri, g.version, w.Method, w.URI, w.Version)
		}
		if !bytes.Equal(g.body, body) || g.err != nil {
			bad("request %d has the body %q (%v), want %q", i, g.body, g.err, body)
		}
		if have, need := fields(g.header), pairs(w.Headers); !slices.Equal(have, need) {
			bad("request %d has the header %q, want %q", i, have, need)
		}
		for _, p := range pairs(w.Trailers) {
			if have := fields(g.trailer); len(g.trailer) > 0 && !slices.Contains(have, p) {
				bad("request %d has the trailer %q, want %q in it", i, have, p)
			}
		}
	}
	return problems
}

func fields(h http.Header) []string {
	var list []string
	for name, values := range h {
		for _, v := range values {
			if n := strings.ToUpper(name); !gone(n) {
				list = append(list, n+": "+v)
			}
		}
	}
	sort.Strings(list)
	return list
}

// pairs are Gunicorn's fields; it decodes bytes as Latin-1.
func pairs(headers [][2]string) []string {
	var list []string
	for _, h := range headers {
		if !gone(h[0]) {
			value := make([]byte, 0, len(h[1]))
			for _, r := range h[1] {
				value = append(value, byte(r))
			}
			list = append(list, h[0]+": "+string(value))
		}
	}
	sort.Strings(list)
	return list
}
