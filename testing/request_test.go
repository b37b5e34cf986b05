package carafetest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// newApp has one view below every path, which sees the request.
func newApp(look func(c *carafe.Context) any) *carafe.App {
	app := carafe.New("app")
	app.Config.Testing = true
	app.Route("/<path:rest>", look, carafe.Endpoint("rest"), carafe.Methods{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"})
	app.Route("/", look, carafe.Endpoint("root"), carafe.Methods{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"})
	return app
}

// base is where a request is for: scheme, host, root, path and query.
func base(c *carafe.Context) string {
	r := c.Request
	return fmt.Sprintf("%s %s %q %s?%s", r.Scheme(), r.Host, r.ScriptRoot(), r.URL.Path, r.URL.RawQuery)
}

func TestWhereARequestIsFor(t *testing.T) {
	type options = []carafetest.RequestOption
	shop := carafe.Config{ServerName: "example.com:1234", ApplicationRoot: "/foo"}
	for _, tt := range []struct {
		name   string
		config carafe.Config
		path   string
		opts   options
		want   string
	}{
		{"without a config it is http://localhost", carafe.Config{}, "/", nil, `http localhost "" /?`},
		{"the config names host and root", shop, "/", nil, `http example.com:1234 "/foo" /?`},
		{"the config names the scheme", carafe.Config{PreferredURLScheme: "https"}, "/", nil, `https localhost "" /?`},
		{"Scheme does", carafe.Config{}, "/", options{carafetest.Scheme("https")}, `https localhost "" /?`},
		{"Subdomain is put before the host", shop, "/a", options{carafetest.Subdomain("xxx")}, `http xxx.example.com:1234 "/foo" /a?`},
		{"a path may be a full URL", carafe.Config{}, "https://example.com/", nil, `https example.com "" /?`},
		{"a full URL needs no path", carafe.Config{}, "http://example.com", nil, `http example.com "" /?`},
		{"a full URL keeps the root", shop, "https://other.test/a", nil, `https other.test "/foo" /a?`},
		{"a URL without a scheme has the config's", carafe.Config{PreferredURLScheme: "https"}, "//example.com/a", nil, `https example.com "" /a?`},
		{"BaseURL names all of it", shop, "/a", options{carafetest.BaseURL("https://b.test:8/r/")}, `https b.test:8 "/r" /a?`},
		{"Host in the header wins", shop, "/a", options{carafetest.Header{"Host": "h.test"}}, `http h.test "/foo" /a?`},
		{"the query of the path", carafe.Config{}, "/a?b=1&c=%20+", nil, `http localhost "" /a?b=1&c=%20+`},
		{"what a query cannot hold is encoded", carafe.Config{}, "/a?b=ä c", nil, `http localhost "" /a?b=%C3%A4%20c`},
		{"Query", carafe.Config{}, "/a", options{carafetest.Query{"b": {"1", "ä&"}}, carafetest.Query{"b": {"2"}}}, `http localhost "" /a?b=1&b=%C3%A4%26&b=2`},
		{"RawQuery", carafe.Config{}, "/a", options{carafetest.RawQuery("z=1&a")}, `http localhost "" /a?z=1&a`},
		{"a path is decoded", carafe.Config{}, "/a%20b/ö", nil, `http localhost "" /a b/ö?`},
		{"a path without a slash gets one", carafe.Config{}, "a", nil, `http localhost "" /a?`},
		{"a fragment stays at home", carafe.Config{}, "/a?b#c", nil, `http localhost "" /a?b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(func(c *carafe.Context) any { return base(c) })
			app.Config.ServerName, app.Config.ApplicationRoot = tt.config.ServerName, tt.config.ApplicationRoot
			app.Config.PreferredURLScheme = tt.config.PreferredURLScheme
			client := carafetest.NewClient(t, app)
			if got := client.Get(tt.path, tt.opts...).Text(); got != tt.want {
				t.Errorf("the client's request is for %s, want %s", got, tt.want)
			}
			err := app.TestRequestContext(client.NewRequest("GET", tt.path, tt.opts...)).With(func(ctx context.Context) error {
				if got := base(carafe.CurrentContext(ctx)); got != tt.want {
					t.Errorf("the test request context is for %s, want %s", got, tt.want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARequestIsWhatAServerHandsOver(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		r := c.Request
		if r.URL.Host != "" || r.URL.Scheme != "" || r.Proto != "HTTP/1.1" || r.RequestURI != "/root/a%2Fb?c=d" || r.URL.EscapedPath() != "/a%2Fb" || r.URL.Path != "/a/b" {
			t.Errorf("the request reads %+v", r.Request)
		}
		if r.Header.Get("Content-Length") != "2" || r.ContentLength != 2 {
			t.Errorf("a body of 2 bytes has the lengths %d and %q", r.ContentLength, r.Header.Get("Content-Length"))
		}
		return "ok"
	})
	app.Config.ApplicationRoot = "/root"
	carafetest.NewClient(t, app).Post("/a%2Fb?c=d", carafetest.Body("xy"))
}

func TestDefaultsOfAClient(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		addr, _, _ := strings.Cut(c.Request.RemoteAddr, ":")
		return addr + " " + c.Request.UserAgent()
	})
	app.Get("/addr", func(c *carafe.Context) string { return c.Request.RemoteAddr })
	client := carafetest.NewClient(t, app)
	want := "127.0.0.1 carafe/" + carafe.Version
	if got := client.Get("/").Text(); got != want {
		t.Errorf("at first requests are from %q, want %q", got, want)
	}
	client.RemoteAddr = "192.168.0.22"
	client.Header.Set("User-Agent", "Foo")
	client.Header.Set("X-More", "1")
	for range 2 {
		if got := client.Get("/").Text(); got != "192.168.0.22 Foo" {
			t.Errorf("after a change requests are from %q, want %q", got, "192.168.0.22 Foo")
		}
	}
	for addr, want := range map[string]string{"10.0.0.1:99": "10.0.0.1:99", "::1": "[::1]:50000", "@": "@"} {
		client.RemoteAddr = addr
		if got := client.Get("/addr").Text(); got != want {
			t.Errorf("from %q the app sees %q, want %q", addr, got, want)
		}
	}
	client.RemoteAddr = "192.168.0.22"
	if got := client.Get("/", carafetest.Header{"user-agent": "Bar"}).Text(); got != "192.168.0.22 Bar" {
		t.Errorf("a request with a user agent of its own is from %q, want %q", got, "192.168.0.22 Bar")
	}
}

func TestDoServesAPreparedRequestWithTheDefaultsItLacks(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		addr, _, _ := strings.Cut(c.Request.RemoteAddr, ":")
		body, _ := io.ReadAll(c.Request.Body)
		return fmt.Sprintf("%s | %s %s %s", base(c), addr, c.Request.UserAgent(), body)
	})
	client := carafetest.NewClient(t, app)
	request := func(method, target, body string) *http.Request {
		r, err := http.NewRequest(method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	agent := "carafe/" + carafe.Version
	for _, tt := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"a client's request", request("POST", "https://x.test:9/a?b=c", "hi"), `https x.test:9 "" /a?b=c | 127.0.0.1 ` + agent + " hi"},
		{"a request without a host", request("GET", "/a", ""), `http localhost "" /a? | 127.0.0.1 ` + agent + " "},
		{"a server's request", httptest.NewRequest("PUT", "/a", strings.NewReader("x")), `http example.com "" /a? | 192.0.2.1 ` + agent + " x"},
		{"a request that is mounted", carafe.WithScriptRoot(httptest.NewRequest("GET", "/a", nil), "/m"), `http example.com "/m" /a? | 192.0.2.1 ` + agent + " "},
	} {
		if got := client.Do(tt.r).Text(); got != tt.want {
			t.Errorf("%s was served as\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
	client.RemoteAddr = "127.0.0.2"
	if got := client.Do(request("GET", "/", "")).Text(); !strings.Contains(got, " 127.0.0.2 ") {
		t.Errorf("after a change a prepared request is from %q, want 127.0.0.2", got)
	}
}

func TestEveryMethodHasItsFunction(t *testing.T) {
	app := carafe.New("app")
	app.Config.Testing = true
	app.Route("/", func(c *carafe.Context) (string, http.Header) { return "", http.Header{"Method": {c.Request.Method}} },
		carafe.Methods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PURGE"}, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, app)
	for want, do := range map[string]func(string, ...carafetest.RequestOption) *carafetest.Response{
		"GET": client.Get, "POST": client.Post, "PUT": client.Put, "PATCH": client.Patch, "DELETE": client.Delete, "HEAD": client.Head,
		"OPTIONS": client.Options, "TRACE": client.Trace,
		"PURGE": func(path string, opts ...carafetest.RequestOption) *carafetest.Response {
			return client.Open("PURGE", path, opts...)
		},
	} {
		if got := do("/").Header.Get("Method"); got != want {
			t.Errorf("the app got a %s, want %s", got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	type options = []carafetest.RequestOption
	values := url.Values{"drink": {"gin", "rum"}, "a b": {"ä"}}
	for _, tt := range []struct {
		name           string
		opts           options
		typ, body      string
		form, fileText string
	}{
		{"none", nil, "", "", "", ""},
		{"JSON is compact and has a type", options{carafetest.JSON(map[string]any{"a": 1})}, "application/json", `{"a":1}`, "", ""},
		{"JSON of nil is null", options{carafetest.JSON(nil)}, "application/json", `null`, "", ""},
		{"JSON with a type of its own", options{carafetest.ContentType("application/x+json"), carafetest.JSON(1)}, "application/x+json", `1`, "", ""},
		{"a form is urlencoded", options{carafetest.Form(values)}, "application/x-www-form-urlencoded", "a+b=%C3%A4&drink=gin&drink=rum", "gin", ""},
		{"forms add up", options{carafetest.Form{"a": {"1"}}, carafetest.Form{"a": {"2"}}}, "application/x-www-form-urlencoded", "a=1&a=2", "", ""},
		{"text has no type", options{carafetest.Body("plain")}, "", "plain", "", ""},
		{"text with a type", options{carafetest.Body("drink=tea"), carafetest.ContentType("application/x-www-form-urlencoded")}, "application/x-www-form-urlencoded", "drink=tea", "tea", ""},
		{"a reader", options{carafetest.BodyFrom(strings.NewReader("read"))}, "", "read", "", ""},
		{"a form with a file is multipart", options{carafetest.Form(values), carafetest.File("doc", "a.txt", "content")}, "multipart/form-data", "", "gin", "a.txt text/plain; charset=utf-8 content"},
		{"a file of bytes with a type", options{carafetest.File("doc", "b", []byte("bytes"), "x/y")}, "multipart/form-data", "", "", "b x/y bytes"},
		{"a file of unknown type", options{carafetest.File("doc", "b", strings.NewReader("r"))}, "multipart/form-data", "", "", "b application/octet-stream r"},
		{"a file without a name is a field", options{carafetest.File("drink", "", "gin", "text/x")}, "multipart/form-data", "", "gin", ""},
		{"a form that is to be multipart", options{carafetest.Form(values), carafetest.ContentType("multipart/form-data; boundary=abc")}, "multipart/form-data", "", "gin", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(func(c *carafe.Context) any {
				r := c.Request
				if got := r.MediaType(); got != tt.typ {
					t.Errorf("the type is %q, want %q", got, tt.typ)
				}
				if tt.form == "" && tt.fileText == "" {
					if body, err := r.Data(); string(body) != tt.body || err != nil {
						t.Errorf("the body is %q, %v, want %q", body, err, tt.body)
					}
				}
				if got := c.Form("drink"); got != tt.form {
					t.Errorf("the form has drink=%q, want %q", got, tt.form)
				}
				if tt.fileText != "" {
					checkFile(t, r, tt.fileText)
				}
				return "ok"
			})
			carafetest.NewClient(t, app).Post("/", tt.opts...)
		})
	}
}

func checkFile(t *testing.T, r *carafe.Request, want string) {
	t.Helper()
	f, err := r.RequireFile("doc")
	if err != nil {
		t.Fatalf("there is no file: %v", err)
	}
	content, err := io.ReadAll(f.Open())
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Filename + " " + f.ContentType() + " " + string(content); got != want {
		t.Errorf("the file is %q, want %q", got, want)
	}
}

func TestJSONBodiesAreMadeByTheAppsProvider(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		body, err := c.Request.Data()
		if err != nil {
			return err
		}
		return string(body)
	})
	client := carafetest.NewClient(t, app)
	if got := client.Post("/", carafetest.JSON("€")).Text(); got != `"\u20ac"` {
		t.Errorf("by default the body is %s, want ASCII", got)
	}
	app.JSON = &carafe.StdJSON{UTF8: true}
	if got := client.Post("/", carafetest.JSON("€")).Text(); got != `"€"` {
		t.Errorf("with a provider for UTF-8 the body is %s, want %s", got, `"€"`)
	}
}

func TestAFullURLKeepsFormAndQuery(t *testing.T) {
	app := newApp(func(c *carafe.Context) any { return c.Form("gin") + " " + c.Query("vodka") })
	resp := carafetest.NewClient(t, app).Post("http://domain.com/action?vodka=42", carafetest.Form{"gin": {"43"}})
	if resp.StatusCode != http.StatusOK || resp.Text() != "43 42" {
		t.Errorf("the answer is %d %q, want 200 with form and query", resp.StatusCode, resp.Text())
	}
}

func TestHeadersAndCredentials(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		user, password, _ := c.Request.BasicAuth()
		return fmt.Sprintf("%s:%s %q %q", user, password, c.Request.Header["X-A"], c.Request.Header.Get("Cookie"))
	})
	got := carafetest.NewClient(t, app).Get("/", carafetest.BasicAuth("bean", "s:3"), carafetest.Header{"x-a": "1", "Cookie": "h=1"}, carafetest.Header{"X-A": "2"},
		carafetest.Cookie("o", "2")).Text()
	if want := `bean:s:3 ["1" "2"] "h=1; o=2"`; got != want {
		t.Errorf("the app saw %s, want %s", got, want)
	}
}
