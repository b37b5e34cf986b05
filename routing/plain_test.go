package routing_test

import (
	"fmt"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

func TestPlainURLsAreWhatTheLongWayGives(t *testing.T) {
	m := addAll(t, routing.Options{},
		&routing.Rule{Rule: "/users/<int:id>/posts/<slug>", Endpoint: "post"},
		&routing.Rule{Rule: "/<path:a>/x/<b>", Endpoint: "path", Methods: []string{"POST"}},
		&routing.Rule{Rule: "/x", Endpoint: "path"},
		&routing.Rule{Rule: "/<int(fixed_digits=3):n>", Endpoint: "fixed"},
		&routing.Rule{Rule: "/d/<a>/<b>", Endpoint: "default", Defaults: routing.Values{"b": 1}},
		&routing.Rule{Rule: "/s/<a>", Endpoint: "sub", Subdomain: "<b>"},
		&routing.Rule{Rule: "/ws/<a>", Endpoint: "ws", Websocket: true})
	values := [][]routing.Pair{
		{{Name: "id", Value: 7}, {Name: "slug", Value: "a b"}},
		{{Name: "slug", Value: "é/"}, {Name: "id", Value: -7}},
		{{Name: "id", Value: 7}, {Name: "id", Value: 8}},
		{{Name: "id", Value: "7"}, {Name: "slug", Value: nil}},
		{{Name: "id", Value: 1.5}, {Name: "slug", Value: 12}},
		{{Name: "id", Value: 7}, {Name: "slug", Value: "a"}, {Name: "page", Value: 2}},
		{{Name: "a", Value: "//evil"}, {Name: "b", Value: "c"}},
		{{Name: "a", Value: ""}, {Name: "b", Value: "/"}},
		{{Name: "a", Value: "b"}, {Name: "b", Value: 1}},
		{{Name: "a", Value: "b"}}, {{Name: "n", Value: 7}}, nil,
	}
	for _, root := range []string{"", "/app", "//a/"} {
		a, err := m.Bind("example.com", routing.BindOptions{ScriptName: root})
		if err != nil {
			t.Fatal(err)
		}
		for _, endpoint := range []string{"post", "path", "fixed", "default", "sub", "ws", "none"} {
			for _, v := range values {
				for _, opts := range []routing.BuildOptions{{}, {External: true}, {Method: "POST"}, {Method: "get"}, {DropUnknown: true}} {
					got, gotErr := a.Build(endpoint, v, opts)
					want, wantErr := a.BuildTheLongWay(endpoint, v, opts)
					if got != want || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
						t.Errorf("Build(%q, %v, %+v) at %q = %q, %v; the long way %q, %v", endpoint, v, opts, root, got, gotErr, want, wantErr)
					}
				}
			}
		}
	}
}
