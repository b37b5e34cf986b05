package devserver_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/devserver"
)

func TestWhatAChangedFileAsksFor(t *testing.T) {
	root := filepath.FromSlash("/src/site")
	embeds := []string{filepath.Join(root, "web", "embedded")}
	extra := []string{filepath.FromSlash("/etc/site")}
	for name, want := range map[string]string{
		"main.go": "build", "go.mod": "build", "go.sum": "build", "native.c": "build", "views/user.go": "build",
		"main_test.go": "nothing", "_draft.go": "nothing", ".#main.go": "nothing", "main.go~": "nothing", ".main.go.swp": "nothing", "4913": "nothing",
		"templates/page.html": "assets", "static/site.css": "assets", "static/data.json": "assets", "static/config.yaml": "assets", "page.tmpl": "assets",
		"web/embedded/page.html": "build", "web/embedded/deep/x.bin": "build", "web/other.html": "assets",
		".env": "restart", ".env.local": "restart", ".carafeenv": "restart", "config.json": "restart", "settings.dev.json": "restart", "config/db.json": "restart", "site.toml": "restart", "site.yaml": "restart",
		"data.json": "nothing", "site.db": "nothing", "out.log": "nothing", "notes.txt": "nothing",
	} {
		if got := devserver.Needs(root, embeds, extra, filepath.Join(root, filepath.FromSlash(name))); got != want {
			t.Errorf("a change of %s asks for %s, want %s", name, got, want)
		}
	}
	if got := devserver.Needs(root, embeds, extra, filepath.FromSlash("/etc/site/any.thing")); got != "restart" {
		t.Errorf("a change of an extra file asks for %s, want restart", got)
	}
}

// treeFiles writes empty files below a temporary folder.
func treeFiles(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func treeNames(root string, files []string) (names []string) {
	for _, f := range files {
		names = append(names, filepath.ToSlash(strings.TrimPrefix(f, root+string(filepath.Separator))))
	}
	return names
}

func TestBuildsAndHiddenFoldersAreNotLookedAt(t *testing.T) {
	root := treeFiles(t, "main.go", "a/b/c.go", ".git/x.go", "node_modules/m/x.js", "dist/x.go", "vendor/v/v.go", "tmp/x.go", "bin/tool/main.go", ".env", "skip/x.go", "skip.go", "deep/in/skipped/x.go")
	folders := map[string]bool{filepath.Join(root, "bin", "tool"): true}
	got := treeNames(root, devserver.Scanned(root, folders, []string{"skip*", "deep/**/skipped/**"}))
	want := []string{".env", "a/b/c.go", "bin/tool/main.go", "main.go"}
	if !slices.Equal(got, want) {
		t.Errorf("looked at %v, want %v: a folder of the program's own is never ignored", got, want)
	}
}

func TestChangesAreNoticed(t *testing.T) {
	for name, poll := range map[string]time.Duration{"told by the system": 0, "by polling": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			root := treeFiles(t, "main.go", "templates/a.html")
			files, run := devserver.Noticed(root, poll)
			done := make(chan struct{})
			defer close(done)
			go run(done)
			next := func(step string, want ...string) {
				t.Helper()
				seen := map[string]bool{}
				for end := time.After(time.Minute); !slices.ContainsFunc(want, func(w string) bool { return !seen[w] }) == false; {
					select {
					case list := <-files:
						for _, n := range treeNames(root, list) {
							seen[n] = true
						}
					case <-end:
						t.Fatalf("%s: told of %v, want %v", step, seen, want)
					}
				}
			}
			write := func(name, text string) {
				t.Helper()
				full := filepath.Join(root, filepath.FromSlash(name))
				_ = os.MkdirAll(filepath.Dir(full), 0o755)
				if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("main.go", "package main")
			next("a saved file", "main.go")
			write("new/deep/x.go", "package deep")
			next("a file in new folders", "new/deep/x.go")
			write("new/deep/x.go", "package deep // again")
			next("a new folder's file, saved again", "new/deep/x.go")
			write("main.go.tmp", "package main // by a rename")
			if err := os.Rename(filepath.Join(root, "main.go.tmp"), filepath.Join(root, "main.go")); err != nil {
				t.Fatal(err)
			}
			next("a file put in place by renaming", "main.go")
			if err := os.RemoveAll(filepath.Join(root, "new")); err != nil {
				t.Fatal(err)
			}
			next("a removed folder", "new/deep/x.go")
			write("new/deep/x.go", "package deep // back")
			next("a folder that comes back", "new/deep/x.go")
		})
	}
}

func TestWhereEmbeddedFilesLie(t *testing.T) {
	for pattern, want := range map[string]string{"static": "/p/static", "all:static/*": "/p/static", "t/*.html": "/p/t", "*.txt": "/p", "a/b[0-9].x": "/p/a"} {
		if got := filepath.ToSlash(devserver.EmbedRoot("/p", pattern)); got != want {
			t.Errorf("go:embed %s lies below %s, want %s", pattern, got, want)
		}
	}
}
