// Package pace is Password Authenticated Connection Establishment (Doc 9303-11,
// 4.4): reader and chip prove to each other that they know the password of the
// document, and agree on session keys that do not depend on its strength.
package pace

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// ErrUnsupported says that this reader cannot run what an Info describes.
var ErrUnsupported = errors.New("PACE with these parameters is not supported")

// ErrWrongPassword says that the chip found the reader's token wrong (6300 or
// 63Cx in answer to it): the password is not that of this document. Some chips
// answer so once in a while to a right one.
var ErrWrongPassword = errors.New("the chip does not accept the password")

// ErrNotAuthentic says that the chip's token is wrong, or that it sent the reader's
// own public key back: whatever answered does not know the password.
var ErrNotAuthentic = errors.New("the answer of the chip to PACE is not authentic")

// ErrMalformed says that an answer lacks a data object, has one too many, or holds
// a value that is none: a nonce of the wrong length, a point off the curve.
var ErrMalformed = errors.New("malformed answer to PACE")

// Steps of the protocol, as a StepError names them (Doc 9303-11, table 4).
const (
	StepSetAT        = "MSE:Set AT"
	StepNonce        = "GENERAL AUTHENTICATE, encrypted nonce"
	StepMapNonce     = "GENERAL AUTHENTICATE, map nonce"
	StepKeyAgreement = "GENERAL AUTHENTICATE, key agreement"
	StepMutual       = "GENERAL AUTHENTICATE, mutual authentication"
)

// A StepError is a status word with which the chip refused a step.
type StepError struct {
	Step string // one of the Step constants
	SW   iso7816.StatusWord
}

func (e *StepError) Error() string { return e.Step + ": " + e.SW.Error() }

// Unwrap returns the status word.
func (e *StepError) Unwrap() error { return e.SW }

// Result is what a successful run leaves.
type Result struct {
	// State is the new session: keys, and a send sequence counter of zero.
	State *sm.State
	// ChipAuthentication is there after Chip Authentication Mapping alone. It proves
	// nothing until it is verified.
	ChipAuthentication *ChipAuthenticationData
}

// Establish runs the protocol over a plain channel with the master file selected,
// in five commands, or six where the chip does not take the domain parameter
// reference.
//
// random gives the private key of Generic and Chip Authentication Mapping, or the
// nonce of Integrated Mapping (as many bytes as a key of the cipher has), then the
// ephemeral private key. Private keys are drawn as ec.Domain.NewScalar says; the
// ephemeral one of a MODP group once more where the public key has leading zeros.
//
// It fails with ErrUnsupported, before anything is sent; with a *StepError where
// the chip refuses, which is ErrWrongPassword too where it refuses the token; with
// ErrNotAuthentic and with ErrMalformed.
func Establish(ctx context.Context, plain iso7816.Exchanger, info Info, password Password, random io.Reader) (*Result, error) {
	suite, err := info.suite()
	if err != nil {
		return nil, err
	}
	if err := password.check(); err != nil {
		return nil, err
	}
	d := &dialogue{plain: plain, suite: suite, random: random}
	if err := d.setAT(ctx, info.ParameterID, password.reference); err != nil {
		return nil, err
	}
	nonce, err := d.nonce(ctx, password)
	if err != nil {
		return nil, err
	}
	generator, err := d.mapNonce(ctx, nonce)
	if err != nil {
		return nil, err
	}
	if err := d.agree(ctx, generator); err != nil {
		return nil, err
	}
	return d.authenticate(ctx)
}

// dialogue is one run of the protocol, named as in Doc 9303-11, 4.4.1.
type dialogue struct {
	plain  iso7816.Exchanger
	suite  suite
	random io.Reader

	mappingKey ec.Element // PKMap,IC
	ownKey     []byte     // PKDH,IFD as it was sent
	chipKey    []byte     // PKDH,IC as it was received
	secret     []byte     // K
}

// Tags of the data objects (Doc 9303-11, 4.4.4.1 and table 4).
const (
	tagMechanism  iso7816.Tag = 0x80
	tagPassword   iso7816.Tag = 0x83
	tagParameters iso7816.Tag = 0x84

	tagDynamic   iso7816.Tag = 0x7C
	tagNonce     iso7816.Tag = 0x80
	tagMapIFD    iso7816.Tag = 0x81
	tagMapIC     iso7816.Tag = 0x82
	tagKeyIFD    iso7816.Tag = 0x83
	tagKeyIC     iso7816.Tag = 0x84
	tagTokenIFD  iso7816.Tag = 0x85
	tagTokenIC   iso7816.Tag = 0x86
	tagCAR       iso7816.Tag = 0x87
	tagOldCAR    iso7816.Tag = 0x88
	tagEncrypted iso7816.Tag = 0x8A
)

