package carafe_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

func nothingSet(string) (string, bool) { return "", false }

// What is expected was given by python-dotenv 1.x for the same text.
func TestParseDotenv(t *testing.T) {
	for _, tt := range []struct {
		text string
		want map[string]string
	}{
		{"A=1", map[string]string{"A": "1"}},
		{"A=a # c", map[string]string{"A": "a"}},
		{"A=a#c", map[string]string{"A": "a#c"}},
		{"A= # c", map[string]string{"A": "# c"}},
		{"A=#c", map[string]string{"A": "#c"}},
		{"export A=1", map[string]string{"A": "1"}},
		{"export   A = \"q\"", map[string]string{"A": "q"}},
		{"exported=1", map[string]string{"exported": "1"}},
		{"A='x\\'y' # c", map[string]string{"A": "x'y"}},
		{"A=\"x\\ny\\q\"", map[string]string{"A": "x\ny\\q"}},
		{"A=\"l1\nl2\"", map[string]string{"A": "l1\nl2"}},
		{"A", map[string]string{}},
		{"export A", map[string]string{}},
		{"A = b ", map[string]string{"A": "b"}},
		{"A=a  b  ", map[string]string{"A": "a  b"}},
		{"A=\\n", map[string]string{"A": "\\n"}},
		{"A=é", map[string]string{"A": "é"}},
		{"'A b'=3", map[string]string{"A b": "3"}},
		{"A=a\r\nB=b\r\n", map[string]string{"A": "a", "B": "b"}},
		{"A=\"a#b\" #c", map[string]string{"A": "a#b"}},
		{"A=1 #", map[string]string{"A": "1"}},
		{"# only\n\n  # comments\n", map[string]string{}},
		{"A=${B:-z}", map[string]string{"A": "z"}},
		{"B=1\nA=${B}", map[string]string{"B": "1", "A": "1"}},
		{"A='${B:-q}'", map[string]string{"A": "q"}},
		{"A=${}x", map[string]string{"A": "x"}},
		{"A=$B", map[string]string{"A": "$B"}},
		{"A=${B", map[string]string{"A": "${B"}},
		{"\ufeffA=1", map[string]string{"A": "1"}},
	} {
		got, err := carafe.ParseDotenv(tt.text, nothingSet)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q gives %q, error %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestParseDotenvNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\n\nB=\"unclosed\nC=2": "line 3: the quote is not closed", "A=\"x\" y\nB=2": "line 1: there is something after the closing quote",
		"=x\nB=1": "line 1: it must have the form NAME=value", "A=\"1\n2\"\n=x": "line 3: it must have",
	} {
		if got, err := carafe.ParseDotenv(text, nothingSet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %q and %v, want %q", text, got, err, want)
		}
	}
}

func TestLoadDotenv(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "a", "b")
	must(t, os.MkdirAll(below, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("DOT_A=env\nDOT_B=env\nDOT_SET=env\nDOT_HOST=${DOT_SET}.test"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "a", ".carafeenv"), []byte("DOT_A=carafeenv\nDOT_C=carafeenv"), 0o600))
	t.Setenv("DOT_SET", "set")
	for _, name := range []string{"DOT_A", "DOT_B", "DOT_C", "DOT_HOST"} {
		t.Setenv(name, "") // so that it is put back
		must(t, os.Unsetenv(name))
	}
	t.Chdir(below)
	loaded, err := carafe.LoadDotenv()
	if err != nil || !loaded {
		t.Fatalf("loaded %v, error %v", loaded, err)
	}
	for name, want := range map[string]string{"DOT_A": "env", "DOT_B": "env", "DOT_C": "carafeenv", "DOT_SET": "set", "DOT_HOST": "env.test"} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, err := carafe.LoadDotenv("missing.env"); err == nil || !strings.Contains(err.Error(), "missing.env") {
		t.Errorf("a file that is named and missing gives %v", err)
	}
	t.Chdir(t.TempDir())
	if loaded, err := carafe.LoadDotenv(); loaded || err != nil {
		t.Errorf("without files: %v, %v", loaded, err)
	}
}

func FuzzParseDotenv(f *testing.F) {
	f.Add("export A='x' # y\nB=\"${A:-\\n}\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := carafe.ParseDotenv(text, nothingSet); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%q gives %v", text, err)
		}
	})
}
