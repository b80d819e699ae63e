// Package examples holds three complete micro-credentials with their class
// lists, a class list of 250 learners, and a table of institutions for a trust
// file. Every institution, course and person in it is invented; every host ends
// in .example, but for the demo's own.
//
// Most readers want [Courses]. The package is data only: what the data means is
// said by package issuer and by docs/course.md and docs/class-list.md.
package examples

import "embed"

//go:embed institution.json class-250.csv */course.json */list.csv
var files embed.FS

// Course is a course with the class list of its three learners. The names are
// paths below this folder, for messages.
type Course struct {
	Name       string // ".../course.json"
	CourseJSON []byte
	ListName   string // ".../list.csv"
	List       []byte // as saved, in the encodings described at Courses
	Encoding   string // of List, where it does not tell itself
}

// Courses returns the three examples, in the order in which they are shown:
//
//   - data-stewardship: a university's course of 3 ECTS credits at EQF level 7,
//     stackable towards a master's programme, in English and in Serbian in both
//     scripts. Its list is UTF-8 with commas and our own column names.
//   - cnc-operator: a vocational course of 4 CSVET credits in Croatian and
//     English, whose outcomes come from a partial qualification. Its list is
//     Windows-1250 with semicolons, CRLF and Croatian headers; one learner had
//     part of it by recognition of prior learning.
//   - community-first-aid: the course of an alternative provider outside higher
//     education, with stated reasons instead of level, credits and legal basis.
//     Its list is UTF-8 with headers and names in Serbian Cyrillic.
//
// The last two have an awarding body of their own: the institution of
// [Institution] seals them by mandate.
func Courses() []Course {
	names := []string{"data-stewardship", "cnc-operator", "community-first-aid"}
	courses := make([]Course, len(names))
	for i, name := range names {
		c := Course{Name: name + "/course.json", ListName: name + "/list.csv"}
		c.CourseJSON, c.List = read(c.Name), read(c.ListName)
		if name == "cnc-operator" {
			c.Encoding = "windows-1250"
		}
		courses[i] = c
	}
	return courses
}

// Institution returns who issues the examples: the members of
// issuer.Institution, less the addresses of its servers, as a JSON object with
// snake_case names.
func Institution() []byte { return read("institution.json") }

// Class250 returns a class list of 250 learners of data-stewardship: UTF-8 with
// commas and our own column names, two in five names in Cyrillic.
func Class250() []byte { return read("class-250.csv") }

func read(name string) []byte {
	raw, err := files.ReadFile(name)
	if err != nil {
		panic(err) // unreachable: the names are embedded above
	}
	return raw
}
