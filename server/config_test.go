package server_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// notData are the fields of Config that no text can set.
func notData(f reflect.StructField) bool {
	return !f.IsExported() || f.Type.Kind() == reflect.Func || f.Name == "Logger" || f.Name == "Hooks"
}

func TestEachFieldOfConfigHasAWholeRecord(t *testing.T) {
	records := map[string]server.Setting{}
	seen := map[string]string{}
	for _, s := range server.Settings() {
		records[s.Field] = s
		for _, unique := range []string{"name " + s.Name, "env " + s.Env, "flag " + s.Flag, "short " + s.Short} {
			if other := seen[unique]; other != "" && unique != "short " {
				t.Errorf("%s and %s both have the %s", other, s.Field, unique)
			}
			seen[unique] = s.Field
		}
		if s.Name == "" || !strings.HasPrefix(s.Env, "CARAFE_") || s.Flag == "" || len(s.Doc) < 12 {
			t.Errorf("the record of %s lacks something: %+v", s.Field, s)
		}
	}
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[server.Config]().Fields() {
		if notData(f) {
			continue
		}
		if _, ok := records[f.Name]; !ok {
			t.Errorf("Config.%s has no record in Settings", f.Name)
		}
		if !bytes.Contains(source, []byte("// "+f.Name)) && !bytes.Contains(source, []byte(" and "+f.Name)) && !bytes.Contains(source, []byte("; "+f.Name)) {
			t.Errorf("Config.%s has no doc comment", f.Name)
		}
		delete(records, f.Name)
	}
	for name := range records {
		t.Errorf("there is a record of %s, which Config has not", name)
	}
}

