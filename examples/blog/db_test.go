package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

func TestAURLIsPostgreSQLsOrRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ name, driver, fault string }{
		{"postgres://ada:secret@db.test/blog", "*stdlib.Driver", ""},
		{"postgresql://ada:secret@db.test/blog", "*stdlib.Driver", ""},
		{"mysql://ada:secret@db.test/blog", "", "mysql://"},
		{"Postgres://ada:secret@db.test/blog", "", "Postgres://"},
		{"postgres", "*sqlite.Driver", ""},
		{"folder/postgres.sqlite", "*sqlite.Driver", ""},
	} {
		db, err := openDatabase(tt.name)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: error %v, want one that names %s and no password", tt.name, err, tt.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := fmt.Sprintf("%T", db.Driver()); got != tt.driver {
			t.Errorf("%s is opened by %s, want %s", tt.name, got, tt.driver)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := filepath.Glob("*:*"); len(left) > 0 || err != nil {
		t.Errorf("a URL has become the file %v (%v)", left, err)
	}
}

func TestTheFileIsCalledAsItIsSaid(t *testing.T) {
	for _, name := range []string{"C#.sqlite", "%41.sqlite", "a b&c=d;e.sqlite", "blög.sqlite", "x?mode=memory"} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "?") && runtime.GOOS == "windows" {
				t.Skip("did not run: no file can be called so")
			}
			for _, folder := range []string{t.TempDir(), "notes 100%"} { // absolute, and relative
				t.Chdir(t.TempDir())
				db, err := openDatabase(filepath.Join(folder, name))
				if err != nil {
					t.Fatal(err)
				}
				var keys int
				if err := db.QueryRow("PRAGMA foreign_keys").Scan(&keys); err != nil || keys != 1 {
					t.Errorf("foreign_keys is %d (%v), want 1", keys, err)
				}
				if _, err := db.Exec("CREATE TABLE t (id INTEGER)"); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
				if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
					t.Errorf("the tables are not in the file: %v", err)
				}
			}
		})
	}
}

func TestPostgreSQLsKeysHaveAsManyBitsAsSQLites(t *testing.T) {
	db, err := openDatabase("postgres://db.test/blog")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if strings.Contains(db.schema, "INTEGER") || strings.Count(db.schema, "BIGSERIAL PRIMARY KEY") != 2 || !strings.Contains(db.schema, "author_id BIGINT") {
		t.Errorf("the schema is\n%s", db.schema)
	}
}
