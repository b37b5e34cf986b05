package carafe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/pt_BR"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	german "github.com/go-playground/validator/v10/translations/de"
	french "github.com/go-playground/validator/v10/translations/fr"
	brazilian "github.com/go-playground/validator/v10/translations/pt_BR"
	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
)

// TestWhatCannotBeReadIsNamed goes through the kinds: one value each that their field cannot be read from.
func TestWhatCannotBeReadIsNamed(t *testing.T) {
	tests := []struct {
		name string
		into any // a pointer to a struct with the field V
		json string
		want []string
	}{
		{"a number for a string", &struct{ V string }{}, `1`, []string{"json V string"}},
		{"a string for an int", &struct{ V int }{}, `"1"`, []string{"json V integer"}},
		{"a fraction for an int", &struct{ V int }{}, `1.5`, []string{"json V integer"}},
		{"an exponent for an int", &struct{ V int }{}, `1e2`, []string{"json V integer"}},
		{"an int that is too large", &struct{ V int8 }{}, `128`, []string{"json V range"}},
		{"an int with a million digits", &struct{ V int }{}, strings.Repeat("9", 1_000_000), []string{"json V range"}},
		{"a negative number for a uint", &struct{ V uint }{}, `-1`, []string{"json V range"}},
		{"a string for a float", &struct{ V float64 }{}, `"1"`, []string{"json V number"}},
		{"a float that is too large", &struct{ V float64 }{}, `1e999999`, []string{"json V range"}},
		{"a number that is too large for any", &struct{ V any }{}, `1e999999`, []string{"json V format"}},
		{"a number for a bool", &struct{ V bool }{}, `1`, []string{"json V boolean"}},
		{"a number for a time", &struct{ V time.Time }{}, `1`, []string{"json V string"}},
		{"no time", &struct{ V time.Time }{}, `"yesterday"`, []string{"json V datetime"}},
		{"no duration", &struct{ V time.Duration }{}, `"long"`, []string{"json V duration"}},
		{"no UUID", &struct{ V uuid.UUID }{}, `"x"`, []string{"json V uuid"}},
		{"what a TextUnmarshaler refuses", &struct{ V suit }{}, `"clubs"`, []string{"json V format"}},
		{"what a json.Unmarshaler refuses", &struct{ V celsius }{}, `"warm"`, []string{"json V format"}},
		{"no Base64", &struct{ V []byte }{}, `"?"`, []string{"json V base64"}},
		{"an object for a slice", &struct{ V []int }{}, `{}`, []string{"json V array"}},
		{"an array for a struct", &struct{ V place }{}, `[]`, []string{"json V object"}},
		{"an array for a map", &struct{ V map[string]int }{}, `[]`, []string{"json V object"}},
		{"an array that is too short", &struct{ V [2]int }{}, `[1]`, []string{"json V length"}},
		{"an array that is too long", &struct{ V [2]int }{}, `[1,2,3]`, []string{"json V length"}},
		{"every element that is wrong", &struct{ V []int }{}, `[1,"a",2,null]`, []string{"json V[1] integer", "json V[3] null"}},
		{"every entry that is wrong", &struct{ V map[int]bool }{}, `{"1":true,"x":true,"3":0}`, []string{"json V[x] integer", "json V[3] boolean"}},
		{"fields deep inside", &struct{ V []tree }{}, `[{"children":[{"name":1}]}]`, []string{"json V[0].children[0].name string"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := bindInto(tt.into, postJSON(`{"V":`+tt.json+`}`))
			if got := faultsOf(t, err); !slices.Equal(got, tt.want) || statusOf(err) != 400 {
				t.Errorf("%.40s bound to a %T: status %d, faults %v, want 400 and %v", tt.json, tt.into, statusOf(err), got, tt.want)
			}
		})
	}
}

