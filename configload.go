package carafe

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/carafeweb/carafe/signing"
)

// Get is the value of a setting by Flask's key ("SECRET_KEY"), or of one of your own; nil if there is none.
func (c *Config) Get(key string) any {
	if field, ok := fieldsOf(reflect.TypeFor[Config]()).byKey[key]; ok {
		return reflect.ValueOf(c).Elem().FieldByIndex(field.index).Interface()
	}
	return c.Extra[key]
}

// Set gives a setting its value by Flask's key: one of the fields, else one of your own in Extra. A value of another type is
// converted where that is plain: a number of seconds or a text like "36h" to a duration, "yes" to true, a text with commas
// to a list, nil to what is unset. The error names the key.
func (c *Config) Set(key string, value any) error {
	if err := c.isClosed(); err != nil {
		return err
	}
	c.leaveOriginal()
	_, err := putSetting(reflect.ValueOf(c).Elem(), []string{key}, setting{value: value, name: key})
	return err
}

// isClosed is the error of a change that comes too late: every request reads the config, and none waits for a lock.
//
// Unlike Flask, whose config is a dict that can be changed at any time.
func (c *Config) isClosed() error {
	if c.closed != c {
		return nil
	}
	return errors.New("carafe: the Config cannot be changed any more: its app has handled its first request. Change it during set-up, and keep what changes later elsewhere")
}

// leaveOriginal gives a copy of a closed config its own Extra, as far as settings can be put into it: the original's is read by requests.
func (c *Config) leaveOriginal() {
	if c.closed != nil {
		c.Extra, c.closed = cloneSettings(c.Extra), nil
	}
}

func cloneSettings[M ~map[string]any](m M) M {
	copied := maps.Clone(m)
	for k, v := range copied {
		switch v := v.(type) {
		case map[string]any:
			copied[k] = cloneSettings(v)
		case Settings:
			copied[k] = cloneSettings(v)
		}
	}
	return copied
}

// FromMap takes the keys of m that are upper case, and skips the others. The error joins every fault; what has none is taken.
//
// Source: Config.from_mapping.
func (c *Config) FromMap(m map[string]any) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if isUpper(key) {
			faults = append(faults, c.Set(key, m[key]))
		}
	}
	return errors.Join(faults...)
}

// isUpper says whether a key has letters, and no small ones. Source: str.isupper.
func isUpper(key string) bool { return strings.ToUpper(key) == key && strings.ToLower(key) != key }

// FromStruct takes the exported fields of a struct, embedded ones included; the key is that of the field's tag
// `config:"KEY"`, else its name in capitals: CacheSize is CACHE_SIZE.
//
// Source: Config.from_object.
func (c *Config) FromStruct(v any) error {
	from := reflect.Indirect(reflect.ValueOf(v))
	if from.Kind() != reflect.Struct {
		return fmt.Errorf("carafe: Config.FromStruct(%T): give a struct, or a pointer to one", v)
	}
	var faults []error
	fields := fieldsOf(from.Type())
	for _, key := range fields.keys {
		if f, err := from.FieldByIndexErr(fields.byKey[key].index); err == nil {
			faults = append(faults, c.Set(key, f.Interface()))
		}
	}
	return errors.Join(faults...)
}

// FromEnv takes the environment's variables that begin with prefix and an underscore, "CARAFE" for "": CARAFE_SECRET_KEY
// is SECRET_KEY. A value is read as JSON if it is that, else as text; what is text in the config takes it as it is.
// Two underscores lead into a map: CARAFE_DB__HOST is Extra["DB"]["HOST"]. The error joins every fault.
//
// Source: Config.from_prefixed_env. Unlike Flask, "False" is false where a bool is wanted, and a value that does not fit is an error.
func (c *Config) FromEnv(prefix string) error {
	if err := c.isClosed(); err != nil {
		return err
	}
	return FromEnv(prefix, c)
}

