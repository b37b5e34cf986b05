package carafetest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// cookieApp sets the lines given in the query's "set", and answers with the cookies that it got.
func cookieApp() *carafe.App {
	return newApp(func(c *carafe.Context) any {
		resp := carafe.Text(c.Request.Header.Get("Cookie"))
		resp.Header["Set-Cookie"] = c.Request.Args().List("set")
		return resp
	})
}

func TestCookiesGoWhereTheirDomainAndPathSay(t *testing.T) {
	for _, tt := range []struct {
		name, at, set string
		to, want      string
	}{
		{"to the same host", "/", "a=1", "/b", "a=1"},
		{"not to another host", "http://one.test/", "a=1", "http://two.test/", ""},
		{"not to a host below, without a domain", "http://one.test/", "a=1", "http://sub.one.test/", ""},
		{"to a host below, with a domain", "http://one.test/", "a=1; Domain=one.test", "http://sub.one.test/", "a=1"},
		{"a leading dot of the domain does not matter", "http://one.test/", "a=1; Domain=.One.test", "http://sub.one.test/", "a=1"},
		{"not to a host that only ends alike", "http://one.test/", "a=1; Domain=one.test", "http://someone.test/", ""},
		{"whatever the port", "http://one.test:80/", "a=1", "http://one.test:81/", "a=1"},
		{"below the path", "/", "a=1; Path=/p", "/p/q", "a=1"},
		{"at the path", "/", "a=1; Path=/p", "/p", "a=1"},
		{"not beside the path", "/", "a=1; Path=/p", "/pq", ""},
		{"below a path with a slash", "/", "a=1; Path=/p/", "/p/q", "a=1"},
		{"not at a path with a slash", "/", "a=1; Path=/p/", "/p", ""},
		{"without a path, below the folder of the request", "/x/y", "a=1", "/x/z", "a=1"},
		{"without a path, not above the folder of the request", "/x/y", "a=1", "/", ""},
		{"Secure does not matter", "/", "a=1; Secure", "/", "a=1"},
		{"a past date does not matter", "/", "a=1; Expires=Thu, 01 Jan 1998 00:00:00 GMT", "/", "a=1"},
		{"the epoch deletes", "/", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", ""},
		{"Max-Age=0 deletes", "/", "a=1; Max-Age=0", "/", ""},
		{"a value is sent back as it came", "/", `a="x\054 y"`, "/", `a="x\054 y"`},
		{"a line that is no cookie is passed over", "/", "nothing", "/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := carafetest.NewClient(t, cookieApp())
			client.Get(tt.at, carafetest.Query{"set": {tt.set}})
			if got := client.Get(tt.to).Text(); got != tt.want {
				t.Errorf("GET %s sends %q, want %q", tt.to, got, tt.want)
			}
		})
	}
}

func TestACookieOfTheSamePlaceReplacesAndOfAnotherJoins(t *testing.T) {
	client := carafetest.NewClient(t, cookieApp())
	client.Get("/", carafetest.Query{"set": {"a=1", "b=2", "a=3; Path=/p"}})
	client.Get("/", carafetest.Query{"set": {"a=4"}})
	if got, want := client.Get("/p/").Text(), "a=4; b=2; a=3"; got != want {
		t.Errorf("the cookies are %q, want %q", got, want)
	}
	client.Get("/", carafetest.Query{"set": {"a=; Max-Age=0"}})
	if got, want := client.Get("/p/").Text(), "b=2; a=3"; got != want {
		t.Errorf("after deleting one the cookies are %q, want %q", got, want)
	}
}

func TestCookiesCanBeReadSetAndDeleted(t *testing.T) {
	app := cookieApp()
	app.Config.ServerName = "shop.test:8000"
	client := carafetest.NewClient(t, app)
	client.Get("/x/y", carafetest.Query{"set": {`a="1 2"; HttpOnly; SameSite=Lax`}})
	c := client.Cookie("a")
	if c == nil || c.Value != "1 2" || c.Domain != "shop.test" || c.Path != "/x" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %+v", c)
	}
	if client.Cookie("none") != nil {
		t.Error("a cookie that was never set is there")
	}
	client.SetCookie(&http.Cookie{Name: "s", Value: "2"})
	client.SetCookie(&http.Cookie{Name: "d", Value: "3", Domain: "shop.test"})
	if got, want := client.Get("/").Text(), "s=2; d=3"; got != want {
		t.Errorf("the app got %q, want %q", got, want)
	}
	if got, want := client.Get("/", carafetest.Subdomain("sub")).Text(), "d=3"; got != want {
		t.Errorf("below the host the app got %q, want %q", got, want)
	}
	client.SetCookie(&http.Cookie{Name: "s", MaxAge: -1})
	client.DeleteCookie("d")
	if all := client.AllCookies(); len(all) != 1 || all[0].Name != "a" {
		t.Errorf("left are %v, want a alone", all)
	}
	resp := client.Get("/", carafetest.Query{"set": {"r=1"}})
	if cookies := resp.Cookies(); len(cookies) != 1 || cookies[0].Name != "r" {
		t.Errorf("the answer sets %v, want r alone", cookies)
	}
}

func TestAClientWithoutCookies(t *testing.T) {
	client := carafetest.NewClient(t, cookieApp(), carafetest.Cookies(false))
	client.Get("/", carafetest.Query{"set": {"a=1"}})
	if got := client.Get("/").Text(); got != "" {
		t.Errorf("a client without cookies sends %q", got)
	}
	for name, do := range map[string]func(*carafetest.Client){
		"Cookie":       func(c *carafetest.Client) { c.Cookie("a") },
		"AllCookies":   func(c *carafetest.Client) { c.AllCookies() },
		"SetCookie":    func(c *carafetest.Client) { c.SetCookie(&http.Cookie{Name: "a"}) },
		"DeleteCookie": func(c *carafetest.Client) { c.DeleteCookie("a") },
	} {
		if got := failure(t, cookieApp(), do, carafetest.Cookies(false)); !strings.HasPrefix(got, "Cookies are disabled.") {
			t.Errorf("%s without cookies fails with %q", name, got)
		}
	}
	if got := failure(t, cookieApp(), func(c *carafetest.Client) { c.SetCookie(&http.Cookie{Name: "a b"}) }); !strings.Contains(got, `"a b" is not the name of a cookie`) {
		t.Errorf("a cookie of a bad name fails with %q", got)
	}
}
