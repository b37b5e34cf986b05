package carafe_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// TestWhatAdvisoriesNeedIsNotThere holds Carafe to doing without what whole classes of advisories are about.
func TestWhatAdvisoriesNeedIsNotThere(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}: {{join .Imports \" \"}} ", "./...").Output()
	must(t, err)
	for _, name := range []string{"encoding/gob", "encoding/xml", "net/mail", "compress/gzip", "compress/flate", "compress/bzip2", "archive/zip", "archive/tar", "plugin"} {
		for _, line := range strings.Split(string(out), "\n") {
			if strings.Contains(line, " "+name+" ") {
				t.Errorf("%s is imported: %s", name, line)
			}
		}
	}
	api, err := os.ReadFile("api.txt")
	must(t, err)
	if found := regexp.MustCompile(`(?i).*(\bjwt|responsecache|cachemiddleware|autoformat|loadbalancer|quic).*`).FindAllString(string(api), -1); len(found) > 0 {
		t.Errorf("there is something whose advisories nobody has looked at: %q", found)
	}
	must(t, filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if strings.Contains(string(source), "ProxyFromEnvironment") && !strings.Contains(path, "bench") {
			t.Errorf("%s goes by the environment's proxy", path)
		}
		for _, call := range regexp.MustCompile(`\bGlob\(.*`).FindAllString(string(source), -1) {
			if !strings.Contains(call, "/proc/") && !strings.Contains(call, `dir + "/`) && !strings.Contains(path, "bench") && !strings.Contains(path, "examples") {
				t.Errorf("%s: a pattern that is not the source's own: %s", path, call)
			}
		}
		return err
	}))
}

// A reverse proxy's faults are between it and the server behind it.
func TestHostileRequestsUpstream(t *testing.T) {
	followed := false
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed = true
		}
		if r.URL.Path == "/go" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "for=%q host=%q smuggled=%q te=%q uri=%q", r.Header["X-Forwarded-For"], r.Host, r.Header["X-Smuggled"], r.TransferEncoding, r.RequestURI)
	})
	base := strings.TrimPrefix(carafetest.Serve(t, p.app), "http://")
	ask := func(request string) string {
		conn, err := net.Dial("tcp", base)
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, request)
		must(t, err)
		answer, _ := io.ReadAll(conn)
		return string(answer)
	}
	tests := []struct{ name, request, want string }{
		{"what is said to be for one hop does not take away who the client is", "GET /a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close, X-Forwarded-For\r\n\r\n", `for=["127.0.0.1"]`},
		{"a header that says a client's address twice", "GET /a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\nConnection: close\r\n\r\n", `for=["127.0.0.1"]`},
		{"a line break in a query stays one target", "GET /a?x=%0d%0aX-Smuggled:1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", `smuggled=[]`},
		{"a query that two may read in two ways arrives as it came, for nothing of the app has decided by it", "GET /a?role=user;role=admin&x=%zz&y=1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", `uri="/a?role=user;role=admin&x=%zz&y=1"`},
		{"a Host that is none does not arrive", "GET /a HTTP/1.1\r\nHost: a.test\x00\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"a body that nobody waits for", "POST /a HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", `uri="/a"`},
		{"a redirect is the client's to follow, with its credentials", "GET /go HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic eA==\r\nConnection: close\r\n\r\n", "Location: /elsewhere"},
	}
	for _, tt := range tests {
		if got := ask(tt.request); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q has no %q", tt.name, got, tt.want)
		}
	}
	if followed {
		t.Error("the app has followed the redirect of the server behind it")
	}
}

// A query of more pairs than Go reads must not hide what stands behind them from the app, while the server behind it sees that:
// CVE-2026-39825.
func TestHostileQueriesHideNothingFromTheApp(t *testing.T) {
	query := strings.Repeat("a=x&", 10_050) + "hidden=y"
	p := newUpstreamPair(t, upstreamSays)
	p.app.Get("/sees", func(c *carafe.Context) string { return c.Query("hidden") }, carafe.Endpoint("sees"))
	client := carafetest.NewClient(t, p.app)
	if got := client.Get("/sees?" + query).Text(); got != "y" {
		t.Errorf("behind 10,050 pairs the app reads %q, want what a server behind it reads, y", got)
	}
	if got := client.Get("/old?" + query).Text(); got != "GET /old?"+query+" " {
		t.Errorf("the server behind it is sent %d bytes of a query, want all %d, as they came", len(got), len(query))
	}
}

