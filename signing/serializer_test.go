package signing_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/signing"
)

var testNow = time.Unix(1700000000, 0)

func keys(texts ...string) signing.Keys {
	var k signing.Keys
	for _, text := range texts {
		k = append(k, []byte(text))
	}
	return k
}

func TestMaximumAge(t *testing.T) {
	s := signing.NewSession(signing.Options{Keys: keys("k")})
	text, err := s.Dump("v", testNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		maxAge time.Duration
		later  time.Duration
		want   string
	}{
		{"an age equal to the maximum is still good", time.Minute, time.Minute, "ok"},
		{"one second more is too old", time.Minute, 61 * time.Second, "SignatureExpired"},
		{"fractions of a second do not count", time.Minute, 60*time.Second + 900*time.Millisecond, "ok"},
		{"a maximum of a fraction is cut to whole seconds", 1900 * time.Millisecond, 2 * time.Second, "SignatureExpired"},
		{"zero is good within the same second", 0, 999 * time.Millisecond, "ok"},
		{"zero is over with the next second", 0, time.Second, "SignatureExpired"},
		{"a negative maximum refuses all", -time.Second, 0, "SignatureExpired"},
		{"a time in the future is refused", time.Hour, -time.Second, "SignatureExpired"},
		{"forever takes the future too", signing.Forever, -time.Hour, "ok"},
		{"forever takes the distant past", signing.Forever, 200 * 365 * 24 * time.Hour, "ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := s.Load(text, tt.maxAge, testNow.Add(tt.later))
			if got := className(err); got != tt.want {
				t.Errorf("maxAge %v, %v after signing: %s (%v), want %s", tt.maxAge, tt.later, got, err, tt.want)
			}
		})
	}
}

func TestErrorsAreFoundAsTheirClassAndAllAboveIt(t *testing.T) {
	s := signing.NewSession(signing.Options{Keys: keys("k")})
	text, err := s.Dump("v", testNow)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Load(text, time.Second, testNow.Add(time.Hour))
	var (
		expired *signing.SignatureExpired
		badTime *signing.BadTimeSignature
		bad     *signing.BadSignature
		payload *signing.BadPayload
	)
	if !errors.As(err, &expired) || !errors.As(err, &badTime) || !errors.As(err, &bad) || !errors.Is(err, signing.ErrBadData) {
		t.Fatalf("%T %v is not a SignatureExpired, BadTimeSignature, BadSignature and ErrBadData", err, err)
	}
	if errors.As(err, &payload) {
		t.Errorf("%v is a BadPayload", err)
	}
	if !expired.DateSigned.Equal(testNow) || expired.Age != time.Hour || expired.Payload != "InYi" {
		t.Errorf("expired: signed %v, age %v, payload %q; want %v, 1h, InYi", expired.DateSigned, expired.Age, expired.Payload, testNow)
	}
	forged := text[:len(text)-4] + "AAAA"
	_, _, err = s.Load(forged, time.Second, testNow)
	if !errors.As(err, &badTime) || errors.As(err, new(*signing.SignatureExpired)) {
		t.Fatalf("a forged text gives %T %v", err, err)
	}
	if !badTime.DateSigned.Equal(testNow) || badTime.Payload != "InYi" {
		t.Errorf("a forged text: claims %v and %q, want %v and InYi", badTime.DateSigned, badTime.Payload, testNow)
	}
	if strings.Contains(err.Error(), "AAAA") {
		t.Errorf("the error %q repeats what came from outside", err)
	}
}

