package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/cli"
	"github.com/spf13/cobra"
)

// ranWith is what a command line came to.
type ranWith struct {
	code     int
	out, err string
}

// typed runs a command line in this process, without environment files.
func typed(t *testing.T, c *cli.CLI, args ...string) ranWith {
	t.Helper()
	t.Setenv("CARAFE_SKIP_DOTENV", "1")
	t.Setenv("CARAFE_DEBUG", os.Getenv("CARAFE_DEBUG")) // which --debug changes
	var out, errs bytes.Buffer
	code := c.Run(t.Context(), args, &out, &errs)
	return ranWith{code, out.String(), errs.String()}
}

func cliOf(app *carafe.App, opts ...cli.Option) *cli.CLI {
	return cli.New(func() (*carafe.App, error) { return app, nil }, append(opts, cli.Name("flask"))...)
}

// sayApp is a command that says the name of its app.
func sayApp(ac *carafe.AppContext, _ []string, out io.Writer) error {
	if carafe.CurrentApp(ac) != ac.App() {
		return errors.New("the app of the context is not the current one")
	}
	_, err := fmt.Fprint(out, ac.App().Name())
	return err
}

// invokeApp is the app of Flask's tests of its routes command.
func invokeApp(opts ...carafe.AppOption) *carafe.App {
	app := carafe.New("test", append([]carafe.AppOption{carafe.Static{FS: os.DirFS("testdata")}}, opts...)...)
	app.Route("/get_post/<int:x>/<int:y>", func() string { return "" }, carafe.Methods{"GET", "POST"}, carafe.Endpoint("yyy_get_post"))
	app.Route("/zzz_post", func() string { return "" }, carafe.Methods{"POST"}, carafe.Endpoint("aaa_post"))
	return app
}

// endpoints are the first words of a table's rows.
func endpoints(table string) (names []string) {
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

func TestRoutesAreListedSorted(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"by endpoint, if nothing is said", nil, []string{"aaa_post", "static", "yyy_get_post"}},
		{"by endpoint", []string{"-s", "endpoint"}, []string{"aaa_post", "static", "yyy_get_post"}},
		{"by methods", []string{"-s", "methods"}, []string{"static", "yyy_get_post", "aaa_post"}},
		{"by rule", []string{"--sort=rule"}, []string{"yyy_get_post", "static", "aaa_post"}},
		{"by domain, of which there is none: as they were added", []string{"-s", "domain"}, []string{"static", "yyy_get_post", "aaa_post"}},
		{"as they are tried", []string{"-s", "match"}, []string{"yyy_get_post", "aaa_post", "static"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := typed(t, cliOf(invokeApp()), append([]string{"routes"}, tt.args...)...)
			if got.code != 0 || !slices.Equal(endpoints(got.out), tt.want) {
				t.Errorf("routes %v ends with %d and lists %v, want %v\n%s%s", tt.args, got.code, endpoints(got.out), tt.want, got.out, got.err)
			}
		})
	}
}

func TestHeadAndOptionsAreHiddenUnlessAsked(t *testing.T) {
	if got := typed(t, cliOf(invokeApp()), "routes"); !strings.Contains(got.out, "GET, POST ") || strings.Contains(got.out, "HEAD") {
		t.Errorf("routes:\n%s", got.out)
	}
	if got := typed(t, cliOf(invokeApp()), "routes", "--all-methods"); !strings.Contains(got.out, "GET, HEAD, OPTIONS, POST ") {
		t.Errorf("routes --all-methods:\n%s", got.out)
	}
}

func TestAnAppWithoutRoutesSaysSo(t *testing.T) {
	got := typed(t, cliOf(carafe.New("none", carafe.RootPath(t.TempDir()))), "routes")
	if got.code != 0 || got.out != "No routes were registered.\n" {
		t.Errorf("routes ends with %d: %q %q", got.code, got.out, got.err)
	}
}

