//go:build !linux

package virtual

import "net"

// acknowledgeAtOnce does nothing: other systems have no such option, or do not
// need it.
func acknowledgeAtOnce(net.Conn) error { return nil }
