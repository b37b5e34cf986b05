package carafe_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

type unfit struct {
	Deep struct {
		Pipes []chan int `json:"pipes"`
	} `json:"deep"`
}

type first struct {
	ID int `query:"id"`
}

type second struct {
	ID int `query:"id"`
}

type hidden struct {
	ID int `query:"id"`
}

// TestStructsThatCannotBeBoundAreRefusedAtSetup names the field and the cure, when the route is added.
func TestStructsThatCannotBeBoundAreRefusedAtSetup(t *testing.T) {
	tests := []struct {
		name string
		view any
		want []string // parts of the message
	}{
		{"a kind that JSON does not have, deep inside", func(unfit) string { return "" }, []string{"unfit.Deep.Pipes[] is a chan int", "json", "any"}},
		{"an interface", func(struct {
			V io.Reader `json:"v"`
		}) string {
			return ""
		}, []string{"V is a io.Reader"}},
		{"a struct in a header", func(struct {
			V place `header:"v"`
		}) string {
			return ""
		}, []string{"V is a carafe_test.place", "header"}},
		{"a slice of structs in a form", func(struct {
			V []place `form:"v"`
		}) string {
			return ""
		}, []string{"V is a []carafe_test.place", "json"}},
		{"an upload that is no file", func(struct {
			V string `file:"v"`
		}) string {
			return ""
		}, []string{"V is a string", "*carafe.Upload"}},
		{"an upload in JSON", func(struct {
			V *carafe.Upload `json:"v"`
		}) string {
			return ""
		}, []string{"V is an upload", "file tag"}},
		{"two sources", func(struct {
			V int `query:"v" header:"v"`
		}) string {
			return ""
		}, []string{"V has the tags query and header", "one source"}},
		{"a source and the form", func(struct {
			V int `path:"id" form:"v"`
		}) string {
			return ""
		}, []string{"path and form"}},
		{"a variable that the rule does not have", func(struct {
			V int `path:"key"`
		}) string {
			return ""
		}, []string{`path tag "key"`, "id int"}},
		{"a variable of another type", func(struct {
			V bool `path:"id"`
		}) string {
			return ""
		}, []string{`"id" as bool`, "int"}},
		{"a default that cannot be read", func(struct {
			V int `query:"v" default:"one"`
		}) string {
			return ""
		}, []string{`V is a int`, `default "one"`}},
		{"a default for what is required", func(struct {
			V int `query:"v" default:"1" validate:"required"`
		}) string {
			return ""
		}, []string{"V is required, and has a default"}},
		{"a default for a map", func(struct {
			V map[string]int `json:"v" default:"1"`
		}) string {
			return ""
		}, []string{"cannot have the default"}},
		{"a rule that does not exist", func(struct {
			V int `query:"v" validate:"min=1,evn"`
		}) string {
			return ""
		}, []string{"V has the validate tag", `"evn"`}},
		{"a rule that does not fit", func(struct {
			V bool `query:"v" validate:"min=1"`
		}) string {
			return ""
		}, []string{"V has the validate tag", `"min=1"`, "bool"}},
		{"a rule that does not fit the elements", func(struct {
			V []bool `query:"v" validate:"dive,min=1"`
		}) string {
			return ""
		}, []string{`"min=1"`, "bool"}},
		{"a rule for a struct", func(struct {
			V place `json:"v" validate:"min=1"`
		}) string {
			return ""
		}, []string{"min is no rule for a struct", "Validate(context.Context)"}},
		{"dive into a number", func(struct {
			V int `json:"v" validate:"dive,min=1"`
		}) string {
			return ""
		}, []string{"dive is for slices"}},
		{"a rule about a field that is not bound", func(struct {
			V int `json:"v" validate:"required_with=W"`
			W int
		}) string {
			return ""
		}, []string{`required_with names "W"`}},
		{"one name twice", func(struct {
			first
			second
		}) string {
			return ""
		}, []string{"first.ID and", "second.ID", `"id" in query`}},
		{"an embedded pointer that cannot be set", func(struct{ *hidden }) string { return "" }, []string{"hidden is an embedded pointer"}},
		{"a header in a struct of the body", func(struct {
			V struct {
				W string `header:"w"`
			} `json:"v"`
		}) string {
			return ""
		}, []string{"V.W has a header tag"}},
		{"a tag on a field that is not exported", func(struct {
			v string `query:"v"`
			W string `query:"w"`
		}) string {
			return ""
		}, []string{"v has a query tag, but is not exported"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				message := fmt.Sprint(recover())
				for _, part := range append(tt.want, "bindingsetup_test.go:", `rule "/<int:id>"`) {
					if !strings.Contains(message, part) {
						t.Errorf("adding the route: %s\nwant it to say %q", message, part)
					}
				}
			}()
			carafe.New("test").Route("/<int:id>", tt.view)
		})
	}
}

func TestTranslateWantsALocaleAndItsTexts(t *testing.T) {
	defer func() {
		if message := fmt.Sprint(recover()); !strings.Contains(message, "Translate needs a locale") {
			t.Errorf("Translate(nil, nil): %s", message)
		}
	}()
	carafe.New("test").Translate(nil, nil)
}
