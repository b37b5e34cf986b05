package middleware

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An encoder is a compressing stream. Nobody outside a request sees it, so that it can be pooled.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// A coding is a content coding and its idle encoders.
type coding struct {
	name string
	pool sync.Pool
}

func (c *coding) get(w io.Writer) encoder {
	e := c.pool.Get().(encoder)
	e.Reset(w)
	return e
}

func (c *coding) put(e encoder) {
	e.Reset(nil)
	c.pool.Put(e)
}

// codings are those on offer, the best first.
type codings []*coding

func newCodings(level int, noZstd bool) codings {
	gz := &coding{name: "gzip"}
	gz.pool.New = func() any {
		e, err := gzip.NewWriterLevel(nil, min(max(level, 1), 9))
		if err != nil {
			panic(err) // the level is in range
		}
		return e
	}
	if noZstd {
		return codings{gz}
	}
	zs := &coding{name: "zstd"}
	zs.pool.New = func() any { return newZstd(level) }
	return codings{zs, gz}
}

// newZstd makes an encoder that works in the caller's goroutine. Its window is far below the 8 MiB that RFC 9659 allows a
// browser to insist on.
func newZstd(level int) encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(512<<10))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}

// choose picks the coding with the highest weight, of equal ones the first on offer; nil if the client wants none, or
// prefers the plain answer.
//
// Source: RFC 9110 section 12.5.3. Without the header the plain answer is sent, though any would be allowed.
func (cs codings) choose(lines []string) *coding {
	if len(lines) == 0 {
		return nil
	}
	weights := parseWeights(lines)
	identity, explicit := weights["identity"]
	var best *coding
	var bestWeight float64
	for _, c := range cs {
		weight, ok := weights[c.name]
		if !ok {
			weight = weights["*"]
		}
		if weight > bestWeight {
			best, bestWeight = c, weight
		}
	}
	if explicit && identity > bestWeight {
		return nil
	}
	return best
}

// parseWeights reads "gzip;q=0.8, *;q=0". A weight that is none counts as 0.
func parseWeights(lines []string) map[string]float64 {
	weights := make(map[string]float64)
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "x-gzip" {
				name = "gzip"
			}
			if name != "" {
				weights[name] = weight(params)
			}
		}
	}
	return weights
}

func weight(params string) float64 {
	name, value, ok := strings.Cut(strings.TrimSpace(params), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(0 <= q && q <= 1) {
		return 0
	}
	return q
}
