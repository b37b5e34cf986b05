package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/server"
)

// serverNames are the ways in which the app is served.
var serverNames = []string{"nethttp", "run", "server", "workers"}

// Variables of the environment by which the program knows that it is to serve, and how.
const (
	serveVariable = "SOAK_SERVE"  // one of serverNames
	addrVariable  = "SOAK_ADDR"   // host:port
	dirVariable   = "SOAK_DIR"    // a folder: files has what is served, figures a socket for each process
	connsVariable = "SOAK_CONNS"  // how many connections a process may hold
	faultVariable = "SOAK_FAULT"  // what the app does wrong
	fileName      = "numbers.txt" // in files
	fileSize      = 256 << 10     // of that file
	filesFolder   = "files"       // in SOAK_DIR
	socketsFolder = "figures"     // in SOAK_DIR
)

// serveIfAsked serves, and ends the process, where the environment says so: in the servers and their workers.
func serveIfAsked() {
	name := os.Getenv(serveVariable)
	if name == "" {
		return
	}
	if err := serve(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(server.ExitCode(err))
	}
	os.Exit(0)
}

func serve(name string) error {
	dir, addr := os.Getenv(dirVariable), os.Getenv(addrVariable)
	conns, err := strconv.Atoi(os.Getenv(connsVariable))
	if err != nil {
		return err
	}
	app := newSite(filepath.Join(dir, filesFolder), os.Getenv(faultVariable))
	tell := func(context.Context) error { return tellFigures(app, filepath.Join(dir, socketsFolder)) }
	switch name {
	case "nethttp", "run":
		if err := tell(context.Background()); err != nil {
			return err
		}
		if name == "run" {
			return app.Run(carafe.Addr(addr))
		}
		return plain(app, addr)
	case "server", "workers":
		cfg := server.Config{Bind: []string{addr}, MaxConns: conns, LogLevel: "error"}
		if name == "workers" {
			cfg.Workers = 2
		}
		cfg.Hooks.WorkerInit = tell
		return server.Run(context.Background(), app, cfg)
	}
	return fmt.Errorf("there is no server %q: use %v", name, serverNames)
}

// plain is net/http as docs/deploying.md has it, until it is told to end.
func plain(app *carafe.App, addr string) error {
	srv := &http.Server{Addr: addr, Handler: app, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// tellFigures serves the app on a socket of this process alone: of two workers that share one address, either may answer
// there, and the figures of both are wanted.
func tellFigures(app *carafe.App, dir string) error {
	l, err := net.Listen("unix", filepath.Join(dir, strconv.Itoa(os.Getpid())))
	if err != nil {
		return err
	}
	go func() { _ = (&http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}).Serve(l) }()
	return nil
}
