package contexts

import (
	"cmp"
	"strings"
)

// levelWords are "level" in the other languages.
var levelWords = map[string]string{
	"hr": "razina", "sr-Latn": "nivo", "sr-Cyrl": "ниво", "sl": "raven", "bs": "nivo", "cnr": "nivo",
	"de": "Niveau", "mk": "ниво", "sq": "niveli",
}

// levelLabels names a national level in the other languages: "NQFS Level 7.1"
// is "NOKS nivo 7.1" in Serbian and "NOKS razina 7.1" in Croatian. Frameworks
// keep the abbreviation that they are known by, in Cyrillic where it is theirs, and have
// their own in the language of their country: Albania's is "KSHK" in Albanian.
func levelLabels(label map[string]string) {
	framework, level, ok := strings.Cut(label["en"], " Level ")
	if !ok || level[0] < '1' || '9' < level[0] || framework[len(framework)-1] > 'Z' {
		return // a framework itself, or a level with a name of its own: "RQF Entry Level 3"
	}
	own := map[string]string{"NQFS": "NOKS", "CROQF": "HKO"}
	cyrillic := map[string]string{"NQFS": "НОКС", "CROQF": "ХКО"}
	further := map[string]map[string]string{"sl": {"SQF": "SOK"}, "mk": {"NNMQF": "НРК"}, "sq": {"AQF": "KSHK", "KS NQF": "KKK"}, "de": {"AT: NQF": "NQR"}}
	for lang, word := range levelWords {
		name := cmp.Or(own[framework], framework)
		if lang == "sr-Cyrl" || lang == "mk" {
			name = cmp.Or(cyrillic[framework], framework)
		}
		name = cmp.Or(further[lang][framework], name)
		label[lang] = name + " " + word + " " + level
	}
}

