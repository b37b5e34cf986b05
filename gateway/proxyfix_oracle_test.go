package gateway_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// requestCase is a case of request-cases.json as far as it concerns what stands in front of the framework.
type requestCase struct {
	ID, Name string
	App      struct {
		ProxyFix map[string]int `json:"proxy_fix"`
	}
	Request struct {
		Method, Target, HTTP string
		Headers              [][2]string
	}
	Extract []any
	Expect  struct {
		Values map[string]any
		Body   string
	}
}

// counts are Werkzeug's defaults overridden by the case.
func (c *requestCase) proxyFix() gateway.ProxyFix {
	count := map[string]int{"x_for": 1, "x_proto": 1}
	for name, n := range c.App.ProxyFix {
		count[name] = n
	}
	return gateway.ProxyFix{
		For: count["x_for"], Proto: count["x_proto"], Host: count["x_host"], Port: count["x_port"], Prefix: count["x_prefix"],
	}
}

func (c *requestCase) request(t *testing.T) *http.Request {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", c.Request.Method, c.Request.Target, c.Request.HTTP)
	for _, h := range c.Request.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], latin1(h[1]))
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String() + "\r\n")))
	if err != nil {
		t.Fatalf("%s %s: net/http refuses the request: %v", c.ID, c.Name, err)
	}
	r.RemoteAddr = "127.0.0.1:40000"
	return r
}

// latin1 makes the bytes that a text of the file stands for.
func latin1(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteByte(byte(c))
	}
	return b.String()
}

func oracleCases(t *testing.T, kind string, into any) {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(dir, kind+"-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// goodHost is what Werkzeug 3.1.8 lets pass as a host; anything else reads "".
var goodHost = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// hostText is Werkzeug's Request.host of what the gateway made of r: checked, without the scheme's own port.
func hostText(r *http.Request) string {
	host := cmp.Or(r.Host, gateway.EnvironOf(r).String("SERVER_NAME"))
	if !goodHost.MatchString(host) {
		return ""
	}
	port := map[string]string{"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}[gateway.Scheme(r)]
	return strings.TrimSuffix(host, cmp.Or(port, "\n"))
}

// facts are the values of a case that stand in front of the framework, by the names of Flask's request.
func facts(r *http.Request) map[string]any {
	scheme, host := gateway.Scheme(r), hostText(r)
	root := strings.TrimRight(gateway.ScriptName(r), "/")
	route := []any{}
	for _, addr := range gateway.AccessRoute(r) {
		route = append(route, addr)
	}
	return map[string]any{
		"remote_addr": gateway.RemoteAddr(r), "access_route": route, "scheme": scheme, "host": host, "url": urlText(r, scheme, host, root),
		"script_root": root, "is_secure": scheme == "https" || scheme == "wss",
	}
}

// urlText is Werkzeug's Request.url: scheme and host in lower case, and "//" also before an empty host if the scheme is one
// that Python knows to have hosts.
func urlText(r *http.Request, scheme, host, root string) string {
	scheme = strings.ToLower(scheme)
	text := scheme + ":"
	if host != "" || slices.Contains([]string{"http", "https", "ws", "wss", "ftp"}, scheme) {
		text += "//" + strings.ToLower(host)
	}
	text += (&url.URL{Path: root}).EscapedPath() + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		text += "?" + r.URL.RawQuery
	}
	return text
}

func TestProxyFixOracle(t *testing.T) {
	var cases []requestCase
	oracleCases(t, "request", &cases)
	agree, differ, fail := 0, 0, 0
	for _, c := range cases {
		if c.App.ProxyFix == nil {
			continue
		}
		got := facts(c.proxyFix().Apply(c.request(t)))
		want, reason := c.want()
		if c.Expect.Values == nil { // the host that was refused is the forwarded one
			want = map[string]any{"host": refusedHost(c.Expect.Body)}
		}
		bad := false
		for name, value := range want {
			if g, ok := got[name]; ok && !reflect.DeepEqual(g, value) {
				t.Errorf("%s %s: %s is %#v, want %#v", c.ID, c.Name, name, g, value)
				bad = true
			}
		}
		switch {
		case bad:
			fail++
		case reason != "":
			differ++
		default:
			agree++
		}
	}
	t.Logf("oracle request: %d agree, %d differ on purpose, %d fail", agree, differ, fail)
}

var refused = regexp.MustCompile(`Host '(.*)' is not trusted`)

func refusedHost(page string) any {
	if m := refused.FindStringSubmatch(html.UnescapeString(page)); m != nil {
		return m[1]
	}
	return ""
}

// want is what Carafe answers, and the reason if that is not what Werkzeug does.
func (c *requestCase) want() (map[string]any, string) {
	want := maps.Clone(c.Expect.Values)
	reason := ""
	differ := func(key string, value any, why string) {
		want[key], reason = value, why
		delete(want, "url")
	}
	if scheme, ok := want["scheme"].(string); ok && !slices.Contains([]string{"http", "https", "ws", "wss"}, scheme) {
		lower := strings.ToLower(scheme)
		if !slices.Contains([]string{"http", "https", "ws", "wss"}, lower) {
			lower = "http"
		}
		differ("scheme", lower, "Unlike Werkzeug, a scheme that no request of HTTP has is not believed, and case does not matter")
		want["is_secure"] = lower == "https" || lower == "wss"
	}
	if addr, ok := want["remote_addr"].(string); ok {
		ip, err := netip.ParseAddr(addr)
		if ap, err2 := netip.ParseAddrPort(addr); err2 == nil {
			ip, err = ap.Addr(), nil
		} else if err != nil {
			ip, err = netip.ParseAddr(strings.Trim(addr, "[]"))
		}
		switch {
		case err != nil:
			differ("remote_addr", "127.0.0.1", "Unlike Werkzeug, what is no address is not believed")
		case ip.String() != addr:
			differ("remote_addr", ip.String(), "Unlike Werkzeug, an address has no port and no brackets")
		}
	}
	if root, ok := want["script_root"].(string); ok {
		switch cut := "/" + strings.TrimLeft(root, `/\`); {
		case root != "" && (root[0] != '/' || !regexp.MustCompile(`^[\w/%.~!$&'()*+,;=:@-]*$`).MatchString(cut)):
			differ("script_root", "", "Unlike Werkzeug, what is no path is not believed as a prefix")
		case root != "" && cut != root:
			differ("script_root", cut, "Unlike Werkzeug, a prefix cannot name a host")
		}
	}
	if host, ok := want["host"].(string); ok && host == "" && c.toldHost() {
		differ("host", c.ownHost(), "Unlike Werkzeug, a forwarded host that is none is not believed, and the request's own stands")
	}
	return want, reason
}

// toldHost says whether a proxy that is believed has set X-Forwarded-Host.
func (c *requestCase) toldHost() bool {
	return c.proxyFix().Host > 0 && c.header("X-Forwarded-Host") != ""
}

func (c *requestCase) header(name string) string {
	for _, h := range c.Request.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// ownHost is the host of the request itself, with the forwarded port if there is one.
func (c *requestCase) ownHost() string {
	host := c.header("Host")
	if port := c.header("X-Forwarded-Port"); c.proxyFix().Port > 0 && port != "" {
		name, _, _ := strings.Cut(host, ":")
		host = name + ":" + port
	}
	return host
}