func TestTextsThatCannotBeReadAreNamed(t *testing.T) {
	tests := []struct{ query, want string }{
		{"int=x", "query int integer"},
		{"int=1.0", "query int integer"},
		{"int=1000", "query int range"},
		{"uint=-1", "query uint range"},
		{"float=x", "query float number"},
		{"float=NaN", "query float number"},
		{"float=Inf", "query float number"},
		{"float=0x1p4", "query float number"},
		{"float=1e999", "query float range"},
		{"on=maybe", "query on boolean"},
		{"when=now", "query when datetime"},
		{"for=long", "query for duration"},
		{"id=1", "query id uuid"},
		{"suit=clubs", "query suit format"},
		{"maybe=x", "query maybe integer"},
		{"count=1&count=x", "query count[1] integer"},
		{"group[x]=true", "query group[x] integer"},
		{"group[1]=true&group[1]=2", "query group[1][1] boolean"},
	}
	for _, tt := range tests {
		err := bindInto(&query{}, get(tt.query))
		if got := strings.Join(faultsOf(t, err), ", "); got != tt.want || statusOf(err) != 400 {
			t.Errorf("?%s: status %d, faults %s, want 400 and %s", tt.query, statusOf(err), got, tt.want)
		}
	}
}

func TestABodyThatIsNotJSONIsOneFault(t *testing.T) {
	type in struct {
		V any    `json:"v"`
		W string `json:"w" validate:"required"`
	}
	deep := strings.Repeat("[", 100_000)
	tests := []struct{ name, body, rule string }{
		{"nothing", ``, "empty"},
		{"white space", " \n", "empty"},
		{"an array", `[]`, "object"},
		{"null", `null`, "object"},
		{"a string", `"x"`, "object"},
		{"a number of another kind", `0x1`, "json"},
		{"no end", `{"v":{"b":[1,2`, "json"},
		{"something after the end", `{"v":1}x`, "json"},
		{"two documents", `{"v":1}{"v":2}`, "json"},
		{"a comma too many", `{"v":1,}`, "json"},
		{"a comma too many in an array", `{"v":[1,]}`, "json"},
		{"single quotes", `{'v':1}`, "json"},
		{"a comment", `{"v":1/**/}`, "json"},
		{"a leading zero", `{"v":01}`, "json"},
		{"a plus", `{"v":+1}`, "json"},
		{"NaN", `{"v":NaN}`, "json"},
		{"Infinity", `{"v":-Infinity}`, "json"},
		{"a control character", "{\"v\":\"\n\"}", "json"},
		{"no UTF-8", "{\"v\":\"\xff\xfe\"}", "json"},
		{"no UTF-8 in what is ignored", "{\"x\":\"\xff\"}", "json"},
		{"no UTF-8 in a name", "{\"\xff\":1}", "json"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "json"},
		{"a byte order mark", "\xef\xbb\xbf{}", "json"},
		{"nested too deep", `{"v":` + deep, "json"},
		{"nested too deep in what is ignored", `{"x":` + strings.Repeat(`{"a":`, 100_000), "json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := bindInto(&in{}, postJSON(tt.body))
			if got := faultsOf(t, err); !slices.Equal(got, []string{"json  " + tt.rule}) || statusOf(err) != 400 {
				t.Errorf("%.30q: status %d, faults %q, want 400 and the rule %s alone", tt.body, statusOf(err), got, tt.rule)
			}
		})
	}
}

func TestDepthIsWhatTheConfigSays(t *testing.T) {
	for _, depth := range []int{100, 3} {
		app := carafe.New("test")
		app.Config.MaxJSONDepth = depth
		for _, nested := range []int{depth, depth + 1} { // the object itself is one
			body := `{"V":` + strings.Repeat("[", nested-1) + strings.Repeat("]", nested-1) + `}`
			var in struct{ V any }
			err := app.TestRequestContext(postJSON(body).request()).Bind(&in)
			if (err == nil) != (nested <= depth) {
				t.Errorf("depth %d with MaxJSONDepth %d: error %v", nested, depth, err)
			}
		}
	}
}

