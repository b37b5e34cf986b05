package main

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/signing"
)

// User is someone who has registered.
type User struct {
	ID                 int
	Username, Password string // the password's hash
}

// user is who is logged in, for views and templates (g.user).
var user = carafe.NewKey[*User]("user")

func (s *site) auth() *blueprints.Blueprint {
	bp := blueprints.New("auth", carafe.URLPrefix("/auth"))
	bp.BeforeAppRequest(refuseNUL)
	bp.BeforeAppRequest(s.loadUser)
	bp.Route("/register", s.register, carafe.Methods{"GET", "POST"})
	bp.Route("/login", s.login, carafe.Methods{"GET", "POST"})
	bp.Post("/logout", s.logout)
	return bp
}

// loginRequired sends those who are not logged in to the login page.
func loginRequired(view carafe.View) carafe.View {
	return func(c *carafe.Context) (any, error) {
		if user.Get(c) == nil {
			return carafe.Redirect(c.URLFor("auth.login")), nil
		}
		return view(c)
	}
}

// refuseNUL answers 400 to a form with what nobody types and PostgreSQL cannot keep, and to one that cannot be read.
func refuseNUL(c *carafe.Context) (any, error) {
	form, err := c.Request.Forms()
	if err != nil {
		return nil, err
	}
	for name, value := range form.All() {
		if strings.ContainsRune(value, 0) {
			return nil, carafe.Abort(400, "The field "+name+" has a character that cannot be kept.")
		}
	}
	return nil, nil
}

// loadUser runs before every request but those of static files, which are the same for everybody.
func (s *site) loadUser(c *carafe.Context) (any, error) {
	if c.Endpoint() == "static" {
		return nil, nil
	}
	var u *User
	var err error
	if id, ok := c.Session().Lookup("user_id"); ok {
		u, err = s.findUser(c, "id = $1", id)
	}
	user.Set(c, u)
	return nil, err
}

// findUser is nil if there is no such user.
func (s *site) findUser(c *carafe.Context, where string, arg any) (*User, error) {
	var u User
	err := s.db.QueryRowContext(c, "SELECT id, username, password FROM users WHERE "+where, arg).Scan(&u.ID, &u.Username, &u.Password)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &u, err
}

func (s *site) register(c *carafe.Context) (any, error) {
	if c.Request.Method == "POST" {
		fault, err := s.addUser(c, c.Form("username"), c.Form("password"))
		if err != nil {
			return nil, err
		}
		if fault == "" {
			return carafe.Redirect(c.URLFor("auth.login")), nil
		}
		c.Flash(fault)
	}
	return carafe.Render("auth/register.html", nil), nil
}

// addUser says what is wrong with the name or the password, "" if they were taken.
func (s *site) addUser(c *carafe.Context, name, password string) (fault string, err error) {
	switch {
	case name == "":
		return "Username is required.", nil
	case password == "":
		return "Password is required.", nil
	case len(name) > 100: // an index of PostgreSQL takes 2,700 bytes at most
		return "Username is too long.", nil
	}
	hash, err := signing.GeneratePasswordHash(password, signing.PasswordOptions{})
	if err != nil {
		return "", err
	}
	added, err := s.db.ExecContext(c, "INSERT INTO users (username, password) VALUES ($1, $2) ON CONFLICT (username) DO NOTHING", name, hash)
	if err != nil {
		return "", err
	}
	if n, err := added.RowsAffected(); n == 1 || err != nil {
		return "", err
	}
	return "User " + name + " is already registered.", nil
}

func (s *site) login(c *carafe.Context) (any, error) {
	if c.Request.Method == "POST" {
		u, err := s.findUser(c, "username = $1", c.Form("username"))
		if err != nil {
			return nil, err
		}
		fault := "Incorrect username."
		if u != nil {
			ok, err := signing.CheckPasswordHash(u.Password, c.Form("password"))
			if err != nil {
				return nil, err
			}
			if ok {
				c.Session().Clear()
				c.Session().Regenerate() // whoever knew the session's id before is out
				c.Session().Set("user_id", u.ID)
				return carafe.Redirect(c.URLFor("index")), nil
			}
			fault = "Incorrect password."
		}
		c.Flash(fault)
	}
	return carafe.Render("auth/login.html", nil), nil
}

// logout is a POST, unlike Flask's: a GET could be sent by an image on another site.
func (s *site) logout(c *carafe.Context) *carafe.Response {
	c.Session().Clear()
	return carafe.Redirect(c.URLFor("index"))
}
