package carafe_test

import (
	"fmt"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// A jsonLoad makes a text of n equal pieces.
type jsonLoad struct {
	name         string
	open, piece  string
	close        string
	numbered     bool // the piece is a format with a place for its number
	refusedAtMax bool // as 16 MiB, with the default limit
}

func (l jsonLoad) text(n int) string {
	if !l.numbered {
		return l.open + strings.Repeat(l.piece+",", n-1) + l.piece + l.close
	}
	b := []byte(l.open)
	for i := range n {
		b = append(fmt.Appendf(b, l.piece, i), ',')
	}
	return string(b[:len(b)-1]) + l.close
}

// jsonLoads are what takes the most memory for its length, and what is ordinary.
var jsonLoads = []jsonLoad{
	{"empty arrays", "[", "[]", "]", false, true},
	{"empty objects", "[", "{}", "]", false, true},
	{"zeros", "[", "0", "]", false, true},
	{"digits", "[", "5", "]", false, true},
	{"empty strings", "[", `""`, "]", false, true},
	{"short strings", "[", `"ab"`, "]", false, true},
	{"nulls", "[", "null", "]", false, false},
	{"objects of one member", "[", `{"":5}`, "]", false, true},
	{"objects of nine members", "[", `{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0}`, "]", false, true},
	{"arrays of one number", "[", "[5]", "]", false, true},
	{"arrays of an array", "[", "[[]]", "]", false, true},
	{"one object of many members", "{", `"%x":0`, "}", true, true},
	{"records of three members", "[", `{"id":12345,"name":"Ada Lovelace","active":true}`, "]", false, false},
	{"records of six members", "[", `{"id":12345,"name":"Ada Lovelace","email":"ada@example.com","active":true,"score":17.25,"created":"2026-11-21T12:00:00Z"}`, "]", false, false},
	{"orders", "[", `{"order":98231,"customer":{"id":551,"name":"Ada Lovelace","email":"ada@example.com"},"lines":[{"sku":"AB-1","qty":2,"price":9.5},{"sku":"CD-2","qty":1,"price":20}],"note":"leave it at the door","paid":true}`, "]", false, false},
	{"positions", "[", "[12.345678,45.678901]", "]", false, false},
}

// decodeNothing is a provider that only the limits of the app are seen with.
type decodeNothing struct{}

func (decodeNothing) Marshal(any) ([]byte, error) { return nil, nil }
func (decodeNothing) Unmarshal([]byte, any) error { return nil }

// The defaults are tried at a sixteenth of their size: what is counted grows with the text.
func TestTheLargestBodyOfRecordsIsReadAndOfNothingIsNot(t *testing.T) {
	for _, load := range jsonLoads {
		app := carafe.New("test")
		app.JSON = decodeNothing{} // what decoding takes is tried below
		app.Config.MaxJSONMemory /= 16
		largest := int(app.Config.MaxContentLength / 16)
		per := len(load.text(2001)) - len(load.text(1001))
		body := load.text(largest * 1000 / per * 9 / 10)
		_, err := app.TestRequestContext(postJSON(body).request()).Request.JSONValue()
		if got := statusOf(err) == 413; got != load.refusedAtMax {
			t.Errorf("%d bytes of %s, with a sixteenth of the default limits: error %v, want a 413: %v", len(body), load.name, err, load.refusedAtMax)
		}
	}
}

// jsonBudget is small, so that many bodies at the limit can be tried.
const jsonBudget = 1 << 20

// largestLoad is the longest text that read accepts, to a twelfth.
func largestLoad(load jsonLoad, read func(body string) error) (text string, ok bool) {
	n := sort.Search(100, func(i int) bool { return statusOf(read(load.text(jsonSteps(i)))) == 413 })
	if n == 0 || n == 100 {
		return "", false
	}
	return load.text(jsonSteps(n - 1)), true
}

// jsonSteps grows by a twelfth from step to step, up to a million.
func jsonSteps(i int) int {
	n := 400.0
	for range i {
		n *= 1.08
	}
	return int(n)
}

// liveAfter is what the heap holds more after f while keep is alive; the less of two, since others use the heap too.
func liveAfter(f func() (keep any)) int {
	least := 1 << 40
	for range 2 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // pools are let go at the second
		runtime.ReadMemStats(&before)
		keep := f()
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(keep)
		least = min(least, int(after.HeapAlloc)-int(before.HeapAlloc))
	}
	return least
}

