package carafe

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// The environment variables by which the carafe tool asks a program for something else than to serve. CommandEnv holds a JSON array of
// words, of which App.Run does what the first says, and returns nil:
//
//	["run"]                        what it always does
//	["inspect"]                    what App.Inspect gives
//	["check"]                      that, and what App.InspectTemplates gives
//	["explain", "GET", "/users/"]  what App.Explain gives
//	[any other words]              App.RunCommand with them, on standard output
//
// What is asked for, and the error, are written as an [Answer] into the file that AnswerEnv names.
const (
	CommandEnv = "CARAFE_COMMAND"
	AnswerEnv  = "CARAFE_COMMAND_ANSWER"
)

// An Answer is what a program answers to an inquiry, as JSON.
type Answer struct {
	Error       string // "" means success
	Inspection  *Inspection
	Templates   []TemplateInfo
	Explanation *Explanation // without its Err, which
	Refusal     string       // is this text
}

// answered says whether App.Run was asked for something else than to serve, and has done it. What was asked is gone from the
// environment then, so that programs that this one starts are not asked again.
func (a *App) answered() (bool, error) {
	asked := os.Getenv(CommandEnv)
	if asked == "" {
		return false, nil
	}
	file := os.Getenv(AnswerEnv)
	_ = os.Unsetenv(CommandEnv) // fails for names that cannot be
	_ = os.Unsetenv(AnswerEnv)
	var words []string
	if err := json.Unmarshal([]byte(asked), &words); err != nil || len(words) == 0 {
		return true, fmt.Errorf("carafe: the environment has %s=%q: it must be a JSON array of words, the command first", CommandEnv, asked)
	}
	if words[0] == "run" {
		return false, nil
	}
	var answer Answer
	if err := a.answer(&answer, words); err != nil {
		if file == "" {
			return true, err
		}
		answer.Error = err.Error()
	}
	if file == "" {
		return true, json.NewEncoder(os.Stdout).Encode(answer)
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return true, fmt.Errorf("carafe: answering %q: %w", words, err)
	}
	return true, os.WriteFile(file, data, 0o600)
}

// answer does what the words say.
func (a *App) answer(answer *Answer, words []string) (err error) {
	if err := a.loadDotenv(); err != nil {
		return err
	}
	switch {
	case words[0] == "inspect" && len(words) == 1:
		answer.Inspection = a.Inspect()
	case words[0] == "check" && len(words) == 1:
		answer.Inspection = a.Inspect()
		answer.Templates, err = a.InspectTemplates()
	case words[0] == "explain" && len(words) == 3:
		e, err := a.Explain(words[1], words[2])
		if err != nil {
			return err
		}
		if e.Err != nil {
			answer.Refusal = e.Err.Error()
		}
		plain := *e
		plain.Err = nil
		answer.Explanation = &plain
	default:
		return a.RunCommand(context.Background(), os.Stdout, words...)
	}
	return err
}
