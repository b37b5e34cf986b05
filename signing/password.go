package signing

import (
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/bits"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// PasswordOptions say how a password is hashed. The zero value is the best there is here.
type PasswordOptions struct {
	// Method is "scrypt", "scrypt:N:r:p", "pbkdf2", "pbkdf2:hash" or "pbkdf2:hash:iterations".
	// "" means scrypt with N 32768, r 8, p 1: 32 MiB and 0.1 to 0.2 s. pbkdf2 means SHA-256, 1000000 times.
	Method string

	// SaltLength is how many letters and digits the salt has. Zero means 16.
	SaltLength int
}

// What a stored hash may ask for. It is data, and whoever can write one must not stop the process:
// a hash above these is refused before any work. Unlike Werkzeug, where the limit is the machine's.
const (
	maxScryptWork       = 1 << 21 // N·r·p; eight times the default, 256 MiB at the most
	maxPBKDF2Iterations = 5_000_000

	defaultIterations = 1_000_000
	saltCharacters    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// ErrPasswordCost is in the error of a method whose parameters ask for too much work.
var ErrPasswordCost = errors.New("signing: the method asks for more work than is allowed")

// GeneratePasswordHash returns "method$salt$hash" for storage; CheckPasswordHash compares with it.
//
// The error is about opts: an unknown method, parameters that do not fit or are above what
// CheckPasswordHash would take. Source: werkzeug.security.generate_password_hash.
func GeneratePasswordHash(password string, opts PasswordOptions) (string, error) {
	if opts.Method == "" {
		opts.Method = "scrypt"
	}
	if opts.SaltLength == 0 {
		opts.SaltLength = 16
	}
	if opts.SaltLength < 0 {
		return "", errors.New("signing: Salt length must be at least 1")
	}
	return hashPassword(opts.Method, salt(opts.SaltLength), password)
}

// CheckPasswordHash tells whether password is the one that stored was made of, in a time that does
// not depend on how much of it is right.
//
// A text that is not in three parts is false without an error, as in Werkzeug. Unlike there, "" costs as much as a hash of the
// best method, so that a login which has no hash for a name does not show that by its time. An error, always with
// false, means that stored names no method that is known or one that asks for too much
// (ErrPasswordCost): its owner cannot log in whatever the password.
// Source: werkzeug.security.check_password_hash.
func CheckPasswordHash(stored, password string) (bool, error) {
	parts := strings.SplitN(stored, "$", 3)
	if stored == "" {
		_, _, _ = digestPassword("scrypt", "", password)
	}
	if len(parts) != 3 {
		return false, nil
	}
	digest, _, err := digestPassword(parts[0], parts[1], password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(digest), []byte(parts[2])) == 1, nil
}

// salt draws n characters, each equally likely.
func salt(n int) string {
	const fair = 256 - 256%len(saltCharacters)
	out := make([]byte, 0, n)
	var draw [32]byte
	for len(out) < n {
		rand.Read(draw[:])
		for _, b := range draw {
			if int(b) < fair && len(out) < n {
				out = append(out, saltCharacters[int(b)%len(saltCharacters)])
			}
		}
	}
	return string(out)
}

func hashPassword(method, salt, password string) (string, error) {
	digest, actual, err := digestPassword(method, salt, password)
	if err != nil {
		return "", err
	}
	return actual + "$" + salt + "$" + digest, nil
}

// digestPassword returns the hash in hexadecimal and the method with all its parameters.
// Source: werkzeug.security._hash_internal.
func digestPassword(method, salt, password string) (digest, actual string, err error) {
	args := strings.Split(method, ":")
	var key []byte
	switch args[0] {
	case "scrypt":
		key, actual, err = scryptKey(args[1:], salt, password)
	case "pbkdf2":
		key, actual, err = pbkdf2Key(args[1:], salt, password)
	default:
		err = fmt.Errorf("signing: Invalid hash method '%s'", args[0])
	}
	if err != nil {
		return "", "", err
	}
	return hex.EncodeToString(key), actual, nil
}

func scryptKey(args []string, salt, password string) ([]byte, string, error) {
	n, r, p := 1<<15, 8, 1
	if len(args) > 0 {
		var ok bool
		if n, r, p, ok = threeInts(args); !ok {
			return nil, "", errors.New("signing: 'scrypt' takes 3 arguments")
		}
	}
	if n < 2 || n&(n-1) != 0 || r < 1 || p < 1 {
		return nil, "", fmt.Errorf("signing: scrypt:%d:%d:%d: N must be a power of 2 above 1, r and p at least 1", n, r, p)
	}
	// First each alone, so that the product cannot overflow.
	if n > maxScryptWork || r > maxScryptWork || p > maxScryptWork || productAbove(n, r, p, maxScryptWork) {
		return nil, "", fmt.Errorf("scrypt:%d:%d:%d: %w (N·r·p above %d)", n, r, p, ErrPasswordCost, maxScryptWork)
	}
	key, err := scrypt.Key([]byte(password), []byte(salt), n, r, p, 64)
	return key, fmt.Sprintf("scrypt:%d:%d:%d", n, r, p), err
}

func productAbove(a, b, c, limit int) bool {
	high, low := bits.Mul64(uint64(a)*uint64(b), uint64(c))
	return high != 0 || low > uint64(limit)
}

func threeInts(args []string) (a, b, c int, ok bool) {
	if len(args) != 3 {
		return 0, 0, 0, false
	}
	a, okA := pythonInt(args[0])
	b, okB := pythonInt(args[1])
	c, okC := pythonInt(args[2])
	return a, b, c, okA && okB && okC
}

func pbkdf2Key(args []string, salt, password string) ([]byte, string, error) {
	name, iterations := "sha256", defaultIterations
	if len(args) > 2 {
		return nil, "", errors.New("signing: 'pbkdf2' takes 2 arguments")
	}
	if len(args) > 0 {
		name = args[0]
	}
	if len(args) > 1 {
		var ok bool
		if iterations, ok = pythonInt(args[1]); !ok {
			return nil, "", fmt.Errorf("signing: pbkdf2 iterations %q are not a number", args[1])
		}
	}
	newHash := passwordHash(name)
	switch {
	case newHash == nil:
		return nil, "", fmt.Errorf("signing: pbkdf2 does not know the hash %q", name)
	case iterations < 1:
		return nil, "", fmt.Errorf("signing: pbkdf2 iterations are %d: at least 1 is needed", iterations)
	case iterations > maxPBKDF2Iterations:
		return nil, "", fmt.Errorf("pbkdf2:%s:%d: %w (iterations above %d)", name, iterations, ErrPasswordCost, maxPBKDF2Iterations)
	}
	key, err := pbkdf2.Key(newHash, password, []byte(salt), iterations, newHash().Size())
	return key, fmt.Sprintf("pbkdf2:%s:%d", name, iterations), err
}

// passwordHash finds a hash by hashlib's name or OpenSSL's; nil if it has none that Go's library has too.
func passwordHash(name string) func() hash.Hash {
	switch strings.ReplaceAll(strings.ToLower(name), "-", "_") {
	case "md5":
		return md5.New
	case "sha1", "sha_1":
		return sha1.New
	case "sha224", "sha_224":
		return sha256.New224
	case "sha256", "sha_256":
		return sha256.New
	case "sha384", "sha_384":
		return sha512.New384
	case "sha512", "sha_512":
		return sha512.New
	case "sha512_224":
		return sha512.New512_224
	case "sha512_256":
		return sha512.New512_256
	case "sha3_224":
		return func() hash.Hash { return sha3.New224() }
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }
	case "sha3_384":
		return func() hash.Hash { return sha3.New384() }
	case "sha3_512":
		return func() hash.Hash { return sha3.New512() }
	}
	return nil
}