func TestABodyMayNotTakeManyTimesItsSize(t *testing.T) {
	type large struct {
		Fields [64]struct{ A, B, C, D int }
	}
	for _, into := range []any{&struct{ V []large }{}, &struct{ V []*large }{}, &struct{ V map[string]large }{}} {
		body := `{"V":[` + strings.Repeat("{},", 100_000) + `{}]}`
		if reflect.TypeOf(into).Elem().Field(0).Type.Kind() == reflect.Map {
			body = `{"V":{` + strings.TrimSuffix(strings.Repeat(`"a":{},`, 100_000), ",") + `}}`
		}
		if got := statusOf(bindInto(into, postJSON(body))); got != 413 {
			t.Errorf("300 kB that would become 200 MB in a %T: status %d, want 413", into, got)
		}
	}
}

type signup struct {
	Name     string   `json:"name" validate:"required,min=2"`
	Age      int      `json:"age" validate:"required,gte=0,lte=150"`
	News     bool     `json:"news" validate:"required"`
	Email    string   `json:"email" validate:"omitempty,email"`
	Role     string   `json:"role" default:"guest" validate:"oneof=guest admin"`
	Nick     *string  `json:"nick" validate:"min=2"`
	Tags     []string `json:"tags" validate:"max=3,dive,min=2"`
	Password string   `json:"password" secret:"true" validate:"omitempty,min=8"`
	Repeat   string   `json:"repeat" validate:"eqfield=Password"`
	Homes    []home   `json:"homes"`
	Work     *home    `json:"work"`
}

type home struct {
	Street string `json:"street" validate:"required"`
	Floor  int    `json:"floor" validate:"required_with=Flat"`
	Flat   string `json:"flat"`
}

func TestRules(t *testing.T) {
	const fine = `"name":"Ada","age":0,"news":false`
	tests := []struct {
		name, body string
		want       string
	}{
		{"zero is not missing", `{` + fine + `}`, ""},
		{"all that is missing is reported at once", `{}`, "json name required, json age required, json news required"},
		{"null is missing", `{"name":null,"age":null,"news":null}`, "json name required, json age required, json news required"},
		{"an empty string was sent, but is too short", `{"name":"","age":1,"news":true}`, "json name min"},
		{"one fault for each field", `{"name":"A","age":200,"news":true}`, "json name min, json age lte"},
		{"omitempty lets an empty string pass", `{` + fine + `,"email":""}`, ""},
		{"no address", `{` + fine + `,"email":"ada"}`, "json email email"},
		{"an enum", `{` + fine + `,"role":"root"}`, "json role oneof"},
		{"an enum that is sent empty gets no default", `{` + fine + `,"role":""}`, "json role oneof"},
		{"a pointer that is nil has no rules", `{` + fine + `,"nick":null}`, ""},
		{"a pointer that is not", `{` + fine + `,"nick":""}`, "json nick min"},
		{"a slice and its elements", `{` + fine + `,"tags":["ab","c","de"]}`, "json tags[1] min"},
		{"a slice that is too long", `{` + fine + `,"tags":["ab","cd","ef","gh"]}`, "json tags max"},
		{"two fields that differ", `{` + fine + `,"password":"12345678","repeat":"x"}`, "json repeat eqfield"},
		{"structs in slices, without dive", `{` + fine + `,"homes":[{"street":""},{"flat":"2b"}]}`, "json homes[1].street required, json homes[1].floor required_with"},
		{"a pointer to a struct that was sent", `{` + fine + `,"work":{}}`, "json work.street required"},
		{"what cannot be read and what is invalid", `{"name":1,"age":200}`, "json name string, json age lte, json news required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := bindInto(&signup{}, postJSON(tt.body))
			if got := strings.Join(faultsOf(t, err), ", "); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.body, got, tt.want)
			}
			if want := map[bool]int{true: 400, false: 422}[strings.Contains(tt.want, " string")]; err != nil && statusOf(err) != want {
				t.Errorf("%s: status %d, want %d", tt.body, statusOf(err), want)
			}
		})
	}
}

