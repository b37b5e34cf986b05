package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/cli"
	"github.com/spf13/cobra"
)

//go:embed all:project
var projectFiles embed.FS

const carafeModule = "github.com/carafeweb/carafe"

// A project is what carafe new makes.
type project struct {
	Name    string // of the app and its folder
	Module  string // the module's path
	dir     string
	replace string // the folder of Carafe's source, "" to get a version
}

func newCommand() *cobra.Command {
	var p project
	cmd := &cobra.Command{
		Use: "new [OPTIONS] NAME", Short: "Make a new project", DisableFlagsInUseLine: true,
		Long: "Make a folder NAME with a small app: routes, a form, templates, a style sheet, a command, and tests of them all. It runs at once:\n\n" +
			"  cd NAME && go test ./... && go run . run",
		Example: "  carafe new shop\n  carafe new shop --module example.org/shop",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usage(errors.New("give the name of the project: carafe new shop"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p.dir = args[0]
			p.Name = filepath.Base(args[0])
			if err := p.check(); err != nil {
				return err
			}
			return p.make(cmd)
		},
	}
	cmd.Flags().StringVar(&p.Module, "module", "", "the `path` of the module (default NAME)")
	cmd.Flags().StringVar(&p.replace, "replace", "", "the `folder` of Carafe's source to build with (default the tool's own, if it was built of a clone)")
	return cmd
}

var projectName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

func (p *project) check() error {
	if !projectName.MatchString(p.Name) {
		return cli.Usage(fmt.Errorf("%q cannot be the name of a project: use letters, digits, - and _, a letter first", p.Name))
	}
	if p.Module == "" {
		p.Module = p.Name
	}
	if entries, err := os.ReadDir(p.dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is there already, and is not empty: choose another name", p.dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if p.replace == "" {
		p.replace = ownSource()
		return nil
	}
	abs, err := filepath.Abs(p.replace)
	p.replace = abs
	if err == nil && !isSource(abs) {
		err = fmt.Errorf("--replace %s: there is no source of Carafe", abs)
	}
	return err
}

// ownSource is the clone that this tool was built of, "" if it was installed as a version.
func ownSource() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == carafeModule && strings.HasPrefix(info.Main.Version, "v") && !strings.Contains(info.Main.Version, "-") {
		return ""
	}
	_, file, _, ok := runtime.Caller(0)
	dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if !ok || !isSource(dir) {
		return ""
	}
	return dir
}

func isSource(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(data), "module "+carafeModule+"\n")
}

// make writes the files, then go.mod, and says what to do next.
func (p *project) make(cmd *cobra.Command) error {
	err := fs.WalkDir(projectFiles, "project", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return p.write(path)
	})
	if err != nil {
		return err
	}
	if err := p.writeModule(cmd); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Made %s. Now:\n\n  cd %s\n  go test ./...\n  go run . run\n", p.dir, p.dir)
	return err
}

// hidden are the files that would have a meaning here under the names that they get there.
var hidden = map[string]string{"gitignore": ".gitignore", "carafeenv": ".carafeenv"}

// write writes a file of the project: one that ends in .tmpl is filled in.
func (p *project) write(path string) error {
	data, err := projectFiles.ReadFile(path)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(path, "project/")
	if there := hidden[name]; there != "" {
		name = there
	}
	if filled, ok := strings.CutSuffix(name, ".tmpl"); ok {
		t, err := template.New(name).Parse(string(data))
		if err != nil {
			return err
		}
		var b strings.Builder
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		name, data = filled, []byte(b.String())
	}
	return writeFile(filepath.Join(p.dir, filepath.FromSlash(name)), data)
}

func writeFile(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// writeModule writes go.mod and go.sum. With Carafe's source at hand both are made of Carafe's own, without the network.
func (p *project) writeModule(cmd *cobra.Command) error {
	if p.replace == "" {
		return p.getModule(cmd)
	}
	own, err := os.ReadFile(filepath.Join(p.replace, "go.mod"))
	if err != nil {
		return err
	}
	mod := fmt.Sprintf("module %s\n\n%s\nrequire %s v%s\n\nreplace %s => %s\n\n", p.Module, goLine(string(own)), carafeModule, carafe.Version, carafeModule, quoted(p.replace))
	mod += requirements(string(own))
	if err := writeFile(filepath.Join(p.dir, "go.mod"), []byte(mod)); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(p.replace, "go.sum"))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(p.dir, "go.sum"), sum)
}

// goLine is the line of go.mod that says the version of Go.
func goLine(mod string) string {
	for line := range strings.Lines(mod) {
		if strings.HasPrefix(line, "go ") {
			return line
		}
	}
	return ""
}

// quoted is a path as go.mod takes it.
func quoted(path string) string {
	path = filepath.ToSlash(path)
	if strings.ContainsAny(path, " \t\"'`()[]{},") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

var required = regexp.MustCompile(`(?m)^\s+(\S+ v\S+)( // indirect)?$`)

// requirements are Carafe's own, which a program that imports it needs too.
func requirements(mod string) string {
	var b strings.Builder
	b.WriteString("require (\n")
	for _, line := range required.FindAllStringSubmatch(mod, -1) {
		b.WriteString("\t" + line[1] + " // indirect\n")
	}
	return b.String() + ")\n"
}

// getModule has the go command find the version of Carafe that this tool is.
func (p *project) getModule(cmd *cobra.Command) error {
	mod := fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire %s v%s\n", p.Module, carafeModule, carafe.Version)
	if err := writeFile(filepath.Join(p.dir, "go.mod"), []byte(mod)); err != nil {
		return err
	}
	tidy := exec.CommandContext(cmd.Context(), "go", "mod", "tidy")
	tidy.Dir, tidy.Stdout, tidy.Stderr = p.dir, cmd.ErrOrStderr(), cmd.ErrOrStderr()
	if err := tidy.Run(); err != nil {
		return fmt.Errorf("the project is in %s, but its dependencies could not be got: run go mod tidy there when the network is back, "+
			"or make it again with --replace and the folder of a clone: %w", p.dir, err)
	}
	return nil
}
