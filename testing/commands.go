package carafetest

import (
	"bytes"
	"testing"

	"github.com/carafeweb/carafe"
)

// A Runner runs an app's commands in the test's process and keeps what they say.
//
// Source: flask.testing.FlaskCliRunner.
type Runner struct {
	t    testing.TB
	load func() (*carafe.App, error)
}

// A CommandResult is what a command came to.
type CommandResult struct {
	Output string // what it wrote to out
	Err    error  // nil means success
}

// NewRunner makes a runner for app.
//
// Source: Flask.test_cli_runner.
func NewRunner(t testing.TB, app *carafe.App) *Runner {
	return NewRunnerOf(t, func() (*carafe.App, error) { return app, nil })
}

// NewRunnerOf makes a runner that makes its app by load, for each command anew. What load fails with is the command's error.
//
// Source: the obj argument of FlaskCliRunner.invoke, ScriptInfo(create_app).
func NewRunnerOf(t testing.TB, load func() (*carafe.App, error)) *Runner { return &Runner{t, load} }

// Run runs the command that args begins with. The test's context is its parent.
func (r *Runner) Run(args ...string) CommandResult {
	r.t.Helper()
	app, err := r.load()
	if err != nil {
		return CommandResult{Err: err}
	}
	var out bytes.Buffer
	err = app.RunCommand(r.t.Context(), &out, args...)
	return CommandResult{out.String(), err}
}
