package carafe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

func TestFromMap(t *testing.T) {
	yes := true
	for _, tt := range []struct {
		name  string
		key   string
		value any
		want  any
	}{
		{"a text", "SECRET_KEY", "config", carafe.Secret("config")},
		{"bytes for a text", "SECRET_KEY", []byte("config"), carafe.Secret("config")},
		{"nothing", "SECRET_KEY", nil, carafe.Secret("")},
		{"a list of texts", "SECRET_KEY_FALLBACKS", []any{"a", "b"}, []carafe.Secret{"a", "b"}},
		{"a text with commas", "TRUSTED_HOSTS", "a.test, .b.test", []string{"a.test", ".b.test"}},
		{"true for what may be unset", "PROPAGATE_EXCEPTIONS", true, &yes},
		{"unset again", "PROPAGATE_EXCEPTIONS", nil, (*bool)(nil)},
		{"a bool", "SESSION_COOKIE_HTTPONLY", false, false},
		{"1 for true", "DEBUG", 1, true},
		{"a number of seconds", "PERMANENT_SESSION_LIFETIME", 42, 42 * time.Second},
		{"a part of a second", "PERMANENT_SESSION_LIFETIME", 0.1, 100 * time.Millisecond},
		{"Go's form of a duration", "PERMANENT_SESSION_LIFETIME", "36h", 36 * time.Hour},
		{"a duration", "PERMANENT_SESSION_LIFETIME", time.Minute, time.Minute},
		{"JSON's number for an int", "MAX_CONTENT_LENGTH", float64(90), int64(90)},
		{"Flask's None for no limit", "MAX_CONTENT_LENGTH", nil, int64(-1)},
		{"a setting of one's own", "TEST_KEY", "foo", "foo"},
		{"a key that is not upper case", "test_key", "foo", nil},
		{"a key in mixed case", "Test_key", "foo", nil},
		{"a key without letters", "_1", "foo", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := carafe.DefaultConfig()
			must(t, c.FromMap(map[string]any{tt.key: tt.value}))
			if got := c.Get(tt.key); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s=%v reads back as %#v, want %#v", tt.key, tt.value, got, tt.want)
			}
		})
	}
}

func TestFromMapNamesEveryFault(t *testing.T) {
	c := carafe.DefaultConfig()
	err := c.FromMap(map[string]any{
		"DEBUG": "maybe", "MAX_COOKIE_SIZE": 1.5, "PERMANENT_SESSION_LIFETIME": "soon", "TRUSTED_HOSTS": 7, "SECRET_KEY": 12345, "TEST": 1,
		"MAX_FORM_PARTS": "many", "SERVER_NAME": []any{"x"},
	})
	for _, want := range []string{
		"setting DEBUG is maybe (string): give true or false", "setting MAX_COOKIE_SIZE is 1.5 (float64): give a number of type int",
		`setting PERMANENT_SESSION_LIFETIME is soon (string): give a number of seconds, or a text like "36h"`, "setting TRUSTED_HOSTS is 7 (int): give a list",
		"setting SECRET_KEY is [secret]: give a text", "setting MAX_FORM_PARTS is many (string): give a number of type int", "setting SERVER_NAME is [x]",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is\n%v\nwant it to say %q", err, want)
		}
	}
	if c.Get("TEST") != 1 {
		t.Error("what has no fault was not taken")
	}
}

func TestFromStruct(t *testing.T) {
	type base struct{ TestKey string }
	type settings struct {
		base
		Secret  string `config:"SECRET_KEY"`
		HTTPMax int
		Skipped string `config:"-"`
		private string
	}
	c := carafe.DefaultConfig()
	must(t, c.FromStruct(&settings{base: base{"foo"}, Secret: "config", HTTPMax: 3, Skipped: "x", private: "y"}))
	if c.Get("TEST_KEY") != "foo" || c.SecretKey != "config" || c.Get("HTTP_MAX") != 3 || len(c.Extra) != 2 {
		t.Errorf("TEST_KEY %v, SecretKey %q, Extra %#v", c.Get("TEST_KEY"), string(c.SecretKey), map[string]any(c.Extra))
	}
	if err := c.FromStruct(7); err == nil || !strings.Contains(err.Error(), "give a struct") {
		t.Errorf("FromStruct(7) gives %v", err)
	}
}

