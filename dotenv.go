package carafe

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LoadDotenv sets environment variables from files of lines NAME=value, unless they are set already: those named, else ".carafeenv"
// and ".env", looked for in the working directory and the folders above it. Of a name in several files the last one counts. loaded says
// whether there was anything. Call it first in main, before [New] looks at CARAFE_DEBUG.
//
// A file that is named must be there; the error joins every fault, and then nothing is set.
//
// Source: flask.cli.load_dotenv, python-dotenv.
func LoadDotenv(files ...string) (loaded bool, err error) {
	if files == nil {
		files = defaultDotenv()
	}
	values := map[string]string{}
	var faults []error
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		more, err := ParseDotenv(string(data), os.LookupEnv)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", file, err))
		}
		maps.Copy(values, more)
	}
	if err := errors.Join(faults...); err != nil {
		return false, fmt.Errorf("carafe: loading environment files: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, set := os.LookupEnv(name); !set {
			err = errors.Join(err, os.Setenv(name, values[name]))
		}
	}
	return len(values) > 0, err
}

// loadDotenv is LoadDotenv for the development server, unless CARAFE_SKIP_DOTENV is set; debug mode may come of it.
//
// Source: Flask.run, flask.helpers.get_load_dotenv.
func (a *App) loadDotenv() error {
	if os.Getenv("CARAFE_SKIP_DOTENV") != "" {
		return nil
	}
	loaded, err := LoadDotenv()
	if loaded && debugFromEnv() {
		a.Config.Debug = true
	}
	return err
}

func defaultDotenv() (files []string) {
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	for _, name := range []string{".carafeenv", ".env"} {
		for at := dir; ; at = filepath.Dir(at) {
			info, err := os.Stat(filepath.Join(at, name))
			if err == nil && info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist) {
				files = append(files, filepath.Join(at, name))
				break
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return files
}

// ParseDotenv reads lines of the form NAME=value, with or without "export" before them:
//
//	PLAIN=up to the end of the line # but for a comment
//	SINGLE='as it is, but \' and \\'
//	DOUBLE="with \n and the like; may go over
//	several lines"
//	URL=http://${HOST:-localhost}/
//
// ${NAME} is a name before it in the text, else what lookup has, else the text behind ":-", else nothing. A name without "=" has no
// value and is left out. The error joins every line that cannot be read.
//
// Source: python-dotenv, which passes over such lines with a warning.
func ParseDotenv(text string, lookup func(name string) (string, bool)) (map[string]string, error) {
	p := dotenvParser{text: strings.TrimPrefix(text, "\uFEFF"), line: 1}
	values := map[string]string{}
	var faults []error
	for p.skipBlank(); p.text != ""; p.skipBlank() {
		line := p.line
		name, value, given, err := p.binding()
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
			p.take(lineLength(p.text))
		} else if given {
			values[name] = expandDotenv(value, values, lookup)
		}
	}
	return values, errors.Join(faults...)
}

// dotenvParser is what is left of the text.
type dotenvParser struct {
	text string
	line int
}

func (p *dotenvParser) take(n int) string {
	taken := p.text[:n]
	p.line += strings.Count(taken, "\n")
	p.text = p.text[n:]
	return taken
}

func lineLength(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i
	}
	return len(text)
}

// skipBlank skips white space and lines of comment.
func (p *dotenvParser) skipBlank() {
	for {
		p.take(len(p.text) - len(strings.TrimLeft(p.text, " \t\r\n\f\v")))
		if !strings.HasPrefix(p.text, "#") {
			return
		}
		p.take(lineLength(p.text))
	}
}

func (p *dotenvParser) skipSpace() {
	p.take(len(p.text) - len(strings.TrimLeft(p.text, " \t\f\v")))
}

var (
	errDotenvName  = errors.New("it must have the form NAME=value")
	errDotenvQuote = errors.New("the quote is not closed")
	errDotenvRest  = errors.New("there is something after the closing quote: a comment must begin with #")
)

// binding reads one NAME=value; given is false without "=".
func (p *dotenvParser) binding() (name, value string, given bool, err error) {
	if rest, ok := strings.CutPrefix(p.text, "export"); ok && strings.IndexAny(rest, " \t") == 0 {
		p.take(len("export"))
		p.skipSpace()
	}
	if name, err = p.name(); err != nil {
		return "", "", false, err
	}
	p.skipSpace()
	if !strings.HasPrefix(p.text, "=") {
		return name, "", false, p.end()
	}
	p.take(1)
	p.skipSpace()
	switch {
	case strings.HasPrefix(p.text, "'"):
		value, err = p.quoted('\'')
		value = unescapeDotenv(value, `\'`)
	case strings.HasPrefix(p.text, `"`):
		value, err = p.quoted('"')
		value = unescapeDotenv(value, `\'"abfnrtv`)
	default:
		return name, p.plain(), true, nil
	}
	if err == nil {
		err = p.end()
	}
	return name, value, true, err
}

func (p *dotenvParser) name() (string, error) {
	if strings.HasPrefix(p.text, "'") {
		return p.quoted('\'')
	}
	end := strings.IndexAny(p.text, "=# \t\r\n\f\v")
	if end < 0 {
		end = len(p.text)
	}
	if end == 0 {
		return "", errDotenvName
	}
	return p.take(end), nil
}

// quoted reads up to the closing quote; a backslash keeps the next byte from being that.
func (p *dotenvParser) quoted(quote byte) (string, error) {
	for i := 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case quote:
			value := p.take(i + 1)
			return value[1:i], nil
		}
	}
	return "", errDotenvQuote
}

// plain reads the rest of the line, up to a comment, which needs white space before it.
func (p *dotenvParser) plain() string {
	value := p.take(lineLength(p.text))
	for i := 1; i < len(value); i++ {
		if value[i] == '#' && strings.IndexByte(" \t\f\v", value[i-1]) >= 0 {
			value = value[:i]
		}
	}
	return strings.TrimRight(value, " \t\r\f\v")
}

// end wants nothing but a comment up to the end of the line.
func (p *dotenvParser) end() error {
	p.skipSpace()
	if p.text != "" && !strings.ContainsAny(p.text[:1], "#\r\n") {
		return errDotenvRest
	}
	p.take(lineLength(p.text))
	return nil
}

// unescapeDotenv turns a backslash with one of the known letters into what it stands for, and leaves others alone.
func unescapeDotenv(value, known string) string {
	const letters, bytes = `abfnrtv`, "\a\b\f\n\r\t\v"
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) && strings.IndexByte(known, value[i+1]) >= 0 {
			i++
			c = value[i]
			if n := strings.IndexByte(letters, c); n >= 0 {
				c = bytes[n]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// expandDotenv puts values in place of ${NAME} and ${NAME:-otherwise}.
func expandDotenv(value string, values map[string]string, lookup func(string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(value, "${")
		inner, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return b.String() + value
		}
		b.WriteString(before)
		name, otherwise, _ := strings.Cut(inner, ":-")
		known, found := values[name]
		if !found {
			known, found = lookup(name)
		}
		if !found {
			known = otherwise
		}
		b.WriteString(known)
		value = after
	}
}
