package guests_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/e2e/guests"
)

// noRedirects is a client that shows them.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// TestGuestsUnderOurServers runs each guest alone under each server.
func TestGuestsUnderOurServers(t *testing.T) {
	for _, s := range servers {
		for _, g := range guests.All(nil) {
			t.Run(s.name+"/"+g.Name, func(t *testing.T) {
				checkGuest(t, s.start(t, g.Name), g.Name, "")
			})
		}
	}
}

// TestGuestsBesideCarafe runs all of them at once, each below a prefix.
func TestGuestsBesideCarafe(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			if s.name == "gateway.RunCGI" {
				t.Run("all", func(t *testing.T) { checkCGISite(t, s.start(t, "beside")) })
				return
			}
			site := s.start(t, "beside")
			for _, g := range guests.All(nil) {
				t.Run(g.Name, func(t *testing.T) { checkGuest(t, site, g.Name, "/"+g.Name) })
			}
			t.Run("at the root", func(t *testing.T) { checkGuest(t, site, "carafe", "") })
		})
	}
}

// checkCGISite asks the processes for everything but the stream, whose gate opens for one path only.
func checkCGISite(t *testing.T, site running) {
	for _, g := range guests.All(nil) {
		checkGreeting(t, site, g.Name, "/"+g.Name)
		checkMove(t, site, "/"+g.Name)
	}
}

// checkGuest asks for everything that guests.All promises.
func checkGuest(t *testing.T, r running, name, script string) {
	t.Helper()
	checkGreeting(t, r, name, script)
	checkMove(t, r, script)
	checkEcho(t, r, script)
	checkStream(t, r, script)
	resp, err := http.Get(r.url + script + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("GET %s/nowhere: %d, want 404", script, resp.StatusCode)
	}
}

func checkGreeting(t *testing.T, r running, name, script string) {
	t.Helper()
	resp, err := http.Get(r.url + script + "/hello/ada")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	want := fmt.Sprintf("hello ada from %s below %q", name, script)
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(body) != want {
		t.Errorf("GET %s/hello/ada: %d %q, %v; want %q", script, resp.StatusCode, body, err, want)
	}
}

func checkMove(t *testing.T, r running, script string) {
	t.Helper()
	resp, err := noRedirects.Get(r.url + script + "/move")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil || resp.StatusCode != 302 || to.String() != r.url+script+"/hello/moved" {
		t.Errorf("GET %s/move: %d to %v, %v; want 302 to %s/hello/moved", script, resp.StatusCode, to, err, script)
	}
}

func checkEcho(t *testing.T, r running, script string) {
	t.Helper()
	order := strings.Repeat("beans ", 50_000)
	resp, err := http.Post(r.url+script+"/copy", "text/plain", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 201 || string(body) != order {
		t.Errorf("POST %s/copy of %d bytes: %d, %d bytes, %v; want 201 and the same", script, len(order), resp.StatusCode, len(body), err)
	}
}

func checkStream(t *testing.T, r running, script string) {
	t.Helper()
	resp, err := http.Get(r.url + script + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "one\n" {
		t.Fatalf("GET %s/stream: %q, %v before the gate opens; want the first line", script, line, err)
	}
	r.open()
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "two\n" {
		t.Errorf("GET %s/stream: then %q, %v; want the second line", script, rest, err)
	}
}
