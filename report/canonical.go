package report

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// MapStrings returns a deep copy of the report with f applied to every string of it. In
// the copy no slice is nil and no number is NaN or infinite: what JSON cannot carry is
// null.
func (r *Report) MapStrings(f func(string) string) *Report {
	out := reflect.New(reflect.TypeFor[Report]())
	copyValue(out.Elem(), reflect.ValueOf(r).Elem(), f)
	return out.Interface().(*Report)
}

// canonical is the report as it reads back from JSON: bytes that are no UTF-8 become
// visible escapes, as JSON cannot hold them.
func (r *Report) canonical() *Report { return r.MapStrings(visibleBytes) }

func visibleBytes(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// copyValue copies the kinds of values that a Report is made of.
func copyValue(dst, src reflect.Value, f func(string) string) {
	switch src.Kind() {
	case reflect.String:
		dst.SetString(f(src.String()))
	case reflect.Struct:
		for i := range src.NumField() {
			copyValue(dst.Field(i), src.Field(i), f)
		}
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			copyValue(dst.Index(i), src.Index(i), f)
		}
	case reflect.Pointer:
		if !src.IsNil() && finite(src.Elem()) {
			dst.Set(reflect.New(src.Type().Elem()))
			copyValue(dst.Elem(), src.Elem(), f)
		}
	case reflect.Map:
		copyMap(dst, src, f)
	case reflect.Float64:
		if finite(src) {
			dst.Set(src)
		}
	default:
		dst.Set(src)
	}
}

// copyMap copies a map from strings to numbers; keys in order, because f may map two of
// them to one.
func copyMap(dst, src reflect.Value, f func(string) string) {
	if src.IsNil() {
		return
	}
	dst.Set(reflect.MakeMap(src.Type()))
	keys := src.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		if v := src.MapIndex(k); finite(v) {
			dst.SetMapIndex(reflect.ValueOf(f(k.String())), v)
		}
	}
}

// finite is false for a number, or an array of numbers, that JSON cannot hold.
func finite(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float64:
		return !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
	case reflect.Array:
		for i := range v.Len() {
			if !finite(v.Index(i)) {
				return false
			}
		}
	}
	return true
}
