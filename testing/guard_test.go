package carafetest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A guardedTest keeps what a guard tells the test, and runs its clean-ups when it is told to.
type guardedTest struct {
	testing.TB
	mu       sync.Mutex
	messages []string
	cleanups []func()
}

func (g *guardedTest) Errorf(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.messages = append(g.messages, fmt.Sprintf(format, args...))
}

func (g *guardedTest) Cleanup(f func()) { g.cleanups = append(g.cleanups, f) }

// end is the end of the test, and what it has failed with.
func (g *guardedTest) end() []string {
	for i := len(g.cleanups) - 1; i >= 0; i-- {
		g.cleanups[i]()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.messages
}

func TestGuardFailsTheTestWithTheViewAndTheLine(t *testing.T) {
	app := carafe.New("shop")
	stop := make(chan struct{})
	defer close(stop)
	app.Get("/cart", func() string {
		go func() { <-stop }() // the line that is blamed
		return "fine"
	}, carafe.Endpoint("cart"))
	failing := &guardedTest{TB: t}
	settings := carafetest.Guard(failing)
	settings.Grace = 200 * time.Millisecond
	app.Guard(settings)
	client := carafetest.NewClient(t, app)
	client.Get("/cart")
	client.Get("/cart")
	got := failing.end()
	if len(got) != 1 || !strings.HasPrefix(got[0], `guard: view "cart" (GET /cart) has left 1 goroutine behind, started at guard_test.go:46 `) {
		t.Errorf("the test fails with %q, want the view and line 46 once", got)
	}
}

func TestGuardLeavesATestAloneThatIsWell(t *testing.T) {
	app := carafe.New("shop")
	app.Post("/photos", func(c *carafe.Context) (string, error) {
		u, err := c.Request.RequireFile("photo")
		if err != nil {
			return "", err
		}
		text, err := u.Bytes()
		return string(text), err
	})
	app.Get("/stream", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); fmt.Fprint(w, "text") })
	failing := &guardedTest{TB: t}
	settings := carafetest.Guard(failing)
	settings.Grace = time.Hour
	app.Guard(settings)
	client := carafetest.NewClient(t, app)
	if got := client.Post("/photos", carafetest.File("photo", "sea.jpg", "the bytes")).Text(); got != "the bytes" {
		t.Errorf("the file is %q", got)
	}
	base := carafetest.Serve(t, app)
	for range 3 {
		resp, err := http.Get(base + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	began := time.Now()
	if got := failing.end(); len(got) > 0 || time.Since(began) > settings.Grace/2 {
		t.Errorf("after %v the test fails with %q, want nothing, and no wait for the time of grace", time.Since(began), got)
	}
}

func TestGuardKeepsQuietWhenTheTestIsOver(t *testing.T) {
	app := carafe.New("shop")
	failing := &guardedTest{TB: t}
	carafetest.Guard(failing, app)
	app.Post("/", func() string { return "" }, carafe.Endpoint("index"))
	if got := failing.end(); len(got) > 0 {
		t.Errorf("the test fails with %q before there is a request", got)
	}
	carafetest.NewClient(t, app).Post("/", carafetest.Body("nobody reads this"))
	if got := failing.end(); len(got) > 0 {
		t.Errorf("a test that is over fails with %q", got)
	}
}

func TestGuardOfAnAppThatServesAlreadyIsRefusedAtTheLineOfTheCall(t *testing.T) {
	app := carafe.New("shop")
	if err := app.Freeze(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "guard_test.go:") || !strings.Contains(err.Error(), `"Guard"`) {
			t.Errorf("Guard panics with %v, want the line of the call", err)
		}
	}()
	carafetest.Guard(t, app)
}
