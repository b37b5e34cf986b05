package carafe_test

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/google/uuid"
)

func TestPathFieldsAreTheRulesVariables(t *testing.T) {
	type in struct {
		ID    uint8     `path:"id" json:"id"`
		Key   uuid.UUID `path:"key"`
		Suit  *suit     `path:"suit"`
		Query string    `query:"q"`
	}
	app := carafe.New("test")
	app.Get("/<int:id>/<uuid:key>/<suit>", func(in *in) string {
		return fmt.Sprintf("%v %v %v %v", in.ID, in.Key, *in.Suit, in.Query)
	})
	app.Get("/bind/<int:id>/<uuid:key>/<suit>", func(c *carafe.Context) (string, error) {
		var in in
		if err := c.Bind(&in); err != nil {
			return "", err
		}
		return fmt.Sprintf("%v %v %v %v", in.ID, in.Key, *in.Suit, in.Query), nil
	})
	for _, prefix := range []string{"", "/bind"} {
		tests := []struct {
			name, target string
			status       int
			body         string
		}{
			{"variables of every kind", "/7/" + anID + "/hearts?q=x", 200, "7 " + anID + " 2 x"},
			{"a number that the field cannot hold is no match", "/256/" + anID + "/hearts", 404, ""},
			{"a text that the field cannot read", "/7/" + anID + "/clubs", 400, ""},
		}
		for _, tt := range tests {
			w := send(app, call{method: "GET", target: prefix + tt.target})
			if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("%s: GET %s%s gives %d %q, want %d %q", tt.name, prefix, tt.target, w.Code, w.Body, tt.status, tt.body)
			}
		}
	}
}

type base struct {
	ID   int    `query:"id"`
	Name string `query:"name"`
}

type Extra struct {
	Note string `query:"note" validate:"omitempty,min=2"`
	More string `query:"more" default:"less"`
}

func TestFieldsOfEmbeddedStructsAreTheStructsOwn(t *testing.T) {
	type in struct {
		base
		*Extra
		Name string `query:"name"` // hides base.Name
	}
	tests := []struct {
		name, query string
		want        in
	}{
		{"nothing of the embedded pointer", "id=1&name=a", in{base: base{ID: 1}, Name: "a"}},
		{"something of it", "note=hello", in{Extra: &Extra{Note: "hello", More: "less"}}},
	}
	for _, tt := range tests {
		var got in
		if err := bindInto(&got, get(tt.query)); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: ?%s gives %+v and error %v, want %+v", tt.name, tt.query, got, err, tt.want)
		}
	}
}

func TestAStructWithoutTagsIsReadFromTheBodyOrTheQueryOfAGet(t *testing.T) {
	type in struct {
		Name  string
		Count int
		Deep  map[string]place // JSON only
	}
	tests := []struct {
		name string
		call call
		want in
	}{
		{"JSON", postJSON(`{"Name":"tea","Count":2}`), in{Name: "tea", Count: 2}},
		{"JSON whatever the case", postJSON(`{"name":"tea","COUNT":2}`), in{Name: "tea", Count: 2}},
		{"a form", postForm("Name=tea&Count=2"), in{Name: "tea", Count: 2}},
		{"the query of a GET", get("Name=tea&Count=2"), in{Name: "tea", Count: 2}},
		{"not the query of a POST", call{"POST", "/?Name=tea", "", ""}, in{}},
		{"not the query of a GET with a body", call{"GET", "/?Name=tea", asJSON, `{"Count":2}`}, in{Count: 2}},
	}
	for _, tt := range tests {
		var got in
		if err := bindInto(&got, tt.call); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v gives %+v and error %v, want %+v", tt.name, tt.call, got, err, tt.want)
		}
	}
}

func TestAStructWithJSONTagsAloneIsReadFromTheQueryOfAGet(t *testing.T) {
	type in struct {
		Name  string `json:"name"`
		Admin bool
	}
	var got in
	if err := bindInto(&got, get("name=tea&Admin=true&admin=true")); err != nil || got.Name != "tea" || got.Admin {
		t.Errorf("GET ?name=tea gives %+v and error %v, want the name, and nothing in the field without a tag", got, err)
	}
}

