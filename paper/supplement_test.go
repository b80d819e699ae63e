package paper

import "testing"

// Wherever a column ends, the last line of a text does not go to the next one alone.
func TestNoLineGoesOnAlone(t *testing.T) {
	set := settingsOf(8)
	of := func(counts ...int) (b block) {
		for _, n := range counts {
			b.paragraphs = append(b.paragraphs, setLines{lines: make([]line, n)})
		}
		return b
	}
	for name, b := range map[string]block{"two": of(2), "five": of(5), "one that goes on with one": of(1, 1), "with two": of(1, 2), "with four": of(1, 4)} {
		lines, turned := 0, 0
		for _, p := range b.paragraphs {
			lines += len(p.lines)
		}
		for room := 1.0; room < float64(lines+1); room += 0.25 {
			at := columns{top: edge, y: bottom - (room+1)*set.leading - set.between}
			new(press).flow([]block{of(1), b}, set, &at, false)
			if !at.right {
				continue
			}
			turned++
			if over := int((at.y-set.between-at.top)/set.leading + 0.5); over < min(2, lines) {
				t.Errorf("%s, room for %.2f lines: %d goes on alone", name, room, over)
			}
		}
		if turned == 0 {
			t.Errorf("%s never reached the end of a column", name)
		}
	}
}
