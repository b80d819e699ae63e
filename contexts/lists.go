package contexts

// Namespaces of the EU vocabularies.
const (
	snb       = "http://data.europa.eu/snb/"
	authority = "http://publications.europa.eu/resource/authority/"
)

// lists are the vocabularies in the order of Lists. English labels are those of
// the EU vocabularies, which tests compare (of "region" the labels of the country
// itself, of partial lists the roles); the others are our own translations.
var lists = []list{
	{"eqf", "levels of the European Qualifications Framework", closed, "", snb + "eqf/25831c2", snb + "eqf/", `
1 = Level 1 | Razina 1 | Nivo 1 | Ниво 1
2 = Level 2 | Razina 2 | Nivo 2 | Ниво 2
3 = Level 3 | Razina 3 | Nivo 3 | Ниво 3
4 = Level 4 | Razina 4 | Nivo 4 | Ниво 4
5 = Level 5 | Razina 5 | Nivo 5 | Ниво 5
6 = Level 6 | Razina 6 | Nivo 6 | Ниво 6
7 = Level 7 | Razina 7 | Nivo 7 | Ниво 7
8 = Level 8 | Razina 8 | Nivo 8 | Ниво 8
`},
	{"nqf", "national qualifications frameworks and their levels", open, nqfTable, snb + "qdr/25831c2", snb + "qdr/", frameworkConcepts},
	{"credit", "credit systems", closed, "", snb + "education-credit/25831c2", snb + "education-credit/", `
6fcec5c5af ECTS = European Credit Transfer System | Europski sustav prijenosa bodova (ECTS) | ESPB | ЕСПБ
60b314e826 ECVET = European credit system for vocational education and training | Europski sustav bodova u strukovnom obrazovanju i osposobljavanju (ECVET) | Evropski sistem bodova u stručnom obrazovanju i obuci (ECVET) | Европски систем бодова у стручном образовању и обуци (ECVET)
urn:indeks:credit:csvet CSVET = Croatian credit system for vocational education and training (CSVET) | Hrvatski bodovni sustav strukovnog obrazovanja i osposobljavanja (CSVET) | Hrvatski bodovni sistem stručnog obrazovanja i obuke (CSVET) | Хрватски бодовни систем стручног образовања и обуке (CSVET)
urn:indeks:credit:cspk CSPK = Montenegrin credit transfer system (CSPK) | Crnogorski sustav prijenosa kredita (CSPK) | Crnogorski sistem prenosa kredita (CSPK) | Црногорски систем преноса кредита (ЦСПК)
urn:indeks:credit:scqf SCQF = Scottish Credit and Qualifications Framework credit points (SCQF) | Bodovi Škotskog okvira bodova i kvalifikacija (SCQF) | Bodovi Škotskog okvira bodova i kvalifikacija (SCQF) | Бодови Шкотског оквира бодова и квалификација (SCQF)
`},
	{"assessment", "kinds of assessment", closed, "", snb + "assessment/25831c2", snb + "assessment/", `
19a2e5e671 = peer assessment | vršnjačko vrednovanje | vršnjačko ocenjivanje | вршњачко оцењивање
2939dae15f = marked assignment | ocijenjeni zadatak | ocenjeni zadatak | оцењени задатак
3484bd7e51 = continuous evaluation | kontinuirano vrednovanje | kontinuirano ocenjivanje | континуирано оцењивање
4f03b91c0e = portfolio | portfolio | portfolio | портфолио
56539a6507 = group performance | grupni rad | grupni rad | групни рад
6a4db9f11d = practical assessment | praktična provjera | praktična provera | практична провера
6e6cb2cc78 = written examination | pisani ispit | pismeni ispit | писмени испит
7331eb4762 = level of attendance | redovitost pohađanja | redovnost pohađanja | редовност похађања
795dac4096 = project work | projektni rad | projektni rad | пројектни рад
812e3b0ae1 = peer review | kolegijalna recenzija | kolegijalna recenzija | колегијална рецензија
b1b68f6735 = quiz | kviz | kviz | квиз
c4256a2726 = problem based learning | problemsko učenje | problemsko učenje | проблемско учење
d30284d7df = oral examination | usmeni ispit | usmeni ispit | усмени испит
de4d165a6c = artefact assessment | vrednovanje izrađenog rada | ocenjivanje izrađenog rada | оцењивање израђеног рада
`},
	{"mode", "modes of learning and assessment", closed, "", snb + "learning-assessment/25831c2", snb + "learning-assessment/", `
729f3bed4b = Workbased | Učenje temeljeno na radu | Učenje kroz rad | Учење кроз рад
7813801c77 = Project based | Projektna nastava | Projektna nastava | Пројектна настава
9191af2ed9 = Presential | Nastava uživo | Nastava uživo | Настава уживо
920fbb3cbe = Online | Online | Onlajn | Онлајн
e92d221e4d = Blended | Kombinirana nastava | Kombinovana nastava | Комбинована настава
ed4c557045 = Research-Lab based | Rad u istraživačkom laboratoriju | Rad u istraživačkoj laboratoriji | Рад у истраживачкој лабораторији
`},
	{"supervision", "kinds of supervision and identity verification", closed, "", snb + "supervision-verification/25831c2", snb + "supervision-verification/", `
70be69aaf9 = Supervised with ID Verification | Pod nadzorom, s provjerom identiteta | Pod nadzorom, sa proverom identiteta | Под надзором, са провером идентитета
44314532f9 = Supervised without ID Verification | Pod nadzorom, bez provjere identiteta | Pod nadzorom, bez provere identiteta | Под надзором, без провере идентитета
df2880c5cb = Unsupervised with ID Verification | Bez nadzora, s provjerom identiteta | Bez nadzora, sa proverom identiteta | Без надзора, са провером идентитета
c598449d64 = Unsupervised without ID Verification | Bez nadzora i bez provjere identiteta | Bez nadzora i bez provere identiteta | Без надзора и без провере идентитета
`},
	{"accreditation", "kinds of accreditation", closed, "", snb + "accreditation/25831c2", snb + "accreditation/", `
003293d2ce = Institutional License | Dopusnica ustanove | Dozvola za rad ustanove | Дозвола за рад установе
820101cba6 = Program Quality Assurance | Osiguravanje kvalitete programa | Obezbeđenje kvaliteta programa | Обезбеђење квалитета програма
bb4618238e = Institutional Quality Assurance | Osiguravanje kvalitete ustanove | Obezbeđenje kvaliteta ustanove | Обезбеђење квалитета установе
e57dddfcf3 = Program License | Dopusnica za izvođenje programa | Dozvola za izvođenje programa | Дозвола за извођење програма
c_1f1a469a = EQAR Institutional accreditation | Institucijska akreditacija (EQAR) | Institucionalna akreditacija (EQAR) | Институционална акредитација (EQAR)
`},
	{"learning-activity", "kinds of learning activity", closed, "", snb + "learning-activity/25831c2", snb + "learning-activity/", `
3c8bd58d62 = lab / simulation / practice coursework | laboratorijske vježbe, simulacije i praktična nastava | laboratorijske vežbe, simulacije i praktična nastava | лабораторијске вежбе, симулације и практична настава
4357e0e681 = job experience | radno iskustvo | radno iskustvo | радно искуство
59eaf34fab = volunteering | volontiranje | volontiranje | волонтирање
a7e556215a = research | istraživanje | istraživanje | истраживање
b660f5dcea = self-motivated study | samostalno učenje | samostalno učenje | самостално учење
bf2e3a7bae = e-learning coursework | e-učenje | e-učenje | е-учење
bf5588ff84 = internship | stručna praksa | stručna praksa | стручна пракса
d46a826a39 = apprenticeship | naukovanje | šegrtovanje | шегртовање
efff75e10a = workshop, seminar or conference | radionica, seminar ili konferencija | radionica, seminar ili konferencija | радионица, семинар или конференција
fd33e234ae = educational programme | obrazovni program | obrazovni program | образовни програм
ff436ea7c9 = classroom coursework | nastava u učionici | nastava u učionici | настава у учионици
`},
	{"learning-opportunity", "kinds of learning opportunity", closed, "", snb + "learning-opportunity/25831c2", snb + "learning-opportunity/", `
05053c1cbe = Course | Tečaj | Kurs | Курс
0f7dac46ca = Programme module | Modul programa | Modul programa | Модул програма
11252a5207 = Mentoring | Mentorstvo | Mentorstvo | Менторство
17744a2647 = MOOC | Masovni otvoreni online tečaj (MOOC) | Masovni otvoreni onlajn kurs (MOOC) | Масовни отворени онлајн курс (MOOC)
63f9f6180c = Apprenticeship | Naukovanje | Šegrtovanje | Шегртовање
65a4cf5de2 = Study visit | Studijski posjet | Studijska poseta | Студијска посета
74a4a268e8 = Short learning programme | Kratki program učenja | Kratki program učenja | Кратки програм учења
77b99de990 = Internship | Stručna praksa | Stručna praksa | Стручна пракса
79343569f3 = Educational programme | Obrazovni program | Obrazovni program | Образовни програм
7e1ac538db = Class | Nastava | Nastava | Настава
8b965da2d4 = Service learning | Društveno korisno učenje | Učenje kroz društveno koristan rad | Учење кроз друштвено користан рад
b2434ca358 = Thesis | Završni rad | Završni rad | Завршни рад
`},
	{"learning-setting", "learning settings", closed, "", snb + "learning-setting/25831c2", snb + "learning-setting/", `
6fd4685715 = formal learning | formalno učenje | formalno učenje | формално учење
e207a81fc7 = non-formal learning | neformalno učenje | neformalno učenje | неформално учење
`},
	{"skill-type", "kinds of learning outcome", closed, "", snb + "skill-type/25831c2", snb + "skill-type/", `
knowledge = knowledge | znanje | znanje | знање
skill = skill | vještina | veština | вештина
`},
	{"skill-reuse", "reusability levels of learning outcomes", closed, "", snb + "skill-reuse-level/25831c2", snb + "skill-reuse-level/", `
cross-sector = cross-sector skills and competences | međusektorske vještine i kompetencije | međusektorske veštine i kompetencije | међусекторске вештине и компетенције
occupation-specific = occupation specific skills and competences | vještine i kompetencije specifične za zanimanje | veštine i kompetencije specifične za zanimanje | вештине и компетенције специфичне за занимање
sector-specific = sector specific skills and competences | vještine i kompetencije specifične za sektor | veštine i kompetencije specifične za sektor | вештине и компетенције специфичне за сектор
transversal = transversal skills and competences | transverzalne vještine i kompetencije | transverzalne veštine i kompetencije | трансверзалне вештине и компетенције
`},
	{"entitlement", "kinds of entitlement", closed, "", snb + "entitlement/25831c2", snb + "entitlement/", `
52f62180c2 = occupation | zanimanje | zanimanje | занимање
64aad92881 = learning opportunity | prilika za učenje | prilika za učenje | прилика за учење
bebd32e8e6 = membership | članstvo | članstvo | чланство
`},
	{"entitlement-status", "entitlement statuses", closed, "", snb + "entitlement-status/25831c2", snb + "entitlement-status/", `
5b8d6b34fb = prospective | buduće | buduće | будуће
b7015a8a8c = actual | postojeće | postojeće | постојеће
`},
	{"isced-f", "fields of education (ISCED-F 2013)", closed, "", snb + "isced-f/25831c2", snb + "isced-f/", fieldConcepts},
	{"country", "countries and territories", open, "", authority + "country", authority + "country/", countryConcepts},
	{"region", "statistical regions (NUTS)", open, nutsTable, "http://data.europa.eu/nuts", "http://data.europa.eu/nuts/code/", regionConcepts},
	{"language", "languages", open, languageTable, authority + "language", authority + "language/", languageConcepts},
	{"credential-type", "kinds of credential", partial, "", snb + "credential/25831c2", snb + "credential/", `
48b514e72a = Learning Activity | Aktivnost učenja | Aktivnost učenja | Активност учења
6cf8e68c43 = Qualification Award | Dodjela kvalifikacije | Dodela kvalifikacije | Додела квалификације
6dff8a0f87 = Diploma Supplement | Dopunska isprava o studiju | Dodatak diplomi | Додатак дипломи
bdc47cb449 = Learning Entitlement | Pravo stečeno učenjem | Pravo stečeno učenjem | Право стечено учењем
e34929035b = Generic | Opća | Opšta | Општа
c_7e400154 = Converted | Pretvorena | Konvertovana | Конвертована
c_ae121a00 = Accreditation | Akreditacija | Akreditacija | Акредитација
c_9a31f32a = Issued by mandate | Izdana po ovlaštenju | Izdata po ovlašćenju | Издата по овлашћењу
`},
	{"file-type", "file types", open, fileTypeTable, authority + "file-type", authority + "file-type/", fileTypeConcepts},
	{"encoding", "content encodings", closed, "", snb + "encoding/25831c2", snb + "encoding/", `
6146cde7dd = base64
`},
	{"qf-ehea", "cycles of higher education (QF-EHEA)", open, "", "urn:indeks:qf-ehea", "", `
urn:indeks:qf-ehea:short = Short cycle | Kratki ciklus | Kratki ciklus | Кратки циклус
urn:indeks:qf-ehea:first = First cycle | Prvi ciklus | Prvi ciklus | Први циклус
urn:indeks:qf-ehea:second = Second cycle | Drugi ciklus | Drugi ciklus | Други циклус
urn:indeks:qf-ehea:third = Third cycle | Treći ciklus | Treći ciklus | Трећи циклус
`},
	{"verification", "kinds of verification check", partial, "", snb + "verification/25831c2", snb + "verification/", `
2f5b89b96f = Format | Format | Format | Формат
f9c2016fe9 = Seal | Pečat | Pečat | Печат
e2bbc86a28 = Accreditation | Akreditacija | Akreditacija | Акредитација
271aef9eb4 = Revocation | Opoziv | Opoziv | Опозив
94d828f160 = Expiry | Istek valjanosti | Istek važenja | Истек важења
1faf8d450f = Owner | Vlasnik | Vlasnik | Власник
c_50990fe3 = Custom | Prilagođeno | Prilagođeno | Прилагођено
`},
	{"verification-status", "outcomes of verification checks", partial, "", snb + "verification-status/25831c2", snb + "verification-status/", `
9895008394 = OK | U redu | U redu | У реду
9d26eb9a37 = Error | Pogreška | Greška | Грешка
641f0c5e5d = Skipped | Preskočeno | Preskočeno | Прескочено
`},
	{"learning-schedule", "learning schedules", closed, "", snb + "learning-schedule/25831c2", snb + "learning-schedule/", `
72a0ab92fa = Full time | Puno vrijeme | Puno vreme | Пуно време
f230bae523 = Part time intensive | Nepuno vrijeme, veći intenzitet | Nepuno vreme, veći intenzitet | Непуно време, већи интензитет
67395e6b5a = Part time light | Nepuno vrijeme, manji intenzitet | Nepuno vreme, manji intenzitet | Непуно време, мањи интензитет
`},
	{"target-group", "target groups", closed, "", snb + "target-group/25831c2", snb + "target-group/", `
5b1417fd15 = Persons in primary education | Osobe u osnovnom obrazovanju | Osobe u osnovnom obrazovanju | Особе у основном образовању
1cfca7f767 = Persons who have completed primary education | Osobe sa završenim osnovnim obrazovanjem | Osobe sa završenim osnovnim obrazovanjem | Особе са завршеним основним образовањем
46806e0244 = Persons in secondary/compulsory education | Osobe u srednjem ili obveznom obrazovanju | Osobe u srednjem ili obaveznom obrazovanju | Особе у средњем или обавезном образовању
919082b88b = Persons who have completed secondary/compulsory education | Osobe sa završenim srednjim ili obveznim obrazovanjem | Osobe sa završenim srednjim ili obaveznim obrazovanjem | Особе са завршеним средњим или обавезним образовањем
1599531db0 = Persons in tertiary education (EQF 6) | Osobe u visokom obrazovanju (EQF 6) | Osobe u visokom obrazovanju (EQF 6) | Особе у високом образовању (EQF 6)
e7627913ad = Persons who have completed tertiary education (EQF 6) | Osobe sa završenim visokim obrazovanjem (EQF 6) | Osobe sa završenim visokim obrazovanjem (EQF 6) | Особе са завршеним високим образовањем (EQF 6)
acb7f20f25 = Persons in tertiary education (EQF 7) | Osobe u visokom obrazovanju (EQF 7) | Osobe u visokom obrazovanju (EQF 7) | Особе у високом образовању (EQF 7)
527a6f97eb = Persons who have completed tertiary education (EQF 7) | Osobe sa završenim visokim obrazovanjem (EQF 7) | Osobe sa završenim visokim obrazovanjem (EQF 7) | Особе са завршеним високим образовањем (EQF 7)
b0bf4f9fe9 = Persons in tertiary education (EQF 8) | Osobe u visokom obrazovanju (EQF 8) | Osobe u visokom obrazovanju (EQF 8) | Особе у високом образовању (EQF 8)
808b99d38f = Persons who have completed tertiary education (EQF 8) | Osobe sa završenim visokim obrazovanjem (EQF 8) | Osobe sa završenim visokim obrazovanjem (EQF 8) | Особе са завршеним високим образовањем (EQF 8)
5e56931138 = Persons with 0-3 years work experience | Osobe s 0 do 3 godine radnog iskustva | Osobe sa 0 do 3 godine radnog iskustva | Особе са 0 до 3 године радног искуства
cbedf28444 = Persons with 3-10 years work experience | Osobe s 3 do 10 godina radnog iskustva | Osobe sa 3 do 10 godina radnog iskustva | Особе са 3 до 10 година радног искуства
d45b47b458 = Persons with 10+ years work experience | Osobe s 10 i više godina radnog iskustva | Osobe sa 10 i više godina radnog iskustva | Особе са 10 и више година радног искуства
05f11c859b = Persons requiring employment retraining | Osobe kojima je potrebna prekvalifikacija | Osobe kojima je potrebna prekvalifikacija | Особе којима је потребна преквалификација
022beab85a = High Achievers | Osobe s visokim postignućima | Osobe sa visokim postignućima | Особе са високим постигнућима
fd1279fd9f = Low Achievers | Osobe s niskim postignućima | Osobe sa niskim postignućima | Особе са ниским постигнућима
de9cd193ce = Persons with a learning disability | Osobe s teškoćama u učenju | Osobe sa teškoćama u učenju | Особе са тешкоћама у учењу
e3782a33ab = Native Speakers | Izvorni govornici | Izvorni govornici | Изворни говорници
0247b300b0 = Non-Native Speakers | Osobe kojima to nije materinski jezik | Osobe kojima to nije maternji jezik | Особе којима то није матерњи језик
c900d8ecb1 = Migrants | Migranti | Migranti | Мигранти
`},
	{"atu", "administrative units", open, atuTable, authority + "atu", authority + "atu/", ""},
	{"currency", "currencies", open, currencyTable, authority + "currency", authority + "currency/", ""},
	{"human-sex", "sexes", partial, "", authority + "human-sex", authority + "human-sex/", `
FEMALE = female | ženski | ženski | женски
MALE = male | muški | muški | мушки
NAP = not applicable | nije primjenjivo | nije primenljivo | није применљиво
`},
	{"evidence-type", "kinds of evidence", partial, "", snb + "evidence-type/25831c2", snb + "evidence-type/", `
c_18016257 = Mandate | Mandat | Mandat | Мандат
c_c4f849d7 = Conversion | Pretvorba | Konverzija | Конверзија
c_991b06c6 = Accreditation | Akreditacija | Akreditacija | Акредитација
`},
	{"presentation-type", "kinds of presentation", partial, "", snb + "verifiable-presentation/25831c2", snb + "verifiable-presentation/", `
c_409018f7 = Shared | Podijeljeno | Podeljeno | Подељено
c_e01977e3 = Notarized copy | Ovjerena preslika | Overena kopija | Оверена копија
c_825cddc0 = Mandated issue | Izdavanje po ovlaštenju | Izdavanje po ovlašćenju | Издавање по овлашћењу
`},
	{"note-topic", "topics of notes", partial, "", snb + "qualification-topics", snb + "qualification-topics#", topicConcepts},
}

