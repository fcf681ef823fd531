package api

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// holder says which program listens on a TCP port, or at least which user; empty where
// the system does not tell.
func holder(port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			const local, state, uid, inode = 1, 3, 7, 9
			fields := strings.Fields(line)
			if len(fields) <= inode || fields[state] != "0A" || !strings.HasSuffix(fields[local], fmt.Sprintf(":%04X", port)) {
				continue
			}
			if program := owner("socket:[" + fields[inode] + "]"); program != "" {
				return program
			}
			if u, err := user.LookupId(fields[uid]); err == nil {
				return "a program of the user " + u.Username
			}
			return "a program of the user with number " + fields[uid]
		}
	}
	return ""
}

// owner finds the program that has a socket open, among those that this user may look
// into.
func owner(socket string) string {
	paths, err := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	if err != nil {
		return ""
	}
	for _, path := range paths {
		target, err := os.Readlink(path)
		if err != nil || target != socket {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil {
			continue
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), pid)
	}
	return ""
}
