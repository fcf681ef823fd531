package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
)

type checkMRZInput struct{ Body AccessBody }

type checkMRZOutput struct{ Body MRZCheckBody }

// MRZCheckBody is what can be said about access data without a document.
type MRZCheckBody struct {
	Complete bool           `json:"complete" doc:"a chip could be opened with it"`
	Format   string         `json:"format" doc:"TD1, TD2 or TD3; empty where only fields are given, or the zone is not complete"`
	Fields   []MRZFieldBody `json:"fields"`
	Problem  string         `json:"problem" doc:"what is wrong with all of it; empty is nothing"`
}

// MRZFieldBody is a field with its check digit or syntax.
type MRZFieldBody struct {
	Name string `json:"name" doc:"document number, birth date, expiry date, optional data, composite"`
	OK   bool   `json:"ok"`
}

func (s *server) registerMRZ() {
	register(s, route{"check-mrz", http.MethodPost, "/v1/mrz/check", caller, 200, "Check the check digits of access data", "Nothing of it is kept."},
		func(_ context.Context, in *checkMRZInput) (*checkMRZOutput, error) {
			if in.Body.CAN != "" || in.Body.MRZ == "" && in.Body.DocumentNumber == "" && in.Body.BirthDate == "" && in.Body.ExpiryDate == "" {
				return nil, fault.New(fault.RequestInvalid, "give mrz, or documentNumber, birthDate and expiryDate", nil)
			}
			if in.Body.MRZ != "" {
				return &checkMRZOutput{checkZone(in.Body.MRZ)}, nil
			}
			return &checkMRZOutput{checkFields(in.Body)}, nil
		})
}

// zoneFields are the check digits of each format.
var zoneFields = map[mrz.Format][]string{
	mrz.TD1: {"document number", "birth date", "expiry date", "composite"},
	mrz.TD2: {"document number", "birth date", "expiry date", "composite"},
	mrz.TD3: {"document number", "birth date", "expiry date", "optional data", "composite"},
}

func checkZone(text string) MRZCheckBody {
	body := MRZCheckBody{Fields: []MRZFieldBody{}}
	zone, err := mrz.Parse(text)
	if err != nil {
		body.Problem = err.Error()
		return body
	}
	key, other := zone.Wrong()
	valid := map[string]bool{"birth date": zone.BirthDate.Valid(), "expiry date": zone.ExpiryDate.Valid()}
	for _, name := range zoneFields[zone.Format] {
		date, isDate := valid[name]
		body.Fields = append(body.Fields, MRZFieldBody{name, !slices.Contains(key, name) && !slices.Contains(other, name) && (!isDate || date)})
	}
	body.Format, body.Complete = zone.Format.String(), zone.Check() == nil
	return body
}

func checkFields(b AccessBody) MRZCheckBody {
	number := strings.ToUpper(strings.Join(strings.Fields(b.DocumentNumber), ""))
	_, err := mrz.CheckDigit(number)
	body := MRZCheckBody{Fields: []MRZFieldBody{
		{"document number", err == nil && number != ""},
		{"birth date", mrz.Date(b.BirthDate).Valid()},
		{"expiry date", mrz.Date(b.ExpiryDate).Valid()},
	}}
	_, err = mrz.KeyFromFields(b.DocumentNumber, b.BirthDate, b.ExpiryDate)
	body.Complete = err == nil
	return body
}
