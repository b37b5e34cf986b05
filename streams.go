package carafe

import (
	"errors"
	"io"
	"iter"
	"net/http"
)

// streamer is the Streamer for a body that is read piece by piece, nil for other values.
func streamer(v any) Streamer {
	switch s := v.(type) {
	case Streamer:
		return s
	case func(http.ResponseWriter) error:
		return s
	case iter.Seq[[]byte]:
		return streamBytes(s)
	case func(func([]byte) bool):
		return streamBytes(s)
	case iter.Seq[string]:
		return streamStrings(s)
	case func(func(string) bool):
		return streamStrings(s)
	case iter.Seq2[[]byte, error]:
		return streamPairs(s)
	case func(func([]byte, error) bool):
		return streamPairs(s)
	case iter.Seq2[string, error]:
		return streamStringPairs(s)
	case func(func(string, error) bool):
		return streamStringPairs(s)
	}
	return nil
}

func streamBytes(seq iter.Seq[[]byte]) Streamer {
	return streamPairs(func(yield func([]byte, error) bool) {
		seq(func(p []byte) bool { return yield(p, nil) })
	})
}

func streamStrings(seq iter.Seq[string]) Streamer {
	return streamPairs(func(yield func([]byte, error) bool) {
		seq(func(s string) bool { return yield([]byte(s), nil) })
	})
}

func streamStringPairs(seq iter.Seq2[string, error]) Streamer {
	return streamPairs(func(yield func([]byte, error) bool) {
		seq(func(s string, err error) bool { return yield([]byte(s), err) })
	})
}

// streamPairs sends each piece when it is there. It ends the iteration when the client has gone.
func streamPairs(seq iter.Seq2[[]byte, error]) Streamer {
	return func(w http.ResponseWriter) error {
		rc := http.NewResponseController(w)
		for p, err := range seq {
			if err != nil {
				return err
			}
			if len(p) == 0 {
				continue
			}
			if _, err := w.Write(p); err != nil {
				return err
			}
			if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
		}
		return nil
	}
}

// setReader streams r, which is closed with the response if it can be. io.Copy leaves the way open for sendfile.
func (resp *Response) setReader(r io.Reader) {
	resp.stream = func(w http.ResponseWriter) error {
		_, err := io.Copy(w, r)
		return err
	}
	if c, ok := r.(io.Closer); ok {
		resp.OnClose(func() { _ = c.Close() })
	}
}
