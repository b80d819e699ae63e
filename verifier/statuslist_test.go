package verifier

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/elm"
	"indeks/status"
)

// What is wrong with a status has the name that the standards give it.
func TestStatusProblemsAreNamed(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	short := func(bits int) string {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(make([]byte, bits/8))
		w.Close()
		return "u" + base64.RawURLEncoding.EncodeToString(packed.Bytes())
	}
	two := []any{
		map[string]any{"status": "0x0", "message": "a"}, map[string]any{"status": "0x1", "message": "b"},
		map[string]any{"status": "0x2", "message": "c"}, map[string]any{"status": "0x3", "message": "d"},
	}
	for name, c := range map[string]struct {
		entry map[string]any // members of the entry that are others
		list  map[string]any // and of the list's subject; nil: no list
		want  string
	}{
		"good":                        {nil, map[string]any{}, ""},
		"no list":                     {nil, nil, statusRetrieval},
		"not https":                   {map[string]any{"statusListCredential": "http://uni.example/status/1"}, map[string]any{}, statusRetrieval},
		"somewhere else":              {map[string]any{"statusListCredential": "https://elsewhere.example/status/1"}, map[string]any{}, statusRetrieval},
		"a list of something else":    {nil, map[string]any{"type": "StatusList2021"}, statusVerification},
		"another purpose":             {nil, map[string]any{"statusPurpose": "suspension"}, statusVerification},
		"several other purposes":      {nil, map[string]any{"statusPurpose": []any{"suspension", "message"}}, statusVerification},
		"several purposes":            {nil, map[string]any{"statusPurpose": []any{"suspension", "revocation"}}, ""},
		"too short":                   {nil, map[string]any{"encodedList": short(status.MinSize - 8)}, statusListLength},
		"too short for its size":      {map[string]any{"statusSize": 2, "statusMessage": two}, map[string]any{}, statusListLength},
		"long enough for its size":    {map[string]any{"statusSize": 2, "statusMessage": two}, map[string]any{"encodedList": short(2 * status.MinSize)}, ""},
		"of another size":             {map[string]any{"statusSize": 2, "statusMessage": two}, map[string]any{"encodedList": short(2 * status.MinSize), "statusSize": 1}, statusVerification},
		"just inside":                 {map[string]any{"statusListIndex": "131071"}, map[string]any{}, ""},
		"just outside":                {map[string]any{"statusListIndex": "131072"}, map[string]any{}, rangeError},
		"outside for its size":        {map[string]any{"statusListIndex": "131072", "statusSize": 2, "statusMessage": two}, map[string]any{"encodedList": short(2 * status.MinSize)}, rangeError},
		"not in multibase":            {nil, map[string]any{"encodedList": short(status.MinSize)[1:]}, malformedValue},
		"not compressed":              {nil, map[string]any{"encodedList": "uAAAA"}, malformedValue},
		"index in hexadecimal":        {map[string]any{"statusListIndex": "0x5"}, map[string]any{}, malformedValue},
		"index with a zero in front":  {map[string]any{"statusListIndex": "05"}, map[string]any{}, malformedValue},
		"negative index":              {map[string]any{"statusListIndex": "-5"}, map[string]any{}, malformedValue},
		"size 0":                      {map[string]any{"statusSize": 0}, map[string]any{}, malformedValue},
		"size 1.0":                    {map[string]any{"statusSize": json.RawMessage("1.0")}, map[string]any{}, malformedValue},
		"size as text":                {map[string]any{"statusSize": "1"}, map[string]any{}, malformedValue},
		"size 1 in so many words":     {map[string]any{"statusSize": 1, "statusMessage": two[:2]}, map[string]any{}, ""},
		"messages of another size":    {map[string]any{"statusMessage": two}, map[string]any{}, malformedValue},
		"message without its status":  {map[string]any{"statusMessage": []any{two[0], map[string]any{"message": "b"}}}, map[string]any{}, malformedValue},
		"status of a message, plain":  {map[string]any{"statusMessage": []any{two[0], map[string]any{"status": "1", "message": "b"}}}, map[string]any{}, malformedValue},
		"status of a message, beyond": {map[string]any{"statusMessage": two[1:3]}, map[string]any{}, malformedValue},
		"message that is a number":    {map[string]any{"statusMessage": []any{two[0], map[string]any{"status": "0x1", "message": 1}}}, map[string]any{}, malformedValue},
		"reference":                   {map[string]any{"statusReference": []any{"https://uni.example/a", "https://uni.example/b"}}, map[string]any{}, ""},
		"reference that is none":      {map[string]any{"statusReference": []any{"https://uni.example/a", 1}}, map[string]any{}, malformedValue},
		"id of the list":              {map[string]any{"id": uni.listURL("1")}, map[string]any{}, malformedValue},
	} {
		served := &answers{}
		if c.list != nil {
			served.set(uni.listURL("1"), uni.seal(t, uni.list(t, "1", "revocation", nil, nil, c.list)))
		}
		entry := uni.statusEntry("1", "revocation", "5")
		maps.Copy(entry, c.entry)
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{entry}, nil)))
		coherent(t, r)
		check := r.check(CheckRevocation)
		if check.Problem != c.want || (check.Result == Passed) != (c.want == "") {
			t.Errorf("%s: %s, problem %q, not %q: %+v", name, check.Result, check.Problem, c.want, r.checks(CheckFormat, CheckRevocation))
		}
		if wire := r.Wire("en"); wire.Checks[4].Problem != c.want {
			t.Errorf("%s: problem %q on the wire", name, wire.Checks[4].Problem)
		}
	}
}

