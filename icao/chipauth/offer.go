package chipauth

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Info is a way of running Chip Authentication that the chip names:
// ChipAuthenticationInfo (Doc 9303-11, 9.2.5).
type Info struct {
	Protocol asn1.ObjectIdentifier
	Version  int
	KeyID    int // negative where there is none
}

// noID stands for a reference that is left out.
const noID = -1

// version is the one version of the protocol that Doc 9303 has.
const version = 1

// Offer is a way of running Chip Authentication together with its key, checked.
type Offer struct {
	oid    []byte // value octets
	cipher sm.Algorithm
	key    key
	keyID  int // to be sent in object 84; noID where there is none
}

// Name returns the protocol, such as "CA-ECDH-AES-128".
func (o Offer) Name() string {
	if o.key.curve {
		return "CA-ECDH-" + o.cipher.String()
	}
	return "CA-DH-" + o.cipher.String()
}

// Key names the domain parameters of the key, such as "brainpoolP224r1".
func (o Offer) Key() string { return o.key.domain.Name() }

// NeedsExtended reports whether the public keys are too long for short commands, as
// those of the 2048-bit groups are.
func (o Offer) NeedsExtended() bool {
	const overhead = 40 // of the objects around a key and of secure messaging, in bytes
	return len(o.key.element.Encode())+overhead > iso7816.MaxShortData
}

// DeviationNoInfo3DES: DG14 has a public key and does not say how it is used; French
// documents mean 3DES.
const DeviationNoInfo3DES = "dg14_chip_authentication_info_missing"

var idCA = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3}

var ciphers = map[int]sm.Algorithm{1: sm.TDES, 2: sm.AES128, 3: sm.AES192, 4: sm.AES256}

// Implied returns the 3DES protocol for each key, for a DG14 that has keys and names
// no protocol.
func Implied(keys []PublicKeyInfo) []Info {
	var infos []Info
	for _, k := range keys {
		if k.Protocol.Equal(idPKDH) || k.Protocol.Equal(idPKECDH) {
			kind := k.Protocol[len(k.Protocol)-1]
			infos = append(infos, Info{append(slices.Clone(idCA), kind, 1), version, max(k.KeyID, noID)})
		}
	}
	return infos
}

// Offers puts the ways that the chip names together with its keys, strongest first,
// and leaves out what cannot be run. Where something is offered and nothing is left,
// it fails with ErrMalformed, or with ErrUnsupported where that is the better reason.
func Offers(infos []Info, keys []PublicKeyInfo) ([]Offer, error) {
	var offers []Offer
	var failed error
	for _, info := range infos {
		o, err := info.offer(keys)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		offers = append(offers, o)
	}
	if len(infos) == 0 && len(keys) > 0 {
		failed = fmt.Errorf("%w: keys for Chip Authentication, and no protocol", ErrMalformed)
	}
	if len(offers) > 0 {
		failed = nil
	}
	slices.SortStableFunc(offers, func(a, b Offer) int { return slices.Compare(b.rank(), a.rank()) })
	return offers, failed
}

// offer finds the key of a protocol.
func (i Info) offer(keys []PublicKeyInfo) (Offer, error) {
	arcs := len(idCA)
	if len(i.Protocol) != arcs+2 || !i.Protocol[:arcs].Equal(idCA) {
		return Offer{}, fmt.Errorf("%w: protocol %s", ErrMalformed, i.Protocol)
	}
	cipher, known := ciphers[i.Protocol[arcs+1]]
	kind := i.Protocol[arcs]
	switch {
	case i.Version != version:
		return Offer{}, fmt.Errorf("%w: version %d", ErrMalformed, i.Version)
	case !known || kind != 1 && kind != 2:
		return Offer{}, fmt.Errorf("%w: protocol %s", ErrUnsupported, i.Protocol)
	}
	info, err := i.find(keys, kind == 2)
	if err != nil {
		return Offer{}, err
	}
	k, err := info.parse()
	if err != nil {
		return Offer{}, err
	}
	der, err := asn1.Marshal(i.Protocol)
	if err != nil {
		return Offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	object, _, err := iso7816.ParseTLV(der)
	if err != nil {
		return Offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return Offer{oid: object.Value, cipher: cipher, key: k, keyID: max(i.KeyID, k.id)}, nil
}

// find returns the key with the protocol's reference. Where one of both has none, the
// key has to be the only one of its kind.
func (i Info) find(keys []PublicKeyInfo, curve bool) (PublicKeyInfo, error) {
	protocol := idPKDH
	if curve {
		protocol = idPKECDH
	}
	var all []PublicKeyInfo
	for _, k := range keys {
		if !k.Protocol.Equal(protocol) {
			continue
		}
		if i.KeyID >= 0 && k.KeyID == i.KeyID {
			return k, nil
		}
		all = append(all, k)
	}
	if len(all) == 1 && (i.KeyID < 0 || all[0].KeyID < 0) {
		return all[0], nil
	}
	return PublicKeyInfo{}, fmt.Errorf("%w: no key with the reference of the protocol", ErrMalformed)
}

// rank is compared from the left; more is better. What protects the session least,
// cipher or group, decides; among equals AES comes before 3DES (Doc 9303-11, 8.5).
func (o Offer) rank() []int {
	bits := 8 * o.cipher.KeySize()
	if o.cipher == sm.TDES {
		bits = 112 // parity bits do not count
	}
	strength := o.key.domain.Strength()
	return []int{min(bits, strength), bits, strength}
}

// StaticKey returns the encoded point of the key that a number of domain parameters
// refers to, for Chip Authentication Mapping (Doc 9303-11, 9.2.1 and 9.2.6). It fails
// with ErrMalformed, also where there is none, or with ErrUnsupported.
func StaticKey(keys []PublicKeyInfo, parameterID int) ([]byte, error) {
	for _, info := range keys {
		if info.KeyID != parameterID || !info.Protocol.Equal(idPKECDH) {
			continue
		}
		k, err := info.parse()
		if err != nil {
			return nil, err
		}
		if k.domain.ID() != parameterID {
			return nil, fmt.Errorf("%w: key %d is one of %s", ErrMalformed, parameterID, k.domain.Name())
		}
		return k.element.Encode(), nil
	}
	return nil, fmt.Errorf("%w: no key for domain parameters %d", ErrMalformed, parameterID)
}
