package ec

import "fmt"

// nistPoint is what the point types of nistec share.
type nistPoint[T any] interface {
	SetBytes(b []byte) (T, error)
	Bytes() []byte
	Add(a, b T) T
	ScalarMult(p T, scalar []byte) (T, error)
}

// nist is the arithmetic of a curve that nistec has; it is constant-time.
type nist[T nistPoint[T]] struct {
	*curve
	newPoint func() T
}

// newNIST returns what puts nistec's arithmetic under a curve.
func newNIST[T nistPoint[T]](newPoint func() T) func(*curve) arithmetic {
	return func(c *curve) arithmetic { return nist[T]{c, newPoint} }
}

// decode lets nistec check the range of the coordinates and the equation.
func (n nist[T]) decode(encoded []byte) ([]byte, error) {
	if err := n.checkForm(encoded); err != nil {
		return nil, err
	}
	p, err := n.newPoint().SetBytes(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrElement, err)
	}
	return p.Bytes(), nil
}

func (n nist[T]) multiply(scalar, element []byte) ([]byte, error) {
	p, err := n.newPoint().SetBytes(element)
	if err != nil {
		return nil, err
	}
	if p, err = n.newPoint().ScalarMult(p, scalar); err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}

func (n nist[T]) add(a, b []byte) ([]byte, error) {
	p, err := n.newPoint().SetBytes(a)
	if err != nil {
		return nil, err
	}
	q, err := n.newPoint().SetBytes(b)
	if err != nil {
		return nil, err
	}
	return n.newPoint().Add(p, q).Bytes(), nil
}
