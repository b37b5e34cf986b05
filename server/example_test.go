package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/carafeweb/carafe/server"
)

// Any handler is served: a Carafe App, a gin Engine, a chi or echo router, a mux of the standard library.
func ExampleMain() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello, World!") })

	server.Main(handler, server.Default()) // flags, environment, file; workers; exit code
}

// A program with a main of its own.
func ExampleRun() {
	cfg := server.Default()
	cfg.Bind = []string{"127.0.0.1:8000", "unix:/run/shop.sock"}
	cfg.Hooks.WorkerInit = func(context.Context) error { return nil /* open the database */ }
	if err := cfg.FromEnv(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	err := server.Run(context.Background(), http.NotFoundHandler(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(server.ExitCode(err))
}

// Run ends with its context, as with a signal: what is in flight is finished.
func ExampleRun_oneProcess() {
	ctx, stop := context.WithCancel(context.Background())
	cfg := server.Config{Bind: []string{"127.0.0.1:0"}, ErrorLog: os.DevNull}
	cfg.Hooks.WhenReady = func(addresses []string) {
		go func() {
			defer stop()
			resp, err := http.Get("http://" + addresses[0])
			if err != nil {
				fmt.Println(err)
				return
			}
			defer resp.Body.Close()
			io.Copy(os.Stdout, resp.Body)
		}()
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	fmt.Println("ended with", server.Run(ctx, hello, cfg))
	// Output:
	// hello
	// ended with <nil>
}

func ExampleConfig_FromFile() {
	file, err := os.CreateTemp("", "*.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(file.Name())
	fmt.Fprint(file, `
workers = 4
bind = ["127.0.0.1:8000", "unix:/run/shop.sock"]
graceful_timeout = "20s"   # also: 20
max_memory = "512M"
`)
	var cfg server.Config
	err = cfg.FromFile(file.Name())
	fmt.Println(cfg.Workers, cfg.Bind, cfg.GracefulTimeout, cfg.MaxMemory, err)
	// Output: 4 [127.0.0.1:8000 unix:/run/shop.sock] 20s 536870912 <nil>
}
