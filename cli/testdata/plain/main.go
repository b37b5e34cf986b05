// Command plain is a program that knows nothing of a command line.
package main

import (
	"fmt"
	"io"
	"log"

	"github.com/carafeweb/carafe"
)

func main() {
	app := carafe.New("plain")
	app.Get("/", index)
	app.Command("ping", ping)
	if err := app.Run(carafe.Addr("127.0.0.1:0")); err != nil {
		log.Fatal(err)
	}
}

func index() string { return "plain" }

func ping(_ *carafe.AppContext, args []string, out io.Writer) error {
	_, err := fmt.Fprintln(out, "pong", args)
	return err
}
