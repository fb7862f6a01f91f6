package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// required are the fields that a report of v1 must have, by object. The list is frozen: what
// is added to the types later is always written and may be missing when a report is read, or
// each new field would make every stored baseline unreadable. Objects that were added to
// the contract as a whole list what they are worth nothing without.
var required = map[string]string{
	"":                            "schema tool verdict inputs load detectors findings",
	"tool":                        "name version go",
	"verdict":                     "status summary",
	"inputs[]":                    "name kind format bytes sha256 go captured_at complete lost_bytes error",
	"load[]":                      "source route window_s requests censored arrivals_per_s qps in_flight latency_ns states littles_gap goroutines verdict cause series",
	"load[].in_flight":            "mean max lower upper",
	"load[].latency_ns":           "p50 p90 p95 p99 max n method",
	"load[].series":               "bin_s arrivals_per_s qps in_flight",
	"detectors[]":                 "name state why try",
	"findings[]":                  "rule severity confidence message fingerprint location created_by measures stacks remedy next",
	"findings[].location":         "function file line",
	"findings[].created_by":       "function file line",
	"findings[].measures[]":       "name value unit n p50 p99 interval method warnings",
	"load[].measures[]":           "name value unit",
	"detectors[].unchecked[]":     "what",
	"findings[].stack_frames[][]": "function",
	"findings[].code":             "pattern why",
	"source":                      "dir blocked found",
	"diff":                        "status summary scores",
	"diff.scores[]":               "family name unit direction before after",
	"diff.findings[]":             changeFields,
	"distributions[]":             "family name unit sketch",
	"scores[]":                    "family name unit value n better",
	"rules[]":                     "id title severity remedy help",
	"gate":                        "failed exit_code reasons min_confidence findings",
	"gate.reasons[]":              "exit_code text",
	"gate.findings.new[]":         changeFields,
	"gate.findings.grown[]":       changeFields,
	"gate.findings.known[]":       changeFields,
	"gate.findings.fixed[]":       changeFields,
	"gate.findings.unchecked[]":   changeFields,
	"gate.load[]":                 "source route metric unit before after",
}

const changeFields = "class rule severity confidence message"

// require sets what each object of a schema requires, from the list above.
func require(s *jsonschema.Schema, path string) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.Required = strings.Fields(required[path])
	}
	for name, p := range s.Properties {
		require(p, field(path, name))
	}
	require(s.Items, path+"[]")
}

func field(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// faults says what is wrong with a value by the path of the field, as people look for it:
// "findings[0].fingerprint is missing". It knows what the schema of a report uses: required
// fields, types and enumerations.
func faults(s *jsonschema.Schema, v any, path string) []string {
	if !accepts(s, v) {
		return []string{fmt.Sprintf("%s is %s where %s is expected", path, jsonType(v), strings.Join(typesOf(s), " or "))}
	}
	if len(s.Enum) > 0 && v != nil && !slices.Contains(s.Enum, v) {
		return []string{fmt.Sprintf("%s is %.40q, none of %v", path, v, s.Enum)}
	}
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				out = append(out, field(path, name)+" is missing")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if p := s.Properties[name]; p != nil {
				out = append(out, faults(p, v[name], field(path, name))...)
			}
		}
	case []any:
		for i, e := range v {
			if s.Items != nil {
				out = append(out, faults(s.Items, e, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	}
	return out
}

func typesOf(s *jsonschema.Schema) []string {
	if s.Type != "" {
		return []string{s.Type}
	}
	return s.Types
}

func accepts(s *jsonschema.Schema, v any) bool {
	types, t := typesOf(s), jsonType(v)
	return len(types) == 0 || slices.Contains(types, t) || t == "integer" && slices.Contains(types, "number")
}

// jsonType is the type of a decoded value in the words of JSON Schema.
func jsonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
	}
	return "number"
}
