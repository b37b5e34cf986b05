package carafe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
)

// A call is a request as a table writes it.
type call struct {
	method, target string
	header         string // lines
	body           string
}

func (c call) request() *http.Request {
	r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
	for line := range strings.Lines(c.header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Add(name, value)
	}
	return r
}

const (
	asJSON = "Content-Type: application/json\n"
	asForm = "Content-Type: application/x-www-form-urlencoded\n"
)

func postJSON(body string) call   { return call{"POST", "/", asJSON, body} }
func postForm(fields string) call { return call{"POST", "/", asForm, fields} }
func get(query string) call       { return call{"GET", "/?" + query, "", ""} }
func getWith(header string) call  { return call{"GET", "/", header, ""} }
func send(app http.Handler, c call) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, c.request())
	return w
}

// bindInto binds a request to dst by Context.Bind, outside of any view.
func bindInto(dst any, c call) error {
	ctx := carafe.New("test").TestRequestContext(c.request())
	return ctx.Bind(dst)
}

// faultsOf are the faults of an error as "in name rule", so that tables can list them.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var list []string
	if err == nil {
		return list
	}
	ve, ok := err.(*carafe.ValidationError)
	if !ok {
		t.Fatalf("the error is %v (%T), not a *carafe.ValidationError", err, err)
	}
	for _, f := range ve.Faults {
		list = append(list, strings.TrimSpace(f.In+" "+f.Name+" "+f.Rule))
	}
	return list
}

type suit int

func (s *suit) UnmarshalText(text []byte) error {
	switch string(text) {
	case "spades":
		*s = 1
	case "hearts":
		*s = 2
	default:
		return fmt.Errorf("no suit: %q", text)
	}
	return nil
}

type celsius float64

func (c *celsius) UnmarshalJSON(data []byte) error {
	var o struct{ Degrees float64 }
	err := json.Unmarshal(data, &o)
	*c = celsius(o.Degrees)
	return err
}

type place struct {
	Street string `json:"street"`
	Zip    string `json:"zip" default:"00000"`
}

type tree struct {
	Name     string  `json:"name"`
	Children []*tree `json:"children"`
}

var moment = time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC)

const anID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