func TestFromEnv(t *testing.T) {
	for name, value := range map[string]string{
		"SHOP_STRING": "value", "SHOP_BOOL": "true", "SHOP_INT": "1", "SHOP_FLOAT": "1.2", "SHOP_LIST": "[1, 2]", "SHOP_DICT": `{"k": "v"}`,
		"SHOP_PYTHON": "True", "SHOP_small": "taken too", "NOTSHOP_A": "ignored", "SHOP_SECRET_KEY": "12345", "SHOP_DEBUG": "False",
		"SHOP_SESSION_COOKIE_NAME": `"quoted"`, "SHOP_TRUSTED_HOSTS": "a.test,b.test", "SHOP_PERMANENT_SESSION_LIFETIME": "60",
	} {
		t.Setenv(name, value)
	}
	c := carafe.DefaultConfig()
	must(t, c.FromEnv("SHOP"))
	want := carafe.Settings{
		"STRING": "value", "BOOL": true, "INT": 1, "FLOAT": 1.2, "LIST": []any{1, 2}, "DICT": map[string]any{"k": "v"}, "PYTHON": "True", "small": "taken too",
	}
	if !reflect.DeepEqual(c.Extra, want) {
		t.Errorf("Extra is %#v, want %#v", map[string]any(c.Extra), map[string]any(want))
	}
	if c.SecretKey != "12345" || c.Debug || c.SessionCookie.Name != "quoted" || len(c.TrustedHosts) != 2 || c.PermanentSessionLifetime != time.Minute {
		t.Errorf("the fields are %+v", c)
	}
	t.Setenv("CARAFE_A", "x")
	c = carafe.DefaultConfig()
	if err := c.FromEnv(""); err != nil || c.Get("A") != "x" {
		t.Errorf("the prefix CARAFE gives %v, error %v", c.Get("A"), err)
	}
	t.Setenv("SHOP_MAX_COOKIE_SIZE", "large")
	if err := c.FromEnv("SHOP"); err == nil || !strings.Contains(err.Error(), "setting SHOP_MAX_COOKIE_SIZE is large (string)") {
		t.Errorf("the error is %v", err)
	}
}

func TestFromEnvNests(t *testing.T) {
	for name, value := range map[string]string{
		"NEST_EXIST__ok": "other", "NEST_EXIST__inner__ik": "2", "NEST_EXIST__new__more": `{"k": false}`, "NEST_NEW__K": "v",
	} {
		t.Setenv(name, value)
	}
	c := carafe.DefaultConfig()
	must(t, c.Set("EXIST", map[string]any{"ok": "value", "flag": true, "inner": map[string]any{"ik": 1}}))
	must(t, c.FromEnv("NEST"))
	want := carafe.Settings{
		"EXIST": map[string]any{"ok": "other", "flag": true, "inner": map[string]any{"ik": 2}, "new": map[string]any{"more": map[string]any{"k": false}}},
		"NEW":   map[string]any{"K": "v"},
	}
	if !reflect.DeepEqual(c.Extra, want) {
		t.Errorf("Extra is %#v, want %#v", map[string]any(c.Extra), map[string]any(want))
	}
	t.Setenv("NEST_DEBUG__X", "1")
	if err := c.FromEnv("NEST"); err == nil || !strings.Contains(err.Error(), "NEST_DEBUG__X: it has no settings inside") {
		t.Errorf("nesting into a bool gives %v", err)
	}
}

// shopSettings are a user's own, with Carafe's inside.
type shopSettings struct {
	carafe.Config
	CacheSize int
	Greeting  string `config:"HELLO"`
	Mail      struct {
		Host    string
		Timeout time.Duration
		Level   slog.Level
		Headers map[string]string
	}
	Backup *struct{ Every time.Duration }
}

