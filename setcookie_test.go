package carafe_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

func TestSetCookie(t *testing.T) {
	tests := []struct {
		name   string
		cookie http.Cookie
		want   string // "" means that it is refused
	}{
		{"name and value", http.Cookie{Name: "a", Value: "1"}, "a=1; Path=/"},
		{"all attributes, in Werkzeug's order", http.Cookie{
			Name: "a", Value: "1", Domain: ".example.com", Path: "/x y", Expires: time.Unix(1700000000, 0), Secure: true, HttpOnly: true,
			SameSite: http.SameSiteStrictMode, Partitioned: true,
		}, "a=1; Domain=example.com; Expires=Tue, 14 Nov 2023 22:13:20 GMT; Secure; HttpOnly; Path=/x%20y; SameSite=Strict; Partitioned"},
		{"Partitioned implies Secure", http.Cookie{Name: "a", Partitioned: true}, "a=; Secure; Path=/; Partitioned"},
		{"a value in need of quotes", http.Cookie{Name: "a", Value: "x; y\"\\\u00e9\n"}, `a="x\073 y\"\\\303\251\012"; Path=/`},
		{"attributes in a value stay there", http.Cookie{Name: "a", Value: "x; Domain=evil"}, `a="x\073 Domain=evil"; Path=/`},
		{"attributes in a path stay there", http.Cookie{Name: "a", Path: "/; Domain=evil"}, "a=; Path=/%3B%20Domain=evil"},
		{"a name with attributes", http.Cookie{Name: "a=1; Domain=evil; b"}, ""},
		{"no name", http.Cookie{Value: "x"}, ""},
		{"a domain with attributes", http.Cookie{Name: "a", Domain: "good; Max-Age=99"}, ""},
		{"a host cookie", http.Cookie{Name: "__Host-a", Secure: true}, "__Host-a=; Secure; Path=/"},
		{"a host cookie that is not secure", http.Cookie{Name: "__Host-a"}, ""},
		{"a host cookie with a domain", http.Cookie{Name: "__Host-a", Secure: true, Domain: "example.com"}, ""},
		{"a host cookie below a path", http.Cookie{Name: "__Host-a", Secure: true, Path: "/x"}, ""},
		{"a secure cookie that is not", http.Cookie{Name: "__Secure-a"}, ""},
		{"the case of a prefix does not matter", http.Cookie{Name: "__sEcUrE-a"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := carafe.Text("")
			err := resp.SetCookie(&tt.cookie)
			if got := resp.Header.Get("Set-Cookie"); got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("Set-Cookie: %s (error %v), want %q", got, err, tt.want)
			}
		})
	}
}

func TestCookiesComeBackAsTheyWere(t *testing.T) {
	for _, value := range []string{"", "plain", "with space", `qu"ote`, `back\slash`, "semi;colon,comma", "\u00e9\u2603", "a\x01b\x1fc", "\"", `\073`, "trailing\\"} {
		resp := carafe.Text("")
		if err := resp.SetCookie(&http.Cookie{Name: "a", Value: value}); err != nil {
			t.Fatal(err)
		}
		pair, _, _ := strings.Cut(resp.Header.Get("Set-Cookie"), "; Path=")
		app := hushed()
		app.Get("/", func(c *carafe.Context) (string, error) { return c.Request.RequireCookie("a") })
		if got := fetch(app, "/", "Cookie", "b=0; "+pair+"; c=1").Body.String(); got != value {
			t.Errorf("%q was sent as %s and came back as %q", value, pair, got)
		}
	}
}

func TestDeletedCookies(t *testing.T) {
	resp := carafe.Text("")
	if err := resp.DeleteCookie(&http.Cookie{Name: "a", Value: "x", Domain: "example.com"}); err != nil {
		t.Fatal(err)
	}
	if got, want := resp.Header.Get("Set-Cookie"), "a=; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"; got != want {
		t.Errorf("Set-Cookie: %s, want %s", got, want)
	}
}

func TestCookiesAboveTheLimitAreWarnedOf(t *testing.T) {
	for limit, warnings := range map[int]int{100: 1, 0: 0, 4093: 0} {
		var log bytes.Buffer
		app := carafe.New("cookies")
		app.Logger, app.Config.MaxCookieSize = slog.New(slog.NewTextHandler(&log, nil)), limit
		app.Get("/", func() (*carafe.Response, error) {
			resp := carafe.Text("")
			return resp, resp.SetCookie(&http.Cookie{Name: "foo", Value: strings.Repeat("x", 120)})
		})
		w := fetch(app, "/")
		if got := strings.Count(log.String(), "cookie is too large"); got != warnings || w.Header().Get("Set-Cookie") == "" {
			t.Errorf("with a limit of %d: %d warnings, want %d, header %v", limit, got, warnings, w.Header())
		}
	}
}
