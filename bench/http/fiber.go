package main

import (
	"bufio"
	"io"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gofiber/fiber/v3/middleware/static"
)

// fiberParts are the template engine and the validator that fiber asks for.
type fiberParts struct{}

func (fiberParts) Load() error { return nil }

func (fiberParts) Render(w io.Writer, name string, data any, _ ...string) error {
	return page.ExecuteTemplate(w, name, data)
}

func (fiberParts) Validate(v any) error { return validate.Struct(v) }

// fiberApp is the site in fiber, whose sessions are kept in the server's memory, not in the cookie.
func fiberApp(dir string) *fiber.App {
	f := fiber.New(fiber.Config{Views: fiberParts{}, StructValidator: fiberParts{}})
	f.Get("/hello", func(c fiber.Ctx) error { return c.SendString(hello) })
	f.Get("/users/:id", func(c fiber.Ctx) error {
		n, err := strconv.Atoi(c.Params("id"))
		if err != nil {
			return fiber.ErrNotFound
		}
		return c.JSON(user{n, "ada"})
	})
	f.Post("/orders", func(c fiber.Ctx) error {
		var in order
		if err := c.Bind().JSON(&in); err != nil {
			return c.Status(http.StatusUnprocessableEntity).SendString(err.Error())
		}
		return c.JSON(in)
	})
	f.Get("/session", session.New(), fiberVisit)
	f.Get("/page", func(c fiber.Ctx) error { return c.Render("users", thePage) })
	f.Get("/stream", func(c fiber.Ctx) error {
		c.Set("Content-Type", "text/plain; charset=utf-8")
		return c.SendStreamWriter(func(w *bufio.Writer) {
			for p := range pieces() {
				if _, err := w.Write(p); err != nil || w.Flush() != nil {
					return
				}
			}
		})
	})
	f.Use("/static", static.New(filepath.Join(dir, "static")))
	return f
}

func fiberVisit(c fiber.Ctx) error {
	s := session.FromContext(c)
	n, _ := s.Get("n").(int)
	if n == 0 {
		for k, v := range remembered {
			s.Set(k, v)
		}
	}
	s.Set("n", n+1)
	return c.SendString(visit(n + 1))
}
