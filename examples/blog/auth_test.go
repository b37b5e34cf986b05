package main

import (
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

func TestRegister(t *testing.T) {
	b := newBlog(t)
	b.shows(b.client.Get("/auth/register"), "<h1>Register</h1>")
	b.leadsTo(b.client.Post("/auth/register", carafetest.Form{"username": {"a"}, "password": {"a"}}), "/auth/login")
	if hash := b.value("SELECT password FROM users WHERE username = 'a'"); !strings.HasPrefix(hash, "scrypt:") {
		t.Errorf("the password is kept as %q", hash)
	}
	b.leadsTo(b.login("a", "a"), "/")
}

func TestRegisterSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ name, username, password, want string }{
		{"no name", "", "", "Username is required."},
		{"no password", "a", "", "Password is required."},
		{"a name that is taken", "test", "test", "User test is already registered."},
		{"a name that no index takes", strings.Repeat("n", 101), "a", "Username is too long."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBlog(t)
			b.shows(b.client.Post("/auth/register", carafetest.Form{"username": {tt.username}, "password": {tt.password}}), tt.want)
		})
	}
}

func TestLogin(t *testing.T) {
	b := newBlog(t)
	b.shows(b.client.Get("/auth/login"), "<h1>Log In</h1>")
	b.leadsTo(b.login("test", "test"), "/")
	c := b.client.Get("/").Context()
	if id := c.Session().Get("user_id"); id != 1 {
		t.Errorf("the session has user_id %v, want 1", id)
	}
	if u := user.Get(c); u == nil || u.Username != "test" {
		t.Errorf("the user of the request is %v, want test", u)
	}
}

func TestLoginSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ name, username, password, want string }{
		{"an unknown name", "a", "test", "Incorrect username."},
		{"another password", "test", "a", "Incorrect password."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBlog(t)
			b.shows(b.login(tt.username, tt.password), tt.want)
		})
	}
}

func TestLogout(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	if got := b.client.Get("/auth/logout").StatusCode; got != 405 {
		t.Errorf("a GET of /auth/logout: status %d, want 405", got)
	}
	b.leadsTo(b.client.Post("/auth/logout"), "/")
	b.client.Session(func(s *carafe.Session) {
		if s.Has("user_id") {
			t.Error("user_id is still in the session")
		}
	})
}

func TestASessionOfAUserWhoIsGoneIsNobodys(t *testing.T) {
	b := newBlog(t)
	b.login("other", "other")
	b.exec("DELETE FROM users WHERE username = 'other'")
	b.shows(b.client.Get("/"), "Log In")
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	resp := b.client.Post("/1/delete", carafetest.Header{"Sec-Fetch-Site": "cross-site"})
	if resp.StatusCode != 403 || b.value("SELECT COUNT(*) FROM posts") != "1" {
		t.Errorf("status %d, want 403 and the post still there", resp.StatusCode)
	}
}
