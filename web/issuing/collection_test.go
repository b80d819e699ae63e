package issuing

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/internal/markup"
	"indeks/internal/postbox"
	"indeks/issuer"
	"indeks/store"
	"indeks/verifier"
)

// hosts answers requests in memory, each host with its own server.
type hosts map[string]http.Handler

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if s := h[r.URL.Host]; s != nil {
		s.ServeHTTP(w, r)
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), nil
}

// twoSchools serves an institution whose verifier knows another one, which has issued
// an award to the learner whose link there is returned.
func twoSchools(t *testing.T) (server string, records store.Store, log *bytes.Buffer, theirs string, other store.Store) {
	t.Helper()
	var iss, otherIssuer *issuer.Issuer
	net := hosts{}
	otherServer, other, _ := newEcho(t, func(c *Config) {
		if c.Institution.DID == "" {
			c.Institution.DID = otherDID
		}
		otherIssuer = c.Issuer
	})
	known := &verifier.Verifier{}
	e, records, log := newEcho(t, func(c *Config) {
		if iss = c.Issuer; iss == nil {
			return
		}
		var err error
		known, err = verifier.New(verifier.Config{Fetch: &http.Client{Transport: net}, Trust: &verifier.Trust{Version: 1, Issued: time.Unix(0, 0), Expires: time.Now().AddDate(1, 0, 0),
			Issuers: []verifier.TrustedIssuer{iss.TrustEntry(), otherIssuer.TrustEntry()}}})
		if err != nil {
			t.Fatal(err)
		}
		c.Verifier = known
	})
	net["issuer.school.example"], net["other.example"] = e, otherServer
	there := httptest.NewServer(otherServer)
	here := httptest.NewServer(markup.Held(t, e))
	t.Cleanup(there.Close)
	t.Cleanup(here.Close)
	return here.URL, records, log, issuedTo(t, there.URL, other, "THEIRS-1"), other
}

// add adds a credential to a collection, and returns the answer before it leads on.
func add(t *testing.T, page, cookie, text, file string) *http.Response {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("text", text)
	part, err := w.CreateFormFile("file", "x")
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte(file))
	w.Close()
	r, err := http.NewRequest("POST", page+"/collection", &b)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Cookie", cookie)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

