package carafe

import (
	"net/http"
	"strings"
)

// A JSONOption changes how a request's JSON is read: [ForceJSON], [SilentJSON].
type JSONOption int

const (
	// ForceJSON reads the body whatever its Content-Type says.
	ForceJSON JSONOption = 1 << iota
	// SilentJSON gives nil for a body that is not JSON, or not of its type, instead of an error.
	SilentJSON
)

// jsonState is what JSONValue has decoded.
type jsonState struct {
	decoded bool
	value   any
	err     error
}

// IsJSON says whether the body's type is application/json or application/*+json.
//
// Source: flask.Request.is_json.
func (r *Request) IsJSON() bool {
	typ := r.MediaType()
	return typ == typeJSON || strings.HasPrefix(typ, "application/") && strings.HasSuffix(typ, "+json")
}

// JSON decodes the body into dst with the app's provider. A type other than JSON is a 415, a body that cannot be decoded
// a 400, whose description says why in debug mode, one that takes more memory than Config.MaxJSONMemory a 413. With SilentJSON dst stays as it is then, and the error is nil unless the
// body could not be read.
//
// Source: flask.Request.get_json.
func (r *Request) JSON(dst any, opts ...JSONOption) error {
	silent, err := r.decodeJSON(dst, opts)
	if silent {
		return nil
	}
	return err
}

// decodeJSON is JSON; silent says that the error is one SilentJSON is to hide.
func (r *Request) decodeJSON(dst any, opts []JSONOption) (silent bool, err error) {
	var all JSONOption
	for _, o := range opts {
		all |= o
	}
	if all&ForceJSON == 0 && !r.IsJSON() {
		return all&SilentJSON != 0, Abort(http.StatusUnsupportedMediaType,
			"Did not attempt to load JSON data because the request Content-Type was not 'application/json'.")
	}
	data, err := r.Data()
	if err != nil {
		return false, err
	}
	if err := r.c.App().jsonFits(data, dst); err != nil {
		return false, err
	}
	if err = r.c.App().JSON.Unmarshal(data, dst); err == nil {
		return false, nil
	}
	he := &HTTPError{Code: http.StatusBadRequest, Cause: err}
	if r.c.App().Config.Debug {
		he.Description = "Failed to decode JSON object: " + err.Error()
	}
	return all&SilentJSON != 0, he
}

// JSONValue is the body's JSON as Go sees it without a type: map[string]any, []any, string, float64, bool or nil. It is decoded
// once; the value is the request's own. Errors are those of JSON.
//
// Source: flask.Request.get_json, flask.Request.json.
func (r *Request) JSONValue(opts ...JSONOption) (any, error) {
	m := r.lazy()
	m.mu.Lock()
	if m.json.decoded {
		defer m.mu.Unlock()
		return m.json.value, m.json.err
	}
	m.mu.Unlock()
	var v any
	silent, err := r.decodeJSON(&v, opts)
	switch {
	case silent:
		return nil, nil
	case err != nil:
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.json.decoded {
		m.json = jsonState{decoded: true, value: v}
	}
	return m.json.value, nil
}
