//go:build race

package fuzzlimit

// slowdown is what the race detector costs.
const slowdown = 3
