package carafe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

func TestWhereRunListens(t *testing.T) {
	for _, tt := range []struct {
		name, serverName string
		env              map[string]string
		opts             []carafe.RunOption
		want             string
	}{
		{"by default", "", nil, nil, "127.0.0.1:5000"},
		{"as the option says", "", nil, []carafe.RunOption{carafe.Addr("localhost:8000")}, "localhost:8000"},
		{"a port of 0 counts as given", "pocoo.org:8080", nil, []carafe.RunOption{carafe.Addr("localhost:0")}, "localhost:0"},
		{"as the server name says", "pocoo.org:8080", nil, nil, "pocoo.org:8080"},
		{"a server name without a port", "pocoo.org", nil, nil, "pocoo.org:5000"},
		{"a server name with port 0", "localhost:0", nil, nil, "localhost:0"},
		{"as PORT says", "", map[string]string{"PORT": "9000"}, nil, "127.0.0.1:9000"},
		{"CARAFE_RUN_PORT comes before PORT", "", map[string]string{"PORT": "9000", "CARAFE_RUN_PORT": "9001", "CARAFE_RUN_HOST": "::1"}, nil, "[::1]:9001"},
		{"the option comes before the environment", "", map[string]string{"PORT": "9000"}, []carafe.RunOption{carafe.Addr(":1")}, ":1"},
	} {
		if got, err := carafe.RunAddress(tt.serverName, tt.env, tt.opts...); got != tt.want || err != nil {
			t.Errorf("%s: %s %v, want %s", tt.name, got, err, tt.want)
		}
	}
	if _, err := carafe.RunAddress("", map[string]string{"PORT": "http"}); err == nil || !strings.Contains(err.Error(), `PORT="http", which is not a port`) {
		t.Errorf("a PORT that is none: %v", err)
	}
}

// lockedBuffer may be read while a server writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}
func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.Buffer.String() }

func TestRunServesUntilItIsToldToStopAndFinishesWhatIsInFlight(t *testing.T) {
	app := quiet()
	entered, release := make(chan struct{}), make(chan struct{})
	app.Route("/", func() string { close(entered); <-release; return "done" }, carafe.Endpoint("x"))
	ctx, stop := context.WithCancel(t.Context())
	var out lockedBuffer
	addr := make(chan string, 1)
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		addr <- l.Addr().String()
		return l, err
	}
	ended := make(chan error, 1)
	go func() { ended <- app.RunWith(ctx, &out, listen, carafe.Debug(false)) }()
	answer := make(chan string, 1)
	url := "http://" + <-addr + "/"
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-entered
	stop()
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request in flight: %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	for _, want := range []string{" * Serving Carafe app 'test'", " * Debug mode: off", "This is a development server", " * Running on " + strings.TrimSuffix(url, "/"), "Press CTRL+C to quit"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the banner lacks %q:\n%s", want, out.String())
		}
	}
}

func TestRunSaysWhatCanBeDoneAboutAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	err = quiet().Run(carafe.Addr(taken.Addr().String()))
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), ": stop that, or choose another port") ||
		!strings.Contains(err.Error(), fmt.Sprintf("(process %d)", os.Getpid())) && runtime.GOOS == "linux" {
		t.Errorf("Run returned %v", err)
	}
}

func TestRunRefusesAnAppWithFaults(t *testing.T) {
	app := quiet()
	app.Route("/", nil, carafe.Endpoint("nobody"))
	if err := app.Run(carafe.Addr("127.0.0.1:0")); err == nil || !strings.Contains(err.Error(), "has no view") {
		t.Errorf("Run returned %v", err)
	}
}

func TestRunReadsNoEnvironmentFilesWhereThatIsSwitchedOff(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("RUN_DOTENV=read\n"), 0o600))
	t.Chdir(dir)
	for skip, want := range map[string]string{"": "read", "1": ""} {
		t.Setenv("RUN_DOTENV", "")
		must(t, os.Unsetenv("RUN_DOTENV"))
		t.Setenv("CARAFE_SKIP_DOTENV", skip)
		app := quiet()
		app.Route("/", nil, carafe.Endpoint("nobody")) // so that Run returns
		if err := app.Run(); err == nil {
			t.Fatal("an app with faults runs")
		}
		if got := os.Getenv("RUN_DOTENV"); got != want {
			t.Errorf("with CARAFE_SKIP_DOTENV=%q the file's variable is %q, want %q", skip, got, want)
		}
	}
}

// runningAt is the address at which the app runs until the test ends.
func runningAt(t *testing.T, app *carafe.App, opts ...carafe.RunOption) string {
	t.Helper()
	addr := make(chan string, 1)
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		addr <- l.Addr().String()
		return l, err
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.RunWith(ctx, io.Discard, listen, append(opts, carafe.Debug(false))...) }()
	t.Cleanup(func() { stop(); <-ended })
	return <-addr
}

func TestRunAnswersARequestThatIsShorterThanThePrefaceOfHTTP2(t *testing.T) { // FRAME-27
	conn, err := net.Dial("tcp", runningAt(t, quiet()))
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /\r\n\r\n")
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(8*time.Second))) // the time for headers is 10 s
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("the answer to HTTP/0.9 is %q, %v; want a 400 at once", answer, err)
	}
}

func TestRunSpeaksHTTP2WithoutTLSWhereItIsAskedFor(t *testing.T) {
	for _, asked := range []bool{false, true} {
		app := quiet()
		app.Get("/", func(c *carafe.Context) string { return c.Request.Proto }, carafe.Endpoint("x"))
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		resp, err := (&http.Client{Transport: transport}).Get("http://" + runningAt(t, app, carafe.H2C(asked)))
		if err == nil {
			resp.Body.Close()
		}
		transport.CloseIdleConnections()
		if (err == nil && resp.ProtoMajor == 2) != asked {
			t.Errorf("H2C(%v): a client that begins with HTTP/2 gets %v, %v", asked, resp, err)
		}
	}
}
