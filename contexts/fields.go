package contexts

import (
	"slices"
	"strings"
)

// fieldPatterns are the regular names of fields, in the order of labelLanguages
// and furtherLanguages: around the name of another field, for which a * stands.
// They leave that name in the nominative, alone in front of a comma or behind a
// colon, so that it needs no inflection. In German, whose nouns keep their capital
// letter, it always comes first.
var fieldPatterns = [][]string{
	{"*", "*", "*", "*", "*", "*", "*", "*", "*", "*"}, // a field that is not divided
	{"* not further defined", "*, nije dalje definirano", "*, nije dalje definisano", "*, није даље дефинисано",
		"*, podrobneje neopredeljeno", "*, nije dalje definirano", "*, nije dalje definisano",
		"*, nicht näher definiert", "*, подетално недефинирано", "*, pa përcaktim të mëtejshëm"},
	{"* not elsewhere classified", "*, drugdje nerazvrstano", "*, nerazvrstano na drugom mestu", "*, неразврстано на другом месту",
		"*, drugje nerazporejeno", "*, nerazvrstano na drugom mjestu", "*, nerazvrstano na drugom mjestu",
		"*, nicht andernorts klassifiziert", "*, неразврстано на друго место", "*, të paklasifikuara gjetkë"},
	{"Inter-disciplinary programmes and qualifications involving *", "Interdisciplinarni programi i kvalifikacije: *",
		"Interdisciplinarni programi i kvalifikacije: *", "Интердисциплинарни програми и квалификације: *",
		"Interdisciplinarni programi in kvalifikacije: *", "Interdisciplinarni programi i kvalifikacije: *",
		"Interdisciplinarni programi i kvalifikacije: *",
		"* (interdisziplinäre Bildungsgänge und Qualifikationen)", "Интердисциплинарни програми и квалификации: *",
		"Programe dhe kualifikime ndërdisiplinore: *"},
}

// fieldLabels gives the fields that have an English label only, which follows a
// pattern, the labels in the other languages.
func fieldLabels(fields []Concept) {
	languages := slices.Concat(labelLanguages, furtherLanguages)
	named := make(map[string]map[string]string) // English label, in small letters, to labels
	var unnamed []map[string]string
	for _, c := range fields {
		if len(c.Label) > 1 {
			named[strings.ToLower(c.Label["en"])] = c.Label
		} else {
			unnamed = append(unnamed, c.Label)
		}
	}
	for _, label := range unnamed {
		for _, pattern := range fieldPatterns {
			before, after, _ := strings.Cut(pattern[0], "*")
			name, begins := strings.CutPrefix(label["en"], before)
			name, ends := strings.CutSuffix(name, after)
			base := named[strings.ToLower(name)]
			if !begins || !ends || base == nil {
				continue
			}
			for i, tag := range languages[1:] {
				label[tag] = inPattern(pattern[1+i], base[tag])
			}
			break
		}
	}
}

// inPattern writes a name in a pattern, with a small letter where it does not
// begin it.
func inPattern(pattern, name string) string {
	before, after, _ := strings.Cut(pattern, "*")
	if before != "" {
		first := []rune(name)[:1]
		name = strings.ToLower(string(first)) + name[len(string(first)):]
	}
	return before + name + after
}

