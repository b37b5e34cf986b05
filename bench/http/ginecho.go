package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v5"
)

func ginEngine(dir string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New() // without the logger of gin.Default: no other server here has one but Carafe's Run
	g.SetHTMLTemplate(page)
	g.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, hello) })
	g.GET("/users/:id", func(c *gin.Context) {
		if n, ok := number(c.Writer, c.Param("id")); ok {
			c.JSON(http.StatusOK, user{n, "ada"})
		}
	})
	g.POST("/orders", func(c *gin.Context) {
		var in order
		if err := c.ShouldBindJSON(&in); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusOK, in)
	})
	g.GET("/session", func(c *gin.Context) {
		n, err := nextVisit(c.Writer, c.Request)
		if err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.String(http.StatusOK, visit(n))
	})
	g.GET("/page", func(c *gin.Context) { c.HTML(http.StatusOK, "users", thePage) })
	g.GET("/stream", func(c *gin.Context) {
		i := 0
		c.Header("Content-Type", "text/plain; charset=utf-8")
		c.Stream(func(w io.Writer) bool {
			_, err := w.Write(piece(i))
			i++
			return err == nil && i < pieceCount
		})
	})
	g.Static("/static", filepath.Join(dir, "static"))
	return g
}

// echoParts are the renderer and the validator that echo asks for.
type echoParts struct{}

func (echoParts) Render(_ *echo.Context, w io.Writer, name string, data any) error {
	return page.ExecuteTemplate(w, name, data)
}

func (echoParts) Validate(v any) error { return validate.Struct(v) }

func echoServer(dir string) http.Handler {
	e := echo.New()
	e.Renderer, e.Validator = echoParts{}, echoParts{}
	e.GET("/hello", func(c *echo.Context) error { return c.String(http.StatusOK, hello) })
	e.GET("/users/:id", func(c *echo.Context) error {
		n, err := strconv.Atoi(c.Param("id"))
		if err != nil {
			return echo.ErrNotFound
		}
		return c.JSON(http.StatusOK, user{n, "ada"})
	})
	e.POST("/orders", echoOrder)
	e.GET("/session", func(c *echo.Context) error {
		n, err := nextVisit(c.Response(), c.Request())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, visit(n))
	})
	e.GET("/page", func(c *echo.Context) error { return c.Render(http.StatusOK, "users", thePage) })
	e.GET("/stream", func(c *echo.Context) error { plainStream(c.Response(), c.Request()); return nil })
	e.Static("/static", filepath.Join(dir, "static"))
	return e
}

func echoOrder(c *echo.Context) error {
	var in order
	if err := c.Bind(&in); err != nil {
		return err
	}
	if err := c.Validate(&in); err != nil {
		return c.JSON(http.StatusUnprocessableEntity, map[string]string{"error": err.Error()})
	}
	return c.JSON(http.StatusOK, in)
}
