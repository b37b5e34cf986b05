package signing_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/signing"
)

func TestPasswordHashesHaveWerkzeugsForm(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts signing.PasswordOptions
		want string
	}{
		{"the default is scrypt", signing.PasswordOptions{}, `^scrypt:32768:8:1\$[a-zA-Z0-9]{16}\$[0-9a-f]{128}$`},
		{"scrypt with parameters", signing.PasswordOptions{Method: "scrypt:16: 1 :1_0", SaltLength: 3}, `^scrypt:16:1:10\$[a-zA-Z0-9]{3}\$[0-9a-f]{128}$`},
		{"pbkdf2 with parameters", signing.PasswordOptions{Method: "pbkdf2:sha512:+7", SaltLength: 40}, `^pbkdf2:sha512:7\$[a-zA-Z0-9]{40}\$[0-9a-f]{128}$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := signing.GeneratePasswordHash("pässword", tt.opts)
			if err != nil || !regexp.MustCompile(tt.want).MatchString(got) {
				t.Fatalf("hash %s, %v, want %s", got, err, tt.want)
			}
			again, err := signing.GeneratePasswordHash("pässword", tt.opts)
			if err != nil || again == got {
				t.Errorf("two hashes of one password are the same: %s, %v", got, err)
			}
			for password, want := range map[string]bool{"pässword": true, "password": false, "": false} {
				if ok, err := signing.CheckPasswordHash(got, password); ok != want || err != nil {
					t.Errorf("%q for %s: %v, %v", password, got, ok, err)
				}
			}
		})
	}
}

func TestStoredHashesThatAskForTooMuchAreRefusedAtOnce(t *testing.T) {
	start := time.Now()
	for _, method := range []string{
		"scrypt:1073741824:8:1", "scrypt:2:1073741824:1", "scrypt:2:1:1073741824", "scrypt:4611686018427387904:4611686018427387904:4", "scrypt:1048576:8:1",
		"scrypt:1024:1024:1024", "pbkdf2:sha256:5000001", "pbkdf2:sha256:9223372036854775807",
	} {
		ok, err := signing.CheckPasswordHash(method+"$salt$00", "x")
		if ok || !errors.Is(err, signing.ErrPasswordCost) {
			t.Errorf("%s: %v, %v, want ErrPasswordCost", method, ok, err)
		}
		if text, err := signing.GeneratePasswordHash("x", signing.PasswordOptions{Method: method}); err == nil {
			t.Errorf("%s makes %s, which could never be checked", method, text)
		}
	}
	// The dearest of them would take centuries.
	if took := time.Since(start); took > time.Minute {
		t.Errorf("refusing took %v", took)
	}
}

func TestHashesThatAreNone(t *testing.T) {
	for _, tt := range []struct{ stored, wantErr string }{
		{"", ""}, {"a$b", ""}, {"pbkdf2:sha256:1$s$é", ""}, {"pbkdf2:sha256:1$s$", ""}, {"pbkdf2:sha256:1$$a$b", ""},
		{"$$", "Invalid hash method ''"},
		{"md5$salt$x", "Invalid hash method 'md5'"},
		{"scrypt:$s$x", "'scrypt' takes 3 arguments"},
		{"scrypt:3:8:1$s$x", "power of 2"}, {"scrypt:0:8:1$s$x", "power of 2"}, {"scrypt:-2:8:1$s$x", "power of 2"}, {"scrypt:2:0:1$s$x", "at least 1"},
		{"scrypt:99999999999999999999:8:1$s$x", "takes 3 arguments"},
		{"pbkdf2:a:b:c$s$x", "'pbkdf2' takes 2 arguments"},
		{"pbkdf2:sha256:0$s$x", "at least 1"}, {"pbkdf2:sha256:x$s$x", "not a number"}, {"pbkdf2:whirlpool:1$s$x", "does not know"},
	} {
		ok, err := signing.CheckPasswordHash(tt.stored, "secret")
		if ok {
			t.Errorf("%q is the hash of a password", tt.stored)
		}
		if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%q: error %v, want %q", tt.stored, err, tt.wantErr)
		}
	}
}
