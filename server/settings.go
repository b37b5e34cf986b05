package server

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Setting is the record of one field of [Config]: flags, environment, files and documentation are made from it.
type Setting struct {
	Field    string // of Config: "GracefulTimeout"
	Name     string // in files: "graceful_timeout"
	Env      string // "CARAFE_GRACEFUL_TIMEOUT"
	Flag     string // "graceful-timeout"
	Short    string // one letter, or ""
	Gunicorn string // Gunicorn's name, or "" if it has no such setting
	Default  string // as text; "" means the zero value
	Doc      string // one sentence
	Repeat   bool   // may be given several times, or separated by commas

	get func(*Config) string
	set func(*Config, string) error
}

// Settings are the records of all settings, in the order of Config's fields.
func Settings() []Setting { return slices.Clone(settings) }

func (s *Setting) isZero(c *Config) bool { return s.get(c) == s.get(&Config{}) }

// record fills in what follows from the field's name.
func record(field, short, gunicorn, def, doc string) Setting {
	words := snake(field)
	return Setting{
		Field: field, Name: words, Env: "CARAFE_" + strings.ToUpper(words), Flag: strings.ReplaceAll(words, "_", "-"),
		Short: short, Gunicorn: gunicorn, Default: def, Doc: doc,
	}
}

// snake turns "TLSCertFile" into "tls_cert_file" and "HTTP2MaxStreams" into "http2_max_streams".
func snake(field string) string {
	var b strings.Builder
	for i, r := range field {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 {
			before := field[i-1]
			next := i+1 < len(field) && field[i+1] >= 'a' && field[i+1] <= 'z'
			if before < 'A' || before > 'Z' || next {
				b.WriteByte('_')
			}
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

func text(s Setting, p func(*Config) *string) Setting {
	s.get = func(c *Config) string { return *p(c) }
	s.set = func(c *Config, v string) error { *p(c) = v; return nil }
	return s
}

// alias is text that hears some words as others: those that Gunicorn has for the same.
func alias(s Setting, p func(*Config) *string, words map[string]string) Setting {
	s = text(s, p)
	s.set = func(c *Config, v string) error {
		if ours, ok := words[strings.ToLower(v)]; ok {
			v = ours
		}
		*p(c) = v
		return nil
	}
	return s
}

func list(s Setting, p func(*Config) *[]string) Setting {
	s.Repeat = true
	s.get = func(c *Config) string {
		if joined := strings.Join(*p(c), ""); strings.Contains(joined, ",") {
			return strings.Join(*p(c), "\n") + "\n"
		}
		return strings.Join(*p(c), ",")
	}
	s.set = func(c *Config, v string) error {
		*p(c) = nil
		separator := ","
		if strings.Contains(v, "\n") {
			separator = "\n" // how items that hold a comma travel
		}
		for item := range strings.SplitSeq(v, separator) {
			if item = strings.TrimSpace(item); item != "" {
				*p(c) = append(*p(c), item)
			}
		}
		return nil
	}
	return s
}

func number(s Setting, p func(*Config) *int) Setting {
	s.get = func(c *Config) string { return strconv.Itoa(*p(c)) }
	s.set = func(c *Config, v string) (err error) {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is not a number", v)
		}
		*p(c) = n
		return nil
	}
	return s
}

// workers is a number, or "auto".
func workers(s Setting, p func(*Config) *int) Setting {
	s = number(s, p)
	plain := s.set
	s.set = func(c *Config, v string) error {
		if v == "auto" {
			*p(c) = Auto
			return nil
		}
		if n, err := strconv.Atoi(v); err != nil || n < Auto {
			return fmt.Errorf("%q is neither a number of processes nor auto", v)
		}
		return plain(c, v)
	}
	return s
}

func size(s Setting, p func(*Config) *int64) Setting {
	s.get = func(c *Config) string { return strconv.FormatInt(*p(c), 10) }
	s.set = func(c *Config, v string) (err error) { *p(c), err = parseSize(v); return err }
	return s
}

func parseSize(v string) (int64, error) {
	digits := strings.TrimRight(v, "kKmMgGiIbB")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(v[len(digits):]), "b"), "i")
	shift, ok := map[string]int{"": 0, "k": 10, "m": 20, "g": 30}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is not a size: use bytes, or 64k, 16M, 2G", v)
	}
	return n << shift, nil
}

func duration(s Setting, p func(*Config) *time.Duration) Setting {
	s.get = func(c *Config) string { return p(c).String() }
	s.set = func(c *Config, v string) error {
		d, err := parseSeconds(v)
		if err != nil {
			return err
		}
		*p(c) = d
		return nil
	}
	return s
}

func parseSeconds(v string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(v, 64); err == nil && f > -1e9 && f < 1e9 {
		return time.Duration(f * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: use seconds (30) or 1m30s", v)
	}
	return d, nil
}

func truth(s Setting, p func(*Config) *bool) Setting {
	s.get = func(c *Config) string { return strconv.FormatBool(*p(c)) }
	s.set = func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*p(c) = b
		return nil
	}
	return s
}

