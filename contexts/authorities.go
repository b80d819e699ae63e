package contexts

const countryConcepts = `
AFG = Afghanistan; ALB = Albania | Albanija | Albanija | Албанија; DZA = Algeria; ASM = American Samoa;
AND = Andorra; AGO = Angola; AIA = Anguilla; ATA = Antarctica; ATG = Antigua and Barbuda; ARG = Argentina;
ARM = Armenia; ABW = Aruba; AUS = Australia; AUT = Austria | Austrija | Austrija | Аустрија; AZE = Azerbaijan;
BHS = Bahamas; BHR = Bahrain; BGD = Bangladesh; BRB = Barbados; BLR = Belarus;
BEL = Belgium | Belgija | Belgija | Белгија; BLZ = Belize; BEN = Benin; BMU = Bermuda; BTN = Bhutan;
BOL = Bolivia; BES = Bonaire, Sint Eustatius and Saba;
BIH = Bosnia and Herzegovina | Bosna i Hercegovina | Bosna i Hercegovina | Босна и Херцеговина; BWA = Botswana;
BVT = Bouvet Island; BRA = Brazil; IOT = British Indian Ocean Territory; VGB = British Virgin Islands;
BRN = Brunei; BGR = Bulgaria | Bugarska | Bugarska | Бугарска; BFA = Burkina Faso; BDI = Burundi;
CPV = Cabo Verde; KHM = Cambodia; CMR = Cameroon; CAN = Canada; CYM = Cayman Islands;
CAF = Central African Republic; TCD = Chad; CHL = Chile; CHN = China; CXR = Christmas Island; CPT = Clipperton;
CCK = Cocos (Keeling) Islands; COL = Colombia; COM = Comoros; COG = Congo; COK = Cook Islands;
CRI = Costa Rica; HRV = Croatia | Hrvatska | Hrvatska | Хрватска; CUB = Cuba; CUW = Curaçao;
CYP = Cyprus | Cipar | Kipar | Кипар; CZE = Czechia | Češka | Češka | Чешка; CIV = Côte d’Ivoire;
COD = Democratic Republic of the Congo; DNK = Denmark | Danska | Danska | Данска; DJI = Djibouti;
DMA = Dominica; DOM = Dominican Republic; ECU = Ecuador; EGY = Egypt; SLV = El Salvador;
GNQ = Equatorial Guinea; ERI = Eritrea; EST = Estonia | Estonija | Estonija | Естонија; SWZ = Eswatini;
ETH = Ethiopia; EUR = European Union | Europska unija | Evropska unija | Европска унија;
FLK = Falkland Islands; FRO = Faroes; FJI = Fiji; FIN = Finland | Finska | Finska | Финска;
FRA = France | Francuska | Francuska | Француска; GUF = French Guiana; PYF = French Polynesia;
FQ0 = French Southern and Antarctic Lands; GAB = Gabon; GEO = Georgia;
DEU = Germany | Njemačka | Nemačka | Немачка; GHA = Ghana; GIB = Gibraltar;
GRC = Greece | Grčka | Grčka | Грчка; GRL = Greenland; GRD = Grenada; GLP = Guadeloupe; GUM = Guam;
GTM = Guatemala; GGY = Guernsey; GIN = Guinea; GNB = Guinea-Bissau; GUY = Guyana; HTI = Haiti;
HMD = Heard Island and McDonald Islands; HND = Honduras; HKG = Hong Kong;
HUN = Hungary | Mađarska | Mađarska | Мађарска; ISL = Iceland | Island | Island | Исланд; IND = India;
IDN = Indonesia; IRN = Iran; IRQ = Iraq; IRL = Ireland | Irska | Irska | Ирска; IMN = Isle of Man;
ISR = Israel; ITA = Italy | Italija | Italija | Италија; JAM = Jamaica; JPN = Japan; JEY = Jersey;
JOR = Jordan; KAZ = Kazakhstan; KEN = Kenya; KIR = Kiribati; 1A0 = Kosovo | Kosovo | Kosovo | Косово;
KWT = Kuwait; KGZ = Kyrgyzstan; LAO = Laos; LVA = Latvia | Latvija | Letonija | Летонија; LBN = Lebanon;
LSO = Lesotho; LBR = Liberia; LBY = Libya; LIE = Liechtenstein | Lihtenštajn | Lihtenštajn | Лихтенштајн;
LTU = Lithuania | Litva | Litvanija | Литванија; LUX = Luxembourg | Luksemburg | Luksemburg | Луксембург;
MAC = Macau; MDG = Madagascar; MWI = Malawi; MYS = Malaysia; MDV = Maldives; MLI = Mali;
MLT = Malta | Malta | Malta | Малта; MHL = Marshall Islands; MTQ = Martinique; MRT = Mauritania;
MUS = Mauritius; MYT = Mayotte; MEX = Mexico; FSM = Micronesia;
MDA = Moldova | Moldova | Moldavija | Молдавија; MCO = Monaco; MNG = Mongolia;
MNE = Montenegro | Crna Gora | Crna Gora | Црна Гора; MSR = Montserrat; MAR = Morocco; MOZ = Mozambique;
MMR = Myanmar/Burma; NAM = Namibia; NRU = Nauru; NPL = Nepal;
NLD = Netherlands | Nizozemska | Holandija | Холандија; NCL = New Caledonia; NZL = New Zealand;
NIC = Nicaragua; NER = Niger; NGA = Nigeria; NIU = Niue; NFK = Norfolk Island; PRK = North Korea;
MKD = North Macedonia | Sjeverna Makedonija | Severna Makedonija | Северна Македонија;
MNP = Northern Mariana Islands; NOR = Norway | Norveška | Norveška | Норвешка; OMN = Oman; PAK = Pakistan;
PLW = Palau; PSE = Palestine; PAN = Panama; PNG = Papua New Guinea; PRY = Paraguay; PER = Peru;
PHL = Philippines; PCN = Pitcairn Islands; POL = Poland | Poljska | Poljska | Пољска;
PRT = Portugal | Portugal | Portugalija | Португалија; PRI = Puerto Rico; QAT = Qatar;
ROU = Romania | Rumunjska | Rumunija | Румунија; RUS = Russia; RWA = Rwanda; REU = Réunion;
BLM = Saint Barthélemy; SHN = Saint Helena, Ascension and Tristan da Cunha; KNA = Saint Kitts and Nevis;
LCA = Saint Lucia; MAF = Saint Martin; SPM = Saint Pierre and Miquelon; VCT = Saint Vincent and the Grenadines;
WSM = Samoa; SMR = San Marino; SAU = Saudi Arabia; SEN = Senegal; SRB = Serbia | Srbija | Srbija | Србија;
SYC = Seychelles; SLE = Sierra Leone; SGP = Singapore; SXM = Sint Maarten;
SVK = Slovakia | Slovačka | Slovačka | Словачка; SVN = Slovenia | Slovenija | Slovenija | Словенија;
SLB = Solomon Islands; SOM = Somalia; ZAF = South Africa; SGS = South Georgia and the South Sandwich Islands;
KOR = South Korea; SSD = South Sudan; ESP = Spain | Španjolska | Španija | Шпанија; LKA = Sri Lanka;
SDN = Sudan; SUR = Suriname; SJM = Svalbard and Jan Mayen; SWE = Sweden | Švedska | Švedska | Шведска;
CHE = Switzerland | Švicarska | Švajcarska | Швајцарска; SYR = Syria; STP = São Tomé and Príncipe;
TWN = Taiwan; TJK = Tajikistan; TZA = Tanzania; THA = Thailand; GMB = The Gambia; TLS = Timor-Leste;
TGO = Togo; TKL = Tokelau; TON = Tonga; TTO = Trinidad and Tobago; TUN = Tunisia;
TUR = Turkey | Turska | Turska | Турска; TKM = Turkmenistan; TCA = Turks and Caicos Islands; TUV = Tuvalu;
VIR = US Virgin Islands; UGA = Uganda; UKR = Ukraine | Ukrajina | Ukrajina | Украјина;
ARE = United Arab Emirates;
GBR = United Kingdom | Ujedinjena Kraljevina | Ujedinjeno Kraljevstvo | Уједињено Краљевство;
USA = United States; UMI = United States Minor Outlying Islands; URY = Uruguay; UZB = Uzbekistan;
VUT = Vanuatu; VAT = Vatican City State; VEN = Venezuela; VNM = Vietnam; WLF = Wallis and Futuna;
ESH = Western Sahara; YEM = Yemen; ZMB = Zambia; ZWE = Zimbabwe; ALA = Åland Islands;
OP_DATPRO = Provisional data
`

