package verifier

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// trustColumns are the columns that ImportCSV reads, and where each goes; a
// legal name in another language is in column name_TAG. A row has one period of
// accreditation at most; several rows of one institution add up.
var trustColumns = map[string]func(e *trustEntry, text string){
	"did":               func(e *trustEntry, text string) { e.ID = text },
	"organization_id":   func(e *trustEntry, text string) { e.OrganizationID = text },
	"name":              func(e *trustEntry, text string) { e.LegalName["en"] = text },
	"country":           func(e *trustEntry, text string) { e.Country = text },
	"domains":           func(e *trustEntry, text string) { e.Domains = strings.Fields(text) },
	"deqar_id":          func(e *trustEntry, text string) { e.DEQARID = text },
	"eter_id":           func(e *trustEntry, text string) { e.ETERID = text },
	"provider":          func(e *trustEntry, text string) { e.Provider = text },
	"register_name":     func(e *trustEntry, text string) { e.register().Name = text },
	"register_number":   func(e *trustEntry, text string) { e.register().Number = text },
	"register_from":     func(e *trustEntry, text string) { e.register().From = text },
	"register_to":       func(e *trustEntry, text string) { e.register().To = text },
	"accredited_by":     func(e *trustEntry, text string) { e.accreditation().By = text },
	"accredited_from":   func(e *trustEntry, text string) { e.accreditation().From = text },
	"accredited_to":     func(e *trustEntry, text string) { e.accreditation().To = text },
	"accredited_source": func(e *trustEntry, text string) { e.accreditation().Source = text },
	"accredited_url":    func(e *trustEntry, text string) { e.accreditation().URL = text },
	"source":            func(e *trustEntry, text string) { e.Source = text },
	"checked":           func(e *trustEntry, text string) { e.Checked = text },
}

func (entry *trustEntry) register() *registerEntry {
	if entry.NationalRegister == nil {
		entry.NationalRegister = new(registerEntry)
	}
	return entry.NationalRegister
}

func (entry *trustEntry) accreditation() *accreditedEntry {
	if entry.Accredited == nil {
		entry.Accredited = make([]accreditedEntry, 1)
	}
	return &entry.Accredited[0]
}

// column is the column in which a wrong member of an entry stood.
func column(member string) string {
	switch member {
	case "id":
		return "did"
	case "x5c_organization_identifier":
		return "organization_id"
	case "legal_name":
		return "name"
	}
	first, rest, _ := strings.Cut(member, "/")
	switch first {
	case "accredited":
		_, name, _ := strings.Cut(rest, "/")
		return "accredited_" + name
	case "national_register":
		return "register_" + rest
	}
	return first
}

// ImportCSV brings institutions from a table into the trust file: UTF-8, columns
// as listed in docs/trust.md, separated by comma or semicolon. A row is about
// the entry with its did or organization_id, else its deqar_id or eter_id; where
// those find none, a row without a did and organization_id is skipped, because
// nothing could be sealed in its name. Rows add to entries as [Trust.Put] does,
// but for source and checked: those of an entry that is there say how its keys
// became known, which a table does not, and stay. A period of accreditation has
// the row's source where it has none of its own.
//
// Of a table with any fault nothing is taken: the error names each by row, as
// spreadsheets count them, and column.
func (t *Trust) ImportCSV(table io.Reader) (changes []TrustChange, skipped []string, err error) {
	// 1. The header.
	buffered := bufio.NewReader(table)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		buffered.Discard(3)
	}
	first, _ := buffered.Peek(buffered.Size())
	head, _, _ := bytes.Cut(first, []byte("\n"))
	reader := csv.NewReader(buffered)
	if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		reader.Comma = ';'
	}
	header, err := reader.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the header of the table: %w", err)
	}
	set := make([]func(*trustEntry, string), len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		tag, isName := strings.CutPrefix(name, "name_")
		switch {
		case slices.Contains(header[:i], header[i]):
			return nil, nil, fmt.Errorf("reading the header of the table: column %q is there twice", name)
		case trustColumns[name] != nil:
			set[i] = trustColumns[name]
		case isName && tag != "":
			set[i] = func(e *trustEntry, text string) { e.LegalName[tag] = text }
		default:
			return nil, nil, fmt.Errorf("reading the header of the table: column %q is not known; known are %s and name_TAG", name, strings.Join(slices.Sorted(maps.Keys(trustColumns)), ", "))
		}
	}

	// 2. The rows, into a copy: a fault anywhere leaves all as it was.
	work := Trust{Issuers: slices.Clone(t.Issuers)}
	var faults []error
	for row := 2; ; row++ {
		cells, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("row %d: %w", row, err))
			break
		}
		fault := func(column string, err error) {
			faults = append(faults, fmt.Errorf("row %d, column %s: %w", row, column, err))
		}
		entry := trustEntry{LegalName: make(map[string]string)}
		readable := true
		for i, cell := range cells {
			if cell = strings.TrimSpace(cell); cell == "" {
				continue
			}
			if !utf8.ValidString(cell) {
				fault(header[i], errors.New("not UTF-8"))
				readable = false
			}
			set[i](&entry, cell)
		}
		if !readable {
			continue
		}
		if entry.ID == "" && entry.OrganizationID == "" {
			found := work.registered(entry.DEQARID, entry.ETERID)
			if found == nil {
				skipped = append(skipped, fmt.Sprintf("row %d: %s is in no entry, and has neither did nor organization_id", row, entry.LegalName["en"]))
				continue
			}
			entry.ID, entry.OrganizationID = found.ID, found.OrganizationID
		}
		e, member, err := entry.issuer()
		if err != nil {
			fault(column(member), err)
			continue
		}
		for i := range e.Accredited {
			if a := &e.Accredited[i]; a.Source == "" {
				a.Source = e.Source
			}
		}
		if work.Find(entry.ID) != nil || work.Find(entry.OrganizationID) != nil {
			e.Source, e.Checked = "", ""
		}
		if _, err := work.Put(*e, false); err != nil {
			fault("did", err)
		}
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}

	// 3. What that changes. Entries stay in their order, new ones come after.
	for i := range work.Issuers {
		e := &work.Issuers[i]
		if i >= len(t.Issuers) {
			changes = append(changes, TrustChange{Issuer: e.Name("en"), New: true})
			continue
		}
		lines, err := differences(&t.Issuers[i], e)
		if err != nil {
			return nil, nil, err
		}
		if len(lines) > 0 {
			changes = append(changes, TrustChange{Issuer: e.Name("en"), Lines: lines})
		}
	}
	t.Issuers = work.Issuers
	return changes, skipped, nil
}

// registered finds the entry with one of these register numbers, nil where there
// is none.
func (t *Trust) registered(deqarID, eterID string) *TrustedIssuer {
	i := slices.IndexFunc(t.Issuers, func(e TrustedIssuer) bool {
		return deqarID != "" && e.DEQARID == deqarID || eterID != "" && e.ETERID == eterID
	})
	if i < 0 {
		return nil
	}
	return &t.Issuers[i]
}
