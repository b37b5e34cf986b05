package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// seen is what a handler sees of a request: address, scheme, host, script name.
func seen(r *http.Request) string {
	return fmt.Sprintf("%s %s %s %s", gateway.RemoteAddr(r), gateway.Scheme(r), r.Host, gateway.ScriptName(r))
}

// from makes a request of a peer with headers ("Name: value").
func from(peer string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.RemoteAddr = "in.test", peer+":1000"
	if strings.Contains(peer, ":") {
		r.RemoteAddr = "[" + peer + "]:1000"
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

const untouched = "10.0.0.1 http in.test "

func TestProxyFixBelievesOnlyWhatItIsTold(t *testing.T) {
	tests := []struct {
		name    string
		fix     gateway.ProxyFix
		headers []string
		want    string
	}{
		{"nobody by default", gateway.ProxyFix{}, []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x", "Forwarded: for=1.1.1.1;proto=https"}, untouched},
		{"what the client put in front is not counted", gateway.ProxyFix{For: 1}, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1"}, "1.1.1.1 http in.test "},
		{"nor on a line of its own", gateway.ProxyFix{For: 1}, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1"}, "1.1.1.1 http in.test "},
		{"fewer values than proxies are ignored", gateway.ProxyFix{For: 3}, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1"}, untouched},
		{"an open quote swallows nothing", gateway.ProxyFix{For: 2}, []string{`X-Forwarded-For: "6.6.6.6, 1.1.1.1`, "X-Forwarded-For: 2.2.2.2"}, "1.1.1.1 http in.test "},
		{"a lone quote hides no proxy's word", gateway.ProxyFix{For: 1}, []string{`X-Forwarded-For: ", 1.1.1.1`}, "1.1.1.1 http in.test "},
		{"quotes hide no comma", gateway.ProxyFix{For: 1}, []string{`X-Forwarded-For: "6.6.6.6, 1.1.1.1"`}, `1.1.1.1" http in.test `},
		{"a port that is none", gateway.ProxyFix{Port: 1}, []string{"X-Forwarded-Port: 80<script>"}, untouched},
		{"empty values do not count", gateway.ProxyFix{For: 1}, []string{"X-Forwarded-For: 1.1.1.1, ,"}, "1.1.1.1 http in.test "},
		{"headers of other proxies are never read", gateway.ProxyFix{For: 1, Proto: 1, Host: 1}, []string{"X-Real-Ip: 6.6.6.6", "True-Client-Ip: 6.6.6.6", "X-Forwarded-Ssl: on", "X-Url-Scheme: https", "Front-End-Https: on"}, untouched},
		{"an address keeps its port as Werkzeug has it", gateway.ProxyFix{For: 1}, []string{"X-Forwarded-For: [2001:db8::1]:1234"}, "[2001:db8::1]:1234 http in.test "},
		{"a scheme of another kind passes", gateway.ProxyFix{Proto: 1}, []string{"X-Forwarded-Proto: ftp"}, "10.0.0.1 ftp in.test "},
		{"what is no scheme does not", gateway.ProxyFix{Proto: 1}, []string{"X-Forwarded-Proto: https://evil.test/"}, untouched},
		{"a host brings its port", gateway.ProxyFix{Host: 1}, []string{"X-Forwarded-Host: out.test:8443"}, "10.0.0.1 http out.test:8443 "},
		{"a port replaces the host's", gateway.ProxyFix{Port: 1}, []string{"X-Forwarded-Port: 8443"}, "10.0.0.1 http in.test:8443 "},
		{"a port goes behind an IPv6 host's bracket", gateway.ProxyFix{Host: 1, Port: 1}, []string{"X-Forwarded-Host: [::1]", "X-Forwarded-Port: 81"}, "10.0.0.1 http [::1]:81 "},
		{"a prefix is a script name", gateway.ProxyFix{Prefix: 1}, []string{"X-Forwarded-Prefix: /app"}, "10.0.0.1 http in.test /app"},
		{"a prefix cannot name a host", gateway.ProxyFix{Prefix: 1}, []string{`X-Forwarded-Prefix: /\evil.test`}, "10.0.0.1 http in.test /evil.test"},
		{"Forwarded counts from the right too", gateway.ProxyFix{Forwarded: 1}, []string{"Forwarded: for=6.6.6.6;proto=https, for=1.1.1.1"}, "1.1.1.1 http in.test "},
		{"Forwarded may be spelled freely", gateway.ProxyFix{Forwarded: 1}, []string{`Forwarded: For="[2001:db8::1]:80" ; PROTO=https;Host="out.test:8443";by=_x`}, "2001:db8::1 https out.test:8443 "},
		{"Forwarded with an obfuscated client", gateway.ProxyFix{Forwarded: 1}, []string{"Forwarded: for=_hidden"}, "_hidden http in.test "},
		{"of a broken Forwarded the nearest elements count", gateway.ProxyFix{Forwarded: 1, For: 1}, []string{`Forwarded: for="6.6.6.6`, "Forwarded: for=1.1.1.1", "X-Forwarded-For: 6.6.6.6"}, "1.1.1.1 http in.test "},
		{"and what is broken is not believed", gateway.ProxyFix{Forwarded: 2, For: 1}, []string{`Forwarded: for="6.6.6.6`, "Forwarded: for=1.1.1.1", "X-Forwarded-For: 6.6.6.6"}, untouched},
		{"a name twice in an element breaks it", gateway.ProxyFix{Forwarded: 1}, []string{"Forwarded: for=6.6.6.6;for=1.1.1.1"}, untouched},
		{"without Forwarded the others count", gateway.ProxyFix{Forwarded: 1, For: 1}, []string{"X-Forwarded-For: 1.1.1.1"}, "1.1.1.1 http in.test "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := seen(tt.fix.Apply(from("10.0.0.1", tt.headers...))); got != tt.want {
				t.Errorf("%v is seen as %q, want %q", tt.headers, got, tt.want)
			}
		})
	}
}

func TestProxyFixTrustsNetworks(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	auto := gateway.ProxyFix{For: gateway.AsTrusted, Proto: gateway.AsTrusted, Host: gateway.AsTrusted, Trusted: trusted}
	tests := []struct {
		name, peer string
		fix        gateway.ProxyFix
		headers    []string
		want       string
	}{
		{"a stranger is not believed", "192.0.2.9", gateway.ProxyFix{For: 1, Trusted: trusted}, []string{"X-Forwarded-For: 6.6.6.6"}, "192.0.2.9 http in.test "},
		{"not even loopback", "127.0.0.1", auto, []string{"X-Forwarded-For: 6.6.6.6"}, "127.0.0.1 http in.test "},
		{"a proxy is", "10.0.0.1", gateway.ProxyFix{For: 1, Trusted: trusted}, []string{"X-Forwarded-For: 1.1.1.1"}, "1.1.1.1 http in.test "},
		{"an IPv4 proxy on an IPv6 socket is", "::ffff:10.0.0.1", auto, []string{"X-Forwarded-For: 1.1.1.1"}, "1.1.1.1 http in.test "},
		{"the first stranger from the right is the client", "10.0.0.1", auto, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.3, 10.0.0.2"}, "1.1.1.1 http in.test "},
		{"a client that claims to be a proxy is still a claim", "10.0.0.1", auto, []string{"X-Forwarded-For: 10.9.9.9, 1.1.1.1"}, "1.1.1.1 http in.test "},
		{"if all are proxies, the first is it", "10.0.0.1", auto, []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3 http in.test "},
		{"the other headers count the same proxies", "10.0.0.1", auto, []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.2", "X-Forwarded-Proto: gopher, https, http"}, "1.1.1.1 https in.test "},
		{"or take the one value that the nearest set", "10.0.0.1", auto, []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.2", "X-Forwarded-Host: out.test"}, "1.1.1.1 http out.test "},
		{"proxies with ports and brackets are known", "10.0.0.1", auto, []string{"X-Forwarded-For: 1.1.1.1, [2001:db8::7]:99, 10.0.0.2:77"}, "1.1.1.1 http in.test "},
		{"Forwarded by networks", "10.0.0.1", gateway.ProxyFix{Forwarded: gateway.AsTrusted, Trusted: trusted},
			[]string{`Forwarded: for=6.6.6.6, for=1.1.1.1;proto=https, for="[2001:db8::7]:99"`}, "1.1.1.1 https in.test "},
		{"without networks AsTrusted trusts nobody", "10.0.0.1", gateway.ProxyFix{For: gateway.AsTrusted, Forwarded: gateway.AsTrusted},
			[]string{"X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6"}, untouched},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := seen(tt.fix.Apply(from(tt.peer, tt.headers...))); got != tt.want {
				t.Errorf("%v from %s is seen as %q, want %q", tt.headers, tt.peer, got, tt.want)
			}
		})
	}
}

func TestProxyFixKeepsWhatItReplaced(t *testing.T) {
	fix := gateway.ProxyFix{For: 1, Proto: 1, Host: 1, Prefix: 1}
	r := fix.Apply(from("10.0.0.1", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: out.test:444", "X-Forwarded-Prefix: /p"))
	want := gateway.Original{RemoteAddr: "10.0.0.1:1000", Host: "in.test", Scheme: "http", ServerName: "in.test", ServerPort: "80"}
	if got := gateway.OriginalOf(r); got == nil || *got != want {
		t.Errorf("the original is %+v, want %+v", got, want)
	}
	env := gateway.EnvironOf(r)
	if env.String("SERVER_NAME") != "out.test" || env.String("SERVER_PORT") != "444" || env.String("HTTPS") != "on" || env["gateway.proxy_fix.orig"] == nil {
		t.Errorf("the environ says %s:%s, HTTPS %q", env.String("SERVER_NAME"), env.String("SERVER_PORT"), env.String("HTTPS"))
	}
	plain := from("10.0.0.1")
	if got := fix.Apply(plain); got != plain || gateway.OriginalOf(got) != nil {
		t.Error("a request without forwarded headers was copied")
	}
	if r := httptest.NewRequest("GET", "/", nil); gateway.AccessRoute(r)[0] != "192.0.2.1" {
		t.Errorf("the access route without a header is %v, want the peer", gateway.AccessRoute(r))
	}
}

// FuzzForwarded checks that whatever a client writes, a ProxyFix for one proxy sees only what the proxy appended.
func FuzzForwarded(f *testing.F) {
	f.Add("for=6.6.6.6;proto=https", "1.1.1.1, 6.6.6.6", "https")
	f.Add(`for="[::1]:80`, `"a,b`, `"\`)
	f.Fuzz(func(t *testing.T, forwarded, list, proto string) {
		r := from("10.0.0.1")
		r.Header["X-Forwarded-For"] = []string{list, "203.0.113.7"}
		r.Header["X-Forwarded-Proto"] = []string{proto}
		r.Header["X-Forwarded-Prefix"] = []string{proto}
		addr := gateway.RemoteAddr(gateway.ProxyFix{For: 1}.Apply(r))
		if addr != "203.0.113.7" && addr != "10.0.0.1" && !strings.Contains(list, `"`) {
			t.Errorf("X-Forwarded-For %q and then the proxy's own 203.0.113.7 gives %q", list, addr)
		}
		all := gateway.ProxyFix{For: 1, Proto: 1, Host: 1, Port: 1, Prefix: 1, Forwarded: 1}.Apply(r)
		if s := gateway.Scheme(all); strings.ContainsAny(s, ":/\r\n ") {
			t.Errorf("scheme %q", s)
		}
		if p := gateway.ScriptName(all); strings.HasPrefix(p, "//") || strings.HasPrefix(p, `/\`) || strings.ContainsAny(p, "\r\n") {
			t.Errorf("script name %q", p)
		}
		elements, ok := gateway.ParseForwarded([]string{forwarded, "for=203.0.113.7"})
		if ok && elements[len(elements)-1].For != "203.0.113.7" {
			t.Errorf("Forwarded %q hides the proxy's own element: %+v", forwarded, elements)
		}
	})
}