func TestKeysRotate(t *testing.T) {
	dump := func(names ...string) string {
		text, err := signing.NewSession(signing.Options{Keys: keys(names...)}).Dump("v", testNow)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	load := func(text string, names ...string) string {
		_, _, err := signing.NewSession(signing.Options{Keys: keys(names...)}).Load(text, 0, testNow)
		return className(err)
	}
	if dump("new", "old") != dump("new") {
		t.Error("a text is not signed with the first key")
	}
	if got := load(dump("old"), "new", "old"); got != "ok" {
		t.Errorf("a text of the old key with that as the second: %s", got)
	}
	if got := load(dump("new"), "old"); got != "BadTimeSignature" {
		t.Errorf("a text of the new key for who has the old one: %s", got)
	}
}

func TestFallbackSchemesVerifyAndDoNotSign(t *testing.T) {
	old := signing.Options{Keys: keys("b", "a")}
	fresh := signing.Options{Keys: keys("b", "a"), Scheme: signing.Scheme{Hash: sha256.New}}
	moving := fresh
	moving.Fallbacks = []signing.Scheme{{Hash: sha1.New}}
	dump := func(o signing.Options) string {
		text, err := signing.NewTimelessSerializer(o).Dump("v")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if dump(moving) != dump(fresh) {
		t.Error("a serializer with fallbacks does not sign with its own scheme")
	}
	for name, text := range map[string]string{"SHA-1": dump(old), "SHA-256": dump(fresh), "SHA-1 with the older key": dump(signing.Options{Keys: keys("a")})} {
		if v, err := signing.NewTimelessSerializer(moving).Load(text); err != nil || v != "v" {
			t.Errorf("a text of %s: %v, %v", name, v, err)
		}
	}
	if _, err := signing.NewTimelessSerializer(fresh).Load(dump(old)); className(err) != "BadSignature" {
		t.Errorf("a text of SHA-1 without that fallback: %v", err)
	}
}

func TestSaltsKeepUsesApart(t *testing.T) {
	reset := signing.NewSerializer(signing.Options{Keys: keys("k"), Salt: "reset"})
	invite := signing.NewSerializer(signing.Options{Keys: keys("k"), Salt: "invite"})
	text, err := reset.Dump(7, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := invite.Load(text, time.Hour, testNow); className(err) != "BadTimeSignature" {
		t.Errorf("a reset token as an invitation: %v", err)
	}
}

func TestSigners(t *testing.T) {
	s := signing.NewSigner(signing.Options{Keys: keys("secret-key"), Separator: "::"})
	text := s.Sign("a::b")
	if v, err := s.Unsign(text); v != "a::b" || err != nil {
		t.Errorf("Unsign(%q): %q, %v", text, v, err)
	}
	if _, err := s.Unsign("no separator"); className(err) != "BadSignature" {
		t.Errorf("a text without a separator: %v", err)
	}
	ts := signing.NewTimestampSigner(signing.Options{Keys: keys("secret-key")})
	if _, _, err := ts.Unsign(signing.NewSigner(signing.Options{Keys: keys("secret-key")}).Sign("v"), 0, testNow); className(err) != "BadTimeSignature" {
		t.Errorf("a text that is signed without a time: %v", err)
	}
	if text, err := ts.Sign("v", time.Time{}); err == nil {
		t.Errorf("a zero time is signed as %q", text)
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	none := func(v any) (any, bool) { return nil, false }
	back := func(v any) (any, error) { return v, nil }
	with := func(tags ...signing.Tag) signing.Options {
		return signing.Options{Keys: keys("k"), Codec: signing.TaggedJSON{Tags: tags}}
	}
	for _, tt := range []struct {
		name string
		opts signing.Options
		want string
	}{
		{"no keys", signing.Options{}, "Options.Keys is empty"},
		{"an empty key", signing.Options{Keys: keys("k", "")}, "Options.Keys[1] is empty"},
		{"an unknown derivation", signing.Options{Keys: keys("k"), Scheme: signing.Scheme{KeyDerivation: "md5"}}, `unknown key derivation "md5"`},
		{"an unknown derivation to fall back to", signing.Options{Keys: keys("k"), Fallbacks: []signing.Scheme{{KeyDerivation: "x"}}}, `unknown key derivation "x"`},
		{"a separator that signatures contain", signing.Options{Keys: keys("k"), Separator: "a-"}, `separator "a-"`},
		{"a negative limit", signing.Options{Keys: keys("k"), MaxPayload: -1}, "MaxPayload is -1"},
		{"a tag without a key", with(signing.Tag{Encode: none, Decode: back}), "tag 0 has no key"},
		{"a tag without a function", with(signing.Tag{Key: " x", Encode: none}), `tag " x" needs both`},
		{"a tag of Flask's", with(signing.Tag{Key: " t", Encode: none, Decode: back}), `tag " t" is already registered`},
		{"a tag twice", with(signing.Tag{Key: " x", Encode: none, Decode: back}, signing.Tag{Key: " x", Encode: none, Decode: back}), `tag " x" is already registered`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.opts.Check()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Check: %v, want …%s…", err, tt.want)
			}
			defer func() {
				if got := recover(); fmt.Sprint(got) != err.Error() {
					t.Errorf("NewSession panics with %v, want %v", got, err)
				}
			}()
			signing.NewSession(tt.opts)
		})
	}
}

func deflated(t *testing.T, data []byte) string {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "." + base64.RawURLEncoding.EncodeToString(out.Bytes())
}

// signed puts a right signature under a payload that Dump would not make.
func signed(t *testing.T, payload string) string {
	t.Helper()
	text, err := signing.NewTimestampSigner(signing.Options{
		Keys: keys("k"), Salt: "cookie-session", Scheme: signing.Scheme{KeyDerivation: signing.HMAC},
	}).Sign(payload, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestABombIsRefusedWithoutBeingHeld(t *testing.T) {
	bomb := signed(t, deflated(t, bytes.Repeat([]byte(" "), 64<<20)))
	s := signing.NewSession(signing.Options{Keys: keys("k")})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := s.Load(bomb, 0, testNow)
	runtime.ReadMemStats(&after)
	if className(err) != "BadPayload" || !errors.Is(err, signing.ErrTooLarge) {
		t.Errorf("a payload of 64 MiB in %d bytes: %v, want ErrTooLarge", len(bomb), err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16*uint64(signing.DefaultMaximum) {
		t.Errorf("refusing it took %d bytes of memory", used)
	}
}

func TestPayloadLimit(t *testing.T) {
	s := signing.NewSession(signing.Options{Keys: keys("k"), MaxPayload: 100})
	for _, compress := range []bool{false, true} {
		for _, size := range []int{100, 101} {
			payload := []byte(`"` + strings.Repeat("a", size-2) + `"`)
			text := base64.RawURLEncoding.EncodeToString(payload)
			if compress {
				text = deflated(t, payload)
			}
			_, _, err := s.Load(signed(t, text), 0, testNow)
			if got := errors.Is(err, signing.ErrTooLarge); got != (size > 100) {
				t.Errorf("%d bytes, compressed %v, limit 100: %v", size, compress, err)
			}
			if _, err := s.Dump(strings.Repeat("a", size-2), testNow); errors.Is(err, signing.ErrTooLarge) != (size > 100) {
				t.Errorf("Dump of %d bytes, limit 100: %v", size, err)
			}
		}
	}
}

func TestLongPayloadsComeBack(t *testing.T) {
	s := signing.NewSession(signing.Options{Keys: keys("k")})
	for _, size := range []int{signing.LongestDeflated - 2, signing.LongestDeflated - 1, 1 << 18} {
		v := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		text, err := s.Dump(v, testNow)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.Load(text, 0, testNow); err != nil || got != v {
			t.Errorf("a text of %d bytes does not come back: %v", size, err)
		}
		if len(text) > size/10 {
			t.Errorf("a repeating text of %d bytes takes %d", size, len(text))
		}
	}
	plain := signing.NewSession(signing.Options{Keys: keys("k"), Uncompressed: true})
	if text, err := plain.Dump(strings.Repeat("a", 400), testNow); err != nil || strings.HasPrefix(text, ".") {
		t.Errorf("Uncompressed makes %.20s…, %v", text, err)
	}
}

// What Load returns is the caller's: the buffers behind it are used again at once.
func TestValuesStayWhenBuffersAreUsedAgain(t *testing.T) {
	s := signing.NewSession(signing.Options{Keys: keys("k")})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			value := map[string]any{"name": strings.Repeat(fmt.Sprint(i), 30), "data": []byte{byte(i), 1, 2}, "t": signing.Tuple{i, "x"}}
			var kept []any
			for range 200 {
				text, err := s.Dump(value, testNow)
				if err != nil {
					t.Error(err)
					return
				}
				v, _, err := s.Load(text, 0, testNow)
				if err != nil {
					t.Error(err)
					return
				}
				kept = append(kept, v)
			}
			for _, v := range kept {
				if describe(v) != describe(value) {
					t.Errorf("%s became %s", describe(value), describe(v))
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Log("not counted: the race detector makes pools forget")
		return
	}
	s := benchSerializer(signing.Options{})
	usual, err := s.Dump(benchSessions[0].value, benchNow)
	if err != nil {
		t.Fatal(err)
	}
	forged := "A" + usual[1:]
	for _, tt := range []struct {
		name   string
		budget float64
		run    func()
	}{
		{"signing a usual session", 2, func() { s.Dump(benchSessions[0].value, benchNow) }},
		{"opening it", 5, func() { s.Load(usual, time.Hour, benchNow) }},
		{"refusing a forged one", 5, func() { s.Load(forged, time.Hour, benchNow) }},
	} {
		if got := testing.AllocsPerRun(200, tt.run); got > tt.budget {
			t.Errorf("%s: %v allocations, the budget is %v", tt.name, got, tt.budget)
		}
	}
}

// A hash whose state cannot be saved is still right, only slower.
type plainHash struct{ hash.Hash }

func TestAnyHashWill(t *testing.T) {
	with := func(h func() hash.Hash) string {
		return signing.NewSigner(signing.Options{Keys: keys("k"), Scheme: signing.Scheme{Hash: h}}).Sign("v")
	}
	if got, want := with(func() hash.Hash { return plainHash{sha256.New()} }), with(sha256.New); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}