func TestDomainsAreAColumn(t *testing.T) {
	sub := carafe.New("x", carafe.RootPath(t.TempDir()))
	sub.Route("/a", func() string { return "" }, carafe.Subdomain("a"), carafe.Endpoint("a"))
	host := carafe.New("x", carafe.RootPath(t.TempDir()), carafe.HostMatching(true))
	host.Route("/a", func() string { return "" }, carafe.Host("a"), carafe.Endpoint("a"))
	for name, app := range map[string]*carafe.App{"Subdomain": sub, "Host": host} {
		got := typed(t, cliOf(app), "routes")
		if heading, _, _ := strings.Cut(got.out, "\n"); got.code != 0 || !strings.Contains(heading, name) {
			t.Errorf("routes ends with %d, want a column %s:\n%s%s", got.code, name, got.out, got.err)
		}
	}
}

func TestCommandsOfAnAppRunInItsContext(t *testing.T) {
	app := carafe.New("appname")
	app.Command("check-app", sayApp)
	app.Command("group sub check-app", sayApp)
	for _, args := range [][]string{{"check-app"}, {"group", "sub", "check-app"}} {
		if got := typed(t, cliOf(app), args...); got.code != 0 || got.out != "appname" {
			t.Errorf("%v ends with %d: %q %q", args, got.code, got.out, got.err)
		}
	}
}

func TestTheAppIsMadeOnceAndOnlyWhenItIsNeeded(t *testing.T) {
	made := 0
	c := cli.New(func() (*carafe.App, error) { made++; return carafe.New("x"), nil })
	typed(t, c, "version")
	if made != 0 {
		t.Errorf("version has made the app %d times", made)
	}
	typed(t, c, "routes")
	first, _ := c.App()
	typed(t, c, "config")
	if second, _ := c.App(); made != 1 || first != second {
		t.Errorf("the app was made %d times, want once", made)
	}
}

func TestDebugModeIsThatOfTheCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  string
		opts []cli.Option
		args []string
		want bool
	}{
		{"the environment's, whatever the app says", "", nil, nil, false},
		{"on in the environment", "1", nil, nil, true},
		{"the app's, if that is wanted", "", []cli.Option{cli.SetDebug(false)}, nil, true},
		{"what the option says", "1", nil, []string{"--no-debug"}, false},
		{"what the option says, on", "0", nil, []string{"--debug"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CARAFE_DEBUG", tt.env)
			app := carafe.New("x")
			app.Config.Debug = true
			app.Command("debug", func(ac *carafe.AppContext, _ []string, out io.Writer) error {
				_, err := fmt.Fprint(out, ac.App().Config.Debug)
				return err
			})
			if got := typed(t, cliOf(app, tt.opts...), append(tt.args, "debug")...); got.out != fmt.Sprint(tt.want) {
				t.Errorf("debug mode is %q (%s), want %v", got.out, got.err, tt.want)
			}
		})
	}
}

func TestACommandLineGoesBelowAnother(t *testing.T) {
	app := carafe.New("nested")
	app.Command("check-app", sayApp)
	root := &cobra.Command{Use: "outer"}
	below := cliOf(app).Command()
	root.AddCommand(below)
	root.SetArgs([]string{"flask", "nosuch"})
	if err := root.ExecuteContext(context.Background()); err == nil {
		t.Error("a command that is not there is no error")
	}
	if cmd, _, err := root.Find([]string{"flask", "check-app"}); err != nil || cmd.Name() != "check-app" || cmd.Root() != root {
		t.Errorf("outer flask check-app is %v, %v", cmd, err)
	}
}

func TestHelpIsShownForAnAppThatCannotBeMade(t *testing.T) {
	for name, load := range map[string]func() (*carafe.App, error){
		"an error":               func() (*carafe.App, error) { return nil, errors.New("oh no") },
		"a panic":                func() (*carafe.App, error) { panic("oh no") },
		"a fault of the set-up":  func() (*carafe.App, error) { carafe.New("oh no").Route("no slash", nil); return nil, nil },
		"neither app nor error":  func() (*carafe.App, error) { return nil, nil },
		"a command called serve": func() (*carafe.App, error) { app := carafe.New("oh no"); app.Command("serve", sayApp); return app, nil },
	} {
		got := typed(t, cli.New(load, cli.Name("flask")), "--help")
		if got.code != 0 || !strings.Contains(got.out, "Usage: flask") || !strings.Contains(got.out, "  routes ") || !strings.Contains(got.err, "Error: the app") {
			t.Errorf("%s: --help ends with %d:\n%s\n%s", name, got.code, got.out, got.err)
		}
		if got := typed(t, cli.New(load), "routes"); got.code != 1 || got.out != "" || !strings.HasPrefix(got.err, "Error: the app") {
			t.Errorf("%s: routes ends with %d: %q %q", name, got.code, got.out, got.err)
		}
	}
}