// setAT selects the protocol. The reference of the domain parameters is always
// sent: some chips want it even where it tells them nothing new (old Ukrainian
// passports answer 6A87 without it). A chip that refuses is asked once more
// without, as a reader of the standard's letter would. There is no Le: German
// cards fail on one.
func (d *dialogue) setAT(ctx context.Context, parameterID int, password byte) error {
	short := iso7816.AppendTLV(nil, tagMechanism, d.suite.oid)
	short = iso7816.AppendTLV(short, tagPassword, []byte{password})
	full := iso7816.AppendTLV(bytes.Clone(short), tagParameters, []byte{byte(parameterID)})
	var refused *StepError
	for _, data := range [][]byte{full, short} {
		command := iso7816.Command{INS: iso7816.InsManageSecurityEnv, P1: 0xC1, P2: 0xA4, Data: data}
		response, err := d.plain.Exchange(ctx, command)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", StepSetAT, err)
		case response.SW == iso7816.SWSuccess:
			return nil
		case refused == nil:
			refused = &StepError{Step: StepSetAT, SW: response.SW}
		}
	}
	return refused
}

// classChained says that another command of the chain follows (ISO/IEC 7816-4, 5.4.1).
const classChained = 0x10

// general sends data objects and returns those of the answer.
func (d *dialogue) general(ctx context.Context, step string, objects []byte) ([]iso7816.TLV, error) {
	c := iso7816.Command{
		CLA: classChained, INS: iso7816.InsGeneralAuthenticate,
		Data: iso7816.AppendTLV(nil, tagDynamic, objects), Ne: iso7816.MaxShortNe,
	}
	if step == StepMutual {
		c.CLA = 0
	}
	if c.NeedsExtended() { // the answer is as long as what is sent
		c.Ne = iso7816.MaxExtendedNe
	}
	response, err := d.plain.Exchange(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	if response.SW != iso7816.SWSuccess {
		return nil, &StepError{Step: step, SW: response.SW}
	}
	if step == StepMapNonce && len(response.Data) == 0 {
		return nil, nil // seen in place of the empty object of Integrated Mapping
	}
	return parseDynamic(step, bytes.Clone(response.Data))
}

func parseDynamic(step string, b []byte) ([]iso7816.TLV, error) {
	outer, rest, err := iso7816.ParseTLV(b)
	if err != nil {
		return nil, malformed(step, err)
	}
	if outer.Tag != tagDynamic || len(rest) > 0 {
		return nil, malformed(step, fmt.Errorf("object %X, %d bytes behind it", uint32(outer.Tag), len(rest)))
	}
	objects, err := iso7816.ParseTLVs(outer.Value)
	if err != nil {
		return nil, malformed(step, err)
	}
	return objects, nil
}

func malformed(step string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrMalformed, step, err)
}

// single returns the value of the one object that an answer has.
func single(step string, objects []iso7816.TLV, tag iso7816.Tag) ([]byte, error) {
	if len(objects) != 1 || objects[0].Tag != tag {
		return nil, malformed(step, fmt.Errorf("not object %X alone", uint32(tag)))
	}
	return objects[0].Value, nil
}

// maxNonce bounds the nonce, in bytes; the longest that the standard has is 32.
const maxNonce = 64

// nonce receives the encrypted nonce z and deciphers it with the key from the
// password (Doc 9303-11, 4.4.3.3).
func (d *dialogue) nonce(ctx context.Context, password Password) ([]byte, error) {
	objects, err := d.general(ctx, StepNonce, nil)
	if err != nil {
		return nil, err
	}
	z, err := single(StepNonce, objects, tagNonce)
	if err != nil {
		return nil, err
	}
	if !d.suite.isNonce(len(z)) {
		return nil, malformed(StepNonce, fmt.Errorf("nonce of %d bytes", len(z)))
	}
	block, err := d.suite.cipher.NewBlock(d.suite.cipher.DeriveKey(password.key.Reveal(), sm.CounterPassword))
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, make([]byte, block.BlockSize())).CryptBlocks(z, z)
	return z, nil
}

// exchangeKeys sends the public key and receives the chip's, checked, and as the
// octets that it sent.
func (d *dialogue) exchangeKeys(ctx context.Context, step string, own ec.Element, sent, received iso7816.Tag) (ec.Element, []byte, error) {
	objects, err := d.general(ctx, step, iso7816.AppendTLV(nil, sent, own.Encode()))
	if err != nil {
		return ec.Element{}, nil, err
	}
	octets, err := single(step, objects, received)
	if err != nil {
		return ec.Element{}, nil, err
	}
	chip, err := d.suite.domain.Decode(octets)
	if err != nil {
		return ec.Element{}, nil, malformed(step, err)
	}
	if chip.Equal(own) {
		return ec.Element{}, nil, fmt.Errorf("%w: %s: the reader's own public key", ErrNotAuthentic, step)
	}
	return chip, octets, nil
}

