package carafe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	"github.com/carafeweb/carafe/signing"
	carafetest "github.com/carafeweb/carafe/testing"
	"github.com/carafeweb/carafe/wire"
)

// The cases of kind unit in testdata/oracle/hostile-inputs.json; docs/security.md says which is tested where. Those on the wire are
// tried by examples/hostile.

func TestHostileNamesOfWindows(t *testing.T) { // TRAV-60
	for _, name := range []string{"CON", "con.txt", "NUL ", "aux.tar.gz", "COM1", "LPT9.", "sub/CON", "PRN::$DATA", "COM\u00b9", "CONIN$", "CON/x", "x/con./y"} {
		if path, ok := wire.SafeJoin(true, `C:\srv`, name); ok {
			t.Errorf("by the rules of Windows %q is taken, as %q", name, path)
		}
	}
}

func TestHostilePathsAreNotJoined(t *testing.T) { // TRAV-61
	for _, tt := range []struct {
		part    string
		windows bool
	}{
		{"../x", false}, {"/x", false}, {"a/../../x", false}, {"a\x00b", false}, {"..", false}, {"//host/share", false},
		{`a\..\..\x`, true}, {`\\host\share`, true}, {"C:x", true}, {`C:\x`, true},
	} {
		if path, ok := wire.SafeJoin(tt.windows, "/srv", tt.part); ok {
			t.Errorf("%q (Windows: %v) is joined to %q", tt.part, tt.windows, path)
		}
	}
	for _, part := range []string{"", "."} {
		path, ok := carafe.SafeJoin("/srv", part)
		if !ok || filepath.Clean(path) != filepath.Clean("/srv") {
			t.Errorf("%q is joined to %q, %v, want the folder itself", part, path, ok)
		}
	}
	app := quiet()
	dir := t.TempDir()
	app.Get("/f", func(c *carafe.Context) any { return carafe.SendFromDirectory(dir, c.Query("n")) }, carafe.Endpoint("f"))
	for _, name := range []string{"", ".", "a/..", "%00"} {
		if code := carafetest.NewClient(t, app).Get("/f?n=" + name).StatusCode; code != 404 {
			t.Errorf("a folder, asked for as %q, is answered with %d", name, code)
		}
	}
}

func TestHostileSpellingsMeetTheGuardOfAPath(t *testing.T) { // TRAV-62
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "private"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "private", "x"), []byte("GUARDED"), 0o600))
	app := quiet(carafe.Static{Dir: dir, Path: "/static"})
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		if strings.HasPrefix(c.Request.Path(), "/static/private/") {
			return nil, carafe.Abort(403)
		}
		return nil, nil
	})
	base := carafetest.Serve(t, app)
	for _, target := range []string{
		"/static/private/x", "/static%2fprivate/x", "/static/private%2fx", "/static/private%5cx", "/static/./private/x", "/static//private/x", "//static/private/x",
		"/static/%70rivate/x", "/static/private/./x", "/static/private//x", "/static/a/../private/x", "/static/%2e/private/x", "/static/PRIVATE/x", "/static/private/x/",
	} {
		status, _, body := raw(t, base, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if strings.Contains(body, "GUARDED") || status < 300 || status >= 500 {
			t.Errorf("GET %s = %d %q, want the guard, or nothing", target, status, body)
		}
	}
}

func TestHostileValuesInURLs(t *testing.T) { // REDIR-30
	app := quiet()
	app.Config.ServerName = "good.test"
	app.Get("/<name>", func(string) string { return "" }, carafe.Endpoint("name"))
	app.Get("/p/<path:p>", func(string) string { return "" }, carafe.Endpoint("path"))
	app.Get("/<path:p>/end", func(string) string { return "" }, carafe.Endpoint("first"))
	for _, value := range []string{"//evil.test", `\\evil`, "a/../..", "\r\nX: 1", "javascript:1", "?q#f", "\x00", "\x1b", "é", "%2f%2fevil", "/"} {
		for endpoint, variable := range map[string]string{"name": "name", "path": "p", "first": "p"} {
			u, err := app.URLFor(endpoint, variable, value)
			if err != nil {
				continue // what the converter does not take is refused
			}
			rest, ours := strings.CutPrefix(u, "http://good.test/")
			if !ours || strings.ContainsAny(u, "\r\n\x00\x1b\\?#") || strings.HasPrefix(rest, "/") {
				t.Errorf("the URL of %s with %q is %q", endpoint, value, u)
			}
		}
	}
}