func TestCommandsOfBlueprintsAreInGroups(t *testing.T) {
	custom := blueprints.New("custom", carafe.CommandGroup("customized"))
	nested := blueprints.New("nested")
	merged := blueprints.New("merged", carafe.CommandGroup(""))
	late := blueprints.New("late")
	outer := blueprints.New("outer")
	inner := blueprints.New("inner")
	for _, b := range []*blueprints.Blueprint{custom, nested, merged, late, inner} {
		b.Command(b.Name()+"-cmd", func(_ *carafe.AppContext, args []string, out io.Writer) error {
			_, err := fmt.Fprint(out, b.Name(), " result")
			return err
		})
	}
	outer.RegisterBlueprint(inner)
	app := carafe.New("x")
	app.RegisterBlueprint(custom)
	app.RegisterBlueprint(nested)
	app.RegisterBlueprint(merged)
	app.RegisterBlueprint(outer)
	app.RegisterBlueprint(late, carafe.CommandGroup("late_registration"))
	app.RegisterBlueprint(late, carafe.Name("again"), carafe.CommandGroup("late_registration"))
	for args, want := range map[string]string{
		"customized custom-cmd": "custom result", "nested nested-cmd": "nested result", "merged-cmd": "merged result",
		"late_registration late-cmd": "late result", "outer.inner inner-cmd": "inner result",
	} {
		if got := typed(t, cliOf(app), strings.Fields(args)...); got.code != 0 || got.out != want {
			t.Errorf("%s ends with %d: %q %q, want %q", args, got.code, got.out, got.err, want)
		}
	}
}

func TestABlueprintWithoutCommandsIsNoGroup(t *testing.T) {
	app := carafe.New("x")
	app.RegisterBlueprint(blueprints.New("blue"))
	if got := typed(t, cliOf(app), "blue"); got.code != 2 || !strings.HasPrefix(got.err, "Usage:") {
		t.Errorf("blue ends with %d: %q %q, want 2", got.code, got.out, got.err)
	}
}

func TestCommandsThatExcludeEachOtherAreFaults(t *testing.T) {
	for _, names := range [][2]string{{"a", "a"}, {"user", "user create"}, {"user create", "user"}, {"A", ""}, {"a  b", ""}} {
		app := carafe.New("x")
		func() {
			defer func() {
				if _, ok := recover().(*carafe.SetupError); !ok {
					t.Errorf("Command(%q) and Command(%q): no *SetupError", names[0], names[1])
				}
			}()
			app.Command(names[0], sayApp)
			app.Command(names[1], sayApp)
		}()
	}
}

