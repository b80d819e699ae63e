package issuer

import (
	"context"
	"slices"

	"indeks/elm"
)

// Preview is a row as its credential will be.
type Preview struct {
	Row        int
	Credential *elm.Credential
}

// Previews builds the credentials of some rows of a batch, without number and
// link. They name people.
func (b *Batches) Previews(ctx context.Context, batch Batch) ([]Preview, error) {
	courses, _, _, err := b.courses(ctx, &batch)
	if err != nil {
		return nil, err
	}
	var previews []Preview
	for _, place := range batch.Previews {
		rows, _, err := b.rows(ctx, &batch, place/b.c.chunk, courses)
		if err != nil {
			return nil, err
		}
		if place %= b.c.chunk; place >= len(rows) || !(&Row{Problems: rows[place].Problems}).Sound() {
			continue
		}
		raw, err := b.c.Issuer.Preview(rows[place].Draft, string(elm.EDC))
		if err != nil {
			continue // a problem that the check has named, or will
		}
		cred, err := elm.Parse(raw)
		if err != nil {
			return nil, err
		}
		previews = append(previews, Preview{rows[place].Draft.Row, cred})
	}
	return previews, nil
}

// previewPlaces chooses three rows that show the most: the first, the one with
// the longest name, and one that says something that the first does not.
func previewPlaces(rows []Row) []int {
	var sound []int
	for i := range rows {
		if rows[i].Sound() && rows[i].Draft.Course != nil {
			sound = append(sound, i)
		}
	}
	if len(sound) == 0 {
		return nil
	}
	longest, other := sound[0], sound[len(sound)-1]
	name := func(i int) int { return len(rows[i].Draft.GivenName) + len(rows[i].Draft.FamilyName) }
	differs := func(d, first *Draft) bool {
		return d.Course != first.Course || d.RPL != first.RPL || d.Language != first.Language || d.LevelOverride != first.LevelOverride || d.IDVerification != first.IDVerification
	}
	for _, i := range sound {
		if name(i) > name(longest) {
			longest = i
		}
	}
	for _, i := range sound {
		if differs(&rows[i].Draft, &rows[sound[0]].Draft) {
			other = i
			break
		}
	}
	places := []int{sound[0]}
	for _, i := range []int{longest, other, sound[len(sound)/2], sound[len(sound)-1]} {
		if len(places) < 3 && !slices.Contains(places, i) {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	return places
}
