package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"indeks/examples"
)

// The list of the encoding tests: names with the letters that encodings lose,
// a separator inside a cell, quotation marks, a decomposed letter.
var table = [][]string{
	{"Ime", "Prezime", "Datum rođenja", "Broj indeksa", "E-pošta", "Ocjena", "Datum dodjele", "Prethodno učenje", "Priznati ishodi", "Dokazi"},
	{"Željka", "Čačinović-Šušnjar", "1991-02-08", "0012/2026", "zeljka@students.example", "5 (izvrstan)", "2026-06-12", "ne", "", ""},
	{"Đurđa", "Grđan", "2001-09-23", "0013/2026", "", "4; \"vrlo dobar\"", "2026-06-12", "djelomično", "1, 2", "Radna knjižica; razgovor, 28. 5. 2026."},
	{"Ćiro", "Mihoković", "1978-12-05", "", "", "", "", "u cijelosti", "", "Mapa"},
}

func csvOf(rows [][]string, separator string) string {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteString(separator)
			}
			if strings.ContainsAny(cell, ",;\t\"\n") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			b.WriteString(cell)
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// xlsxOf writes a workbook. Cells in the columns named dates become date cells.
func xlsxOf(t testing.TB, rows [][]string, dates ...string) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for r, row := range rows {
		for c, text := range row {
			at := cellName(c, r+1)
			if err := f.SetCellStr("Sheet1", at, text); err != nil {
				t.Fatal(err)
			}
			if r > 0 && slices.Contains(dates, rows[0][c]) && isDay(text) {
				day, err := time.Parse(time.DateOnly, text)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.SetCellValue("Sheet1", at, day); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEncodingsGiveTheSameDrafts(t *testing.T) {
	c := course(t, 1)
	want, _, err := ReadList("list.csv", []byte(csvOf(table, ",")), c, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != 3 || want[1].FamilyName != "Grđan" || want[1].RPL != "part" || !slices.Equal(want[1].RPLOutcomes, []string{"1", "2"}) || want[2].RPL != "whole" {
		t.Fatalf("read %+v", want)
	}
	windows := func(s string) []byte {
		raw, err := charmap.Windows1250.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(raw)
	}
	decomposed := strings.NewReplacer("Č", "C\u030c", "š", "s\u030c", "ž", "z\u030c").Replace(csvOf(table, ","))
	for name, in := range map[string]struct {
		data     []byte
		encoding string
	}{
		"UTF-8, semicolons":       {[]byte(csvOf(table, ";")), ""},
		"UTF-8, tabs":             {[]byte(csvOf(table, "\t")), ""},
		"UTF-8 with BOM":          {[]byte("\ufeff" + csvOf(table, ",")), ""},
		"UTF-8, said":             {[]byte(csvOf(table, ",")), "UTF-8"},
		"UTF-8, decomposed":       {[]byte(decomposed), ""},
		"UTF-8, LF":               {[]byte(strings.ReplaceAll(csvOf(table, ","), "\r\n", "\n")), ""},
		"UTF-16, little end, tab": {append([]byte("\xff\xfe"), utf16bytes(csvOf(table, "\t"))...), ""},
		"UTF-16, big end":         {swapped(append([]byte("\xff\xfe"), utf16bytes(csvOf(table, ";"))...)), ""},
		"Windows-1250, said":      {windows(csvOf(table, ",")), "windows-1250"},
		"cp1250, said":            {windows(csvOf(table, ";")), "cp1250"},
		"XLSX, text":              {xlsxOf(t, table), ""},
		"XLSX, date cells":        {xlsxOf(t, table, "Datum rođenja", "Datum dodjele"), ""},
	} {
		got, warnings, err := ReadList(name, in.data, c, in.encoding)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if warnings != nil {
			t.Errorf("%s: warnings %v", name, warnings)
		}
	}
}

func TestExampleListsAreRead(t *testing.T) {
	for n, e := range examples.Courses() {
		if _, warnings, err := ParseCourse(e.Name, e.CourseJSON); err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", e.Name, warnings, err)
		}
		drafts, _, err := ReadList(e.ListName, e.List, course(t, n), e.Encoding)
		if err != nil || len(drafts) != 3 {
			t.Errorf("%s: %d drafts, %v", e.ListName, len(drafts), err)
		}
	}
	drafts, warnings, err := ReadList("class-250.csv", examples.Class250(), course(t, 0), "")
	if err != nil || len(drafts) != 250 {
		t.Errorf("%d drafts, %v", len(drafts), err)
	}
	for _, w := range warnings {
		t.Errorf("%s", w)
	}
}

const head = "given_name,family_name,date_of_birth,learner_id,email,grade,awarding_date,rpl,rpl_outcomes,rpl_evidence,id_verification,level_override,override_reason,language,certificate_number\n"

// brokenLists are the mistakes that ReadList names.
var brokenLists = []struct{ name, text, encoding string }{
	{"good", head + "Ana,Anić,2001-03-14,,,,,,,,,,,,\n", ""},
	{"Cyrillic", "Име;Презиме;Датум рођења\nЉиљана;Његован;2001-03-14\n", ""},
	{"empty file", "", ""},
	{"header only", head, ""},
	{"missing columns", "first name,grade\nAna,5\n", ""},
	{"unknown columns", "given_name,family_name,date_of_birth,gradee,shoe size\nAna,Anić,2001-03-14,5,38\n", ""},
	{"column twice", "ime,given_name,prezime,datum rođenja\nAna,Ana,Anić,2001-03-14\n", ""},
	{"31 February", head + "Ana,Anić,2001-02-31,,,,,,,,,,,,\n", ""},
	{"how it was assessed", "given_name,family_name,date_of_birth,awarding_date,assessment_date,examiner\nAna,Anić,2001-03-14,2026-06-30,2026-07-01,Vera Primer; Ana Primer\nIva,Ivić,2001-03-14,2026-06-30,2001-03-14,7\n", ""},
	{"forms of dates", head + "Ana,Anić,14.3.2001.,,,,2026/06/30,,,,,,,,\nIva,Ivić,36963,,,,,,,,,,,,\nMia,Mijić,1801-01-01,,,,,,,,,,,,\nUna,Unić,2026-07-01,,,,2026-06-30,,,,,,,,\n", ""},
	{"empty cells", head + ",,,,,,,,,,,,,,x\n", ""},
	{"same learner twice", head + "Ana,Anić,2001-03-14,,,,,,,,,,,,\nIva,Ivić,2001-03-14,7,,,,,,,,,,,\nAna,Anić,2001-03-14,,,9,,,,,,,,,\nEva,Ević,2002-03-14,7,,,,,,,,,,,\n", ""},
	{"addresses", head + "Ana,Anić,2001-03-14,,ana at school,,,,,,,,,,\nIva,Ivić,2001-03-14,,Iva <iva@school.example>,,,,,,,,,,\nUna,Unić,2001-03-14,,una@school,,,,,,,,,,\n", ""},
	{"prior learning", head + "Ana,Anić,2001-03-14,,,,,maybe,,,,,,,\nIva,Ivić,2001-03-14,,,,,part,\"1; 99\",CV,,,,,\nUna,Unić,2001-03-14,,,,,part,,CV,,,,,\nMia,Mijić,2001-03-14,,,,,none,1,,,,,,\nEva,Ević,2001-03-14,,,,,whole,,,,,,,\n", ""},
	{"levels", head + "Ana,Anić,2001-03-14,,,,,,,,,9,why,,\nIva,Ivić,2001-03-14,,,,,,,,,6,,,\nUna,Unić,2001-03-14,,,,,,,,,,why,,\n", ""},
	{"codes", head + "Ana,Anić,2001-03-14,,,,,,,,passport,,,de,\n", ""},
	{"numbers", head + "Ana,Anić,2001-03-14,,,,,,,,,,,,A-1\nIva,Ivić,2001-03-14,,,,,,,,,,,,A-1\nUna,Unić,2001-03-14,,,,,,,,,,,,#7\n", ""},
	{"formulas", head + "=1+1,+Anić,2001-03-14,-,,,,,,,,,,,\n@Iva,-Ivić,2001-03-14,,,\"=HYPERLINK(\"\"http://x.example\"\")\",,,,,,,,,\n", ""},
	{"characters", head + "An\u200ba,An\u202eić,2001-03-14,,,\"5\nfive\",,,,,,,,,\n123,Ivić3,2001-03-14,,,,,,,,,,,,\n", ""},
	{"too many cells", "given_name,family_name,date_of_birth\nAna,Anić,2001-03-14,5\n", ""},
	{"open quotation marks", head + "Ana,Anić,2001-03-14,,,,,,,,,,,,\n\"Iva,Ivić,2001-03-14,,,,,,,,,,,,\n", ""},
	{"neither encoding", head + "Ana,Ani\x81,2001-03-14,,,,,,,,,,,,\n", ""},
	{"not the encoding that was said", head + "Ana,Ani\xe6,2001-03-14,,,,,,,,,,,,\n", "utf-8"},
	{"unknown encoding", head, "ebcdic"},
	{"old spreadsheet", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ""},
	{"cut XLSX", "PK\x03\x04\x14\x00", ""},
	{"UTF-16, no learner", "\xff\xfe" + string(utf16bytes(head)), ""},
	{"UTF-16 without a mark", string(utf16bytes(head)), ""},
	{"rows of several lines", "given_name,family_name,date_of_birth\n\nAna,Anić,2001-03-14\n\"Iva\n\nMara\",Ivić,2001-03-14\n\nUna,Unić,x\n", ""},
	{"two rows at once", "given_name,family_name,date_of_birth\n\"Ana\n\",Anić,2001-03-14\nIva,\"Ivić,2001-03-14\n", ""},
	{"everything at once", "given_name,family_name,gradee,email\n,Anić,5,x\n=1,Ivić,5,y\n", ""},
}

func utf16bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// swapped turns little-endian UTF-16 into big-endian.
func swapped(b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return b
}

// TestEncodingIsNotGuessed: a person who sees the names says which it is.
func TestEncodingIsNotGuessed(t *testing.T) {
	c := course(t, 0)
	for name, in := range map[string]struct {
		page   *charmap.Charmap
		text   string
		likely string
	}{
		"Croatian":       {charmap.Windows1250, "ime;prezime;datum rođenja\nĐurđica;Šćepanović-Žižić;2001-03-14\n", "windows-1250"},
		"Serbian":        {charmap.Windows1251, "име;презиме;датум рођења\nЉиљана;Његован;2001-03-14\n", "windows-1251"},
		"one name alone": {charmap.Windows1251, "given_name;family_name;date_of_birth\nЉиљана;Његован;2001-03-14\n", "windows-1251"},
		"Spanish":        {charmap.Windows1252, "given_name;family_name;date_of_birth\nBegoña;Ibáñez;2001-03-14\n", ""},
		"Hungarian":      {charmap.Windows1250, "given_name;family_name;date_of_birth\nGyőző;Szűcs;2001-03-14\n", ""},
		"could be both":  {charmap.Windows1250, "given_name;family_name;date_of_birth\nJürgen;Höß;2001-03-14\n", ""},
	} {
		raw, err := in.page.NewEncoder().String(in.text)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = ReadList("list.csv", []byte(raw), c, "")
		open, ok := errors.AsType[*EncodingError](err)
		if !ok || len(open.Choices) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if first := open.Choices[0]; first.Likely != (in.likely != "") || first.Likely && first.Encoding != in.likely {
			t.Errorf("%s: %+v", name, open.Choices)
		}
		for _, choice := range open.Choices {
			drafts, _, err := ReadList("list.csv", []byte(raw), c, choice.Encoding)
			if choice.Encoding == in.likely && (err != nil || !strings.Contains(in.text, drafts[0].FamilyName)) {
				t.Errorf("%s in %s: %v", name, choice.Encoding, err)
			}
			if len(choice.Samples) == 0 {
				t.Errorf("%s in %s: no samples", name, choice.Encoding)
			}
		}
	}
}

func TestEachMistakeInAListIsNamed(t *testing.T) {
	c := course(t, 0)
	var b strings.Builder
	for _, l := range brokenLists {
		drafts, warnings, err := ReadList("list.csv", []byte(l.text), c, l.encoding)
		if (drafts == nil) == (err == nil) {
			t.Errorf("%s: %d drafts with %v", l.name, len(drafts), err)
		}
		fmt.Fprintf(&b, "%s\n%s", l.name, listed(warnings, err))
	}
	golden(t, "lists.golden", b.String())
}

func TestLimitsOfAList(t *testing.T) {
	c := course(t, 0)
	var rows strings.Builder
	rows.WriteString("given_name,family_name,date_of_birth,learner_id\n")
	for n := range maxRows + 1 {
		fmt.Fprintf(&rows, "Ana,Anić,2001-03-14,%d\n", n)
	}
	for name, in := range map[string]struct{ text, rule string }{
		"rows":     {rows.String(), "list-size"},
		"columns":  {strings.Repeat("a,", maxColumns) + "\n", "list-size"},
		"bytes":    {strings.Repeat("a", maxList+1), "list-size"},
		"problems": {"given_name,family_name,date_of_birth\n" + strings.Repeat("Ana,Anić,x\n", 2*maxProblems), "list-problems"},
	} {
		_, _, err := ReadList(name, []byte(in.text), c, "")
		p, ok := err.(*Problems)
		if !ok || !slices.ContainsFunc(p.List, func(p Problem) bool { return p.Rule == in.rule }) {
			t.Errorf("%s: no problem %s", name, in.rule)
		}
	}
}

func TestReadDraftIsARow(t *testing.T) {
	c := course(t, 0)
	d, _, err := ReadDraft(c, map[string]string{"given_name": "Ana", "family_name": "Anić", "date_of_birth": "2001-03-14"})
	if err != nil || d.Row != 0 || d.RPL != "none" {
		t.Errorf("%+v, %v", d, err)
	}
	_, _, err = ReadDraft(c, map[string]string{"given_name": "Ana", "familyname": "Anić", "date_of_birth": "2001-02-31"})
	want := `  date: date_of_birth: "2001-02-31" is not a real date, expected YYYY-MM-DD
  empty: family_name: the cell is empty, expected a family name as on the identity document
  column-unknown: familyname: is not a column of a class list; did you mean "family_name"?
`
	if diff := cmp.Diff(want, listed(nil, err)); diff != "" {
		t.Error(diff)
	}
}

// TestKeyDoesNotDependOnColumnOrder holds the law that makes a list that was
// sorted or rearranged the same requests.
func TestKeyDoesNotDependOnColumnOrder(t *testing.T) {
	c := course(t, 0)
	values := map[string]string{"given_name": "Ana", "family_name": "Anić", "date_of_birth": "2001-03-14", "learner_id": "7", "grade": "9", "awarding_date": "2026-06-30", "language": "en"}
	names := slices.Sorted(maps.Keys(values))
	read := func(names []string) Draft {
		row := make([]string, len(names))
		for i, n := range names {
			row[i] = values[n]
		}
		drafts, _, err := ReadList("list.csv", []byte(csvOf([][]string{names, row}, ",")), c, "")
		if err != nil {
			t.Fatal(err)
		}
		return drafts[0]
	}
	want := read(names)
	rapid.Check(t, func(t *rapid.T) {
		got := read(rapid.Permutation(names).Draw(t, "columns"))
		if got.Key(testDID) != want.Key(testDID) || got.RequestHash() != want.RequestHash() {
			t.Fatal("another order of the columns gave another key or hash")
		}
	})
}

// TestKeyTellsRequestsApart holds that no two fields run into one another.
func TestKeyTellsRequestsApart(t *testing.T) {
	base := draft(t)
	base.LearnerID = ""
	seen := map[[32]byte]string{}
	for name, change := range map[string]func(*Draft){
		"as it is":      func(*Draft) {},
		"given name":    func(d *Draft) { d.GivenName += "a" },
		"names shifted": func(d *Draft) { d.GivenName, d.FamilyName = d.GivenName+d.FamilyName[:1], d.FamilyName[1:] },
		"birth":         func(d *Draft) { d.DateOfBirth = "1999-12-30" },
		"learner":       func(d *Draft) { d.LearnerID = "1" },
		"awarding date": func(d *Draft) { d.AwardingDate = "" },
		"version":       func(d *Draft) { c := *d.Course; c.Version += "1"; d.Course = &c },
	} {
		d := base
		change(&d)
		if other, ok := seen[d.Key(testDID)]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[d.Key(testDID)] = name
	}
	if k := base.Key("did:web:other.example"); seen[k] != "" {
		t.Error("two issuers have one key")
	}
	graded := base
	graded.Grade = "10"
	if graded.Key(testDID) != base.Key(testDID) || graded.RequestHash() == base.RequestHash() {
		t.Error("the grade belongs into the hash, not into the key")
	}
}

func FuzzReadList(f *testing.F) {
	for _, l := range brokenLists {
		f.Add([]byte(l.text), l.encoding)
	}
	f.Add([]byte(csvOf(table, ";")), "")
	f.Add(append([]byte("\xff\xfe"), utf16bytes(csvOf(table, "\t"))...), "")
	f.Add(xlsxOf(f, table, "Datum rođenja"), "")
	c := course(f, 0)
	f.Fuzz(func(t *testing.T, data []byte, encoding string) {
		drafts, warnings, err := ReadList("list.csv", data, c, encoding)
		if (drafts == nil) == (err == nil) {
			t.Fatalf("%d drafts with %v", len(drafts), err)
		}
		for _, w := range warnings {
			if !w.Warn {
				t.Fatalf("a problem that blocks among the warnings: %s", w)
			}
		}
		for _, d := range drafts {
			if err := d.check(); err != nil {
				t.Fatalf("a draft that was read is refused: %v", err)
			}
		}
	})
}
