package issuing

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/web"
)

// Types of problems that VCDM 2.0 names (section 7.1).
const (
	parsingError   = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR"
	malformedValue = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR"
)

// postStatement is the VC-API's way to issue: it seals a credential of any kind
// that VCDM 2.0 allows and that names us as its issuer. With an Idempotency-Key,
// repeating a request is safe; without one each request is another credential.
// Options that are not known here are ignored.
func (s *server) postStatement(c echo.Context) error {
	var req struct {
		Credential jsontext.Value `json:"credential"`
		Options    struct {
			Type           string   `json:"type"`        // how to secure it
			Cryptosuite    string   `json:"cryptosuite"` // the same, of a proof
			StatusPurposes []string `json:"statusPurposes"`
		} `json:"options"`
	}
	if err := readVCAPI(c, &req); err != nil {
		return err
	}
	if req.Credential.Kind() != '{' {
		return &web.Problem{Type: malformedValue, Status: http.StatusBadRequest, Title: "No credential", Fields: []web.Field{{Pointer: "/credential", Detail: "an object is expected"}}}
	}
	form, err := s.form(req.Options.Type, req.Options.Cryptosuite)
	if err != nil {
		return err
	}
	for _, p := range req.Options.StatusPurposes {
		if p != status.Revocation && p != status.Suspension {
			return &web.Problem{Type: malformedValue, Status: http.StatusBadRequest, Title: "No such status",
				Fields: []web.Field{{Pointer: "/options/statusPurposes", Detail: "revocation and suspension are offered"}}}
		}
	}
	statement := issuer.Statement{Credential: req.Credential, Form: form, Purposes: req.Options.StatusPurposes}
	if key := c.Request().Header.Get("Idempotency-Key"); key != "" {
		statement.RequestKey = requestKey(clientName(c), key)
	}
	record, err := s.Issuer.IssueStatement(c.Request().Context(), statement)
	if err != nil {
		return nonConforming(err)
	}
	var credential any
	for _, sealed := range record.Forms { // a statement has one
		if credential = jsontext.Value(sealed.Token); sealed.Token[0] != '{' {
			credential = envelope(sealed.Token)
		}
	}
	return writeJSON(c, http.StatusCreated, struct {
		VerifiableCredential any `json:"verifiableCredential"`
	}{credential})
}

// form is how a statement is to be secured, by two options that say the same; the
// configuration decides where neither does.
func (s *server) form(kind, cryptosuite string) (keys.Form, error) {
	own := s.Issuer.Cryptosuite()
	switch {
	case cryptosuite != "" && cryptosuite != own:
		return "", formProblem("/options/cryptosuite", own)
	case kind == "" && cryptosuite == "":
		return s.VCAPIForm, nil
	case kind == "DataIntegrityProof", kind == "" && cryptosuite == own, own != "" && kind == own:
		return keys.DataIntegrity, nil
	case (kind == "vc+jwt" || kind == "EnvelopedVerifiableCredential") && cryptosuite == "":
		return keys.VCJWT, nil
	}
	return "", formProblem("/options/type", own)
}

func formProblem(pointer, own string) error {
	offered := "EnvelopedVerifiableCredential"
	if own != "" {
		offered += " and DataIntegrityProof with " + own
	}
	return &web.Problem{Type: malformedValue, Status: http.StatusBadRequest, Title: "No such way to secure a credential",
		Fields: []web.Field{{Pointer: pointer, Detail: offered + " is made here"}}}
}

// nonConforming turns what VCDM 2.0 forbids into an answer that says where.
func nonConforming(err error) error {
	if broken, ok := errors.AsType[*elm.FormatError](err); ok && !errors.Is(err, issuer.ErrRefused) {
		return &web.Problem{Type: parsingError, Status: http.StatusBadRequest, Title: "The credential cannot be read", Err: err,
			Fields: []web.Field{{Pointer: "/credential" + broken.Pointer, Detail: broken.Detail}}}
	}
	broken, ok := errors.AsType[*elm.ValidationError](err)
	if !ok || errors.Is(err, issuer.ErrRefused) {
		return err
	}
	p := &web.Problem{Type: malformedValue, Status: http.StatusBadRequest, Title: "The credential breaks a rule of the data model",
		Detail: "nothing was recorded", Err: err}
	for _, b := range broken.Broken {
		p.Fields = append(p.Fields, web.Field{Pointer: "/credential" + b.Pointer, Detail: b.Detail})
	}
	return p
}

