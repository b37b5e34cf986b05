package carafetest_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

func commandApp() *carafe.App {
	app := carafe.New("commands")
	app.Command("hello", func(ac *carafe.AppContext, args []string, out io.Writer) error {
		_, err := fmt.Fprintln(out, "Hello", strings.Join(args, " "), carafe.CurrentApp(ac).Name())
		return err
	})
	app.Command("fail", func(*carafe.AppContext, []string, io.Writer) error { return errors.New("broken") })
	app.Command("panic", func(*carafe.AppContext, []string, io.Writer) error { panic("boom") })
	return app
}

func TestARunnerRunsTheAppsCommandsAndKeepsWhatTheySay(t *testing.T) {
	app := commandApp()
	var torn []error
	app.TeardownAppContext(func(_ *carafe.AppContext, err error) { torn = append(torn, err) })
	runner := carafetest.NewRunner(t, app)
	for _, tt := range []struct {
		args   []string
		output string
		err    string
	}{
		{[]string{"hello", "Ann"}, "Hello Ann commands\n", ""},
		{[]string{"fail"}, "", "broken"},
		{[]string{"panic"}, "", "panic: boom"},
	} {
		got := runner.Run(tt.args...)
		if got.Output != tt.output || fmt.Sprint(got.Err) != tt.err && (tt.err != "" || got.Err != nil) {
			t.Errorf("%v: %q, %v, want %q, %s", tt.args, got.Output, got.Err, tt.output, tt.err)
		}
	}
	if len(torn) != 3 || torn[0] != nil || torn[1] == nil || torn[2] == nil {
		t.Errorf("teardown got %v, want nil and the two errors", torn)
	}
}

func TestACommandThatIsNotThereIsAnErrorThatNamesThoseThatAre(t *testing.T) {
	for _, args := range [][]string{{"nope"}, nil} {
		if got := carafetest.NewRunner(t, commandApp()).Run(args...); got.Err == nil || !strings.Contains(got.Err.Error(), "the app has fail, hello, panic") {
			t.Errorf("%v: %v", args, got.Err)
		}
	}
	if got := carafetest.NewRunner(t, carafe.New("none")).Run("x"); got.Err == nil || !strings.Contains(got.Err.Error(), "App.Command registers them") {
		t.Errorf("an app without commands: %v", got.Err)
	}
}

func TestARunnerMayLoadItsApp(t *testing.T) {
	loads := 0
	runner := carafetest.NewRunnerOf(t, func() (*carafe.App, error) {
		loads++
		if loads > 1 {
			return nil, errors.New("cannot be loaded")
		}
		return commandApp(), nil
	})
	if got := runner.Run("hello"); got.Err != nil || loads != 1 {
		t.Errorf("loaded %d times, %v", loads, got.Err)
	}
	if got := runner.Run("hello"); got.Err == nil || got.Err.Error() != "cannot be loaded" {
		t.Errorf("what loading failed with: %v", got.Err)
	}
}
