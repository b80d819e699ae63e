package contexts

const countryConcepts = `
AFG = Afghanistan; ALB = Albania; DZA = Algeria; ASM = American Samoa; AND = Andorra; AGO = Angola;
AIA = Anguilla; ATA = Antarctica; ATG = Antigua and Barbuda; ARG = Argentina; ARM = Armenia; ABW = Aruba;
AUS = Australia; AUT = Austria; AZE = Azerbaijan; BHS = Bahamas; BHR = Bahrain; BGD = Bangladesh;
BRB = Barbados; BLR = Belarus; BEL = Belgium; BLZ = Belize; BEN = Benin; BMU = Bermuda; BTN = Bhutan;
BOL = Bolivia; BES = Bonaire, Sint Eustatius and Saba; BIH = Bosnia and Herzegovina; BWA = Botswana;
BVT = Bouvet Island; BRA = Brazil; IOT = British Indian Ocean Territory; VGB = British Virgin Islands;
BRN = Brunei; BGR = Bulgaria; BFA = Burkina Faso; BDI = Burundi; CPV = Cabo Verde; KHM = Cambodia;
CMR = Cameroon; CAN = Canada; CYM = Cayman Islands; CAF = Central African Republic; TCD = Chad; CHL = Chile;
CHN = China; CXR = Christmas Island; CPT = Clipperton; CCK = Cocos (Keeling) Islands; COL = Colombia;
COM = Comoros; COG = Congo; COK = Cook Islands; CRI = Costa Rica; HRV = Croatia; CUB = Cuba; CUW = Curaçao;
CYP = Cyprus; CZE = Czechia; CIV = Côte d’Ivoire; COD = Democratic Republic of the Congo; DNK = Denmark;
DJI = Djibouti; DMA = Dominica; DOM = Dominican Republic; ECU = Ecuador; EGY = Egypt; SLV = El Salvador;
GNQ = Equatorial Guinea; ERI = Eritrea; EST = Estonia; SWZ = Eswatini; ETH = Ethiopia; EUR = European Union;
FLK = Falkland Islands; FRO = Faroes; FJI = Fiji; FIN = Finland; FRA = France; GUF = French Guiana;
PYF = French Polynesia; FQ0 = French Southern and Antarctic Lands; GAB = Gabon; GEO = Georgia; DEU = Germany;
GHA = Ghana; GIB = Gibraltar; GRC = Greece; GRL = Greenland; GRD = Grenada; GLP = Guadeloupe; GUM = Guam;
GTM = Guatemala; GGY = Guernsey; GIN = Guinea; GNB = Guinea-Bissau; GUY = Guyana; HTI = Haiti;
HMD = Heard Island and McDonald Islands; HND = Honduras; HKG = Hong Kong; HUN = Hungary; ISL = Iceland;
IND = India; IDN = Indonesia; IRN = Iran; IRQ = Iraq; IRL = Ireland; IMN = Isle of Man; ISR = Israel;
ITA = Italy; JAM = Jamaica; JPN = Japan; JEY = Jersey; JOR = Jordan; KAZ = Kazakhstan; KEN = Kenya;
KIR = Kiribati; 1A0 = Kosovo; KWT = Kuwait; KGZ = Kyrgyzstan; LAO = Laos; LVA = Latvia; LBN = Lebanon;
LSO = Lesotho; LBR = Liberia; LBY = Libya; LIE = Liechtenstein; LTU = Lithuania; LUX = Luxembourg; MAC = Macau;
MDG = Madagascar; MWI = Malawi; MYS = Malaysia; MDV = Maldives; MLI = Mali; MLT = Malta;
MHL = Marshall Islands; MTQ = Martinique; MRT = Mauritania; MUS = Mauritius; MYT = Mayotte; MEX = Mexico;
FSM = Micronesia; MDA = Moldova; MCO = Monaco; MNG = Mongolia; MNE = Montenegro; MSR = Montserrat;
MAR = Morocco; MOZ = Mozambique; MMR = Myanmar/Burma; NAM = Namibia; NRU = Nauru; NPL = Nepal;
NLD = Netherlands; NCL = New Caledonia; NZL = New Zealand; NIC = Nicaragua; NER = Niger; NGA = Nigeria;
NIU = Niue; NFK = Norfolk Island; PRK = North Korea; MKD = North Macedonia; MNP = Northern Mariana Islands;
NOR = Norway; OMN = Oman; PAK = Pakistan; PLW = Palau; PSE = Palestine; PAN = Panama; PNG = Papua New Guinea;
PRY = Paraguay; PER = Peru; PHL = Philippines; PCN = Pitcairn Islands; POL = Poland; PRT = Portugal;
PRI = Puerto Rico; QAT = Qatar; ROU = Romania; RUS = Russia; RWA = Rwanda; REU = Réunion;
BLM = Saint Barthélemy; SHN = Saint Helena, Ascension and Tristan da Cunha; KNA = Saint Kitts and Nevis;
LCA = Saint Lucia; MAF = Saint Martin; SPM = Saint Pierre and Miquelon; VCT = Saint Vincent and the Grenadines;
WSM = Samoa; SMR = San Marino; SAU = Saudi Arabia; SEN = Senegal; SRB = Serbia; SYC = Seychelles;
SLE = Sierra Leone; SGP = Singapore; SXM = Sint Maarten; SVK = Slovakia; SVN = Slovenia; SLB = Solomon Islands;
SOM = Somalia; ZAF = South Africa; SGS = South Georgia and the South Sandwich Islands; KOR = South Korea;
SSD = South Sudan; ESP = Spain; LKA = Sri Lanka; SDN = Sudan; SUR = Suriname; SJM = Svalbard and Jan Mayen;
SWE = Sweden; CHE = Switzerland; SYR = Syria; STP = São Tomé and Príncipe; TWN = Taiwan; TJK = Tajikistan;
TZA = Tanzania; THA = Thailand; GMB = The Gambia; TLS = Timor-Leste; TGO = Togo; TKL = Tokelau; TON = Tonga;
TTO = Trinidad and Tobago; TUN = Tunisia; TUR = Turkey; TKM = Turkmenistan; TCA = Turks and Caicos Islands;
TUV = Tuvalu; VIR = US Virgin Islands; UGA = Uganda; UKR = Ukraine; ARE = United Arab Emirates;
GBR = United Kingdom; USA = United States; UMI = United States Minor Outlying Islands; URY = Uruguay;
UZB = Uzbekistan; VUT = Vanuatu; VAT = Vatican City State; VEN = Venezuela; VNM = Vietnam;
WLF = Wallis and Futuna; ESH = Western Sahara; YEM = Yemen; ZMB = Zambia; ZWE = Zimbabwe; ALA = Åland Islands
`