func TestFromEnvIntoSettingsOfTheUsersOwn(t *testing.T) {
	for name, value := range map[string]string{
		"SHOP_SECRET_KEY": "k", "SHOP_CACHE_SIZE": "64", "SHOP_HELLO": "[hi]", "SHOP_MAIL__HOST": "mail.test", "SHOP_MAIL__TIMEOUT": "1m",
		"SHOP_MAIL__LEVEL": "WARN", "SHOP_MAIL__HEADERS__X": "y", "SHOP_BACKUP": `{"every": 60}`, "SHOP_OTHER": "1",
	} {
		t.Setenv(name, value)
	}
	s := shopSettings{Config: carafe.DefaultConfig()}
	must(t, carafe.FromEnv("SHOP", &s))
	app := carafe.New("shop")
	app.Config = s.Config
	if string(app.Config.SecretKey) != "k" || s.CacheSize != 64 || s.Greeting != "[hi]" || s.Mail.Host != "mail.test" || s.Mail.Timeout != time.Minute ||
		s.Mail.Level != slog.LevelWarn || s.Mail.Headers["X"] != "y" || s.Backup == nil || s.Backup.Every != time.Minute || s.Extra["OTHER"] != 1 {
		t.Errorf("the settings are %+v", s)
	}
	must(t, app.Freeze())
	t.Setenv("SHOP_MAIL__PORT", "25")
	if err := carafe.FromEnv("SHOP", &s); err == nil || !strings.Contains(err.Error(), "there is no setting PORT in it") {
		t.Errorf("a name that is not there gives %v", err)
	}
	if err := carafe.FromEnv("SHOP", s); err == nil || !strings.Contains(err.Error(), "pointer to a struct") {
		t.Errorf("no pointer gives %v", err)
	}
}

func TestFromFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"TEST_KEY": "foo", "SECRET_KEY": "config", "small": 1}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "lines"), []byte("TEST_KEY foo\nSECRET_KEY config\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "broken.json"), []byte(`{`), 0o600))
	lines := func(data []byte, into any) error { // a decoder as any other
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			(*into.(*map[string]any))[key] = value
		}
		return nil
	}
	for name, decode := range map[string]func([]byte, any) error{"config.json": json.Unmarshal, "lines": lines} {
		app := carafe.New("files", carafe.RootPath(dir))
		loaded, err := app.Config.FromFile(name, decode)
		if err != nil || !loaded || app.Config.SecretKey != "config" || app.Config.Get("TEST_KEY") != "foo" || len(app.Config.Extra) != 1 {
			t.Errorf("%s: loaded %v, error %v, config %+v", name, loaded, err, app.Config)
		}
	}
	app := carafe.New("files", carafe.RootPath(dir))
	for _, name := range []string{"missing.json", filepath.Join(dir, "missing.json")} {
		_, err := app.Config.FromFile(name, json.Unmarshal)
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "carafe: Unable to load configuration file (") || !strings.Contains(err.Error(), "missing.json") {
			t.Errorf("a missing file gives %v", err)
		}
		if loaded, err := app.Config.FromFile(name, json.Unmarshal, carafe.Optional(true)); loaded || err != nil {
			t.Errorf("an optional missing file gives %v, %v", loaded, err)
		}
	}
	if loaded, err := app.Config.FromFile(".", json.Unmarshal, carafe.Optional(true)); loaded || err != nil {
		t.Errorf("an optional folder gives %v, %v", loaded, err)
	}
	if _, err := app.Config.FromFile("broken.json", json.Unmarshal, carafe.Optional(true)); err == nil || !strings.Contains(err.Error(), "broken.json") {
		t.Errorf("a broken file gives %v", err)
	}
}

func TestFromEnvFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	must(t, os.WriteFile(file, []byte(`{"SECRET_KEY": "config"}`), 0o600))
	c := carafe.DefaultConfig()
	if _, err := c.FromEnvFile("FOO_SETTINGS", json.Unmarshal); err == nil || !strings.Contains(err.Error(), "'FOO_SETTINGS' is not set") {
		t.Errorf("an unset variable gives %v", err)
	}
	if loaded, err := c.FromEnvFile("FOO_SETTINGS", json.Unmarshal, carafe.Optional(true)); loaded || err != nil {
		t.Errorf("an optional unset variable gives %v, %v", loaded, err)
	}
	t.Setenv("FOO_SETTINGS", file)
	if loaded, err := c.FromEnvFile("FOO_SETTINGS", json.Unmarshal); !loaded || err != nil || c.SecretKey != "config" {
		t.Errorf("the file gives %v, %v, key %q", loaded, err, string(c.SecretKey))
	}
	t.Setenv("FOO_SETTINGS", filepath.Join(dir, "missing.json"))
	if _, err := c.FromEnvFile("FOO_SETTINGS", json.Unmarshal); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	if loaded, err := c.FromEnvFile("FOO_SETTINGS", json.Unmarshal, carafe.Optional(true)); loaded || err != nil {
		t.Errorf("an optional missing file gives %v, %v", loaded, err)
	}
}

func TestNamespace(t *testing.T) {
	c := carafe.DefaultConfig()
	must(t, c.FromMap(map[string]any{"FOO_OPTION_1": "foo option 1", "FOO_OPTION_2": "foo option 2", "BAR_STUFF_1": "bar stuff 1"}))
	for _, tt := range []struct {
		prefix string
		opts   []carafe.NamespaceOption
		want   map[string]any
	}{
		{"FOO_", nil, map[string]any{"option_1": "foo option 1", "option_2": "foo option 2"}},
		{"FOO_", []carafe.NamespaceOption{carafe.KeepCase}, map[string]any{"OPTION_1": "foo option 1", "OPTION_2": "foo option 2"}},
		{"BAR_", []carafe.NamespaceOption{carafe.KeepPrefix}, map[string]any{"bar_stuff_1": "bar stuff 1"}},
		{"BAR_", []carafe.NamespaceOption{carafe.KeepPrefix, carafe.KeepCase}, map[string]any{"BAR_STUFF_1": "bar stuff 1"}},
		{"MAX_COOKIE_", nil, map[string]any{"size": 4093}},
	} {
		if got := c.Namespace(tt.prefix, tt.opts...); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Namespace(%q, %v) is %v, want %v", tt.prefix, tt.opts, got, tt.want)
		}
	}
}

func TestEveryFaultOfTheConfigShowsAtFreeze(t *testing.T) {
	app := carafe.New("faults")
	app.Config = carafe.Config{
		SecretKeyFallbacks: []carafe.Secret{"a", ""}, PermanentSessionLifetime: -1, MaxCookieSize: -1, ServerName: "http://x/", ApplicationRoot: "app",
		PreferredURLScheme: "a b", TrustedHosts: []string{"http://x"}, CSRF: "sometimes", TrustedOrigins: []string{"shop.example/path"}, RequestIDHeader: "X Id",
		SessionCookie: carafe.SessionCookie{Name: "__Host-s", Domain: "example.com", Path: "p", SameSite: "maybe"},
	}
	err := app.Freeze()
	for _, want := range []string{
		"SecretKeyFallbacks[1] is empty", "PermanentSessionLifetime is -1ns", "MaxCookieSize is -1", "ServerName is \"http://x/\"", "ApplicationRoot is \"app\"",
		"PreferredURLScheme is \"a b\"", "TrustedHosts has \"http://x\"", "CSRF is \"sometimes\"", "TrustedOrigins: ", "RequestIDHeader is \"X Id\"",
		"SameSite is \"maybe\"", "SessionCookie.Path is \"p\"", "can have no Domain", "only keep with SessionCookie.Secure",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Freeze gives\n%v\nwant it to say %q", err, want)
		}
	}
	if err := carafe.New("none").Freeze(); err != nil {
		t.Errorf("the default config has the faults %v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := carafe.DefaultConfig()
	c.SecretKey, c.SecretKeyFallbacks = "hunter2", []carafe.Secret{"hunter2"}
	c.Extra = carafe.Settings{
		"DB_PASSWORD": "hunter2", "MAIL": map[string]any{"API_KEY": "hunter2"}, "PLAIN": "shown", "DATABASE_URL": "postgres://me:hunter2@db/shop",
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		for _, v := range []any{c, &c, c.SecretKey, &c.Extra, c.Extra, c.SecretKeyFallbacks} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
				t.Errorf("%s of %T shows %s", verb, v, text)
			}
		}
	}
	data, err := json.Marshal(c.SecretKey)
	must(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "key", c.SecretKey, "config", c, "extra", c.Extra)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "key", c.SecretKey, "extra", c.Extra)
	if text := string(data) + log.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "shown") {
		t.Errorf("marshalled and logged: %s", text)
	}
	if carafe.Secret("").String() != "" {
		t.Error("an empty secret is shown as one")
	}
}

