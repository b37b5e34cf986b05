package cli_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/cli"
	"github.com/carafeweb/carafe/server"
)

func TestCtlAsksAndOrdersARunningServer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a control socket is a unix socket")
	}
	dir, err := os.MkdirTemp("", "cc") // short: a path has room for about 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "ctl")
	cfg := server.Config{Bind: []string{"127.0.0.1:0"}, ControlSocket: socket, ErrorLog: os.DevNull}
	ready, done := make(chan bool), make(chan error, 1)
	cfg.Hooks.WhenReady = func([]string) { close(ready) }
	go func() { done <- server.Run(t.Context(), http.NotFoundHandler(), cfg) }()
	<-ready
	load := func() (*carafe.App, error) { t.Error("ctl made the app"); return nil, nil }
	for _, tt := range []struct {
		name string
		args []string
		code int
		out  string // in what it prints
		err  string // in what it complains of
	}{
		{"status", []string{"--control-socket", socket, "status"}, 0, `"state": "serving"`, ""},
		{"workers", []string{"--control-socket", socket, "workers"}, 0, "serving", ""},
		{"an order with an argument that is refused", []string{"--control-socket", socket, "scale", "3"}, 1, "", `cannot scale to "3"`},
		{"what is no order", []string{"--control-socket", socket, "dance"}, 1, "", `"dance" is no order`},
		{"no order at all", []string{"--control-socket", socket}, 2, "", "there is no order"},
		{"a server that is not there", []string{"--control-socket", socket + "2", "status"}, 1, "", "no server at " + socket + "2"},
		{"the end", []string{"--control-socket", socket, "stop"}, 0, "ok\n", ""},
	} {
		var out, complaints strings.Builder
		code := cli.New(load).Run(context.Background(), append([]string{"ctl"}, tt.args...), &out, &complaints)
		if code != tt.code || !strings.Contains(out.String(), tt.out) || !strings.Contains(complaints.String(), tt.err) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q, %q", tt.name, code, out.String(), complaints.String(), tt.code, tt.out, tt.err)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