// languageConcepts are the official languages of the Union, then those of the
// Balkans and some others of Europe, with translations. The others are in the
// table.
const languageConcepts = `
BUL = Bulgarian | bugarski | bugarski | бугарски; HRV = Croatian | hrvatski | hrvatski | хрватски;
CES = Czech | češki | češki | чешки; DAN = Danish | danski | danski | дански;
NLD = Dutch | nizozemski | holandski | холандски; ENG = English | engleski | engleski | енглески;
EST = Estonian | estonski | estonski | естонски; FIN = Finnish | finski | finski | фински;
FRA = French | francuski | francuski | француски; DEU = German | njemački | nemački | немачки;
ELL = Greek | grčki | grčki | грчки; HUN = Hungarian | mađarski | mađarski | мађарски;
GLE = Irish | irski | irski | ирски; ITA = Italian | talijanski | italijanski | италијански;
LAV = Latvian | latvijski | letonski | летонски; LIT = Lithuanian | litavski | litvanski | литвански;
MLT = Maltese | malteški | malteški | малтешки; POL = Polish | poljski | poljski | пољски;
POR = Portuguese | portugalski | portugalski | португалски; RON = Romanian | rumunjski | rumunski | румунски;
SLK = Slovak | slovački | slovački | словачки; SLV = Slovenian | slovenski | slovenački | словеначки;
SPA = Spanish | španjolski | španski | шпански; SWE = Swedish | švedski | švedski | шведски;
SRP = Serbian | srpski | srpski | српски; BOS = Bosnian | bosanski | bosanski | босански;
CNR = Montenegrin | crnogorski | crnogorski | црногорски;
MKD = Macedonian | makedonski | makedonski | македонски; SQI = Albanian | albanski | albanski | албански;
TUR = Turkish | turski | turski | турски; ROM = Romani | romski | romski | ромски;
CAT = Catalan | katalonski | katalonski | каталонски; EUS = Basque | baskijski | baskijski | баскијски;
GLG = Galician | galicijski | galicijski | галицијски;
LTZ = Luxembourgish | luksemburški | luksemburški | луксембуршки; CYM = Welsh | velški | velški | велшки;
GLA = Scottish Gaelic | škotski gaelski | škotski gelski | шкотски гелски;
NOR = Norwegian | norveški | norveški | норвешки;
NOB = Norwegian Bokmål | norveški bokmål | norveški bukmol | норвешки букмол;
NNO = Norwegian Nynorsk | norveški nynorsk | norveški ninorsk | норвешки нинорск;
ISL = Icelandic | islandski | islandski | исландски;
ROH = Romansh | retoromanski | retoromanski | реторомански;
UKR = Ukrainian | ukrajinski | ukrajinski | украјински; RUS = Russian | ruski | ruski | руски;
BEL = Belarusian | bjeloruski | beloruski | белоруски
`

