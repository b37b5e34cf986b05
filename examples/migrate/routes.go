package main

import (
	"database/sql"
	"errors"
	"iter"
	"net/http"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
)

// routes are those of notes.py, in the order in which they are ported. One that is not yet is there to build URLs only, so that
// the templates' url_for knows all endpoints from the first day on.
var routes = []struct {
	name, rule string
	view       func(*site) any
	options    []carafe.RouteOption
}{
	{"index", "/", func(s *site) any { return s.index }, []carafe.RouteOption{carafe.Methods{"GET"}}},
	{"add", "/notes", func(s *site) any { return s.add }, []carafe.RouteOption{carafe.Methods{"POST"}}},
	{"login", "/login", func(s *site) any { return s.login }, []carafe.RouteOption{carafe.Methods{"GET", "POST"}}},
	{"logout", "/logout", func(s *site) any { return s.logout }, []carafe.RouteOption{carafe.Methods{"POST"}}},
	{"export", "/notes.txt", func(s *site) any { return s.export }, []carafe.RouteOption{carafe.Methods{"GET"}}},
}

type site struct{ db *sql.DB }

// User is who is logged in.
type User struct {
	ID   int
	Name string
}

// Note is one line.
type Note struct{ Author, Text string }

var user = carafe.NewKey[*User]("user")

func (s *site) loadUser(c *carafe.Context) (any, error) {
	var u User
	err := s.db.QueryRowContext(c, "SELECT id, name FROM users WHERE id = ?", c.Session().Get("user_id")).Scan(&u.ID, &u.Name)
	switch {
	case err == nil:
		user.Set(c, &u)
	case errors.Is(err, sql.ErrNoRows):
		user.Set(c, nil)
		err = nil
	}
	return nil, err
}

func (s *site) index(c *carafe.Context) (any, error) {
	notes, err := s.notes(c)
	return carafe.Render("index.html", map[string]any{"notes": notes}), err
}

func (s *site) notes(c *carafe.Context) (notes []Note, err error) {
	rows, err := s.db.QueryContext(c, "SELECT author, text FROM notes ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n Note
		if err := rows.Scan(&n.Author, &n.Text); err != nil {
			return nil, err
		}
		notes = append(notes, n)
	}
	return notes, rows.Err()
}

func (s *site) add(c *carafe.Context) (any, error) {
	u := user.Get(c)
	if u == nil {
		return carafe.Redirect(c.URLFor("login")), nil
	}
	if text := c.Form("text"); text == "" {
		c.Flash("A note needs a text.", "error")
	} else {
		if _, err := s.db.ExecContext(c, "INSERT INTO notes (author, text) VALUES (?, ?)", u.Name, text); err != nil {
			return nil, err
		}
		c.Flash("Added.", "success")
	}
	return carafe.Redirect(c.URLFor("index")), nil
}

func (s *site) login(c *carafe.Context) (any, error) {
	if c.Request.Method == "POST" {
		name, err := c.Request.RequireForm("name") // as request.form["name"]: a 400 without it
		if err != nil {
			return nil, err
		}
		id, err := s.check(c, name)
		if err != nil {
			return nil, err
		}
		if id != 0 {
			c.Session().Set("user_id", id)
			c.Flash("Welcome.", "success")
			return carafe.Redirect(c.URLFor("index")), nil
		}
		c.Flash("That is not right.", "error")
	}
	return carafe.Render("login.html", nil), nil
}

// check is the id of the user with this name, 0 if there is none or the password is another. As in notes.py, a password is asked for if
// there is the user. The hashes are Werkzeug's.
func (s *site) check(c *carafe.Context, name string) (id int, err error) {
	var hash string
	err = s.db.QueryRowContext(c, "SELECT id, password FROM users WHERE name = ?", name).Scan(&id, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	password, err := c.Request.RequireForm("password")
	if err != nil {
		return 0, err
	}
	if ok, err := signing.CheckPasswordHash(hash, password); !ok {
		return 0, err
	}
	return id, nil
}

func (s *site) logout(c *carafe.Context) *carafe.Response {
	c.Session().Clear()
	return carafe.Redirect(c.URLFor("index"))
}

// export is sent line by line.
func (s *site) export(c *carafe.Context) (iter.Seq[string], http.Header, error) {
	notes, err := s.notes(c)
	return func(yield func(string) bool) {
		for _, n := range notes {
			if !yield(n.Author + ": " + n.Text + "\n") {
				return
			}
		}
	}, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, err
}