func TestInstanceFolder(t *testing.T) {
	dir := t.TempDir()
	app := carafe.New("instance", carafe.RootPath(dir))
	if app.InstancePath() != filepath.Join(dir, "instance") {
		t.Errorf("the folder is %q, want instance next to the source", app.InstancePath())
	}
	if got := carafe.New("instance", carafe.InstancePath(dir)).InstancePath(); got != dir {
		t.Errorf("the folder is %q, want the one given", got)
	}
	func() {
		defer func() {
			err, _ := recover().(error)
			if err == nil || !strings.Contains(err.Error(), "must be absolute") || !strings.Contains(err.Error(), "config_test.go") {
				t.Errorf("a relative path panics with %v", err)
			}
		}()
		carafe.New("instance", carafe.InstancePath("relative"))
	}()
	must(t, app.WriteInstance("db/config.json", []byte(`{"SECRET_KEY": "from the instance"}`)))
	app = carafe.New("instance", carafe.RootPath(dir), carafe.InstanceRelative(true))
	if _, err := app.Config.FromFile("db/config.json", json.Unmarshal); err != nil || app.Config.SecretKey != "from the instance" {
		t.Errorf("loading it gives %v", err)
	}
	f, err := app.OpenInstance("db/config.json")
	must(t, err)
	must(t, f.Close())
	must(t, os.WriteFile(filepath.Join(dir, "outside"), nil, 0o600))
	if _, err := app.OpenInstance("../outside"); err == nil {
		t.Error("a name leads out of the folder")
	}
}

func TestDebugFromTheEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "False": false, "No": false, "True": true, "1": true} {
		t.Setenv("CARAFE_DEBUG", value)
		if got := carafe.New("debug").Config.Debug; got != want {
			t.Errorf("CARAFE_DEBUG=%q gives %v, want %v", value, got, want)
		}
	}
}

// flaskKeys are those of Flask.default_config in 3.1.3.
var flaskKeys = strings.Fields(`DEBUG TESTING PROPAGATE_EXCEPTIONS SECRET_KEY SECRET_KEY_FALLBACKS PERMANENT_SESSION_LIFETIME USE_X_SENDFILE TRUSTED_HOSTS
	SERVER_NAME APPLICATION_ROOT SESSION_COOKIE_NAME SESSION_COOKIE_DOMAIN SESSION_COOKIE_PATH SESSION_COOKIE_HTTPONLY SESSION_COOKIE_SECURE
	SESSION_COOKIE_PARTITIONED SESSION_COOKIE_SAMESITE SESSION_REFRESH_EACH_REQUEST MAX_CONTENT_LENGTH MAX_FORM_MEMORY_SIZE MAX_FORM_PARTS
	SEND_FILE_MAX_AGE_DEFAULT TRAP_BAD_REQUEST_ERRORS TRAP_HTTP_EXCEPTIONS EXPLAIN_TEMPLATE_LOADING PREFERRED_URL_SCHEME TEMPLATES_AUTO_RELOAD
	MAX_COOKIE_SIZE PROVIDE_AUTOMATIC_OPTIONS`)

