package virtual

import (
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// request is a command that the chip has understood.
type request struct {
	iso7816.Command
	protected bool
	extended  bool // the APDU itself is in the extended form
	chained   bool // more commands of the chain follow
}

// chainedCLA is the class byte of a command that is not the last of a chain
// (ISO/IEC 7816-4, 5.4.1).
const chainedCLA = 0x10

// answer returns the response APDU to a command APDU, the index-th over the
// chip's life.
func (c *Chip) answer(raw []byte, index int) []byte {
	command, err := iso7816.ParseCommand(raw)
	if err != nil {
		return bare(iso7816.SWWrongLength)
	}
	if status, ok := c.plannedStatus(index); ok {
		return bare(status)
	}
	if !c.accepts(command, len(raw)) {
		if c.profile.NakedErrors == NakedEnd || c.profile.refusesExtended() == NakedEnd {
			c.endSession()
		}
		return bare(iso7816.SWWrongLength)
	}
	switch command.CLA {
	case 0x00, chainedCLA:
		return c.answerPlain(command)
	case sm.CLA:
		return c.answerProtected(command)
	default:
		return bare(iso7816.SWWrongCLA)
	}
}

// plannedStatus returns the status word that the profile has for this command.
func (c *Chip) plannedStatus(index int) (iso7816.StatusWord, bool) {
	for _, planned := range c.profile.StatusAt {
		if planned.Command != index {
			continue
		}
		if planned.EndSession {
			c.endSession()
		}
		return iso7816.StatusWord(planned.Status), true
	}
	return 0, false
}

// accepts reports whether the chip can receive a command of that form and length.
func (c *Chip) accepts(command iso7816.Command, length int) bool {
	if !command.Extended {
		return true
	}
	e := c.profile.Extended
	return e != nil && e.Refused == "" && (e.MaxCommand == 0 || length <= e.MaxCommand)
}

func (c *Chip) answerPlain(command iso7816.Command) []byte {
	if c.session != nil {
		c.endSession()
		if c.profile.PlainInSession != 0 {
			return bare(iso7816.StatusWord(c.profile.PlainInSession))
		}
	}
	data, status := c.execute(request{Command: command, extended: command.Extended, chained: command.CLA == chainedCLA})
	c.switchSession()
	return appendStatus(data, status)
}

func (c *Chip) answerProtected(command iso7816.Command) []byte {
	if c.session == nil {
		return bare(c.profile.NoSession.or(iso7816.SWSMObjectsIncorrect))
	}
	if c.dropped < c.profile.DropSessions {
		c.dropped++
		c.endSession()
		return bare(iso7816.SWSMObjectsIncorrect)
	}
	plain, status := c.session.open(command)
	if status != iso7816.SWSuccess {
		c.endSession()
		return bare(status)
	}
	data, status := c.execute(request{Command: plain, protected: true, extended: command.Extended})
	if c.profile.NakedErrors != "" && status != iso7816.SWSuccess && status>>8 != 0x62 {
		c.session.state.Back()
		if c.profile.NakedErrors == NakedEnd {
			c.endSession()
		}
		return bare(status)
	}
	answer := c.session.protect(command.INS, data, status, c.plannedSMFault())
	c.protected++
	c.switchSession()
	if status == iso7816.SWWrongOffset && c.profile.WrongOffsetEndsSession {
		c.endSession()
	}
	return answer
}

func (c *Chip) plannedSMFault() SMFaultKind {
	for _, fault := range c.profile.SMFaults {
		if fault.Response == c.protected {
			return fault.Kind
		}
	}
	return ""
}

// endSession deletes the session keys and the access rights (Doc 9303-11, 9.8.3).
func (c *Chip) endSession() {
	if c.session == nil {
		return
	}
	c.session, c.next, c.challenge, c.current = nil, nil, nil, ""
	if c.profile.EndSelectsMasterFile {
		c.application = false
	}
}

func (c *Chip) execute(r request) ([]byte, iso7816.StatusWord) {
	if r.INS != iso7816.InsGeneralAuthenticate {
		c.pace, c.agreement = nil, nil
		if r.chained {
			return nil, swChainingNotSupported
		}
	}
	switch r.INS {
	case iso7816.InsSelect:
		return c.selectFile(r)
	case iso7816.InsReadBinary:
		return c.readBinary(r)
	case iso7816.InsReadBinaryOdd:
		return c.readBinaryOdd(r)
	case iso7816.InsGetChallenge:
		return c.getChallenge(r)
	case iso7816.InsExternalAuthenticate:
		return c.externalAuthenticate(r)
	case iso7816.InsManageSecurityEnv:
		return c.manageSecurityEnvironment(r)
	case iso7816.InsGeneralAuthenticate:
		if selected := c.agreement; selected != nil {
			c.agreement = nil
			return c.authenticateChip(r, *selected)
		}
		return c.generalAuthenticate(r)
	case iso7816.InsInternalAuthenticate:
		return c.internalAuthenticate(r)
	default:
		return nil, iso7816.SWWrongINS
	}
}

func bare(status iso7816.StatusWord) []byte { return appendStatus(nil, status) }

func appendStatus(data []byte, status iso7816.StatusWord) []byte {
	return append(data[:len(data):len(data)], byte(status>>8), byte(status))
}