func TestRulesAboutPresence(t *testing.T) {
	type in struct {
		A int  `query:"a"`
		B int  `query:"b"`
		V *int `query:"v"`
	}
	const v, a, b, none = 1, 2, 4, 0
	tests := []struct {
		rule string
		bad  []int // what is sent when the rule is broken; any other combination is fine
	}{
		{"required_with=A B", []int{a, b, a | b}},
		{"required_with_all=A B", []int{a | b}},
		{"required_without=A B", []int{none, a, b}},
		{"required_without_all=A B", []int{none}},
		{"excluded_with=A B", []int{v | a, v | b, v | a | b}},
		{"excluded_with_all=A B", []int{v | a | b}},
		{"excluded_without=A B", []int{v, v | a, v | b}},
		{"excluded_without_all=A B", []int{v}},
		{"required_if=A 0", []int{none, b, a, a | b}}, // zero is also what was not sent has
		{"required_if=A 1", nil},
		{"required_unless=A 1", []int{none, b, a, a | b}},
		{"excluded_if=A 0", []int{v, v | a, v | b, v | a | b}},
	}
	for _, tt := range tests {
		fields := []reflect.StructField{}
		for i := range reflect.TypeFor[in]().NumField() {
			fields = append(fields, reflect.TypeFor[in]().Field(i))
		}
		fields[2].Tag = reflect.StructTag(`query:"v" validate:"` + tt.rule + `"`)
		typ := reflect.StructOf(fields)
		for sent := range 8 {
			var parts []string
			for i, name := range []string{"v", "a", "b"} {
				if sent>>i&1 == 1 {
					parts = append(parts, name+"=0") // zeros: what counts is that they were sent
				}
			}
			err := bindInto(reflect.New(typ).Interface(), get(strings.Join(parts, "&")))
			if (err != nil) != slices.Contains(tt.bad, sent) {
				t.Errorf("%s with ?%s: error %v", tt.rule, strings.Join(parts, "&"), err)
			}
		}
	}
}

func TestRulesOnMapsOfStructs(t *testing.T) {
	var in struct {
		Homes map[string]*home `json:"homes" validate:"min=1,dive,keys,min=3,endkeys,required"`
	}
	err := bindInto(&in, postJSON(`{"homes":{"ab":{"street":"x"},"abc":{}}}`))
	want := []string{"json homes[abc].street required"}
	if got := faultsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("a struct in a map without its street: %v, want %v", got, want)
	}
	err = bindInto(&in, postJSON(`{"homes":{"ab":{"street":"x"}}}`))
	if got, want := faultsOf(t, err), []string{"json homes[ab] min"}; !slices.Equal(got, want) {
		t.Errorf("a map with a key that is too short: %v, want %v", got, want)
	}
	err = bindInto(&in, postJSON(`{"homes":{"abc":null}}`))
	if got, want := faultsOf(t, err), []string{"json homes[abc] required"}; !slices.Equal(got, want) {
		t.Errorf("a map with a nil pointer: %v, want %v", got, want)
	}
}

type booking struct {
	From   time.Time `json:"from" layout:"2006-01-02" validate:"required"`
	To     time.Time `json:"to" layout:"2006-01-02" validate:"required"`
	Guests []guest   `json:"guests"`
}

func (b *booking) Validate(ctx context.Context) error {
	if carafe.CurrentApp(ctx) == nil {
		return errors.New("no app in the context")
	}
	if b.To.Before(b.From) {
		return carafe.Invalid("to", "to is before from")
	}
	return nil
}

type guest struct {
	Name string `json:"name" validate:"required"`
}

func (g guest) Validate(context.Context) error {
	switch g.Name {
	case "eve":
		return errors.Join(carafe.Invalid("name", "eve is not welcome"), errors.New("sorry"))
	case "gone":
		return carafe.Abort(410)
	}
	return nil
}

