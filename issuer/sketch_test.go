package issuer

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/examples"
)

// A course that is being written is shown as far as it goes, and the gate opens
// element by element.
func TestSketchGrowsWithTheCourse(t *testing.T) {
	inst := Institution{Country: "SRB", Provider: "hei", LegalName: map[string]string{"en": "School"}}
	answered := func(s Sketch) (ids []string) {
		for _, e := range s.Gate {
			if e.Label == "" {
				t.Errorf("%s has no label", e.ID)
			}
			if e.Answered {
				ids = append(ids, e.ID)
			}
		}
		return ids
	}
	for _, one := range []struct {
		raw  string
		want []string // answered, beside what the institution says
	}{
		{``, nil},
		{`[]`, nil},
		{`{"id":`, nil},
		{`{}`, nil},
		{`{"title":{"en":"Soil"}}`, []string{"M2"}},
		{`{"title":{"en":"Soil"},"mode":"online"}`, []string{"M2", "M10"}},
		{`{"title":{"en":"Soil"},"mode":"by post"}`, []string{"M2"}},
		{`{"title":{"en":"Soil"},"outcomes":[{"id":"1","title":{"en":"Tells loam from clay"}}],"mode":"online","outcomes2":1}`, []string{"M2", "M6", "M10"}},
	} {
		s := inst.Sketch([]byte(one.raw), "en")
		got := slices.DeleteFunc(answered(s), func(id string) bool { return slices.Contains([]string{"M1", "M3", "M4", "M5", "confirm"}, id) })
		if !slices.Equal(got, one.want) || s.Course != nil || len(s.Problems) == 0 || len(s.Gate) != 13 || len(s.Sections) == 0 {
			t.Errorf("%s: answered %q, want %q; %d of the gate, %d problems", one.raw, got, one.want, len(s.Gate), len(s.Problems))
		}
		for _, section := range s.Sections {
			for _, e := range section.Elements {
				for _, v := range e.Values {
					if v.Text == "–" && (e.ID == "M2" || strings.HasPrefix(e.ID, "M6")) {
						t.Errorf("%s: the stopgap shows in %s", one.raw, e.ID)
					}
				}
			}
		}
	}
	for _, example := range examples.Courses() {
		s := inst.Sketch(example.CourseJSON, "en")
		if len(answered(s)) != 13 || s.Course == nil {
			t.Errorf("%s: %+v %v", example.Name, s.Gate, s.Problems)
		}
		var members map[string]jsontext.Value
		if err := json.Unmarshal(example.CourseJSON, &members); err != nil {
			t.Fatal(err)
		}
		for name := range members { // without any of its members, and with a wrong one
			for _, value := range []jsontext.Value{nil, jsontext.Value(`[[]]`)} {
				other := map[string]jsontext.Value{}
				for n, v := range members {
					other[n] = v
				}
				if delete(other, name); value != nil {
					other[name] = value
				}
				raw, err := json.Marshal(other)
				if err != nil {
					t.Fatal(err)
				}
				if s := inst.Sketch(raw, "en"); len(s.Sections) == 0 {
					t.Errorf("%s without %s shows nothing: %v", example.Name, name, s.Problems)
				}
			}
		}
	}
}