// fileTypeConcepts are those that people attach; the others are in the table.
const fileTypeConcepts = `
PNG = PNG; JPEG = JPEG; GIF = GIF; TIFF = TIFF; SVG = SVG; PDF = PDF; PDFA1A = PDF/A-1a; PDFA1B = PDF/A-1b;
PDFA2A = PDF/A-2a; PDFA2B = PDF/A-2b; PDFA3 = PDFA-3; PDFUA = PDF/UA; TXT = Plain text; HTML = HTML; XML = XML;
JSON = JSON; JSON_LD = JSON-LD; CSV = CSV; RTF = RTF; DOC = Word DOC; DOCX = Word DOCX; ODT = ODT;
XLSX = Excel XLSX; ODS = ODS; PPTX = PowerPoint PPTX; ODP = ODP; MP3 = MP3; MPEG4 = MPEG-4; ZIP = ZIP
`

// regionConcepts are the statistical regions (NUTS) of Serbia, Montenegro and
// Croatia under their names, which the publication has in the language of
// the country only. The other regions are in the table.
const regionConcepts = `
RS = Serbia | Srbija | Srbija | Србија
RS1 = Serbia - North | Srbija - sjever | Srbija - sever | Србија - север
RS2 = Serbia - South | Srbija - jug | Srbija - jug | Србија - југ
ME = Montenegro | Crna Gora | Crna Gora | Црна Гора
ME0 = Montenegro | Crna Gora | Crna Gora | Црна Гора
ME00 = Montenegro | Crna Gora | Crna Gora | Црна Гора
ME000 = Montenegro | Crna Gora | Crna Gora | Црна Гора
HR = Croatia | Hrvatska | Hrvatska | Хрватска
HR0 = Croatia | Hrvatska | Hrvatska | Хрватска
RS11 = Belgrade Region | Beogradski region | Beogradski region | Београдски регион
RS12 = Region of Vojvodina | Region Vojvodine | Region Vojvodine | Регион Војводине
RS21 = Region of Šumadija and Western Serbia | Region Šumadije i Zapadne Srbije | Region Šumadije i Zapadne Srbije | Регион Шумадије и Западне Србије
RS22 = Region of Southern and Eastern Serbia | Region Južne i Istočne Srbije | Region Južne i Istočne Srbije | Регион Јужне и Источне Србије
RS110 = Belgrade District | Beogradska oblast | Beogradska oblast | Београдска област
RS121 = West Bačka District | Zapadnobačka oblast | Zapadnobačka oblast | Западнобачка област
RS122 = South Banat District | Južnobanatska oblast | Južnobanatska oblast | Јужнобанатска област
RS123 = South Bačka District | Južnobačka oblast | Južnobačka oblast | Јужнобачка област
RS124 = North Banat District | Severnobanatska oblast | Severnobanatska oblast | Севернобанатска област
RS125 = North Bačka District | Severnobačka oblast | Severnobačka oblast | Севернобачка област
RS126 = Central Banat District | Srednjobanatska oblast | Srednjobanatska oblast | Средњобанатска област
RS127 = Srem District | Sremska oblast | Sremska oblast | Сремска област
RS211 = Zlatibor District | Zlatiborska oblast | Zlatiborska oblast | Златиборска област
RS212 = Kolubara District | Kolubarska oblast | Kolubarska oblast | Колубарска област
RS213 = Mačva District | Mačvanska oblast | Mačvanska oblast | Мачванска област
RS214 = Moravica District | Moravička oblast | Moravička oblast | Моравичка област
RS215 = Pomoravlje District | Pomoravska oblast | Pomoravska oblast | Поморавска област
RS216 = Rasina District | Rasinska oblast | Rasinska oblast | Расинска област
RS217 = Raška District | Raška oblast | Raška oblast | Рашка област
RS218 = Šumadija District | Šumadijska oblast | Šumadijska oblast | Шумадијска област
RS221 = Bor District | Borska oblast | Borska oblast | Борска област
RS222 = Braničevo District | Braničevska oblast | Braničevska oblast | Браничевска област
RS223 = Zaječar District | Zaječarska oblast | Zaječarska oblast | Зајечарска област
RS224 = Jablanica District | Jablanička oblast | Jablanička oblast | Јабланичка област
RS225 = Nišava District | Nišavska oblast | Nišavska oblast | Нишавска област
RS226 = Pirot District | Pirotska oblast | Pirotska oblast | Пиротска област
RS227 = Podunavlje District | Podunavska oblast | Podunavska oblast | Подунавска област
RS228 = Pčinja District | Pčinjska oblast | Pčinjska oblast | Пчињска област
RS229 = Toplica District | Toplička oblast | Toplička oblast | Топличка област
HR02 = Pannonian Croatia | Panonska Hrvatska | Panonska Hrvatska | Панонска Хрватска
HR03 = Adriatic Croatia | Jadranska Hrvatska | Jadranska Hrvatska | Јадранска Хрватска
HR05 = City of Zagreb | Grad Zagreb | Grad Zagreb | Град Загреб
HR06 = Northern Croatia | Sjeverna Hrvatska | Sjeverna Hrvatska | Сјеверна Хрватска
HR021 = Bjelovar-Bilogora County | Bjelovarsko-bilogorska županija | Bjelovarsko-bilogorska županija | Бјеловарско-билогорска жупанија
HR022 = Virovitica-Podravina County | Virovitičko-podravska županija | Virovitičko-podravska županija | Вировитичко-подравска жупанија
HR023 = Požega-Slavonia County | Požeško-slavonska županija | Požeško-slavonska županija | Пожешко-славонска жупанија
HR024 = Brod-Posavina County | Brodsko-posavska županija | Brodsko-posavska županija | Бродско-посавска жупанија
HR025 = Osijek-Baranja County | Osječko-baranjska županija | Osječko-baranjska županija | Осјечко-барањска жупанија
HR026 = Vukovar-Srijem County | Vukovarsko-srijemska županija | Vukovarsko-srijemska županija | Вуковарско-сријемска жупанија
HR027 = Karlovac County | Karlovačka županija | Karlovačka županija | Карловачка жупанија
HR028 = Sisak-Moslavina County | Sisačko-moslavačka županija | Sisačko-moslavačka županija | Сисачко-мославачка жупанија
HR031 = Primorje-Gorski Kotar County | Primorsko-goranska županija | Primorsko-goranska županija | Приморско-горанска жупанија
HR032 = Lika-Senj County | Ličko-senjska županija | Ličko-senjska županija | Личко-сењска жупанија
HR033 = Zadar County | Zadarska županija | Zadarska županija | Задарска жупанија
HR034 = Šibenik-Knin County | Šibensko-kninska županija | Šibensko-kninska županija | Шибенско-книнска жупанија
HR035 = Split-Dalmatia County | Splitsko-dalmatinska županija | Splitsko-dalmatinska županija | Сплитско-далматинска жупанија
HR036 = Istria County | Istarska županija | Istarska županija | Истарска жупанија
HR037 = Dubrovnik-Neretva County | Dubrovačko-neretvanska županija | Dubrovačko-neretvanska županija | Дубровачко-неретванска жупанија
HR050 = City of Zagreb | Grad Zagreb | Grad Zagreb | Град Загреб
HR061 = Međimurje County | Međimurska županija | Međimurska županija | Међимурска жупанија
HR062 = Varaždin County | Varaždinska županija | Varaždinska županija | Вараждинска жупанија
HR063 = Koprivnica-Križevci County | Koprivničko-križevačka županija | Koprivničko-križevačka županija | Копривничко-крижевачка жупанија
HR064 = Krapina-Zagorje County | Krapinsko-zagorska županija | Krapinsko-zagorska županija | Крапинско-загорска жупанија
HR065 = Zagreb County | Zagrebačka županija | Zagrebačka županija | Загребачка жупанија
`
