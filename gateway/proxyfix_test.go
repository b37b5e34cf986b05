package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
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
		{"quotes hide no comma", gateway.ProxyFix{For: 1}, []string{`X-Forwarded-For: "6.6.6.6, 1.1.1.1"`}, untouched},
		{"a port that is none", gateway.ProxyFix{Port: 1}, []string{"X-Forwarded-Port: 80<script>"}, untouched},
		{"empty values do not count", gateway.ProxyFix{For: 1}, []string{"X-Forwarded-For: 1.1.1.1, ,"}, "1.1.1.1 http in.test "},
		{"headers of other proxies are never read", gateway.ProxyFix{For: 1, Proto: 1, Host: 1}, []string{"X-Real-Ip: 6.6.6.6", "True-Client-Ip: 6.6.6.6", "X-Forwarded-Ssl: on", "X-Url-Scheme: https", "Front-End-Https: on"}, untouched},
		{"a host brings its port", gateway.ProxyFix{Host: 1}, []string{"X-Forwarded-Host: out.test:8443"}, "10.0.0.1 http out.test:8443 "},
		{"a port replaces the host's", gateway.ProxyFix{Port: 1}, []string{"X-Forwarded-Port: 8443"}, "10.0.0.1 http in.test:8443 "},
		{"a port goes behind an IPv6 host's bracket", gateway.ProxyFix{Host: 1, Port: 1}, []string{"X-Forwarded-Host: [::1]", "X-Forwarded-Port: 81"}, "10.0.0.1 http [::1]:81 "},
		{"a prefix is a script name", gateway.ProxyFix{Prefix: 1}, []string{"X-Forwarded-Prefix: /app"}, "10.0.0.1 http in.test /app"},
		{"a prefix cannot name a host", gateway.ProxyFix{Prefix: 1}, []string{`X-Forwarded-Prefix: /\evil.test`}, "10.0.0.1 http in.test /evil.test"},
		{"Forwarded counts from the right too", gateway.ProxyFix{Forwarded: 1}, []string{"Forwarded: for=6.6.6.6;proto=https, for=1.1.1.1"}, "1.1.1.1 http in.test "},
		{"Forwarded may be spelled freely", gateway.ProxyFix{Forwarded: 1}, []string{`Forwarded: For="[2001:db8::1]:80" ; PROTO=https;Host="out.test:8443";by=_x`}, "2001:db8::1 https out.test:8443 "},
		{"Forwarded with an obfuscated client", gateway.ProxyFix{Forwarded: 1}, []string{"Forwarded: for=_hidden;proto=https"}, "10.0.0.1 https in.test "},
		{"Forwarded with an obfuscated port", gateway.ProxyFix{Forwarded: 1}, []string{`Forwarded: for="1.1.1.1:_p"`}, "1.1.1.1 http in.test "},
		{"Forwarded with a host that is none", gateway.ProxyFix{Forwarded: 1}, []string{`Forwarded: host="evil.test/x";proto=gopher`}, untouched},
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

