// Command gateway shows the gateway's contract from both sides: an application as a function, one as a type, a middleware
// that changes the environ and the answer, a handler of net/http and an App, joined under one address.
//
//	go run ./examples/gateway                          # http://127.0.0.1:8000
//	go run ./examples/gateway -fastcgi unix:/tmp/s     # behind nginx or lighttpd
//
// Put the binary where a web server runs CGI programs, and it is one.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

// site is everything under one root.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cups/{size}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "a %s cup below %q\n", r.PathValue("size"), gateway.ScriptName(r))
	})
	app := carafe.New("shop")
	app.Get("/cups/<size>", func(c *carafe.Context, size string) string {
		return "a " + size + " cup, also at " + c.URLFor("cup", "size", "small")
	}, carafe.Endpoint("cup"))
	return &gateway.Dispatcher{
		Default: gateway.Handler(gateway.ApplicationFunc(hello)),
		Mounts: map[string]http.Handler{
			"/menu":    gateway.Handler(Menu{"espresso", "lungo"}),
			"/loud":    gateway.Handler(Shout(Menu{"espresso", "lungo"})),
			"/environ": gateway.Handler(gateway.DemoApp),
			"/mux":     gateway.Guest(mux),
			"/shop":    app,                         // an App is a handler,
			"/market":  gateway.Handler(Shout(app)), // and an application
		},
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "where to listen for HTTP: host:port or unix:path")
	fastcgi := flag.String("fastcgi", "", "where to listen for FastCGI instead")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *fastcgi); err != nil {
		log.Fatal(err)
	}
}

// run serves the site in the way that the flags and the environment ask for.
func run(ctx context.Context, addr, fastcgi string) error {
	app := gateway.FromHandler(site())
	if os.Getenv("GATEWAY_INTERFACE") != "" {
		return gateway.RunCGI(app)
	}
	if fastcgi != "" {
		l, err := gateway.Listen(fastcgi)
		if err != nil {
			return err
		}
		return (&gateway.FastCGI{App: app}).Serve(ctx, l)
	}
	l, err := gateway.Listen(addr)
	if err != nil {
		return err
	}
	log.Printf("serving on %s", l.Addr())
	return gateway.Serve(ctx, l, app)
}
