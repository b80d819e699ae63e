package verifier

import (
	"cmp"
	"slices"
	"strings"
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

// Wire translates the stack into one of [elm.Languages].
func (s *StackReport) Wire(lang string) WireStack {
	say := func(id string) string {
		return stackWords[id][max(0, slices.Index(elm.Languages(), lang))]
	}
	w := WireStack{Result: s.Result, Sentence: say("sentence"), Question: say(string(s.Result)), Items: []WireItem{}}
	for n := range s.Items {
		w.Items = append(w.Items, s.Items[n].wire(n+1, lang, say))
	}
	var places, provisional, replaces bool
	for _, sum := range s.Sums {
		out := WireSum{Place: sum.Place, Provisional: sum.Provisional, Unit: "credits", Total: sum.Total}
		text := func(total string) string { return total + " " + out.Name }
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

// stackWords are the sentences of a stack in the order of [elm.Languages].
var stackWords = map[string][4]string{
	"sentence": {
		"This sum is arithmetic, not an award; the receiving institution decides.",
		"Ovaj je zbroj račun, a ne isprava o stečenome; odlučuje ustanova koja ga prima.",
		"Ovaj zbir je račun, a ne isprava o stečenom; odlučuje ustanova koja ga prima.",
		"Овај збир је рачун, а не исправа о стеченом; одлучује установа која га прима."},
	string(StackQuestion): {
		"It cannot be told from the credentials alone whether they all belong to one person. Do they?",
		"Iz samih se isprava ne vidi pripadaju li sve istoj osobi. Pripadaju li?",
		"Iz samih isprava se ne vidi da li sve pripadaju istoj osobi. Da li pripadaju?",
		"Из самих исправа се не види да ли све припадају истој особи. Да ли припадају?"},
	string(StackRefused): {
		"The credentials belong to different people, so they are not added up.",
		"Isprave pripadaju različitim osobama pa se ne zbrajaju.",
		"Isprave pripadaju različitim osobama, pa se ne sabiraju.",
		"Исправе припадају различитим особама, па се не сабирају."},
	string(StackEmpty): {
		"None of these credentials can be counted.",
		"Nijedna se od ovih isprava ne može zbrojiti.",
		"Nijedna od ovih isprava ne može da se sabere.",
		"Ниједна од ових исправа не може да се сабере."},
	string(StackTooLarge): {
		"These credentials hold more awards than are added up at once.",
		"Ove isprave sadrže više stečenoga nego što se odjednom zbraja.",
		"Ove isprave sadrže više stečenog nego što se odjednom sabira.",
		"Ове исправе садрже више стеченог него што се одједном сабира."},
	"apart": {
		"Hours and systems of credit are different measures. None is converted into another, and none is added to another.",
		"Sati i sustavi bodova različite su mjere. Nijedna se ne preračunava u drugu niti joj se pribraja.",
		"Sati i sistemi bodova su različite mere. Nijedna se ne preračunava u drugu niti joj se dodaje.",
		"Сати и системи бодова су различите мере. Ниједна се не прерачунава у другу нити јој се додаје."},
	"outside": {
		"What comes from outside the higher-education system counts there only through the institution's recognition of prior learning.",
		"Što je stečeno izvan sustava visokog obrazovanja, ondje se računa samo ako ustanova prizna prethodno učenje.",
		"Što je stečeno izvan sistema visokog obrazovanja, tamo se računa samo ako ustanova prizna prethodno učenje.",
		"Што је стечено изван система високог образовања, тамо се рачуна само ако установа призна претходно учење."},
	"provisional": {
		"What is marked as not fully confirmed is genuine as far as could be seen, and is summed apart.",
		"Što je označeno kao nepotpuno potvrđeno vjerodostojno je koliko se moglo vidjeti i zbraja se odvojeno.",
		"Što je označeno kao nepotpuno potvrđeno verodostojno je koliko se moglo videti i sabira se odvojeno.",
		"Што је означено као непотпуно потврђено веродостојно је колико се могло видети и сабира се одвојено."},
	"never-replaces": {
		"By the rules of Bosnia and Herzegovina a micro-programme never replaces a qualification or a formal programme.",
		"Prema pravilima Bosne i Hercegovine mikroprogram nikada ne zamjenjuje kvalifikaciju ni formalni program.",
		"Prema pravilima Bosne i Hercegovine mikroprogram nikada ne zamenjuje kvalifikaciju ni formalni program.",
		"Према правилима Босне и Херцеговине микропрограм никада не замењује квалификацију ни формални програм."},
	"contradictory": {
		"The credentials say differently how much this award needs, so no distance is told.",
		"Isprave različito navode koliko je za to potrebno pa se ne kazuje koliko nedostaje.",
		"Isprave različito navode koliko je za to potrebno, pa se ne kaže koliko nedostaje.",
		"Исправе различито наводе колико је за то потребно, па се не каже колико недостаје."},
	"overlap": {
		"The same course again, or a part of the other award: counted once.",
		"Isti tečaj ponovno ili dio druge isprave: računa se jednom.",
		"Isti kurs ponovo ili deo druge isprave: računa se jednom.",
		"Исти курс поново или део друге исправе: рачуна се једном."},
	"overlap-title": {
		"The same title with other credits or another level, or from another awarding body. All are counted; look whether the same was learnt twice.",
		"Isti naziv, a drugi bodovi ili razina ili druga ustanova. Sve se računa; provjerite je li isto naučeno dvaput.",
		"Isti naziv, a drugi bodovi ili nivo ili druga ustanova. Sve se računa; proverite da li je isto naučeno dvaput.",
		"Исти назив, а други бодови или ниво или друга установа. Све се рачуна; проверите да ли је исто научено двапут."},

	"hours":         {"Hours", "Sati", "Sati", "Сати"},
	"no-level":      {"No level stated", "Razina nije navedena", "Nivo nije naveden", "Ниво није наведен"},
	"no-system":     {"credits of a system that is not named", "bodova sustava koji nije naveden", "bodova sistema koji nije naveden", "бодова система који није наведен"},
	"unknown":       {"The credential does not say.", "Isprava to ne navodi.", "Isprava to ne navodi.", "Исправа то не наводи."},
	"otherwise":     {"the credential says otherwise about the provider", "isprava o pružatelju navodi drukčije", "isprava o pružaocu navodi drugačije", "исправа о пружаоцу наводи другачије"},
	"by trust_file": {"by the verifier's list of institutions", "prema popisu ustanova ove provjere", "prema spisku ustanova ove provere", "према списку установа ове провере"},
	"by credential": {"as the credential states", "kako navodi isprava", "kako navodi isprava", "како наводи исправа"},

	"why " + string(Unreadable):      {"not a credential", "nije isprava", "nije isprava", "није исправа"},
	"why " + string(NoSeal):          {"not sealed", "nije pečaćeno", "nije pečaćeno", "није печаћено"},
	"why " + string(NotValid):        {"not valid", "nije valjano", "ne važi", "не важи"},
	"why " + string(Revoked):         {"revoked", "opozvano", "opozvano", "опозвано"},
	"why " + string(IssuerUnknown):   {"issuer not confirmed", "izdavatelj nije potvrđen", "izdavalac nije potvrđen", "издавалац није потврђен"},
	"why " + string(Unconfirmable):   {"cannot be confirmed", "ne može se potvrditi", "ne može da se potvrdi", "не може да се потврди"},
	"why " + string(Suspended):       {"on hold", "obustavljeno", "obustavljeno", "обустављено"},
	"why " + string(NotConforming):   {"breaks rules of its format", "krši pravila formata", "krši pravila formata", "крши правила формата"},
	"why " + string(StatusUnchecked): {"revocation not checked", "opoziv nije provjeren", "opoziv nije proveren", "опозив није проверен"},
	"why " + string(Expired):         {"validity ended", "valjanost je istekla", "važenje je isteklo", "важење је истекло"},
	"why " + string(NotYetValid):     {"not valid yet", "još ne vrijedi", "još ne važi", "још не важи"},
	"why no_learner":                 {"names no learner", "ne navodi polaznika", "ne navodi polaznika", "не наводи полазника"},
	"why several_learners":           {"names several learners", "navodi više polaznika", "navodi više polaznika", "наводи више полазника"},
	"why no_award":                   {"awards nothing that could be counted", "ne sadrži ništa što se računa", "ne sadrži ništa što se računa", "не садржи ништа што се рачуна"},
	"why same_course":                {"the same course is counted already", "isti je tečaj već uračunat", "isti kurs je već uračunat", "исти курс је већ урачунат"},
	"why part_of_another":            {"part of another award that is counted", "dio druge isprave koja se računa", "deo druge isprave koja se računa", "део друге исправе која се рачуна"},
}
