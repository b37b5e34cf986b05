package blueprints_test

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// get asks for path and compares status and text.
func get(t *testing.T, client *carafetest.Client, path, want string) {
	t.Helper()
	resp := client.Get(path)
	if got := fmt.Sprint(resp.StatusCode, " ", resp.Text()); got != want {
		t.Errorf("GET %s: %q, want %q", path, got, want)
	}
}

func TestPrefixAndRuleAreJoinedWithOneSlash(t *testing.T) {
	for _, tt := range []struct{ prefix, rule, url string }{
		{"", "/", "/"},
		{"/", "", "/"},
		{"/", "/", "/"},
		{"/foo", "", "/foo"},
		{"/foo/", "", "/foo/"},
		{"", "/bar", "/bar"},
		{"/foo/", "/bar", "/foo/bar"},
		{"/foo/", "bar", "/foo/bar"},
		{"/foo", "/bar", "/foo/bar"},
		{"/foo/", "//bar", "/foo/bar"},
		{"/foo//", "/bar", "/foo/bar"},
	} {
		t.Run(fmt.Sprintf("%q and %q", tt.prefix, tt.rule), func(t *testing.T) {
			bp := blueprints.New("test", carafe.URLPrefix(tt.prefix))
			bp.Get(tt.rule, func() (string, int) { return "", http.StatusNoContent })
			app := carafe.New("app")
			app.RegisterBlueprint(bp)
			get(t, newClient(t, app), tt.url, "204 ")
		})
	}
}

func TestDefaultsOfARegistrationJoinThoseOfTheRule(t *testing.T) {
	bp := blueprints.New("test")
	bp.Get("/foo", func(c *carafe.Context) string { return fmt.Sprintf("%s/%s", c.Param("bar"), c.Param("baz")) }, carafe.Endpoint("foo"), carafe.Defaults{"baz": 42})
	bp.Get("/bar", func(c *carafe.Context) string { return c.Param("bar") }, carafe.Endpoint("bar"))
	bp.Get("/own", func(c *carafe.Context) string { return c.Param("bar") }, carafe.Endpoint("own"), carafe.Defaults{"bar": "rule"})
	app := carafe.New("app")
	app.RegisterBlueprint(bp, carafe.URLPrefix("/1"), carafe.Defaults{"bar": 23})
	app.RegisterBlueprint(bp, carafe.Name("test2"), carafe.URLPrefix("/2"), carafe.Defaults{"bar": 19})
	client := newClient(t, app)
	get(t, client, "/1/foo", "200 23/42")
	get(t, client, "/2/foo", "200 19/42")
	get(t, client, "/1/bar", "200 23")
	get(t, client, "/2/bar", "200 19")
	get(t, client, "/2/own", "200 rule")
}

