package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommandMakesEmptyTables(t *testing.T) {
	b := newBlog(t)
	var out bytes.Buffer
	if err := b.app.RunCommand(t.Context(), &out, "init-db"); err != nil || !strings.Contains(out.String(), "Initialized") {
		t.Fatalf("init-db says %q and %v", &out, err)
	}
	if n := b.value("SELECT COUNT(*) FROM posts"); n != "0" {
		t.Errorf("%s posts are left, want none", n)
	}
}

func TestWithoutTablesThePageIsAnError(t *testing.T) {
	b := newBlog(t)
	b.exec("DROP TABLE posts")
	b.app.Config.Testing = false
	if got := b.client.Get("/").StatusCode; got != 500 {
		t.Errorf("status %d, want 500", got)
	}
}

func TestADatabaseThatCannotBeMadeIsToldAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newApp(map[string]any{"DATABASE": filepath.Join(file, "blog.sqlite")}); err == nil {
		t.Error("there is no error for a folder that is a file")
	}
}
