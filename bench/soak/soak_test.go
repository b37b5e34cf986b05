package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	serveIfAsked() // the servers are this binary again
	os.Exit(m.Run())
}

func TestNothingIsLeftBehindOrMixedUp(t *testing.T) {
	var out strings.Builder
	s := soak{servers: serverNames, total: 6 * time.Second, conns: 200, clients: 4, reload: 700 * time.Millisecond, settle: 30 * time.Second, out: &out}
	if err := s.run(context.Background()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, what := range append(namesOfFouls(), "held connections", "slow reader", "slow writer", "upgrade", "upload", "session", "events") {
		if !strings.Contains(out.String(), " "+what+" ") {
			t.Errorf("nobody did %q:\n%s", what, out.String())
		}
	}
	if !strings.Contains(out.String(), " reloads") || strings.Count(out.String(), " 0 reloads") != len(serverNames)-1 {
		t.Errorf("the workers were not reloaded:\n%s", out.String())
	}
}

func namesOfFouls() (names []string) {
	for _, f := range fouls {
		names = append(names, f.name)
	}
	return names
}

// A soak that cannot fail shows nothing.
func TestFaultsAreFound(t *testing.T) {
	tests := []struct{ name, fault, want string }{
		{"an answer with another's id", "mixup", "WRONG"},
		{"a goroutine that stays", "goroutines", "LEFT BEHIND: goroutines"},
		{"a file that stays open", "descriptors", "LEFT BEHIND: descriptors"},
		{"memory that stays", "heap", "LEFT BEHIND: heap"},
		{"a temporary file that stays", "files", "LEFT BEHIND: temporary files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := soak{servers: []string{"nethttp"}, total: time.Second, conns: 20, clients: 4, settle: time.Second, fault: tt.fault, out: &out}
			err := s.run(context.Background())
			if tt.fault == "mixup" && err != nil && strings.Contains(err.Error(), "before the load") {
				return // it is so bad that the first round finds it
			}
			if err == nil || !strings.Contains(out.String(), tt.want) {
				t.Errorf("the soak says %v, and not %q:\n%s", err, tt.want, out.String())
			}
		})
	}
}

func TestAnswersAreLookedAt(t *testing.T) {
	head := func(id string) http.Header { return http.Header{idHeader: {id}, "Vary": {"Cookie"}} }
	tests := []struct {
		name, kind string
		status     int
		id, body   string
		right      bool
	}{
		{"a right one", "text", 200, "a.1", "text of a.1", true},
		{"another's body", "text", 200, "a.1", "text of a.2", false},
		{"another's head", "text", 200, "a.2", "text of a.1", false},
		{"another status", "text", 500, "a.1", "text of a.1", false},
		{"a stream that ends early", "stream", 200, "a.1", strings.Repeat("a.1 "+padding+"\n", streamLines-1), false},
		{"a stream with another's line", "stream", 200, "a.1", strings.Repeat("a.1 "+padding+"\n", streamLines-1) + "a.2 " + padding + "\n", false},
		{"another's session", "session", 200, "a.1", "b.7 a.1", false},
		{"JSON of two", "json", 200, "a.1", `{"id":"a.1","list":[1,2,{"again":"a.2"}]}`, false},
		{"an order of another", "bind", 200, "a.1", `{"id":"a.1","count":3,"tags":["a","a.2","c"]}`, false},
	}
	for _, tt := range tests {
		resp := &http.Response{StatusCode: tt.status, Header: head(tt.id)}
		err := verify(kindNamed(tt.kind), "a.1", &visitor{owner: "a.0", cookie: "x=y"}, resp, tt.body)
		var wrong wrongAnswer
		if tt.right != (err == nil) || err != nil && !errors.As(err, &wrong) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestNothingToDoIsSaid(t *testing.T) {
	s := soak{servers: serverNames, out: os.Stderr}
	if err := s.run(context.Background()); err == nil || !strings.Contains(err.Error(), "nothing to do") {
		t.Errorf("a soak of no time says %v", err)
	}
	s = soak{servers: []string{"apache"}, total: time.Second, clients: 1, settle: time.Second, out: os.Stderr}
	if err := s.run(context.Background()); err == nil || !strings.Contains(err.Error(), `no server "apache"`) {
		t.Errorf("a server that there is not: %v", err)
	}
}
