package chipauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Data objects of the commands (Doc 9303-11, 6.2.4).
const (
	tagMechanism    iso7816.Tag = 0x80
	tagKeyReference iso7816.Tag = 0x84
	tagEphemeralKAT iso7816.Tag = 0x91
	tagEphemeral    iso7816.Tag = 0x80
	tagDynamic      iso7816.Tag = 0x7C
)

// Run runs Chip Authentication over a channel with the eMRTD application selected, in
// one command for 3DES and two for AES, and returns the state of the new session, to
// carry on with from the next command. That the chip has the private key shows in the
// first answer that is right under the new keys: until then nothing is proved.
//
// random gives the ephemeral private key, as ec.Domain.NewScalar says, each run
// another. It fails with a *StepError where the chip refuses, after which the old
// session goes on, and with ErrMalformed for an answer that is none.
func Run(ctx context.Context, channel iso7816.Exchanger, o Offer, random io.Reader) (*sm.State, error) {
	private, public, err := o.ephemeral(random)
	if err != nil {
		return nil, err
	}
	shared, err := o.key.element.Multiply(private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := o.exchange(ctx, channel, public.Encode()); err != nil {
		return nil, err
	}
	secret := shared.Secret()
	return sm.NewState(o.cipher, o.cipher.DeriveKey(secret, sm.CounterEnc), o.cipher.DeriveKey(secret, sm.CounterMAC), make([]byte, o.cipher.BlockSize()))
}

// maxKeys bounds how often an ephemeral key is drawn; one in 256 is drawn again.
const maxKeys = 32

// ephemeral draws a key pair. A public number with leading zeros is sent without them
// (Doc 9303-11, 9.4.1); one that has none cannot be misread.
func (o Offer) ephemeral(random io.Reader) (ec.Scalar, ec.Element, error) {
	for range maxKeys {
		private, err := o.key.domain.NewScalar(random)
		if err != nil {
			return ec.Scalar{}, ec.Element{}, err
		}
		public, err := o.key.domain.Generator().Multiply(private)
		if err != nil {
			return ec.Scalar{}, ec.Element{}, err
		}
		if o.key.curve || len(public.Encode()) == len(public.Secret()) {
			return private, public, nil
		}
	}
	return ec.Scalar{}, ec.Element{}, fmt.Errorf("random numbers: no usable key in %d draws", maxKeys)
}

// exchange sends the public key: with MSE:Set KAT for 3DES, and where a chip does not
// know that one, as with AES (Doc 9303-11, 8.5, note 1).
func (o Offer) exchange(ctx context.Context, channel iso7816.Exchanger, public []byte) error {
	if o.cipher != sm.TDES {
		return o.setAT(ctx, channel, public)
	}
	err := o.setKAT(ctx, channel, public)
	var refused *StepError
	if !errors.As(err, &refused) {
		return err
	}
	if again := o.setAT(ctx, channel, public); !errors.As(again, new(*StepError)) {
		return again
	}
	return err
}

func (o Offer) setKAT(ctx context.Context, channel iso7816.Exchanger, public []byte) error {
	data := o.appendReference(iso7816.AppendTLV(nil, tagEphemeralKAT, public))
	_, err := send(ctx, channel, StepSetKAT, iso7816.Command{INS: iso7816.InsManageSecurityEnv, P1: 0x41, P2: 0xA6, Data: data})
	return err
}

// setAT selects the protocol and then sends the key. MSE has no Le: German cards fail
// on one.
func (o Offer) setAT(ctx context.Context, channel iso7816.Exchanger, public []byte) error {
	data := o.appendReference(iso7816.AppendTLV(nil, tagMechanism, o.oid))
	if _, err := send(ctx, channel, StepSetAT, iso7816.Command{INS: iso7816.InsManageSecurityEnv, P1: 0x41, P2: 0xA4, Data: data}); err != nil {
		return err
	}
	c := iso7816.Command{
		INS:  iso7816.InsGeneralAuthenticate,
		Data: iso7816.AppendTLV(nil, tagDynamic, iso7816.AppendTLV(nil, tagEphemeral, public)), Ne: iso7816.MaxShortNe,
	}
	if c.NeedsExtended() {
		c.Ne = iso7816.MaxExtendedNe
	}
	answer, err := send(ctx, channel, StepGeneralAuthenticate, c)
	if err != nil {
		return err
	}
	return checkAnswer(answer)
}

// appendReference appends the reference of the private key, where there is one.
func (o Offer) appendReference(data []byte) []byte {
	if o.keyID < 0 {
		return data
	}
	reference := big.NewInt(int64(o.keyID)).Bytes()
	if len(reference) == 0 {
		reference = []byte{0}
	}
	return iso7816.AppendTLV(data, tagKeyReference, reference)
}

// checkAnswer takes an empty template, and no template at all.
func checkAnswer(answer []byte) error {
	if len(answer) == 0 {
		return nil
	}
	object, rest, err := iso7816.ParseTLV(answer)
	if err != nil || object.Tag != tagDynamic || len(rest) > 0 {
		return fmt.Errorf("%w: answer to %s", ErrMalformed, StepGeneralAuthenticate)
	}
	return nil
}