// Messages and refreshes inform: the value of all bits of an entry, index
// counted in entries, and what the issuer sealed as its meaning.
func TestMessagesAreRead(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	var messages []any
	for value, text := range []string{"none", "in review", "appealed", "\u202eupheld"} {
		messages = append(messages, map[string]any{"status": "0x" + string(rune('0'+value)), "message": text})
	}
	messages[0].(map[string]any)["status"] = "0x00"
	bits := make([]byte, 2*status.MinSize/8)
	bits[1] = 0b00_01_10_11 // entries 4 to 7
	large, err := status.FromBits(bits)
	if err != nil {
		t.Fatal(err)
	}
	served := &answers{}
	served.set(uni.listURL("m"), uni.seal(t, uni.list(t, "m", "message", nil, nil, map[string]any{"encodedList": large.Encode()})))
	served.set(uni.listURL("r"), uni.seal(t, uni.list(t, "r", "refresh", []uint64{5}, nil, nil)))
	served.set(uni.listURL("1"), uni.seal(t, uni.list(t, "1", "revocation", nil, nil, nil)))

	message := func(index string) map[string]any {
		return uni.statusEntry("m", "message", index, "statusSize", 2, "statusMessage", messages)
	}
	for name, c := range map[string]struct {
		entry map[string]any
		want  string // remark, "" for none
		state State
	}{
		"first":               {message("4"), "Message from the issuer about it: none (0x0)", StateValid},
		"second":              {message("5"), "Message from the issuer about it: in review (0x1)", StateValid},
		"third":               {message("6"), "Message from the issuer about it: appealed (0x2)", StateValid},
		"hostile":             {message("7"), `Message from the issuer about it: \u202eupheld (0x3)`, StateValid},
		"no longer there":     {uni.statusEntry("none", "message", "4", "statusSize", 2, "statusMessage", messages), "message: the list could not be fetched: the answer had status 404", StateValid},
		"renewed":             {uni.statusEntry("r", "refresh", "5"), "The issuer offers a renewed version.", StateValid},
		"not renewed":         {uni.statusEntry("r", "refresh", "4"), "", StateValid},
		"of another purpose":  {uni.statusEntry("1", "refresh", "5"), "refresh: status entry breaks a rule: the list is for another purpose", StateValid},
		"without its message": {uni.statusEntry("m", "message", "5", "statusSize", 2), "message: status entry breaks a rule: statusSize 2 without its 4 messages", NotValid},
	} {
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5"), c.entry}, nil)))
		coherent(t, r)
		if remarks := allOf(r.check(CheckRevocation).Remarks); r.State != c.state || remarks != c.want {
			t.Errorf("%s: state %s, remarks %q", name, r.State, remarks)
		}
	}

	// The same size under another purpose: whatever is not 0 withdraws.
	served.set(uni.listURL("m"), uni.seal(t, uni.list(t, "m", "revocation", nil, nil, map[string]any{"encodedList": large.Encode()})))
	for index, state := range map[string]State{"3": StateValid, "4": StateValid, "5": Revoked, "6": Revoked, "7": Revoked, "8": StateValid} {
		entry := message(index)
		entry["statusPurpose"] = "revocation"
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		if r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{entry}, nil))); r.State != state {
			t.Errorf("entry %s: state %s, not %s: %+v", index, r.State, state, r.checks(CheckRevocation))
		}
	}
}

