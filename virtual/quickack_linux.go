package virtual

import (
	"errors"
	"net"
	"syscall"
)

// acknowledgeAtOnce asks for the next segment to be acknowledged without delay.
// Linux forgets the wish with time, so it is repeated before every read.
func acknowledgeAtOnce(connection net.Conn) error {
	c, ok := connection.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return errors.Join(err, option)
}
