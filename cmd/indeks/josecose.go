package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/keys"
)

// joseCoseCmd is what the W3C test suite for VC-JOSE-COSE runs: a file in, a key,
// a file out, no configuration.
type joseCoseCmd struct {
	Issue  joseIssueCmd  `cmd:"" help:"Seal a credential or presentation as a compact JWS."`
	Verify joseVerifyCmd `cmd:"" help:"Verify a compact JWS and extract what it seals."`
}

func (*joseCoseCmd) Help() string {
	return `For the W3C test suite of VC-JOSE-COSE: seals and verifies with the key that the suite brings along.
Only the JOSE part is there; features of SD-JWT and COSE are answered "indeterminate". The answer is
written to the output file: {"result":"success|failure|indeterminate|error","data":"..."}, data being
the token or what it seals. The seal says nothing of trust: use indeks verify for that.

  indeks vc-jose-cose issue --input credential.json --key key.json --feature credential_jose --output out.json`
}

type joseFlags struct {
	Input   string `required:"" help:"Credential or presentation, or the token." type:"path" placeholder:"FILE"`
	Key     string `required:"" help:"Key as a JWK, JWK set, verification method or document that contains one." type:"path" placeholder:"FILE"`
	Feature string `help:"Feature that the suite tests. Those of SD-JWT and COSE are not supported." placeholder:"NAME"`
	Output  string `required:"" help:"File for the answer." type:"path" placeholder:"FILE"`
}

type joseIssueCmd struct{ joseFlags }
type joseVerifyCmd struct{ joseFlags }

// joseAnswer is what the suite reads.
type joseAnswer struct {
	Result string `json:"result"`
	Data   string `json:"data"`
}

// Answers of the suite's protocol.
const (
	joseSuccess       = "success"
	joseFailure       = "failure"
	joseIndeterminate = "indeterminate"
	joseError         = "error" // nothing could be judged
)

// errJoseFailure marks what was judged and is wrong.
var errJoseFailure = errors.New("it does not conform or does not verify")

func (cmd *joseIssueCmd) Run(con console) error  { return cmd.answer(con, issueJose) }
func (cmd *joseVerifyCmd) Run(con console) error { return cmd.answer(con, verifyJose) }

// answer runs one of both and writes what came of it; why goes to the console.
func (f *joseFlags) answer(con console, run func(input []byte, pairs keys.Pairs) ([]byte, error)) error {
	a := joseAnswer{Result: joseSuccess}
	data, err := f.run(run)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		a.Result = joseIndeterminate
	case errors.Is(err, errJoseFailure):
		a.Result = joseFailure
	case err != nil:
		a.Result = joseError
	default:
		a.Data = string(data)
	}
	if err != nil {
		fmt.Fprintln(con.err, "indeks:", err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	if err := os.WriteFile(f.Output, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}

func (f *joseFlags) run(run func([]byte, keys.Pairs) ([]byte, error)) ([]byte, error) {
	feature := strings.ToLower(f.Feature)
	feature = strings.ReplaceAll(feature, "jose-cose", "jose") // the suite's own name
	for _, other := range []string{"sd-jwt", "sd_jwt", "sdjwt", "cose"} {
		if strings.Contains(feature, other) {
			return nil, fmt.Errorf("feature %q is of %s: %w", f.Feature, other, errors.ErrUnsupported)
		}
	}
	input, err := os.ReadFile(f.Input)
	if err != nil {
		return nil, fmt.Errorf("reading the input: %w", err)
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	pairs, err := keys.ParsePairs(key)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	return run([]byte(strings.TrimSpace(string(input))), pairs)
}

// issueJose seals what conforms, byte for byte (VC-JOSE-COSE section 3.1).
func issueJose(input []byte, pairs keys.Pairs) ([]byte, error) {
	presentation, err := conforms(input, false)
	if err != nil {
		return nil, err
	}
	form := keys.VCJWT
	if presentation {
		form = keys.VPJWT
	}
	return pairs.Seal(input, form)
}

// verifyJose opens a token and holds what it seals to the data model.
func verifyJose(input []byte, pairs keys.Pairs) ([]byte, error) {
	token := input
	if len(input) > 0 && input[0] == '{' {
		var envelope struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(input, &envelope) == nil {
			_, data, _ := strings.Cut(envelope.ID, ",")
			token = []byte(data)
		}
	}
	var quoted string
	if json.Unmarshal(input, &quoted) == nil {
		token = []byte(quoted)
	}
	ctx := context.Background()
	opened, err := keys.Open(ctx, token, pairs)
	if typ := typOf(token); typ == string(keys.VPJWT) {
		opened, err = keys.OpenPresentation(ctx, token, pairs)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errJoseFailure, err)
	}
	if _, err := conforms(opened.Payload, true); err != nil {
		return nil, err
	}
	return opened.Payload, nil
}

// typOf is the typ of a compact token's header, without "application/".
func typOf(token []byte) string {
	text, _, _ := strings.Cut(string(token), ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	var header struct {
		Typ string `json:"typ"`
	}
	if json.Unmarshal(raw, &header) != nil {
		return ""
	}
	return strings.TrimPrefix(header.Typ, "application/")
}

// jwtClaims may stand beside the members of what a token seals. Those of the
// second list are about the token alone, and nothing in it has to agree with them.
var (
	jwtClaims   = []string{"/iss", "/sub", "/exp", "/nbf", "/iat", "/jti", "/cnf"}
	tokenClaims = []string{"aud", "nonce"}
)

// conforms holds a credential or presentation to VCDM 2.0 and says which it is.
// Contexts that are not known here are not held against it: the JOSE part reads
// no JSON-LD.
func conforms(raw []byte, claims bool) (presentation bool, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return false, fmt.Errorf("%w: %w", errJoseFailure, err)
	}
	if claims {
		for _, name := range tokenClaims {
			delete(members, name)
		}
		if raw, err = json.Marshal(members); err != nil {
			return false, err // unreachable: they were read from JSON
		}
	}
	var types []string
	if json.Unmarshal(members["type"], &types) != nil {
		var one string
		if json.Unmarshal(members["type"], &one) == nil {
			types = []string{one}
		}
	}
	presentation = slices.Contains(types, "VerifiablePresentation")
	if presentation {
		_, err = elm.ConformPresentation(raw)
	} else {
		_, err = elm.Conform(raw)
	}
	broken, ok := errors.AsType[*elm.ValidationError](err)
	if !ok {
		if err != nil {
			err = fmt.Errorf("%w: %w", errJoseFailure, err)
		}
		return presentation, err
	}
	for _, b := range broken.Broken {
		claim := claims && b.Rule == "term" && slices.Contains(jwtClaims, b.Pointer)
		if b.Rule != "context-unknown" && !claim {
			return presentation, fmt.Errorf("%w: %w", errJoseFailure, &b)
		}
	}
	return presentation, nil
}
