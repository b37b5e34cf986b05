//go:build race

package main

// raceEnabled says that the race detector takes its part of the memory.
const raceEnabled = true