// topicConcepts are what coded notes are about: a topic, then its codes.
const topicConcepts = `
urn:indeks:provider = Kind of provider | Vrsta pružatelja | Vrsta pružaoca | Врста пружаоца
urn:indeks:provider:hei = Higher education institution | Visoko učilište | Visokoškolska ustanova | Високошколска установа
urn:indeks:provider:alternative = Alternative provider | Alternativni pružatelj | Alternativni pružalac | Алтернативни пружалац
urn:indeks:award-status = Status of the award | Status dodijeljene isprave | Status dodeljene isprave | Статус додељене исправе
urn:indeks:award-status:formal-system = Part of the formal higher-education system | Dio formalnog sustava visokog obrazovanja | Deo formalnog sistema visokog obrazovanja | Део формалног система високог образовања
urn:indeks:award-status:hei-outside = Awarded by a higher education institution outside the formal system | Dodijelilo visoko učilište izvan formalnog sustava | Dodelila visokoškolska ustanova van formalnog sistema | Доделила високошколска установа ван формалног система
urn:indeks:award-status:vocational-adult = Vocational or adult-education award | Isprava strukovnog obrazovanja ili obrazovanja odraslih | Isprava stručnog obrazovanja ili obrazovanja odraslih | Исправа стручног образовања или образовања одраслих
urn:indeks:award-kind = Kind of award | Vrsta isprave | Vrsta isprave | Врста исправе
urn:indeks:award-kind:within-programme = Within a programme | U okviru programa | U okviru programa | У оквиру програма
urn:indeks:award-kind:supplementary = Supplementary to a programme | Dopuna programu | Dopuna programu | Допуна програму
urn:indeks:award-kind:stand-alone = Stand-alone award | Samostalna isprava | Samostalna isprava | Самостална исправа
urn:indeks:stackability = Integration and stackability | Povezivost i mogućnost zbrajanja | Povezivost i mogućnost sabiranja | Повезивост и могућност сабирања
urn:indeks:stackability:stand-alone = Stand-alone | Samostalna isprava | Samostalna isprava | Самостална исправа
urn:indeks:stackability:part-of-programme = Part of a programme | Dio programa | Deo programa | Део програма
urn:indeks:stackability:stackable = Stackable towards another credential | Može se uračunati u drugu ispravu | Može se uračunati u drugu ispravu | Може се урачунати у другу исправу
urn:indeks:prior-learning = Recognition of prior learning | Priznavanje prethodnog učenja | Priznavanje prethodnog učenja | Признавање претходног учења
urn:indeks:prior-learning:none = No part of the award rests on prior learning | Nijedan se dio ne temelji na prethodnom učenju | Nijedan deo se ne zasniva na prethodnom učenju | Ниједан део се не заснива на претходном учењу
urn:indeks:prior-learning:part = Part of the award rests on prior learning | Dio se temelji na prethodnom učenju | Deo se zasniva na prethodnom učenju | Део се заснива на претходном учењу
urn:indeks:prior-learning:whole = The whole award rests on prior learning | U cijelosti se temelji na prethodnom učenju | U celosti se zasniva na prethodnom učenju | У целости се заснива на претходном учењу
urn:indeks:recognised-credential = Recognised credential | Priznata isprava | Priznata isprava | Призната исправа
urn:indeks:not-a-degree = Not a degree | Nije akademski naziv | Nije akademsko zvanje | Није академско звање
urn:indeks:not-a-degree:stated = Stated | Navedeno | Navedeno | Наведено
urn:indeks:level-method = How the level was set | Način određivanja razine | Način određivanja nivoa | Начин одређивања нивоа
urn:indeks:level-method:majority = Level of the majority of the learning outcomes | Razina većine ishoda učenja | Nivo većine ishoda učenja | Ниво већине исхода учења
urn:indeks:level-method:average = Rounded average of the levels of the learning outcomes | Zaokruženi prosjek razina ishoda učenja | Zaokruženi prosek nivoa ishoda učenja | Заокружени просек нивоа исхода учења
urn:indeks:level-method:override = Set by decision in place of the proposed level | Određena odlukom umjesto predložene razine | Određen odlukom umesto predloženog nivoa | Одређен одлуком уместо предложеног нивоа
urn:indeks:level-proposed = Level that the outcomes give | Razina koja proizlazi iz ishoda | Nivo koji proizlazi iz ishoda | Ниво који произлази из исхода
urn:indeks:level-proposed:1 = Level 1 | Razina 1 | Nivo 1 | Ниво 1
urn:indeks:level-proposed:2 = Level 2 | Razina 2 | Nivo 2 | Ниво 2
urn:indeks:level-proposed:3 = Level 3 | Razina 3 | Nivo 3 | Ниво 3
urn:indeks:level-proposed:4 = Level 4 | Razina 4 | Nivo 4 | Ниво 4
urn:indeks:level-proposed:5 = Level 5 | Razina 5 | Nivo 5 | Ниво 5
urn:indeks:level-proposed:6 = Level 6 | Razina 6 | Nivo 6 | Ниво 6
urn:indeks:level-proposed:7 = Level 7 | Razina 7 | Nivo 7 | Ниво 7
urn:indeks:level-proposed:8 = Level 8 | Razina 8 | Nivo 8 | Ниво 8
urn:indeks:national = In national registers | U nacionalnim registrima | U nacionalnim registrima | У националним регистрима
urn:indeks:national:sector = Sector | Sektor | Sektor | Сектор
urn:indeks:national:class-nqfs = Code of the classification CLASSNQFS | Šifra klasifikacije KLASNOKS | Šifra klasifikacije KLASNOKS | Шифра класификације КЛАСНОКС
urn:indeks:national:occupation = Occupation | Zanimanje | Zanimanje | Занимање
urn:indeks:national:onward-levels = Gives access to levels | Omogućuje prelazak na razine | Omogućava prelazak na nivoe | Омогућава прелазак на нивое
urn:indeks:national:proaea-number = Number in the register of adult-education providers (PROAEA) | Broj u registru JPOA | Broj u registru JPOA | Број у регистру ЈПОА
urn:indeks:outcome-source = Source of the learning outcomes | Izvor ishoda učenja | Izvor ishoda učenja | Извор исхода учења
urn:indeks:outcome-source:partial-qualification = Partial qualification | Djelomična kvalifikacija | Delimična kvalifikacija | Делимична квалификација
urn:indeks:outcome-source:qualification-standard = One qualification standard | Jedan standard kvalifikacije | Jedan standard kvalifikacije | Један стандард квалификације
urn:indeks:outcome-source:several-standards = Several qualification standards | Više standarda kvalifikacija | Više standarda kvalifikacija | Више стандарда квалификација
urn:indeks:outcome-source:outside-standards = Outside qualification standards | Izvan standarda kvalifikacija | Van standarda kvalifikacija | Ван стандарда квалификација
urn:indeks:outcome-source:informal = Informal learning | Informalno učenje | Informalno učenje | Информално учење
urn:indeks:assessment-criteria = Assessment criteria | Kriteriji vrednovanja | Kriterijumi ocenjivanja | Критеријуми оцењивања
urn:indeks:assessment-criteria:stated = Stated | Navedeno | Navedeno | Наведено
urn:indeks:quality-assurance = Quality assurance | Osiguravanje kvalitete | Obezbeđenje kvaliteta | Обезбеђење квалитета
urn:indeks:quality-assurance:internal = Internal quality assurance | Unutarnje osiguravanje kvalitete | Interno obezbeđenje kvaliteta | Интерно обезбеђење квалитета
urn:indeks:quality-assurance:external = External quality assurance | Vanjsko osiguravanje kvalitete | Eksterno obezbeđenje kvaliteta | Екстерно обезбеђење квалитета
urn:indeks:quality-assurance:as-degree-programmes = The same quality assurance as for degree programmes | Kvaliteta se osigurava kao za studijske programe | Kvalitet se obezbeđuje kao za studijske programe | Квалитет се обезбеђује као за студијске програме
urn:indeks:quality-assurance:adapted = Quality assurance adapted to micro-credentials | Osiguravanje kvalitete prilagođeno mikrokvalifikacijama | Obezbeđenje kvaliteta prilagođeno mikrokredencijalima | Обезбеђење квалитета прилагођено микрокреденцијалима
urn:indeks:signatory = Signatory | Potpisnik | Potpisnik | Потписник
urn:indeks:signatory:stated = Stated | Navedeno | Navedeno | Наведено
urn:indeks:further-information = Further information | Dodatne informacije | Dodatne informacije | Додатне информације
urn:indeks:further-information:stated = Stated | Navedeno | Navedeno | Наведено
urn:indeks:reason:level = Why no level is stated | Zašto razina nije navedena | Zašto nivo nije naveden | Зашто ниво није наведен
urn:indeks:reason:level:outside-framework = Outside the qualifications framework | Izvan kvalifikacijskog okvira | Van okvira kvalifikacija | Ван оквира квалификација
urn:indeks:reason:level:not-assigned = No level assigned | Razina nije dodijeljena | Nivo nije dodeljen | Ниво није додељен
urn:indeks:reason:level:national-credits = National credits only | Samo nacionalni bodovi | Samo nacionalni bodovi | Само национални бодови
urn:indeks:reason:level:hours-only = Hours only | Samo sati | Samo sati | Само сати
urn:indeks:reason:level:no-specific-act = No specific act | Nema posebnog propisa | Nema posebnog propisa | Нема посебног прописа
urn:indeks:reason:level:not-applicable = No level applies | Razina nije primjenjiva | Nivo nije primenljiv | Ниво није применљив
urn:indeks:reason:credits = Why no credits are stated | Zašto bodovi nisu navedeni | Zašto bodovi nisu navedeni | Зашто бодови нису наведени
urn:indeks:reason:credits:outside-framework = Outside the qualifications framework | Izvan kvalifikacijskog okvira | Van okvira kvalifikacija | Ван оквира квалификација
urn:indeks:reason:credits:not-assigned = No credits assigned | Bodovi nisu dodijeljeni | Bodovi nisu dodeljeni | Бодови нису додељени
urn:indeks:reason:credits:national-credits = National credits only | Samo nacionalni bodovi | Samo nacionalni bodovi | Само национални бодови
urn:indeks:reason:credits:hours-only = Workload stated in hours only | Opterećenje iskazano samo u satima | Obim rada iskazan samo u satima | Обим рада исказан само у сатима
urn:indeks:reason:credits:no-specific-act = No specific act | Nema posebnog propisa | Nema posebnog propisa | Нема посебног прописа
urn:indeks:reason:credits:not-applicable = No credits apply | Bodovi nisu primjenjivi | Bodovi nisu primenljivi | Бодови нису применљиви
urn:indeks:reason:cycle = Why no cycle is stated | Zašto ciklus nije naveden | Zašto ciklus nije naveden | Зашто циклус није наведен
urn:indeks:reason:cycle:outside-framework = Outside the qualifications framework | Izvan kvalifikacijskog okvira | Van okvira kvalifikacija | Ван оквира квалификација
urn:indeks:reason:cycle:not-assigned = No cycle assigned | Ciklus nije dodijeljen | Ciklus nije dodeljen | Циклус није додељен
urn:indeks:reason:cycle:national-credits = National credits only | Samo nacionalni bodovi | Samo nacionalni bodovi | Само национални бодови
urn:indeks:reason:cycle:hours-only = Hours only | Samo sati | Samo sati | Само сати
urn:indeks:reason:cycle:no-specific-act = No specific act | Nema posebnog propisa | Nema posebnog propisa | Нема посебног прописа
urn:indeks:reason:cycle:not-applicable = No cycle applies | Ciklus nije primjenjiv | Ciklus nije primenljiv | Циклус није применљив
urn:indeks:reason:legal-basis = Why no legal basis is stated | Zašto pravna osnova nije navedena | Zašto pravni osnov nije naveden | Зашто правни основ није наведен
urn:indeks:reason:legal-basis:outside-framework = Outside the qualifications framework | Izvan kvalifikacijskog okvira | Van okvira kvalifikacija | Ван оквира квалификација
urn:indeks:reason:legal-basis:not-assigned = Not assigned | Nije dodijeljeno | Nije dodeljeno | Није додељено
urn:indeks:reason:legal-basis:national-credits = National credits only | Samo nacionalni bodovi | Samo nacionalni bodovi | Само национални бодови
urn:indeks:reason:legal-basis:hours-only = Hours only | Samo sati | Samo sati | Само сати
urn:indeks:reason:legal-basis:no-specific-act = No specific act | Nema posebnog propisa | Nema posebnog propisa | Нема посебног прописа
urn:indeks:reason:legal-basis:not-applicable = No legal basis applies | Pravna osnova nije primjenjiva | Pravni osnov nije primenljiv | Правни основ није применљив
regulations-and-certificates = Regulations and certificates | Propisi i isprave | Propisi i isprave | Прописи и исправе
accreditation-and-quality-assurance = Accreditation and quality assurance | Akreditacija i osiguravanje kvalitete | Akreditacija i obezbeđenje kvaliteta | Акредитација и обезбеђење квалитета
`
