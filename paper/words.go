package paper

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"

	"indeks/elm"
)

//go:embed locales/*.json
var locales embed.FS

// words are our own texts by language and id. All else that stands on a sheet
// comes from the supplement.
var words = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range elm.Languages() {
		texts := map[string]string{}
		raw, err := locales.ReadFile("locales/" + lang + ".json")
		if err == nil {
			err = json.Unmarshal(raw, &texts)
		}
		if err != nil {
			panic(fmt.Sprintf("reading the words of %s: %v", lang, err)) // compiled in
		}
		all[lang] = texts
	}
	return all
})

func say(lang, id string, values ...any) string {
	text := words()[lang][id]
	if len(values) > 0 {
		return fmt.Sprintf(text, values...)
	}
	return text
}