// A learner keeps on one page what several institutions have sealed. Of it the records
// have nothing that anybody could read, and no other device does.
func TestCollection(t *testing.T) {
	server, records, log, theirs, other := twoSchools(t)
	link := issuedTo(t, server, records, "OURS-1")
	second := issuedTo(t, server, records, "OURS-2")
	page := server + "/h/" + link
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}

	// 1. Added by the link of the other institution's page, the first time with a secret.
	res := add(t, page, "", "https://other.example/h/"+theirs, "")
	if res.StatusCode != 303 || len(res.Cookies()) != 1 {
		t.Fatalf("%d, cookies %v", res.StatusCode, res.Cookies())
	}
	c := res.Cookies()[0]
	if c.Path != "/h/"+link || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %+v", c)
	}
	cookie := c.Name + "=" + c.Value
	if secret, ok := issuer.ReadCollectionPart(c.Value); !ok || len(secret) != 32 {
		t.Fatalf("secret %q", c.Value)
	}
	shown := ask(t, "GET", page+"/collection", "", "Cookie", cookie)
	for _, want := range []string{"Stewardship", "valid today", "https://issuer.school.example/h/" + link + "/collection#" + c.Value} {
		if !strings.Contains(shown.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	ids := regexp.MustCompile(`/collection/([0-9A-Z]{26})"`).FindAllStringSubmatch(shown.body, -1)
	if len(ids) != 1 {
		t.Fatalf("%d credentials: %s", len(ids), shown.body)
	}

	// 2. And by text, by file and by the link of another page here; each once.
	sealed, err := other.ByLink(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	edc := string(sealed.Forms["edc"].Token)
	for _, one := range [][2]string{{edc, ""}, {"", edc}, {"https://issuer.school.example/h/" + second + "/shares?x#y", ""}, {"https://verify.example/C/" + sealed.Public, ""}} {
		if res := add(t, page, cookie, one[0], one[1]); res.StatusCode != 303 || len(res.Cookies()) != 0 {
			t.Errorf("%.60q: %d, cookies %v", one, res.StatusCode, res.Cookies())
		}
	}
	open := func() []string {
		t.Helper()
		got := ask(t, "GET", page+"/collection", "", "Cookie", cookie)
		var found []string
		for _, m := range regexp.MustCompile(`/collection/([0-9A-Z]{26})"`).FindAllStringSubmatch(got.body, -1) {
			found = append(found, m[1])
		}
		return found
	}
	if got := open(); len(got) != 3 {
		t.Errorf("%d credentials", len(got))
	}
	for name, wrong := range map[string][2]string{
		"nothing": {}, "no credential": {"hello", ""}, "changed": {strings.Replace(edc, "A", "B", 1), ""}, "unknown host": {"https://stranger.example/x", ""}, "unknown link": {"https://other.example/h/" + strings.Repeat("0", 26), ""},
		"too large": {"", strings.Repeat("x", issuer.MaxCollectedFile+1)}, "no such page of ours": {"https://issuer.school.example/h/nothing", ""}, "its own page with nothing in it": {"https://other.example/", ""},
	} {
		if res := add(t, page, cookie, wrong[0], wrong[1]); res.StatusCode != 422 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}

	// 3. What the records have is nothing that anybody reads without the secret.
	record, err := records.ByLink(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := store.KeptOf(t.Context(), records, record)
	if err != nil || len(kept) != 3 {
		t.Fatalf("%d kept, %v", len(kept), err)
	}
	for _, k := range kept {
		for _, word := range []string{"tewardship", "other.example", "issuer", "token", sealed.Number, edc[:20]} {
			if bytes.Contains(k.Content, []byte(word)) {
				t.Errorf("the records have %q", word)
			}
		}
	}
	elsewhere := ask(t, "GET", page+"/collection", "")
	if strings.Contains(elsewhere.body, ids[0][1]) || !strings.Contains(elsewhere.body, "Cannot be opened on this device: 3") {
		t.Errorf("a device without the secret: %s", elsewhere.body)
	}
	if got := ask(t, "GET", page+"/collection/"+ids[0][1], ""); got.status != 404 {
		t.Errorf("the file without the secret: %d", got.status)
	}
	if got := ask(t, "GET", page+"/collection/"+ids[0][1], "", "Cookie", cookie); got.status != 200 || got.header.Get("Content-Disposition") == "" || got.body != string(sealed.Forms["vc2"].Token) {
		t.Errorf("the file: %d", got.status)
	}

	// 4. Opened elsewhere by the whole link, as it is pasted where no script runs.
	otherPage := server + "/h/" + second
	for text, status := range map[string]int{c.Value: 303, "https://issuer.school.example/h/" + link + "/collection#" + c.Value: 303, "https://issuer.school.example/h/" + link: 422, issuer.CollectionPart(make([]byte, 32)): 422} {
		r, _ := http.NewRequest("POST", page+"/collection/open", strings.NewReader(url.Values{"link": {text}}.Encode()))
		r.Header.Set(form[0], form[1])
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status || (status == 303) != (len(res.Cookies()) == 1) {
			t.Errorf("%.20q: %d, cookies %v", text, res.StatusCode, res.Cookies())
		}
	}
	if got := ask(t, "GET", otherPage+"/collection", "", "Cookie", cookie); strings.Contains(got.body, ids[0][1]) {
		t.Error("the page of another award shows it")
	}

	// 5. What it adds up to, each examined now.
	stack := ask(t, "GET", page+"/stack", "", "Cookie", cookie)
	if stack.status != 200 || strings.Count(stack.body, `<th scope="row">4. `) != 0 || !strings.Contains(stack.body, `<th scope="row">3. `) || !strings.Contains(stack.body, "What they add up to") {
		t.Errorf("stack: %d %s", stack.status, stack.body)
	}
	if alone := ask(t, "GET", page+"/stack", ""); alone.status != 200 || !strings.Contains(alone.body, "This is what one micro-credential counts for") {
		t.Errorf("stack of one: %d", alone.status)
	}

	// 6. Shared as it is: a part of it nobody here could seal.
	made := ask(t, "POST", page+"/collection/share", url.Values{"id": {ids[0][1]}, "kind": {"private"}, "days": {"7"}, "pin": {"975310"}}.Encode(), append(form, "Cookie", cookie)...)
	whole := regexp.MustCompile(`https://issuer\.school\.example/s/([0-9A-Z]{26})#([A-Za-z0-9_-]{43})`).FindStringSubmatch(made.body)
	if made.status != 201 || whole == nil {
		t.Fatalf("%d %s", made.status, made.body)
	}
	got := ask(t, "POST", server+"/s/view", url.Values{"link": {whole[0]}, "pin": {"975310"}}.Encode(), form...)
	data := "data:application/vc+jwt;base64," + base64.StdEncoding.EncodeToString(sealed.Forms["vc2"].Token)
	if got.status != 200 || !strings.Contains(got.body, "valid today") || !strings.Contains(got.body, "different institution") || !strings.Contains(strings.ReplaceAll(got.body, "&#43;", "+"), data) {
		t.Errorf("what is shared: %d %s", got.status, got.body)
	}
	examined := ask(t, "POST", server+"/s/examine", `{"sid": "`+whole[1]+`", "file": "`+base64.StdEncoding.EncodeToString(sealed.Forms["vc2"].Token)+`"}`)
	var said shownAnswer
	if err := json.Unmarshal([]byte(examined.body), &said); err != nil || examined.status != 200 || said.State != verifier.StateValid || len(said.Supplement) < 5 || said.Title.Text == "" {
		t.Errorf("examined: %d %v %s", examined.status, err, examined.body)
	}
	if got := ask(t, "POST", page+"/collection/share?lang=de", url.Values{"id": {ids[0][1]}, "pin": {"12"}}.Encode(), append(form, "Cookie", cookie)...); got.status != 422 || !strings.Contains(got.body, "PIN: 6 bis 12 Ziffern") || !strings.Contains(got.body, ids[0][1]) {
		t.Errorf("a PIN that is none: %d %s", got.status, got.body)
	}
	if got := ask(t, "POST", page+"/collection/share", "id="+ids[0][1], form...); got.status != 404 {
		t.Errorf("shared without the secret: %d", got.status)
	}

	// 7. Removed at once, by its owner, and what nobody can open.
	if got := ask(t, "POST", page+"/collection/remove", "id="+ids[0][1], form...); got.status != 200 { // after 303
		t.Errorf("removing: %d", got.status)
	}
	if got := open(); len(got) != 2 {
		t.Errorf("%d are left", len(got))
	}
	ask(t, "POST", page+"/collection/clear", "", append(form, "Cookie", cookie)...)
	if got := open(); len(got) != 2 {
		t.Errorf("cleared what opens: %d are left", len(got))
	}
	ask(t, "POST", page+"/collection/clear", "", form...)
	if got := open(); len(got) != 0 {
		t.Errorf("%d are left", len(got))
	}
	for _, secret := range []string{c.Value, link, theirs, whole[1], whole[2], "975310", ids[0][1], "Њежић"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// A page that asks for codes gives its credential to no other page either.
func TestCollectionKeepsCodes(t *testing.T) {
	e, records, _ := newEcho(t, withMail(t, postbox.Start(t, postbox.Options{})), func(c *Config) {
		v, err := verifier.New(verifier.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c.Verifier = v
	})
	server := httptest.NewServer(markup.Held(t, e))
	defer server.Close()
	link := issuedTo(t, server.URL, records, "OPEN-1") // without an address
	if r := ask(t, "POST", server.URL+"/api/v1/credentials", body(t, func(l map[string]string) { l["certificate_number"] = "CODE-1" }), append([]string{"Idempotency-Key", "code-1"}, auth...)...); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	guarded, err := records.ByNumber(t.Context(), "CODE-1")
	if err != nil {
		t.Fatal(err)
	}
	if res := add(t, server.URL+"/h/"+link, "", "https://issuer.school.example/h/"+guarded.Link, ""); res.StatusCode != 422 || len(res.Cookies()) != 0 {
		t.Errorf("added what asks for a code: %d", res.StatusCode)
	}
	if got := ask(t, "GET", server.URL+"/h/"+guarded.Link, "", "Accept", "application/vc+jwt"); got.status != 401 || strings.HasPrefix(got.body, "ey") {
		t.Errorf("the file without a code: %d", got.status)
	}
}
