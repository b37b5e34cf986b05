package jinja

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// A Loader finds the text of templates by name. Names use "/" whatever the system. An error that
// is fs.ErrNotExist means that there is no such template. Must be safe for concurrent use.
type Loader interface {
	Load(name string) (Source, error)
}

// A Lister is a Loader that knows the names of all its templates, sorted.
type Lister interface {
	List() ([]string, error)
}

// A Source is the text of a template.
type Source struct {
	// Text is all of the template, in UTF-8; "" is an empty one.
	Text string
	// File is where it was found, for messages; may be "".
	File string
	// UpToDate reports whether Text is still current; nil means it always is.
	UpToDate func() bool
}

// FS loads templates from a file system, os.DirFS("templates") or an embed.FS for example. A name
// with ".." or a leading slash is not found.
type FS struct {
	Files fs.FS // must be there
}

// Load reads a file. Its modification time tells whether it is current.
func (l FS) Load(name string) (Source, error) {
	if !fs.ValidPath(name) || strings.Contains(name, `\`) {
		return Source{}, fs.ErrNotExist
	}
	text, err := fs.ReadFile(l.Files, name)
	if err != nil {
		return Source{}, err
	}
	modified := l.modified(name)
	return Source{Text: string(text), File: name, UpToDate: func() bool { return l.modified(name).Equal(modified) }}, nil
}

func (l FS) modified(name string) time.Time {
	info, err := fs.Stat(l.Files, name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// List walks the file system.
func (l FS) List() ([]string, error) {
	var names []string
	err := fs.WalkDir(l.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

// Map loads templates from memory, by name.
type Map map[string]string

// Load looks the name up.
func (m Map) Load(name string) (Source, error) {
	text, ok := m[name]
	if !ok {
		return Source{}, fs.ErrNotExist
	}
	return Source{Text: text, UpToDate: func() bool { return m[name] == text }}, nil
}

// List are the map's keys.
func (m Map) List() ([]string, error) {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Loaders asks several loaders in order; the first that has a template gives it. This is how an
// application's templates come before those of its blueprints.
type Loaders []Loader

// Load gives the first template found.
func (l Loaders) Load(name string) (Source, error) {
	for _, loader := range l {
		src, err := loader.Load(name)
		if err == nil || !isNotExist(err) {
			return src, err
		}
	}
	return Source{}, fs.ErrNotExist
}

// List are the names of all loaders that can list theirs.
func (l Loaders) List() ([]string, error) {
	var names []string
	for _, loader := range l {
		if lister, ok := loader.(Lister); ok {
			more, err := lister.List()
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// A LoaderFunc is a function as a Loader.
type LoaderFunc func(name string) (Source, error)

// Load calls the function.
func (f LoaderFunc) Load(name string) (Source, error) { return f(name) }

func isNotExist(err error) bool {
	if e, ok := err.(*Error); ok {
		return e.Kind == notFoundError
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid)
}
