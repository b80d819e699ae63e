package verifier

import (
	"cmp"
	"embed"
	"strings"
	"sync"
	"time"

	"indeks/elm"
)

// WireStack is a stack as the API and the page write it. Items are referred to
// by their number, from 1.
type WireStack struct {
	Result    StackResult   `json:"result"`
	Sentence  string        `json:"sentence"`           // the fixed one
	Question  string        `json:"question,omitempty"` // what the caller must answer, or why there are no sums
	Items     []WireItem    `json:"items"`
	Sums      []WireSum     `json:"sums,omitempty"`
	Overlaps  []WireOverlap `json:"overlaps,omitempty"`
	Awards    []WireToward  `json:"awards,omitempty"`
	Sentences []string      `json:"sentences,omitempty"` // what the sums do and do not mean
}

type WireItem struct {
	Number        int           `json:"number"`
	ID            string        `json:"id,omitempty"`
	PayloadSHA256 []string      `json:"payload_sha256,omitempty"`
	Title         string        `json:"title,omitempty"`
	TitleLang     string        `json:"title_lang,omitempty"` // where it is not the language asked for
	Issuer        string        `json:"issuer,omitempty"`
	Awarded       string        `json:"awarded,omitempty"` // YYYY-MM-DD
	Verdict       Verdict       `json:"verdict"`
	State         State         `json:"state"`
	Counts        Counts        `json:"counts"`
	Why           string        `json:"why,omitempty"`
	WhyText       string        `json:"why_text,omitempty"`
	Level         *WireLevel    `json:"level,omitempty"`
	Credits       []WireCredit  `json:"credits,omitempty"`
	Hours         string        `json:"hours,omitempty"` // xsd:duration
	HoursText     string        `json:"hours_text,omitempty"`
	NotAdded      []string      `json:"not_added,omitempty"` // amounts as written that cannot be added
	Standing      *WireStanding `json:"standing,omitempty"`
	Stackability  string        `json:"stackability,omitempty"`
	StackText     string        `json:"stackability_text,omitempty"`
	LeadsTo       []string      `json:"leads_to,omitempty"`
	NeverReplaces bool          `json:"never_replaces_a_qualification,omitempty"`
}

type WireLevel struct {
	ID    string `json:"id,omitempty"`
	Label string `json:"label"`
}

type WireCredit struct {
	System string `json:"system"`
	Name   string `json:"name"`
	Amount string `json:"amount"` // decimal
}

type WireStanding struct {
	Place      Place  `json:"place"`
	Provider   string `json:"provider,omitempty"`
	ProviderBy string `json:"provider_by,omitempty"`
	Award      string `json:"award,omitempty"`
	AwardBy    string `json:"award_by,omitempty"`
	Text       string `json:"text"`
}

type WireSum struct {
	Place       Place          `json:"place"`
	Provisional bool           `json:"provisional"`
	Unit        string         `json:"unit"` // "credits" or "hours"
	System      string         `json:"system,omitempty"`
	Name        string         `json:"name"`
	Levels      []WireLevelSum `json:"levels"`
	Total       string         `json:"total"` // decimal, or xsd:duration for hours
	TotalText   string         `json:"total_text"`
}

type WireLevelSum struct {
	WireLevel
	Awards    int    `json:"awards"`
	Total     string `json:"total"`
	TotalText string `json:"total_text"`
}

type WireOverlap struct {
	Certain bool   `json:"certain"`
	Counted int    `json:"counted"`
	Others  []int  `json:"others"`
	Text    string `json:"text"`
}

type WireToward struct {
	Title         string          `json:"title"`
	TitleLang     string          `json:"title_lang,omitempty"`
	Items         []int           `json:"items"`
	Sums          []WireTowardSum `json:"sums,omitempty"`
	NeverReplaces bool            `json:"never_replaces_a_qualification,omitempty"`
	Contradictory bool            `json:"contradictory,omitempty"`
	Text          string          `json:"text,omitempty"`
}

type WireTowardSum struct {
	System      string `json:"system"`
	Name        string `json:"name"`
	Counted     string `json:"counted"`
	Provisional string `json:"provisional,omitempty"`
	Needs       string `json:"needs,omitempty"`
	Missing     string `json:"missing,omitempty"`
}

// WireGroup are the sums of one standing.
type WireGroup struct {
	Place       Place
	Provisional bool
	Sums        []WireSum
}

// Groups are the sums as pages show them: those of one standing together.
func (w WireStack) Groups() (groups []WireGroup) {
	for _, sum := range w.Sums {
		n := len(groups) - 1
		if n < 0 || groups[n].Place != sum.Place || groups[n].Provisional != sum.Provisional {
			groups = append(groups, WireGroup{Place: sum.Place, Provisional: sum.Provisional})
			n++
		}
		groups[n].Sums = append(groups[n].Sums, sum)
	}
	return groups
}

// Alone are the items that count and lead to no named award.
func (w WireStack) Alone() (alone []WireItem) {
	for _, item := range w.Items {
		if w.Result == StackSummed && (item.Counts == CountsFull || item.Counts == CountsProvisional) && len(item.LeadsTo) == 0 {
			alone = append(alone, item)
		}
	}
	return alone
}