func TestEachDefaultIsInForceAndSurvivesTheWayToAWorker(t *testing.T) {
	t.Setenv("PORT", "")
	values, err := server.Resolved(server.Config{Env: []string{"A=1,2", "B=3"}, Chdir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range server.Settings() {
		var c server.Config
		if s.Default == "" {
			continue
		}
		if err := c.Set(s.Name, s.Default); err != nil {
			t.Errorf("the default of %s is no value of it: %v", s.Name, err)
			continue
		}
		if want, _ := server.Resolved(c); want[s.Name] != values[s.Name] {
			t.Errorf("%s is %q, want its default %q", s.Name, values[s.Name], s.Default)
		}
	}
	there, err := server.WithValues(server.Config{Bind: []string{"x"}, Workers: 9}, values)
	if err != nil {
		t.Fatal(err)
	}
	again, err := server.Resolved(*there)
	if err != nil || !reflect.DeepEqual(values, again) {
		t.Errorf("a configuration changed on its way: %v\n%v\n%v", err, values, again)
	}
	if !reflect.DeepEqual(there.Env, []string{"A=1,2", "B=3"}) {
		t.Errorf("Env arrived as %q", there.Env)
	}
}

func TestFlagsOverrideTheEnvironmentOverridesTheFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	write(t, file, "workers = 2 # a comment\nkeep_alive = \"20s\"\ngraceful_timeout = 7\nbind = [\n  \"127.0.0.1:1\", # one\n  'unix:/x',\n]\nmax_memory = \"64M\"\n")
	t.Setenv("CARAFE_KEEP_ALIVE", "30")
	t.Setenv("CARAFE_GRACEFUL_TIMEOUT", "8s")
	t.Setenv("WEB_CONCURRENCY", "5")
	var c server.Config
	if err := server.Load(&c, []string{"-c", file, "--graceful-timeout=9s", "-b", "[::1]:2", "-b", ":3", "--capture-output"}); err != nil {
		t.Fatal(err)
	}
	if c.Workers != 5 || c.KeepAlive != 30*time.Second || c.GracefulTimeout != 9*time.Second || c.MaxMemory != 64<<20 || !c.CaptureOutput || c.ConfigFile != file {
		t.Errorf("Workers %d (env 5), KeepAlive %v (env 30s), GracefulTimeout %v (flag 9s), MaxMemory %d, CaptureOutput %v, ConfigFile %q",
			c.Workers, c.KeepAlive, c.GracefulTimeout, c.MaxMemory, c.CaptureOutput, c.ConfigFile)
	}
	if !reflect.DeepEqual(c.Bind, []string{"[::1]:2", ":3"}) {
		t.Errorf("Bind is %q, want the two flags", c.Bind)
	}
	t.Setenv("CARAFE_WORKERS", "6")
	if err := c.FromEnv(); err != nil || c.Workers != 6 {
		t.Errorf("CARAFE_WORKERS beside WEB_CONCURRENCY: %d, %v", c.Workers, err)
	}
	t.Setenv("CARAFE_WORKERS", "many")
	if err := c.FromEnv(); err == nil || !strings.Contains(err.Error(), "CARAFE_WORKERS") {
		t.Errorf("a bad variable: %v, want its name", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatAreNoGoodSayWhereAndWhy(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, file, text, want string }{
		{"an unknown setting", "a.toml", "workers = 1\nkeep_alife = 3\n", `a.toml:2: server: there is no setting "keep_alife": did you mean "keep_alive"?`},
		{"a name twice", "a.toml", "workers = 1\nworkers = 2\n", "a.toml:2: workers is given a second time"},
		{"a bare word", "a.toml", "log_level = debug\n", `"debug" is no value`},
		{"an open quote", "a.toml", "log_level = \"debug\n", "a quote is not closed"},
		{"an open list", "a.toml", "bind = [\"a\"", "a list is not closed"},
		{"two values", "a.toml", "workers = 1 2\n", "more after the value"},
		{"a table", "a.toml", "[server]\n", "want name = value"},
		{"a wrong type in JSON", "a.json", `{"workers": {"n": 1}}`, "neither text, a number"},
		{"broken JSON", "a.json", `{"workers": `, "unexpected EOF"},
		{"JSON and more", "a.json", `{} {}`, "there is more"},
		{"no file", "none.toml", "", "there is no configuration file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.file)
			if tt.text != "" {
				write(t, path, tt.text)
			}
			var c server.Config
			if err := c.FromFile(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
	path := filepath.Join(dir, "good.json")
	write(t, path, `{"workers": 3, "capture_output": true, "bind": ["a:1", "b:2"], "keep_alive": "3s"}`)
	var c server.Config
	if err := c.FromFile(path); err != nil || c.Workers != 3 || !c.CaptureOutput || len(c.Bind) != 2 || c.KeepAlive != 3*time.Second {
		t.Errorf("a good JSON file: %v, %+v", err, c)
	}
}

func TestSettingsThatCannotWorkAreRefusedWithTheCure(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  server.Config
		want string
	}{
		{"a bind that is none", server.Config{Bind: []string{"http://x"}}, "use host:port"},
		{"a port that is none", server.Config{Bind: []string{"x:99999"}}, "use host:port"},
		{"fewer than no workers", server.Config{Workers: -3}, "workers is -3"},
		{"a word that is none", server.Config{UnderscoreHeaders: "perhaps"}, "use one of drop, refuse, keep"},
		{"a protocol that is none", server.Config{Protocols: []string{"h3"}}, `protocols has "h3"`},
		{"half of TLS", server.Config{TLSCertFile: "x"}, "TLS needs both"},
		{"a proxy that is none", server.Config{TrustedProxies: []string{"proxy"}}, "neither an address"},
		{"an atom that is none", server.Config{AccessLogFormat: "%(z)s"}, "there is no atom %(z)s"},
		{"a percent sign alone", server.Config{AccessLogFormat: "100%"}, "%% for a percent sign"},
		{"a user that is none", server.Config{User: "no-such-user-here"}, "whom this system does not know"},
		{"a folder that is none", server.Config{Chdir: "/no/such/folder"}, "is no folder"},
		{"a umask that is none", server.Config{Umask: "9"}, "use octal"},
		{"a mount without its slash", server.Config{RootPath: "shop"}, "begins with a slash"},
		{"a field that forwards nothing", server.Config{TrustedHeaders: []string{"X-Real-IP"}}, "use some of X-Forwarded-For"},
		{"a command that is none", server.Config{Command: []string{"no-such-program-here"}}, "which cannot be run"},
		{"a negative limit", server.Config{MaxHeaderFields: -1}, "max_header_fields is -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := server.Run(context.Background(), nil, tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if code := server.ExitCode(err); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
		})
	}
}

func TestCheckConfigFindsWhatAStartWouldFind(t *testing.T) {
	good := server.Config{CheckConfig: true, ErrorLog: filepath.Join(t.TempDir(), "e.log")}
	if err := server.Run(context.Background(), nil, good); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
	bad := server.Config{CheckConfig: true, ErrorLog: filepath.Join(t.TempDir(), "none", "e.log")}
	if err := server.Run(context.Background(), nil, bad); server.ExitCode(err) != 1 {
		t.Errorf("a log file that cannot be opened: %v", err)
	}
}

func TestEveryFlagIsUsable(t *testing.T) {
	for _, s := range server.Settings() {
		if s.Default == "" {
			continue
		}
		var c server.Config
		fs := flag.NewFlagSet("x", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		c.Flags(fs)
		if err := fs.Parse([]string{"--" + s.Flag, s.Default}); err != nil {
			t.Errorf("--%s %s: %v", s.Flag, s.Default, err)
		}
	}
}

func TestAWrongFlagIsToldInALineAndWithWhatWasMeant(t *testing.T) {
	for _, tt := range []struct{ name, arg, want string }{
		{"a beginning of Gunicorn's name", "--limit-request=9", "not defined: -limit-request (--help"},
		{"a beginning", "--grace", "did you mean --graceful-timeout?"},
		{"nothing like it", "--zebra", "not defined: -zebra (--help"},
		{"a value of another type", "--workers=nine", `"nine" is neither a number of processes nor auto`},
		{"a word", "nine", `"nine" is no flag`},
	} {
		err := (&server.Config{}).Load([]string{tt.arg})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", tt.name, err, tt.want)
		}
	}
}

// Gunicorn's own command line, as far as it has the same settings: the names of `gunicorn --help`.
func TestGunicornsFlagsAreHeard(t *testing.T) {
	var c server.Config
	err := c.Load(strings.Fields("-b :1 -w 3 -t 40 --threads 5 --worker-connections 6 --keep-alive 7 --limit-request-line 8 --limit-request-fields 9 " +
		"--limit-request-field_size 10 -p /p --name n --access-logfile - --access-logformat %(h)s --error-logfile /e --log-level debug --capture-output " +
		"--statsd-host :2 --statsd-prefix x --dogstatsd-tags a:b --enable-backlog-metric --certfile /c --keyfile /k --ca-certs /a --cert-reqs required " +
		"--forwarded-allow-ips 10.0.0.1 --proxy-protocol v1 --proxy-allow-from 10.0.0.2 --forwarder-headers X-Forwarded-For --header-map refuse " +
		"--max-requests 11 --max-requests-jitter 12 --graceful-timeout 13 --backlog 14 --reuse-port -u u -g g -m 022 --chdir /d -e A=1 --env B=2"))
	if err != nil {
		t.Fatal(err)
	}
	want := server.Config{
		Bind: []string{":1"}, Workers: 3, WorkerTimeout: 40 * time.Second, MaxConcurrent: 5, MaxConns: 6, KeepAlive: 7 * time.Second, MaxRequestLine: 8, MaxHeaderFields: 9,
		MaxHeaderFieldSize: 10, PIDFile: "/p", ProcName: "n", AccessLog: "-", AccessLogFormat: "%(h)s", ErrorLog: "/e", LogLevel: "debug", CaptureOutput: true,
		StatsdAddr: ":2", StatsdPrefix: "x", StatsdTags: []string{"a:b"}, BacklogMetric: true, TLSCertFile: "/c", TLSKeyFile: "/k", TLSClientCAFile: "/a", TLSClientAuth: "required",
		TrustedProxies: []string{"10.0.0.1"}, ProxyProtocol: "v1", ProxyProtocolFrom: []string{"10.0.0.2"}, TrustedHeaders: []string{"X-Forwarded-For"}, UnderscoreHeaders: "refuse",
		MaxRequests: 11, MaxRequestsJitter: 12, GracefulTimeout: 13 * time.Second, Backlog: 14, ReusePort: true, User: "u", Group: "g", Umask: "022", Chdir: "/d", Env: []string{"A=1", "B=2"},
	}
	for _, s := range server.Settings() {
		got, wanted := reflect.ValueOf(c).FieldByName(s.Field).Interface(), reflect.ValueOf(want).FieldByName(s.Field).Interface()
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s is %v, want %v", s.Field, got, wanted)
		}
	}
	if err := c.Load([]string{"--pid", "/q", "--log-file", "/f", "--config", ""}); err != nil || c.PIDFile != "/q" || c.ErrorLog != "/f" {
		t.Errorf("--pid and --log-file: %q, %q, %v", c.PIDFile, c.ErrorLog, err)
	}
	for _, v := range []struct{ flag, given, want string }{
		{"cert-reqs", "0", "none"}, {"cert-reqs", "1", "optional"}, {"cert-reqs", "2", "required"}, {"header-map", "dangerous", "keep"},
		{"log-level", "critical", "error"}, {"log-level", "WARNING", "warning"},
	} {
		var c server.Config
		err := c.Load([]string{"--" + v.flag, v.given})
		if got := c.TLSClientAuth + c.UnderscoreHeaders + c.LogLevel; err != nil || got != v.want {
			t.Errorf("--%s %s: %q, %v, want %q", v.flag, v.given, got, err, v.want)
		}
	}
	if err := c.Set("limit_request_line", "99"); err != nil || c.MaxRequestLine != 99 {
		t.Errorf("Gunicorn's name in a file: %d, %v", c.MaxRequestLine, err)
	}
}

// TestThePagesNameOnlyWhatThereIs holds the documentation to the settings: a flag or variable that is told must be one.
func TestThePagesNameOnlyWhatThereIs(t *testing.T) {
	known := map[string]bool{}
	for _, s := range server.Settings() {
		known["--"+s.Flag], known[s.Env] = true, true
	}
	for _, other := range []string{"--help", "CARAFE_ORACLE", "CARAFE_FAULTS", "CARAFE_SOAK"} {
		known[other] = true
	}
	commands := regexp.MustCompile(`(?m)^(?:\./shop|ExecStart|ENTRYPOINT|.*args:|.*program|.*carafe serve).*$`)
	names := regexp.MustCompile(`--[a-z][a-z0-9-]*|CARAFE_[A-Z0-9_]+`)
	found := 0
	for _, page := range []string{"deploying.md", "prefork.md"} {
		text, err := os.ReadFile(filepath.Join("..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range append(commands.FindAllString(string(text), -1), regexp.MustCompile(`CARAFE_[A-Z0-9_]+`).FindAllString(string(text), -1)...) {
			for _, name := range names.FindAllString(line, -1) {
				if found++; !known[name] {
					t.Errorf("docs/%s has %s, and there is no such setting: %s", page, name, line)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("%d names were found in the pages: the search finds nothing any more", found)
	}
}
