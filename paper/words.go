package paper

import (
	"embed"
	"fmt"
	"sync"

	"indeks/elm"
)

//go:embed locales/*.json
var locales embed.FS

// words are our own texts by language and id. All else that stands on a sheet
// comes from the supplement.
var words = sync.OnceValue(func() map[string]map[string]string { return elm.ReadWords(locales) })

func say(lang, id string, values ...any) string {
	text := words()[lang][id]
	if len(values) > 0 {
		return fmt.Sprintf(text, values...)
	}
	return text
}