// FromEnv is [Config.FromEnv] for settings of your own: dst points to a struct, in which a Config may be embedded; keys are
// those of [Config.FromStruct], two underscores lead into a struct inside. Variables without a field are left alone.
func FromEnv(prefix string, dst any) error {
	to := reflect.ValueOf(dst)
	if to.Kind() != reflect.Pointer || to.IsNil() || to.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("carafe: FromEnv into a %T: give a pointer to a struct", dst)
	}
	if prefix == "" {
		prefix = "CARAFE"
	}
	env := os.Environ()
	slices.Sort(env)
	var faults []error
	for _, line := range env {
		name, text, _ := strings.Cut(line, "=")
		if name == CommandEnv || name == AnswerEnv {
			continue // what the carafe tool asks of the program is no setting
		}
		if key, ok := strings.CutPrefix(name, prefix+"_"); ok && key != "" {
			_, err := putSetting(to.Elem(), strings.Split(key, "__"), setting{fromText(text), text, true, name})
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// fromText reads a text as JSON if it is that.
func fromText(text string) any {
	if v, err := signing.PlainJSON().Decode([]byte(text)); err == nil {
		return v
	}
	return text
}

// A LoadOption says something about loading a file: [Optional].
type LoadOption interface{ applyLoad(*bool) }

// Optional(true) makes it no error that a file, or the variable that names it, is not there.
type Optional bool

func (o Optional) applyLoad(optional *bool) { *optional = bool(o) }

func isOptional(opts []LoadOption) (optional bool) {
	for _, o := range opts {
		o.applyLoad(&optional)
	}
	return optional
}

// FromFile loads a file through decode, json.Unmarshal or another of that shape, into a map, and takes that as FromMap does. A
// relative name is below the app's root path, or its instance folder with [InstanceRelative]. loaded says whether there
// was a file; that there is none is an error, which wraps fs.ErrNotExist, but with [Optional].
//
// Source: Config.from_file.
func (c *Config) FromFile(name string, decode func([]byte, any) error, opts ...LoadOption) (loaded bool, err error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.root, name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		if isOptional(opts) && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR)) {
			return false, nil
		}
		return false, fmt.Errorf("carafe: Unable to load configuration file (%w)", err)
	}
	m := map[string]any{}
	if err := decode(data, &m); err != nil {
		return false, fmt.Errorf("carafe: configuration file %s: %w", path, err)
	}
	if err := c.FromMap(m); err != nil {
		return true, fmt.Errorf("carafe: configuration file %s: %w", path, err)
	}
	return true, nil
}

// FromEnvFile is FromFile for the file that an environment variable names.
//
// Source: Config.from_envvar.
func (c *Config) FromEnvFile(variable string, decode func([]byte, any) error, opts ...LoadOption) (loaded bool, err error) {
	name := os.Getenv(variable)
	if name == "" {
		if isOptional(opts) {
			return false, nil
		}
		return false, fmt.Errorf("carafe: the environment variable '%s' is not set, so that configuration could not be loaded: "+
			"set it to the path of a configuration file", variable)
	}
	return c.FromFile(name, decode, opts...)
}

// A NamespaceOption changes the keys of [Config.Namespace].
type NamespaceOption int

// The options of [Config.Namespace].
const (
	KeepCase   NamespaceOption = iota + 1 // keys stay upper case
	KeepPrefix                            // keys keep the prefix
)

// Namespace is a map of the settings whose key begins with prefix, without the prefix and in small letters: the arguments
// of some other library, say.
//
// Source: Config.get_namespace.
func (c *Config) Namespace(prefix string, opts ...NamespaceOption) map[string]any {
	out := map[string]any{}
	for _, key := range c.Keys() {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if slices.Contains(opts, KeepPrefix) {
			name = key
		}
		if !slices.Contains(opts, KeepCase) {
			name = strings.ToLower(name)
		}
		out[name] = c.Get(key)
	}
	return out
}

// Keys are the keys of all settings, sorted: those of the fields, and your own.
func (c *Config) Keys() []string {
	keys := slices.Clone(fieldsOf(reflect.TypeFor[Config]()).keys)
	for key := range c.Extra {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
