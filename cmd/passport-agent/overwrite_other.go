//go:build !unix

package main

// overwriteFreed does nothing: here the program cannot start itself anew. Whoever
// starts it sets GODEBUG=clobberfree=1 (docs/security.md).
func overwriteFreed() {}