// settingNames goes through the fields of Config with their keys.
func settingNames(t reflect.Type, prefix string, found map[string]string) {
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case strings.HasSuffix(f.Tag.Get("config"), "_*"):
			settingNames(f.Type, prefix+f.Name+".", found)
		case f.IsExported() && f.Tag.Get("config") != "*":
			found[f.Tag.Get("config")] = prefix + f.Name
		}
	}
}

func TestDocsNameEverySetting(t *testing.T) {
	doc, err := os.ReadFile("docs/config.md")
	must(t, err)
	fields := map[string]string{}
	settingNames(reflect.TypeFor[carafe.Config](), "", fields)
	for key, field := range fields {
		if !strings.Contains(string(doc), "| `"+key+"` | `"+field+"` |") {
			t.Errorf("docs/config.md has no row | `%s` | `%s` |", key, field)
		}
	}
	for _, key := range flaskKeys {
		if !strings.Contains(string(doc), "| `"+key+"` |") {
			t.Errorf("docs/config.md does not say what became of Flask's %s", key)
		}
	}
	c := carafe.DefaultConfig()
	for _, key := range c.Keys() {
		if fields[key] == "" {
			t.Errorf("Keys has %q, which no field has", key)
		}
	}
	if n := len(c.Keys()); n != len(fields) || !slices.IsSorted(c.Keys()) {
		t.Errorf("Keys has %d of %d", n, len(fields))
	}
}

func TestTrustedHostsOfTheConfig(t *testing.T) {
	app := carafe.New("hosts")
	must(t, app.Config.FromMap(map[string]any{"TRUSTED_HOSTS": []any{"example.test", ".other.test"}}))
	app.Get("/", func() string { return "" }, carafe.Endpoint("index"))
	for host, want := range map[string]int{"example.test": 200, "a.other.test": 200, "bad.test": 400} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %s: %d, want %d", host, w.Code, want)
		}
	}
}

func TestLimitsOfTheConfig(t *testing.T) {
	c := carafe.DefaultConfig()
	if c.MaxContentLength != 16<<20 || c.MaxFormMemorySize != 500_000 || c.MaxFormParts != 1000 {
		t.Errorf("the defaults are %d, %d, %d", c.MaxContentLength, c.MaxFormMemorySize, c.MaxFormParts)
	}
	app := carafe.New("limits")
	app.Logger = slog.New(slog.DiscardHandler)
	must(t, app.Config.FromMap(map[string]any{"MAX_CONTENT_LENGTH": 100, "MAX_FORM_MEMORY_SIZE": 50, "MAX_FORM_PARTS": 3}))
	app.Post("/", func(c *carafe.Context) (string, error) { _, err := c.Request.Data(); return "", err }, carafe.Endpoint("index"))
	for size, want := range map[int]int{100: 200, 101: 413} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", size))))
		if w.Code != want {
			t.Errorf("a body of %d bytes: %d, want %d", size, w.Code, want)
		}
	}
}

// A copy is somebody's own, also of a config that requests read.
func TestACopyOfAClosedConfigIsItsOwn(t *testing.T) {
	app := quiet()
	must(t, app.Config.Set("SITE", "original"))
	app.Config.Extra["DB"] = map[string]any{"HOST": "original"}
	must(t, app.Freeze())
	copied := app.Config
	must(t, copied.Set("SITE", "copy"))
	copied.Extra["DB"].(map[string]any)["HOST"] = "copy"
	if got := app.Config.Get("SITE"); got != "original" || copied.Get("SITE") != "copy" {
		t.Errorf("the app's SITE is %v, the copy's %v", got, copied.Get("SITE"))
	}
	if got := app.Config.Extra["DB"].(map[string]any)["HOST"]; got != "original" {
		t.Errorf("the app's DB has the host %v", got)
	}
}
