package blueprints_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
)

// A prefix that is given when registering wins over the one that the blueprint was made with.
func ExampleApp_RegisterBlueprint() {
	api := blueprints.New("api", carafe.URLPrefix("/api"))
	api.Get("/ping", func() string { return "pong" }, carafe.Endpoint("ping"))

	app := carafe.New("shop")
	app.Config.ServerName = "shop.test"
	app.RegisterBlueprint(api, carafe.URLPrefix("/v2"))

	url, err := app.URLFor("api.ping")
	fmt.Println(url, err)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/v2/ping", nil))
	fmt.Println(w.Body)
	// Output:
	// http://shop.test/v2/ping <nil>
	// pong
}

// Nested blueprints join their names and prefixes, and the outer one's hooks run around the inner one's views.
func ExampleBlueprint_RegisterBlueprint() {
	users := blueprints.New("users", carafe.URLPrefix("/users"))
	users.Get("/<int:id>", func(c *carafe.Context, id int) string {
		return fmt.Sprint(c.Endpoint(), " of ", id, " for ", c.G().Get("admin"))
	}, carafe.Endpoint("show"))

	admin := blueprints.New("admin", carafe.URLPrefix("/admin"))
	admin.BeforeRequest(func(c *carafe.Context) (any, error) {
		c.G().Set("admin", "bean")
		return nil, nil
	})
	admin.RegisterBlueprint(users)

	app := carafe.New("shop")
	app.RegisterBlueprint(admin)

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/admin/users/7", nil))
	fmt.Println(w.Body)
	// Output: admin.users.show of 7 for bean
}

// A recorded function sees where the blueprint ends up.
func ExampleBlueprint_Record() {
	bp := blueprints.New("docs", carafe.URLPrefix("/docs"))
	bp.Record(func(s *blueprints.SetupState) {
		fmt.Println(s.FullName(), *s.URLPrefix, s.First)
	})
	app := carafe.New("shop")
	app.RegisterBlueprint(bp)
	app.RegisterBlueprint(bp, carafe.Name("manual"), carafe.URLPrefix("/manual"))
	// Output:
	// docs /docs true
	// manual /manual false
}
