package icao

import (
	"context"
	"errors"
	"fmt"
	"hash"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// Sizes in bytes.
const (
	// maxFileSize is the largest file that is accepted; issuers keep portraits
	// under 64 KB.
	maxFileSize = 1 << 20
	// maxOffset is the last offset that P1 and P2 of READ BINARY can hold.
	maxOffset = 0x7FFF
	// headerRead is asked for where a chip refuses to be asked for more than a
	// file holds: tag and length of any file fit.
	headerRead = 6
)

// ladder is how many bytes are asked for where a chip refuses more, one after
// the other: limits seen in real chips.
var ladder = [...]int{231, 223, 192, 160, 128, 112, 96, 64, 32}

// leastPerBlock is how many bytes a block has to bring, taken over the whole file: a
// chip that gives less keeps the reader busy for nothing.
const leastPerBlock = 32

// maxRefusals bounds how many answers without progress one file may have.
const maxRefusals = len(ladder) + 6

// Read reads an elementary file (Doc 9303-10, 3.6.2) and returns its bytes as
// the chip holds them, cut at the end of its outermost data object. It fails
// with fault.FileNotOnChip, fault.FileTooLarge, fault.ChipStatus,
// fault.ChipResponse, fault.SecureMessaging or fault.DocumentRemoved.
func (s *Session) Read(ctx context.Context, file lds.File) ([]byte, error) {
	return s.read(ctx, file, nil)
}

// read reads a file and feeds digest, where there is one, while it arrives.
func (s *Session) read(ctx context.Context, file lds.File, digest hash.Hash) ([]byte, error) {
	r := &fileReader{session: s, file: file, digest: digest}
	for r.total == 0 || len(r.data) < r.total {
		err := r.step(ctx)
		if err != nil {
			err = s.recover(ctx, err)
		}
		if err != nil {
			if errors.Is(err, fault.FileNotOnChip) {
				s.observe(Event{Kind: FileAbsent, File: file})
			}
			return nil, coded(err)
		}
	}
	s.files = append(s.files, readFile{file, r.data})
	s.observe(Event{Kind: FileComplete, File: file, Done: r.total, Total: r.total})
	return r.data, nil
}

// fileReader reads one file block by block.
type fileReader struct {
	session   *Session
	file      lds.File
	data      []byte
	total     int // length of the file, 0 until its header is there
	ask       int // bytes to ask for in place of the session's block, 0 for none
	tooMuch   int // bytes of a first block that was refused, 0 for none
	corrected int // bytes that 6Cxx named for a first block, 0 for none
	noSFI     bool
	refusals  int
	blocks    int       // answers that brought something
	digest    hash.Hash // fed with what arrives; may be nil
	digested  int       // bytes that it has had
}

// step gets one answer from the chip and takes what it brings.
func (r *fileReader) step(ctx context.Context) error {
	s := r.session
	if s.lost {
		return s.restart(ctx)
	}
	bySFI := s.current != r.file && len(r.data) == 0 && !s.model.NoSFI && !r.noSFI
	if s.current != r.file && !bySFI {
		return r.selectFile(ctx)
	}
	asked := r.blockLength()
	response, err := r.readBinary(ctx, bySFI, asked)
	sw, naked := statusOf(response, err)
	switch {
	case naked:
		return r.refused(bySFI, asked, sw)
	case err != nil:
		return err
	case len(response.Data) > 0 && (sw == iso7816.SWSuccess || sw == iso7816.SWEndOfFile && s.tolerates(EndWarning)):
		s.current = r.file
		return r.take(response.Data)
	case sw == iso7816.SWSuccess && !s.tolerates(EmptyAnswer):
		return r.stopped(sw)
	default:
		return r.refused(bySFI, asked, sw)
	}
}

// blockLength is the number of bytes to ask for next: never past the end of the
// file once its length is known, as some chips answer that with an error.
func (r *fileReader) blockLength() int {
	ask := r.session.block
	switch {
	case r.ask > 0:
		ask = r.ask
	case r.total == 0 && r.session.model.HeaderFirst && !r.surelyLonger(ask):
		ask = headerRead
	}
	if r.total > 0 {
		ask = min(ask, r.total-len(r.data))
	}
	return ask
}

// surelyLonger reports whether every file of its kind is longer than a block: a
// security object holds a certificate, DG2 a portrait.
func (r *fileReader) surelyLonger(block int) bool {
	return (r.file == lds.SOD || r.file == lds.DG2) && block <= shortResponse
}

func (r *fileReader) readBinary(ctx context.Context, bySFI bool, ne int) (iso7816.Response, error) {
	offset := len(r.data)
	if offset > maxOffset {
		return r.readBinaryOdd(ctx, offset, ne)
	}
	c := iso7816.Command{INS: iso7816.InsReadBinary, P1: byte(offset >> 8), P2: byte(offset), Ne: ne, Extended: ne > r.session.shortBlock}
	if bySFI {
		c.P1 = 0x80 | r.file.SFI()
	}
	return r.session.exchange(ctx, c)
}

// readBinaryOdd reads behind the offsets that P1 and P2 can hold: the offset
// travels in a data object 54, the data in an object 53 (Doc 9303-10, 3.6.2).
func (r *fileReader) readBinaryOdd(ctx context.Context, offset, ne int) (iso7816.Response, error) {
	const header = 4 // of object 53, at the most
	ne = min(ne, r.session.block-header)
	offsetObject := iso7816.AppendTLV(nil, 0x54, []byte{byte(offset >> 16), byte(offset >> 8), byte(offset)})
	response, err := r.session.exchange(ctx, iso7816.Command{
		INS: iso7816.InsReadBinaryOdd, Data: offsetObject, Ne: ne + header, Extended: ne+header > r.session.shortBlock,
	})
	if err != nil || len(response.Data) == 0 {
		return response, err
	}
	object, _, err := iso7816.ParseTLV(response.Data)
	if err != nil || object.Tag != 0x53 {
		return iso7816.Response{}, fault.New(fault.ChipResponse, fmt.Sprintf("%v, READ BINARY with odd instruction", r.file), err)
	}
	response.Data = object.Value
	return response, nil
}

// take appends a block and, with the first, learns the length of the file.
func (r *fileReader) take(block []byte) error {
	r.refusals, r.ask = 0, 0
	r.data = append(r.data, block...)
	const slack = headerRead // the header may come a byte at a time
	if r.blocks++; r.blocks > slack+max(r.total, shortResponse)/leastPerBlock {
		return fault.New(fault.ChipResponse, fmt.Sprintf("reading %v: %d answers brought %d bytes", r.file, r.blocks, len(r.data)), nil)
	}
	if r.total == 0 {
		if err := r.learnLength(); err != nil {
			return err
		}
	}
	if r.total > 0 {
		r.data = r.data[:min(len(r.data), r.total)]
	}
	if r.digest != nil && r.total > 0 {
		r.digest.Write(r.data[r.digested:])
		r.digested = len(r.data)
	}
	r.session.observe(Event{Kind: FileProgress, File: r.file, Done: len(r.data), Total: r.total})
	return nil
}

func (r *fileReader) learnLength() error {
	tag, header, length, err := iso7816.ParseHeader(r.data)
	if err != nil {
		if len(r.data) < headerRead {
			return nil // not all of the header is there yet
		}
		return fault.New(fault.FileMalformed, r.file.String(), err)
	}
	if tag != r.file.Tag() {
		return fault.New(fault.FileMalformed, fmt.Sprintf("%v begins with tag %X", r.file, uint32(tag)), nil)
	}
	if header+length > maxFileSize {
		return fault.New(fault.FileTooLarge, fmt.Sprintf("%v: %d bytes", r.file, header+length), nil)
	}
	r.total = header + length
	r.explainRefusal()
	grown := make([]byte, len(r.data), max(r.total, len(r.data)))
	copy(grown, r.data)
	r.data = grown
	return nil
}

// explainRefusal tells, once the length of the file is known, whether a first
// block was refused because the file is shorter or because the block was too long.
func (r *fileReader) explainRefusal() {
	switch {
	case r.tooMuch == 0:
	case r.total < r.tooMuch:
		r.session.model.HeaderFirst = true
	default:
		r.session.shorten(r.tooMuch)
	}
	if r.corrected > 0 && r.total > r.corrected {
		r.session.limitBlock(r.corrected)
	}
	r.tooMuch, r.corrected = 0, 0
}

// selectFile makes the file current by its identifier.
func (r *fileReader) selectFile(ctx context.Context) error {
	s := r.session
	id := [2]byte{byte(r.file.ID() >> 8), byte(r.file.ID())}
	response, err := s.exchange(ctx, iso7816.Command{INS: iso7816.InsSelect, P1: 0x02, P2: 0x0C, Data: id[:]})
	sw, naked := statusOf(response, err)
	switch {
	case err != nil && !naked:
		return err
	case sw == iso7816.SWSuccess:
		s.current = r.file
		s.model.NoSFI = s.model.NoSFI || r.noSFI
		return nil
	case sw == iso7816.SWFileNotFound:
		return fault.New(fault.FileNotOnChip, r.file.String(), sw)
	case naked:
		return r.count(sw)
	case sw == iso7816.SWSecurityStatus:
		return r.denied(sw)
	default:
		return fault.New(fault.ChipStatus, "SELECT of "+r.file.String(), sw)
	}
}

// denied tells a chip that is still closed from one that protects this file.
func (r *fileReader) denied(sw iso7816.StatusWord) error {
	if r.session.protocol == accessNone {
		return fault.New(fault.AccessRefused, "the chip asks for access data", sw)
	}
	return fault.New(fault.ChipStatus, r.file.String(), sw)
}

// refused decides what to try next after an answer that brought nothing.
func (r *fileReader) refused(bySFI bool, asked int, sw iso7816.StatusWord) error {
	if err := r.count(sw); err != nil {
		return err
	}
	s := r.session
	n, correct := sw.CorrectLe()
	switch {
	case s.lost:
		// The session is opened again first; what was refused may pass then.
	case correct && n < asked && s.tolerates(CorrectLe):
		r.correct(n)
	case bySFI && notBySFI(sw) && s.tolerates(ShortIdentifier):
		r.noSFI = true
	case asked > s.shortBlock && s.tolerates(ShortAPDU):
		s.model.NoExtended, s.block = true, s.shortBlock
	case sw == iso7816.SWSecurityStatus && !s.doubtful:
		return r.denied(sw)
	case len(r.data) == 0 && asked > headerRead && s.tolerates(ExactLength):
		r.ask, r.tooMuch = headerRead, asked
	case asked > headerRead && s.tolerates(ShorterBlocks):
		s.shorten(asked)
	case s.doubtful && s.tolerates(SessionRestart):
		s.lost = true
	default:
		return r.stopped(sw)
	}
	return nil
}

// correct asks for what the chip says it has. In the middle of a file that is
// the most it gives at once; at the beginning it may be the whole file, which
// shows when its length is known.
func (r *fileReader) correct(available int) {
	r.ask, r.corrected = available, available
	if r.total-len(r.data) > available {
		r.session.limitBlock(available)
	}
}

// notBySFI reports whether a status word may mean that the chip does not take
// short file identifiers.
func notBySFI(sw iso7816.StatusWord) bool {
	switch sw {
	case iso7816.SWFileNotFound, iso7816.SWIncorrectP1P2, iso7816.SWWrongOffset, iso7816.SWWrongINS,
		iso7816.SWFunctionNotSupported, iso7816.SWSecurityStatus, iso7816.SWCommandNotAllowed, 0x6981:
		return true
	default:
		return false
	}
}

// shorten asks for less from now on: the next step of the ladder.
func (s *Session) shorten(asked int) {
	for _, length := range ladder {
		if length < asked && length < s.block {
			s.limitBlock(length)
			s.model.Block = length
			return
		}
	}
}

func (s *Session) limitBlock(length int) {
	s.block = length
	s.shortBlock = min(s.shortBlock, length)
}

// count notes an answer without progress and gives up after too many.
func (r *fileReader) count(sw iso7816.StatusWord) error {
	r.refusals++
	if r.refusals <= maxRefusals {
		return nil
	}
	return r.stopped(sw)
}

// stopped is the error of a file that the chip does not go on with.
func (r *fileReader) stopped(sw iso7816.StatusWord) error {
	if sw != iso7816.SWSuccess {
		return fault.New(fault.ChipStatus, "reading "+r.file.String(), sw)
	}
	return fault.New(fault.ChipResponse, "reading "+r.file.String()+": the chip gives no data", nil)
}
