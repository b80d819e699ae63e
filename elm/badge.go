package elm

import (
	"cmp"
	"slices"
	"strings"

	"indeks/contexts"
	"indeks/strictjson"
)

// badgeContext reports whether a @context names one of Open Badges 3.0.
func badgeContext(context *strictjson.Value) bool {
	return slices.ContainsFunc(context.OneOrMany(), func(item strictjson.Member) bool {
		url, _ := item.Value.Text()
		return strings.HasPrefix(url, contexts.OB3Prefix)
	})
}

// badge is the supplement of an Open Badge 3.0, as far as it has the facts. What
// it lacks of Annex I is not said to be missing: its model does not foresee it.
// Criteria and narratives are Markdown, and shown as text; no picture is fetched.
func (v *view) badge() []Section {
	var who, skills, workload, assessment, other []Element
	add := func(section *[]Element, id string, values ...Value) {
		values = slices.DeleteFunc(values, func(value Value) bool { return value.Text == "" })
		if len(values) > 0 {
			*section = append(*section, Element{ID: id, Label: v.say(id), Values: values})
		}
	}
	issuer := v.c.Tree.Get("issuer")
	for _, subject := range v.c.Tree.Get("credentialSubject").OneOrMany() {
		s := &subject.Value
		a := s.Get("achievement")
		add(&who, "M1", v.badgeHolders(s)...)

		title := badgeText(a.Get("name"))
		title.Detail = v.line(title.Detail, "line:description", badgeText(a.Get("description")).Text)
		title.Detail = v.line(title.Detail, "line:type", badgeText(a.Get("achievementType")).Text)
		title.Detail = v.line(title.Detail, "line:identifier", badgeText(a.Get("humanCode")).Text)
		add(&who, "M2", title)
		add(&who, "M4", badgeProfile(issuer))
		if creator := badgeProfile(a.Get("creator")); creator.Text != badgeProfile(issuer).Text {
			add(&who, "creator", creator)
		}

		var alignments, results []Value
		for _, item := range a.Get("alignment").OneOrMany() {
			value := badgeText(item.Value.Get("targetName"))
			value.Link = link(badgeText(item.Value.Get("targetUrl")).Text)
			value.Detail = v.line(value.Detail, "line:framework", badgeText(item.Value.Get("targetFramework")).Text)
			value.Detail = v.line(value.Detail, "line:identifier", badgeText(item.Value.Get("targetCode")).Text)
			value.Detail = v.line(value.Detail, "line:description", badgeText(item.Value.Get("targetDescription")).Text)
			alignments = append(alignments, value)
		}
		add(&skills, "alignment", alignments...)

		credits := cmp.Or(badgeText(s.Get("creditsEarned")).Text, badgeText(a.Get("creditsAvailable")).Text)
		if credits != "" {
			add(&workload, "M7", shown(v.say("badge credits %s", credits)))
		}
		add(&workload, "period", shown(strings.Trim(badgeText(s.Get("activityStartDate")).Text+" – "+badgeText(s.Get("activityEndDate")).Text, " –")))

		criteria := badgeText(a.Get("criteria").Get("narrative"))
		criteria.Link = link(badgeText(a.Get("criteria").Get("id")).Text)
		criteria.Text = cmp.Or(criteria.Text, criteria.Link)
		add(&assessment, "criteria", criteria)
		for _, item := range s.Get("result").OneOrMany() {
			value := badgeText(item.Value.Get("value"))
			value.Text = cmp.Or(value.Text, badgeText(item.Value.Get("status")).Text)
			value.Detail = v.line(value.Detail, "line:assessment", badgeResult(a, badgeText(item.Value.Get("resultDescription")).Text))
			results = append(results, value)
		}
		add(&assessment, "O3", results...)
		add(&other, "field", badgeText(a.Get("fieldOfStudy")))
	}
	add(&who, "M5", shown(v.day(cmp.Or(DateTime(badgeText(v.c.Tree.Get("awardedDate")).Text), v.c.IssuanceDate, v.c.ValidFrom))))
	var evidence []Value
	for _, item := range v.c.Tree.Get("evidence").OneOrMany() {
		value := badgeText(item.Value.Get("name"))
		value.Link = link(badgeText(item.Value.Get("id")).Text)
		value.Text = cmp.Or(value.Text, value.Link)
		value.Detail = v.line(value.Detail, "line:description", cmp.Or(badgeText(item.Value.Get("narrative")).Text, badgeText(item.Value.Get("description")).Text))
		evidence = append(evidence, value)
	}
	add(&assessment, "evidence", evidence...)

	var sections []Section
	for _, s := range []Section{{ID: "who", Elements: who}, {ID: "skills", Elements: skills}, {ID: "workload", Elements: workload},
		{ID: "assessment", Elements: assessment}, v.section("validity", v.validity()), {ID: "other", Elements: other}} {
		s.Elements = slices.DeleteFunc(s.Elements, func(e Element) bool { return e.Missing })
		s.Label = v.say(s.ID)
		sections = append(sections, s)
	}
	return sections
}

// badgeHolders are the names of a subject that are not hashed.
func (v *view) badgeHolders(subject *strictjson.Value) []Value {
	values := []Value{badgeText(subject.Get("name"))}
	for _, item := range subject.Get("identifier").OneOrMany() {
		if item.Value.Get("hashed").Kind() == strictjson.False {
			value := badgeText(item.Value.Get("identityHash"))
			value.Detail = v.line(value.Detail, "line:type", badgeText(item.Value.Get("identityType")).Text)
			values = append(values, value)
		}
	}
	return values
}

// badgeProfile is a profile by name, with its page; one that is only an id tells a
// reader nothing.
func badgeProfile(profile *strictjson.Value) Value {
	value := badgeText(profile.Get("name"))
	value.Link = link(badgeText(profile.Get("url")).Text)
	return value
}

// badgeResult is the name of the description that a result refers to.
func badgeResult(achievement *strictjson.Value, id string) string {
	for _, item := range achievement.Get("resultDescription").OneOrMany() {
		if badgeText(item.Value.Get("id")).Text == id {
			return badgeText(item.Value.Get("name")).Text
		}
	}
	return ""
}

// badgeText is a text, a number as written, or a language value object.
func badgeText(value *strictjson.Value) Value {
	if text, ok := value.Text(); ok {
		return shown(text)
	}
	if number, ok := value.Number(); ok {
		return shown(number)
	}
	text, _ := value.Get("@value").Text()
	tag, _ := value.Get("@language").Text()
	shown := shown(text)
	if tagForm.MatchString(tag) {
		shown.Lang = tag
	}
	return shown
}
