// Command shop is the program that the scripts run.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/cli"
	"github.com/gorilla/mux"
)

func main() { cli.MainFunc(newApp) }

func newApp() (*carafe.App, error) {
	if os.Getenv("SHOP_BROKEN") != "" {
		return nil, errors.New("the catalogue is not there")
	}
	app := carafe.New("shop")
	if os.Getenv("SHOP_PANICS") != "" {
		app.Get("/broken/<nosuch:id>", index)
	}
	app.Config.SecretKey = "do not tell"
	if err := app.Config.FromEnv("SHOP"); err != nil {
		return nil, err
	}
	app.Get("/", index)
	app.Route("/items/<int:id>", item, carafe.Methods{"GET", "PUT"})
	app.BeforeRequest(login)
	app.ErrorHandler(404, notFound)
	app.Router().Handle("/legacy/{page}", http.HandlerFunc(legacy)).Methods("GET").Name("legacy")
	app.Mount("/metrics", http.NotFoundHandler())
	app.Command("hello", hello, carafe.CommandUsage("NAME"), carafe.CommandHelp("Greet somebody.\nThe name is printed as it is."))
	app.Command("fail", func(*carafe.AppContext, []string, io.Writer) error { return errors.New("it does not work") })
	app.Command("where", where)
	admin := blueprints.New("admin", carafe.URLPrefix("/admin"))
	admin.Get("/users/<name>", user)
	admin.Command("create", hello, carafe.CommandHelp("Create a user."))
	admin.Command("delete", hello)
	app.RegisterBlueprint(admin)
	return app, nil
}

func index(c *carafe.Context) string { return c.URLFor("item", "id", 7) }

func item(id int) string { return fmt.Sprint("item ", id) }

func user(name string) string { return "user " + name }

func login(*carafe.Context) (any, error) { return nil, nil }

func notFound(*carafe.Context, *carafe.HTTPError) (any, error) { return "nothing here", nil }

func legacy(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, mux.Vars(r)["page"]) }

func hello(_ *carafe.AppContext, args []string, out io.Writer) error {
	_, err := fmt.Fprintln(out, "Hello", args)
	return err
}

// where tells what the environment files have said.
func where(ac *carafe.AppContext, _ []string, out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s: debug %v, where %q\n", ac.App().Name(), ac.App().Config.Debug, os.Getenv("WHERE"))
	return err
}
