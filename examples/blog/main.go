// Command blog is Flask's tutorial application told again in Carafe: people register, log in, and write posts.
//
//	go run . init-db
//	go run . run
package main

import (
	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/cli"
)

func main() {
	cli.MainFunc(func() (*carafe.App, error) { return newApp(nil) })
}