func TestHostileAddressesAreNoSafeRedirect(t *testing.T) { // REDIR-31
	for _, target := range []string{
		"http://evil.test", "http:///evil.test", "///evil.test", "//evil.test", `/\evil.test`, `\\evil.test`, `\evil.test`, `http:\\evil.test`,
		"http:evil.test", "javascript:alert(1)", "\b//evil.test", "http://good.test@evil.test", "http://[2001:cdba:0000:0000:0000:0000:3257:9652/", "\n",
		`http://evil.test\@good.test`, "ftp://evil.test", "", "http://good.test:80@evil.test/", "//good.test@evil.test", "/\t/evil.test", "https:///evil.test", "////evil.test",
		"http:/evil.test", "https:evil.test", "data:text/html,x", "http://good.test.evil.test/", "ftp://good.test/", "//good.test:8080/x", `\/evil.test`, "http://évil.test",
	} {
		if carafe.SafeRedirect(target, "good.test") {
			t.Errorf("%q is taken for safe", target)
		}
	}
	for _, target := range []string{"/path", "//good.test/x", "http://good.test/x", "https://GOOD.test/x", "x/y?z=//evil.test", "?next=/", "#f", "/view/?param=http://evil.test"} {
		if !carafe.SafeRedirect(target, "good.test") {
			t.Errorf("%q is refused", target)
		}
	}
	if carafe.SafeRedirect("//good.test/x") || carafe.SafeRedirect("http://good.test/") {
		t.Error("a host is taken although none was named")
	}
}

func TestHostileHopsAreCountedFromTheRight(t *testing.T) { // FWD-10
	const peer = "10.0.0.1:5555"
	for _, tt := range []struct {
		hops   int
		header []string
		want   string
	}{
		{0, []string{"6.6.6.6"}, "10.0.0.1"},
		{1, []string{"1.1.1.1, 2.2.2.2, 3.3.3.3"}, "3.3.3.3"},
		{2, []string{"1.1.1.1, 2.2.2.2, 3.3.3.3"}, "2.2.2.2"},
		{2, []string{"3.3.3.3"}, "10.0.0.1"},
		{1, nil, "10.0.0.1"},
		{1, []string{"1.1.1.1", "2.2.2.2"}, "2.2.2.2"},
	} {
		var got string
		h := gateway.ProxyFix{For: tt.hops}.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = r.RemoteAddr
			if a, err := netip.ParseAddrPort(got); err == nil {
				got = a.Addr().String()
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header["X-Forwarded-For"] = tt.header
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != tt.want {
			t.Errorf("%d hops of %q: the client is %s, want %s", tt.hops, tt.header, got, tt.want)
		}
	}
}

// hostileSession is who an app with these keys takes the bearer of a cookie for.
func hostileSession(t *testing.T, cookie string, now time.Time, key carafe.Secret, fallbacks ...carafe.Secret) (user string, set []string) {
	t.Helper()
	app := quiet()
	app.Config.SecretKey, app.Config.SecretKeyFallbacks = key, fallbacks
	app.Clock = func() time.Time { return now }
	app.Get("/", func(c *carafe.Context) string {
		user, _ = c.Session().Get("user").(string)
		c.Session().Set("seen", true)
		return ""
	}, carafe.Endpoint("index"))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "session="+cookie)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("the answer to the cookie %q is %d", cookie, w.Code)
	}
	return user, w.Result().Header["Set-Cookie"]
}

func TestHostileSessionsOutOfTheirTime(t *testing.T) { // SESS-40
	now := time.Unix(1_750_000_000, 0)
	sign := func(at time.Time) string {
		s, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("key")}}).Dump(map[string]any{"user": "eve"}, at)
		must(t, err)
		return s
	}
	for name, tt := range map[string]struct {
		at   time.Time
		want string
	}{
		"of today":         {now.Add(-time.Hour), "eve"},
		"of two months":    {now.Add(-60 * 24 * time.Hour), ""},
		"of the next year": {now.Add(365 * 24 * time.Hour), ""},
	} {
		if user, _ := hostileSession(t, sign(tt.at), now, "key"); user != tt.want {
			t.Errorf("a cookie %s makes its bearer %q, want %q", name, user, tt.want)
		}
	}
}

