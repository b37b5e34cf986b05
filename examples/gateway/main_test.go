package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// TestMain is the program itself when a test runs it as CGI.
func TestMain(m *testing.M) {
	if os.Getenv("GATEWAY_INTERFACE") != "" {
		if err := run(context.Background(), "", ""); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var pages = []struct {
	name, path string
	status     int
	want       string
}{
	{"the function", "/", 200, "Hello world!\n"},
	{"the type", "/menu", 200, "espresso\nlungo\n"},
	{"a line of it", "/menu/lungo", 200, "lungo\n"},
	{"no such line", "/menu/tea", 404, "not on the menu\n"},
	{"the middleware", "/loud/LUNGO", 200, "LUNGO\n"},
	{"the environ", "/environ/x", 200, "PATH_INFO = \"/x\"\n"},
	{"an App", "/shop/cups/big", 200, "a big cup, also at /shop/cups/small"},
	{"an App as an application, under the middleware", "/market/CUPS/BIG", 200, "A BIG CUP, ALSO AT /MARKET/CUPS/SMALL"},
	{"the mux", "/mux/cups/small", 200, "a small cup below \"/mux\"\n"},
}

// check asks for every page below url.
func check(t *testing.T, client *http.Client, url string) {
	t.Helper()
	for _, p := range pages {
		resp, err := client.Get(url + p.path)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != p.status || !strings.Contains(string(body), p.want) {
			t.Errorf("%s: GET %s: %d %q, want %d with %q", p.name, p.path, resp.StatusCode, body, p.status, p.want)
		}
	}
}

func TestSiteUnderNetHTTP(t *testing.T) {
	lint := gateway.Lint{Report: func(f gateway.Finding) {
		if !strings.Contains(f.Message, "without a Content-Type") { // the mux leaves that to net/http
			t.Error(f)
		}
	}}
	srv := httptest.NewServer(lint.Wrap(site()))
	defer srv.Close()
	check(t, srv.Client(), srv.URL)
}

func TestSiteAsCGIProgram(t *testing.T) {
	srv := httptest.NewServer(gateway.Handler(&gateway.CGIProgram{Path: os.Args[0]}))
	defer srv.Close()
	check(t, srv.Client(), srv.URL)
}

func TestSiteByItsOwnServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- run(ctx, "unix:"+path, "") }()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		deadline := time.Now().Add(5 * time.Second)
		for {
			conn, err := net.Dial("unix", path)
			if err == nil || time.Now().After(deadline) { // the socket appears when the server listens
				return conn, err
			}
		}
	}
	check(t, &http.Client{Transport: &http.Transport{DialContext: dial}}, "http://site")
	stop()
	if err := <-done; err != nil {
		t.Errorf("the server ended with %v, want nil", err)
	}
}