// withSmallBudget is a request's context in an app with the small budget, and another provider than StdJSON if there is one.
func withSmallBudget(body string, provider ...carafe.JSONProvider) *carafe.Context {
	app := carafe.New("test")
	app.Config.MaxJSONMemory = jsonBudget
	if len(provider) > 0 {
		app.JSON = provider[0]
	}
	return app.TestRequestContext(postJSON(body).request())
}

func TestDecodedJSONStaysWithinItsMemory(t *testing.T) {
	for _, load := range jsonLoads {
		read := func(body string) error {
			_, err := withSmallBudget(body, decodeNothing{}).Request.JSONValue()
			return err
		}
		body, ok := largestLoad(load, read)
		if !ok {
			t.Errorf("%s: there is no length at which the limit begins to hold", load.name)
			continue
		}
		taken := liveAfter(func() any {
			c := withSmallBudget(body)
			v, err := c.Request.JSONValue()
			if err != nil {
				t.Errorf("%s: %v", load.name, err)
			}
			return v
		})
		if taken > jsonBudget*5/4 || taken < jsonBudget/8 {
			t.Errorf("%s: the longest text that is accepted, %d bytes, takes %d bytes: want about the limit, %d, at most, and no less than an eighth of it",
				load.name, len(body), taken, jsonBudget)
		}
	}
}

type (
	jsonPoint  struct{ A, B, C int }
	jsonNode   struct{ Next *jsonNode }
	jsonHidden struct {
		*JSONLarge
		X int
	}
	JSONLarge struct{ Numbers [64]int } // JSONLarge is embedded, and has to be exported for that
)

// jsonTargets are types of one dimension of values, and pieces that cost most in each.
var jsonTargets = []struct {
	into   any
	pieces []string
}{
	{[]any{}, []string{"{}", "[]", "5"}},
	{[]int{}, []string{"0", "null"}},
	{[]string{}, []string{`""`, `"ab"`}},
	{[]map[string]any{}, []string{"{}", `{"":0}`, "null"}},
	{[]map[string]string{}, []string{"{}", `{"":""}`}},
	{[]jsonPoint{}, []string{"{}", "0", "null"}},
	{[]*JSONLarge{}, []string{"{}", "0", "null"}},
	{[]jsonHidden{}, []string{`{"x":1}`, `{"X":1}`}},
	{[]jsonNode{}, []string{`{"next":{"next":{}}}`, `{"NEXT":{}}`}},
	{[]struct{ K []jsonPoint }{}, []string{`{"k":[0]}`, "{\"\u212a\":[0]}", "{\"\\u212a\":[0,0]}"}},
	{[][]int{}, []string{"[]", "[0]", "[0,0]"}},
	{[][4]jsonPoint{}, []string{"[]", "[0,0]"}},
	{[]any(nil), []string{`{"":[{"":[]}]}`}},
}

