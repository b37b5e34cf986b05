package carafe_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
)

// everything has a field of every kind.
type everything struct {
	String   string          `json:"string" form:"string" validate:"omitempty,min=2,max=20"`
	Bool     bool            `json:"bool" form:"bool"`
	Int      int             `json:"int" form:"int" validate:"lte=100"`
	Int8     int8            `json:"int8" form:"int8"`
	Uint     uint            `json:"uint" form:"uint"`
	Float    float64         `json:"float" form:"float"`
	Time     time.Time       `json:"time" form:"time"`
	Duration time.Duration   `json:"duration" form:"duration"`
	UUID     uuid.UUID       `json:"uuid" form:"uuid"`
	Suit     suit            `json:"suit" form:"suit"`
	Celsius  celsius         `json:"celsius"`
	Any      any             `json:"any"`
	Raw      json.RawMessage `json:"raw"`
	Bytes    []byte          `json:"bytes" form:"bytes"`
	Pointer  **int           `json:"pointer" form:"pointer" validate:"min=1"`
	Slice    []string        `json:"slice" form:"slice" validate:"max=5,dive,max=5"`
	Slices   [][]int         `json:"slices"`
	Array    [2]bool         `json:"array"`
	Map      map[string]int  `json:"map" form:"map"`
	Ints     map[int]*place  `json:"ints"`
	Struct   home            `json:"struct" form:"struct"`
	Tree     tree            `json:"tree" form:"-"`
	Trees    []*tree         `json:"trees"`
	Strict   struct {
		carafe.Strict
		A int `json:"a"`
	} `json:"strict"`
	Extra
	Query string `query:"q"`
	Agent string `header:"User-Agent"`
}

// FuzzBind binds whatever is sent as JSON, and as a form: no panic, no more memory than the body accounts for.
func FuzzBind(f *testing.F) {
	for _, seed := range []string{
		`{"string":"tea","bool":true,"int":7,"int8":-1,"uint":1,"float":1.5,"time":"2026-11-21T03:04:05Z","duration":"1s","uuid":"` + anID + `"}`,
		`{"suit":"hearts","celsius":{"Degrees":1},"any":{"a":[1,null,"b"]},"raw":[1],"bytes":"dGVh","pointer":3,"slice":["a"],"slices":[[1],[2]]}`,
		`{"array":[true,false],"map":{"a":1},"ints":{"1":{"zip":"1"}},"struct":{"street":"Elm","flat":"2"},"tree":{"children":[{"name":"a"}]},"trees":[null,{}]}`,
		`{"strict":{"a":1,"b":2},"note":"x","unknown":[{}]}`,
		`string=tea&bool=on&int=7&slice=a&slice=b&map[a]=1&struct.street=Elm&pointer=1&time=2026-11-21`,
		`{"a":"\ud83c\udf75\u00e9\n"}`, `{"a":1e5,"b":-0.5E-3}`, `[]`, `{`, ``, "\xff",
	} {
		f.Add([]byte(seed), "q=1")
	}
	app := carafe.New("fuzz")
	f.Fuzz(func(t *testing.T, body []byte, rawQuery string) {
		for _, typ := range []string{"application/json", "application/x-www-form-urlencoded"} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
			r.URL.RawQuery = rawQuery
			r.Header.Set("Content-Type", typ)
			var in everything
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := app.TestRequestContext(r).Bind(&in)
			runtime.ReadMemStats(&after)
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+256*len(body)); got > limit {
				t.Errorf("a body of %d bytes took %d bytes to bind", len(body), got)
			}
			if got := statusOf(err); got == 500 {
				t.Errorf("%q as %s: %v", body, typ, err)
			}
			if err != nil && !utf8.ValidString(err.Error()) {
				t.Errorf("%q as %s: the error %q is not UTF-8", body, typ, err)
			}
		}
	})
}

// FuzzJSONGrammar holds the scanner to encoding/json's idea of JSON, provided that the body is UTF-8 and not nested too deep.
func FuzzJSONGrammar(f *testing.F) {
	for _, seed := range []string{`1`, `-0.5e+10`, `"a\u00e9\\"`, `[1,[2,{}],null]`, `{"a":{"b":[true,false]}}`, `01`, `1.`, `[1,]`, `"\x"`, `nul`, ` 1 `, "\"\xc3\"", `"\ud800"`, `-`, `1e`} {
		f.Add([]byte(seed))
	}
	app := carafe.New("fuzz")
	app.Config.MaxJSONDepth = -1
	f.Fuzz(func(t *testing.T, value []byte) {
		body := append(append([]byte(`{"skipped":`), value...), '}')
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var in struct {
			V string `json:"v"`
		}
		err := app.TestRequestContext(r).Bind(&in)
		unread := false // a body may also give v a number
		if ve, ok := err.(*carafe.ValidationError); ok {
			unread = ve.Faults[0].Rule == "json"
		}
		if valid := json.Valid(body) && utf8.Valid(body); valid == unread {
			t.Errorf("%q: error %v, but json.Valid says %v and utf8.Valid %v", body, err, json.Valid(body), utf8.Valid(body))
		}
		measureFuzzed(t, body)
	})
}

// measureFuzzed has a body measured for types that nest in different ways, with no memory to spare and with a little: valid JSON is read
// or too large, and what is none is no success.
func measureFuzzed(t *testing.T, body []byte) {
	type tree struct {
		Skipped *tree           `json:"skipped"`
		A       map[string]tree `json:"a"`
		B       [2][]tree       `json:"b"`
	}
	for _, limit := range []int64{0, 1 << 10} {
		app := carafe.New("fuzz")
		app.Config.MaxJSONMemory = limit
		for _, dst := range []any{new(any), new(tree), new(map[string][]*tree), new([]any)} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			err := app.TestRequestContext(r).Request.JSON(dst)
			code := statusOf(err)
			if code != 0 && code != 400 && code != 413 || code == 0 && !json.Valid(body) {
				t.Errorf("%q into a %T with %d bytes of memory: error %v, and json.Valid says %v", body, dst, limit, err, json.Valid(body))
			}
		}
	}
}
