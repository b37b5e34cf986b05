// Command migrate is the successor of notes.py, in the middle of being made: Carafe serves the routes that are ported, and passes all
// others on to the running Flask application. Both use one database, one folder of templates and one secret key.
//
//	flask --app notes init-db && flask --app notes run -p 5001   # in one terminal
//	go run . -ported 2                                           # in another: http://127.0.0.1:5000
package main

import (
	"database/sql"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/carafeweb/carafe"
	_ "modernc.org/sqlite"
)

func main() {
	ported := flag.Int("ported", len(routes), "how many of the routes are served by Carafe")
	flask := flag.String("flask", "http://127.0.0.1:5001", "where the Flask application runs")
	flag.Parse()
	app, err := newApp(*flask, *ported)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(); err != nil {
		log.Fatal(err)
	}
}

// newApp is the application with the first so many of routes ported; flask has the others.
func newApp(flask string, ported int) (*carafe.App, error) {
	if ported < 0 || ported > len(routes) {
		return nil, fmt.Errorf("there are %d routes to be ported, not %d", len(routes), ported)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: getenv("NOTES_DATABASE", "notes.sqlite"), RawQuery: "_pragma=busy_timeout(5000)"}).String())
	if err != nil {
		return nil, err
	}
	s := &site{db}
	app := carafe.New("notes")
	app.Config.SecretKey = carafe.Secret(getenv("NOTES_SECRET_KEY", "dev"))
	app.BeforeRequest(s.loadUser)
	for i, r := range routes {
		r.options = append(r.options, carafe.Endpoint(r.name), carafe.BuildOnly(i >= ported))
		app.Route(r.rule, r.view(s), r.options...)
	}
	app.Upstream(flask)
	return app, nil
}

func getenv(name, otherwise string) string {
	if v, ok := os.LookupEnv(name); ok {
		return v
	}
	return otherwise
}
