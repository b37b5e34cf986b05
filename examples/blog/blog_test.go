package main

import (
	"strings"
	"testing"

	carafetest "github.com/carafeweb/carafe/testing"
)

func TestIndex(t *testing.T) {
	b := newBlog(t)
	b.shows(b.client.Get("/"), "Log In", "Register")
	b.login("test", "test")
	b.shows(b.client.Get("/"), "Log Out", "test title", "by test on 2018-01-01", "test\nbody", `href="/1/update"`)
}

func TestPostsAreShownTheLastOneFirstAndEscaped(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	b.client.Post("/create", carafetest.Form{"title": {"<b>new</b>"}, "body": {"ü\n<script>"}})
	page := b.client.Get("/")
	b.shows(page, "&lt;b&gt;new&lt;/b&gt;", "ü\n&lt;script&gt;")
	if before, _, _ := strings.Cut(page.Text(), "test title"); !strings.Contains(before, "new") {
		t.Errorf("the new post does not come first:\n%s", page.Text())
	}
}

func TestChangingNeedsALogin(t *testing.T) {
	b := newBlog(t)
	for _, path := range []string{"/create", "/1/update", "/1/delete"} {
		b.leadsTo(b.client.Post(path), "/auth/login")
	}
}

func TestOnlyTheAuthorMayChangeAPost(t *testing.T) {
	b := newBlog(t)
	b.exec("UPDATE posts SET author_id = 2 WHERE id = 1")
	b.login("test", "test")
	for _, path := range []string{"/1/update", "/1/delete"} {
		if got := b.client.Post(path, carafetest.Form{"title": {"mine"}}).StatusCode; got != 403 {
			t.Errorf("POST %s: status %d, want 403", path, got)
		}
	}
	if strings.Contains(b.client.Get("/").Text(), `href="/1/update"`) {
		t.Error("there is a link to edit another's post")
	}
	if title := b.value("SELECT title FROM posts WHERE id = 1"); title != "test title" {
		t.Errorf("the title is %q", title)
	}
}

func TestAPostMustExist(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	for _, path := range []string{"/2/update", "/2/delete"} {
		resp := b.client.Post(path)
		if resp.StatusCode != 404 || !strings.Contains(resp.Text(), "Post id 2 doesn&#39;t exist.") {
			t.Errorf("POST %s: status %d, want 404:\n%s", path, resp.StatusCode, resp.Text())
		}
	}
}

// A key of any size is one that is not there, and no error of the database.
func TestAPostsIDMayBeAsLargeAsItLikes(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	for _, id := range []string{"2147483648", "3000000000", "9223372036854775807", "9223372036854775808", "99999999999999999999"} {
		if got := b.client.Get("/" + id + "/update").StatusCode; got != 404 {
			t.Errorf("GET /%s/update: status %d, want 404", id, got)
		}
	}
}

func TestAFormThatCannotBeKeptIsRefused(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	for _, path := range []string{"/auth/register", "/auth/login", "/create", "/1/update"} {
		for _, field := range []string{"username", "password", "title", "body"} {
			form := carafetest.Form{"username": {"a"}, "password": {"a"}, "title": {"a"}, "body": {"a"}}
			form[field] = []string{"a\x00b"}
			resp := b.client.Post(path, form)
			if resp.StatusCode != 400 || !strings.Contains(resp.Text(), "The field "+field) {
				t.Errorf("POST %s with a NUL in %s: status %d, want a 400 that names the field:\n%s", path, field, resp.StatusCode, resp.Text())
			}
		}
	}
	if resp := b.client.Post("/create", carafetest.Header{"Content-Type": "application/x-www-form-urlencoded"}, carafetest.Body("title=\xff")); resp.StatusCode != 400 {
		t.Errorf("a form that is not UTF-8: status %d, want 400", resp.StatusCode)
	}
	if got := b.value("SELECT COUNT(*) FROM posts WHERE title = 'test title'"); got != "1" {
		t.Errorf("the post was changed")
	}
}

func TestCreate(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	b.shows(b.client.Get("/create"), "<h1>New Post</h1>")
	b.leadsTo(b.client.Post("/create", carafetest.Form{"title": {"created"}, "body": {""}}), "/")
	if n := b.value("SELECT COUNT(id) FROM posts"); n != "2" {
		t.Errorf("there are %s posts, want 2", n)
	}
}

func TestUpdate(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	b.shows(b.client.Get("/1/update"), "Edit “test title”", "test\nbody</textarea>")
	b.leadsTo(b.client.Post("/1/update", carafetest.Form{"title": {"updated"}, "body": {""}}), "/")
	if title := b.value("SELECT title FROM posts WHERE id = 1"); title != "updated" {
		t.Errorf("the title is %q, want updated", title)
	}
}

func TestAPostNeedsATitle(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	for _, path := range []string{"/create", "/1/update"} {
		b.shows(b.client.Post(path, carafetest.Form{"title": {""}, "body": {"kept"}}), "Title is required.", "kept</textarea>")
	}
}

func TestDelete(t *testing.T) {
	b := newBlog(t)
	b.login("test", "test")
	b.leadsTo(b.client.Post("/1/delete"), "/")
	if n := b.value("SELECT COUNT(*) FROM posts"); n != "0" {
		t.Errorf("%s posts are left, want none", n)
	}
}
