package main

import (
	"database/sql"
	"errors"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
)

// Post is one entry of the blog, with its author's name.
type Post struct {
	ID, AuthorID          int
	Created               time.Time
	Title, Body, Username string
}

const selectPosts = "SELECT p.id, author_id, created, title, body, username FROM posts p JOIN users u ON p.author_id = u.id"

func (s *site) blog() *blueprints.Blueprint {
	bp := blueprints.New("blog")
	bp.Get("/", s.index)
	both := carafe.Methods{"GET", "POST"}
	bp.Route("/create", loginRequired(s.create), both, carafe.Endpoint("create"))
	bp.Route("/<int:id>/update", loginRequired(s.update), both, carafe.Endpoint("update"))
	bp.Post("/<int:id>/delete", loginRequired(s.delete), carafe.Endpoint("delete"))
	return bp
}

// index shows all posts, the most recent first.
func (s *site) index(c *carafe.Context) (any, error) {
	rows, err := s.db.QueryContext(c, selectPosts+" ORDER BY created DESC, p.id DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var posts []*Post
	for rows.Next() {
		p, err := scanPost(rows)
		if err != nil {
			return nil, err
		}
		posts = append(posts, p)
	}
	return carafe.Render("blog/index.html", map[string]any{"posts": posts}), rows.Err()
}

func scanPost(row interface{ Scan(...any) error }) (*Post, error) {
	var p Post
	return &p, row.Scan(&p.ID, &p.AuthorID, &p.Created, &p.Title, &p.Body, &p.Username)
}

// ownPost is the post that the URL names: 404 if there is none, 403 if it is another's.
func (s *site) ownPost(c *carafe.Context) (*Post, error) {
	p, err := scanPost(s.db.QueryRowContext(c, selectPosts+" WHERE p.id = $1", c.Param("id")))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, carafe.Abort(404, "Post id "+c.Param("id")+" doesn't exist.")
	case err == nil && p.AuthorID != user.Get(c).ID:
		return nil, carafe.Abort(403)
	}
	return p, err
}

// save runs query with the form's title and body, followed by id, and goes to the index; without a title it shows the form again.
func (s *site) save(c *carafe.Context, query string, id int, form any) (any, error) {
	if c.Request.Method != "POST" {
		return form, nil
	}
	if c.Form("title") == "" {
		c.Flash("Title is required.")
		return form, nil
	}
	if _, err := s.db.ExecContext(c, query, c.Form("title"), c.Form("body"), id); err != nil {
		return nil, err
	}
	return carafe.Redirect(c.URLFor("blog.index")), nil
}

func (s *site) create(c *carafe.Context) (any, error) {
	return s.save(c, "INSERT INTO posts (title, body, author_id) VALUES ($1, $2, $3)", user.Get(c).ID, carafe.Render("blog/create.html", nil))
}

func (s *site) update(c *carafe.Context) (any, error) {
	p, err := s.ownPost(c)
	if err != nil {
		return nil, err
	}
	return s.save(c, "UPDATE posts SET title = $1, body = $2 WHERE id = $3", p.ID, carafe.Render("blog/update.html", map[string]any{"post": p}))
}

func (s *site) delete(c *carafe.Context) (any, error) {
	p, err := s.ownPost(c)
	if err != nil {
		return nil, err
	}
	if _, err := s.db.ExecContext(c, "DELETE FROM posts WHERE id = $1", p.ID); err != nil {
		return nil, err
	}
	return carafe.Redirect(c.URLFor("blog.index")), nil
}
