// Command carafe works with Carafe apps: it makes new ones, and builds a program to run it, serve it, or ask it what it consists of.
//
//	carafe new shop
//	carafe run --debug ./shop
//	carafe routes ./shop
//	carafe serve -w 4 ./shop
//
// See docs/cli.md.
package main

import "github.com/carafeweb/carafe/cli"

func main() { cli.ToolMain(newCommand()) }
