package cli

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A target is the program that the tool is to work with: a package, or a binary that is there.
type target struct {
	dir    string // where the go command runs
	pkg    string // as the go command takes it, from dir
	binary string // "" until it was built
	given  string // what the user wrote
}

// findTarget reads the word of the command line that says where the program is. A folder may be in another module than the working
// directory.
func findTarget(word string) (*target, error) {
	if word == "" {
		word = "."
	}
	info, err := os.Stat(word)
	switch {
	case err == nil && info.IsDir():
		dir, err := filepath.Abs(word)
		return &target{dir: dir, pkg: ".", given: word}, err
	case err == nil && filepath.Ext(word) == ".go":
		dir, err := filepath.Abs(filepath.Dir(word))
		return &target{dir: dir, pkg: filepath.Base(word), given: word}, err
	case err == nil && info.Mode().IsRegular() && executable(info):
		path, err := filepath.Abs(word)
		return &target{binary: path, given: word}, err
	case isPath(word):
		return nil, fmt.Errorf("there is no package %s: give the folder of a main package (./cmd/shop), or a program that was built", word)
	}
	dir, err := os.Getwd()
	return &target{dir: dir, pkg: word, given: word}, err
}

func executable(info fs.FileInfo) bool {
	return runtime.GOOS == "windows" || info.Mode()&0o111 != 0
}

// isPath says that a word is a path by its form, and can be nothing else.
func isPath(word string) bool {
	return word == "." || word == ".." || filepath.IsAbs(word) || strings.HasPrefix(word, "./") || strings.HasPrefix(word, "../") ||
		strings.HasPrefix(word, `.\`) || strings.HasPrefix(word, `..\`) || filepath.Ext(word) == ".go"
}

// build builds the package. The binary is kept in the user's cache, so that the next build has little to do, and it is replaced as a
// whole: who runs the old one goes on.
func (t *target) build(ctx context.Context) error {
	if t.pkg == "" {
		return nil
	}
	if err := t.checkMain(ctx); err != nil {
		return err
	}
	file, err := t.cacheFile()
	if err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.%d", file, os.Getpid())
	_ = os.Link(file, fresh) // so that the go command sees what it need not link again; it replaces the name, not the file behind it
	if out, err := t.goCommand(ctx, "build", "-o", fresh, t.pkg).CombinedOutput(); err != nil {
		_ = os.Remove(fresh)
		return fmt.Errorf("%s cannot be built: %w\n%s", t.given, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(fresh, file); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	t.binary = file
	return nil
}

func (t *target) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.dir
	return cmd
}

// checkMain refuses what go build would build to something that cannot be run.
func (t *target) checkMain(ctx context.Context) error {
	out, err := t.goCommand(ctx, "list", "-f", "{{.Name}}", t.pkg).CombinedOutput()
	text := strings.TrimSpace(string(out))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("the go command is not in the PATH: install Go (https://go.dev/dl), or give a program that was built")
	case err != nil:
		return fmt.Errorf("there is no program in %s: name the folder of a main package (./cmd/shop), or go there: %s", t.given, text)
	case text != "main":
		return fmt.Errorf("%s is package %s, not a program: give the folder of a main package (./cmd/shop)", t.given, text)
	}
	return nil
}

// cacheFile is where the binary of the package is kept.
func (t *target) cacheFile() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place to keep the program that is built: %w", err)
	}
	sum := sha256.Sum256([]byte(t.dir + "\x00" + t.pkg))
	dir := filepath.Join(cache, "carafe", hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	name := filepath.Base(t.dir)
	if t.pkg != "." {
		name = strings.TrimSuffix(filepath.Base(t.pkg), ".go")
	}
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name), nil
}

const carafeModule = "github.com/carafeweb/carafe"

// checkCarafe refuses a binary that cannot answer.
func (t *target) checkCarafe() error {
	info, err := buildinfo.ReadFile(t.binary)
	if err != nil {
		return fmt.Errorf("%s is no Go program: %w", t.given, err)
	}
	if info.Main.Path == carafeModule {
		return nil
	}
	for _, dep := range info.Deps {
		if dep.Path == carafeModule {
			return nil
		}
	}
	return fmt.Errorf("%s is no Carafe program: it does not import %s", t.given, carafeModule)
}
