package pcscdtest

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

func acknowledgeAtOnce(connection net.Conn) error {
	raw, err := connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return errors.Join(err, option)
}
