package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/carafeweb/carafe"
)

// answerTime is how long a program may take until it tells what it was asked; one that never answers has begun to serve.
const answerTime = 30 * time.Second

// built is an app in a program that is built of a package, and asked by carafe.CommandEnv.
type built struct{ s *session }

func (b *built) place() string { return "[PACKAGE]" }

func (b *built) sources(args []string) (dir, pkg string) {
	t, err := findTarget(first(args))
	if err != nil {
		return "", ""
	}
	return t.dir, t.pkg
}

func (b *built) ask(ctx context.Context, args []string, words ...string) (*carafe.Answer, error) {
	t, err := findTarget(first(args))
	if err != nil {
		return nil, err
	}
	if err := t.build(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return t.ask(ctx, b.s.err, b.s.err, words)
}

// ask starts the program in place of serving. What it prints itself goes to out.
func (t *target) ask(ctx context.Context, out, stderr io.Writer, words []string) (*carafe.Answer, error) {
	if err := t.checkCarafe(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "carafe-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "answer")
	cmd := exec.CommandContext(ctx, t.binary)
	cmd.Env = append(os.Environ(), carafe.CommandEnv+"="+jsonText(words), carafe.AnswerEnv+"="+file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, stderr
	failed := cmd.Run()
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, t.noAnswer(ctx, failed)
	}
	answer := &carafe.Answer{}
	exact := json.NewDecoder(bytes.NewReader(data))
	exact.UseNumber()
	if err := exact.Decode(answer); err != nil {
		return nil, fmt.Errorf("%s was built with another version of Carafe than this tool: what it answers cannot be read: %w", t.given, err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer, nil
}

// noAnswer says why a program has not answered.
func (t *target) noAnswer(ctx context.Context, failed error) error {
	const cure = "its main has to call app.Run() or cli.Main(app)"
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s was asked for a command, and goes on after %v without an answer: %s", t.given, answerTime, cure)
	case ctx.Err() != nil:
		return ctx.Err()
	case failed != nil:
		return fmt.Errorf("%s ended before it came to its app (%w)", t.given, failed)
	}
	return fmt.Errorf("%s ended without an answer: %s", t.given, cure)
}

func jsonText(words []string) string {
	text, err := json.Marshal(words)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(text)
}
