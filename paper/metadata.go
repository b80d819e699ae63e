package paper

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"math"
	"time"
	"unicode/utf16"
)

// xmp describes the file to programs (ISO 16684-1), and says that it is made as
// PDF/A-3a and PDF/UA-1. The extension schema is what PDF/A asks of those who
// use a property that it does not know.
func xmp(title, author, producer, lang string, at time.Time) []byte {
	text := func(s string) string {
		var out bytes.Buffer
		xml.EscapeText(&out, []byte(s)) // a Buffer takes all writes
		return out.String()
	}
	stamp := at.Format(time.RFC3339)
	return []byte("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">` + text(title) + `</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>` + text(author) + `</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>` + text(lang) + `</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>` + text(producer) + `</xmp:CreatorTool>
<xmp:CreateDate>` + stamp + `</xmp:CreateDate>
<xmp:ModifyDate>` + stamp + `</xmp:ModifyDate>
<pdf:Producer>` + text(producer) + `</pdf:Producer>
<pdfaid:part>3</pdfaid:part>
<pdfaid:conformance>A</pdfaid:conformance>
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>`)
}

// sRGB is the colour space of IEC 61966-2-1 as an ICC profile (ISO 15076-1):
// primaries adapted to D50, and its tone curve as parameters.
func sRGB() []byte {
	be := binary.BigEndian
	fixed := func(b []byte, values ...float64) []byte { // s15Fixed16
		for _, v := range values {
			b = be.AppendUint32(b, uint32(int32(math.Round(v*65536))))
		}
		return b
	}
	kind := func(signature string) []byte { return append([]byte(signature), 0, 0, 0, 0) }
	text := func(s string) []byte { // multiLocalizedUnicode, one record
		b := be.AppendUint32(be.AppendUint32(kind("mluc"), 1), 12)
		b = be.AppendUint32(be.AppendUint32(append(b, "enUS"...), uint32(2*len(s))), 28)
		for _, unit := range utf16.Encode([]rune(s)) {
			b = be.AppendUint16(b, unit)
		}
		return b
	}
	xyz := func(x, y, z float64) []byte { return fixed(kind("XYZ "), x, y, z) }
	curve := fixed(append(kind("para"), 0, 3, 0, 0), 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
	tags := []struct {
		name string
		data []byte
	}{
		{"desc", text("sRGB")}, {"cprt", text("No rights reserved")},
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"chad", fixed(kind("sf32"), 1.047882, 0.022919, -0.050217, 0.029587, 0.990479, -0.017059, -0.009232, 0.015076, 0.751678)},
		{"rXYZ", xyz(0.436066, 0.222488, 0.013916)}, {"gXYZ", xyz(0.385147, 0.716873, 0.097076)}, {"bXYZ", xyz(0.143066, 0.060608, 0.714096)},
		{"rTRC", curve}, {"gTRC", curve}, {"bTRC", curve},
	}
	file := make([]byte, 128)
	be.PutUint32(file[8:], 0x04300000)
	copy(file[12:], "mntrRGB XYZ ")
	for i, v := range []uint16{2026, 1, 1, 0, 0, 0} {
		be.PutUint16(file[24+2*i:], v)
	}
	copy(file[36:], "acsp")
	copy(file[68:], fixed(nil, 0.9642, 1, 0.8249))
	file = be.AppendUint32(file, uint32(len(tags)))
	at := len(file) + 12*len(tags)
	var body []byte
	for _, tag := range tags {
		file = append(file, tag.name...)
		file = be.AppendUint32(be.AppendUint32(file, uint32(at+len(body))), uint32(len(tag.data)))
		for body = append(body, tag.data...); len(body)%4 != 0; {
			body = append(body, 0)
		}
	}
	file = append(file, body...)
	be.PutUint32(file, uint32(len(file)))
	return file
}
