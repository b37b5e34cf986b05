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
