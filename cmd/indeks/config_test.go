package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// keysOf are all keys of a part of the configuration, each as the keys that lead
// to it.
func keysOf(t reflect.Type, under ...string) (list [][]string) {
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" {
			continue // not read
		}
		path := append(append([]string(nil), under...), name)
		list = append(list, path)
		if field.Type.Kind() == reflect.Struct {
			list = append(list, keysOf(field.Type, path...)...)
		}
	}
	return list
}

// Every key that is misspelt is refused by name: a limit or a path that is
// silently not the one that was meant shows when it is too late.
func TestEachMisspeltKeyIsRefused(t *testing.T) {
	all := keysOf(reflect.TypeFor[Config]())
	if len(all) < 60 {
		t.Fatalf("%d keys found", len(all))
	}
	dir := t.TempDir()
	for _, path := range all {
		last := path[len(path)-1]
		for _, wrong := range []string{last + "x", last[:len(last)-1], strings.ToUpper(last[:1]) + last[1:]} {
			text := ""
			for depth, name := range append(path[:len(path)-1:len(path)-1], wrong) {
				text += fmt.Sprintf("%s%s:\n", strings.Repeat("  ", depth), name)
			}
			file := filepath.Join(dir, configName)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := readConfig(file); err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s misspelt %s: %v", strings.Join(path, "."), wrong, err)
			}
		}
	}
}