// TestJSONIsReadIntoEveryKindOfField goes through the kinds one by one: what is sent as v, and what becomes of it.
func TestJSONIsReadIntoEveryKindOfField(t *testing.T) {
	seven := 7
	tests := []struct {
		name string
		into any // a pointer to a struct with the field V
		body string
		want any
	}{
		{"a string", &struct{ V string }{}, `"tea"`, "tea"},
		{"a string with escapes", &struct{ V string }{}, `"a\"\\\/\b\f\n\r\t\u00e9\ud83c\udf75"`, "a\"\\/\b\f\n\r\té🍵"},
		{"half a surrogate pair", &struct{ V string }{}, `"\ud800"`, "\uFFFD"},
		{"a named string", &struct{ V carafe.Secret }{}, `"tea"`, carafe.Secret("tea")},
		{"true", &struct{ V bool }{}, `true`, true},
		{"false", &struct{ V bool }{V: true}, `false`, false},
		{"an int", &struct{ V int }{}, `-7`, -7},
		{"the smallest int8", &struct{ V int8 }{}, `-128`, int8(-128)},
		{"the largest uint64", &struct{ V uint64 }{}, `18446744073709551615`, uint64(1<<64 - 1)},
		{"a float", &struct{ V float64 }{}, `-1.5e3`, -1500.0},
		{"a float32", &struct{ V float32 }{}, `0.5`, float32(0.5)},
		{"a number in quotes, as encoding/json's option has it", &struct {
			V int `json:",string"`
		}{}, `"7"`, 7},
		{"a time", &struct{ V time.Time }{}, `"2026-11-21T03:04:05Z"`, moment},
		{"a time in a layout of its own", &struct {
			V time.Time `json:"V" layout:"02.01.2006 15:04:05"`
		}{}, `"21.11.2026 03:04:05"`, moment},
		{"a duration", &struct{ V time.Duration }{}, `"1h30m"`, 90 * time.Minute},
		{"a duration in nanoseconds", &struct{ V time.Duration }{}, `1000`, time.Microsecond},
		{"a UUID", &struct{ V uuid.UUID }{}, `"` + anID + `"`, uuid.MustParse(anID)},
		{"a TextUnmarshaler", &struct{ V suit }{}, `"hearts"`, suit(2)},
		{"a TextUnmarshaler that is a struct", &struct{ V netip.Addr }{}, `"192.0.2.1"`, netip.MustParseAddr("192.0.2.1")},
		{"a json.Unmarshaler", &struct{ V celsius }{}, `{"Degrees": 21.5}`, celsius(21.5)},
		{"raw JSON", &struct{ V json.RawMessage }{}, `{"a": [1]}`, json.RawMessage(`{"a": [1]}`)},
		{"any", &struct{ V any }{}, `{"a":[1,"b",null]}`, any(map[string]any{"a": []any{1.0, "b", nil}})},
		{"a pointer", &struct{ V *int }{}, `7`, &seven},
		{"a pointer to a zero", &struct{ V *int }{}, `0`, new(int)},
		{"a slice", &struct{ V []int }{}, `[1,2,3,4,5,6]`, []int{1, 2, 3, 4, 5, 6}},
		{"an empty slice, which is not nil", &struct{ V []int }{}, `[]`, []int{}},
		{"a slice of slices", &struct{ V [][]string }{}, `[["a"],[],["b","c"]]`, [][]string{{"a"}, {}, {"b", "c"}}},
		{"bytes in Base64", &struct{ V []byte }{}, `"dGVh"`, []byte("tea")},
		{"an array", &struct{ V [2]int }{}, `[1,2]`, [2]int{1, 2}},
		{"a map", &struct{ V map[string]int }{}, `{"a":1,"b":2}`, map[string]int{"a": 1, "b": 2}},
		{"a map with keys that are numbers", &struct{ V map[int]string }{}, `{"1":"a"}`, map[int]string{1: "a"}},
		{"a map with keys that read themselves", &struct{ V map[suit]bool }{}, `{"hearts":true}`, map[suit]bool{2: true}},
		{"a struct, with its defaults", &struct{ V place }{}, `{"street":"Elm"}`, place{"Elm", "00000"}},
		{"a struct that was not sent, with its defaults", &struct{ V place }{}, ``, place{"", "00000"}},
		{"a pointer to a struct that was not sent", &struct{ V *place }{}, ``, (*place)(nil)},
		{"a slice of structs", &struct{ V []place }{}, `[{"zip":"1"},{}]`, []place{{"", "1"}, {"", "00000"}}},
		{"a map of structs", &struct{ V map[string]place }{}, `{"home":{"street":"Elm"}}`, map[string]place{"home": {"Elm", "00000"}}},
		{"a type that holds itself", &struct{ V tree }{}, `{"name":"a","children":[{"name":"b"}]}`, tree{"a", []*tree{{Name: "b"}}}},
		{"null for a string is as if it was not sent", &struct{ V string }{V: "before"}, `null`, "before"},
		{"null for a pointer", &struct{ V *int }{V: &seven}, `null`, (*int)(nil)},
		{"null for a slice", &struct{ V []int }{V: []int{1}}, `null`, []int(nil)},
		{"white space", &struct{ V []int }{}, " \t\r\n[ 1 , 2 ] ", []int{1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"V":` + tt.body + `}`
			if tt.body == "" {
				body = `{}`
			}
			if err := bindInto(tt.into, postJSON(body)); err != nil {
				t.Fatalf("binding %s to a %T: %v", body, tt.into, err)
			}
			if got := reflect.ValueOf(tt.into).Elem().Field(0).Interface(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s bound to a %T gives %#v, want %#v", body, tt.into, got, tt.want)
			}
		})
	}
}

type query struct {
	Text   string            `query:"text"`
	On     bool              `query:"on"`
	Int    int8              `query:"int"`
	Uint   uint16            `query:"uint"`
	Float  float64           `query:"float"`
	When   time.Time         `query:"when"`
	For    time.Duration     `query:"for"`
	ID     uuid.UUID         `query:"id"`
	Suit   suit              `query:"suit"`
	Maybe  *int              `query:"maybe"`
	Tags   []string          `query:"tag"`
	Counts []int             `query:"count"`
	Meta   map[string]string `query:"meta"`
	Groups map[int][]bool    `query:"group"`
	Home   place             `query:"home"`
	Away   *place            `query:"away"`
}

func TestQueryIsReadIntoEveryKindOfField(t *testing.T) {
	three := 3
	home := place{Zip: "00000"}
	tests := []struct {
		name, query string
		want        query
	}{
		{"nothing", "", query{Home: home}},
		{"a string", "text=a%20b", query{Text: "a b", Home: home}},
		{"the first of several", "text=a&text=b", query{Text: "a", Home: home}},
		{"an empty string", "text=", query{Home: home}},
		{"a checkbox", "on=on", query{On: true, Home: home}},
		{"numbers", "int=-128&uint=65535&float=-1.5e3", query{Int: -128, Uint: 65535, Float: -1500, Home: home}},
		{"a number that was left empty", "int=", query{Home: home}},
		{"a time", "when=2026-11-21T03:04:05Z", query{When: moment, Home: home}},
		{"a date, as an HTML input sends it", "when=2026-11-21", query{When: moment.Truncate(24 * time.Hour), Home: home}},
		{"a local time, as an HTML input sends it", "when=2026-11-21T03:04", query{When: moment.Truncate(time.Minute), Home: home}},
		{"a duration", "for=90s", query{For: 90 * time.Second, Home: home}},
		{"a UUID", "id=" + anID, query{ID: uuid.MustParse(anID), Home: home}},
		{"a TextUnmarshaler", "suit=spades", query{Suit: 1, Home: home}},
		{"a pointer", "maybe=3", query{Maybe: &three, Home: home}},
		{"a slice", "tag=a&tag=&tag=b", query{Tags: []string{"a", "", "b"}, Home: home}},
		{"a slice of numbers", "count=1&count=&count=2", query{Counts: []int{1, 2}, Home: home}},
		{"a map", "meta[a]=1&meta[b]=2&metaphor=3", query{Meta: map[string]string{"a": "1", "b": "2"}, Home: home}},
		{"a map of slices", "group[1]=true&group[1]=false", query{Groups: map[int][]bool{1: {true, false}}, Home: home}},
		{"a struct", "home.street=Elm", query{Home: place{"Elm", "00000"}}},
		{"a pointer to a struct", "away.zip=1", query{Home: home, Away: &place{"", "1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got query
			if err := bindInto(&got, get(tt.query)); err != nil {
				t.Fatalf("binding ?%s: %v", tt.query, err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("?%s gives %+v, want %+v", tt.query, got, tt.want)
			}
		})
	}
}

func TestHeadersAndCookiesAreRead(t *testing.T) {
	type in struct {
		Agent  string   `header:"user-agent"`
		Host   string   `header:"Host"`
		Tags   []string `header:"X-Tag"`
		Limit  int      `header:"X-Limit" default:"10"`
		Theme  string   `cookie:"theme"`
		Visits int      `cookie:"visits"`
	}
	var got in
	err := bindInto(&got, getWith("User-Agent: probe\nX-Tag: a, b\nX-Tag: c\nCookie: theme=dark; visits=3\n"))
	want := in{Agent: "probe", Host: "example.com", Tags: []string{"a", "b", "c"}, Limit: 10, Theme: "dark", Visits: 3}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the headers give %+v and error %v, want %+v", got, err, want)
	}
}

// upload makes a multipart request with fields and files.
func upload(fields map[string]string, files ...string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		_ = w.WriteField(name, value)
	}
	for _, name := range files {
		part, _ := w.CreateFormFile(name, name+".txt")
		fmt.Fprintf(part, "content of %s", name)
	}
	_ = w.Close()
	r := httptest.NewRequest("POST", "/", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestFilesAreReadBesideFormFields(t *testing.T) {
	type in struct {
		Title string           `form:"title"`
		Cover *carafe.Upload   `file:"cover" validate:"required"`
		Pages []*carafe.Upload `file:"page" validate:"max=2"`
	}
	app := carafe.New("test")
	app.Post("/", func(in in) (string, error) {
		text, err := io.ReadAll(in.Cover.Open())
		return fmt.Sprintf("%s: %s, %d pages", in.Title, text, len(in.Pages)), err
	})
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"a file and a slice of files", []string{"cover", "page", "page"}, "200 T: content of cover, 2 pages"},
		{"a file that is missing", []string{"page"}, "422 file cover required"},
		{"too many files", []string{"cover", "page", "page", "page"}, "422 file page max"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, upload(map[string]string{"title": "T"}, tt.files...))
			got := fmt.Sprintf("%d %s", w.Code, w.Body)
			if w.Code != 200 {
				got = fmt.Sprintf("%d %s", w.Code, strings.Join(problemFaults(t, w), ", "))
			}
			if got != tt.want {
				t.Errorf("uploading %v gives %q, want %q", tt.files, got, tt.want)
			}
		})
	}
}

// problemFaults are the faults that problem details list, as "in name rule".
func problemFaults(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var p struct{ Errors []carafe.Fault }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("the answer %d %q is not problem details: %v", w.Code, w.Body, err)
	}
	var list []string
	for _, f := range p.Errors {
		list = append(list, strings.TrimSpace(f.In+" "+f.Name+" "+f.Rule))
	}
	return list
}

// statusOf is the status that an error is answered with, 0 without one.
func statusOf(err error) int {
	switch e := err.(type) {
	case nil:
		return 0
	case *carafe.HTTPError:
		return e.Code
	case *carafe.ValidationError:
		return e.Code
	}
	return 500
}

func TestABodyCanBeBoundTwice(t *testing.T) {
	type first struct {
		A int `json:"a" form:"a"`
	}
	type second struct {
		A string `json:"b" form:"b"`
	}
	for _, c := range []call{postJSON(`{"a":1,"b":"x"}`), postForm("a=1&b=x")} {
		ctx := carafe.New("test").TestRequestContext(c.request())
		var f first
		var s second
		if err := ctx.Bind(&f); err != nil || f.A != 1 {
			t.Fatalf("the first Bind of %q gives %+v and error %v", c.body, f, err)
		}
		if err := ctx.Bind(&s); err != nil || s.A != "x" {
			t.Errorf("the second Bind of %q gives %+v and error %v", c.body, s, err)
		}
	}
}

func TestWhatBindIsGivenHasToBeAPointerToAStruct(t *testing.T) {
	var none *place
	for _, dst := range []any{nil, place{}, none, new(int), &[]place{}, &struct{ C chan int }{}} {
		err := bindInto(dst, get(""))
		if statusOf(err) != 500 {
			t.Errorf("Bind(%T) gives %v, want a plain error", dst, err)
		}
	}
}

func TestBindKeepsWhatWasNotSent(t *testing.T) {
	got := struct {
		A string `json:"a"`
		B int    `json:"b"`
		C place  `json:"c"`
	}{"before", 1, place{"Elm", "1"}}
	if err := bindInto(&got, postJSON(`{"b":0,"c":{"zip":"2"}}`)); err != nil {
		t.Fatal(err)
	}
	if got.A != "before" || got.B != 0 || got.C != (place{"Elm", "2"}) {
		t.Errorf("a patch of b and c.zip gives %+v", got)
	}
}

func TestDefaults(t *testing.T) {
	type in struct {
		Page  int           `query:"page" default:"1"`
		Sort  []string      `query:"sort" default:"name,age"`
		Wait  time.Duration `query:"wait" default:"1s"`
		Share *float64      `query:"share" default:"0.5"`
		ID    uuid.UUID     `query:"id" default:"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`
	}
	var a, b in
	if err := bindInto(&a, get("page=0")); err != nil {
		t.Fatal(err)
	}
	if a.Page != 0 || !reflect.DeepEqual(a.Sort, []string{"name", "age"}) || a.Wait != time.Second || *a.Share != 0.5 || a.ID.String() != anID {
		t.Errorf("?page=0 gives %+v, want the defaults but for the page, since zero is not missing", a)
	}
	a.Sort[0], *a.Share = "changed", 1
	if err := bindInto(&b, get("")); err != nil || b.Page != 1 || b.Sort[0] != "name" || *b.Share != 0.5 {
		t.Errorf("a later request gives %+v and error %v: the defaults were shared with an earlier one", b, err)
	}
}

func TestLongQueriesAreReadWhole(t *testing.T) {
	values := url.Values{}
	for i := range 200 {
		values.Add("n", fmt.Sprint(i))
	}
	var in struct {
		N []int `query:"n"`
	}
	if err := bindInto(&in, get(values.Encode())); err != nil || len(in.N) != 200 || in.N[199] != 199 {
		t.Errorf("200 values give %d, error %v", len(in.N), err)
	}
}
