package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/carafeweb/carafe"
)

//go:embed templates static schema.sql
var files embed.FS

// site is what the views share: they are its methods.
type site struct{ db *database }

// newApp is the application factory. config wins over BLOG_… in the environment, which wins over config.json in the instance folder.
func newApp(config map[string]any) (*carafe.App, error) {
	app := carafe.New("blog", carafe.Templates{FS: folder("templates")}, carafe.Static{FS: folder("static"), Hash: true}, carafe.InstanceRelative(true))
	defaults := app.Config.FromMap(map[string]any{
		"SECRET_KEY": "dev", // to be replaced where it is deployed: BLOG_SECRET_KEY
		"DATABASE":   filepath.Join(app.InstancePath(), "blog.sqlite"),
	})
	_, broken := app.Config.FromFile("config.json", json.Unmarshal, carafe.Optional(true))
	if err := errors.Join(defaults, broken, app.Config.FromEnv("BLOG"), app.Config.FromMap(config), shareByRedis(app)); err != nil {
		return nil, err
	}
	if app.Config.SecretKey == "dev" && !app.Config.Debug && !app.Config.Testing {
		app.Log().Warn("SECRET_KEY is the one of the source: set BLOG_SECRET_KEY, or whoever reads it can log in as anybody")
	}

	db, err := openDatabase(fmt.Sprint(app.Config.Get("DATABASE")))
	if err != nil {
		return nil, err
	}
	app.Command("init-db", db.initCommand)
	app.Get("/hello", func() string { return "Hello, World!" })

	s := &site{db}
	app.RegisterBlueprint(s.auth())
	app.RegisterBlueprint(s.blog())
	app.Get("/", s.index, carafe.Endpoint("index"), carafe.BuildOnly(true)) // "index" leads to the main page, which blog.index answers
	return app, nil
}

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err)
	}
	return sub
}
