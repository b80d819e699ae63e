package issuer

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/keys"
	"indeks/verifier"
)

// What it takes to read and verify an archive: public keys, and the words that
// credentials are written in.

// keys are the public keys with their periods and certificates, as JSON, PEM and as a
// trust file.
func (a *Archive) keys(_ context.Context, w *archiveWriter) error {
	type keyFile struct {
		ID            string         `json:"id"`
		Alg           keys.Algorithm `json:"alg"`
		Purposes      []string       `json:"purposes"`
		From          time.Time      `json:"from"`
		Until         time.Time      `json:"until,omitzero"`
		CompromisedAt time.Time      `json:"compromised_at,omitzero"`
		Reason        string         `json:"reason,omitzero"`
		JWK           jsontext.Value `json:"jwk"`
		PEM           string         `json:"pem"`
		Certificates  string         `json:"certificates"`
	}
	var all []keyFile
	for _, e := range slices.Concat(a.Ring.Entries(), a.Ring.LogEntries()) {
		k := e.Public
		name := "keys/" + k.ID[strings.LastIndexByte(k.ID, '#')+1:]
		der, err := x509.MarshalPKIXPublicKey(k.Key)
		if err != nil {
			return err
		}
		var chain []byte
		for _, c := range e.Chain {
			chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
		all = append(all, keyFile{k.ID, k.Alg, k.Purposes, k.NotBefore, k.NotAfter, k.CompromisedAt, e.Reason, k.JWK(), name + ".pem", name + ".crt"})
		if err := errors.Join(w.file(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), w.file(name+".crt", chain)); err != nil {
			return err
		}
	}
	p := keys.Publication{DID: a.Institution.DID, IssuerURL: a.Institution.PublicBase, Keys: a.Ring.Entries()}
	did, err1 := p.DIDDocument()
	jwks, err2 := p.JWKS()
	trust, err3 := json.Marshal(a.trust(), json.Deterministic(true), jsontext.Multiline(true))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return errors.Join(w.json("keys/keys.json", all), w.file("keys/did.json", did), w.file("keys/jwks.json", jwks), w.file(trustFile, append(trust, '\n')))
}

// trust names the institution, and nobody vouches for it.
func (a *Archive) trust() *verifier.Trust {
	return &verifier.Trust{Version: 1, Issued: a.At, Expires: a.At.AddDate(100, 0, 0), Issuers: []verifier.TrustedIssuer{trustEntry(&a.Institution, a.Ring, a.At)}}
}

// words are the contexts, shapes and code lists that credentials are written in.
func (a *Archive) words(_ context.Context, w *archiveWriter) error {
	docs := contexts.Default().Documents()
	index := map[string]string{}
	for n, at := range slices.Sorted(maps.Keys(docs)) {
		name, address := fmt.Sprintf("contexts/%02d.json", n+1), at
		if at == contexts.ELMPath {
			address = a.Institution.PublicBase + at
		}
		index[address] = name
		if err := w.file(name, docs[at]); err != nil {
			return err
		}
	}
	if err := errors.Join(w.json("contexts/index.json", index), w.file("shapes/edc-"+contexts.ShapesVersion+".txt", []byte(contexts.ShapesText()))); err != nil {
		return err
	}
	for _, list := range contexts.Lists() {
		if err := w.json("vocabularies/"+list+".json", contexts.List(list)); err != nil {
			return err
		}
	}
	return nil
}
