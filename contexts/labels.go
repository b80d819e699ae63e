package contexts

// furtherLanguages are those into which the short lists are translated besides:
// Slovenian, Bosnian and Montenegrin (the latter two in Latin script).
var furtherLanguages = []string{"sl", "bs", "cnr"}

// furtherLabels are our own translations, by the part of the id after snb.
const furtherLabels = `
eqf/1 = Raven 1 | Nivo 1 | Nivo 1
eqf/2 = Raven 2 | Nivo 2 | Nivo 2
eqf/3 = Raven 3 | Nivo 3 | Nivo 3
eqf/4 = Raven 4 | Nivo 4 | Nivo 4
eqf/5 = Raven 5 | Nivo 5 | Nivo 5
eqf/6 = Raven 6 | Nivo 6 | Nivo 6
eqf/7 = Raven 7 | Nivo 7 | Nivo 7
eqf/8 = Raven 8 | Nivo 8 | Nivo 8
education-credit/6fcec5c5af = Evropski sistem prenašanja kreditnih točk (ECTS) | Evropski sistem prijenosa bodova (ECTS) | Evropski sistem prenosa kredita (ECTS)
education-credit/60b314e826 = Evropski sistem kreditov v poklicnem izobraževanju in usposabljanju (ECVET) | Evropski sistem bodova u stručnom obrazovanju i obuci (ECVET) | Evropski sistem kredita u stručnom obrazovanju i osposobljavanju (ECVET)
assessment/19a2e5e671 = medvrstniško ocenjevanje | vršnjačko ocjenjivanje | vršnjačko ocjenjivanje
assessment/2939dae15f = ocenjena naloga | ocijenjeni zadatak | ocijenjeni zadatak
assessment/3484bd7e51 = sprotno ocenjevanje | kontinuirano ocjenjivanje | kontinuirano ocjenjivanje
assessment/4f03b91c0e = portfolio | portfolio | portfolio
assessment/56539a6507 = skupinsko delo | grupni rad | grupni rad
assessment/6a4db9f11d = praktično preverjanje | praktična provjera | praktična provjera
assessment/6e6cb2cc78 = pisni izpit | pismeni ispit | pismeni ispit
assessment/7331eb4762 = stopnja prisotnosti | redovnost pohađanja | redovnost pohađanja
assessment/795dac4096 = projektno delo | projektni rad | projektni rad
assessment/812e3b0ae1 = kolegialna recenzija | kolegijalna recenzija | kolegijalna recenzija
assessment/b1b68f6735 = kviz | kviz | kviz
assessment/c4256a2726 = problemsko učenje | problemsko učenje | problemsko učenje
assessment/d30284d7df = ustni izpit | usmeni ispit | usmeni ispit
assessment/de4d165a6c = ocenjevanje izdelka | ocjenjivanje izrađenog rada | ocjenjivanje izrađenog rada
learning-assessment/729f3bed4b = Učenje z delom | Učenje kroz rad | Učenje kroz rad
learning-assessment/7813801c77 = Projektno učenje | Projektna nastava | Projektna nastava
learning-assessment/9191af2ed9 = Izvedba v živo | Nastava uživo | Nastava uživo
learning-assessment/920fbb3cbe = Spletna izvedba | Online | Onlajn
learning-assessment/e92d221e4d = Kombinirana izvedba | Kombinovana nastava | Kombinovana nastava
learning-assessment/ed4c557045 = Delo v raziskovalnem laboratoriju | Rad u istraživačkoj laboratoriji | Rad u istraživačkoj laboratoriji
supervision-verification/70be69aaf9 = Pod nadzorom, s preverjanjem identitete | Pod nadzorom, s provjerom identiteta | Pod nadzorom, sa provjerom identiteta
supervision-verification/44314532f9 = Pod nadzorom, brez preverjanja identitete | Pod nadzorom, bez provjere identiteta | Pod nadzorom, bez provjere identiteta
supervision-verification/df2880c5cb = Brez nadzora, s preverjanjem identitete | Bez nadzora, s provjerom identiteta | Bez nadzora, sa provjerom identiteta
supervision-verification/c598449d64 = Brez nadzora in brez preverjanja identitete | Bez nadzora i bez provjere identiteta | Bez nadzora i bez provjere identiteta
accreditation/003293d2ce = Dovoljenje za delovanje ustanove | Dozvola za rad ustanove | Licenca za rad ustanove
accreditation/820101cba6 = Zagotavljanje kakovosti programa | Osiguranje kvaliteta programa | Obezbjeđenje kvaliteta programa
accreditation/bb4618238e = Zagotavljanje kakovosti ustanove | Osiguranje kvaliteta ustanove | Obezbjeđenje kvaliteta ustanove
accreditation/e57dddfcf3 = Dovoljenje za izvajanje programa | Dozvola za izvođenje programa | Licenca za izvođenje programa
accreditation/c_1f1a469a = Institucionalna akreditacija (EQAR) | Institucionalna akreditacija (EQAR) | Institucionalna akreditacija (EQAR)
learning-opportunity/05053c1cbe = Tečaj | Kurs | Kurs
learning-opportunity/0f7dac46ca = Modul programa | Modul programa | Modul programa
learning-opportunity/11252a5207 = Mentorstvo | Mentorstvo | Mentorstvo
learning-opportunity/17744a2647 = Množični odprti spletni tečaj (MOOC) | Masovni otvoreni online kurs (MOOC) | Masovni otvoreni onlajn kurs (MOOC)
learning-opportunity/63f9f6180c = Vajeništvo | Naukovanje | Šegrtovanje
learning-opportunity/65a4cf5de2 = Študijski obisk | Studijska posjeta | Studijska posjeta
learning-opportunity/74a4a268e8 = Kratek učni program | Kratki program učenja | Kratki program učenja
learning-opportunity/77b99de990 = Praksa | Stručna praksa | Stručna praksa
learning-opportunity/79343569f3 = Izobraževalni program | Obrazovni program | Obrazovni program
learning-opportunity/7e1ac538db = Pouk | Nastava | Nastava
learning-opportunity/8b965da2d4 = Učenje z delom v skupnosti | Učenje kroz društveno koristan rad | Učenje kroz društveno koristan rad
learning-opportunity/b2434ca358 = Zaključno delo | Završni rad | Završni rad
learning-setting/6fd4685715 = formalno učenje | formalno učenje | formalno učenje
learning-setting/e207a81fc7 = neformalno učenje | neformalno učenje | neformalno učenje
skill-type/knowledge = znanje | znanje | znanje
skill-type/skill = spretnost | vještina | vještina
skill-reuse-level/cross-sector = medsektorske spretnosti in kompetence | međusektorske vještine i kompetencije | međusektorske vještine i kompetencije
skill-reuse-level/occupation-specific = spretnosti in kompetence, značilne za poklic | vještine i kompetencije specifične za zanimanje | vještine i kompetencije specifične za zanimanje
skill-reuse-level/sector-specific = spretnosti in kompetence, značilne za sektor | vještine i kompetencije specifične za sektor | vještine i kompetencije specifične za sektor
skill-reuse-level/transversal = prečne spretnosti in kompetence | transverzalne vještine i kompetencije | transverzalne vještine i kompetencije
entitlement/52f62180c2 = poklic | zanimanje | zanimanje
entitlement/64aad92881 = učna priložnost | prilika za učenje | prilika za učenje
entitlement/bebd32e8e6 = članstvo | članstvo | članstvo
entitlement-status/5b8d6b34fb = bodoče | buduće | buduće
entitlement-status/b7015a8a8c = obstoječe | postojeće | postojeće
`
