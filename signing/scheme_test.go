package signing_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/carafeweb/carafe/signing"
)

// schemes are the derivation with each hash, by hashlib's name.
func schemes(kd signing.KeyDerivation) map[string]signing.Scheme {
	return map[string]signing.Scheme{
		"sha1":   {KeyDerivation: kd, Hash: sha1.New},
		"sha256": {KeyDerivation: kd, Hash: sha256.New},
		"sha512": {KeyDerivation: kd, Hash: sha512.New},
	}
}