func TestSecretsAreMaskedInTheConfig(t *testing.T) {
	app := carafe.New("x")
	app.Config.SecretKey = "tell-1"
	app.Config.SecretKeyFallbacks = []carafe.Secret{"tell-2"}
	type account struct{ User, Password string }
	for key, value := range map[string]any{
		"MAIL_PASSWORD": "tell-3", "DB": "postgres://u:tell-4@h/d", "NESTED": map[string]any{"token": "tell-5"}, "ACCOUNT": account{"ada", "tell-6"},
		"LIST": []any{map[string]any{"api_key": "tell-7"}}, "CERT": "-----BEGIN PRIVATE KEY-----tell-8", "SIZE": 12345678901, "FUNC": func() {},
	} {
		if err := app.Config.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"config"}, {"config", "--json"}, {"config", "--changed"}} {
		got := typed(t, cliOf(app), args...)
		if got.code != 0 || strings.Contains(got.out, "tell-") || !strings.Contains(got.out, "ada") || !strings.Contains(got.out, "12345678901") {
			t.Errorf("%v ends with %d:\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

func TestServeCheckSaysWhatIsWrongWithTheApp(t *testing.T) {
	app := carafe.New("x")
	app.Route("/", nil, carafe.Endpoint("nobody"))
	if got := typed(t, cliOf(app), "serve", "--check"); got.code != 1 || !strings.Contains(got.err, "has no view") {
		t.Errorf("serve ends with %d: %q", got.code, got.err)
	}
	if got := typed(t, cliOf(carafe.New("x")), "serve", "--check", "-w", "0"); got.code != 0 {
		t.Errorf("serve --check ends with %d: %q", got.code, got.err)
	}
	if got := typed(t, cliOf(carafe.New("x")), "serve", "--check", "--underscore-headers", "nosuch"); got.code != 1 || !strings.Contains(got.err, "underscore_headers") {
		t.Errorf("serve --check with a setting that cannot be ends with %d: %q", got.code, got.err)
	}
}

func TestServeHearsGunicornsFlagsAndListsItsOwn(t *testing.T) {
	got := typed(t, cliOf(carafe.New("x")), "serve", "--check", "-w", "0", "--pid", "/x.pid", "--access-logfile=-", "--limit-request-field_size", "99", "--enable-backlog-metric", "--threads", "4")
	if got.code != 0 {
		t.Errorf("serve ends with %d: %q", got.code, got.err)
	}
	got = typed(t, cliOf(carafe.New("x")), "serve", "--check", "--header-map", "nosuch")
	if got.code != 1 || !strings.Contains(got.err, "underscore_headers") {
		t.Errorf("serve with a setting that cannot be ends with %d: %q", got.code, got.err)
	}
	if got := typed(t, cliOf(carafe.New("x")), "serve", "--help"); !strings.Contains(got.out, "--pid-file") || strings.Contains(got.out, "--pid ") || strings.Contains(got.out, "--threads") {
		t.Errorf("the help is %s", got.out)
	}
}

func TestCompletionKnowsTheAppsCommands(t *testing.T) {
	app := carafe.New("x")
	app.Command("hello", sayApp, carafe.CommandHelp("Greet."))
	if got := typed(t, cliOf(app), "__complete", "he"); got.code != 0 || !strings.Contains(got.out, "hello\tGreet.") {
		t.Errorf("completing he: %d %q %q", got.code, got.out, got.err)
	}
	if got := typed(t, cliOf(app), "__complete", "routes", "--sort", ""); !strings.Contains(got.out, "endpoint\n") || !strings.Contains(got.out, "match\n") {
		t.Errorf("completing routes --sort: %q", got.out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := typed(t, cliOf(app), "completion", shell); got.code != 0 || !strings.Contains(got.out, "__complete") {
			t.Errorf("completion %s ends with %d and %d bytes", shell, got.code, len(got.out))
		}
	}
}

func TestTheEnvironmentFileOfTheCommandLineNeedNotBeInTheWorkingDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.env")
	if err := os.WriteFile(file, []byte("CLI_TEST_FOO=bar\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLI_TEST_FOO", "")
	os.Unsetenv("CLI_TEST_FOO")
	before, _ := os.Getwd()
	app := carafe.New("x")
	app.Command("foo", func(_ *carafe.AppContext, _ []string, out io.Writer) error {
		_, err := fmt.Fprint(out, os.Getenv("CLI_TEST_FOO"))
		return err
	})
	got := typed(t, cliOf(app), "--env-file="+file, "foo")
	if after, _ := os.Getwd(); got.out != "bar" || before != after {
		t.Errorf("foo says %q (%s), and the working directory is %s, before %s", got.out, got.err, after, before)
	}
}

func ExampleMain() {
	app := carafe.New("shop")
	app.Command("hello", func(_ *carafe.AppContext, args []string, out io.Writer) error {
		_, err := fmt.Fprintln(out, "Hello,", strings.Join(args, " "))
		return err
	}, carafe.CommandUsage("NAME"), carafe.CommandHelp("Greet somebody."))
	// main would be: cli.Main(app)
	c := cli.New(func() (*carafe.App, error) { return app, nil })
	code := c.Run(context.Background(), []string{"hello", "Ada"}, os.Stdout, os.Stderr)
	fmt.Println("exit code", code)
	// Output:
	// Hello, Ada
	// exit code 0
}
