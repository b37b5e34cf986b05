package carafe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/carafeweb/carafe"
)

func ExampleContext_Session() {
	app := carafe.New("counter")
	app.Config.SecretKey = "dev"
	app.Get("/", func(c *carafe.Context) string {
		n, _ := c.Session().Get("visits").(int)
		c.Session().Set("visits", n+1)
		return fmt.Sprintf("visit %d", n+1)
	}, carafe.Endpoint("index"))

	var cookies []*http.Cookie
	for range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		cookies = w.Result().Cookies()
		fmt.Println(w.Body)
	}
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

func ExampleServerSessions() {
	app := carafe.New("shop")
	app.Sessions = &carafe.ServerSessions{Store: &carafe.MemoryStore{}}
	app.Get("/", func(c *carafe.Context) string { c.Session().Set("user", "ann"); return "in" }, carafe.Endpoint("index"))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(len(w.Result().Cookies()[0].Value), "characters that say nothing")
	// Output: 43 characters that say nothing
}

func ExampleConfig_FromMap() {
	app := carafe.New("shop")
	err := app.Config.FromMap(map[string]any{"SECRET_KEY": "s3cret", "PERMANENT_SESSION_LIFETIME": 3600, "CACHE_SIZE": 64, "DEBUG": "perhaps"})
	fmt.Println(app.Config.SecretKey, app.Config.PermanentSessionLifetime, app.Config.Get("CACHE_SIZE"))
	fmt.Println(err)
	// Output:
	// [secret] 1h0m0s 64
	// carafe: setting DEBUG is perhaps (string): give true or false
}

func ExampleFromEnv() {
	_ = os.Setenv("CAFE_SECRET_KEY", "s3cret")
	_ = os.Setenv("CAFE_MAIL__HOST", "mail.test")
	type Settings struct {
		carafe.Config
		Mail struct{ Host string }
	}
	s := Settings{Config: carafe.DefaultConfig()}
	if err := carafe.FromEnv("CAFE", &s); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.SecretKey, s.Mail.Host)
	// Output: [secret] mail.test
}

func ExampleConfig_FromFile() {
	app := carafe.New("shop")
	loaded, err := app.Config.FromFile("settings.json", json.Unmarshal, carafe.Optional(true))
	fmt.Println(loaded, err)
	// Output: false <nil>
}

func ExampleParseDotenv() {
	values, err := carafe.ParseDotenv("export HOST=example.com # ours\nURL=\"https://${HOST}/\"\n", os.LookupEnv)
	fmt.Println(values["URL"], err)
	// Output: https://example.com/ <nil>
}

func ExampleCSRF() {
	app := carafe.New("bank")
	app.Post("/transfer", func() string { return "done" }, carafe.Endpoint("transfer"))
	app.Post("/hook", func() string { return "heard" }, carafe.Endpoint("hook"), carafe.CSRFOff)
	for _, path := range []string{"/transfer", "/hook"} {
		r := httptest.NewRequest("POST", path, strings.NewReader("to=mallory"))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /transfer 403
	// /hook 200
}

func ExampleContext_RequestID() {
	app := carafe.New("shop")
	app.Config.RequestIDHeader = "X-Request-Id" // which our proxy overwrites
	app.ErrorHandler(404, func(c *carafe.Context, _ *carafe.HTTPError) (any, error) {
		return carafe.Reply("Not here. Ask about "+c.RequestID(), 404), nil
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "req-7")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: Not here. Ask about req-7
}
