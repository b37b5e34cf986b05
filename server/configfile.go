package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FromFile sets what a file says, and remembers the file as ConfigFile, which HUP reads again. The name is path, else
// ConfigFile, else that of the environment variable CARAFE_CONFIG_FILE; with none of them there is nothing to do.
//
// A file that ends in .json holds one object. Any other is a small part of TOML: "name = value" a line, where a value is
// "text", 'text', a number, true, false, or a list ["a", "b"] that may go over several lines; # begins a comment. An
// unknown name, a wrong type or a name given twice is an error that says the line.
//
// In a worker that replaces one which died, FromFile does nothing: a worker serves with the master's configuration, which
// a half-edited file on disk must not break.
func (c *Config) FromFile(path string) error {
	if path == "" {
		path = c.ConfigFile
	}
	if path == "" {
		path = os.Getenv("CARAFE_CONFIG_FILE")
	}
	if path == "" || os.Getenv(roleEnv) == roleWorker {
		return nil
	}
	c.remember()
	path = c.within(path)
	data, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("server: there is no configuration file %s: %w", path, err)
		}
		return fmt.Errorf("server: cannot read configuration file: %w", err)
	}
	parse := parseTOML
	if filepath.Ext(path) == ".json" {
		parse = parseJSON
	}
	pairs, err := parse(string(data))
	if err != nil {
		return fmt.Errorf("server: %s:%w", path, err)
	}
	for _, p := range pairs {
		if err := c.Set(p.name, p.value); err != nil {
			return fmt.Errorf("server: %s:%d: %w", path, p.line, err)
		}
	}
	c.ConfigFile = path
	return nil
}

type pair struct {
	name, value string
	line        int
}

func parseJSON(data string) ([]pair, error) {
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("1: %w", err)
	}
	if dec.More() {
		return nil, fmt.Errorf("1: there is more after the object")
	}
	var pairs []pair
	for name, v := range m {
		value, err := plain(v)
		if err != nil {
			return nil, fmt.Errorf("1: %s: %w", name, err)
		}
		pairs = append(pairs, pair{name, value, 1})
	}
	return pairs, nil
}

// plain is a JSON value as the text of a setting.
func plain(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case []any:
		var items []string
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return "", fmt.Errorf("a list holds %v, which is no text", item)
			}
			items = append(items, text)
		}
		return joined(items), nil
	}
	return "", fmt.Errorf("%v is neither text, a number, a truth value nor a list of texts", v)
}

func joined(items []string) string { return strings.Join(items, "\n") + "\n" }

// A tomlReader reads the part of TOML that settings need.
type tomlReader struct {
	rest string
	line int
}

func parseTOML(data string) (pairs []pair, err error) {
	t := &tomlReader{rest: strings.ReplaceAll(data, "\r\n", "\n"), line: 1}
	seen := map[string]bool{}
	for t.skip(true); t.rest != ""; t.skip(true) {
		line := t.line
		name := t.word()
		t.skip(false)
		if name == "" || !strings.HasPrefix(t.rest, "=") {
			return nil, fmt.Errorf("%d: want name = value", line)
		}
		if seen[name] {
			return nil, fmt.Errorf("%d: %s is given a second time", line, name)
		}
		seen[name] = true
		t.rest = t.rest[1:]
		t.skip(false)
		value, err := t.value()
		if err != nil {
			return nil, fmt.Errorf("%d: %s: %w", line, name, err)
		}
		if t.skip(false); t.rest != "" && t.rest[0] != '\n' {
			return nil, fmt.Errorf("%d: %s: there is more after the value", line, name)
		}
		pairs = append(pairs, pair{name, value, line})
	}
	return pairs, nil
}

// skip passes blanks and comments, and with lines also the ends of lines.
func (t *tomlReader) skip(lines bool) {
	for t.rest != "" {
		switch c := t.rest[0]; {
		case c == ' ' || c == '\t':
		case c == '\n' && lines:
			t.line++
		case c == '#':
			end := strings.IndexByte(t.rest, '\n')
			if end < 0 {
				end = len(t.rest)
			}
			t.rest = t.rest[end:]
			continue
		default:
			return
		}
		t.rest = t.rest[1:]
	}
}

// word is a run of letters, digits and the signs that bare names and values have.
func (t *tomlReader) word() string {
	n := 0
	for n < len(t.rest) && (t.rest[n] == '_' || t.rest[n] == '-' || t.rest[n] == '+' || t.rest[n] == '.' ||
		t.rest[n] >= '0' && t.rest[n] <= '9' || t.rest[n]|0x20 >= 'a' && t.rest[n]|0x20 <= 'z') {
		n++
	}
	w := t.rest[:n]
	t.rest = t.rest[n:]
	return w
}

func (t *tomlReader) value() (string, error) {
	if t.rest == "" || t.rest[0] == '\n' {
		return "", errors.New("the value is missing")
	}
	switch t.rest[0] {
	case '"', '\'':
		return t.quoted()
	case '[':
		return t.array()
	}
	w := t.word()
	if _, err := strconv.ParseFloat(w, 64); err == nil || w == "true" || w == "false" {
		return w, nil
	}
	return "", fmt.Errorf("%q is no value: text goes in quotes", w)
}

func (t *tomlReader) quoted() (string, error) {
	end := 1
	for end < len(t.rest) && t.rest[end] != t.rest[0] && t.rest[end] != '\n' {
		if t.rest[0] == '"' && t.rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(t.rest) || t.rest[end] != t.rest[0] {
		return "", errors.New("a quote is not closed")
	}
	raw := t.rest[:end+1]
	t.rest = t.rest[end+1:]
	if raw[0] == '\'' {
		return raw[1:end], nil
	}
	text, err := strconv.Unquote(raw)
	if err != nil {
		return "", fmt.Errorf("%s has an unknown escape", raw)
	}
	return text, nil
}

func (t *tomlReader) array() (string, error) {
	t.rest = t.rest[1:]
	var items []string
	for {
		if t.skip(true); t.rest == "" {
			return "", errors.New("a list is not closed")
		}
		if t.rest[0] == ']' {
			t.rest = t.rest[1:]
			return joined(items), nil
		}
		if t.rest[0] != '"' && t.rest[0] != '\'' {
			return "", errors.New("a list holds texts in quotes")
		}
		item, err := t.quoted()
		if err != nil {
			return "", err
		}
		items = append(items, item)
		if t.skip(true); strings.HasPrefix(t.rest, ",") {
			t.rest = t.rest[1:]
		} else if t.rest != "" && t.rest[0] != ']' {
			return "", errors.New("items of a list are separated by commas")
		}
	}
}