func TestHostileKeysAfterARotation(t *testing.T) { // SESS-41
	now := time.Unix(1_750_000_000, 0)
	keys := func(names ...string) signing.Options {
		o := signing.Options{}
		for _, n := range names {
			o.Keys = append(o.Keys, []byte(n))
		}
		return o
	}
	for _, key := range []string{"new", "old1", "old2", "foreign"} {
		cookie, err := signing.NewSession(keys(key)).Dump(map[string]any{"user": "eve"}, now)
		must(t, err)
		user, set := hostileSession(t, cookie, now, "new", "old1", "old2")
		if (user == "eve") != (key != "foreign") {
			t.Errorf("a cookie signed with %s makes its bearer %q", key, user)
		}
		if len(set) != 1 {
			t.Fatalf("Set-Cookie is %q", set)
		}
		value, _, _ := strings.Cut(strings.TrimPrefix(set[0], "session="), ";")
		if _, _, err := signing.NewSession(keys("new")).Load(value, time.Hour, now); err != nil {
			t.Errorf("the answer to a cookie signed with %s is not signed with the newest key: %v", key, err)
		}
	}
}

func TestHostileOrigins(t *testing.T) { // CSRF-20
	app := quiet()
	app.Config.TrustedOrigins = []string{"https://good.test"}
	app.Post("/transfer", func() string { return "done" }, carafe.Endpoint("transfer"))
	app.Post("/hook/", func() string { return "hooked" }, carafe.Endpoint("hook"), carafe.CSRFOff)
	client := carafetest.NewClient(t, app)
	for origin, want := range map[string]int{
		"https://good.test": 200, "http://good.test": 403, "https://good.test.evil.test": 403, "https://good.test:8443": 403, "null": 403, "https://evilgood.test": 403, "HTTPS://GOOD.TEST/": 403,
	} {
		if code := client.Post("/transfer", carafetest.Header{"Origin": origin}).StatusCode; code != want {
			t.Errorf("POST from %s = %d, want %d", origin, code, want)
		}
	}
	for path, want := range map[string]int{"/hook/": 200, "/hook": 308, "/transfer": 403} {
		if code := client.Post(path, carafetest.Header{"Origin": "https://evil.test"}).StatusCode; code != want {
			t.Errorf("POST %s from elsewhere = %d, want %d", path, code, want)
		}
	}
}

func TestHostileAttributeNames(t *testing.T) { // TMPL-20
	app := quiet()
	app.Get("/", func(c *carafe.Context) any {
		return carafe.RenderString(`<p{{ {k: "v"}|xmlattr }}>`, map[string]any{"k": c.Query("k")})
	}, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, app)
	for _, key := range []string{"a b", "a/onx", "a>b", "a=b", "a\tb", "a\nb", "a\fb", "\" onclick"} {
		if resp := client.Get("/", carafetest.Query{"k": {key}}); resp.StatusCode != 500 {
			t.Errorf("an attribute %q is written: %q", key, resp.Text())
		}
	}
	if got := client.Get("/?k=title").Text(); got != `<p title="v">` {
		t.Errorf("a good one is written as %q", got)
	}
}

func TestHostileSecretsAreMasked(t *testing.T) { // LIFE-26
	app := quiet()
	app.Config.SecretKey, app.Config.SecretKeyFallbacks = "SECRET-KEY-1", []carafe.Secret{"SECRET-KEY-2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, app.Config); strings.Contains(text, "SECRET-KEY") {
			t.Errorf("the config as %s is %s", format, text)
		}
	}
	var log strings.Builder
	app.Logger = textLogger(&log)
	app.Get("/", func(c *carafe.Context) string { panic(c.App().Config) }, carafe.Endpoint("index"))
	resp := carafetest.NewClient(t, app).Get("/", carafetest.Header{"Authorization": "Bearer SECRET-KEY-3", "Cookie": "session=SECRET-KEY-4"})
	if strings.Contains(resp.Text()+log.String(), "SECRET-KEY") || resp.StatusCode != 500 {
		t.Errorf("a panic with the config: %d %q\nlog: %s", resp.StatusCode, resp.Text(), log.String())
	}
}

