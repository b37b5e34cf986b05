package signing

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"sync"
)

// ErrTooLarge says that a payload, decompressed, is above Options.MaxPayload. In a Load it is the cause
// of a *BadPayload.
var ErrTooLarge = errors.New("signing: payload is larger than MaxPayload")

var (
	deflaters = sync.Pool{New: func() any { return newDeflater() }}
	inflaters sync.Pool // of *inflater
)

// compress appends src in zlib's format to dst if that is shorter by two bytes or more, the rule of
// itsdangerous (one byte goes to the dot in front); else it reports false.
func compress(dst, src []byte) ([]byte, bool) {
	const frame = 2 + 4 // header and checksum
	if len(src) > maxDeflate {
		return compressLong(dst, src)
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	start := len(dst)
	out, ok := d.deflate(append(dst, 0x78, 0x9c), src, len(src)-1-frame)
	if !ok {
		return dst[:start], false
	}
	return binary.BigEndian.AppendUint32(out, adler32.Checksum(src)), true
}

// compressLong is for what no cookie holds: the bytes are not those of Python's zlib there.
func compressLong(dst, src []byte) ([]byte, bool) {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(src) // neither can fail: a bytes.Buffer takes everything
	w.Close()
	if out.Len() >= len(src)-1 {
		return dst, false
	}
	return append(dst, out.Bytes()...), true
}

// An inflater is a zlib reader with its source, kept because a new one costs 40 KiB.
type inflater struct {
	src bytes.Reader
	zr  io.ReadCloser
}

func (f *inflater) reset(src []byte) error {
	f.src.Reset(src)
	if f.zr != nil {
		return f.zr.(zlib.Resetter).Reset(&f.src, nil)
	}
	var err error
	f.zr, err = zlib.NewReader(&f.src)
	return err
}

// decompress appends what src inflates to; more than limit bytes are ErrTooLarge, and never held in
// memory. Bytes after the end of the stream are ignored, as by Python's zlib.decompress.
func decompress(dst, src []byte, limit int) ([]byte, error) {
	f, ok := inflaters.Get().(*inflater)
	if !ok {
		f = new(inflater)
	}
	defer func() {
		f.src.Reset(nil)
		inflaters.Put(f)
	}()
	if err := f.reset(src); err != nil {
		return dst, fmt.Errorf("signing: payload is not zlib: %w", err)
	}
	start := len(dst)
	for {
		if len(dst)-start > limit {
			return dst[:start], ErrTooLarge
		}
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := f.zr.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			if len(dst)-start > limit {
				return dst[:start], ErrTooLarge
			}
			return dst, nil
		}
		if err != nil {
			return dst[:start], fmt.Errorf("signing: payload does not inflate: %w", err)
		}
	}
}
