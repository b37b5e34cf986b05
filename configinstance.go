package carafe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// instanceFolder is where the files of one installation lie: settings, a database, uploads. It is not a part of the source.
type instanceFolder struct {
	path     string // absolute; "" means "instance" below the root path
	relative bool
}

// InstancePath is the app's instance folder, an absolute path; without it that is the folder "instance" below the root path.
//
// Source: Flask(instance_path=).
type InstancePath string

// InstanceRelative(true) has [Config.FromFile] look below the instance folder.
//
// Source: Flask(instance_relative_config=).
type InstanceRelative bool

// ApplyApp implements [AppOption]. It panics if the path is relative.
func (p InstancePath) ApplyApp(a *App) {
	if err := p.check(); err != nil {
		panic(&SetupError{callSite(), err})
	}
	a.instance.path = filepath.Clean(string(p))
}

func (p InstancePath) check() error {
	if filepath.IsAbs(string(p)) {
		return nil
	}
	return fmt.Errorf("InstancePath(%q): if an instance path is provided it must be absolute, a relative one was given instead", string(p))
}

// ApplyApp implements [AppOption].
func (r InstanceRelative) ApplyApp(a *App) { a.instance.relative = bool(r) }

// placeFiles settles where the app's files are, once the options are known.
func (a *App) placeFiles() {
	if abs, err := filepath.Abs(a.rootPath); err == nil && a.instance.path == "" {
		a.instance.path = filepath.Join(abs, "instance")
	}
	a.Config.root = a.rootPath
	if a.instance.relative {
		a.Config.root = a.instance.path
	}
}

// InstancePath is the instance folder, which need not exist.
//
// Source: Flask.instance_path.
func (a *App) InstancePath() string { return a.instance.path }

// OpenInstance opens a file below the instance folder for reading; name cannot lead out of it, by links neither.
//
// Source: Flask.open_instance_resource.
func (a *App) OpenInstance(name string) (*os.File, error) {
	return os.OpenInRoot(a.instance.path, filepath.FromSlash(name))
}

// WriteInstance writes a file below the instance folder in one step: readers see the old one or the new. The folder is made if it
// is not there. Only this user can read either.
func (a *App) WriteInstance(name string, data []byte) (err error) {
	if err := os.MkdirAll(a.instance.path, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(a.instance.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	temporary := name + ".new"
	if err := root.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}
