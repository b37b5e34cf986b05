package signing_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/carafeweb/carafe/signing"
)

// A password reset link: a token that names the user and is good for an hour.
func ExampleNewSerializer() {
	tokens := signing.NewSerializer(signing.Options{
		Keys: signing.Keys{[]byte("a long random secret")},
		Salt: "password-reset",
	})
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	token, err := tokens.Dump(map[string]any{"user": 7}, now)
	if err != nil {
		panic(err)
	}

	v, signed, err := tokens.Load(token, time.Hour, now.Add(59*time.Minute))
	fmt.Println(v, signed.Format(time.TimeOnly), err)

	_, _, err = tokens.Load(token, time.Hour, now.Add(2*time.Hour))
	if expired, ok := errors.AsType[*signing.SignatureExpired](err); ok {
		fmt.Println("expired: it was made at", expired.DateSigned.Format(time.TimeOnly))
	}

	_, _, err = tokens.Load("x"+token, time.Hour, now)
	fmt.Println(errors.Is(err, signing.ErrBadData), err)
	// Output:
	// map[user:7] 12:00:00 <nil>
	// expired: it was made at 12:00:00
	// true signing: the signature does not match
}

// Flask's session cookie, signed with the current key, opened with that or the one before.
func ExampleNewSession() {
	now := time.Unix(1700000000, 0)
	before := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("dev key")}})
	cookie, err := before.Dump(map[string]any{"user": "ann", "n": 7}, now)
	if err != nil {
		panic(err)
	}
	fmt.Println(cookie)

	after := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("new key"), []byte("dev key")}})
	session, _, err := after.Load(cookie, 31*24*time.Hour, now)
	fmt.Println(session, err)
	// Output:
	// eyJuIjo3LCJ1c2VyIjoiYW5uIn0.ZVPxAA.7XrR4oVGSJ5K7gTJVlioG5OPi_0
	// map[n:7 user:ann] <nil>
}

type money struct {
	Cents    int
	Currency string
}

// A type of your own in the session.
func ExampleTag() {
	codec := signing.TaggedJSON{Tags: []signing.Tag{{
		Key: " money",
		Encode: func(v any) (any, bool) {
			m, ok := v.(money)
			return []any{m.Cents, m.Currency}, ok
		},
		Decode: func(v any) (any, error) {
			if items, ok := v.([]any); ok && len(items) == 2 {
				cents, isInt := items[0].(int)
				currency, isText := items[1].(string)
				if isInt && isText {
					return money{cents, currency}, nil
				}
			}
			return nil, errors.New("not an amount")
		},
	}}}
	payload, err := codec.Append(nil, map[string]any{"price": money{1250, "EUR"}})
	fmt.Println(string(payload), err)
	v, err := codec.Decode(payload)
	fmt.Printf("%#v %v\n", v.(map[string]any)["price"], err)
	// Output:
	// {"price":{" money":[1250,"EUR"]}} <nil>
	// signing_test.money{Cents:1250, Currency:"EUR"} <nil>
}

func ExampleUnsupportedValue() {
	s := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("k")}})
	_, err := s.Dump(map[string]any{"cart": []any{1, make(chan int)}}, time.Now())
	fmt.Println(err)
	// Output:
	// signing: cannot write ["cart"][1] (chan int): JSON has nothing like it, use a map, a list, text or a number, or a Tag
}

func ExampleCheckPasswordHash() {
	stored, err := signing.GeneratePasswordHash("correct horse", signing.PasswordOptions{Method: "scrypt:1024:8:1"})
	if err != nil {
		panic(err)
	}
	for _, password := range []string{"correct horse", "battery staple"} {
		ok, err := signing.CheckPasswordHash(stored, password)
		fmt.Println(ok, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}
