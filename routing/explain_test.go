package routing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

func explainedMap(t *testing.T) *routing.Map {
	t.Helper()
	m := routing.New(routing.Options{})
	off := false
	for _, r := range []*routing.Rule{
		{Rule: "/", Endpoint: "index", Methods: []string{"GET"}},
		{Rule: "/users/", Endpoint: "users", Methods: []string{"GET", "POST"}},
		{Rule: "/users/<int:id>", Endpoint: "user", Methods: []string{"GET"}},
		{Rule: "/users/<int(max=9):small>/edit", Endpoint: "edit", Methods: []string{"POST"}},
		{Rule: "/users/<any(me, you):who>", Endpoint: "who"},
		{Rule: "/loose", Endpoint: "loose", StrictSlashes: &off},
		{Rule: "/files/<path:name>", Endpoint: "file"},
		{Rule: "/api", Endpoint: "api", Subdomain: "api"},
		{Rule: "/live", Endpoint: "live", Websocket: true},
		{Rule: "/when", Endpoint: "when", When: func(r *mux.Route) { r.Headers("X-Want", "yes") }},
		{Rule: "/built", Endpoint: "built", BuildOnly: true},
		{Rule: "/old", Endpoint: "old", RedirectTo: "new"},
	} {
		if err := m.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestExplainSaysOfEachRuleWhyItRefuses(t *testing.T) {
	m := explainedMap(t)
	for _, tt := range []struct {
		method, path, endpoint string
		verdict                routing.Verdict
		reason                 string
	}{
		{"GET", "/users/7", "user", routing.VerdictMatches, "it fits"},
		{"GET", "/users/abc", "user", routing.VerdictConverter, `"abc" does not fit <int:id>`},
		{"GET", "/users/abc", "who", routing.VerdictConverter, `"abc" does not fit <any(me, you):who>`},
		{"GET", "/users/you", "who", routing.VerdictMatches, "it fits"},
		{"POST", "/users/12/edit", "edit", routing.VerdictValue, `"12" is refused by <int(max=9):small>`},
		{"POST", "/users/2", "user", routing.VerdictMethod, "it takes GET, HEAD, not POST"},
		{"GET", "/users", "users", routing.VerdictRedirects, "it ends with a slash: redirects to /users/"},
		{"GET", "/users/7/", "user", routing.VerdictSlash, "the path has a slash at its end, the rule has none"},
		{"GET", "/loose/", "loose", routing.VerdictMatches, "it fits"},
		{"GET", "/usr/7", "user", routing.VerdictPath, `"usr" is not "users"`},
		{"GET", "/users/7/x", "user", routing.VerdictPath, `the path goes on with "x"`},
		{"GET", "/users", "user", routing.VerdictPath, `the path ends before <int:id>`},
		{"GET", "/users/", "user", routing.VerdictPath, `nothing stands there for <int:id>`},
		{"GET", "/files/a/b", "file", routing.VerdictMatches, "it fits"},
		{"GET", "/api", "api", routing.VerdictDomain, `it is for the host part "api", and the request has none`},
		{"GET", "/live", "live", routing.VerdictWebsocket, "it is for websockets"},
		{"GET", "/when", "when", routing.VerdictCondition, "a condition on the request does not hold"},
		{"GET", "/built", "built", routing.VerdictBuildOnly, "it only builds URLs"},
		{"GET", "/old", "old", routing.VerdictRedirects, "it fits, and redirects"},
	} {
		e := m.Explain(t.Context(), "", tt.method, tt.path, false)
		found := false
		for _, a := range e.Attempts {
			if a.Rule.Endpoint == tt.endpoint {
				found = true
				if a.Verdict != tt.verdict || a.Reason != tt.reason {
					t.Errorf("%s %s, rule %s: %q because %q, want %q because %q", tt.method, tt.path, a.Rule, a.Verdict, a.Reason, tt.verdict, tt.reason)
				}
			}
		}
		if !found {
			t.Errorf("%s %s: the rule of %s was not tried", tt.method, tt.path, tt.endpoint)
		}
	}
}

func TestTheNearestRuleComesFirst(t *testing.T) {
	m := explainedMap(t)
	for path, want := range map[string]string{"/users/abc": "user", "/user/7": "user", "/flies/x": "file", "/lose": "loose", "/users/9/edit": "edit"} {
		nearest := m.Explain(t.Context(), "", "GET", path, false).Nearest(3)
		if len(nearest) != 3 || nearest[0].Rule.Endpoint != want {
			t.Errorf("the nearest rule to %s is %v, want that of %s", path, nearest[0].Rule, want)
		}
	}
	if n := len(routing.New(routing.Options{}).Explain(t.Context(), "", "GET", "/", false).Nearest(3)); n != 0 {
		t.Errorf("a map without rules has %d nearest", n)
	}
}

// explainAgrees tells whether the attempts lead to what Find finds.
func explainAgrees(e *routing.Explanation) string {
	var moved *routing.RequestRedirect
	for _, a := range e.Attempts {
		switch a.Verdict {
		case routing.VerdictMatches:
			if e.Err == nil && a.Rule != e.Match.Rule || e.Err != nil {
				return "rule " + a.Rule.Rule + " is said to match"
			}
			return ""
		case routing.VerdictRedirects:
			if !errors.As(e.Err, &moved) {
				return "rule " + a.Rule.Rule + " is said to redirect"
			}
			return ""
		}
	}
	if e.Err == nil {
		return "no rule is said to match"
	}
	return ""
}

func FuzzExplainAgreesWithFind(f *testing.F) {
	for _, path := range []string{"/", "/users", "/users/", "/users/7", "/users/12/edit", "/loose/", "/files/a/b/", "/old", "/users/you/", "", "x", "/live", "/when"} {
		f.Add("GET", path, "", false)
		f.Add("POST", path, "api", true)
	}
	f.Fuzz(func(t *testing.T, method, path, domain string, websocket bool) {
		e := explainedMap(t).Explain(t.Context(), domain, method, path, websocket)
		if strings.Contains(path, "//") {
			return // which Find looks for once more with the slashes merged
		}
		if fault := explainAgrees(e); fault != "" {
			t.Errorf("%s %q on %q: %s, but Find gives %v, %v", method, path, domain, fault, e.Match.Rule, e.Err)
		}
	})
}
