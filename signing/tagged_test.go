package signing_test

import (
	"encoding/json"
	"errors"
	"html/template"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe/signing"
)

type role string

type level uint8

func TestValuesAreWrittenAsFlaskWritesThem(t *testing.T) {
	seven := 7
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"an int is no float", []any{1, int8(-2), uint64(math.MaxUint64), int64(3)}, `[1,-2,18446744073709551615,3]`},
		{"a whole float keeps its point", []any{1.0, 0.0, math.Copysign(0, -1), 1e15, 1e16}, `[1.0,0.0,-0.0,1000000000000000.0,1e+16]`},
		{"a small float has an exponent", []any{1e-4, 1e-5, 123e-20, float32(0.1)}, `[0.0001,1e-05,1.23e-18,0.1]`},
		{"no number has a name", []any{math.NaN(), math.Inf(1), math.Inf(-1)}, `[NaN,Infinity,-Infinity]`},
		{"a json.Number is what its text is", []any{json.Number("-0"), json.Number("1.50"), json.Number("1e3"), json.Number("12345678901234567890")}, `[0,1.5,1000.0,12345678901234567890]`},
		{"a big int", new(big.Int).Lsh(big.NewInt(1), 70), `1180591620717411303424`},
		{"keys are sorted", map[string]any{"b": 1, "a": 2, "B": 3}, `{"B":3,"a":2,"b":1}`},
		{"nil maps and lists are empty", []any{map[string]any(nil), []any(nil), []byte(nil), signing.Tuple(nil), []string(nil)}, `[{},[],{" b":""},{" t":[]},[]]`},
		{"kinds of one's own", []any{role("x"), level(3), []string{"a"}, [2]int{1, 2}, map[role]int{"b": 1, "a": 2}, &seven, (*int)(nil), [2]byte{65, 66}}, `["x",3,["a"],[1,2],{"a":2,"b":1},7,null,{" b":"QUI="}]`},
		{"a map of one key like a tag is guarded", []any{map[string]any{" t": 1}, map[string]int{" b": 2}, map[string]any{" t": 1, "x": 2}}, `[{" di":{" t__":1}},{" di":{" b__":2}},{" t":1,"x":2}]`},
		{"a time is in GMT and whole seconds", time.Date(2024, 2, 29, 13, 34, 56, 999, time.FixedZone("", 3600)), `{" d":"Thu, 29 Feb 2024 12:34:56 GMT"}`},
		{"text is ASCII", "é😀\x00\x7f\"\\/<>&\n\xff", `"\u00e9\ud83d\ude00\u0000\u007f\"\\/<>&\n\ufffd"`},
		{"html is marked", template.HTML("<b>"), `{" m":"<b>"}`},
		{"a uuid", uuid.MustParse("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), `{" u":"3f2504e04f8911d39a0c0305e82c3301"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := signing.TaggedJSON{}.Append([]byte("before "), tt.value)
			if err != nil || string(got) != "before "+tt.want {
				t.Errorf("%v is written as\n\t%s, %v, want\n\t%s", tt.value, got, err, tt.want)
			}
		})
	}
}