// TestABlueprintTakesAValueOutOfURLsAndPutsItBack is Flask's pattern for a language in the path.
func TestABlueprintTakesAValueOutOfURLsAndPutsItBack(t *testing.T) {
	bp := blueprints.New("frontend", carafe.URLPrefix("/<lang_code>"))
	bp.URLDefaults(func(c *carafe.Context, endpoint string, values carafe.Values) {
		if _, ok := values["lang_code"]; !ok {
			values["lang_code"] = c.G().Get("lang")
		}
	})
	bp.URLValuePreprocessor(func(c *carafe.Context, endpoint string, values carafe.Values) {
		c.G().Set("lang", values["lang_code"])
		delete(values, "lang_code")
	})
	bp.Get("/", func(c *carafe.Context) string { return c.URLFor(".about") }, carafe.Endpoint("index"))
	bp.Get("/about", func(c *carafe.Context) string { return c.URLFor(".index") }, carafe.Endpoint("about"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/de/", "200 /de/about")
	get(t, client, "/de/about", "200 /de/")
}

func TestAppWideURLFunctionsOfABlueprintServeTheApp(t *testing.T) {
	bp := blueprints.New("bp")
	bp.AppURLDefaults(func(c *carafe.Context, endpoint string, values carafe.Values) {
		if _, ok := values["lang_code"]; !ok {
			values["lang_code"] = c.G().Get("lang")
		}
	})
	bp.AppURLValuePreprocessor(func(c *carafe.Context, endpoint string, values carafe.Values) {
		c.G().Set("lang", values["lang_code"])
		delete(values, "lang_code")
	})
	app := carafe.New("app")
	app.Get("/<lang_code>/", func(c *carafe.Context) string { return c.URLFor("about") }, carafe.Endpoint("index"))
	app.Get("/<lang_code>/about", func(c *carafe.Context) string { return c.URLFor("index") }, carafe.Endpoint("about"))
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/de/", "200 /de/about")
	get(t, client, "/de/about", "200 /de/")
}

func TestURLDefaultsGoByTheEndpointThatIsBuilt(t *testing.T) {
	bp := blueprints.New("foo")
	bp.URLDefaults(func(c *carafe.Context, endpoint string, values carafe.Values) {
		if endpoint != "foo.view" {
			t.Errorf("URL defaults of the blueprint run for endpoint %q", endpoint)
		}
		values["page"] = "login"
	})
	bp.Get("/<page>", func(c *carafe.Context) string { return "" }, carafe.Endpoint("view"))
	app := carafe.New("app")
	app.Get("/", func(c *carafe.Context) string { return c.URLFor("foo.view") + " " + c.URLFor("other") }, carafe.Endpoint("start"))
	app.Get("/other/", index, carafe.Endpoint("other"))
	app.RegisterBlueprint(bp)
	get(t, newClient(t, app), "/", "200 /login /other/")
}

func TestEndpointsWithAndWithoutADotCrossTheBorder(t *testing.T) {
	front := blueprints.New("test")
	back := blueprints.New("test2")
	front.Get("/", func(c *carafe.Context) string { return c.URLFor("test2.index") + " " + c.URLFor("app_index") }, carafe.Endpoint("index"))
	back.Get("/", index, carafe.Endpoint("index"))
	app := carafe.New("app")
	app.Get("/", func(c *carafe.Context) string { return c.URLFor("test.index") }, carafe.Endpoint("app_index"))
	app.RegisterBlueprint(front, carafe.URLPrefix("/test"))
	app.RegisterBlueprint(back, carafe.URLPrefix("/test2"))
	client := newClient(t, app)
	get(t, client, "/", "200 /test/")
	get(t, client, "/test/", "200 /test2/ /")
}

func TestALeadingDotIsTheInnermostBlueprint(t *testing.T) {
	parent, child := blueprints.New("p", carafe.URLPrefix("/p")), blueprints.New("c", carafe.URLPrefix("/c"))
	parent.Get("/x", func(c *carafe.Context) string { return c.URLFor(".c.x") + " " + c.URLFor(".x") }, carafe.Endpoint("x"))
	child.Get("/x", func(c *carafe.Context) string { return c.URLFor(".x") }, carafe.Endpoint("x"))
	parent.RegisterBlueprint(child)
	app := carafe.New("app")
	app.RegisterBlueprint(parent)
	client := newClient(t, app)
	get(t, client, "/p/x", "200 /p/c/x /p/x")
	get(t, client, "/p/c/x", "200 /p/c/x")
}

func TestARuleWithADefaultSharesItsViewWithTheRuleOfTheVariable(t *testing.T) {
	bp := blueprints.New("bp")
	something := func(page int) string { return fmt.Sprint(page) }
	bp.Route("/", something, carafe.Endpoint("something"), carafe.Defaults{"page": 1})
	bp.Route("/page/<int:page>", something, carafe.Endpoint("something"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/", "200 1")
	get(t, client, "/page/2", "200 2")
}

func foo(c *carafe.Context) string { return c.Endpoint() }

func TestEndpointsOfABlueprintHaveItsName(t *testing.T) {
	bp := blueprints.New("bp")
	bp.Get("/foo", foo)
	bp.Get("/bar", foo, carafe.Endpoint("bar"))
	bp.Get("/bar/123", foo, carafe.Endpoint("123"))
	bp.Get("/bar/foo", foo, carafe.Endpoint("bar_foo"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp, carafe.URLPrefix("/py"))
	app.Get("/", foo, carafe.Endpoint("index"))
	client := newClient(t, app)
	get(t, client, "/", "200 index")
	get(t, client, "/py/foo", "200 bp.foo")
	get(t, client, "/py/bar", "200 bp.bar")
	get(t, client, "/py/bar/123", "200 bp.123")
	get(t, client, "/py/bar/foo", "200 bp.bar_foo")
}

func TestAViewGivenToAnEndpointByABlueprintIsTheApps(t *testing.T) {
	app := carafe.New("app")
	app.Get("/foo", nil, carafe.Endpoint("bar"))
	bp := blueprints.New("bp")
	bp.Endpoint("bar", foo)
	app.RegisterBlueprint(bp, carafe.URLPrefix("/bp_prefix"))
	client := newClient(t, app)
	get(t, client, "/foo", "200 bar")
	if resp := client.Get("/bp_prefix/bar"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET /bp_prefix/bar: %d, want 404", resp.StatusCode)
	}
}

func TestNestedPrefixesAreJoinedAndThoseOfRegisteringWin(t *testing.T) {
	p := func(s string) []carafe.BlueprintOption { return []carafe.BlueprintOption{carafe.URLPrefix(s)} }
	for _, tt := range []struct {
		name                                           string
		parentMade, childMade, parentGiven, childGiven []carafe.BlueprintOption
		url                                            string
	}{
		{"both when made", p("/parent"), p("/child"), nil, nil, "/parent/child/"},
		{"both when registered", nil, nil, p("/parent"), p("/child"), "/parent/child/"},
		{"the parent when registered", nil, p("/child"), p("/parent"), nil, "/parent/child/"},
		{"both ways", p("/other"), p("/something"), p("/parent"), p("/child"), "/parent/child/"},
		{"slashes at the joint", p("/parent/"), p("//child"), nil, nil, "/parent/child/"},
		{"an empty one when registered counts", p("/parent"), p("/child"), nil, p(""), "/parent/"},
		{"none of the child", p("/parent"), nil, nil, nil, "/parent/"},
		{"none of the parent", nil, p("/child"), nil, nil, "/child/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parent, child := blueprints.New("parent", tt.parentMade...), blueprints.New("child", tt.childMade...)
			child.Get("/", index)
			parent.RegisterBlueprint(child, tt.childGiven...)
			app := carafe.New("app")
			app.RegisterBlueprint(parent, tt.parentGiven...)
			get(t, newClient(t, app), tt.url, "200 index")
		})
	}
}

func TestSubdomainsOfNestedBlueprints(t *testing.T) {
	for _, tt := range []struct {
		name              string
		child             []carafe.BlueprintOption
		found, notFoundAt string
	}{
		{"a child without one has its parent's", nil, "api", "other"},
		{"a child's is put before its parent's", []carafe.BlueprintOption{carafe.Subdomain("xxx")}, "xxx.api", "api"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("app", carafe.SubdomainMatching(true))
			app.Config.ServerName = "example.test"
			parent, child := blueprints.New("parent"), blueprints.New("child", tt.child...)
			child.Get("/child/", index)
			parent.RegisterBlueprint(child)
			app.RegisterBlueprint(parent, carafe.Subdomain("api"))
			client := newClient(t, app)
			if resp := client.Get("/child/", carafetest.Subdomain(tt.found)); resp.StatusCode != http.StatusOK {
				t.Errorf("at %s.example.test: %d, want 200", tt.found, resp.StatusCode)
			}
			if resp := client.Get("/child/", carafetest.Subdomain(tt.notFoundAt)); resp.StatusCode != http.StatusNotFound {
				t.Errorf("at %s.example.test: %d, want 404", tt.notFoundAt, resp.StatusCode)
			}
		})
	}
}

func TestABlueprintRenamedKeepsItsInsideUnderBothNames(t *testing.T) {
	bp, inner := blueprints.New("bp"), blueprints.New("bp2")
	bp.Get("/", foo, carafe.Endpoint("index"))
	bp.Get("/error", func() error { return carafe.Abort(http.StatusForbidden) }, carafe.Endpoint("error"))
	bp.ErrorHandler(http.StatusForbidden, func(*carafe.Context, *carafe.HTTPError) (any, error) {
		return carafe.Reply("Error", http.StatusForbidden), nil
	})
	inner.Get("/", foo, carafe.Endpoint("index2"))
	inner.Get("/error", func() error { return carafe.Abort(http.StatusForbidden) }, carafe.Endpoint("error2"))
	bp.RegisterBlueprint(inner, carafe.URLPrefix("/a"), carafe.Name("sub"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp, carafe.URLPrefix("/a"))
	app.RegisterBlueprint(bp, carafe.URLPrefix("/b"), carafe.Name("alt"))
	client := newClient(t, app)
	get(t, client, "/a/", "200 bp.index")
	get(t, client, "/b/", "200 alt.index")
	get(t, client, "/a/a/", "200 bp.sub.index2")
	get(t, client, "/b/a/", "200 alt.sub.index2")
	for _, path := range []string{"/a/error", "/b/error", "/a/a/error", "/b/a/error"} {
		get(t, client, path, "403 Error")
	}
	if want := []string{"bp", "bp.sub", "alt", "alt.sub"}; !reflect.DeepEqual(app.Blueprints(), want) {
		t.Errorf("registered are %q, want %q", app.Blueprints(), want)
	}
}
