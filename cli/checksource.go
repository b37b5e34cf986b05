package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/server"
)

// shortFile is a file relative to the working directory, if it lies in it.
func shortFile(file string) string {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return file
}

func (c *check) checkSource() {
	if c.source == nil {
		return
	}
	for _, u := range c.source.urls {
		c.checkURL("URLFor", u.place, u.TemplateURL)
	}
}

// checkSettings finds settings of the app's own that neither its Go source nor its templates mention. Those of the server and of the
// command line are in the same environment, and are no mistake.
func (c *check) checkSettings() {
	if c.source == nil {
		return
	}
	var fields []string
	for _, s := range c.in.Settings {
		if !s.Own {
			fields = append(fields, s.Key)
		}
	}
	for _, s := range c.in.Settings {
		if !s.Own || c.source.readsSetting(s.Key) || c.inTemplates(s.Key) || isVariable(s.Key) {
			continue
		}
		text := "nothing reads the setting " + s.Key
		if near := nearestOf(s.Key, fields); near != "" {
			text += ": did you mean " + near + "?"
		}
		c.add("warning", "", "%s", text)
	}
}

func (src *source) readsSetting(key string) bool {
	return src.reads[key] || slices.ContainsFunc(src.prefix, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func (c *check) inTemplates(key string) bool {
	for _, t := range c.templates {
		if slices.Contains(t.Words, key) {
			return true
		}
	}
	return false
}

// isVariable says whether CARAFE_KEY is an environment variable of the server or of the command line.
func isVariable(key string) bool {
	variable := "CARAFE_" + key
	others := []string{"CARAFE_SKIP_DOTENV", "CARAFE_EDITOR", carafe.CommandEnv, carafe.AnswerEnv}
	if slices.Contains(others, variable) {
		return true
	}
	if slices.ContainsFunc(server.Settings(), func(s server.Setting) bool { return s.Env == variable }) {
		return true
	}
	for _, cmd := range toolTree(&session{}, nil).Commands() {
		if flagOf(cmd, variable) != "" {
			return true
		}
	}
	return false
}
