//go:build !windows

package main

// asService reports that no service manager has to be spoken with: systemd and launchd
// start programs as they are.
func asService() (status int, is bool) { return 0, false }