// A host in Punycode that would be another one when it is decoded must not be taken for that: CVE-2026-39821.
func TestHostileHostsInPunycodeStayWhatTheyAre(t *testing.T) {
	app := quiet()
	app.Get("/", func(c *carafe.Context) string {
		r := c.Request
		return r.Authority() + " " + r.HostURL() + " " + r.RootURL() + " " + r.BaseURL() + " " + c.URLFor("x", "_external", true)
	}, carafe.Endpoint("x"))
	client := carafetest.NewClient(t, app)
	for _, host := range []string{
		"xn--example-.com", "xn--EXAMPLE-.com", "xn--example-", "a.xn--example-.com", // letters of ASCII alone
		"xn--a.com", "xn--.com", "xn---.com", // controls and nothing
		"xn--a-ecp.ru", "xn--exampleevil-3m25d.com", "xn--exampleevil-gn25d.com", "xn--b-yq0i.com", // full stops, slashes and the like of other widths
	} {
		got := client.Get("/", carafetest.Header{"Host": host}).Text()
		if n := strings.Count(strings.ToLower(got), strings.ToLower(host)); n != 5 {
			t.Errorf("a request for %s sees its own addresses as %q: %d of 5 are of that host", host, got, n)
		}
	}
	if got := carafe.URIToIRI("http://xn--bcher-kva.example/"); got != "http://bücher.example/" {
		t.Errorf("a host in its own script is %s", got)
	}
	for target, hosts := range map[string][]string{"http://xn--example-.com/": {"example.com"}, "//xn--example-.com": {"example.com"}} {
		if carafe.SafeRedirect(target, hosts...) {
			t.Errorf("%s is a safe redirect of %v", target, hosts)
		}
	}
	app.Config.TrustedHosts = []string{"example.com", ".example.org"}
	for _, host := range []string{"xn--example-.com", "a.xn--example-.org", "xn--a-.example-.org"} {
		if code := client.Get("/", carafetest.Header{"Host": host}).StatusCode; code != 400 {
			t.Errorf("a request for %s is answered with %d, although only example.com and those below example.org are trusted", host, code)
		}
	}
}

// An http2Flood is what one connection sends: frames, again and again.
type http2Flood struct {
	name  string
	first []byte
	next  func(n uint32) []byte
}

func http2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// http2Floods are those of CVE-2023-44487, -45288, -2019-9512, -9515, -9518, -2022-41717 and -2021-44716.
func http2Floods() []http2Flood {
	get := []byte{0x82, 0x86, 0x84, 0x41, 1, 'a'} // GET http / a
	fields := strings.Repeat("\x40\x01x\x7f\x00"+strings.Repeat("y", 127), 100)
	return []http2Flood{
		{"streams that are reset at once", nil, func(n uint32) []byte {
			return append(http2Frame(1, 5, 2*n+1, get), http2Frame(3, 0, 2*n+1, []byte{0, 0, 0, 8})...)
		}},
		{"a head that never ends", http2Frame(1, 1, 1, get), func(uint32) []byte { return http2Frame(9, 0, 1, []byte(fields)) }},
		{"settings", nil, func(uint32) []byte { return http2Frame(4, 0, 0, nil) }},
		{"pings", nil, func(uint32) []byte { return http2Frame(6, 0, 0, make([]byte, 8)) }},
		{"empty data", http2Frame(1, 4, 1, get), func(uint32) []byte { return http2Frame(0, 0, 1, nil) }},
		{"heads of new names", nil, func(n uint32) []byte {
			return http2Frame(1, 5, 2*n+1, append(get, fmt.Sprintf("\x40\x0ax%09d\x01y", n)...))
		}},
	}
}

func TestHostileFloodsOfHTTP2(t *testing.T) {
	app := quiet()
	app.Get("/", func() string { return "served" }, carafe.Endpoint("x"))
	addr := runningAt(t, app, carafe.H2C(true))
	for _, flood := range http2Floods() {
		t.Run(flood.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			must(t, conn.SetDeadline(time.Now().Add(700*time.Millisecond)))
			_, err = conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), append(http2Frame(4, 0, 0, nil), flood.first...)...))
			must(t, err)
			sent := uint32(0)
			for ; err == nil; sent++ { // until the server has had enough, or takes no more, or time is over
				_, err = conn.Write(flood.next(sent))
			}
			client := http.Client{Timeout: 20 * time.Second}
			resp, err := client.Get("http://" + addr + "/")
			must(t, err)
			resp.Body.Close()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapInuse) - int64(before.HeapInuse); resp.StatusCode != 200 || grown > 64<<20 {
				t.Errorf("after %d times: status %d, the heap has grown by %d bytes", sent, resp.StatusCode, grown)
			}
		})
	}
}

func TestHostileSilenceBeforeHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(quiet())
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.ReadHeaderTimeout = 50 * time.Millisecond
	srv.Start()
	defer srv.Close()
	for _, said := range []string{"", "PRI", "PRI * HTTP/2.0\r\n\r\n"} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, said)
		must(t, err)
		if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("a client that says %q and no more keeps its connection: %v", said, err)
		}
	}
}

// urlize has taken quadratic time elsewhere (CVE-2020-28493). What a machine that is busy takes long for is compared with a quarter of the
// text, which takes a sixteenth of a time that is quadratic.
func TestHostileTextsInFiltersTakeLinearTime(t *testing.T) {
	app := quiet()
	render := func(filter, text string) time.Duration {
		began := time.Now()
		must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
			_, err := app.RenderString(ctx, "{{ x|"+filter+" }}", map[string]any{"x": text})
			return err
		}))
		return time.Since(began)
	}
	for _, piece := range []string{"a@", "www.", "http://", "(", "x.y@", "<a", "&lt;", ".", "1 ", "\n", "é", " ", "\t ", "\u00a0", "aaaaaa ", "a-"} {
		whole, quarter := strings.Repeat(piece, 100_000/len(piece)), strings.Repeat(piece, 25_000/len(piece))
		for _, filter := range []string{"urlize", "striptags", "wordwrap(5)", "wordwrap", "title", "truncate(50)", "wordcount", "indent", "forceescape", "tojson", "urlencode", "center(9)", "trim"} {
			took := render(filter, whole)
			for try := 0; took > time.Second && took > 10*render(filter, quarter); try++ {
				if try == 4 {
					t.Errorf("100 KB of %q through %s take %v, more than ten times as long as 25 KB", piece, filter, took)
					break
				}
				took = render(filter, whole)
			}
		}
	}
}