// TestFieldsWithoutATagAreNeverFilled is what keeps a client from setting what the form did not show.
func TestFieldsWithoutATagAreNeverFilled(t *testing.T) {
	type role struct {
		Name  string `json:"name"`
		Admin bool
	}
	type in struct {
		Name  string `json:"name" form:"name" query:"-"`
		Admin bool
		Owner string `json:"-"`
		Role  role   `json:"role"`
		ID    int    `path:"id" json:"id"`
	}
	app := carafe.New("test")
	app.Route("/<int:id>", func(in in) string { return fmt.Sprintf("%+v", in) }, carafe.Methods{"POST"})
	for _, c := range []call{
		{"POST", "/7?Admin=true&Owner=eve", asJSON, `{"name":"a","Admin":true,"admin":true,"Owner":"eve","owner":"eve","-":"eve","id":8,"role":{"Admin":true,"name":"r"}}`},
	} {
		const want = "{Name:a Admin:false Owner: Role:{Name:r Admin:false} ID:7}"
		if w := send(app, c); w.Body.String() != want {
			t.Errorf("%+v gives %d %s, want %s", c, w.Code, w.Body, want)
		}
	}
	if w := send(app, call{"POST", "/7", asForm, "name=a&Admin=true&Owner=eve"}); w.Body.String() != "{Name:a Admin:false Owner: Role:{Name: Admin:false} ID:7}" {
		t.Errorf("a form with fields that have no tag gives %d %s", w.Code, w.Body)
	}
}

func TestTheBodysTypeDecidesWhetherItIsRead(t *testing.T) {
	type onlyJSON struct {
		V string `json:"v"`
	}
	type onlyForm struct {
		V string `form:"v"`
	}
	type both struct {
		V string `json:"v" form:"v"`
	}
	type neither struct {
		V string `query:"v"`
	}
	type onlyFile struct {
		V *carafe.Upload `file:"v"`
	}
	tests := []struct {
		name   string
		into   any
		header string
		body   string
		status int // 0: no error
	}{
		{"JSON for JSON", &onlyJSON{}, asJSON, `{"v":"x"}`, 0},
		{"JSON with a charset", &onlyJSON{}, "Content-Type: application/json; charset=utf-8", `{"v":"x"}`, 0},
		{"a type that ends in +json", &onlyJSON{}, "Content-Type: application/vnd.tea+json", `{"v":"x"}`, 0},
		{"a form for JSON: what any page can send across origins", &onlyJSON{}, asForm, `v=x`, 415},
		{"text for JSON", &onlyJSON{}, "Content-Type: text/plain", `{"v":"x"}`, 415},
		{"no type for JSON", &onlyJSON{}, "", `{"v":"x"}`, 415},
		{"JSON for a form", &onlyForm{}, asJSON, `{"v":"x"}`, 415},
		{"a form for a form", &onlyForm{}, asForm, `v=x`, 0},
		{"JSON for both", &both{}, asJSON, `{"v":"x"}`, 0},
		{"a form for both", &both{}, asForm, `v=x`, 0},
		{"XML for both", &both{}, "Content-Type: application/xml", `<v/>`, 415},
		{"an urlencoded form for files", &onlyFile{}, asForm, `v=x`, 415},
		{"whatever, where no field comes from the body", &neither{}, "Content-Type: application/xml", `<v/>`, 0},
		{"no body at all", &both{}, "", ``, 0},
		{"an empty body that says it is JSON", &both{}, asJSON, ``, 400},
		{"an empty form", &both{}, asForm, ``, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := bindInto(tt.into, call{"POST", "/", tt.header, tt.body})
			if got := statusOf(err); got != tt.status {
				t.Errorf("binding %q (%q) to %T: status %d (%v), want %d", tt.body, tt.header, tt.into, got, err, tt.status)
			}
		})
	}
}

// TestBindingIsSafeForConcurrentUse makes the plan of a type in many goroutines at once, and each gets its own request.
func TestBindingIsSafeForConcurrentUse(t *testing.T) {
	app := carafe.New("test")
	app.Post("/", func(c *carafe.Context) (string, error) {
		var in signup
		err := c.Bind(&in)
		return in.Name, err
	})
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			name := fmt.Sprint("name", i)
			if w := send(app, postJSON(`{"age":1,"news":true,"name":"`+name+`"}`)); w.Body.String() != name {
				t.Errorf("the request of %s is answered with %d %s", name, w.Code, w.Body)
			}
			if w := send(app, postJSON(`{"age":"`+name+`"}`)); w.Code != 400 {
				t.Errorf("the faulty request of %s is answered with %d %s", name, w.Code, w.Body)
			}
		})
	}
	group.Wait()
}
