package routing_test

import (
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

// Texts are compared by words of eight bytes that overlap and are filled up: each byte of texts of all lengths has to count.
func TestEachByteOfAStaticTextCounts(t *testing.T) {
	for n := 1; n <= 40; n++ {
		text := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 2)[:n]
		for shape, rules := range map[string][]string{
			"a whole path":          {"/" + text},
			"one of several":        {"/" + text, "/" + text + "z", "/z" + text, "/" + text + text},
			"the only step":         {"/" + text + "/<x>"},
			"several only steps":    {"/" + text + "/" + text + "/<x>"},
			"one of several steps":  {"/" + text + "/<x>", "/b" + text + "/<x>", "/" + text + "c/<x>"},
			"a whole path of steps": {"/" + text + "/" + text},
		} {
			m := addAll(t, routing.Options{}, rulesOf(rules...)...)
			path := strings.ReplaceAll(rules[0], "<x>", "v")
			if got := answer(m, "", "GET", path); !strings.HasPrefix(got, rules[0]+"map[") {
				t.Fatalf("%s of %d bytes: %q answers %s", shape, n, path, got)
			}
			end := len(strings.TrimSuffix(path, "v")) // a variable's text is free
			for i := 1; i < end; i++ {
				for _, other := range []string{path[:i] + "#" + path[i+1:], path[:i] + "\x00" + path[i+1:], path[:i]} {
					if got := answer(m, "", "GET", other); strings.HasPrefix(got, rules[0]+"map[") {
						t.Errorf("%s of %d bytes: %q answers %s", shape, n, other, got)
					}
				}
			}
		}
	}
}
