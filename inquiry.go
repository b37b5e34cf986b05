package carafe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// The environment variables by which the carafe tool asks a program for something else than to serve. CommandEnv holds a JSON array of
// words, of which App.Run does what the first says, and returns nil:
//
//	["run", "addr=:8000", …]       what it always does, with options that win over those of main: addr, cert, key, reload
//	["inspect"]                    what App.Inspect gives
//	["check"]                      that, and what App.InspectTemplates gives
//	["explain", "GET", "/users/"]  what App.Explain gives
//	[any other words]              App.RunCommand with them, on standard output
//
// What is asked for, and the error, are written as an [Answer] into the file that AnswerEnv names.
const (
	CommandEnv = "CARAFE_CLI_COMMAND"
	AnswerEnv  = "CARAFE_CLI_ANSWER"
)

// An Answer is what a program answers to an inquiry, as JSON.
type Answer struct {
	Error       string         // "" means success
	Inspection  *Inspection    // of an app, to an inquiry for one; else nil
	Templates   []TemplateInfo // all of them, to an inquiry for them; else nil
	Explanation *Explanation   // without its Err, which
	Refusal     string         // is this text
}

// answered says whether App.Run was asked for something else than to serve, and has done it; opts are those that it was asked to serve
// with. What was asked is gone from the environment then, so that programs that this one starts are not asked again.
func (a *App) answered() (opts []RunOption, done bool, err error) {
	asked := os.Getenv(CommandEnv)
	if asked == "" {
		return nil, false, nil
	}
	file := os.Getenv(AnswerEnv)
	_ = os.Unsetenv(CommandEnv) // fails for names that cannot be
	_ = os.Unsetenv(AnswerEnv)
	var words []string
	if err := json.Unmarshal([]byte(asked), &words); err != nil || len(words) == 0 {
		return nil, true, fmt.Errorf("carafe: the environment has %s=%q: it must be a JSON array of words, the command first", CommandEnv, asked)
	}
	if words[0] == "run" {
		opts, err := askedOptions(words[1:])
		return opts, err != nil, err
	}
	answer, err := a.answerAfresh(words)
	switch {
	case err != nil && file == "":
		return nil, true, err
	case file == "":
		return nil, true, answer.print(os.Stdout)
	case err != nil:
		answer = &Answer{Error: err.Error()}
	}
	return nil, true, answer.write(file)
}

// askedOptions reads the words behind "run".
func askedOptions(words []string) (opts []RunOption, err error) {
	var certificate TLS
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "addr":
			opts = append(opts, Addr(value))
		case "cert":
			certificate.Cert = value
		case "key":
			certificate.Key = value
		case "reload":
			opts = append(opts, Reload(value == "true"))
		default:
			return nil, fmt.Errorf("carafe: the environment has %s with the option %q, which App.Run does not have: the program and the carafe tool are of different versions", CommandEnv, word)
		}
	}
	if certificate != (TLS{}) {
		opts = append(opts, certificate)
	}
	return opts, nil
}

func (answer *Answer) write(file string) error {
	data, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("carafe: writing an answer: %w", err)
	}
	return os.WriteFile(file, data, 0o600)
}

// print is for people; a command has written what it had to say.
func (answer *Answer) print(out io.Writer) error {
	if answer.Inspection == nil && answer.Explanation == nil {
		return nil
	}
	return json.NewEncoder(out).Encode(answer)
}

// answerAfresh answers with what the environment files say, as serving would.
func (a *App) answerAfresh(words []string) (*Answer, error) {
	if err := a.loadDotenv(); err != nil {
		return nil, err
	}
	return a.Answer(context.Background(), os.Stdout, words...)
}

// Answer does what the words say, as [CommandEnv] has them, and returns what there is to be told. A command writes to out itself.
func (a *App) Answer(ctx context.Context, out io.Writer, words ...string) (*Answer, error) {
	var answer Answer
	var err error
	switch {
	case len(words) == 1 && words[0] == "inspect":
		answer.Inspection = a.Inspect()
	case len(words) == 1 && words[0] == "check":
		answer.Inspection = a.Inspect()
		answer.Templates, err = a.InspectTemplates()
	case len(words) == 3 && words[0] == "explain":
		err = answer.explain(a, words[1], words[2])
	default:
		err = a.RunCommand(ctx, out, words...)
	}
	return &answer, err
}

func (answer *Answer) explain(a *App, method, url string) error {
	e, err := a.Explain(method, url)
	if err != nil {
		return err
	}
	if e.Err != nil {
		answer.Refusal = e.Err.Error()
	}
	plain := *e
	plain.Err = nil
	answer.Explanation = &plain
	return nil
}
