//go:build !windows

package queue

import "syscall"

const (
	errQuota    = syscall.EDQUOT
	errReadOnly = syscall.EROFS
)
