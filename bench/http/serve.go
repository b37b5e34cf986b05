package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/gofiber/fiber/v3"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/server"
)

// serveWord as the first argument makes this program one of the servers: serve <name> <host:port> <folder of the site>.
const serveWord = "serve"

// goServers are the servers that this program can be, by name. Those that are an http.Handler stand under the same http.Server.
var goServers = map[string]func(addr, dir string) error{
	"Carafe":          func(addr, dir string) error { return plainly(addr, carafeApp(dir)) },
	"Carafe, Run":     func(addr, dir string) error { return carafeApp(dir).Run(carafe.Addr(addr)) },
	"Carafe, serve 0": func(addr, dir string) error { return preFork(addr, dir, 0) },
	"Carafe, serve 2": func(addr, dir string) error { return preFork(addr, dir, 2) },
	"net/http":        func(addr, dir string) error { return plainly(addr, bare(dir)) },
	"gin":             func(addr, dir string) error { return plainly(addr, ginEngine(dir)) },
	"echo":            func(addr, dir string) error { return plainly(addr, echoServer(dir)) },
	"chi":             func(addr, dir string) error { return plainly(addr, chiRouter(dir)) },
	"gorilla/mux":     func(addr, dir string) error { return plainly(addr, gorillaRouter(dir)) },
	"fiber (fasthttp)": func(addr, dir string) error {
		return fiberApp(dir).Listen(addr, fiber.ListenConfig{DisableStartupMessage: true})
	},
}

// serve is main in a process that is a server. It returns when the server has been told to stop, or cannot begin.
func serve(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("serve takes a name, an address and a folder, not %q", args)
	}
	run, ok := goServers[args[0]]
	if !ok {
		return fmt.Errorf("there is no server %q", args[0])
	}
	return run(args[1], args[2])
}

func plainly(addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: h}).Serve(l) // #nosec G112 -- net/http as it comes is what is measured, on loopback
}

// preFork is Carafe under its own server. 10,000 connections is what a worker holds by default; the case with as many idle ones
// needs room for those that ask.
func preFork(addr, dir string, workers int) error {
	cfg := server.Config{Bind: []string{addr}, Workers: workers, MaxConns: maxConns, LogLevel: "warning"}
	return server.Run(context.Background(), carafeApp(dir), cfg)
}

// serveIfAsked ends the process, as a server, if the program was started as one.
func serveIfAsked() {
	if len(os.Args) < 2 || os.Args[1] != serveWord {
		return
	}
	if err := serve(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
