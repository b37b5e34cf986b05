package jinja_test

import (
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// rowsThatTell yields numbers without end, and counts how many were made and how often it was let return.
func rowsThatTell(made, ended *int) iter.Seq[int] {
	return func(yield func(int) bool) {
		defer func() { *ended++ }()
		for i := 0; ; i++ {
			*made++
			if !yield(i) {
				return
			}
		}
	}
}

func TestAnIteratorGivesWhatIsAskedFor(t *testing.T) {
	env := jinja.MustNew(jinja.Options{Extensions: []string{"loopcontrols"}})
	for _, c := range []struct {
		name, source, want string
		made               int
	}{
		{"a loop that breaks", "{% for x in rows %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %}", "012", 3},
		{"two loops go on where the first broke", "{% set r = rows %}{% for x in r %}{{ x }}{% break %}{% endfor %}{% for x in r %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %}", "012", 3},
		{"a loop that asks for the next item reads one ahead", "{% for x in rows %}{{ loop.nextitem }}{% break %}{% endfor %}", "1", 2},
		{"a loop with a test", "{% for x in rows if x is odd %}{{ x }}{% if x == 3 %}{% break %}{% endif %}{% endfor %}", "13", 4},
		{"a macro may run over it", "{% macro m(r) %}{% for x in r %}{{ x }}{% break %}{% endfor %}{% endmacro %}{% set r = rows %}{{ m(r) }}{{ m(r) }}", "01", 2},
		{"nobody asks", "-", "-", 0},
	} {
		made, ended := 0, 0
		tmpl, err := env.FromString(c.source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Render(map[string]any{"rows": rowsThatTell(&made, &ended)})
		if got != c.want || err != nil || made != c.made {
			t.Errorf("%s: %q after %d items (%v), want %q after %d", c.name, got, made, err, c.want, c.made)
		}
		if want := min(c.made, 1); ended != want {
			t.Errorf("%s: when the render is over the iterator has returned %d times, want %d", c.name, ended, want)
		}
	}
}

func TestAnIteratorWithoutEndIsBounded(t *testing.T) {
	jinja.BoundIterators(t, 1000)
	env := jinja.MustNew(jinja.Options{})
	for _, source := range []string{"{% for x in rows %}{% endfor %}", "{{ rows|list|length }}", "{{ rows|join }}", "{{ rows|sort }}", "{{ 'x' in rows }}", "{{ rows|map('string')|list|length }}"} {
		made, ended := 0, 0
		tmpl, err := env.FromString(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render(map[string]any{"rows": rowsThatTell(&made, &ended)}); err == nil {
			t.Errorf("%s ended without an error and gave %.20q", source, got)
		}
	}
}

func TestAnIteratorIsLetGoWhenTheRenderFails(t *testing.T) {
	made, ended := 0, 0
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString("{% for x in rows %}{{ 1 / x }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render(map[string]any{"rows": rowsThatTell(&made, &ended)}); err == nil || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("the error is %v", err)
	}
	if ended != 1 {
		t.Errorf("after the failure the iterator has returned %d times, want once", ended)
	}
}

func TestAPanicOfAnIteratorIsAnError(t *testing.T) {
	bad := iter.Seq[int](func(yield func(int) bool) {
		defer func() {
			if !yield(2) { // goes on after it was told to stop
				panic("the iterator broke")
			}
		}()
		yield(1)
	})
	tmpl, err := jinja.MustNew(jinja.Options{Extensions: []string{"loopcontrols"}}).FromString("{% for x in rows %}{{ x }}{% break %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Render(map[string]any{"rows": bad}); err == nil {
		t.Errorf("a panic while the iterator returns is lost: %q", got)
	}
}

func TestAnIteratorThatAFilterBeganIsLetGo(t *testing.T) {
	ended := make(chan struct{})
	rows := iter.Seq[int](func(yield func(int) bool) {
		defer close(ended)
		for i := 7; yield(i); i++ {
		}
	})
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString("{{ rows|first }}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Render(map[string]any{"rows": rows}); got != "7" {
		t.Fatalf("the first is %q (%v), want 7", got, err)
	}
	for {
		runtime.GC()
		select {
		case <-ended:
			return
		default:
			runtime.Gosched()
		}
	}
}