// agree runs the anonymous key agreement over the mapped generator.
func (d *dialogue) agree(ctx context.Context, generator ec.Element) error {
	private, public, err := d.ephemeral(generator)
	if err != nil {
		return err
	}
	d.ownKey = public.Encode()
	chip, octets, err := d.exchangeKeys(ctx, StepKeyAgreement, public, tagKeyIFD, tagKeyIC)
	if err != nil {
		return err
	}
	d.chipKey = octets
	shared, err := chip.Multiply(private)
	if err != nil {
		return malformed(StepKeyAgreement, err)
	}
	d.secret = shared.Secret()
	return nil
}

// maxKeys bounds how often an ephemeral key is drawn; one in 256 is drawn again.
const maxKeys = 32

// ephemeral draws a key pair. A public number with leading zeros is sent without
// them (Doc 9303-11, 9.4.1), and a chip may still put them under its token; a key
// that has none reads the same both ways.
func (d *dialogue) ephemeral(generator ec.Element) (ec.Scalar, ec.Element, error) {
	for range maxKeys {
		private, err := d.suite.domain.NewScalar(d.random)
		if err != nil {
			return ec.Scalar{}, ec.Element{}, err
		}
		public, err := generator.Multiply(private)
		if err != nil {
			return ec.Scalar{}, ec.Element{}, err
		}
		if d.suite.domain.IsCurve() || len(public.Encode()) == len(public.Secret()) {
			return private, public, nil
		}
	}
	return ec.Scalar{}, ec.Element{}, fmt.Errorf("random numbers: no usable key in %d draws", maxKeys)
}

// authenticate derives the session keys and exchanges the tokens (Doc 9303-11,
// 4.4.3.4).
func (d *dialogue) authenticate(ctx context.Context) (*Result, error) {
	ksEnc := d.suite.cipher.DeriveKey(d.secret, sm.CounterEnc)
	ksMAC := d.suite.cipher.DeriveKey(d.secret, sm.CounterMAC)
	mac, err := sm.NewMAC(d.suite.cipher, ksMAC)
	if err != nil {
		return nil, err
	}
	token := iso7816.AppendTLV(nil, tagTokenIFD, d.suite.token(mac, d.chipKey))
	objects, err := d.general(ctx, StepMutual, token)
	if err != nil {
		return nil, wrongPassword(err)
	}
	answer, err := parseMutual(objects)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(answer.token, d.suite.token(mac, d.ownKey)) != 1 {
		return nil, fmt.Errorf("%w: token", ErrNotAuthentic)
	}
	result := &Result{}
	if d.suite.mapping == chipAuthentication {
		if result.ChipAuthentication, err = d.chipAuthentication(ksEnc, answer.encrypted); err != nil {
			return nil, err
		}
	}
	result.State, err = sm.NewState(d.suite.cipher, ksEnc, ksMAC, make([]byte, d.suite.cipher.BlockSize()))
	return result, err
}

// wrongPassword tells the refusal of the token from other errors.
func wrongPassword(err error) error {
	var refused *StepError
	if errors.As(err, &refused) && (refused.SW == iso7816.SWAuthenticationFailed || refused.SW&0xFFF0 == 0x63C0) {
		return fmt.Errorf("%w: %w", ErrWrongPassword, err)
	}
	return err
}

// mutual is the answer to the reader's token.
type mutual struct{ token, encrypted []byte }

// parseMutual passes over the names of certification authorities, which are for
// Terminal Authentication.
func parseMutual(objects []iso7816.TLV) (mutual, error) {
	var m mutual
	seen := map[iso7816.Tag]bool{}
	for _, object := range objects {
		if seen[object.Tag] {
			return mutual{}, malformed(StepMutual, fmt.Errorf("object %X twice", uint32(object.Tag)))
		}
		seen[object.Tag] = true
		switch object.Tag {
		case tagTokenIC:
			m.token = object.Value
		case tagEncrypted:
			m.encrypted = object.Value
		case tagCAR, tagOldCAR:
		default:
			return mutual{}, malformed(StepMutual, fmt.Errorf("object %X", uint32(object.Tag)))
		}
	}
	if len(m.token) != sm.MACSize {
		return mutual{}, malformed(StepMutual, fmt.Errorf("token of %d bytes", len(m.token)))
	}
	return m, nil
}
