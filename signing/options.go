package signing

import (
	"crypto/hmac"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Keys are secret keys: the current one first, which signs; all of them verify.
//
// Unlike itsdangerous, whose lists have the newest key last; Flask's SECRET_KEY comes first here,
// its SECRET_KEY_FALLBACKS follow. Use random keys of 16 bytes or more.
type Keys [][]byte

// A KeyDerivation is how the key that signs is made of a secret key and the salt. It is no way to
// make a good key of a short password. The texts are itsdangerous' own.
type KeyDerivation string

// The derivations; DjangoConcat is the default of all but NewSession, which takes HMAC as Flask does.
const (
	DjangoConcat KeyDerivation = "django-concat" // hash(salt + "signer" + key)
	Concat       KeyDerivation = "concat"        // hash(salt + key)
	HMAC         KeyDerivation = "hmac"          // hmac(key, salt)
	NoDerivation KeyDerivation = "none"          // the key itself: the salt separates nothing
)

// A Scheme is how signatures are made.
type Scheme struct {
	KeyDerivation KeyDerivation    // "" means the default of what is built
	Hash          func() hash.Hash // nil means sha1.New, as in itsdangerous; sha256.New and sha512.New do as well
}

// Options say how texts are signed and what is in them. Only Keys must be there.
type Options struct {
	// Keys sign and verify; one at least, none of them empty.
	Keys Keys

	// Salt separates the signatures of one use from those of another under the same keys; it is no
	// secret. "" means the default of what is built: "cookie-session" (NewSession), "itsdangerous"
	// (serializers), "itsdangerous.Signer" (signers).
	Salt string

	Scheme

	// Fallbacks are schemes that earlier signatures were made with: they verify, with every key, and
	// sign nothing. Source: itsdangerous fallback_signers.
	Fallbacks []Scheme

	// Separator stands between value, time and signature. "" means ".".
	Separator string

	// Codec turns values into payloads. nil means Flask's tagged JSON for NewSession, and JSON
	// without tags for the other serializers. Signers have none.
	Codec Codec

	// MaxPayload is how many bytes a payload may have once decompressed. Zero means 1 MiB.
	// What is larger is a *BadPayload for ErrTooLarge. Unlike Flask, which inflates whatever comes.
	MaxPayload int

	// Uncompressed payloads are never deflated, even where that would make them shorter.
	Uncompressed bool
}

const defaultMaxPayload = 1 << 20

// Check returns why the options cannot be used, nil if they can: no key, an empty key, an unknown
// derivation, a separator that signatures may contain, a negative MaxPayload, a codec with a clash.
// The constructors panic with this error.
func (o Options) Check() error {
	if len(o.Keys) == 0 {
		return errors.New("signing: Options.Keys is empty: give at least one secret key")
	}
	for i, key := range o.Keys {
		// Unlike itsdangerous: anyone can sign with an empty key, and an empty text is what an unset
		// environment variable reads as.
		if len(key) == 0 {
			return fmt.Errorf("signing: Options.Keys[%d] is empty: leave it out or give a secret key", i)
		}
	}
	for _, scheme := range append([]Scheme{o.Scheme}, o.Fallbacks...) {
		switch scheme.KeyDerivation {
		case "", DjangoConcat, Concat, HMAC, NoDerivation:
		default:
			return fmt.Errorf("signing: unknown key derivation %q: use DjangoConcat, Concat, HMAC or NoDerivation", scheme.KeyDerivation)
		}
	}
	if o.Separator != "" && strings.Trim(o.Separator, base64Characters) == "" {
		return fmt.Errorf("signing: separator %q may be part of a signature: use one with a character outside A-Z a-z 0-9 - _ =", o.Separator)
	}
	if o.MaxPayload < 0 {
		return fmt.Errorf("signing: MaxPayload is %d: use zero for 1 MiB, or a number of bytes", o.MaxPayload)
	}
	return checkCodec(o.Codec)
}

const base64Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="

func checkCodec(c Codec) error {
	if c, ok := c.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// settled is o with its defaults filled in; it panics if o cannot be used.
func (o Options) settled(salt string, derivation KeyDerivation, codec Codec) Options {
	if err := o.Check(); err != nil {
		panic(err)
	}
	if o.Salt == "" {
		o.Salt = salt
	}
	if o.Separator == "" {
		o.Separator = "."
	}
	if o.Codec == nil {
		o.Codec = codec
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = defaultMaxPayload
	}
	o.Scheme = o.Scheme.settled(derivation)
	fallbacks := make([]Scheme, len(o.Fallbacks))
	for i, scheme := range o.Fallbacks {
		fallbacks[i] = scheme.settled(derivation)
	}
	o.Fallbacks = fallbacks
	return o
}

func (s Scheme) settled(derivation KeyDerivation) Scheme {
	if s.KeyDerivation == "" {
		s.KeyDerivation = derivation
	}
	if s.Hash == nil {
		s.Hash = sha1.New
	}
	return s
}

// derive makes the key that signs. Source: itsdangerous Signer.derive_key.
func (s Scheme) derive(key []byte, salt string) []byte {
	var h hash.Hash
	switch s.KeyDerivation {
	case NoDerivation:
		return append([]byte(nil), key...)
	case HMAC:
		h = hmac.New(s.Hash, key)
		h.Write([]byte(salt))
		return h.Sum(nil)
	case DjangoConcat:
		salt += "signer"
	}
	h = s.Hash()
	h.Write([]byte(salt))
	h.Write(key)
	return h.Sum(nil)
}
