package carafe_test

import (
	"fmt"
	"html/template"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/carafeweb/carafe"
)

func TestFlashMarksTheSessionEachTime(t *testing.T) {
	app := sessionApp(t)
	app.Get("/", func(c *carafe.Context) string {
		s := c.Session()
		for _, msg := range []string{"Zap", "Zip"} {
			s.SetModified(false)
			c.Flash(msg)
			if !s.Modified() {
				t.Errorf("flashing %s does not modify the session", msg)
			}
		}
		if got, want := fmt.Sprint(c.FlashedMessages()), "[{message Zap} {message Zip}]"; got != want {
			t.Errorf("flashed %s, want %s", got, want)
		}
		c.Flash("late")
		if n := len(c.FlashedMessages()); n != 2 {
			t.Errorf("%d messages: what is flashed after the first look is for the next request", n)
		}
		return ""
	}, carafe.Endpoint("index"))
	app.Get("/next", func(c *carafe.Context) string { return fmt.Sprint(c.FlashedMessages()) }, carafe.Endpoint("next"))
	v := visit(t, app)
	v.get("/")
	v.want("/next", "[{message late}]")
	v.want("/next", "[]")
}

func TestFlashCategories(t *testing.T) {
	flashed := []carafe.FlashMessage{{"message", "Hello World"}, {"error", "Hello World"}, {"warning", template.HTML("<em>Testing</em>")}}
	for _, tt := range []struct {
		name       string
		categories []string
		want       []carafe.FlashMessage
	}{
		{"all", nil, flashed},
		{"one", []string{"message"}, flashed[:1]},
		{"several", []string{"message", "warning"}, []carafe.FlashMessage{flashed[0], flashed[2]}},
		{"one that is not there", []string{"other"}, []carafe.FlashMessage{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := sessionApp(t)
			app.Get("/", func(c *carafe.Context) string {
				c.Flash("Hello World")
				c.Flash("Hello World", "error")
				c.FlashHTML("<em>Testing</em>", "warning")
				return ""
			}, carafe.Endpoint("index"))
			app.Get("/next", func(c *carafe.Context) string {
				for range 2 { // the same within a request
					if got := c.FlashedMessages(tt.categories...); !reflect.DeepEqual(got, tt.want) {
						t.Errorf("flashed %v, want %v", got, tt.want)
					}
				}
				return ""
			}, carafe.Endpoint("next"))
			v := visit(t, app)
			v.get("/")
			v.get("/next")
			if left := v.jar.Cookies(visitedSite); len(left) != 0 {
				t.Errorf("what the filter left out is still in the session: %v", left)
			}
		})
	}
}

func ExampleContext_Flash() {
	app := carafe.New("shop")
	app.Config.SecretKey = "dev"
	app.Get("/buy", func(c *carafe.Context) *carafe.Response {
		c.Flash("Bought.", "success")
		return carafe.Redirect("/")
	}, carafe.Endpoint("buy"))
	app.Get("/", func(c *carafe.Context) string { return fmt.Sprint(c.FlashedMessages()) }, carafe.Endpoint("index"))

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/buy", nil))
	next := httptest.NewRequest("GET", "/", nil)
	next.AddCookie(w.Result().Cookies()[0])
	w = httptest.NewRecorder()
	app.ServeHTTP(w, next)
	fmt.Println(w.Body)
	// Output: [{success Bought.}]
}