// frameworkConcepts are frameworks, each followed by its levels. Those of other
// countries are in the table.
const frameworkConcepts = `
c_69e1fd15 = Serbian Qualifications Framework; c_83bf6184 = NQFS Level 1; c_c072e4cc = NQFS Level 2;
c_8a1ce05d = NQFS Level 3; c_71bf982b = NQFS Level 4; c_dc2cd5c7 = NQFS Level 5; c_7e034a16 = NQFS Level 6;
c_6bfeff7a = NQFS Level 6.1; c_529912df = NQFS Level 6.2; c_e4f11c13 = NQFS Level 7;
c_cca41928 = NQFS Level 7.1; c_8cab3c22 = NQFS Level 7.2; c_e3116f9b = NQFS Level 8
c_59d0b819 = Croatian Qualifications Framework; c_d34c0ab3 = CROQF Level 1; c_d5feaf10 = CROQF Level 2;
c_3a9600c8 = CROQF Level 3; c_486071a1 = CROQF Level 4.1; c_49672c5a = CROQF Level 4.2;
c_dcc9aca1 = CROQF Level 5; c_cb53bf24 = CROQF Level 6; c_d6860258 = CROQF Level 7.1;
c_6ab8a29d = CROQF Level 7.2; c_a43afd6a = CROQF Level 8.1; c_2203f32f = CROQF Level 8.2
c_0f8ae85c = Slovenian Qualifications Framework; c_77411555 = SQF Level 1; c_4b23518c = SQF Level 2;
c_e7e8d397 = SQF Level 3; c_66d10210 = SQF Level 4; c_5a909eaa = SQF Level 5; c_4a3aea6f = SQF Level 6;
c_3f2a609e = SQF Level 7; c_4e92151b = SQF Level 8; c_74d66d27 = SQF Level 9; c_a9614000 = SQF Level 10
c_776b98db = Montenegrin Qualifications Framework; c_aa951342 = ME NQF Level 1.1;
c_c0ef8a4e = ME NQF Level 1.2; c_e5b56761 = ME NQF Level 2; c_f08d5131 = ME NQF Level 3;
c_52353560 = ME NQF Level 4.1; c_ccc01a11 = ME NQF Level 4.2; c_b7b67d5e = ME NQF Level 5;
c_5d6112c5 = ME NQF Level 6; c_f38ebe74 = ME NQF Level 7.1; c_193238e8 = ME NQF Level 7.2;
c_ced2a6c3 = ME NQF Level 8
c_da3760bf = Bosnia and Herzegovina Qualifications Framework; c_4653268d = BH NQF Level 1;
c_d80dc4a4 = BH NQF Level 2; c_9dac5a30 = BH NQF Level 3; c_f89fc721 = BH NQF Level 4;
c_96e5a5e7 = BH NQF Level 5; c_1d0ca409 = BH NQF Level 6; c_c042a969 = BH NQF Level 7;
c_36c9ff45 = BH NQF Level 8
c_2b5d39b2 = North Macedonian Qualifications Framework; c_4f0c10a1 = NNMQF Level 1; c_9aeca2ba = NNMQF Level 2;
c_c9af811f = NNMQF Level 3; c_81be283e = NNMQF Level 4; c_ea16bfd2 = NNMQF Level 5;
c_e0ba1a59 = NNMQF Level 5 A; c_b8a101cb = NNMQF Level 5 B; c_c484f777 = NNMQF Level 6;
c_1a88119b = NNMQF Level 6 A; c_55a34aab = NNMQF Level 6 B; c_4508cafb = NNMQF Level 7;
c_0f11cfc1 = NNMQF Level 7 A; c_2fce21e0 = NNMQF Level 7 B; c_556a291d = NNMQF Level 8
c_d3b1f75e = Albanian Qualifications Framework; c_45ec22f4 = AQF Level 1; c_83fe9d36 = AQF Level 2;
c_af16b647 = AQF Level 3; c_24cdfa3f = AQF Level 4; c_cfe3e39b = AQF Level 5; c_31779637 = AQF Level 6;
c_56c0e2fd = AQF Level 7; c_d104d536 = AQF Level 8
c_f4790dbf = Kosovo National Qualifications Framework; c_7203c28f = KS NQF Level 1;
c_c8293950 = KS NQF Level 2; c_ec2e2ebe = KS NQF Level 3; c_a31706ad = KS NQF Level 4;
c_030f5138 = KS NQF Level 5; c_ca282dd9 = KS NQF Level 6; c_fa8f5b4b = KS NQF Level 7;
c_4ba29707 = KS NQF Level 8
c_027221dd = Scottish Credit and Qualifications Framework; c_505223a4 = SCQF Level 1;
c_2ce57891 = SCQF Level 2; c_31146b2c = SCQF Level 3; c_61aa9cbc = SCQF Level 4; c_5e46ea39 = SCQF Level 5;
c_c167deaa = SCQF Level 6; c_326c93a5 = SCQF Level 7; c_d9cf9fd5 = SCQF Level 8; c_e2e0f7fc = SCQF Level 9;
c_021f233f = SCQF Level 10; c_517309ca = SCQF Level 11; c_c3f2cd03 = SCQF Level 12
c_01169e3f = Irish National Framework of Qualifications; c_53e465cb = IE NQF Level 1;
c_060f2f91 = IE NQF Level 2; c_4c88e501 = IE NQF Level 3; c_57c9e957 = IE NQF Level 4;
c_4053e803 = IE NQF Level 5; c_670e54c7 = IE NQF Level 6; c_38f52397 = IE NQF Level 7;
c_218a7e54 = IE NQF Level 8; c_c6ada0f4 = IE NQF Level 9; c_ac9adabb = IE NQF Level 10
c_4538e0af = Austrian National Qualifications Framework; c_479252dc = AT: NQF Level 1;
c_c3234df7 = AT: NQF Level 2; c_1f1297d8 = AT: NQF Level 3; c_67af56a4 = AT: NQF Level 4;
c_e8dd63b9 = AT: NQF Level 5; c_1dcef432 = AT: NQF Level 6; c_0e78414e = AT: NQF Level 7;
c_c94a713e = AT: NQF Level 8
c_ef113b94 = German National Qualifications Framework; c_f77c7095 = DQR Level 1; c_c71cce15 = DQR Level 2;
c_c37d888a = DQR Level 3; c_12a84182 = DQR Level 4; c_bd9f8e42 = DQR Level 5; c_6919ed25 = DQR Level 6;
c_184f7fed = DQR Level 7; c_341d539b = DQR Level 8
c_02d8bc18 = Italian Qualifications Framework; c_d7b593f0 = IT NQF Level 1; c_5af633b3 = IT NQF Level 2;
c_2151e983 = IT NQF Level 3; c_c160a2a0 = IT NQF Level 4; c_334b891b = IT NQF Level 5;
c_f875790f = IT NQF Level 6; c_1a6b4df9 = IT NQF Level 7; c_34a78e36 = IT NQF Level 8
`
