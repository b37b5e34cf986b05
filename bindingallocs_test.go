package carafe_test

import (
	"testing"

	"github.com/carafeweb/carafe"
)

// TestBindAllocations holds what binding adds to a request whose view reads nothing. Each string that is bound is one allocation, and so
// is each value that validator is asked about.
func TestBindAllocations(t *testing.T) {
	app := carafe.New("allocs")
	app.Post("/none", func() string { return "" })
	app.Get("/none", func() string { return "" })
	type plain struct {
		A int    `json:"a"`
		B bool   `json:"b"`
		C []int  `json:"c"`
		D string `json:"d"`
	}
	type page struct {
		Number int `header:"X-Page" default:"1"`
		Size   int `header:"X-Size"`
	}
	app.Post("/plain", func(in *plain) string { return "" })
	app.Post("/order", func(in *order) string { return "" })
	app.Get("/page", func(in page) string { return "" })
	tests := []struct {
		method, target, typ, body string
		budget                    float64
	}{
		{"GET", "/page", "", "", 3}, // the struct, and the call by reflection
		{"POST", "/plain", "application/json", `{"a":1,"b":true,"c":[1,2,3],"d":"tea"}`, 10}, // and the body, the slice, the string
		{"POST", "/order", "application/json", orderBody, 29},
	}
	for _, tt := range tests {
		none := testing.AllocsPerRun(100, serveBody(app, tt.method, "/none", tt.typ, tt.body))
		got := testing.AllocsPerRun(100, serveBody(app, tt.method, tt.target, tt.typ, tt.body)) - none
		t.Logf("%s %s takes %.0f allocations more than %.0f", tt.method, tt.target, got, none)
		if poolsLeak {
			tt.budget *= 2
		}
		if got > tt.budget {
			t.Errorf("binding %s %s takes %.0f allocations, want at most %.0f", tt.method, tt.target, got, tt.budget)
		}
	}
}
