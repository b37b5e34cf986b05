package routing_test

import (
	"testing"

	"github.com/carafeweb/carafe/routing"
)

func methodRule(rule string, methods ...string) *routing.Rule {
	return &routing.Rule{Rule: rule, Endpoint: rule, Methods: methods}
}

// The walk answers 404 and 405 by itself where no other way could lead to a match. These are the rules and requests for which it
// might be too sure: what it says is written down here, and has to be what gorilla/mux alone comes to.
func TestMissesAreWhatAFullSearchComesTo(t *testing.T) {
	loose := false
	for _, tt := range []struct {
		name               string
		opts               routing.Options
		rules              []*routing.Rule
		method, path, want string
	}{
		{"one way, another method", routing.Options{}, []*routing.Rule{methodRule("/a/b", "GET")}, "POST", "/a/b", "routing: the path allows only GET, HEAD"},
		{"one way by a variable, another method", routing.Options{}, []*routing.Rule{methodRule("/a/<int:x>/b", "PUT")}, "GET", "/a/7/b",
			"routing: the path allows only PUT"},
		{"two rules at the end, another method", routing.Options{}, []*routing.Rule{methodRule("/a", "GET"), methodRule("/a", "PUT")}, "POST", "/a",
			"routing: the path allows only GET, HEAD, PUT"},
		{"a variable beside the text allows more", routing.Options{}, []*routing.Rule{methodRule("/a/b", "GET"), methodRule("/a/<x>", "PUT")}, "POST", "/a/b",
			"routing: the path allows only GET, HEAD, PUT"},
		{"a variable beside the text takes the method", routing.Options{}, []*routing.Rule{methodRule("/a/b", "GET"), methodRule("/a/<x>", "POST")}, "POST", "/a/b",
			"/a/<x>map[x:b]"},
		{"a variable beside text of several segments takes the method", routing.Options{},
			[]*routing.Rule{methodRule("/a/b/c/d", "GET"), methodRule("/a/b/<x>/d", "POST")}, "POST", "/a/b/c/d", "/a/b/<x>/dmap[x:c]"},
		{"a variable beside the beginning of a text of several segments", routing.Options{},
			[]*routing.Rule{methodRule("/a/b/c/d", "GET"), methodRule("/<path:x>", "POST")}, "POST", "/a/b/c/d", "/<path:x>map[x:a/b/c/d]"},
		{"a narrower variable that fits as well", routing.Options{}, []*routing.Rule{methodRule("/<int:x>", "GET"), methodRule("/<x>", "POST")}, "POST", "/7",
			"/<x>map[x:7]"},
		{"a narrower variable that does not", routing.Options{}, []*routing.Rule{methodRule("/<int:x>", "GET")}, "GET", "/x", "routing: no rule matches the path"},
		{"a slash more than a strict rule has", routing.Options{}, []*routing.Rule{methodRule("/a", "GET")}, "GET", "/a/", "routing: no rule matches the path"},
		{"a slash more than a loose rule has", routing.Options{}, []*routing.Rule{{Rule: "/a", Endpoint: "e", StrictSlashes: &loose}}, "GET", "/a/", "emap[]"},
		{"a slash more than a loose rule of another method has", routing.Options{},
			[]*routing.Rule{{Rule: "/a", Endpoint: "e", Methods: []string{"PUT"}, StrictSlashes: &loose}}, "GET", "/a/", "routing: the path allows only PUT"},
		{"a branch of the method below a leaf of another", routing.Options{}, []*routing.Rule{methodRule("/a", "GET"), methodRule("/a/", "POST")}, "POST", "/a",
			"routing: the request redirects to http://h/a/"},
		{"slashes to merge before another method", routing.Options{}, []*routing.Rule{methodRule("/a/b", "GET")}, "POST", "/a//b",
			"routing: the path allows only GET, HEAD"},
		{"slashes to merge before a match", routing.Options{}, []*routing.Rule{methodRule("/a/b", "GET")}, "GET", "/a//b",
			"routing: the request redirects to http://h/a/b"},
		{"slashes that are kept", routing.Options{KeepSlashes: true}, []*routing.Rule{methodRule("/a/b", "GET")}, "GET", "/a//b", "routing: no rule matches the path"},
		{"a method in small letters", routing.Options{}, []*routing.Rule{methodRule("/a", "GET")}, "get", "/a", "/amap[]"},
		{"a method of the rule's own", routing.Options{}, []*routing.Rule{methodRule("/a", "PURGE")}, "PURGE", "/a", "/amap[]"},
		{"a method that no rule names", routing.Options{}, []*routing.Rule{methodRule("/a", "PURGE")}, "BREW", "/a", "routing: the path allows only PURGE"},
		{"a websocket's rule alone", routing.Options{}, []*routing.Rule{{Rule: "/a", Endpoint: "e", Websocket: true}}, "GET", "/a",
			"routing: the path needs the other of http and websocket"},
		{"a list of methods that is empty", routing.Options{}, []*routing.Rule{{Rule: "/a", Endpoint: "e", Methods: []string{}}}, "GET", "/a",
			"routing: no rule matches the path"},
		{"a subdomain's rule of the same path", routing.Options{}, []*routing.Rule{methodRule("/a", "GET"), {Rule: "/a", Endpoint: "e", Subdomain: "<x>"}}, "POST", "/a",
			"routing: the path allows only GET, HEAD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			index := addAll(t, tt.opts, tt.rules...)
			if got := answer(index, "", tt.method, tt.path); got != tt.want {
				t.Errorf("%s %s: the index says %q, want %q", tt.method, tt.path, got, tt.want)
			}
			tt.opts.MuxOnly = true
			alone := addAll(t, tt.opts, another(tt.rules)...)
			if got := answer(alone, "", tt.method, tt.path); got != tt.want {
				t.Errorf("%s %s: gorilla/mux alone says %q, want %q", tt.method, tt.path, got, tt.want)
			}
		})
	}
}

// another is the rules for another map.
func another(rules []*routing.Rule) []*routing.Rule {
	var fresh []*routing.Rule
	for _, r := range rules {
		fresh = append(fresh, &routing.Rule{Rule: r.Rule, Endpoint: r.Endpoint, Methods: r.Methods, Subdomain: r.Subdomain, StrictSlashes: r.StrictSlashes,
			Websocket: r.Websocket})
	}
	return fresh
}
