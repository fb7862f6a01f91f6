package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"go-debug/analyze"
)

// Schema is the JSON Schema (draft 2020-12) of a report, indented. Its fields are inferred
// from the Go types, so it cannot drift from them; which of them are required is frozen (see
// contract.go). Objects may have further properties: fields are added within v1.
func Schema() ([]byte, error) {
	s, err := inferSchema()
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the report schema: %w", err)
	}
	return append(b, '\n'), nil
}

// validate checks a decoded JSON value against the schema. The validator decides; its words
// are for those who write schemas, so what is wrong is said by path where that can be told.
func validate(doc any) error {
	s, err := resolvedSchema()
	if err != nil {
		return err
	}
	err = s.Validate(doc)
	if err == nil {
		return nil
	}
	if found := faults(s.Schema(), doc, ""); len(found) > 0 {
		text := strings.Join(found[:min(len(found), maxFaults)], ", ")
		if more := len(found) - maxFaults; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
		return errors.New(text)
	}
	return err
}

// maxFaults is how many faults of a stored report are named.
const maxFaults = 3

var resolvedSchema = sync.OnceValues(func() (*jsonschema.Resolved, error) {
	s, err := inferSchema()
	if err != nil {
		return nil, err
	}
	return s.Resolve(nil)
})

// BaselineSchema is the JSON Schema of a stored baseline.
func BaselineSchema() ([]byte, error) {
	s, err := schemaOf[StoredBaseline]("go-debug baseline, version 1", BaselineSchemaName)
	if err != nil {
		return nil, err
	}
	s.Required = []string{"schema", "tool", "saved_at", "runs"}
	require(s.Properties["runs"].Items, "")
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the schema of baselines: %w", err)
	}
	return append(b, '\n'), nil
}

func inferSchema() (*jsonschema.Schema, error) {
	s, err := schemaOf[Report]("go-debug report, version 1", SchemaName)
	if err != nil {
		return nil, err
	}
	require(s, "")
	return s, nil
}

// schemaOf infers the schema of a document from its type.
func schemaOf[T any](title, name string) (*jsonschema.Schema, error) {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Text]():               {Types: []string{"string", "null"}},
		reflect.TypeFor[Status]():             enum(Fail, Warn, OK, Inconclusive),
		reflect.TypeFor[analyze.Severity]():   enum("high", "medium", "low", "info"),
		reflect.TypeFor[analyze.Confidence](): enum("proven", "likely", "possible", "low"),
		reflect.TypeFor[analyze.State]():      enum(analyze.Ran, analyze.Skipped, analyze.Inconclusive, analyze.Failed),
	}})
	if err != nil {
		return nil, fmt.Errorf("cannot infer the schema of a %s: %w", title, err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = title
	s.Properties["schema"].Enum = []any{name}
	loosen(s)
	return s, nil
}

func enum[T ~string](names ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, n := range names {
		s.Enum = append(s.Enum, string(n))
	}
	return s
}

// loosen changes three defaults of the inference: objects may have more properties, maps
// may be null when nothing is known, and slices are never null (the writer sees to that).
// A pointer to an array stays nullable.
func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	} else if s.AdditionalProperties != nil {
		s.Type, s.Types = "", []string{"object", "null"}
	}
	if slices.Contains(s.Types, "array") && s.MinItems == nil {
		s.Type, s.Types = "array", nil
	}
	for _, p := range s.Properties {
		loosen(p)
	}
	loosen(s.Items)
}
