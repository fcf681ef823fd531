package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"passport-agent/internal/fault"
)

// DefaultPort is where the agent listens unless it is told otherwise.
const DefaultPort = 24770

// Listeners are sockets on 127.0.0.1 and, where the machine has it, ::1, both with the
// same port.
type Listeners struct {
	Port int
	all  []net.Listener
}

// attempts is how often a free port is looked for that is free on both addresses.
const attempts = 8

// Listen listens on the port of an address such as 127.0.0.1:24770, on both loopback
// addresses; port 0 takes any free one. It fails with fault.ConfigInvalid for
// addresses that others could reach, and with fault.PortTaken, which says by whom
// where the system tells.
func Listen(address string) (*Listeners, error) {
	host, text, err := net.SplitHostPort(address)
	port, portErr := strconv.ParseUint(text, 10, 16)
	if err != nil || portErr != nil || !loopback(host) {
		return nil, fault.New(fault.ConfigInvalid, "listen: takes 127.0.0.1, [::1] or localhost with a port, such as 127.0.0.1:24770; the API is for this machine only", nil)
	}
	for range attempts {
		l, err := listen(int(port))
		if err == nil || port != 0 || !errors.Is(err, fault.PortTaken) {
			return l, err
		}
	}
	return nil, fault.New(fault.PortTaken, "no port is free on both 127.0.0.1 and ::1", nil)
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func listen(port int) (*Listeners, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, listenError(port, err)
	}
	l := &Listeners{Port: first.Addr().(*net.TCPAddr).Port, all: []net.Listener{first}}
	second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(l.Port)))
	switch {
	case err == nil:
		l.all = append(l.all, second)
	case errors.Is(err, syscall.EADDRINUSE):
		// Whoever has it would answer in our name.
		return nil, errors.Join(listenError(l.Port, err), first.Close())
	}
	return l, nil
}

func listenError(port int, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fault.New(fault.ConfigInvalid, "listen", err)
	}
	detail := fmt.Sprintf("port %d", port)
	if who := holder(port); who != "" {
		detail += ", by " + who
	}
	return fault.New(fault.PortTaken, detail, err)
}

// Close closes the sockets; Serve does it too.
func (l *Listeners) Close() {
	for _, one := range l.all {
		_ = one.Close() // nothing was written to it
	}
}

// Bounds on connections and requests.
const (
	maxConnections = 128
	maxHeader      = 16 << 10
	headerTime     = 5 * time.Second
	requestTime    = 90 * time.Second
	idleTime       = time.Minute
	closeTime      = 3 * time.Second
)

// Serve answers until the context ends, and then gives answers under way a moment.
func (l *Listeners) Serve(ctx context.Context, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: quiet(), DisableGeneralOptionsHandler: true,
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	slots := make(chan struct{}, maxConnections)
	ended := make(chan error, len(l.all))
	for _, one := range l.all {
		go func() { ended <- server.Serve(&bounded{one, slots}) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		ended <- err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close() // whoever still listens is cut off
	}
	for range l.all {
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = e
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