// statusRequest asks to set or clear statuses of a credential. Value is Status,
// or that of the request: "1", "0", 1, 0, true or false.
type statusRequest struct {
	Type          string         `json:"type"`
	StatusPurpose string         `json:"statusPurpose"`
	Status        jsontext.Value `json:"status"`
}

// postStatementStatus is the VC-API's way to withdraw what postStatement issued.
func (s *server) postStatementStatus(c echo.Context) error {
	var req struct {
		CredentialID     string         `json:"credentialId"`
		CredentialStatus jsontext.Value `json:"credentialStatus"` // one or several
		Status           jsontext.Value `json:"status"`
	}
	if err := readVCAPI(c, &req); err != nil {
		return err
	}
	wrong := func(pointer, detail string) error {
		return &web.Problem{Type: malformedValue, Status: http.StatusBadRequest, Title: "Not a change of a status", Fields: []web.Field{{Pointer: pointer, Detail: detail}}}
	}
	if req.CredentialID == "" {
		return wrong("/credentialId", "the id of a credential that was issued here")
	}
	var changes []statusRequest
	if req.CredentialStatus.Kind() == '{' {
		req.CredentialStatus = slices.Concat([]byte("["), req.CredentialStatus, []byte("]"))
	}
	if err := json.Unmarshal(req.CredentialStatus, &changes); err != nil || len(changes) == 0 {
		return wrong("/credentialStatus", "one or more objects with type, statusPurpose and status")
	}

	// All of them are read before the first is made.
	on := make([]bool, len(changes))
	for n, change := range changes {
		at := fmt.Sprintf("/credentialStatus/%d", n)
		if change.Type != "" && change.Type != "BitstringStatusList" && change.Type != "BitstringStatusListEntry" {
			return wrong(at+"/type", "BitstringStatusList is offered")
		}
		value := change.Status
		if value == nil {
			value = req.Status
		}
		switch string(value) {
		case `"1"`, `1`, `true`:
			on[n] = true
		case `"0"`, `0`, `false`:
		default:
			return wrong(at+"/status", `"1" to set it, "0" to clear it`)
		}
		if change.StatusPurpose == "" {
			changes[n].StatusPurpose = status.Revocation
		}
	}
	for n, change := range changes {
		err := s.Issuer.ChangeStatement(c.Request().Context(), req.CredentialID, change.StatusPurpose, on[n], "VC-API "+clientName(c))
		if errors.Is(err, store.ErrState) {
			return &web.Problem{Status: http.StatusBadRequest, Type: malformedValue, Title: "Not possible in the credential's state", Detail: store.ErrState.Error(), Err: err}
		}
		if err != nil {
			return err
		}
	}
	return writeJSON(c, http.StatusOK, struct{}{})
}

// readVCAPI reads a request of the VC-API: strict JSON, in which members that are
// not known here are ignored, as clients send what other implementations know.
func readVCAPI(c echo.Context, into any) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		p := &web.Problem{Type: parsingError, Status: http.StatusBadRequest, Title: "The body is not the JSON expected here", Err: err}
		switch bad := err.(type) {
		case *json.SemanticError:
			p.Fields = []web.Field{{Pointer: string(bad.JSONPointer), Detail: "a value of another type than expected"}}
		case *jsontext.SyntacticError:
			p.Fields = []web.Field{{Pointer: string(bad.JSONPointer), Detail: fmt.Sprintf("not well-formed JSON, or a member twice, at byte %d", bad.ByteOffset)}}
		}
		return p
	}
	return nil
}