// list11 is a status list of VC Data Model 1.1, by the draft of 2021 or by
// Bitstring Status List.
func (i *testIssuer) list11(t testing.TB, name, purpose string, draft bool, set ...uint64) map[string]any {
	doc := i.list(t, name, purpose, set, map[string]any{"validFrom": nil, "validUntil": nil}, nil)
	doc["issuanceDate"], doc["expirationDate"] = "2026-10-01T08:00:00Z", "2026-10-08T08:00:00Z"
	doc["@context"] = []any{contexts.VC1, contexts.StatusV1}
	if draft {
		doc["@context"], doc["type"] = []any{contexts.VC1, contexts.Status2021}, []any{"VerifiableCredential", "StatusList2021Credential"}
		about := doc["credentialSubject"].(map[string]any)
		about["type"], about["encodedList"] = "StatusList2021", strings.TrimPrefix(about["encodedList"].(string), "u")
	}
	return doc
}

// claimed is a document of version 1.1 as claim vc, with the claims that repeat
// it.
func (i *testIssuer) claimed(t testing.TB, doc map[string]any) []byte {
	return i.sealAs(t, map[string]any{"iss": i.did, "jti": doc["id"], "vc": doc}, map[string]any{"typ": "JWT"})
}

// Status List 2021 says the same as its successor, in its own words; the two are
// not mixed.
func TestStatusList2021(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	bitstring := func(purpose string, set ...uint64) []byte {
		return uni.seal(t, uni.list(t, "1", purpose, set, nil, nil))
	}
	draft := func(purpose string, set ...uint64) []byte {
		return uni.claimed(t, uni.list11(t, "1", purpose, true, set...))
	}
	lettered := uni.list11(t, "1", "revocation", true)
	about := lettered["credentialSubject"].(map[string]any)
	about["encodedList"] = "u" + about["encodedList"].(string)
	for name, c := range map[string]struct {
		kind, purpose string
		list          []byte
		state         State
	}{
		"clear":                       {"StatusList2021Entry", "revocation", draft("revocation", 4, 6), StateValid},
		"revoked":                     {"StatusList2021Entry", "revocation", draft("revocation", 5), Revoked},
		"suspended":                   {"StatusList2021Entry", "suspension", draft("suspension", 5), Suspended},
		"for another purpose":         {"StatusList2021Entry", "revocation", draft("suspension"), NotValid},
		"with a letter":               {"StatusList2021Entry", "revocation", uni.claimed(t, lettered), StatusUnchecked},
		"entry of 2021, list of now":  {"StatusList2021Entry", "revocation", bitstring("revocation"), StatusUnchecked},
		"entry of now, list of 2021":  {"BitstringStatusListEntry", "revocation", draft("revocation"), StatusUnchecked},
		"of now in 1.1":               {"BitstringStatusListEntry", "revocation", uni.claimed(t, uni.list11(t, "1", "revocation", false, 5)), Revoked},
		"sealed in the form of today": {"StatusList2021Entry", "revocation", uni.seal(t, uni.list11(t, "1", "revocation", true, 5)), Revoked},
	} {
		served := &answers{}
		served.set(uni.listURL("1"), c.list)
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		context := map[string]string{"StatusList2021Entry": contexts.Status2021, "BitstringStatusListEntry": contexts.StatusV1}[c.kind]
		token := uni.jwt11(t, nil, map[string]any{
			"@context":          []any{contexts.VC1, context},
			"credentialSubject": map[string]any{"id": "did:example:learner", "type": "VerifiableCredential"},
			"credentialStatus":  uni.statusEntry("1", c.purpose, "5", "id", uni.listURL("1")+"#5", "type", c.kind),
		})
		r := v.Verify(t.Context(), token)
		coherent(t, r)
		if r.State != c.state {
			t.Errorf("%s: state %s, not %s: %+v", name, r.State, c.state, r.checks(CheckFormat, CheckRevocation))
		}
	}
}

