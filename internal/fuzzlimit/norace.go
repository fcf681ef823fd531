//go:build !race

package fuzzlimit

const slowdown = 1
