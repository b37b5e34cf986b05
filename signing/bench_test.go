package signing_test

import (
	"testing"
	"time"

	"github.com/carafeweb/carafe/signing"
)

var benchSessions = []struct {
	name  string
	value map[string]any
}{
	{"usual", map[string]any{"user_id": 1234, "_fresh": true, "csrf_token": "4f8d3c1b9a7e6d5c2b1a0f9e8d7c6b5a49382716"}},
	{"small", map[string]any{"user": "ann"}},
	{"flashes", map[string]any{"user_id": 7, "_flashes": []any{
		signing.Tuple{"message", "You were successfully logged in"}, signing.Tuple{"error", "That page is not there"},
	}}},
}

var benchNow = time.Unix(1700000000, 0)

func benchSerializer(opts signing.Options) *signing.Serializer {
	opts.Keys = signing.Keys{[]byte("a secret key of some length, at random")}
	return signing.NewSession(opts)
}

func BenchmarkDump(b *testing.B) {
	s := benchSerializer(signing.Options{})
	for _, bench := range benchSessions {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Dump(bench.value, benchNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	s := benchSerializer(signing.Options{})
	for _, bench := range benchSessions {
		b.Run(bench.name, func(b *testing.B) {
			text, err := s.Dump(bench.value, benchNow)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Load(text, time.Hour, benchNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoadForged(b *testing.B) {
	s := benchSerializer(signing.Options{})
	text, err := s.Dump(benchSessions[0].value, benchNow)
	if err != nil {
		b.Fatal(err)
	}
	text = "A" + text[1:]
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Load(text, time.Hour, benchNow); err == nil {
			b.Fatal("a forged text was opened")
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	data := []byte(`{"_fresh":true,"csrf_token":"4f8d3c1b9a7e6d5c2b1a0f9e8d7c6b5a49382716","user_id":1234}`)
	out := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		out, _ = signing.Compress(out[:0], data)
	}
}
