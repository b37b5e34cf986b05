package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe/signing"
)

// readGolden reads every case of kind-cases.json, from $CARAFE_ORACLE if that is set.
func readGolden[T any](t *testing.T, kind string) []T {
	t.Helper()
	folder := os.Getenv("CARAFE_ORACLE")
	if folder == "" {
		folder = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(folder, kind+"-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []T
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// A tally counts what became of the cases of one golden file.
type tally struct {
	agree, differ, fail int
	left                map[string]int // by kind: cases that are another package's to check
}

// count takes an outcome: "" agrees, "Unlike Flask, …" differs on purpose, all else is a failure.
func (n *tally) count(t *testing.T, id, name, outcome string) {
	t.Helper()
	switch {
	case outcome == "":
		n.agree++
	case strings.HasPrefix(outcome, "Unlike Flask, "):
		n.differ++
		t.Logf("%s (%s): %s", id, name, outcome)
	default:
		n.fail++
		t.Errorf("%s (%s): %s", id, name, outcome)
	}
}

func (n *tally) leave(kind string) {
	if n.left == nil {
		n.left = map[string]int{}
	}
	n.left[kind]++
}

func (n *tally) report(t *testing.T, file string) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(n.left)) {
		t.Logf("left to the tests of other packages: %d of kind %s", n.left[kind], kind)
	}
	if n.agree+n.differ+n.fail == 0 {
		t.Errorf("%s: no case was checked", file)
	}
	t.Logf("oracle %s: %d agree, %d differ on purpose, %d fail", file, n.agree, n.differ, n.fail)
}

// fromGolden turns golden JSON, with its {"$bytes": …}, into the values that a codec gives.
func fromGolden(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		return goldenNumber(t, string(v))
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = fromGolden(t, item)
		}
		return out
	case map[string]any:
		for key, inner := range v {
			if len(v) == 1 && strings.HasPrefix(key, "$") {
				return goldenTag(t, key, inner)
			}
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = fromGolden(t, item)
		}
		return out
	}
	return v
}

func goldenTag(t *testing.T, key string, v any) any {
	t.Helper()
	if key == "$tuple" {
		return signing.Tuple(fromGolden(t, v).([]any))
	}
	text := v.(string)
	switch key {
	case "$bytes":
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	case "$uuid":
		return uuid.MustParse(text)
	case "$markup":
		return template.HTML(text)
	case "$datetime":
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UTC()
	case "$int":
		return goldenNumber(t, text)
	case "$float":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	t.Fatalf("golden data has an unknown value %s", key)
	return nil
}

func goldenNumber(t *testing.T, text string) any {
	t.Helper()
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		t.Fatalf("golden data has the number %q", text)
	}
	return n
}

// describe writes v with its types, equal for equal values: int 1 is not float 1.0, NaN is NaN.
func describe(v any) string {
	switch v := v.(type) {
	case float64:
		if v == 0 && math.Signbit(v) {
			return "float -0"
		}
		return fmt.Sprintf("float %v", v)
	case *big.Int:
		return "int " + v.String()
	case int:
		return fmt.Sprintf("int %d", v)
	case string:
		return strconv.Quote(v)
	case template.HTML:
		return "markup " + strconv.Quote(string(v))
	case []byte:
		return "bytes " + hex.EncodeToString(v)
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano)
	case signing.Tuple:
		return "tuple(" + describeAll(v) + ")"
	case []any:
		return "[" + describeAll(v) + "]"
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, strconv.Quote(key)+": "+describe(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%T %v", v, v)
}

func describeAll(items []any) string {
	var parts []string
	for _, item := range items {
		parts = append(parts, describe(item))
	}
	return strings.Join(parts, ", ")
}
