package queue

import "golang.org/x/sys/windows"

const (
	errQuota    = windows.ERROR_DISK_FULL
	errReadOnly = windows.ERROR_WRITE_PROTECT
)
