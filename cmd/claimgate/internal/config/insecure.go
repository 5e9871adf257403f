package config

import (
	"fmt"
	"reflect"
	"strings"
)

// insecureWords returns the field path of every insecure... word that is in use.
func insecureWords(doc *mainDoc) []string {
	var words []string
	findInsecure(reflect.ValueOf(doc).Elem(), "", &words)
	return words
}

func findInsecure(v reflect.Value, path string, words *[]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			if isInsecure(path) {
				*words = append(*words, path)
			}
			findInsecure(v.Elem(), path, words)
		}
	case reflect.Slice:
		for i := range v.Len() {
			findInsecure(v.Index(i), fmt.Sprintf("%s[%d]", path, i), words)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			findInsecure(v.Field(i), fieldPath(path, v.Type().Field(i)), words)
		}
	case reflect.Bool:
		if v.Bool() && isInsecure(path) {
			*words = append(*words, path)
		}
	default: // texts, numbers and maps hold no such words
	}
}

func isInsecure(path string) bool {
	return strings.HasPrefix(path[strings.LastIndexByte(path, '.')+1:], "insecure")
}

func fieldPath(path string, field reflect.StructField) string {
	name := field.Tag.Get("yaml")
	switch {
	case name == ",inline" || name == "":
		return path
	case path == "":
		return name
	}
	return path + "." + name
}