func TestAStructsOwnValidateMethodIsAsked(t *testing.T) {
	tests := []struct {
		name, body, want string
	}{
		{"nothing is wrong", `{"from":"2026-01-01","to":"2026-01-02"}`, ""},
		{"a fault of a field", `{"from":"2026-01-02","to":"2026-01-01"}`, "json to validate"},
		{"several, within a slice; the struct around it is not asked then", `{"from":"2026-01-02","to":"2026-01-01","guests":[{"name":"bob"},{"name":"eve"}]}`,
			"json guests[1].name validate, json guests[1] validate"},
		{"it is not asked when its fields are at fault", `{"from":"2026-01-02","to":"x"}`, "json to datetime"},
	}
	for _, tt := range tests {
		err := bindInto(&booking{}, postJSON(tt.body))
		if got := strings.Join(faultsOf(t, err), ", "); got != tt.want {
			t.Errorf("%s: %s gives %s, want %s", tt.name, tt.body, got, tt.want)
		}
	}
	err := bindInto(&booking{}, postJSON(`{"from":"2026-01-01","to":"2026-01-02","guests":[{"name":"gone"}]}`))
	if statusOf(err) != 410 {
		t.Errorf("a Validate method that aborts with 410 gives %v", err)
	}
}

func TestUnknownMembersAreRefusedWhenAsked(t *testing.T) {
	type in struct {
		carafe.Strict
		Name string `json:"name"`
		Home home   `json:"home"`
	}
	const body = `{"name":"a","nmae":"b","home":{"street":"Elm","floors":3}}`
	err := bindInto(&in{}, postJSON(body))
	if got, want := faultsOf(t, err), []string{"json nmae unknown"}; !slices.Equal(got, want) || statusOf(err) != 422 {
		t.Errorf("a strict struct gives %v (status %d), want %v: not the members of structs within", got, statusOf(err), want)
	}
}

func TestNotMoreFaultsAreListedThanTheConfigSays(t *testing.T) {
	app := carafe.New("test")
	app.Config.MaxFaults = 3
	var in struct{ V []int }
	err := app.TestRequestContext(postJSON(`{"V":["a","a","a","a","a"]}`).request()).Bind(&in)
	ve, ok := err.(*carafe.ValidationError)
	if !ok || len(ve.Faults) != 3 || ve.More != 2 {
		t.Errorf("five faults with MaxFaults 3 give %v", err)
	}
	if want := "400 invalid request: V[0] (integer), V[1] (integer), V[2] (integer) and 2 more"; err.Error() != want {
		t.Errorf("the error's text is %q, want %q", err, want)
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	type in struct {
		Token   carafe.Secret `json:"token" validate:"eq=s3cr3t-token|eq=other-s3cr3t"`
		PIN     string        `json:"pin" secret:"true" validate:"eq=s3cr3t-pin"`
		Code    int           `json:"code" secret:"true"`
		Plain   suit          `json:"plain"`
		Card    card          `json:"card" secret:"true"`
		Another string        `json:"another" validate:"oneof=a b"`
	}
	const sent = "hunter2"
	body := fmt.Sprintf(`{"token":%q,"pin":%q,"code":%q,"plain":%q,"card":{"number":%q},"another":%q}`, sent, sent, sent, sent, sent, sent)
	app := carafe.New("test")
	app.Post("/", func(in in) string { return "" })
	w := send(app, postJSON(body))
	if w.Code != 400 || strings.Contains(w.Body.String(), sent) || strings.Contains(w.Body.String(), "s3cr3t") {
		t.Errorf("the answer %d %s tells what was sent, or what should have been", w.Code, w.Body)
	}
	want := []string{"json code integer", "json plain format", "json card.number len", "json token eq", "json pin eq", "json another oneof"}
	if got := problemFaults(t, w); !slices.Equal(got, want) {
		t.Errorf("the faults are %v, want %v", got, want)
	}
	if err := bindInto(&in{}, postJSON(body)); strings.Contains(err.Error(), sent) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the error %q tells what was sent", err)
	}
}

type card struct {
	Number string `json:"number" validate:"len=16"`
}