// Wire translates the stack into one of [elm.Languages], any other being English.
func (s *StackReport) Wire(lang string) WireStack {
	texts, ok := stackWords()[lang]
	if !ok {
		texts = stackWords()["en"]
	}
	say := func(id string) string { return texts[id] }
	w := WireStack{Result: s.Result, Sentence: say("sentence"), Question: say(string(s.Result)), Items: []WireItem{}}
	for n := range s.Items {
		w.Items = append(w.Items, s.Items[n].wire(n+1, lang, say))
	}
	var places, provisional, replaces bool
	for _, sum := range s.Sums {
		out := WireSum{Place: sum.Place, Provisional: sum.Provisional, Unit: "credits", Total: sum.Total}
		text := func(total string) string { return elm.Number(lang, total) + " " + out.Name }
		if sum.Hours() {
			out.Unit, out.Name = "hours", say("hours")
			text = func(total string) string { return elm.Duration(total, lang) }
		} else {
			out.System, out.Name = systemOf(sum.System, lang, say)
		}
		out.TotalText = text(sum.Total)
		for _, l := range sum.Levels {
			row := WireLevelSum{WireLevel: WireLevel{Label: say("no-level")}, Awards: l.Awards, Total: l.Total, TotalText: text(l.Total)}
			if l.Level != nil {
				row.WireLevel = levelOf(l.Level, lang)
			}
			out.Levels = append(out.Levels, row)
		}
		places, provisional = places || sum.Place == PlaceOutside, provisional || sum.Provisional
		w.Sums = append(w.Sums, out)
	}
	for _, o := range s.Overlaps {
		out := WireOverlap{Certain: o.Certain, Counted: o.Counted + 1, Text: say("overlap-title")}
		if o.Certain {
			out.Text = say("overlap")
		}
		for _, i := range o.Others {
			out.Others = append(out.Others, i+1)
		}
		w.Overlaps = append(w.Overlaps, out)
	}
	for _, t := range s.Awards {
		title := t.Title.In(lang)
		out := WireToward{Title: title.Text, TitleLang: title.Lang, NeverReplaces: t.NeverReplaces, Contradictory: t.Contradictory}
		switch {
		case t.NeverReplaces:
			out.Text = say("never-replaces")
		case t.Contradictory:
			out.Text = say("contradictory")
		}
		for _, i := range t.Items {
			out.Items = append(out.Items, i+1)
		}
		for _, sum := range t.Sums {
			id, name := systemOf(sum.System, lang, say)
			out.Sums = append(out.Sums, WireTowardSum{id, name, sum.Counted, sum.Provisional, sum.Needs, sum.Missing})
		}
		w.Awards = append(w.Awards, out)
	}
	for _, i := range s.Items {
		replaces = replaces || i.NeverReplaces && i.counts()
	}
	if len(s.Sums) > 0 {
		w.Sentences = append(w.Sentences, say("apart"))
	}
	for _, more := range []struct {
		needed bool
		id     string
	}{{places, "outside"}, {provisional, "provisional"}, {replaces, "never-replaces"}} {
		if more.needed {
			w.Sentences = append(w.Sentences, say(more.id))
		}
	}
	return w
}

func systemOf(c *elm.Concept, lang string, say func(string) string) (id, name string) {
	if c == nil {
		return "", say("no-system")
	}
	return c.ID, cmp.Or(elm.SystemName(c, lang), say("no-system"))
}

func levelOf(c *elm.Concept, lang string) WireLevel {
	return WireLevel{ID: c.ID, Label: elm.LevelName(c, lang)}
}

func (i *StackItem) wire(number int, lang string, say func(string) string) WireItem {
	r := i.Report
	w := WireItem{Number: number, PayloadSHA256: i.SHA256, Verdict: r.Verdict, State: r.State,
		Counts: i.Counts, Why: i.Why, WhyText: say("why " + i.Why)}
	if i.issuer == "" || !r.showsContent() {
		return w
	}
	w.ID, w.Issuer = r.ID, r.Issuer.Trust.Name(lang)
	a := i.Award
	if a == nil {
		return w
	}
	title := a.Title.In(lang)
	w.Title, w.TitleLang = title.Text, title.Lang
	if !i.at.IsZero() {
		w.Awarded = i.at.Format(time.DateOnly)
	}
	if a.Level != nil {
		level := levelOf(a.Level, lang)
		w.Level = &level
	}
	for _, c := range i.Credits {
		id, name := systemOf(c.System, lang, say)
		w.Credits = append(w.Credits, WireCredit{id, name, c.Amount})
	}
	if i.Hours != "" {
		w.Hours, w.HoursText = i.Hours, elm.Duration(i.Hours, lang)
	}
	w.NotAdded = i.Unread
	w.Standing = &WireStanding{
		Place: i.Standing.Place, Provider: i.Standing.Provider, ProviderBy: i.Standing.ProviderBy,
		Award: i.Standing.Award, AwardBy: i.Standing.AwardBy, Text: i.Standing.text(lang, say),
	}
	if code := a.Stackability; code != "" {
		w.Stackability, w.StackText = code, elm.Label(elm.TopicStackability+":"+code, lang)
	}
	led := map[string]bool{}
	for _, to := range a.Towards {
		if text := to.Title.In(lang).Text; !led[text] {
			led[text] = true
			w.LeadsTo = append(w.LeadsTo, text)
		}
	}
	w.NeverReplaces = i.NeverReplaces
	return w
}

// text says the standing with its sources: a fact of the trust file, or the
// issuer's own word.
func (s Standing) text(lang string, say func(string) string) string {
	var parts []string
	add := func(label, by string) {
		if label != "" {
			parts = append(parts, label+" ("+say("by "+by)+")")
		}
	}
	add(elm.Label(elm.TopicProvider+":"+s.Provider, lang), s.ProviderBy)
	add(elm.Label(elm.TopicAwardStatus+":"+s.Award, lang), s.AwardBy)
	if s.ProviderOtherwise {
		parts = append(parts, say("otherwise"))
	}
	if len(parts) == 0 {
		return say("unknown")
	}
	return strings.Join(parts, "; ")
}

//go:embed locales/*.json
var locales embed.FS

// stackWords are the sentences of a stack by language and id.
var stackWords = sync.OnceValue(func() map[string]map[string]string { return elm.ReadWords(locales) })
