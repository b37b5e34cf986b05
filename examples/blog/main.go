// Command blog is Flask's tutorial application told again in Carafe: people register, log in, and write posts.
//
//	go run . init-db
//	go run . run
package main

import (
	"context"
	"log"
	"os"

	"github.com/carafeweb/carafe/server"
)

func main() {
	app, err := newApp(nil)
	if err != nil {
		log.Fatal(err)
	}
	switch args := os.Args[1:]; {
	case len(args) > 0 && args[0] == "serve":
		os.Args = append(os.Args[:1], args[1:]...)
		server.Main(app, server.Default())
	case len(args) == 0 || args[0] == "run":
		err = app.Run()
	default:
		err = app.RunCommand(context.Background(), os.Stdout, args...)
	}
	if err != nil {
		log.Fatal(err)
	}
}
