package verifier

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parseTrust(t testing.TB) *Trust {
	t.Helper()
	trust, err := ParseTrust(read(t, "testdata", "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func written(t testing.TB, trust *Trust) string {
	t.Helper()
	raw, err := json.Marshal(trust)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// What an entry does not mention any more stays known.
func TestPutKeepsHistory(t *testing.T) {
	trust := parseTrust(t)
	uni := *trust.ByDID("did:web:uni.example")
	was := uni.Keys[0]

	// The same again changes nothing.
	before := written(t, trust)
	if change, err := trust.Put(uni, false); err != nil || change.New || change.Lines != nil || written(t, trust) != before {
		t.Errorf("%+v, %v", change, err)
	}

	// What the institution publishes itself: its name and its newest key alone,
	// and nothing of periods and of what the operator has found out.
	uni.Keys = uni.Keys[1:]
	uni.Keys[0].NotBefore = time.Time{}
	published := TrustedIssuer{ID: uni.ID, LegalName: map[string]string{"en": "University of Examples"}, Keys: uni.Keys, Source: "its page", Checked: "2026-10-01",
		Accredited: []Accredited{{By: "National accreditation body", From: "2021-07-01", To: "2029-06-30"}}}
	change, err := trust.Put(published, false)
	if err != nil {
		t.Fatal(err)
	}
	now := trust.ByDID(uni.ID)
	if len(now.Keys) != 2 || now.Keys[0].ID != was.ID || now.Keys[1].NotBefore.IsZero() || now.ETERID == "" || len(now.Anchors) != 2 || now.LegalName["sr-Cyrl"] == "" {
		t.Errorf("%+v", now)
	}
	if len(now.Accredited) != 1 || now.Accredited[0].To != "2029-06-30" {
		t.Errorf("%+v", now.Accredited)
	}
	if text := strings.Join(change.Lines, "\n"); change.New || !strings.Contains(text, `checked: "2026-08-20" -> "2026-10-01"`) ||
		!strings.Contains(text, "accredited: - ") || !strings.Contains(text, "accredited: + ") || strings.Contains(text, "keys") {
		t.Errorf("%+v", change)
	}

	// Compromised is compromised, whatever is published later.
	now.Keys[1].CompromisedAt = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	if _, err := trust.Put(published, false); err != nil || now.Keys[1].CompromisedAt.IsZero() {
		t.Errorf("%+v, %v", now.Keys[1], err)
	}

	// Another key under a known name is refused, and changes nothing.
	before = written(t, trust)
	published.Keys = slices.Clone(published.Keys)
	published.Keys[0].Key = was.Key
	for _, replace := range []bool{false, true} {
		if _, err := trust.Put(published, replace); err == nil || !strings.Contains(err.Error(), "another one than the key listed") || written(t, trust) != before {
			t.Errorf("replace %t: %v", replace, err)
		}
	}

	// Replaced is replaced; one entry cannot be two.
	published.Keys = nil
	if change, err := trust.Put(published, true); err != nil || len(trust.ByDID(uni.ID).Keys) != 0 || len(change.Lines) < 5 {
		t.Errorf("%+v, %v", change, err)
	}
	if _, err := trust.Put(TrustedIssuer{ID: uni.ID, OrganizationID: "NTREE-10000001"}, false); err == nil {
		t.Error("the DID of one and the number of another")
	}
	if change, err := trust.Put(TrustedIssuer{ID: "did:web:new.example"}, false); err != nil || !change.New || len(trust.Issuers) != 4 {
		t.Errorf("%+v, %v", change, err)
	}
}

const table = "did;organization_id;name;name_hr;country;domains;deqar_id;eter_id;register_name;register_number;provider;accredited_by;accredited_from;accredited_to;source;checked\n" +
	"did:web:uni.example;;University of Example;Sveučilište Primjer;RS;;;;;;;Agency;2026-01-01;;registry;2026-10-01\n" +
	";;University of Example;;;;DEQARINST0000;;;;;Board;2019-01-01;2020-12-31;registry;2026-10-01\n" +
	";NTREE-20000002;New Institute;;EE;new.example www.new.example;DEQARINST0002;;Register;77;alternative;;;;registry;2026-10-01\n" +
	";;Unknown School;;EE;;DEQARINST0009;;;;;;;;registry;2026-10-01\n"

func TestImportOfInstitutions(t *testing.T) {
	for name, text := range map[string]string{
		"semicolons": table, "commas": strings.ReplaceAll(table, ";", ","),
		"byte order mark, CRLF": "\ufeff" + strings.ReplaceAll(table, "\n", "\r\n"),
	} {
		trust := parseTrust(t)
		changes, skipped, err := trust.ImportCSV(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(changes) != 2 || changes[0].New || !changes[1].New || changes[1].Issuer != "New Institute" || len(skipped) != 1 || !strings.Contains(skipped[0], "row 5: Unknown School") {
			t.Errorf("%s: %+v, %q", name, changes, skipped)
		}
		uni := trust.ByDID("did:web:uni.example")
		if len(uni.Accredited) != 3 || len(uni.Keys) != 2 || uni.LegalName["hr"] != "Sveučilište Primjer" || uni.LegalName["sr-Latn"] == "" || uni.Country != "RS" ||
			uni.Source != "letter of the rectorate, checked by telephone" || uni.Checked != "2026-08-20" || uni.Accredited[1].Source != "registry" {
			t.Errorf("%s: %+v", name, uni)
		}
		want := TrustedIssuer{OrganizationID: "NTREE-20000002", LegalName: map[string]string{"en": "New Institute"}, Country: "EE", Domains: []string{"new.example", "www.new.example"},
			DEQARID: "DEQARINST0002", NationalRegister: &Register{Name: "Register", Number: "77"}, Provider: "alternative", Source: "registry", Checked: "2026-10-01"}
		if diff := cmp.Diff(want, trust.Issuers[3], cmp.AllowUnexported(TrustedIssuer{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}

		// Once more changes nothing.
		if changes, _, err := trust.ImportCSV(strings.NewReader(text)); err != nil || len(changes) != 0 {
			t.Errorf("%s, again: %+v, %v", name, changes, err)
		}
		if _, err := ParseTrust([]byte(written(t, trust))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of a table with faults nothing is taken, and each is named.
func TestWrongTablesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":          {"", []string{"header"}},
		"unknown column": {"did,nmae\n", []string{`"nmae" is not known`}},
		"column twice":   {"did,name,did\n", []string{`"did" is there twice`}},
		"faults": {strings.Replace(strings.Replace(table, "2026-01-01", "2026-13-01", 1), "new.example www", "https://new.example/ www", 1),
			[]string{"row 2, column accredited_from: not a date", "row 4, column domains: not a host name"}},
		"too many cells": {"did,name\na,b,c\n", []string{"row 2"}},
		"no source":      {"did,name,checked\ndid:web:x.example,X,2026-10-01\n", []string{"row 2, column source"}},
		"no name":        {"did,source,checked\ndid:web:x.example,X,2026-10-01\n", []string{"row 2, column name"}},
		"no DID":         {"did,name,source,checked\nx.example,X,S,2026-10-01\n", []string{"row 2, column did"}},
		"by nobody":      {"did,name,source,checked,accredited_from\ndid:web:x.example,X,S,2026-10-01,2026-01-01\n", []string{"row 2, column accredited_by"}},
		"end first":      {"did,name,source,checked,accredited_by,accredited_from,accredited_to\ndid:web:x.example,X,S,2026-10-01,A,2026-01-02,2026-01-01\n", []string{"row 2, column accredited_to"}},
		"not UTF-8":      {"did,name,source,checked\ndid:web:x.example,\xff,S,2026-10-01\n", []string{"row 2, column name: not UTF-8"}},
		"two in one":     {"did,organization_id,name,source,checked\ndid:web:uni.example,NTREE-10000001,X,S,2026-10-01\n", []string{"row 2, column did"}},
	} {
		trust := parseTrust(t)
		before := written(t, trust)
		_, _, err := trust.ImportCSV(strings.NewReader(c.text))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, not %q", name, err, want)
			}
		}
		if written(t, trust) != before {
			t.Errorf("%s: something was taken", name)
		}
	}
}

// Whatever a table holds, what comes of it is a trust file, or nothing changes.
func FuzzImportCSV(f *testing.F) {
	f.Add(table)
	f.Add("did,name,source,checked,keys\n")
	f.Add("organization_id,did,name,name_x,source,checked\nX,did:x,A,B,S,2026-10-01\nX,,A,,S,2026-10-01\n,did:x,,,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		trust := parseTrust(t)
		before := written(t, trust)
		changes, _, err := trust.ImportCSV(strings.NewReader(text))
		after := written(t, trust)
		if same := after == before; same != (err != nil || len(changes) == 0) {
			t.Errorf("changes %+v, error %v, but the same: %t", changes, err, same)
		}
		if _, err := ParseTrust([]byte(after)); err != nil {
			t.Error(err)
		}
	})
}
