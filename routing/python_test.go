package routing_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe/routing"
)

// What Werkzeug 3.1.8 answers, asked of it with some 27,000 random cases at a time.
func TestNilAsADefaultIsRefusedByNumbers(t *testing.T) {
	for text, reason := range map[string]string{
		"/<int:n>":   "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
		"/<float:n>": "float() argument must be a string or a real number, not 'NoneType'",
	} {
		err := routing.New(routing.Options{}).Add(&routing.Rule{Rule: text, Endpoint: "e", Defaults: routing.Values{"n": nil}})
		var refused *routing.RuleError
		if !errors.As(err, &refused) || refused.Fault != routing.FaultDefault || refused.Reason != reason {
			t.Errorf("%s with the default nil: %v, want a refusal for %q", text, err, reason)
		}
	}
}

func TestNoneAsALimitIsNone(t *testing.T) {
	for _, text := range []string{"/<string(maxlength=None):x>", "/<string(2, None):x>", "/<string(length=None):x>", "/<int(min=None):x>"} {
		m := addAll(t, routing.Options{}, &routing.Rule{Rule: text, Endpoint: "e"})
		if got := answer(m, "", "GET", "/12345"); got[0] != 'e' {
			t.Errorf("%s answers /12345 with %s, want a match", text, got)
		}
	}
}

func TestNumbersAreMadeOfWhatPythonTakesForOne(t *testing.T) {
	m := addAll(t, routing.Options{}, &routing.Rule{Rule: "/i/<int:n>", Endpoint: "int"}, &routing.Rule{Rule: "/f/<float:n>", Endpoint: "float"})
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	large := new(big.Int).Lsh(big.NewInt(1), 70)
	for _, tt := range []struct {
		endpoint string
		value    any
		want     string
	}{
		{"int", uuid.MustParse("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), "/i/83933577619577329213855713373035705089"},
		{"int", large, "/i/1180591620717411303424"},
		{"float", large, "/f/1.1805916207174113e+21"},
		{"float", uuid.UUID{}, "float() argument must be a string or a real number, not 'UUID'"},
	} {
		got, err := a.Build(tt.endpoint, []routing.Pair{{Name: "n", Value: tt.value}}, routing.BuildOptions{})
		var wrong *routing.ValueError
		if errors.As(err, &wrong) {
			got = wrong.Reason
		}
		if got != tt.want {
			t.Errorf("%s of a %T: %q, want %q", tt.endpoint, tt.value, got, tt.want)
		}
	}
}