// fieldConcepts are the fields of ISCED-F 2013. Our labels use the words of the
// national classifications where they have their own; a field without any has
// them from fieldPatterns.
const fieldConcepts = `
00 00 = Generic programmes and qualifications | Opći programi i kvalifikacije | Opšti programi i kvalifikacije | Општи програми и квалификације
000 000 = Generic programmes and qualifications not further defined
0000 0000 = Generic programmes and qualifications not further defined
001 001 = Basic programmes and qualifications | Osnovni programi i kvalifikacije | Osnovni programi i kvalifikacije | Основни програми и квалификације
0011 0011 = Basic programmes and qualifications
002 002 = Literacy and numeracy | Jezična i numerička pismenost | Jezička i numerička pismenost | Језичка и нумеричка писменост
0021 0021 = Literacy and numeracy
003 003 = Personal skills and development | Osobne vještine i osobni razvoj | Lične veštine i lični razvoj | Личне вештине и лични развој
0031 0031 = Personal skills and development; 009 009 = Generic programmes and qualifications not elsewhere classified
0099 0099 = Generic programmes and qualifications not elsewhere classified
01 01 = Education | Obrazovanje | Obrazovanje | Образовање
011 011 = Education; 0110 0110 = Education not further defined
0111 0111 = Education science | Znanost o obrazovanju | Nauka o obrazovanju | Наука о образовању
0112 0112 = Training for pre-school teachers | Obrazovanje odgojitelja predškolske djece | Obrazovanje vaspitača predškolske dece | Образовање васпитача предшколске деце
0113 0113 = Teacher training without subject specialisation | Obrazovanje učitelja razredne nastave | Obrazovanje nastavnika razredne nastave | Образовање наставника разредне наставе
0114 0114 = Teacher training with subject specialisation | Obrazovanje nastavnika predmetne nastave | Obrazovanje nastavnika predmetne nastave | Образовање наставника предметне наставе
0119 0119 = Education not elsewhere classified
018 018 = Inter-disciplinary programmes and qualifications involving education
0188 0188 = Inter-disciplinary programmes and qualifications involving education
02 02 = Arts and humanities | Umjetnost i humanističke znanosti | Umetnost i humanističke nauke | Уметност и хуманистичке науке
020 020 = Arts and humanities not further defined; 0200 0200 = Arts and humanities not further defined
021 021 = Arts | Umjetnost | Umetnost | Уметност
0210 0210 = Arts not further defined
0211 0211 = Audio-visual techniques and media production | Audiovizualne tehnike i medijska produkcija | Audio-vizuelne tehnike i medijska produkcija | Аудио-визуелне технике и медијска продукција
0212 0212 = Fashion, interior and industrial design | Modni dizajn, dizajn interijera i industrijski dizajn | Modni dizajn, dizajn enterijera i industrijski dizajn | Модни дизајн, дизајн ентеријера и индустријски дизајн
0213 0213 = Fine arts | Likovna umjetnost | Likovne umetnosti | Ликовне уметности
0214 0214 = Handicrafts | Umjetnički obrti | Umetničko zanatstvo | Уметничко занатство
0215 0215 = Music and performing arts | Glazba i izvedbene umjetnosti | Muzika i izvođačke umetnosti | Музика и извођачке уметности
0219 0219 = Arts not elsewhere classified
022 022 = Humanities (except languages) | Humanističke znanosti (osim jezika) | Humanističke nauke (osim jezika) | Хуманистичке науке (осим језика)
0220 0220 = Humanities (except languages) not further defined
0221 0221 = Religion and theology | Religija i teologija | Religija i teologija | Религија и теологија
0222 0222 = History and archaeology | Povijest i arheologija | Istorija i arheologija | Историја и археологија
0223 0223 = Philosophy and ethics | Filozofija i etika | Filozofija i etika | Филозофија и етика
0228 0228 = Inter-disciplinary programmes and qualifications involving humanities | Interdisciplinarni programi i kvalifikacije: humanističke znanosti | Interdisciplinarni programi i kvalifikacije: humanističke nauke | Интердисциплинарни програми и квалификације: хуманистичке науке
0229 0229 = Humanities (except languages) not elsewhere classified
023 023 = Languages | Jezici | Jezici | Језици
0230 0230 = Languages not further defined
0231 0231 = Language acquisition | Učenje jezika | Učenje jezika | Учење језика
0232 0232 = Literature and linguistics | Književnost i lingvistika | Književnost i lingvistika | Књижевност и лингвистика
0239 0239 = Languages not elsewhere classified
028 028 = Inter-disciplinary programmes and qualifications involving arts and humanities
0288 0288 = Inter-disciplinary programmes and qualifications involving arts and humanities
029 029 = Arts and humanities not elsewhere classified; 0299 0299 = Arts and humanities not elsewhere classified
03 03 = Social sciences, journalism and information | Društvene znanosti, novinarstvo i informacijske znanosti | Društvene nauke, novinarstvo i informisanje | Друштвене науке, новинарство и информисање
030 030 = Social sciences, journalism and information not further defined
0300 0300 = Social sciences, journalism and information not further defined
031 031 = Social and behavioural sciences | Društvene i bihevioralne znanosti | Društvene nauke i nauke o ponašanju | Друштвене науке и науке о понашању
0310 0310 = Social and behavioural sciences not further defined
0311 0311 = Economics | Ekonomija | Ekonomija | Економија
0312 0312 = Political sciences and civics | Političke znanosti i građanski odgoj | Političke nauke i građansko vaspitanje | Политичке науке и грађанско васпитање
0313 0313 = Psychology | Psihologija | Psihologija | Психологија
0314 0314 = Sociology and cultural studies | Sociologija i kulturalni studiji | Sociologija i studije kulture | Социологија и студије културе
0319 0319 = Social and behavioural sciences not elsewhere classified
032 032 = Journalism and information | Novinarstvo i informacijske znanosti | Novinarstvo i informisanje | Новинарство и информисање
0320 0320 = Journalism and information not further defined
0321 0321 = Journalism and reporting | Novinarstvo i izvještavanje | Novinarstvo i izveštavanje | Новинарство и извештавање
0322 0322 = Library, information and archival studies | Knjižničarstvo, informacijske znanosti i arhivistika | Bibliotekarstvo, informacione nauke i arhivistika | Библиотекарство, информационе науке и архивистика
0329 0329 = Journalism and information not elsewhere classified
038 038 = Inter-disciplinary programmes and qualifications involving social sciences, journalism and information
0388 0388 = Inter-disciplinary programmes and qualifications involving social sciences, journalism and information
039 039 = Social sciences, journalism and information not elsewhere classified
0399 0399 = Social sciences, journalism and information not elsewhere classified
04 04 = Business, administration and law | Poslovanje, administracija i pravo | Poslovanje, administracija i pravo | Пословање, администрација и право
040 040 = Business, administration and law not further defined
0400 0400 = Business, administration and law not further defined
041 041 = Business and administration | Poslovanje i administracija | Poslovanje i administracija | Пословање и администрација
0410 0410 = Business and administration not further defined
0411 0411 = Accounting and taxation | Računovodstvo i oporezivanje | Računovodstvo i oporezivanje | Рачуноводство и опорезивање
0412 0412 = Finance, banking and insurance | Financije, bankarstvo i osiguranje | Finansije, bankarstvo i osiguranje | Финансије, банкарство и осигурање
0413 0413 = Management and administration | Upravljanje i administracija | Menadžment i administracija | Менаџмент и администрација
0414 0414 = Marketing and advertising | Marketing i oglašavanje | Marketing i oglašavanje | Маркетинг и оглашавање
0415 0415 = Secretarial and office work | Tajnički i uredski poslovi | Sekretarski i kancelarijski poslovi | Секретарски и канцеларијски послови
0416 0416 = Wholesale and retail sales | Trgovina na veliko i malo | Trgovina na veliko i malo | Трговина на велико и мало
0417 0417 = Work skills | Radne vještine | Radne veštine | Радне вештине
0419 0419 = Business and administration not elsewhere classified
042 042 = Law | Pravo | Pravo | Право
0421 0421 = Law; 048 048 = Inter-disciplinary programmes and qualifications involving business, administration and law
0488 0488 = Inter-disciplinary programmes and qualifications involving business, administration and law
049 049 = Business, administration and law not elsewhere classified
0499 0499 = Business, administration and law not elsewhere classified
05 05 = Natural sciences, mathematics and statistics | Prirodne znanosti, matematika i statistika | Prirodne nauke, matematika i statistika | Природне науке, математика и статистика
050 050 = Natural sciences, mathematics and statistics not further defined
0500 0500 = Natural sciences, mathematics and statistics not further defined
051 051 = Biological and related sciences | Biološke i srodne znanosti | Biološke i srodne nauke | Биолошке и сродне науке
0510 0510 = Biological and related sciences not further defined
0511 0511 = Biology | Biologija | Biologija | Биологија
0512 0512 = Biochemistry | Biokemija | Biohemija | Биохемија
0519 0519 = Biological and related sciences not elsewhere classified
052 052 = Environment | Okoliš | Životna sredina | Животна средина
0520 0520 = Environment not further defined
0521 0521 = Environmental sciences | Znanosti o okolišu | Nauke o životnoj sredini | Науке о животној средини
0522 0522 = Natural environments and wildlife | Prirodni okoliš i divlji svijet | Prirodna sredina i divlji svet | Природна средина и дивљи свет
0529 0529 = Environment not elsewhere classified
053 053 = Physical sciences | Fizikalne znanosti | Fizičke nauke | Физичке науке
0530 0530 = Physical sciences not further defined
0531 0531 = Chemistry | Kemija | Hemija | Хемија
0532 0532 = Earth sciences | Znanosti o Zemlji | Nauke o Zemlji | Науке о Земљи
0533 0533 = Physics | Fizika | Fizika | Физика
0539 0539 = Physical sciences not elsewhere classified
054 054 = Mathematics and statistics | Matematika i statistika | Matematika i statistika | Математика и статистика
0540 0540 = Mathematics and statistics not further defined
0541 0541 = Mathematics | Matematika | Matematika | Математика
0542 0542 = Statistics | Statistika | Statistika | Статистика
058 058 = Inter-disciplinary programmes and qualifications involving natural sciences, mathematics and statistics
0588 0588 = Inter-disciplinary programmes and qualifications involving natural sciences, mathematics and statistics
059 059 = Natural sciences, mathematics and statistics not elsewhere classified
0599 0599 = Natural sciences, mathematics and statistics not elsewhere classified
06 06 = Information and Communication Technologies (ICTs) | Informacijske i komunikacijske tehnologije (IKT) | Informacione i komunikacione tehnologije (IKT) | Информационе и комуникационе технологије (ИКТ)
061 061 = Information and Communication Technologies (ICTs)
0610 0610 = Information and Communication Technologies (ICTs) not further defined
0611 0611 = Computer use | Uporaba računala | Upotreba računara | Употреба рачунара
0612 0612 = Database and network design and administration | Projektiranje i administriranje baza podataka i mreža | Projektovanje i administriranje baza podataka i mreža | Пројектовање и администрирање база података и мрежа
0613 0613 = Software and applications development and analysis | Razvoj i analiza softvera i aplikacija | Razvoj i analiza softvera i aplikacija | Развој и анализа софтвера и апликација
0619 0619 = Information and communication technologies not elsewhere classified | Informacijske i komunikacijske tehnologije, drugdje nerazvrstano | Informacione i komunikacione tehnologije, nerazvrstano na drugom mestu | Информационе и комуникационе технологије, неразврстано на другом месту
068 068 = Inter-disciplinary programmes and qualifications involving Information and Communication Technologies (ICTs)
0688 0688 = Inter-disciplinary programmes and qualifications involving Information and Communication Technologies (ICTs)
07 07 = Engineering, manufacturing and construction | Inženjerstvo, proizvodnja i građevinarstvo | Inženjerstvo, proizvodnja i građevinarstvo | Инжењерство, производња и грађевинарство
070 070 = Engineering, manufacturing and construction not further defined
0700 0700 = Engineering, manufacturing and construction not further defined
071 071 = Engineering and engineering trades | Inženjerstvo i inženjerske struke | Inženjerstvo i inženjerske struke | Инжењерство и инжењерске струке
0710 0710 = Engineering and engineering trades not further defined
0711 0711 = Chemical engineering and processes | Kemijsko inženjerstvo i procesi | Hemijsko inženjerstvo i procesi | Хемијско инжењерство и процеси
0712 0712 = Environmental protection technology | Tehnologija zaštite okoliša | Tehnologija zaštite životne sredine | Технологија заштите животне средине
0713 0713 = Electricity and energy | Elektrotehnika i energetika | Elektrotehnika i energetika | Електротехника и енергетика
0714 0714 = Electronics and automation | Elektronika i automatizacija | Elektronika i automatizacija | Електроника и аутоматизација
0715 0715 = Mechanics and metal trades | Strojarstvo i obrada metala | Mašinstvo i obrada metala | Машинство и обрада метала
0716 0716 = Motor vehicles, ships and aircraft | Motorna vozila, brodovi i zrakoplovi | Motorna vozila, brodovi i vazduhoplovi | Моторна возила, бродови и ваздухоплови
0719 0719 = Engineering and engineering trades not elsewhere classified
072 072 = Manufacturing and processing | Proizvodnja i prerada | Proizvodnja i prerada | Производња и прерада
0720 0720 = Manufacturing and processing not further defined
0721 0721 = Food processing | Prerada hrane | Prerada hrane | Прерада хране
0722 0722 = Materials (glass, paper, plastic and wood) | Materijali (staklo, papir, plastika i drvo) | Materijali (staklo, papir, plastika i drvo) | Материјали (стакло, папир, пластика и дрво)
0723 0723 = Textiles (clothes, footwear and leather) | Tekstil (odjeća, obuća i koža) | Tekstil (odeća, obuća i koža) | Текстил (одећа, обућа и кожа)
0724 0724 = Mining and extraction | Rudarstvo i vađenje | Rudarstvo i eksploatacija ruda | Рударство и експлоатација руда
0729 0729 = Manufacturing and processing not elsewhere classified
073 073 = Architecture and construction | Arhitektura i građevinarstvo | Arhitektura i građevinarstvo | Архитектура и грађевинарство
0730 0730 = Architecture and construction not further defined
0731 0731 = Architecture and town planning | Arhitektura i urbanizam | Arhitektura i urbanizam | Архитектура и урбанизам
0732 0732 = Building and civil engineering | Visokogradnja i niskogradnja | Visokogradnja i niskogradnja | Високоградња и нискоградња
078 078 = Inter-disciplinary programmes and qualifications involving engineering, manufacturing and construction
0788 0788 = Inter-disciplinary programmes and qualifications involving engineering, manufacturing and construction
079 079 = Engineering, manufacturing and construction not elsewhere classified
0799 0799 = Engineering, manufacturing and construction not elsewhere classified
08 08 = Agriculture, forestry, fisheries and veterinary | Poljoprivreda, šumarstvo, ribarstvo i veterinarstvo | Poljoprivreda, šumarstvo, ribarstvo i veterina | Пољопривреда, шумарство, рибарство и ветерина
080 080 = Agriculture, forestry, fisheries and veterinary not further defined
0800 0800 = Agriculture, forestry, fisheries and veterinary not further defined
081 081 = Agriculture | Poljoprivreda | Poljoprivreda | Пољопривреда
0810 0810 = Agriculture not further defined
0811 0811 = Crop and livestock production | Biljna i stočarska proizvodnja | Biljna i stočarska proizvodnja | Биљна и сточарска производња
0812 0812 = Horticulture | Hortikultura | Hortikultura | Хортикултура
0819 0819 = Agriculture not elsewhere classified
082 082 = Forestry | Šumarstvo | Šumarstvo | Шумарство
0821 0821 = Forestry
083 083 = Fisheries | Ribarstvo | Ribarstvo | Рибарство
0831 0831 = Fisheries
084 084 = Veterinary | Veterinarstvo | Veterina | Ветерина
0841 0841 = Veterinary
088 088 = Inter-disciplinary programmes and qualifications involving agriculture, forestry, fisheries and veterinary
0888 0888 = Inter-disciplinary programmes and qualifications involving agriculture, forestry, fisheries and veterinary
089 089 = Agriculture, forestry, fisheries and veterinary not elsewhere classified
0899 0899 = Agriculture, forestry, fisheries and veterinary not elsewhere classified
09 09 = Health and welfare | Zdravstvo i socijalna skrb | Zdravstvo i socijalna zaštita | Здравство и социјална заштита
090 090 = Health and welfare not further defined; 0900 0900 = Health and welfare not further defined
091 091 = Health | Zdravstvo | Zdravstvo | Здравство
0910 0910 = Health not further defined
0911 0911 = Dental studies | Dentalna medicina | Stomatologija | Стоматологија
0912 0912 = Medicine | Medicina | Medicina | Медицина
0913 0913 = Nursing and midwifery | Sestrinstvo i primaljstvo | Sestrinstvo i babištvo | Сестринство и бабиштво
0914 0914 = Medical diagnostic and treatment technology | Tehnologije medicinske dijagnostike i liječenja | Tehnologije medicinske dijagnostike i lečenja | Технологије медицинске дијагностике и лечења
0915 0915 = Therapy and rehabilitation | Terapija i rehabilitacija | Terapija i rehabilitacija | Терапија и рехабилитација
0916 0916 = Pharmacy | Farmacija | Farmacija | Фармација
0917 0917 = Traditional and complementary medicine and therapy | Tradicionalna i komplementarna medicina i terapija | Tradicionalna i komplementarna medicina i terapija | Традиционална и комплементарна медицина и терапија
0919 0919 = Health not elsewhere classified
092 092 = Welfare | Socijalna skrb | Socijalna zaštita | Социјална заштита
0920 0920 = Welfare not further defined
0921 0921 = Care of the elderly and of disabled adults | Skrb o starijim osobama i odraslima s invaliditetom | Briga o starijim osobama i odraslima sa invaliditetom | Брига о старијим особама и одраслима са инвалидитетом
0922 0922 = Child care and youth services | Skrb o djeci i usluge za mlade | Briga o deci i usluge za mlade | Брига о деци и услуге за младе
0923 0923 = Social work and counselling | Socijalni rad i savjetovanje | Socijalni rad i savetovanje | Социјални рад и саветовање
0929 0929 = Welfare not elsewhere classified
098 098 = Inter-disciplinary programmes and qualifications involving health and welfare
0988 0988 = Inter-disciplinary programmes and qualifications involving health and welfare
099 099 = Health and welfare not elsewhere classified; 0999 0999 = Health and welfare not elsewhere classified
10 10 = Services | Usluge | Usluge | Услуге
100 100 = Services not further defined; 1000 1000 = Services not further defined
101 101 = Personal services | Osobne usluge | Lične usluge | Личне услуге
1010 1010 = Personal services not further defined
1011 1011 = Domestic services | Usluge u kućanstvu | Usluge u domaćinstvu | Услуге у домаћинству
1012 1012 = Hair and beauty services | Frizerske i kozmetičke usluge | Frizerske i kozmetičke usluge | Фризерске и козметичке услуге
1013 1013 = Hotel, restaurants and catering | Hoteli, restorani i ugostiteljstvo | Hoteli, restorani i ugostiteljstvo | Хотели, ресторани и угоститељство
1014 1014 = Sports | Sport | Sport | Спорт
1015 1015 = Travel, tourism and leisure | Putovanja, turizam i slobodno vrijeme | Putovanja, turizam i slobodno vreme | Путовања, туризам и слободно време
1019 1019 = Personal services not elsewhere classified
102 102 = Hygiene and occupational health services | Usluge higijene i zaštite zdravlja na radu | Usluge higijene i zaštite zdravlja na radu | Услуге хигијене и заштите здравља на раду
1020 1020 = Hygiene and occupational health services not further defined
1021 1021 = Community sanitation | Komunalna higijena | Komunalna higijena | Комунална хигијена
1022 1022 = Occupational health and safety | Zdravlje i sigurnost na radu | Bezbednost i zdravlje na radu | Безбедност и здравље на раду
1029 1029 = Hygiene and occupational health services not elsewhere classified
103 103 = Security services | Sigurnosne usluge | Bezbednosne usluge | Безбедносне услуге
1030 1030 = Security services not further defined
1031 1031 = Military and defence | Vojska i obrana | Vojska i odbrana | Војска и одбрана
1032 1032 = Protection of persons and property | Zaštita osoba i imovine | Zaštita lica i imovine | Заштита лица и имовине
1039 1039 = Security services not elsewhere classified
104 104 = Transport services | Usluge prijevoza | Transportne usluge | Транспортне услуге
1041 1041 = Transport services; 108 108 = Inter-disciplinary programmes and qualifications involving services
1088 1088 = Inter-disciplinary programmes and qualifications involving services
109 109 = Services not elsewhere classified; 1099 1099 = Services not elsewhere classified
99 99 = Field unknown | Nepoznato područje | Nepoznata oblast | Непозната област
999 999 = Field unknown; 9999 9999 = Field unknown
`