// languageConcepts are the official languages of the Union, then those of the
// Balkans and some others of Europe.
const languageConcepts = `
BUL = Bulgarian; HRV = Croatian; CES = Czech; DAN = Danish; NLD = Dutch; ENG = English; EST = Estonian;
FIN = Finnish; FRA = French; DEU = German; ELL = Greek; HUN = Hungarian; GLE = Irish; ITA = Italian;
LAV = Latvian; LIT = Lithuanian; MLT = Maltese; POL = Polish; POR = Portuguese; RON = Romanian; SLK = Slovak;
SLV = Slovenian; SPA = Spanish; SWE = Swedish; SRP = Serbian; BOS = Bosnian; CNR = Montenegrin;
MKD = Macedonian; SQI = Albanian; TUR = Turkish; ROM = Romani; CAT = Catalan; EUS = Basque; GLG = Galician;
LTZ = Luxembourgish; CYM = Welsh; GLA = Scottish Gaelic; NOR = Norwegian; NOB = Norwegian Bokmål;
NNO = Norwegian Nynorsk; ISL = Icelandic; ROH = Romansh; UKR = Ukrainian; RUS = Russian; BEL = Belarusian
`

const fileTypeConcepts = `
PNG = PNG; JPEG = JPEG; GIF = GIF; TIFF = TIFF; SVG = SVG; PDF = PDF; PDFA1A = PDF/A-1a; PDFA1B = PDF/A-1b;
PDFA2A = PDF/A-2a; PDFA2B = PDF/A-2b; PDFA3 = PDFA-3; PDFUA = PDF/UA; TXT = Plain text; HTML = HTML; XML = XML;
JSON = JSON; JSON_LD = JSON-LD; CSV = CSV; RTF = RTF; DOC = Word DOC; DOCX = Word DOCX; ODT = ODT;
XLSX = Excel XLSX; ODS = ODS; PPTX = PowerPoint PPTX; ODP = ODP; MP3 = MP3; MPEG4 = MPEG-4; ZIP = ZIP
`
