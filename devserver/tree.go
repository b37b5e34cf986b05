package devserver

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A need is what a changed file asks for; the greatest of several counts.
type need int

const (
	needNothing need = iota // nobody looks at the file
	needAssets              // the program reads it anew by itself: a template, a static file
	needRestart             // the program reads it when it starts: configuration
	needBuild               // the compiler reads it
)

// A tree is the folders whose files are looked at, and what is known of the files.
type tree struct {
	root    string          // of the module; watched with all that lies below it
	folders map[string]bool // of packages elsewhere (replaced modules, workspaces), watched without what lies below; and those in root that are never ignored
	embeds  []string        // files and folders that go into the binary
	extra   []string        // of the user's
	exclude []string
	seen    func(dir string) // is told of each folder before it is read; for the watcher
}

// A stamp tells whether a file has changed.
type stamp struct {
	modified int64
	size     int64
}

// ignoredFolders hold what comes out of builds, or what others keep.
var ignoredFolders = []string{"node_modules", "vendor", "__pycache__", "dist", "build", "out", "target", "tmp", "bin"}

// scan looks at every file that matters.
func (t *tree) scan() map[string]stamp {
	files := make(map[string]stamp)
	t.walk(t.root, true, files)
	for dir := range t.folders {
		if !within(t.root, dir) {
			t.walk(dir, false, files)
		}
	}
	for _, name := range t.extra {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			t.walk(name, true, files)
		} else if err == nil {
			t.seen(filepath.Dir(name))
			files[name] = stamp{info.ModTime().UnixNano(), info.Size()}
		}
	}
	return files
}

// walk reads a folder, after it is watched, so that no change falls between.
func (t *tree) walk(dir string, deep bool, files map[string]stamp) {
	t.seen(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it is gone, or not ours to read
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case t.excluded(name):
		case e.IsDir():
			if deep && !t.ignored(name) {
				t.walk(name, true, files)
			}
		case t.need(name) != needNothing:
			if s, ok := stampOf(name, e); ok {
				files[name] = s
			}
		}
	}
}

func stampOf(name string, e fs.DirEntry) (stamp, bool) {
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(name)
	}
	if err != nil || !info.Mode().IsRegular() {
		return stamp{}, false
	}
	return stamp{info.ModTime().UnixNano(), info.Size()}, true
}

// ignored folders are hidden ones and those of builds, unless packages of the program lie in them.
func (t *tree) ignored(dir string) bool {
	base := filepath.Base(dir)
	if !strings.HasPrefix(base, ".") && !slices.Contains(ignoredFolders, base) {
		return false
	}
	for known := range t.folders {
		if within(dir, known) {
			return false
		}
	}
	return !slices.ContainsFunc(t.embeds, func(e string) bool { return within(dir, e) })
}

// within says whether name is dir or lies below it.
func within(dir, name string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

func (t *tree) excluded(name string) bool {
	rel, err := filepath.Rel(t.root, name)
	if err != nil {
		rel = name
	}
	rel = filepath.ToSlash(rel)
	return slices.ContainsFunc(t.exclude, func(pattern string) bool {
		if !strings.Contains(pattern, "/") {
			ok, _ := path.Match(pattern, path.Base(rel))
			return ok
		}
		return matchFolders(strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(rel, "/"))
	})
}

// matchFolders compares segment by segment; "**" stands for any number of them.
func matchFolders(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**":
		return matchFolders(pattern[1:], name) || len(name) > 0 && matchFolders(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	ok, _ := path.Match(pattern[0], name[0])
	return ok && matchFolders(pattern[1:], name[1:])
}

var (
	sourceSuffixes = []string{".go", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".m", ".s", ".S", ".sx", ".f", ".syso", ".swig", ".swigcxx"}
	moduleFiles    = []string{"go.mod", "go.sum", "go.work", "go.work.sum"}
	configSuffixes = []string{".toml", ".yaml", ".yml", ".ini", ".cfg", ".conf", ".properties", ".env"}
	assetSuffixes  = []string{".html", ".htm", ".tmpl", ".gohtml", ".tpl", ".j2", ".jinja", ".jinja2", ".css", ".js", ".mjs", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".woff2"}
	assetFolders   = []string{"templates", "static", "assets", "public"}
	configNames    = []string{"config", "settings"}
)

// need says what a change of the file asks for.
func (t *tree) need(name string) need {
	base, suffix := filepath.Base(name), filepath.Ext(name)
	switch {
	case base == ".env" || strings.HasPrefix(base, ".env.") || base == ".carafeenv":
		return needRestart
	case slices.ContainsFunc(t.embeds, func(e string) bool { return within(e, name) }):
		return needBuild
	case strings.HasPrefix(base, ".") || strings.HasPrefix(base, "#") || strings.HasSuffix(base, "~"):
		return needNothing // what editors leave
	case slices.Contains(sourceSuffixes, suffix):
		if strings.HasPrefix(base, "_") || strings.HasSuffix(base, "_test.go") {
			return needNothing
		}
		return needBuild
	case slices.Contains(moduleFiles, base):
		return needBuild
	case slices.ContainsFunc(t.extra, func(e string) bool { return within(e, name) }):
		return needRestart
	}
	return t.needOfData(name, base, suffix)
}

// needOfData tells assets from configuration. A .json is configuration only by its name: programs keep data in such files.
func (t *tree) needOfData(name, base, suffix string) need {
	folders := strings.Split(filepath.ToSlash(filepath.Dir(strings.TrimPrefix(name, t.root))), "/")
	stem, _, _ := strings.Cut(strings.ToLower(base), ".")
	switch {
	case slices.ContainsFunc(folders, func(f string) bool { return slices.Contains(assetFolders, f) }):
		return needAssets
	case slices.Contains(configSuffixes, suffix):
		return needRestart
	case suffix == ".json" && (slices.Contains(configNames, stem) || slices.Contains(configNames, path.Base(filepath.ToSlash(filepath.Dir(name))))):
		return needRestart
	case slices.Contains(assetSuffixes, suffix):
		return needAssets
	}
	return needNothing
}

// changed are the files that differ between two scans, sorted.
func changed(before, after map[string]stamp) []string {
	var names []string
	for name, s := range after {
		if old, ok := before[name]; !ok || old != s {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