func TestMessagesAreInTheLanguageOfTheRequest(t *testing.T) {
	app := carafe.New("test")
	app.Translate(fr.New(), func(v *validator.Validate, t ut.Translator) error {
		return errors.Join(french.RegisterDefaultTranslations(v, t), t.Add("carafe.integer", "{0} doit être un entier", true))
	})
	app.Translate(de.New(), german.RegisterDefaultTranslations)
	app.Translate(pt_BR.New(), brazilian.RegisterDefaultTranslations)
	app.Post("/", func(in signup) string { return in.Name })
	tests := []struct{ accept, body, language, message string }{
		{"", `{"name":"A","age":1,"news":true}`, "en", "name must be at least 2 characters in length"},
		{"fr", `{"name":"A","age":1,"news":true}`, "fr", "name doit faire une taille minimum de 2 caractères"},
		{"fr-CA;q=0.9, de;q=0.5", `{"age":1,"news":true,"name":null}`, "fr", "name est un champ obligatoire"},
		{"ja, de;q=0.5", `{"age":1,"news":true}`, "de", "name ist ein Pflichtfeld"},
		{"PT", `{"age":1,"news":true}`, "pt-BR", "name é um campo obrigatório"},
		{"ja", `{"age":1,"news":true}`, "en", "name is a required field"},
		{"fr;q=0", `{"age":1,"news":true}`, "en", "name is a required field"},
		{"fr", `{"age":"x","name":"Ada","news":true}`, "fr", "age doit être un entier"},
		{"de", `{"age":"x","name":"Ada","news":true}`, "de", "age must be a whole number"},
		{"fr", `{"age":1,"name":"Ada","news":true,"tags":["x"]}`, "fr", "tags[0] doit faire une taille minimum de 2 caractères"},
	}
	for _, tt := range tests {
		c := postJSON(tt.body)
		c.header += "Accept-Language: " + tt.accept + "\n"
		w := send(app, c)
		var p struct{ Errors []carafe.Fault }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Errors) != 1 {
			t.Fatalf("Accept-Language %q: %d %s", tt.accept, w.Code, w.Body)
		}
		if got := p.Errors[0].Message; got != tt.message || w.Header().Get("Content-Language") != tt.language {
			t.Errorf("Accept-Language %q: %q in %s, want %q in %s", tt.accept, got, w.Header().Get("Content-Language"), tt.message, tt.language)
		}
		if !strings.Contains(w.Header().Get("Vary"), "Accept-Language") {
			t.Errorf("Accept-Language %q: Vary is %q", tt.accept, w.Header().Get("Vary"))
		}
	}
}

func TestMessagesSpeakOfFieldsAsTheyAreSent(t *testing.T) {
	type in struct {
		Secret string `json:"pass_word"`
		Repeat string `json:"again" validate:"eqfield=Secret"`
		Name   string `json:"name" validate:"required_with=Repeat"`
		Colour string `json:"colour" validate:"omitempty,hexcolor|rgb"`
		Host   string `json:"host" validate:"omitempty,hostname_rfc1123"`
	}
	want := map[string]string{
		"again":  "again must be equal to pass_word",
		"name":   "name is a required field",
		"colour": "colour is not valid",
		"host":   "host is not valid",
	}
	err := bindInto(&in{}, postJSON(`{"pass_word":"a","again":"b","colour":"red","host":"-"}`))
	ve, ok := err.(*carafe.ValidationError)
	if !ok || len(ve.Faults) != len(want) {
		t.Fatalf("the faults are %v", err)
	}
	for _, f := range ve.Faults {
		if f.Message != want[f.Name] {
			t.Errorf("the message about %s is %q, want %q", f.Name, f.Message, want[f.Name])
		}
	}
}

func TestRulesOfOnesOwn(t *testing.T) {
	app := carafe.New("test")
	if err := app.Validator().RegisterValidation("even", func(fl validator.FieldLevel) bool { return fl.Field().Int()%2 == 0 }); err != nil {
		t.Fatal(err)
	}
	app.Get("/", func(in struct {
		N int `query:"n" validate:"even"`
	}) string {
		return "even"
	})
	for query, want := range map[string]int{"n=2": 200, "n=3": 422} {
		if w := send(app, get(query)); w.Code != want {
			t.Errorf("?%s gives %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
}
