package signing_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/carafeweb/carafe/signing"
)

// Any text, unsigned or signed, gives a value or an error that is ErrBadData; never a panic.
func FuzzLoad(f *testing.F) {
	opts := signing.Options{Keys: signing.Keys{[]byte("k"), []byte("old")}, MaxPayload: 1 << 16}
	s := signing.NewSession(opts)
	signer := signing.NewTimestampSigner(signing.Options{Keys: opts.Keys, Salt: "cookie-session", Scheme: signing.Scheme{KeyDerivation: signing.HMAC}})
	now := time.Unix(1700000000, 0)
	for _, seed := range []string{"", ".", "..", "e30.ZVPxAA.x", "eyIgdCI6WzFdfQ", ".eJyrVkpUsjKsBQAIKgIJ", "eyIgZGkiOnsiIHRfXyI6WzEsMl19fQ", "NaN", "e3!0=", "W1tbW1s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := s.Load(text, signing.Forever, now); err != nil && !errors.Is(err, signing.ErrBadData) {
			t.Errorf("Load(%q): %T %v is not ErrBadData", text, err, err)
		}
		signed, err := signer.Sign(text, now)
		if err != nil {
			t.Fatal(err)
		}
		v, at, err := s.Load(signed, 0, now)
		var payload *signing.BadPayload
		if err != nil {
			if !errors.As(err, &payload) {
				t.Errorf("Load(%q), rightly signed: %T %v is not a BadPayload", signed, err, err)
			}
			return
		}
		if !at.Equal(now) {
			t.Errorf("Load(%q): signed at %v, not %v", signed, at, now)
		}
		again, err := s.Dump(v, now)
		if err != nil {
			t.Fatalf("Dump(%s), which Load gave: %v", describe(v), err)
		}
		if back, _, err := s.Load(again, 0, now); err != nil || describe(back) != describe(v) {
			t.Errorf("%s comes back as %s, %v", describe(v), describe(back), err)
		}
	})
}

// What is read from JSON is written so that it reads the same, and the second text is the first again.
func FuzzTaggedJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,1.0,-0.0,1e400,NaN,null,true,"é\ud83d\ude00\ud800"]}`, `{" t":[{" b":"AA=="},{" m":"<b>"}]}`, `{" di":{" t__":1}}`,
		`{" d":"Thu, 29 Feb 2024 12:34:56 GMT"}`, `{" d":"1 Jan 5 00:00:00 -2359"}`, `{" u":"3f2504e04f8911d39a0c0305e82c3301"}`, `123456789012345678901234567890`, `{" t":{"b":1,"a":2}}`,
	} {
		f.Add([]byte(seed))
	}
	codec := signing.TaggedJSON{}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := codec.Decode(data)
		if err != nil {
			return
		}
		first, err := codec.Append(nil, v)
		if err != nil {
			t.Fatalf("Append(%s), which Decode gave of %q: %v", describe(v), data, err)
		}
		back, err := codec.Decode(first)
		if err != nil || describe(back) != describe(v) {
			t.Fatalf("%q: %s is written as %s and read as %s, %v", data, describe(v), first, describe(back), err)
		}
		if second, err := codec.Append(nil, back); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s is written as %s, then as %s, %v", describe(v), first, second, err)
		}
	})
}

func FuzzCompress(f *testing.F) {
	f.Add([]byte("abababababababababababababababab"))
	f.Add(bytes.Repeat([]byte{0}, 400))
	f.Add(bytes.Repeat([]byte("the quick brown fox "), 30))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, shorter := signing.Compress([]byte("x"), data)
		if !shorter {
			if string(out) != "x" {
				t.Errorf("not shorter, but %q was written", out)
			}
			return
		}
		if len(out)-1 >= len(data)-1 {
			t.Errorf("%d bytes became %d, and that was said to be shorter", len(data), len(out)-1)
		}
		back, err := signing.Decompress(nil, out[1:], len(data))
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%q comes back as %q, %v", data, back, err)
		}
	})
}
