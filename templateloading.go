package carafe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A TemplateFolder is a place where templates lie.
type TemplateFolder struct {
	Owner string // "app shop" or "blueprint admin"
	Place string // the folder's path, or what kind of file system it is
	FS    fs.FS  // what it holds; never nil
}

// A TemplateSource is the text of a template.
type TemplateSource struct {
	Text string // in UTF-8; "" is an empty one
	File string // where it was found, for messages
	// Changed says whether the text is another by now.
	Changed func() bool
}

// Load finds a template in the first folder that has it. Names use "/" on every system; one with "..", a leading slash or a
// backslash is not found. The error is an fs.ErrNotExist, or why the file that was found cannot be read.
//
// Source: flask.templating.DispatchingJinjaLoader.
func (env *TemplateEnv) Load(name string) (*TemplateSource, error) {
	if env.explained {
		return env.loadExplained(name)
	}
	for i := range env.Folders {
		src, err := env.Folders[i].load(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return src, err
		}
	}
	return nil, fs.ErrNotExist
}

func (f *TemplateFolder) load(name string) (*TemplateSource, error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return nil, fs.ErrNotExist
	}
	info, err := fs.Stat(f.FS, name)
	if err != nil {
		return nil, notThere(err)
	}
	if info.IsDir() {
		return nil, fs.ErrNotExist
	}
	text, err := fs.ReadFile(f.FS, name)
	if err != nil {
		return nil, notThere(err)
	}
	modified := info.ModTime()
	return &TemplateSource{
		Text: string(text), File: filepath.ToSlash(filepath.Join(f.Place, name)),
		Changed: func() bool { return !f.modified(name).Equal(modified) },
	}, nil
}

// notThere is err as an fs.ErrNotExist where it means that: also for a name below a file.
func notThere(err error) error {
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	return err
}

func (f *TemplateFolder) modified(name string) time.Time {
	info, err := fs.Stat(f.FS, name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Names are the names of all templates, sorted.
//
// Source: DispatchingJinjaLoader.list_templates.
func (env *TemplateEnv) Names() ([]string, error) {
	var names []string
	for _, f := range env.Folders {
		err := fs.WalkDir(f.FS, ".", func(path string, d fs.DirEntry, err error) error {
			if path == "." && errors.Is(err, fs.ErrNotExist) {
				return fs.SkipAll
			}
			if err == nil && !d.IsDir() {
				names = append(names, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("carafe: listing the templates of %s: %w", f.Owner, err)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// NotFound is the error for templates of which there is none. cause is the engine's own error, which may say where the name stands;
// nil means none.
func (env *TemplateEnv) NotFound(names []string, cause error) *TemplateNotFound {
	e := &TemplateNotFound{Names: names, Cause: cause}
	for _, f := range env.Folders {
		e.Tried = append(e.Tried, fmt.Sprintf("%s (%s)", f.Place, f.Owner))
	}
	return e
}

// A TemplateNotFound is the error for a template that no folder has; always used as *TemplateNotFound. It is an fs.ErrNotExist.
//
// Source: jinja2.TemplateNotFound, TemplatesNotFound.
type TemplateNotFound struct {
	Names []string // what was looked for
	Tried []string // where: the folders in order, each with its owner
	Cause error    // the engine's error, if another template asked for the name; may be nil
}

// Error names the templates and the folders.
func (e *TemplateNotFound) Error() string {
	var b strings.Builder
	switch len(e.Names) {
	case 0:
		b.WriteString("carafe: no template was named")
	case 1:
		fmt.Fprintf(&b, "carafe: the template %q was not found", e.Names[0])
	default:
		fmt.Fprintf(&b, "carafe: none of the templates %q was found", e.Names)
	}
	if len(e.Tried) > 0 {
		b.WriteString(" in " + strings.Join(e.Tried, ", "))
	} else {
		b.WriteString(": the app has no folder of templates")
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, " (%v)", e.Cause)
	}
	return b.String()
}

// Is says that it is fs.ErrNotExist.
func (e *TemplateNotFound) Is(target error) bool { return target == fs.ErrNotExist }

// Unwrap gives Cause.
func (e *TemplateNotFound) Unwrap() error { return e.Cause }

// loadExplained is Load that asks every folder and logs what each said.
//
// Source: flask.debughelpers.explain_template_loading_attempts.
func (env *TemplateEnv) loadExplained(name string) (*TemplateSource, error) {
	var first *TemplateSource
	var attempts []any
	found := 0
	for i, f := range env.Folders {
		src, err := f.load(name)
		result := "no match"
		switch {
		case err == nil:
			result = "found " + src.File
			found++
			if first == nil {
				first = src
			}
		case !errors.Is(err, fs.ErrNotExist):
			result = err.Error()
		}
		attempts = append(attempts, slog.Group(fmt.Sprint(i+1), "of", f.Owner, "folder", f.Place, "result", result))
	}
	args := []any{"template", name, slog.Group("tried", attempts...)}
	if found != 1 && env.explain != nil && env.explain.Blueprint() != "" {
		args = append(args, "blueprint", env.explain.Blueprint())
	}
	msg := "the template was located"
	switch {
	case found == 0:
		msg = "the template could not be found"
	case found > 1:
		msg = "several folders have the template; the first is used"
	}
	env.App.logger().Log(env.logContext(), slog.LevelInfo, msg, args...)
	if first == nil {
		return nil, fs.ErrNotExist
	}
	return first, nil
}

func (env *TemplateEnv) logContext() context.Context {
	if env.explain != nil {
		return env.explain
	}
	return context.Background()
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
