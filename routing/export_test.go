package routing

import "strings"

// Steps counts the dynamic parts that a full search tries for a path, merged slashes included.
func (m *Map) Steps(method, path string) int {
	steps := 0
	s := search{request: request{method: method, path: oneLeadingSlash(path), bit: m.methods.bit(method) | anyMethod}, steps: &steps}
	s.at(m.index().root, domainNext)
	if s.found == nil && strings.Contains(path, "//") {
		s.path = foldSlashes(s.path)
		s.at(m.index().root, domainNext)
	}
	return steps
}

// Sample is a path that fits the rule's text.
func (r *Rule) Sample() string {
	_, path := r.sample()
	return path
}

// HasTable tells whether gorilla/mux's table has been made.
func (m *Map) HasTable() bool { return m.table != nil }

// BuildTheLongWay is Build without its short way for plain URLs.
func (a *Adapter) BuildTheLongWay(endpoint string, values []Pair, opts BuildOptions) (string, error) {
	a.Map.index()
	return a.buildAny(endpoint, a.Map.byEndpoint[endpoint], values, opts)
}
