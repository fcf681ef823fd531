//go:build !windows

package queue_test

const runtimeHasModes = true
