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
	return func(w http.ResponseWriter) error {
		for p := range seq {
			if err := sendPiece(w, p); err != nil {
				return err
			}
		}
		return nil
	}
}

func streamStrings(seq iter.Seq[string]) Streamer {
	return func(w http.ResponseWriter) error {
		for s := range seq {
			if err := sendPiece(w, s); err != nil {
				return err
			}
		}
		return nil
	}
}

func streamPairs(seq iter.Seq2[[]byte, error]) Streamer {
	return func(w http.ResponseWriter) error {
		for p, err := range seq {
			if err == nil {
				err = sendPiece(w, p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func streamStringPairs(seq iter.Seq2[string, error]) Streamer {
	return func(w http.ResponseWriter) error {
		for s, err := range seq {
			if err == nil {
				err = sendPiece(w, s)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// sendPiece sends a piece when it is there. Its error ends the iteration: the client has gone.
func sendPiece[P []byte | string](w http.ResponseWriter, p P) (err error) {
	if len(p) == 0 {
		return nil
	}
	switch p := any(p).(type) {
	case []byte:
		_, err = w.Write(p)
	case string:
		_, err = io.WriteString(w, p)
	}
	if err == nil {
		err = flush(w)
	}
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// flush is http.ResponseController's Flush, which looks into what w wraps, unless w can do it by itself.
func flush(w http.ResponseWriter) error {
	if f, ok := w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.NewResponseController(w).Flush()
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
