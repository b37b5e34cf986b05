package carafetest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// redirectApp sends /go to the query's "to" with the query's "code", and answers elsewhere with what it got.
func redirectApp() *carafe.App {
	return newApp(func(c *carafe.Context) any {
		r := c.Request
		if r.URL.Path == "/go" || r.URL.Path == "/a/go" {
			var code int
			if _, err := fmt.Sscan(c.Query("code"), &code); err != nil {
				return err
			}
			resp := carafe.Text("moved")
			resp.Status, resp.Header["Location"] = code, []string{c.Query("to")}
			return resp
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		return carafe.Text(fmt.Sprintf("%s %s%s%s?%s %q %s", r.Method, r.Host, r.ScriptRoot(), r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), body))
	})
}

func TestRedirectsKeepOrDropMethodAndBody(t *testing.T) {
	for code, want := range map[int]string{
		301: `GET localhost/end? "" `, 302: `GET localhost/end? "" `, 303: `GET localhost/end? "" `,
		307: `POST localhost/end? "application/json" {"a":1}`, 308: `POST localhost/end? "application/json" {"a":1}`,
	} {
		client := carafetest.NewClient(t, redirectApp())
		path := fmt.Sprintf("/go?to=/end&code=%d", code)
		resp := client.Post(path, carafetest.JSON(map[string]int{"a": 1}), carafetest.FollowRedirects(true))
		if resp.StatusCode != 200 || resp.Text() != want {
			t.Errorf("a POST redirected with %d comes as %q, want %q", code, resp.Text(), want)
		}
		if len(resp.History) != 1 || resp.History[0].StatusCode != code || resp.History[0].Text() != "moved" || resp.History[0].History != nil {
			t.Errorf("the history of a redirect with %d is %v", code, resp.History)
		}
		if resp.Request.URL.Path != "/end" || resp.History[0].Request.URL.Path != "/go" {
			t.Errorf("the requests of a redirect with %d are for %s and %s", code, resp.History[0].Request.URL, resp.Request.URL)
		}
		if resp := client.Post(path); resp.StatusCode != code || resp.Location() != "/end" || resp.History != nil {
			t.Errorf("a redirect that is not followed is %d to %q", resp.StatusCode, resp.Location())
		}
	}
	client := carafetest.NewClient(t, redirectApp())
	if resp := client.Head("/go?code=302&to=/end", carafetest.FollowRedirects(true)); resp.Request.Method != "HEAD" || len(resp.History) != 1 {
		t.Errorf("a HEAD is redirected as %s", resp.Request.Method)
	}
	if resp := client.Get("/go?code=300&to=/end", carafetest.FollowRedirects(true)); resp.StatusCode != 300 {
		t.Errorf("a 300 was followed to a %d", resp.StatusCode)
	}
}

func TestWhereRedirectsLead(t *testing.T) {
	for _, tt := range []struct {
		name, root, from, to string
		want                 string
	}{
		{"a path", "", "/go", "/end?x=1", `GET localhost/end?x=1 "" `},
		{"a full URL of the host", "", "/go", "http://localhost/end", `GET localhost/end? "" `},
		{"another port", "", "/go", "http://LOCALHOST:81/end", `GET LOCALHOST:81/end? "" `},
		{"a path relative to the request's", "", "/a/go", "end", `GET localhost/a/end? "" `},
		{"a query alone", "", "/a/go", "?code=200&to=x", `moved`},
		{"below the root", "/root", "/go", "/root/end", `GET localhost/root/end? "" `},
		{"to the root", "/root", "/go", "/root", `GET localhost/root/? "" `},
		{"beside the root", "/root", "/go", "/rooted", `GET localhost/rooted? "" `},
		{"an encoded path", "", "/go", "/a%2520b", `GET localhost/a%20b? "" `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := redirectApp()
			app.Config.ApplicationRoot = tt.root
			resp := carafetest.NewClient(t, app).Get(tt.from, carafetest.Query{"code": {"302"}, "to": {tt.to}}, carafetest.FollowRedirects(true))
			if got := resp.Text(); got != tt.want {
				t.Errorf("a redirect to %s leads to %q, want %q", tt.to, got, tt.want)
			}
		})
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	follow := carafetest.FollowRedirects(true)
	for _, tt := range []struct {
		name string
		do   func(*carafetest.Client)
		want string
	}{
		{"another host", func(c *carafetest.Client) { c.Get("/go?code=302&to=http://example.com/", follow) }, "following external redirects is not supported"},
		{"a host above", func(c *carafetest.Client) { c.Get("http://sub.one.test/go?code=302&to=http://one.test/", follow) }, "following external redirects is not supported"},
		{"a host that only ends alike", func(c *carafetest.Client) { c.Get("http://one.test/go?code=302&to=http://someone.test/", follow) }, "following external redirects is not supported"},
		{"a subdomain", func(c *carafetest.Client) { c.Get("http://one.test/go?code=302&to=http://sub.one.test/", follow) }, "following subdomain redirects is not enabled"},
		{"nowhere", func(c *carafetest.Client) { c.Get("/go?code=302", follow) }, "it has no Location"},
		{"a body that is gone", func(c *carafetest.Client) {
			c.Post("/go?code=307&to=/end", carafetest.BodyFrom(strings.NewReader("x")), follow)
		}, "cannot be sent again"},
	} {
		got := failure(t, redirectApp(), tt.do)
		if !strings.Contains(got, tt.want) || !strings.Contains(got, " redirect to ") {
			t.Errorf("%s: the test fails with %q, want %q in it", tt.name, got, tt.want)
		}
	}
}

func TestARedirectLoopFailsTheTest(t *testing.T) {
	app := carafe.New("app")
	app.Get("/a", func() any { return carafe.Redirect("/b") })
	app.Get("/b", func() any { return carafe.Redirect("/a") })
	got := failure(t, app, func(c *carafetest.Client) { c.Get("/a", carafetest.FollowRedirects(true)) })
	if want := "GET http://localhost/a: loop detected: a 302 redirect to /b was already made"; got != want {
		t.Errorf("the test fails with %q, want %q", got, want)
	}
}

func TestSubdomainRedirectsAreFollowedOnRequest(t *testing.T) {
	client := carafetest.NewClient(t, redirectApp(), carafetest.SubdomainRedirects(true))
	resp := client.Get("http://one.test/go?code=302&to=http://sub.one.test/end", carafetest.FollowRedirects(true))
	if want := `GET sub.one.test/end? "" `; resp.Text() != want {
		t.Errorf("the redirect leads to %q, want %q", resp.Text(), want)
	}
}

func TestCookiesSetOnTheWayAreKept(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		switch path := c.Request.URL.Path; path {
		case "/1", "/2":
			resp := carafe.Redirect(map[string]string{"/1": "/2", "/2": "/3"}[path])
			http.SetCookie(header(resp.Header), &http.Cookie{Name: "c" + path[1:], Value: "x"})
			return resp
		}
		return c.Request.Header.Get("Cookie")
	})
	client := carafetest.NewClient(t, app)
	resp := client.Get("/1", carafetest.FollowRedirects(true))
	if resp.Text() != "c1=x; c2=x" || len(resp.History) != 2 || client.Cookie("c2") == nil {
		t.Errorf("the last request has the cookies %q after %d redirects, want both after 2", resp.Text(), len(resp.History))
	}
}

// header is an http.ResponseWriter for http.SetCookie.
type header http.Header

func (h header) Header() http.Header         { return http.Header(h) }
func (h header) Write(p []byte) (int, error) { return len(p), nil }
func (h header) WriteHeader(int)             {}
