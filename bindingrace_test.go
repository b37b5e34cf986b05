//go:build race

package carafe_test

// poolsLeak: under the race detector a sync.Pool throws away some of what it is given, so that allocations are more, and vary.
const poolsLeak = true