func TestHostileScriptsInHTMLTemplates(t *testing.T) { // TMPL-21
	app := quiet()
	app.Templates = &carafe.HTMLTemplates{}
	for _, tt := range []struct{ name, page, x, never string }{
		{"a literal between backticks", "<script>let a = `{{ .x }}`</script>", "${alert(1)}", "${alert"},
		{"a comment in a script", "<script>let a = {{ .x }}</script>", "<!--<script>", "<!--"},
		{"the end of the script in a text", "<script>let a = '{{ .x }}'</script>", "</script><b>", "</script><b>"},
		{"the address of a refresh", `<meta http-equiv="refresh" content="0;url={{ .x }}">`, "javascript:alert(1)", "url=javascript:"},
		{"an attribute without quotes", "<p title={{ .x }}>", "a onclick=alert(1)", " onclick="},
		{"an expression of CSS", "<p style=\"width: {{ .x }}\">", "expression(alert(1))", "expression(alert"},
		{"an address", `<a href="{{ .x }}">`, "javascript:alert(1)", `"javascript:`},
		{"a regular expression behind a brace", "<script>}/{{ .x }}/</script>", "/*</script>", "</script>/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := app.RenderString(t.Context(), tt.page, map[string]any{"x": tt.x})
			if err == nil && strings.Contains(text, tt.never) {
				t.Errorf("%s with %q becomes %s", tt.page, tt.x, text)
			}
		})
	}
}

// hostileRegex is a converter whose pattern is in the rule.
func hostileRegex(args routing.Arguments) (routing.Definition, error) {
	pattern, _ := args.Positional[0].(string)
	return routing.Definition{Regexp: pattern}, nil
}

func TestHostileConvertersOfRoutes(t *testing.T) { // ROUTE-40, ROUTE-41, ROUTE-42
	long := strings.Repeat("a", 50_000)
	app := quiet()
	app.Converter("regex", hostileRegex)
	app.Get("/ev/<regex('(a+)+'):x>", func(x string) string { return fmt.Sprint(len(x)) }, carafe.Endpoint("ev"))
	app.Get("/f/<float:x>", func(x float64) string { return fmt.Sprint(x) }, carafe.Endpoint("f"))
	app.Get("/u/<uuid:x>", func(c *carafe.Context) string { return c.Param("x") }, carafe.Endpoint("u"))
	app.Get("/a/<any(one, two):x>", func(x string) string { return x }, carafe.Endpoint("a"))
	app.Get("/p/<path:x>", func(x string) string { return "path" }, carafe.Endpoint("p"))
	client := carafetest.NewClient(t, app)
	began := time.Now()
	for target, want := range map[string]int{
		"/ev/" + long: 200, "/ev/" + long + "b": 404, "/f/nan": 404, "/f/inf": 404, "/f/1e999": 404, "/f/-0.0": 404, "/f/1.5": 200, "/f/" + strings.Repeat("9", 5000) + ".0": 404, "/f/" + strings.Repeat("9", 308) + ".0": 200,
		"/u/00000000-0000-0000-0000-00000000000g": 404, "/u/00000000-0000-0000-0000-000000000000": 200, "/a/one": 200, "/a/one,two": 404, "/p/%00": 200, "/f/%00": 404,
	} {
		if code := client.Get(target).StatusCode; code != want {
			t.Errorf("GET %.40s = %d, want %d", target, code, want)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("hostile texts took %v", took)
	}
	for _, rule := range []string{"/<regex('a{1000}{1000}'):x>", "/<x", "/<>", "/<int:>", "/<:x>", "/<x>/<x>", "/<nosuch:x>"} {
		wantSetupPanic(t, "", func() {
			app := quiet()
			app.Converter("regex", hostileRegex)
			app.Get(rule, func(*carafe.Context) string { return "" }, carafe.Endpoint("x"))
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
		})
	}
}

func TestHostileNumbersOfRoutes(t *testing.T) { // ROUTE-41
	app := quiet()
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("<v%d>", i))
	}
	app.Get("/many/"+strings.Join(names, "/"), func(c *carafe.Context) string { return c.Param("v39") }, carafe.Endpoint("many"))
	for i := range 10_000 {
		app.Get(fmt.Sprintf("/r%d/<x>", i), func(x string) string { return x }, carafe.Endpoint(fmt.Sprint("r", i)))
	}
	client := carafetest.NewClient(t, app)
	if got := client.Get("/many" + strings.Repeat("/x", 39) + "/last").Text(); got != "last" {
		t.Errorf("the last of 40 variables is %q", got)
	}
	if got := client.Get("/r9999/y").Text(); got != "y" {
		t.Errorf("the last of 10,000 routes answers %q", got)
	}
	if !slices.Contains([]int{404, 308}, client.Get("/r10000/y").StatusCode) {
		t.Error("a route that is not there answers")
	}
}
