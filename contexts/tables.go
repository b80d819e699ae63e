package contexts

import (
	_ "embed"
	"strings"
)

// The long lists, as the EU published them: a member a line, its code and after
// a tab its label, sorted by code in bytes. Some languages and administrative
// units have a code only. Tests compare the files with the publication, and
// write them anew with
//
//	go test ./contexts -run TestTables -update
//
// They are searched where they lie in the program: nothing is decoded, and
// nothing is kept on the heap.
var (
	//go:embed published/atu.txt
	atuTable string
	//go:embed published/currency.txt
	currencyTable string
	//go:embed published/file-type.txt
	fileTypeTable string
	//go:embed published/language.txt
	languageTable string
	//go:embed published/nqf.txt
	nqfTable string
	//go:embed published/nuts.txt
	nutsTable string
)

// find looks a code up in a table.
func find(table, code string) (label string, ok bool) {
	for len(table) > 0 {
		start := strings.LastIndexByte(table[:len(table)/2], '\n') + 1
		end := start + strings.IndexByte(table[start:], '\n')
		c, label, _ := strings.Cut(table[start:end], "\t")
		switch strings.Compare(code, c) {
		case 0:
			return label, true
		case -1:
			table = table[:start]
		case +1:
			table = table[end+1:]
		}
	}
	return "", false
}
