package wire

import "strings"

// ParseList reads comma-separated values, each a token or a quoted string; quotes are taken off. Empty ones are
// left out. If a quote is not closed there are none.
//
// Source: werkzeug.http.parse_list_header; parse_set_header reads the same.
func ParseList(field string) []string {
	raw := splitList(field)
	if raw == nil {
		return nil
	}
	items := make([]string, len(raw))
	for i, s := range raw {
		items[i] = Unquote(s)
	}
	return items
}

// splitList is ParseList with the quotes still on.
func splitList(field string) []string {
	var items []string
	start, quoted := 0, false
	for i := 0; i < len(field); i++ {
		switch b := field[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case b == ',' && !quoted:
			items = appendItem(items, field[start:i])
			start = i + 1
		}
	}
	if quoted {
		return nil
	}
	return appendItem(items, field[start:])
}

func appendItem(items []string, s string) []string {
	if s = strings.TrimSpace(s); s != "" {
		items = append(items, s)
	}
	return items
}

// DumpList is the reverse of ParseList.
//
// Source: werkzeug.http.dump_header of a list.
func DumpList(items ...string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = Quote(s)
	}
	return strings.Join(quoted, ", ")
}

// ParseDict reads comma-separated name=value, or bare names. The last of a repeated name wins, in the place of the
// first. Names keep their case.
//
// Source: werkzeug.http.parse_dict_header.
func ParseDict(field string) Params {
	var params Params
	for _, item := range ParseList(field) {
		name, value, ok := strings.Cut(item, "=")
		if name = strings.TrimSpace(name); name == "" || len(params) >= maxParams {
			continue
		}
		if !ok {
			params = params.set(Param{Name: name, Bare: true})
			continue
		}
		value = strings.TrimSpace(value)
		if strings.HasSuffix(name, "*") {
			var d extended
			name, value = name[:len(name)-1], d.decode(value)
		}
		params = params.set(Param{Name: name, Value: Unquote(value)})
	}
	return params
}

// DumpDict is the reverse of ParseDict.
//
// Source: werkzeug.http.dump_header of a dict.
func DumpDict(params Params) string {
	items := make([]string, len(params))
	for i, p := range params {
		items[i] = p.String()
	}
	return strings.Join(items, ", ")
}