// TestProxyFixBelievesOnlyWhatCanBe shows each header alone, told by the one proxy that is believed.
func TestProxyFixBelievesOnlyWhatCanBe(t *testing.T) {
	fix := gateway.ProxyFix{For: 1, Proto: 1, Host: 1, Port: 1, Prefix: 1}
	long := strings.Repeat("9", 400)
	believed := map[string][]struct{ value, want string }{
		"X-Forwarded-For": {
			{"1.1.1.1", "1.1.1.1 http in.test "}, {"2001:db8::1", "2001:db8::1 http in.test "}, {"::ffff:1.2.3.4", "::ffff:1.2.3.4 http in.test "},
			{"1.1.1.1:80", "1.1.1.1 http in.test "}, {"[2001:DB8::1]:1234", "2001:db8::1 http in.test "}, {"[2001:db8::1]", "2001:db8::1 http in.test "},
			{`"[2001:db8::1]"`, "2001:db8::1 http in.test "},
		},
		"X-Forwarded-Proto": {
			{"https", "10.0.0.1 https in.test "}, {"HTTPS", "10.0.0.1 https in.test "}, {"ws", "10.0.0.1 ws in.test "}, {"wss", "10.0.0.1 wss in.test "},
		},
		"X-Forwarded-Host": {
			{"out.test", "10.0.0.1 http out.test "}, {"my_app:8080", "10.0.0.1 http my_app:8080 "}, {"[2001:db8::1]:81", "10.0.0.1 http [2001:db8::1]:81 "},
			{"[::1]", "10.0.0.1 http [::1] "}, {"1.2.3.4", "10.0.0.1 http 1.2.3.4 "},
		},
		"X-Forwarded-Port":   {{"8443", "10.0.0.1 http in.test:8443 "}},
		"X-Forwarded-Prefix": {{"/a/b", "10.0.0.1 http in.test /a/b"}, {"//evil.test", "10.0.0.1 http in.test /evil.test"}, {"/~me/%20", "10.0.0.1 http in.test /~me/%20"}},
	}
	ignored := map[string][]string{
		"X-Forwarded-For": {"unknown", "_hidden", "example.com", "1.1.1", "1.1.1.1.1", "1.1.1.1:x", "1.1.1.1:99999", "[1.1.1.1", "::1%eth0", "::1%<b>", "<script>", `1.1.1.1"`, long,
			"1.1.1.1\r\nX: y", "127.1", "0x7f000001"},
		"X-Forwarded-Proto": {"ftp", "javascript", "https://evil.test/", "https:", "h", "file", "http\n", "h\u017fttp"},
		"X-Forwarded-Host": {"bad host", "evil.test/x", "evil.test?x", "evil.test#x", `evil.test\x`, "user@evil.test", "evil.test:", "evil.test:x", "evil.test:70000", ":80", "[::1", "::1", "[1.2.3.4]",
			"[::1%25eth0]", "<b>", "b\u00fccher.test", "a\r\nb", "a\x00b"},
		"X-Forwarded-Port":   {"80<script>", "-1", "+80", "65536", "8 0", "0x50", long},
		"X-Forwarded-Prefix": {".evil.test", "app", "@evil.test", "/a b", "/a?b", "/a#b", `/a\b`, "/<script>", "/a\r\nb", "/\u00fc", `/"`},
	}
	for header, cases := range believed {
		for _, c := range cases {
			if got := seen(fix.Apply(from("10.0.0.1", header+": "+c.value))); got != c.want {
				t.Errorf("%s: %s is seen as %q, want %q", header, c.value, got, c.want)
			}
		}
	}
	for header, values := range ignored {
		for _, value := range values {
			if got := seen(fix.Apply(from("10.0.0.1", header+": "+value))); got != untouched {
				t.Errorf("%s: %q is seen as %q, want it ignored", header, value, got)
			}
		}
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
		{"a header shorter than the chain may be the client's", "10.0.0.1", auto, []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.2", "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: https"}, "1.1.1.1 http in.test "},
		{"unless it is told how many set it", "10.0.0.1", gateway.ProxyFix{For: gateway.AsTrusted, Host: 1, Trusted: trusted}, []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.2", "X-Forwarded-Host: evil.test, out.test"}, "1.1.1.1 http out.test "},
		{"a request of a proxy's own counts the proxies behind it", "10.0.0.1", auto, []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2", "X-Forwarded-Host: out.test, in.test"}, "10.0.0.3 http out.test "},
		{"without addresses the peer is the only proxy", "10.0.0.1", auto, []string{"X-Forwarded-Host: evil.test, out.test"}, "10.0.0.1 http out.test "},
		{"a name in place of an address ends the chain", "10.0.0.1", auto, []string{"X-Forwarded-For: 10.9.9.9, unknown, 10.0.0.2", "X-Forwarded-Proto: http, https, http"}, "10.0.0.1 https in.test "},
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
		if addr != "203.0.113.7" && addr != "10.0.0.1" {
			t.Errorf("X-Forwarded-For %q and then the proxy's own 203.0.113.7 gives %q", list, addr)
		}
		r.Header["X-Forwarded-Host"] = []string{proto}
		all := gateway.ProxyFix{For: 1, Proto: 1, Host: 1, Port: 1, Prefix: 1, Forwarded: 1}.Apply(r)
		if u, err := url.Parse("http://" + all.Host + "/x"); err != nil || u.Host != all.Host || u.User != nil || u.Path != "/x" {
			t.Errorf("host %q", all.Host)
		}
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
