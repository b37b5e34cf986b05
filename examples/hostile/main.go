// Command hostile is a small application that everything bad can be tried on: the contract of the catalogue of hostile
// inputs, testdata/oracle/hostile-inputs.json, written as a user of Carafe writes an application, with Carafe's defaults.
//
//	ADDR=127.0.0.1:8000 MODE=server go run ./examples/hostile
//
// $MODE says how it is served: "run" (App.Run, the default), "server" (the pre-fork server, one worker) or "http" (plain
// net/http); the word as an argument does the same. "hard" in $MODE, alone or behind a comma, names the hosts that it is
// for; "bare" says that it has none. Nothing else differs: all other defences are on by default.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/server"
)

func main() {
	if err := serve(words(os.Getenv("MODE"), os.Args[1:])); err != nil {
		log.Print(err)
		os.Exit(server.ExitCode(err))
	}
}

// words are those of $MODE and of the arguments.
func words(mode string, args []string) []string {
	return append(strings.FieldsFunc(mode, func(r rune) bool { return r == ',' || r == ' ' }), args...)
}

// servers are the ways of serving.
var servers = map[string]func(app *carafe.App, addr string) error{
	"run":    func(app *carafe.App, addr string) error { return app.Run(carafe.Addr(addr)) },
	"server": prefork,
	"http":   plain,
}

func serve(words []string) error {
	start, hard := servers["run"], false
	for _, word := range words {
		if f, ok := servers[word]; ok {
			start = f
			continue
		}
		hard = hard || word == "hard"
		if word != "hard" && word != "bare" {
			return fmt.Errorf("hostile: $MODE or an argument says %q: use run, server or http, and bare or hard", word)
		}
	}
	site, made, err := siteFolder()
	if err != nil {
		return err
	}
	if made {
		defer os.RemoveAll(site)
	}
	addr := os.Getenv("ADDR")
	if addr == "" {
		addr = "127.0.0.1:8000"
	}
	return start(newApp(settings{site: site, hard: hard, restarted: slices.Contains(words, "server")}), addr)
}

// siteFolder is the folder with the files. The first process makes it, and its workers find it in the environment.
func siteFolder() (dir string, made bool, err error) {
	if dir := os.Getenv("HOSTILE_SITE"); dir != "" {
		return dir, false, nil
	}
	top, err := os.MkdirTemp("", "hostile-")
	if err != nil {
		return "", false, err
	}
	return top, true, errors.Join(makeSite(top), os.Setenv("HOSTILE_SITE", top))
}

// prefork serves under the pre-fork server, with one worker so that whoever measures knows which process it is.
func prefork(app *carafe.App, addr string) error {
	return server.Run(context.Background(), app, server.Config{Bind: []string{addr}, Workers: 1})
}

// plain is net/http with the two settings that nobody who faces a network leaves out: net/http has them at "for ever".
func plain(app *carafe.App, addr string) error {
	srv := &http.Server{Addr: addr, Handler: app, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second}
	return srv.ListenAndServe()
}

// makeSite makes the files that the app serves, and those that it must not.
func makeSite(top string) error {
	files := map[string]string{
		"static/hello.txt":                "hello",
		"static/sub/inner.txt":            "inner",
		"static/%2e%2e.txt":               "pct",
		"static/big.bin":                  strings.Repeat("0123456789abcdef", 1<<16),
		"static/.env":                     "DOTFILE-SECRET",
		"static/dirlist/private-name.txt": "private",
		"static/private/x":                "GUARDED-SECRET",
		"uploads/hello.txt":               "hello",
		"uploads/sub/inner.txt":           "inner",
		"secret.txt":                      "TOP-SECRET-OUTSIDE",
		"static-secret/secret.txt":        "TOP-SECRET-OUTSIDE",
	}
	for name, text := range files {
		path := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, dir := range []string{"static", "uploads"} {
		if err := makeTraps(filepath.Join(top, dir)); err != nil {
			return err
		}
	}
	return nil
}

// makeTraps puts into dir what is no regular file of its own.
func makeTraps(dir string) error {
	return errors.Join(
		os.Symlink("../secret.txt", filepath.Join(dir, "link.txt")),
		os.Symlink("..", filepath.Join(dir, "linkdir")),
		makeFIFO(filepath.Join(dir, "fifo")),
	)
}
