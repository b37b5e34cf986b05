package carafe_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-playground/locales/fr"
	french "github.com/go-playground/validator/v10/translations/fr"

	"github.com/carafeweb/carafe"
)

// show sends a request and prints the answer.
func show(app *carafe.App, method, target, header, body string) {
	w := send(app, call{method, target, header, body})
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

// A view's last parameter is filled from the request and checked before the view is called.
func ExampleContext_Bind_view() {
	type createUser struct {
		Name  string `json:"name" validate:"required,min=2"`
		Email string `json:"email" validate:"required,email"`
	}
	type user struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	app := carafe.New("users")
	app.Post("/users", func(in createUser) (user, int, error) {
		return user{1, in.Name}, 201, nil
	})
	show(app, "POST", "/users", "Content-Type: application/json", `{"name":"Ada","email":"ada@example.org"}`)
	show(app, "POST", "/users", "Content-Type: application/json", `{"name":"A"}`)
	// Output:
	// 201 {"id":1,"name":"Ada"}
	// 422 {"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"The request has 2 faults.","errors":[{"name":"name","in":"json","rule":"min","message":"name must be at least 2 characters in length"},{"name":"email","in":"json","rule":"required","message":"email is a required field"}]}
}

// Path tags name variables of the rule.
func ExampleContext_Bind_path() {
	type in struct {
		User int    `path:"user"`
		Tab  string `query:"tab" default:"posts" validate:"oneof=posts likes"`
	}
	app := carafe.New("users")
	app.Get("/users/<int:user>", func(in in) string { return fmt.Sprint(in.Tab, " of ", in.User) })
	show(app, "GET", "/users/7", "", "")
	show(app, "GET", "/users/7?tab=likes", "", "")
	// Output:
	// 200 posts of 7
	// 200 likes of 7
}

// A query has single values, lists, maps and structs.
func ExampleContext_Bind_query() {
	type search struct {
		Text  string            `query:"q" validate:"required"`
		Page  int               `query:"page" default:"1" validate:"min=1"`
		Tags  []string          `query:"tag"`
		Since time.Time         `query:"since"`
		Only  map[string]string `query:"only"`
		Near  struct {
			Lat float64 `query:"lat" validate:"latitude"`
			Lon float64 `query:"lon" validate:"longitude"`
		} `query:"near"`
	}
	app := carafe.New("search")
	app.Get("/", func(in search) string {
		return fmt.Sprintf("%s %d %v %d %v %v", in.Text, in.Page, in.Tags, in.Since.Year(), in.Only, in.Near)
	})
	show(app, "GET", "/?q=tea&tag=hot&tag=green&since=2026-11-21&only[size]=L&near.lat=48.1&near.lon=11.5", "", "")
	// Output: 200 tea 1 [hot green] 2026 map[size:L] {48.1 11.5}
}

// One struct takes both a browser's form and an API client's JSON.
func ExampleContext_Bind_form() {
	type login struct {
		Name     string        `form:"name" json:"name" validate:"required,min=1"`
		Password carafe.Secret `form:"password" json:"password" validate:"required,min=8"`
		Remember bool          `form:"remember" json:"remember"`
	}
	app := carafe.New("login")
	app.Post("/login", func(in login) string { return fmt.Sprint(in.Name, " ", in.Password, " ", in.Remember) })
	show(app, "POST", "/login", "Content-Type: application/x-www-form-urlencoded", "name=ada&password=longenough&remember=on")
	show(app, "POST", "/login", "Content-Type: application/json", `{"name":"ada","password":"longenough"}`)
	show(app, "POST", "/login", "Content-Type: application/x-www-form-urlencoded\nAccept: text/plain", "password=short")
	// Output:
	// 200 ada [secret] true
	// 200 ada [secret] false
	// 422 422 Unprocessable Entity
	//
	// The request has 2 faults.
	// - name is a required field
	// - password is not valid
}

func ExampleContext_Bind_headersAndCookies() {
	type in struct {
		Languages []string `header:"Accept-Language"`
		Retry     int      `header:"X-Retry" default:"0" validate:"max=3"`
		Theme     string   `cookie:"theme" default:"light"`
	}
	app := carafe.New("headers")
	app.Get("/", func(in in) string { return fmt.Sprintf("%v %d %s", in.Languages, in.Retry, in.Theme) })
	show(app, "GET", "/", "Accept-Language: fr, en\nCookie: theme=dark\n", "")
	// Output: 200 [fr en] 0 dark
}

func ExampleContext_Bind_files() {
	type in struct {
		Title string           `form:"title"`
		Cover *carafe.Upload   `file:"cover" validate:"required"`
		Pages []*carafe.Upload `file:"page" validate:"max=10"`
	}
	app := carafe.New("books")
	app.Post("/", func(in in) string {
		return fmt.Sprintf("%s: %s (%d bytes), %d pages", in.Title, in.Cover.Filename, in.Cover.Size(), len(in.Pages))
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, upload(map[string]string{"title": "Tea"}, "cover", "page"))
	fmt.Println(w.Code, w.Body)
	// Output: 200 Tea: cover.txt (16 bytes), 1 pages
}

// Bind does inside of a view what a struct parameter does before it.
func ExampleContext_Bind() {
	app := carafe.New("notes")
	app.Put("/notes/<int:id>", func(c *carafe.Context, id int) (string, error) {
		note := struct { // as it was stored
			Title string `json:"title"`
			Text  string `json:"text"`
		}{"Tea", "green"}
		if err := c.Bind(&note); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d: %+v", id, note), nil
	})
	show(app, "PUT", "/notes/1", "Content-Type: application/json", `{"text":"black"}`)
	// Output: 200 1: {Title:Tea Text:black}
}

type trip struct {
	From time.Time `json:"from" layout:"2006-01-02" validate:"required"`
	To   time.Time `json:"to" layout:"2006-01-02" validate:"required"`
}

func (t trip) Validate(ctx context.Context) error {
	if t.To.Before(t.From) {
		return carafe.Invalid("to", "a trip ends after it has begun")
	}
	return nil
}

// What tags cannot say, a Validate method does.
func ExampleInvalid() {
	app := carafe.New("trips")
	app.Post("/", func(in trip) string { return "have a good trip" })
	show(app, "POST", "/", "Content-Type: application/json\nAccept: text/plain", `{"from":"2026-11-21","to":"2026-11-20"}`)
	// Output:
	// 422 422 Unprocessable Entity
	//
	// The request has 1 fault.
	// - to: a trip ends after it has begun
}

// Embedding Strict refuses members that the struct does not have.
func ExampleStrict() {
	type in struct {
		carafe.Strict
		Colour string `json:"colour"`
	}
	app := carafe.New("paint")
	app.Post("/", func(in in) string { return in.Colour })
	show(app, "POST", "/", "Content-Type: application/json\nAccept: text/plain", `{"color":"red"}`)
	// Output:
	// 422 422 Unprocessable Entity
	//
	// The request has 1 fault.
	// - color is not a known field
}

// A handler of *ValidationError answers in its own way.
func ExampleValidationError() {
	app := carafe.New("api")
	app.Get("/", func(in struct {
		Page int `query:"page" validate:"required,min=1"`
	}) string {
		return "page"
	})
	carafe.OnError(app, func(c *carafe.Context, e *carafe.ValidationError) (any, error) {
		bad := map[string]string{}
		for _, f := range e.Faults {
			bad[f.Name] = f.Rule
		}
		return carafe.Reply(bad, e.Code), nil
	})
	show(app, "GET", "/?page=0", "", "")
	show(app, "GET", "/?page=one", "", "")
	// Output:
	// 422 {"page":"min"}
	// 400 {"page":"integer"}
}

func ExampleApp_Translate() {
	app := carafe.New("site")
	app.Translate(fr.New(), french.RegisterDefaultTranslations)
	app.Get("/", func(in struct {
		Name string `query:"nom" validate:"required"`
	}) string {
		return in.Name
	})
	show(app, "GET", "/", "Accept: text/plain\nAccept-Language: fr-BE", "")
	// Output:
	// 422 422 Unprocessable Entity
	//
	// The request has 1 fault.
	// - nom est un champ obligatoire
}