// A list is read in every form in which a credential is.
func TestListsInEveryForm(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	for name, seal := range map[string]func(list map[string]any) []byte{
		"vc+jwt":    func(list map[string]any) []byte { return uni.seal(t, list) },
		"enveloped": func(list map[string]any) []byte { return mustJSON(t, envelopeOf(uni.seal(t, list))) },
		"JSON": func(list map[string]any) []byte {
			part := strings.Split(string(uni.seal(t, list)), ".")
			return mustJSON(t, map[string]any{"protected": part[0], "payload": part[1], "signature": part[2]})
		},
	} {
		for _, set := range [][]uint64{{4, 6}, {5}} {
			served := &answers{}
			served.set(uni.listURL("1"), seal(uni.list(t, "1", "revocation", set, nil, nil)))
			v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
			r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil)))
			coherent(t, r)
			if want := map[int]State{1: Revoked, 2: StateValid}[len(set)]; r.State != want {
				t.Errorf("%s: state %s, not %s: %+v", name, r.State, want, r.checks(CheckRevocation))
			}
		}
	}
}

// European Digital Credentials have their entries in member status, and name
// types that their contexts do not define. Who seals their lists is told by the
// certificate, as for the credentials.
func TestStatusOfADigitalCredential(t *testing.T) {
	const id = "VATRS-100000001"
	long, next := now.AddDate(-10, 0, 0), now.AddDate(1, 0, 0)
	root := (*authorityKey)(nil).certify(t, true, long, next, nil)
	holder, stranger := root.certify(t, false, long, next, nil, id), root.certify(t, false, long, next, nil, "VATRS-200000002")
	uni := newIssuer(t, "uni.example")

	organisation := func(notation string) map[string]any {
		return map[string]any{
			"id": "urn:epass:org:1", "type": "Organisation", "legalName": map[string]any{"en": "University"},
			"eIDASIdentifier": map[string]any{"id": "urn:epass:legalIdentifier:1", "type": "LegalIdentifier", "notation": notation},
		}
	}
	list := func(by *authorityKey, notation string, draft bool, set ...uint64) []byte {
		doc := uni.list11(t, "1", "revocation", draft, set...)
		doc["@context"] = append([]any{contexts.VC1, contexts.EDCAP}, doc["@context"].([]any)[1:]...)
		doc["issuer"] = organisation(notation)
		return by.seal(t, mustJSON(t, doc), now.Add(-time.Hour))
	}
	payload := func(kind string) []byte {
		cred, err := elm.Parse(digitalCredential(t, id))
		if err != nil {
			t.Fatal(err)
		}
		cred.Status = elm.List[elm.StatusEntry]{{
			Ref:           elm.Ref{ID: uni.listURL("1") + "#5", Type: elm.List[string]{kind}},
			StatusPurpose: "revocation", StatusListIndex: "5", StatusListCredential: uni.listURL("1"),
		}}
		encoded, err := cred.Encode(elm.EDC)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	known := TrustedIssuer{
		LegalName: map[string]string{"en": "University"}, OrganizationID: id,
		Anchors: []*x509.Certificate{root.cert}, Domains: []string{"uni.example"},
	}
	for name, c := range map[string]struct {
		kind  string
		list  any
		state State
	}{
		"clear":                 {"BitstringStatusListEntry", list(holder, id, false, 4, 6), StateValid},
		"revoked":               {"BitstringStatusListEntry", list(holder, id, false, 5), Revoked},
		"number without prefix": {"BitstringStatusListEntry", list(holder, "100000001", false, 5), Revoked},
		"2021, clear":           {"StatusList2021Entry", list(holder, id, true, 4, 6), StateValid},
		"2021, revoked":         {"StatusList2021Entry", list(holder, id, true, 5), Revoked},
		"sealed by another":     {"StatusList2021Entry", list(stranger, id, true), StatusUnchecked},
		"of another":            {"StatusList2021Entry", list(stranger, "VATRS-200000002", true), StatusUnchecked},
		"by a key of its own":   {"StatusList2021Entry", uni.claimed(t, uni.list11(t, "1", "revocation", true)), StatusUnchecked},
		"none":                  {"StatusList2021Entry", 404, StatusUnchecked},
		"unknown kind":          {"RevocationList2020Status", list(holder, id, true), StatusUnchecked},
	} {
		served := &answers{}
		served.set(uni.listURL("1"), c.list)
		v := newVerifier(t, Config{Trust: trusting(known), Fetch: served.client()})
		r := v.Verify(t.Context(), holder.seal(t, payload(c.kind), now.Add(-time.Hour)))
		coherent(t, r)
		if r.State != c.state {
			t.Errorf("%s: state %s, not %s: %+v", name, r.State, c.state, r.checks(CheckFormat, CheckSeal, CheckRevocation))
		}
	}
}
