package signing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/signing"
)

type functionCase struct {
	ID, Function string
	Args         []any
	Kwargs       map[string]any
	Expect       any
	Error        *struct{ Type, Message string }
	Note         string
}

func TestOracleFunctions(t *testing.T) {
	var n tally
	for _, c := range readGolden[functionCase](t, "functions") {
		switch c.Function {
		case "generate_password_hash":
			n.count(t, c.ID, c.Function, c.generate(t))
		case "check_password_hash":
			n.count(t, c.ID, c.Function, c.check(t))
		default:
			n.leave(c.Function)
		}
	}
	n.report(t, "functions")
}

// argument is that of a call in Python, by place or by name.
func (c *functionCase) argument(t *testing.T, place int, name string) any {
	t.Helper()
	if place < len(c.Args) {
		return fromGolden(t, c.Args[place])
	}
	return fromGolden(t, c.Kwargs[name])
}

func (c *functionCase) generate(t *testing.T) string {
	password, _ := c.argument(t, 0, "password").(string)
	method, _ := c.argument(t, 1, "method").(string)
	length, _ := c.argument(t, 2, "salt_length").(int)
	fixed, ok := strings.CutPrefix(c.Note, "salt fixed to ")
	if c.Error != nil || !ok {
		got, err := signing.GeneratePasswordHash(password, signing.PasswordOptions{Method: method, SaltLength: length})
		if explicit := c.argument(t, 2, "salt_length"); explicit == 0 && err == nil {
			return "Unlike Flask, a salt length of zero means the default"
		}
		return c.compare(got, err, method)
	}
	if method == "" {
		method = "scrypt"
	}
	got, err := signing.HashWithSalt(method, fixed, password)
	return c.compare(got, err, method)
}

func (c *functionCase) check(t *testing.T) string {
	stored, _ := c.argument(t, 0, "pwhash").(string)
	password, _ := c.argument(t, 1, "password").(string)
	got, err := signing.CheckPasswordHash(stored, password)
	return c.compare(got, err, stored)
}

// compare compares an answer or error with Werkzeug's. The text of an error is compared where it is
// Werkzeug's own; those of Python's hashlib and int are about Python.
func (c *functionCase) compare(got any, err error, method string) string {
	switch {
	case errors.Is(err, signing.ErrPasswordCost):
		return "Unlike Flask, a method that asks for too much work is refused"
	case c.Error == nil && err != nil:
		if strings.HasPrefix(method, "pbkdf2:") && strings.Contains(err.Error(), "does not know the hash") {
			return "Unlike Flask, pbkdf2 knows the hashes of Go's library, not those of OpenSSL"
		}
		return fmt.Sprintf("%s: error %v, Werkzeug answers %v", method, err, c.Expect)
	case c.Error == nil && got != c.Expect:
		return fmt.Sprintf("%s: %v, Werkzeug answers %v", method, got, c.Expect)
	case c.Error == nil:
		return ""
	case err == nil && c.Error.Type == "TypeError" && got == false:
		return "Unlike Flask, a stored hash that is not ASCII is no match, not a TypeError"
	case err == nil:
		return fmt.Sprintf("%s: %v, Werkzeug fails with %s: %s", method, got, c.Error.Type, c.Error.Message)
	}
	own := strings.Contains(c.Error.Message, "hash method") || strings.Contains(c.Error.Message, "takes") ||
		strings.Contains(c.Error.Message, "Salt length")
	if want := strings.TrimSuffix(c.Error.Message, "."); own && err.Error() != "signing: "+want {
		return fmt.Sprintf("%s: error %q, Werkzeug's is %q", method, err, want)
	}
	return ""
}