func TestPlainJSONHasNoTags(t *testing.T) {
	got, err := signing.PlainJSON().Append(nil, []any{signing.Tuple{1}, template.HTML("é"), map[string]any{" t": "\x7f"}})
	if want := `[[1],"é",{" t":"` + "\x7f" + `"}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if v, err := signing.PlainJSON().Decode([]byte(`{" t":[1]}`)); err != nil || describe(v) != `{" t": [int 1]}` {
		t.Errorf("a tag is read as %s, %v", describe(v), err)
	}
	for _, v := range []any{[]byte("x"), uuid.New(), time.Now()} {
		if got, err := signing.PlainJSON().Append(nil, v); err == nil {
			t.Errorf("%T is written as %s", v, got)
		}
	}
}

func TestWhatCannotBeWrittenIsNamedWithItsPath(t *testing.T) {
	loop := map[string]any{}
	loop["l"] = []any{loop}
	for _, tt := range []struct {
		name           string
		value          any
		path, wantType string
	}{
		{"a struct", map[string]any{"user": struct{}{}}, `["user"]`, "struct {}"},
		{"a channel in a tuple in a list", map[string]any{"a b": []any{1, signing.Tuple{make(chan int)}}}, `["a b"][1][0]`, "chan int"},
		{"a function in a guarded map", map[string]any{" t": func() {}}, `[" t"]`, "func()"},
		{"the value itself", complex(1, 2), "", "complex128"},
		{"a map without text keys", map[string]any{"m": map[int]int{1: 2}}, `["m"]`, "map[int]int"},
		{"an element of a typed slice", []struct{}{{}}, "[0]", "struct {}"},
		{"a number that is none", []any{json.Number("1x")}, "[0]", "json.Number"},
		{"a year that a date has no room for", []any{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "[0]", "time.Time"},
		{"a loop", loop, `["l"][0]`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := signing.TaggedJSON{}.Append([]byte("x"), tt.value)
			var unsupported *signing.UnsupportedValue
			if !errors.As(err, &unsupported) {
				t.Fatalf("written as %s, %v", got, err)
			}
			if string(got) != "x" {
				t.Errorf("the buffer holds %q after an error", got)
			}
			if !strings.HasPrefix(unsupported.Path, tt.path) || tt.wantType != "" && (unsupported.Type != tt.wantType || unsupported.Path != tt.path) {
				t.Errorf("path %q, type %q; want %q, %q", unsupported.Path, unsupported.Type, tt.path, tt.wantType)
			}
		})
	}
}

func TestNestingIsBoundedBothWays(t *testing.T) {
	codec := signing.TaggedJSON{}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	v, err := codec.Decode([]byte(nested(signing.MaxDepth)))
	if err != nil {
		t.Fatalf("a list %d deep: %v", signing.MaxDepth, err)
	}
	if _, err := codec.Append(nil, v); err != nil {
		t.Errorf("writing it: %v", err)
	}
	if _, err := codec.Append(nil, []any{v}); err == nil {
		t.Errorf("a list %d deep is written", signing.MaxDepth+1)
	}
	for _, depth := range []int{signing.MaxDepth + 1, 1 << 20} {
		if _, err := codec.Decode([]byte(nested(depth))); err == nil {
			t.Errorf("a list %d deep is read", depth)
		}
	}
}

func TestZeroTimeComesBackZero(t *testing.T) {
	codec := signing.TaggedJSON{}
	data, err := codec.Append(nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := codec.Decode(data); err != nil || !v.(time.Time).IsZero() {
		t.Errorf("a zero time, written as %s, comes back as %v, %v", data, v, err)
	}
}

func TestDatesAsWerkzeugReadsThem(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"Tue, 14 Nov 2023 22:13:20 GMT", "2023-11-14T22:13:20Z"},
		{"Tuesday, 14-Nov-23 22:13:20 GMT", "2023-11-14T22:13:20Z"},
		{"Tue Nov 14 22:13:20 2023", "2023-11-14T22:13:20Z"},
		{"14 Nov 2023 22:13:20", "2023-11-14T22:13:20Z"},
		{"14 november 2023 22:13 +0130", "2023-11-14T20:43:00Z"},
		{"Sun, 06 Nov 68 08:49:37 GMT", "2068-11-06T08:49:37Z"},
		{"Sun, 06 Nov 69 08:49:37 EST", "1969-11-06T13:49:37Z"},
		{"", ""}, {"Tue, 14 Nov 2023", ""}, {"Tue, 29 Feb 2023 00:00:00 GMT", ""}, {"Tue, 14 Nov 2023 22:13:60 GMT", ""},
		{"14-11-2023 22:13:20", ""}, {"14 Nov 2023 24:00:00", ""}, {"14 Nov 2023 1:2:3 +2400", ""}, {"14 Nov 20230 1:2:3", ""},
	} {
		got := ""
		if at, ok := signing.ParseDate(tt.text); ok {
			got = at.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%q is read as %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestATagCanTakeOverAKnownType(t *testing.T) {
	codec := signing.TaggedJSON{Tags: []signing.Tag{{
		Key: " d", First: true, Replace: true,
		Encode: func(v any) (any, bool) {
			at, ok := v.(time.Time)
			return at.UnixNano(), ok
		},
		Decode: func(v any) (any, error) {
			n, ok := v.(int)
			if !ok {
				return nil, errors.New("not a number")
			}
			return time.Unix(0, int64(n)).UTC(), nil
		},
	}}}
	if err := codec.Check(); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 123456789).UTC()
	data, err := codec.Append(nil, at)
	if err != nil || string(data) != `{" d":1700000000123456789}` {
		t.Fatalf("written as %s, %v", data, err)
	}
	if v, err := codec.Decode(data); err != nil || v != at {
		t.Errorf("read as %v, %v", v, err)
	}
	if _, err := codec.Decode([]byte(`{" d":"x"}`)); err == nil || !strings.Contains(err.Error(), "not a number") {
		t.Errorf("the tag's own error is lost: %v", err)
	}
}

func TestATagThatGivesItsOwnTypeBackEnds(t *testing.T) {
	codec := signing.TaggedJSON{Tags: []signing.Tag{{
		Key:    " r",
		Encode: func(v any) (any, bool) { r, ok := v.(role); return r, ok },
		Decode: func(v any) (any, error) { return v, nil },
	}}}
	if got, err := codec.Append(nil, role("x")); err == nil {
		t.Errorf("written as %.80s…", got)
	}
}
