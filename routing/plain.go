package routing

import (
	"strconv"
	"strings"
)

// isPlain tells whether the rule's URLs are a path alone that is written from left to right: no converter may refuse a value, no
// default may speak against one, and no variable is in the domain.
func (r *Rule) isPlain() bool {
	if r.Websocket || r.m.opts.HostMatching || len(r.variables) > r.fromRule {
		return false
	}
	for i := range r.variables {
		v := &r.variables[i]
		if v.HasDefault || v.domain || v.def.Converter != nil && (v.def.shape.kind != shapeInt || v.def.shape.number.fixed != 0) {
			return false
		}
	}
	return true
}

// buildPlain is Build for most URLs of most applications: exactly the variables of the endpoint's first rule, which is plain, as
// strings and ints. It is what Build comes to, in half the time, or not ok, which tells nothing.
func (a *Adapter) buildPlain(r *Rule, values []Pair, opts *BuildOptions) (url string, ok bool) {
	if !r.plain || opts.External || len(values) != len(r.variables) || r.plainDomain() != a.Subdomain {
		return "", false
	}
	method := opts.Method
	if method == "" {
		method = a.DefaultMethod
	}
	if r.mask != anyMethod && method != "" && !r.allows(a.Map.methods.bit(method)) {
		return "", false
	}
	var room [96]byte // for most URLs; what is returned is copied from it
	dst := room[:0]
	if a.ScriptName != "/" {
		dst = append(dst, strings.TrimRight(a.ScriptName, "/")...)
	}
	start := len(dst)
	for i := range r.builder.path {
		st := &r.builder.path[i]
		if st.variable < 0 {
			dst = append(dst, st.text...)
			continue
		}
		v := &r.variables[st.variable]
		p := &values[st.variable]
		if p.Name != v.Name {
			if p = only(values, v.Name); p == nil {
				return "", false
			}
		}
		if dst, ok = v.def.appendPlain(dst, p.Value); !ok {
			return "", false
		}
	}
	if len(dst) > start+1 && dst[start+1] == '/' {
		return "", false
	}
	return string(dst), true
}

func (r *Rule) plainDomain() string {
	if len(r.builder.domain) == 0 {
		return ""
	}
	return r.builder.domain[0].text
}

// only finds a value by its name. That all names of a rule are found in as many values says that none is there twice.
func only(values []Pair, name string) *Pair {
	for i := range values {
		if values[i].Name == name {
			return &values[i]
		}
	}
	return nil
}

// appendPlain is appendURL for the two frequent types.
func (d *Definition) appendPlain(dst []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case string:
		if d.Converter == nil {
			return appendQuoted(dst, v, pathSafe), true
		}
	case int:
		return strconv.AppendInt(dst, int64(v), 10), true
	}
	return dst, false
}
