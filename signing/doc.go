// Package signing makes texts that a client may keep but not change: session cookies, password reset
// links, CSRF tokens. It is itsdangerous, Flask's tagged JSON and Werkzeug's password hashes, byte for
// byte, so that a Flask app and a Go program with the same secret key read each other's.
//
//	eyJ1c2VyIjoiYW5uIn0.ZVPxAA.7bw6…
//	payload             time   signature
//
// The payload is JSON in base64 (behind a leading "." deflated first), the time seconds since 1970 in
// as few bytes as it needs, the signature an HMAC of all before it. Nothing is encrypted: whoever has
// the text can read it.
//
//   - [NewSession] is Flask's session; [NewSerializer] is for tokens that expire; a
//     [TimelessSerializer] for those that do not; [Signer] and [TimestampSigner] sign plain text.
//   - [Options] say with which keys, salt and hash, and how keys are changed while old texts live on.
//   - [TaggedJSON] is what is inside, with types that JSON has not, and [Tag] for your own.
//   - Errors are [BadSignature], [BadTimeSignature], [SignatureExpired] and [BadPayload]; all are
//     [ErrBadData], and none says anything about a key.
//   - [GeneratePasswordHash] and [CheckPasswordHash] are for passwords, which need none of this.
//
// Every type here is safe for concurrent use once made. Times are given, never asked for, so that a
// test needs no clock.
package signing
