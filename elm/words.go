package elm

import (
	"cmp"
	"slices"
	"strings"
)

// Languages lists the tags that Supplement has labels for: "en", "hr",
// "sr-Latn", "sr-Cyrl".
func Languages() []string { return slices.Clone(languages) }

var languages = []string{"en", "hr", "sr-Latn", "sr-Cyrl"}

// say returns one of our own words, or "" for an id that has none. Values stand
// where the words have %s.
func say(lang, id string, values ...string) string {
	row, ok := words[id]
	if !ok {
		return ""
	}
	word := row[max(0, slices.Index(languages, lang))]
	if len(values) == 0 {
		return word
	}
	said := ""
	for _, value := range values {
		before, after, _ := strings.Cut(word, "%s")
		said, word = said+before+value, after
	}
	return said + word
}

// scheme is the name of an identifier's scheme: ours where it is one of the
// English names that our issuer writes, else as the credential has it.
func (v *view) scheme(name string) string {
	return cmp.Or(v.say("scheme:"+strings.ToLower(name)), name)
}

// words are labels, fixed sentences and the names of codes, in the order of
// Languages: sections, elements (by id), lines, sentences, units (1, 2 to 4, 5
// and more), months. The names of concepts are those of package contexts.
var words = map[string][4]string{
	"who":         {"Who earned what, and from whom?", "Tko je što stekao i od koga?", "Ko je šta stekao i od koga?", "Ко је шта стекао и од кога?"},
	"skills":      {"What does the holder know and can do?", "Što nositelj zna i može?", "Šta nosilac zna i ume?", "Шта носилац зна и уме?"},
	"workload":    {"How much learning, and in what form?", "Koliko učenja i u kojem obliku?", "Koliko učenja i u kom obliku?", "Колико учења и у ком облику?"},
	"composition": {"What does it consist of?", "Od čega se sastoji?", "Od čega se sastoji?", "Од чега се састоји?"},
	"level":       {"At which level?", "Na kojoj razini?", "Na kom nivou?", "На ком нивоу?"},
	"assessment":  {"How was it assessed?", "Kako je vrednovano?", "Kako je ocenjeno?", "Како је оцењено?"},
	"quality":     {"Who assures the quality?", "Tko osigurava kvalitetu?", "Ko obezbeđuje kvalitet?", "Ко обезбеђује квалитет?"},
	"standing":    {"What does it rest on?", "Na čemu se temelji?", "Na čemu se zasniva?", "На чему се заснива?"},
	"use":         {"What does it lead to?", "Čemu vodi?", "Čemu vodi?", "Чему води?"},
	"validity":    {"Is it valid, and how is that confirmed?", "Vrijedi li i kako se to potvrđuje?", "Da li važi i kako se to potvrđuje?", "Да ли важи и како се то потврђује?"},
	"other":       {"What else is there to know?", "Što još treba znati?", "Šta još treba znati?", "Шта још треба знати?"},

	"M1":             {"Learner", "Polaznik", "Polaznik", "Полазник"},
	"M2":             {"Title of the micro-credential", "Naziv mikrokvalifikacije", "Naziv mikrokredencijala", "Назив микрокреденцијала"},
	"M3":             {"Country or region of the issuer", "Država ili regija izdavatelja", "Država ili region izdavaoca", "Држава или регион издаваоца"},
	"M4":             {"Awarding body", "Ustanova koja dodjeljuje", "Ustanova koja dodeljuje", "Установа која додељује"},
	"M5":             {"Date of issue", "Datum izdavanja", "Datum izdavanja", "Датум издавања"},
	"M6":             {"Learning outcomes", "Ishodi učenja", "Ishodi učenja", "Исходи учења"},
	"M7":             {"Workload", "Radno opterećenje", "Radno opterećenje", "Радно оптерећење"},
	"M8":             {"Level", "Razina", "Nivo", "Ниво"},
	"M9":             {"Type of assessment", "Vrsta vrednovanja", "Vrsta ocenjivanja", "Врста оцењивања"},
	"M10":            {"Form of participation", "Oblik sudjelovanja", "Oblik učešća", "Облик учешћа"},
	"M11":            {"Quality assurance", "Osiguravanje kvalitete", "Obezbeđenje kvaliteta", "Обезбеђење квалитета"},
	"O1":             {"Prerequisites", "Preduvjeti za upis", "Uslovi za upis", "Услови за упис"},
	"O2":             {"Supervision and identity check", "Nadzor i provjera identiteta", "Nadzor i provera identiteta", "Надзор и провера идентитета"},
	"O3":             {"Grade", "Ocjena", "Ocena", "Оцена"},
	"O4":             {"Integration and stackability", "Uključivanje i spajanje u veće cjeline", "Uključivanje i spajanje u veće celine", "Укључивање и спајање у веће целине"},
	"O5":             {"Further information", "Dodatne informacije", "Dodatne informacije", "Додатне информације"},
	"issuer":         {"Sealed by", "Pečatio", "Pečatio", "Печатио"},
	"parts":          {"Parts", "Dijelovi", "Delovi", "Делови"},
	"level-proposed": {"Level that the outcomes give", "Razina koja proizlazi iz ishoda", "Nivo koji proizlazi iz ishoda", "Ниво који произлази из исхода"},
	"national":       {"In national registers", "U nacionalnim registrima", "U nacionalnim registrima", "У националним регистрима"},
	"outcome-source": {"Source of the outcomes", "Izvor ishoda", "Izvor ishoda", "Извор исхода"},
	"period":         {"Period of learning", "Razdoblje učenja", "Period učenja", "Период учења"},
	"not-a-degree":   {"Not a degree", "Nije akademski naziv", "Nije akademsko zvanje", "Није академско звање"},
	"level-method":   {"How the level was set", "Kako je razina određena", "Kako je nivo određen", "Како је ниво одређен"},
	"criteria":       {"Assessment criteria", "Kriteriji vrednovanja", "Kriterijumi ocenjivanja", "Критеријуми оцењивања"},
	"rpl":            {"Recognition of prior learning", "Priznavanje prethodnog učenja", "Priznavanje prethodnog učenja", "Признавање претходног учења"},
	"provider":       {"Provider, as the credential states", "Pružatelj, kako stoji u ispravi", "Pružalac, kako stoji u ispravi", "Пружалац, како стоји у исправи"},
	"award-status":   {"Status of the award, as the credential states", "Status isprave, kako u njoj stoji", "Status isprave, kako u njoj stoji", "Статус исправе, како у њој стоји"},
	"legal-basis":    {"Legal basis", "Pravna osnova", "Pravni osnov", "Правни основ"},
	"award-kind":     {"Kind of award", "Vrsta isprave", "Vrsta isprave", "Врста исправе"},
	"valid":          {"Validity", "Valjanost", "Važenje", "Важење"},
	"confirm":        {"How to confirm validity", "Kako potvrditi valjanost", "Kako potvrditi važenje", "Како потврдити важење"},
	"creator":        {"Designed by", "Osmislio", "Osmislio", "Осмислио"},
	"alignment":      {"Alignment with frameworks", "Usklađenost s okvirima", "Usklađenost sa okvirima", "Усклађеност са оквирима"},
	"evidence":       {"Evidence", "Dokazi", "Dokazi", "Докази"},
	"field":          {"Field", "Područje", "Oblast", "Област"},
	"language":       {"Language of instruction", "Jezik nastave", "Jezik nastave", "Језик наставе"},
	"signatory":      {"Signatory", "Potpisnik", "Potpisnik", "Потписник"},

	"line:birth":           {"Date of birth", "Datum rođenja", "Datum rođenja", "Датум рођења"},
	"line:national-id":     {"National identifier", "Nacionalni identifikator", "Nacionalni identifikator", "Национални идентификатор"},
	"line:register":        {"Register entry", "Upis u registar", "Upis u registar", "Упис у регистар"},
	"line:vat":             {"VAT number", "PDV broj", "PDV broj", "ПДВ број"},
	"line:organisation-id": {"Organisation identifier", "Identifikator organizacije", "Identifikator organizacije", "Идентификатор организације"},
	"line:identifier":      {"Identifier", "Identifikator", "Identifikator", "Идентификатор"},
	"line:region":          {"Region", "Regija", "Region", "Регион"},
	"line:address":         {"Address", "Adresa", "Adresa", "Адреса"},
	"line:when":            {"Date", "Datum", "Datum", "Датум"},
	"line:part":            {"Part", "Dio", "Deo", "Део"},
	"line:earned":          {"Earned", "Stečeno", "Stečeno", "Стечено"},
	"line:document":        {"Document issued", "Dokument izdan", "Dokument izdat", "Документ издат"},
	"line:type":            {"Type", "Vrsta", "Vrsta", "Врста"},
	"line:reuse":           {"Reusability", "Primjenjivost", "Primenljivost", "Применљивост"},
	"line:skill":           {"Related skill", "Povezana vještina", "Povezana veština", "Повезана вештина"},
	"line:contact":         {"Contact hours", "Kontaktni sati", "Kontakt časovi", "Контакт часови"},
	"line:activity":        {"Activity", "Aktivnost", "Aktivnost", "Активност"},
	"line:assessment":      {"Assessment", "Vrednovanje", "Ocenjivanje", "Оцењивање"},
	"line:mode":            {"Form", "Oblik", "Oblik", "Облик"},
	"line:framework":       {"Framework", "Okvir", "Okvir", "Оквир"},
	"badge credits %s":     {"Credits: %s, in a system that is not named", "Bodovi: %s, u sustavu koji nije naveden", "Bodovi: %s, u sistemu koji nije naveden", "Бодови: %s, у систему који није наведен"},
	"line:scheme":          {"Grading scheme", "Ljestvica ocjena", "Skala ocena", "Скала оцена"},
	"line:assessor":        {"Assessed by", "Vrednovao", "Ocenio", "Оценио"},
	"line:agency":          {"Agency", "Agencija", "Agencija", "Агенција"},
	"line:decision":        {"Decision", "Odluka", "Odluka", "Одлука"},
	"line:decided":         {"Decided on", "Doneseno", "Doneto", "Донето"},
	"line:until":           {"Valid until", "Vrijedi do", "Važi do", "Важи до"},
	"line:review":          {"Next review", "Sljedeće vrednovanje", "Sledeća provera", "Следећа провера"},
	"line:report":          {"Report", "Izvješće", "Izveštaj", "Извештај"},
	"line:page":            {"Page", "Stranica", "Stranica", "Страница"},
	"line:description":     {"Description", "Opis", "Opis", "Опис"},
	"line:note":            {"Note", "Napomena", "Napomena", "Напомена"},
	"line:where":           {"Offered by", "Nudi", "Nudi", "Нуди"},
	"line:credits":         {"Credits", "Bodovi", "Bodovi", "Бодови"},
	"line:digest":          {"SHA-256 of the file", "SHA-256 datoteke", "SHA-256 datoteke", "SHA-256 датотеке"},
	"line:unlisted":        {"Not in the European list", "Nije na europskom popisu", "Nije na evropskoj listi", "Није на европској листи"},

	"scheme:certificate number": {"Certificate number", "Broj uvjerenja", "Broj uverenja", "Број уверења"},
	"scheme:decision number":    {"Decision number", "Broj odluke", "Broj odluke", "Број одлуке"},
	"scheme:learner number":     {"Learner number", "Broj polaznika", "Broj polaznika", "Број полазника"},

	"not-a-degree %s":  {"%s describes what was learnt. This is not a short-cycle, bachelor's, master's or doctoral degree.", "%s opisuje što je naučeno. Ovo nije kvalifikacija kratkog ciklusa, prijediplomskog, diplomskog ni doktorskog studija.", "%s opisuje šta je naučeno. Ovo nije diploma kratkog ciklusa, osnovnih, master ni doktorskih studija.", "%s описује шта је научено. Ово није диплома кратког циклуса, основних, мастер ни докторских студија."},
	"verify":           {"Verify this credential", "Provjerite ovu ispravu", "Proverite ovu ispravu", "Проверите ову исправу"},
	"status":           {"The issuer publishes whether this credential was revoked or suspended; a verifier looks it up.", "Izdavatelj objavljuje je li ova isprava opozvana ili obustavljena; provjera to ispituje.", "Izdavalac objavljuje da li je ova isprava opozvana ili obustavljena; provera to ispituje.", "Издавалац објављује да ли је ова исправа опозвана или обустављена; провера то испитује."},
	"level %s":         {"Level %s", "Razina %s", "Nivo %s", "Ниво %s"},
	"eqf %s":           {"Level %s (EQF)", "Razina %s (EQF)", "Nivo %s (EQF)", "Ниво %s (EQF)"},
	"cycle %s":         {"%s (QF-EHEA)", "%s (QF-EHEA)", "%s (QF-EHEA)", "%s (QF-EHEA)"},
	"from %s":          {"from %s, no end stated", "od %s, bez roka", "od %s, bez roka", "од %s, без рока"},
	"until %s":         {"until %s", "do %s", "do %s", "до %s"},
	"from %s until %s": {"from %s until %s", "od %s do %s", "od %s do %s", "од %s до %s"},
	"partial true":     {"Part of a larger qualification", "Dio veće kvalifikacije", "Deo veće kvalifikacije", "Део веће квалификације"},
	"partial false":    {"A qualification of its own", "Samostalna kvalifikacija", "Samostalna kvalifikacija", "Самостална квалификација"},
	"ects":             {"ECTS", "ECTS", "ESPB", "ЕСПБ"},

	"title of an award": {"Title", "Naziv", "Naziv", "Назив"},
	"untitled":          {"Without a title", "Bez naziva", "Bez naziva", "Без назива"},
	"grades of parts":   {"Each part has a grade of its own; it stands with the part.", "Svaki dio ima svoju ocjenu; navedena je uz dio.", "Svaki deo ima svoju ocenu; navedena je uz deo.", "Сваки део има своју оцену; наведена је уз део."},

	"more than %s": {"There are more than %s; the file has them all.", "Ima ih više od %s; sve su u datoteci.", "Ima ih više od %s; sve su u datoteci.", "Има их више од %s; све су у датотеци."},

	"1 part":   {"part", "dio", "deo", "део"},
	"2 part":   {"parts", "dijela", "dela", "дела"},
	"5 part":   {"parts", "dijelova", "delova", "делова"},
	"1 year":   {"year", "godina", "godina", "година"},
	"2 year":   {"years", "godine", "godine", "године"},
	"5 year":   {"years", "godina", "godina", "година"},
	"1 month":  {"month", "mjesec", "mesec", "месец"},
	"2 month":  {"months", "mjeseca", "meseca", "месеца"},
	"5 month":  {"months", "mjeseci", "meseci", "месеци"},
	"1 day":    {"day", "dan", "dan", "дан"},
	"2 day":    {"days", "dana", "dana", "дана"},
	"5 day":    {"days", "dana", "dana", "дана"},
	"1 hour":   {"hour", "sat", "sat", "сат"},
	"2 hour":   {"hours", "sata", "sata", "сата"},
	"5 hour":   {"hours", "sati", "sati", "сати"},
	"1 minute": {"minute", "minuta", "minut", "минут"},
	"2 minute": {"minutes", "minute", "minuta", "минута"},
	"5 minute": {"minutes", "minuta", "minuta", "минута"},
	"1 second": {"second", "sekunda", "sekunda", "секунда"},
	"2 second": {"seconds", "sekunde", "sekunde", "секунде"},
	"5 second": {"seconds", "sekundi", "sekundi", "секунди"},

	"month:1":  {"January", "siječnja", "januara", "јануара"},
	"month:2":  {"February", "veljače", "februara", "фебруара"},
	"month:3":  {"March", "ožujka", "marta", "марта"},
	"month:4":  {"April", "travnja", "aprila", "априла"},
	"month:5":  {"May", "svibnja", "maja", "маја"},
	"month:6":  {"June", "lipnja", "juna", "јуна"},
	"month:7":  {"July", "srpnja", "jula", "јула"},
	"month:8":  {"August", "kolovoza", "avgusta", "августа"},
	"month:9":  {"September", "rujna", "septembra", "септембра"},
	"month:10": {"October", "listopada", "oktobra", "октобра"},
	"month:11": {"November", "studenoga", "novembra", "новембра"},
	"month:12": {"December", "prosinca", "decembra", "децембра"},
}
