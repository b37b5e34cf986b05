package main

import (
	"net/http"
	"strings"
)

// maxConns is the room for connections of those servers that have to be told: 10,000 idle ones, and those that ask.
const maxConns = 12000

// A scenario is one thing that all servers are asked for.
type scenario struct {
	name         string // for -only
	title        string
	method, path string
	body         string   // JSON; "" means none
	want         []string // the answers, one after the other with the cookies kept; all white space counts as one blank
	pieces       int      // of how many chunks the answer must be; 0 means it does not matter
	closing      bool     // a new connection for each request
	idle         int      // so many connections are open meanwhile, and do nothing
	bad          string   // a body that must be refused with a status of 4xx
	own          bool     // needs an application: not for a web server
}

func scenarios() []scenario {
	const one = `{"id":42,"name":"ada"}`
	return []scenario{
		{name: "hello", title: "Hello", path: "/hello", want: []string{hello}},
		{name: "json", title: "JSON with a variable", path: "/users/42", want: []string{one}, own: true},
		{name: "bind", title: "Bind and validate", method: "POST", path: "/orders", body: goodOrder, want: []string{goodOrder}, bad: badOrder, own: true},
		{name: "static", title: "Static file, 100 KB", path: "/static/page.txt", want: []string{string(staticFile())}},
		{name: "session", title: "Session, read and written", path: "/session", want: []string{visit(1), visit(2)}, own: true},
		{name: "template", title: "Template, 50 rows", path: "/page", want: []string{renderedPage()}, own: true},
		{name: "stream", title: "Stream, 10 pieces of 1 KB", path: "/stream", want: []string{string(allPieces)}, pieces: pieceCount, own: true},
		{name: "newconn", title: "New connection for each request", path: "/hello", want: []string{hello}, closing: true},
		{name: "idle1000", title: "Hello beside 1,000 idle connections", path: "/hello", want: []string{hello}, idle: 1000},
		{name: "idle10000", title: "Hello beside 10,000 idle connections", path: "/hello", want: []string{hello}, idle: 10000},
	}
}

// renderedPage is what html/template makes of the page.
func renderedPage() string {
	var b strings.Builder
	if err := page.Execute(&b, thePage); err != nil {
		panic(err)
	}
	return b.String()
}

func (s *scenario) verb() string {
	if s.method == "" {
		return http.MethodGet
	}
	return s.method
}

// chosen are those of the list whose names were given, separated by commas; "" means all.
func chosen[T any](list []T, name func(T) string, only string) []T {
	if only == "" {
		return list
	}
	var out []T
	for _, x := range list {
		for word := range strings.SplitSeq(only, ",") {
			if strings.EqualFold(strings.TrimSpace(word), name(x)) {
				out = append(out, x)
			}
		}
	}
	return out
}
