package verifier

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrustFileIsReadAsItIsWritten(t *testing.T) {
	raw := read(t, "testdata", "trust.json")
	trust, err := ParseTrust(raw)
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(trust)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if json.Unmarshal(raw, &want) != nil || json.Unmarshal(written, &got) != nil {
		t.Fatal("not JSON")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-file +written:\n%s", diff)
	}
	uni := trust.ByDID("did:web:uni.example")
	if uni == nil || uni.Keys[0].NotAfter.IsZero() || uni.Keys[0].Controller != uni.ID || len(uni.Anchors) != 2 || uni.QRPrefix != "7N" {
		t.Errorf("%+v", uni)
	}
	if e := trust.ByDID("did:web:nobody.example"); e != nil {
		t.Errorf("%+v", e)
	}
	if (*Trust)(nil).ByDID("did:web:uni.example") != nil || (*Trust)(nil).ByOrganization("x") != nil || trust.ByDID("") != nil {
		t.Error("an entry of no trust file, or without a DID")
	}
}

// A trust file is believed as a whole or not at all, and says where it is wrong.
func TestWrongTrustFilesAreRefused(t *testing.T) {
	raw := string(read(t, "testdata", "trust.json"))
	for name, c := range map[string]struct{ old, replaced, want string }{
		"unknown member":   {`"country": "RS"`, `"counrty": "RS"`, "/issuers/0/counrty"},
		"other case":       {`"country": "RS"`, `"Country": "RS"`, "/issuers/0/Country"},
		"repeated member":  {`"country": "RS"`, `"country": "RS", "country": "HR"`, "/issuers/0/country"},
		"wrong type":       {`"version": 3`, `"version": "3"`, "/version"},
		"no version":       {`"version": 3`, `"version": 0`, "/version"},
		"no end":           {`"expires": "2027-09-01T00:00:00Z"`, `"expires": "2026-01-01T00:00:00Z"`, "/expires"},
		"no DID":           {`"id": "did:web:academy.example"`, `"id": "https://academy.example"`, "/issuers/1/id"},
		"one DID twice":    {`"id": "did:web:academy.example"`, `"id": "did:web:uni.example"`, "/issuers/1/id"},
		"one number twice": {`"NTREE-10000001"`, `"VATRS-100000001"`, "/issuers/2/x5c_organization_identifier"},
		"nobody":           {`"x5c_organization_identifier": "NTREE-10000001",`, ``, "/issuers/2/id"},
		"no source":        {`"source": "business register"`, `"source": ""`, "/issuers/2/source"},
		"no date":          {`"checked": "2026-08-20"`, `"checked": "20.8.2026"`, "/issuers/0/checked"},
		"accredited when":  {`"from": "2021-07-01"`, `"from": "July"`, "/issuers/0/accredited/0/from"},
		"provider":         {`"provider": "alternative"`, `"provider": "school"`, "/issuers/1/provider"},
		"prefix":           {`"qr_prefix": "HR"`, `"qr_prefix": "HRV"`, "/issuers/1/qr_prefix"},
		"prefix letters":   {`"qr_prefix": "HR"`, `"qr_prefix": "IL"`, "/issuers/1/qr_prefix"},
		"credentials":      {`"https://academy.example/credentials"`, `"academy.example"`, "/issuers/1/credentials_url"},
		"domain":           {"\"uni.example\"\n", "\"https://uni.example/\"\n", "/issuers/0/domains/0"},
		"certificate":      {`-----BEGIN CERTIFICATE-----\nMII`, `-----BEGIN CERTIFICATE-----\nNII`, "/issuers/0/x5c_anchors/0"},
		"no certificate":   {`-----BEGIN CERTIFICATE-----\nMII`, `-----BEGIN CERTIFICATES-----\nMII`, "/issuers/0/x5c_anchors/0"},
		"accredited to":    {`"to": "2028-06-30"`, `"to": "2021-06-30"`, "/issuers/0/accredited/0/to"},
		"registered when":  {`"from": "2010-05-01"`, `"from": "2010"`, "/issuers/0/national_register/from"},
		"granted whom":     {`"anchor": "`, `"anchor": "00`, "/issuers/0/x5c_granted/0/anchor"},
		"granted where":    {`"source": "https://list.example/tsl.xml"`, `"source": ""`, "/issuers/0/x5c_granted/0/source"},
		"granted when":     {`"from": "2017-07-01"`, `"from": ""`, "/issuers/0/x5c_granted/0/from"},
		"private key":      {`"kty": "OKP"`, `"kty": "OKP", "d": "AAAA"`, "/issuers/0/keys/1"},
		"key without name": {`"kid": "did:web:uni.example#ZSEw`, `"kid": "", "kjd": "`, "/issuers/0/keys/1"},
		"purposes":         {"\"purposes\": [\n            \"assertionMethod\"\n          ]", `"purposes": []`, "/issuers/0/keys/0"},
		"rest":             {"\n}\n", "\n}{}", "after"},
	} {
		changed := strings.Replace(raw, c.old, c.replaced, 1)
		if changed == raw {
			t.Errorf("%s: nothing changed", name)
			continue
		}
		if _, err := ParseTrust([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", name, err, c.want)
		}
	}
}

// A key that policy refuses stays known, and is written back as it was.
func TestRefusedKeysStayListed(t *testing.T) {
	raw := bytes.Replace(read(t, "testdata", "trust.json"), []byte(`"alg": "EdDSA"`), []byte(`"alg": "HS256"`), 1)
	trust, err := ParseTrust(raw)
	if err != nil {
		t.Fatal(err)
	}
	e := trust.Issuers[0]
	if len(e.Keys) != 1 || len(e.Refused) != 1 || !strings.HasPrefix(e.Refused[0].ID, "did:web:uni.example#") || e.Refused[0].Why == nil {
		t.Fatalf("%d keys, refused %+v", len(e.Keys), e.Refused)
	}
	written, err := json.Marshal(trust)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseTrust(written); err != nil || len(again.Issuers[0].Refused) != 1 {
		t.Errorf("%v", err)
	}
}

func TestOrganizationPrefixIsOptional(t *testing.T) {
	trust := trusting(
		TrustedIssuer{OrganizationID: "VATHR-17207834"},
		TrustedIssuer{OrganizationID: "NTREE-17207834"},
		TrustedIssuer{OrganizationID: "VATRS-100000001"},
		TrustedIssuer{ID: "did:web:uni.example"},
	)
	for id, want := range map[string]string{
		"NTREE-17207834":  "NTREE-17207834", // in full goes first
		"17207834":        "VATHR-17207834",
		"100000001":       "VATRS-100000001",
		"RS-100000001":    "",
		"vatrs-100000001": "",
		"00000001":        "",
		"":                "",
	} {
		got := ""
		if e := trust.ByOrganization(id); e != nil {
			got = e.OrganizationID
		}
		if got != want {
			t.Errorf("%q names %q, not %q", id, got, want)
		}
	}
}

func TestHostsOfAnIssuer(t *testing.T) {
	e := TrustedIssuer{ID: "did:web:uni.example%3A8443:issuer", Domains: []string{"Example.edu"}, CredentialsURL: "https://files.example.org/c"}
	for host, want := range map[string]bool{
		"uni.example": true, "status.uni.example": true, "example.edu": true, "a.b.EXAMPLE.edu.": true, "files.example.org": true,
		"uni.example:8443": true, "status.uni.example:443": true, "uni.example:22": false, "files.example.org:8080": false,
		"": false, ".": false, "example": false, "notuni.example": false, "uni.example.evil.example": false, "example.org": false,
	} {
		if e.owns(&url.URL{Scheme: "https", Host: host}) != want {
			t.Errorf("%q: %t", host, !want)
		}
	}
	if (&TrustedIssuer{}).owns(&url.URL{Host: "uni.example"}) || (&TrustedIssuer{}).owns(&url.URL{}) {
		t.Error("an issuer without hosts owns one")
	}
}

// An entry to put into a trust file is read alone or out of one, as strictly.
func TestTrustEntries(t *testing.T) {
	raw := read(t, "testdata", "trust.json")
	all, err := ParseTrustEntries(raw)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	alone := `{"id":"did:web:uni.example","legal_name":{"en":"University"},"source":"letter","checked":"2026-08-20"`
	if one, err := ParseTrustEntries([]byte(alone + `}`)); err != nil || len(one) != 1 || one[0].ID != "did:web:uni.example" {
		t.Errorf("%+v, %v", one, err)
	}
	for entry, want := range map[string]string{
		alone + `,"counrty":"RS"}`:   "/counrty",
		alone + `,"ended":"June"}`:   "at /ended: not a date",
		alone + `,"keys":[{}]}`:      "at /keys/0",
		`{"issuers":[]}`:             "/version",
		`[]`:                         "trust entry",
		alone + `} {}`:               "trust entry",
		alone + `,"checked":"2026"}`: "/checked",
	} {
		if list, err := ParseTrustEntries([]byte(entry)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", entry, list, err)
		}
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add(read(f, "testdata", "trust.json"))
	f.Add([]byte(`{"version":1,"issued":"2026-01-01T00:00:00Z","expires":"2027-01-01T00:00:00Z","issuers":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		trust, err := ParseTrust(raw)
		if err != nil {
			return
		}
		written, err := trust.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseTrust(written); err != nil {
			t.Fatalf("%v in %s", err, written)
		}
	})
}