func mode(s Setting, p func(*Config) *fs.FileMode) Setting {
	s.get = func(c *Config) string { return fmt.Sprintf("%#o", uint32(*p(c))) }
	s.set = func(c *Config, v string) error {
		n, err := strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 9)
		if err != nil {
			return fmt.Errorf("%q is not a file mode: use octal, as 0660", v)
		}
		*p(c) = fs.FileMode(n)
		return nil
	}
	return s
}

// FromEnv sets what the environment says: CARAFE_ and the setting's name in capitals, and WEB_CONCURRENCY for Workers.
// An empty variable counts as absent. The error names the variable.
func (c *Config) FromEnv() error {
	if n := os.Getenv("WEB_CONCURRENCY"); n != "" && os.Getenv("CARAFE_WORKERS") == "" {
		if err := c.Set("workers", n); err != nil {
			return fmt.Errorf("WEB_CONCURRENCY: %w", err)
		}
	}
	for _, s := range settings {
		if v := os.Getenv(s.Env); v != "" {
			if err := s.set(c, v); err != nil {
				return fmt.Errorf("server: environment variable %s: %w", s.Env, err)
			}
		}
	}
	return nil
}

// Set sets one setting by its name in files ("graceful_timeout"), or by Gunicorn's, from text.
func (c *Config) Set(name, value string) error {
	for _, s := range settings {
		if s.Name == name || s.Gunicorn == name && name != "" {
			if err := s.set(c, value); err != nil {
				return fmt.Errorf("server: setting %s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("server: there is no setting %q%s", name, nearest(name))
}

// nearest is a hint for a misspelt name: the one that begins alike.
func nearest(name string) string {
	if s := closest(name); s != nil {
		return fmt.Sprintf(": did you mean %q?", s.Name)
	}
	return ""
}

// nearestFlag is nearest for a flag.
func nearestFlag(name string) string {
	if s := closest(strings.ReplaceAll(strings.TrimPrefix(name, "-"), "-", "_")); s != nil {
		return fmt.Sprintf(": did you mean --%s?", s.Flag)
	}
	return ""
}

// closest is the setting that somebody may have meant, nil for none.
func closest(name string) (best *Setting) {
	length := 2
	for i := range settings {
		s, n := &settings[i], 0
		for n < len(name) && n < len(s.Name) && name[n] == s.Name[n] {
			n++
		}
		if n > length {
			best, length = s, n
		}
	}
	return best
}

// Flags defines all settings as flags of fs, which set c when fs is parsed. A flag that may repeat replaces what was
// there before when it is first given.
func (c *Config) Flags(fs *flag.FlagSet) {
	c.flags(fs, func(*Setting, flag.Value) {})
}

// flags is Flags that has more names defined for the same values.
func (c *Config) flags(fs *flag.FlagSet, more func(*Setting, flag.Value)) {
	for i := range settings {
		s := &settings[i]
		v := &flagValue{c: c, s: s}
		usage := s.Doc
		if s.Default != "" {
			usage += " (default " + s.Default + ")"
		}
		fs.Var(v, s.Flag, usage)
		if s.Short != "" {
			fs.Var(v, s.Short, "short for --"+s.Flag)
		}
		more(s, v)
	}
}

// gunicornFlags are those of Gunicorn's flags that are not named as the setting is.
var gunicornFlags = map[string][]string{
	"accesslog":                {"access-logfile"},
	"access_log_format":        {"access-logformat"},
	"errorlog":                 {"error-logfile", "log-file"},
	"limit_request_field_size": {"limit-request-field_size"},
	"pidfile":                  {"pid"},
	"proc_name":                {"name"},
	"proxy_allow_ips":          {"proxy-allow-from"},
}

// GunicornFlags are the setting's flags on Gunicorn's command line, as far as they are not named as its Flag is: "pid" for PIDFile. They are heard
// beside ours; values are ours (docs/prefork.md has those that differ). --help does not list them.
func (s Setting) GunicornFlags() []string {
	names := slices.Clone(gunicornFlags[s.Gunicorn])
	if name := strings.ReplaceAll(s.Gunicorn, "_", "-"); name != "" && name != s.Flag {
		names = append(names, name)
	}
	return names
}

type flagValue struct {
	c     *Config
	s     *Setting
	given bool
}

func (v *flagValue) String() string { return "" }

func (v *flagValue) IsBoolFlag() bool {
	return v.s != nil && (v.s.get(&Config{}) == "false")
}

func (v *flagValue) Set(value string) error {
	if v.s.Repeat && v.given {
		value = v.s.get(v.c) + "," + value
	}
	v.given = true
	return v.s.set(v.c, value)
}

// values is every setting as text: how a configuration travels from the master to its workers.
func (c *Config) values() map[string]string {
	m := make(map[string]string, len(settings))
	for _, s := range settings {
		m[s.Name] = s.get(c)
	}
	return m
}

// with is c with the settings of values; what is not data (hooks, logger) stays.
func (c Config) with(values map[string]string) (*Config, error) {
	for name, v := range values {
		if err := c.Set(name, v); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// print writes all settings, one a line, in the form that FromFile reads.
func (c *Config) print(w io.Writer) {
	for _, s := range settings {
		fmt.Fprintf(w, "%s = %q\n", s.Name, s.get(c))
	}
}
