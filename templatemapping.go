package carafe

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carafeweb/carafe/jinja"
)

// What the views of templates that stand for a dict have in common.

// mappingGet is dict.get.
func mappingGet(m jinja.Mapping, key string, fallback []any) any {
	if v, ok := m.Item(key); ok {
		return v
	}
	if len(fallback) > 0 {
		return fallback[0]
	}
	return nil
}

// mappingValues is dict.values.
func mappingValues(m jinja.Mapping) []any {
	keys := m.Keys()
	values := make([]any, len(keys))
	for i, k := range keys {
		values[i], _ = m.Item(k)
	}
	return values
}

// mappingItems is dict.items: pairs to unpack.
func mappingItems(m jinja.Mapping) [][]any {
	keys := m.Keys()
	items := make([][]any, len(keys))
	for i, k := range keys {
		v, _ := m.Item(k)
		items[i] = []any{k, v}
	}
	return items
}

func mappingMap(m jinja.Mapping) map[string]any {
	all := map[string]any{}
	for _, k := range m.Keys() {
		all[k], _ = m.Item(k)
	}
	return all
}

func marshalMapping(m jinja.Mapping) ([]byte, error) { return json.Marshal(mappingMap(m)) }

// printMapping prints a dict in a way that people can read.
func printMapping(class string, m jinja.Mapping) string {
	var b strings.Builder
	for i, item := range mappingItems(m) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "'%s': ", item[0])
		if s, ok := item[1].(string); ok {
			fmt.Fprintf(&b, "'%s'", s)
		} else {
			fmt.Fprint(&b, item[1])
		}
	}
	return "<" + class + " {" + b.String() + "}>"
}
