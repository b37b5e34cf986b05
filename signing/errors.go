package signing

import (
	"errors"
	"fmt"
	"time"
)

// ErrBadData is what every error about a text from outside is, by errors.Is: the text is not ours,
// is too old, or cannot be read. Source: itsdangerous.BadData.
var ErrBadData = errors.New("signing: bad data")

// A BadSignature says that a text is not signed with any of the keys.
//
// errors.As finds it also in a *BadTimeSignature and a *SignatureExpired, as itsdangerous' classes
// inherit; its BadHeader has no use there either and has no counterpart here.
type BadSignature struct {
	Message string // in itsdangerous' words
	Payload string // what the signature should have covered; from outside and unproven, "" if there was no separator
}

// Error is the message, for the log.
func (e *BadSignature) Error() string { return "signing: " + e.Message }

// Is makes each of these errors an ErrBadData.
func (e *BadSignature) Is(target error) bool { return target == ErrBadData }

// A BadTimeSignature is a *BadSignature of a text with a time: forged, or the time is missing or
// malformed.
type BadTimeSignature struct {
	BadSignature
	DateSigned time.Time // the time the text claims, in UTC; zero if there is none that can be read
}

// Unwrap gives the embedded error, so that errors.As finds it.
func (e *BadTimeSignature) Unwrap() error { return &e.BadSignature }

// A SignatureExpired is a *BadTimeSignature whose signature is right but older than the maximum age,
// or from the future. DateSigned is proven: "this link expired on …" may be told to the user.
type SignatureExpired struct {
	BadTimeSignature
	Age time.Duration // whole seconds since the signing; negative if that is to come
}

// Unwrap gives the embedded error, so that errors.As finds it.
func (e *SignatureExpired) Unwrap() error { return &e.BadTimeSignature }

// A BadPayload says that what was signed, and signed rightly, cannot be read: not base64, not zlib,
// too large, not JSON, or a broken tag. It is not a *BadSignature.
type BadPayload struct {
	Message string // in itsdangerous' words
	Err     error  // the cause
}

// Error is the message and why, for the log.
func (e *BadPayload) Error() string { return fmt.Sprintf("signing: %s: %v", e.Message, e.Err) }

// Unwrap gives the cause.
func (e *BadPayload) Unwrap() error { return e.Err }

// Is makes it an ErrBadData.
func (e *BadPayload) Is(target error) bool { return target == ErrBadData }
