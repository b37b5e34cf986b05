package carafe_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A label that no DNS has is not decoded: Punycode takes quadratic time, and a Host may have a megabyte under net/http. Twice the text must not
// take four times as long; a time that is short enough proves nothing, and harms nobody.
func TestHostsInPunycodeTakeLinearTime(t *testing.T) {
	app := quiet()
	app.Get("/", func(c *carafe.Context) string {
		_ = c.Request.HostURL() + c.Request.FullURL() + c.Request.RootURL()
		return "ok"
	})
	ask := func(host string) time.Duration {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		began := time.Now()
		app.ServeHTTP(httptest.NewRecorder(), r)
		return time.Since(began)
	}
	half := strings.Repeat("a", 250_000)
	for _, host := range []func(n int) string{
		func(n int) string { return "xn--" + half[:n] + "-" + half[:n] },
		func(n int) string { return "xn--" + strings.Repeat("0", n) },
		func(n int) string { return strings.Repeat("xn--a-ecp.", n/10) },
	} {
		ask(host(1000))
		if took := ask(host(200_000)); took > 5*time.Second && took > 10*ask(host(50_000)) {
			t.Errorf("a host of %.20q and so on takes %v, more than ten times as long as a quarter of it", host(200_000), took)
		}
	}
	began := time.Now()
	if got := carafe.IRIToURI("http://" + strings.Repeat("例え", 100_000) + "/"); len(got) < 100_000 {
		t.Errorf("a host that is none became %.40q", got)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a host of 200,000 letters takes %v", took)
	}
}

// What a view was given it can give back: nothing that a client sends passes on the way in and fails on the way out.
func TestWhatIsBoundCanBeAnswered(t *testing.T) {
	app := quiet()
	type item struct {
		When time.Time `json:"when"`
	}
	app.Post("/items", func(it item) any { return it })
	app.Get("/items", func(it struct {
		When time.Time `query:"when" json:"when"`
	}) any {
		return it
	})
	app.Get("/f/<float:n>", func(n float64) any { return map[string]any{"n": n} })
	client := carafetest.NewClient(t, app)
	for when, want := range map[string]int{
		"2026-01-01T00:00:00Z": 200, "2026-01-01T00:00:00.5+23:59": 200, "2026-01-01T00:00:00-12:00": 200,
		"2026-01-01T00:00:00+24:00": 400, "2026-01-01T00:00:00-24:00": 400, "2026-01-01T00:00:00+23:60": 400, "2026-01-01T1:00:00Z": 400, "2026-01-01T00:00:00,5Z": 400,
	} {
		if got := client.Post("/items", carafetest.JSON(map[string]string{"when": when})).StatusCode; got != want {
			t.Errorf("POST of %s: %d, want %d", when, got, want)
		}
		if got := client.Get("/items", carafetest.Query{"when": {when}}).StatusCode; got != want {
			t.Errorf("?when=%s: %d, want %d", when, got, want)
		}
	}
	for digits, want := range map[int]int{1: 200, 308: 200, 309: 404, 400: 404} {
		if got := client.Get("/f/" + strings.Repeat("9", digits) + ".0").StatusCode; got != want {
			t.Errorf("<float> of %d digits: %d, want %d", digits, got, want)
		}
	}
}

// Members in another case are those of the struct for encoding/json, and so for the memory that they take.
func TestMembersInAnotherCaseAreCounted(t *testing.T) {
	type record struct {
		Skulls []map[string]any // with the two letters that have a third case: ſ, and the Kelvin sign
	}
	value := `[` + strings.Repeat(`{"":0},`, 30_000) + `{}]`
	for _, name := range []string{"Skulls", "skulls", "SKULLS", "ſkulls", "s\u212aullſ"} {
		var r record
		if err := json.Unmarshal([]byte(`{"`+name+`":[{}]}`), &r); err != nil || len(r.Skulls) != 1 {
			t.Fatalf("encoding/json takes %q for another member: %v, %v", name, r, err)
		}
		c := withSmallBudget(`{"` + name + `":` + value + `}`)
		if err := c.Request.JSON(&r); statusOf(err) != 413 {
			t.Errorf("a body with %q: %v, want a 413", name, err)
		}
	}
}
