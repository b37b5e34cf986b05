package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/server"
)

func TestWhereAnApplicationIsMountedIsItsScriptName(t *testing.T) {
	all := []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix"}
	trusting := server.Config{TrustedProxies: []string{"127.0.0.1"}, TrustedHeaders: all}
	for _, tt := range []struct {
		name, path, header string
		cfg                server.Config
		want               string
	}{
		{"nowhere by default", "/a", "X-Forwarded-Prefix: /shop\r\n", server.Config{TrustedProxies: []string{"127.0.0.1"}}, `"" /a`},
		{"where a trusted proxy says", "/a", "X-Forwarded-Prefix: /shop/\r\n", trusting, `"/shop" /a`},
		{"not where a stranger says", "/a", "X-Forwarded-Prefix: /shop\r\n", server.Config{TrustedHeaders: all}, `"" /a`},
		{"not at another host", "/a", "X-Forwarded-Prefix: //evil.test\r\n", trusting, `"" /a`},
		{"nor at one with a backslash", "/a", "X-Forwarded-Prefix: /\\evil.test\r\n", trusting, `"" /a`},
		{"root_path is cut off", "/shop/a%2Fb", "", server.Config{RootPath: "/shop"}, `"/shop" /a/b`},
		{"root_path alone is the root", "/shop", "", server.Config{RootPath: "/shop"}, `"/shop" `},
		{"a name that begins alike is outside", "/shopping", "", server.Config{RootPath: "/shop"}, "404"},
		{"and so is anything else", "/", "", server.Config{RootPath: "/shop"}, "404"},
		{"a proxy's prefix comes first", "/shop/a", "X-Forwarded-Prefix: /eu\r\n",
			server.Config{TrustedProxies: []string{"*"}, TrustedHeaders: all, RootPath: "/shop"}, `"/eu/shop" /a`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serveHTTP(t, tt.cfg, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%q %s", gateway.ScriptName(r), r.URL.Path)
			})
			got := raw(t, addr, "GET "+tt.path+" HTTP/1.1\r\nHost: x\r\n"+tt.header+"Connection: close\r\n\r\n")
			if tt.want == "404" {
				if !strings.HasPrefix(got, "HTTP/1.1 404 ") {
					t.Errorf("the answer is %q, want 404", got)
				}
			} else if !strings.HasSuffix(got, "\r\n\r\n"+tt.want) {
				t.Errorf("the answer is %q, want script name and path %s", got, tt.want)
			}
		})
	}
}

func TestOnlyTheTrustedFieldsAreBelieved(t *testing.T) {
	cfg := server.Config{TrustedProxies: []string{"127.0.0.1"}, TrustedHeaders: []string{"X-Forwarded-Host"}}
	addr := serveHTTP(t, cfg, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host, " ", r.RemoteAddr) })
	got := raw(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
	if !strings.Contains(got, "\r\n\r\nshop.test 127.0.0.1:") {
		t.Errorf("the answer is %q, want the proxy's host and the connection's own address", got)
	}
}