func TestJSONOfATypeStaysWithinItsMemory(t *testing.T) {
	for _, target := range jsonTargets {
		typ := reflect.TypeOf(target.into)
		for _, piece := range target.pieces {
			load := jsonLoad{piece, "[", piece, "]", false, true}
			read := func(body string) error {
				return withSmallBudget(body, decodeNothing{}).Request.JSON(reflect.New(typ).Interface())
			}
			body, ok := largestLoad(load, read)
			if !ok {
				t.Errorf("%v of %s: there is no length at which the limit begins to hold", typ, piece)
				continue
			}
			taken := liveAfter(func() any {
				dst := reflect.New(typ).Interface()
				_ = withSmallBudget(body).Request.JSON(dst) // a kind that does not fit is found after all of it has been decoded
				return dst
			})
			if taken > jsonBudget*5/4 {
				t.Errorf("%v of %s: the longest text that is accepted, %d bytes, takes %d bytes, more than about the limit of %d", typ, piece, len(body), taken, jsonBudget)
			}
		}
	}
}

func TestBoundJSONStaysWithinItsMemory(t *testing.T) {
	type holder struct {
		Any   any              `json:"any"`
		List  []any            `json:"list"`
		Maps  []map[string]any `json:"maps"`
		Ints  []int            `json:"ints"`
		Rows  []jsonPoint      `json:"rows"`
		Nodes map[string]any   `json:"nodes"`
	}
	for _, load := range []jsonLoad{
		{"any", `{"any":[`, "{}", "]}", false, true},
		{"any in pieces", `{"list":[`, "{}", "]}", false, true},
		{"any of maps", `{"list":[`, `{"":0}`, "]}", false, true},
		{"maps", `{"maps":[`, "{}", "]}", false, true},
		{"maps of one", `{"maps":[`, `{"":0}`, "]}", false, true},
		{"numbers", `{"ints":[`, "0", "]}", false, true},
		{"structs", `{"rows":[`, "{}", "]}", false, true},
		{"one map", `{"nodes":{`, `"%x":[]`, "}}", true, true},
	} {
		body, ok := largestLoad(load, func(body string) error { return withSmallBudget(body, decodeNothing{}).Bind(&holder{}) })
		if !ok {
			t.Errorf("%s: there is no length at which the limit begins to hold", load.name)
			continue
		}
		taken := liveAfter(func() any {
			var h holder
			if err := withSmallBudget(body).Bind(&h); err != nil {
				t.Errorf("%s: %v", load.name, err)
			}
			return &h
		})
		if taken > jsonBudget*5/4 || taken < jsonBudget/8 {
			t.Errorf("%s: the longest text that is accepted, %d bytes, takes %d bytes: want about the limit, %d, at most, and no less than an eighth of it",
				load.name, len(body), taken, jsonBudget)
		}
	}
}

func TestTheLimitOfJSONIsForTheClientAndCanBeLifted(t *testing.T) {
	body := "[" + strings.Repeat("{},", 1<<18) + "{}]"
	for _, tt := range []struct {
		name  string
		limit int64
		json  carafe.JSONProvider
		body  string
		want  int
	}{
		{"a small limit", 1 << 20, nil, body, 413},
		{"no limit", -1, nil, body, 0},
		{"with a byte order mark", 1 << 20, nil, "\xef\xbb\xbf" + body, 413},
		{"broken at its end", 1 << 20, nil, body + "x", 413},
		{"broken at its start", 1 << 20, nil, "x" + body, 400},
		{"a provider that takes what is no JSON", 1 << 20, decodeNothing{}, "[\"\xff\"," + body, 413},
		{"short and broken for such a provider", 1 << 20, decodeNothing{}, "[\"\xff\",[]", 0},
	} {
		app := carafe.New("test")
		app.Config.MaxJSONMemory = tt.limit
		if tt.json != nil {
			app.JSON = tt.json
		}
		for _, silent := range []bool{false, true} {
			var opts []carafe.JSONOption
			if silent {
				opts = append(opts, carafe.SilentJSON)
			}
			want := tt.want
			if silent && want == 400 {
				want = 0
			}
			if _, err := app.TestRequestContext(postJSON(tt.body).request()).Request.JSONValue(opts...); statusOf(err) != want {
				t.Errorf("%s, silent: %v: error %v, want status %d", tt.name, silent, err, want)
			}
		}
	}
}
