package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
)

// object is a JSON Schema, or a part of one.
type object = map[string]any

// Schema is the JSON Schema (draft 2020-12) of the file, for editors. It says what Read says, but for
// what only the whole file shows.
func Schema(known *Known) ([]byte, error) {
	b, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   FileName + ", the policy of go-debug",
		"type":    []string{"object", "null"},
		"properties": object{
			"accept":     nullable("array", "findings that do not fail a gate, until a day", object{"items": acceptSchema()}),
			"require":    nullable("object", "evidence without which a gate does not pass, by detector: kinds of input, or any", closed(requireSchema(known.Detectors))),
			"thresholds": nullable("object", "parameters of detectors (go-debug explain DETECTOR)", closed(thresholdSchema(known.Detectors))),
			"severities": nullable("object", "severities of rules; * in the name of a rule stands for any text", object{"additionalProperties": severitySchema()}),
			"flags":      nullable("object", "defaults of flags, for each command that has them", closed(flagSchema(known, ""))),
			"commands":   nullable("object", "defaults of the flags of one command", closed(commandSchema(known))),
		},
		"additionalProperties": false,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the schema of %s: %w", FileName, err)
	}
	return append(b, '\n'), nil
}

// nullable is a section, which may be empty.
func nullable(kind, text string, more object) object {
	out := object{"type": []string{kind, "null"}, "description": text}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// closed is an object with these keys and no others.
func closed(properties object) object {
	return object{"properties": properties, "additionalProperties": false}
}

func acceptSchema() object {
	text := func(what string) object { return object{"type": "string", "description": what} }
	print := text("of the finding, as in the JSON report")
	print["pattern"] = fingerprint.String()
	until := text("the last day on which the entry holds; after it the gate fails")
	until["format"] = "date"
	out := closed(object{
		"fingerprint": print,
		"rule":        text("of the finding; * stands for any text"),
		"function":    text("in which the finding is; * stands for any text"),
		"reason":      text("why the finding is accepted"),
		"until":       until,
	})
	out["type"], out["required"] = "object", []string{"reason", "until"}
	out["oneOf"] = []object{{"required": []string{"fingerprint"}}, {"required": []string{"rule", "function"}}}
	return out
}

func requireSchema(detectors []*analyze.Detector) object {
	out := object{}
	for _, d := range detectors {
		kinds := kindsOf(d)
		out[d.Name] = object{"description": "evidence of detector " + d.Name, "anyOf": []object{
			{"enum": append(slices.Clone(kinds), anyEvidence)},
			{"type": "array", "minItems": 1, "items": object{"enum": kinds}},
			{"const": []string{anyEvidence}},
		}}
	}
	return out
}

func thresholdSchema(detectors []*analyze.Detector) object {
	out := object{}
	for _, d := range detectors {
		for _, p := range d.Params {
			out[d.Name+"."+p.Name] = object{"type": "number", "default": p.Default, "description": strings.TrimSpace(p.Unit + ": " + p.Why)}
		}
	}
	return out
}

func severitySchema() object {
	return object{"enum": []string{analyze.Info.String(), analyze.Low.String(), analyze.Medium.String(), analyze.High.String()}}
}

func commandSchema(known *Known) object {
	out := object{}
	for name := range known.Commands {
		out[name] = nullable("object", "flags of go-debug "+name, closed(flagSchema(known, name)))
	}
	return out
}

// flagSchema are the flags of a command, or of all.
func flagSchema(known *Known, command string) object {
	out := object{}
	scalar := []string{"string", "number", "boolean"}
	for name, flags := range known.Commands {
		for _, f := range flags {
			switch {
			case command != "" && command != name:
			case f.Repeated:
				out[f.Name] = object{"description": f.Usage, "anyOf": []object{{"type": scalar}, {"type": "array", "minItems": 1, "items": object{"type": scalar}}}}
			default:
				out[f.Name] = object{"description": f.Usage, "type": scalar}
			}
		}
	}
	return out
}
