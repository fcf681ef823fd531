package api_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/api"
)

// contract is the OpenAPI document, as far as answers are held against it.
type contract struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Enum       []any
	Required   []string
	Properties map[string]schema
	Items      *schema
	OneOf      []schema
	Additional any `json:"additionalProperties"`
}

func loadContract(t *testing.T) contract {
	t.Helper()
	var c contract
	require.NoError(t, json.Unmarshal(api.Document(), &c))
	return c
}

// check says how an answer differs from the document; empty is not at all.
func (c contract) check(method, path string, status int, kind string, body []byte) string {
	for template, operations := range c.Paths {
		if !matches(template, path) {
			continue
		}
		o, ok := operations[strings.ToLower(method)]
		if !ok {
			continue
		}
		response, ok := o.Responses[strconv.Itoa(status)]
		if !ok && status >= 400 {
			response, ok = o.Responses["default"]
		}
		if !ok {
			return fmt.Sprintf("%s %s does not tell of %d", method, template, status)
		}
		content, ok := response.Content[kind]
		if !ok {
			if len(body) == 0 || status < 300 && len(response.Content) == 0 {
				return ""
			}
			return fmt.Sprintf("%s %s, %d: %s is not told of", method, template, status, kind)
		}
		if !strings.HasSuffix(kind, "json") {
			return ""
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			return err.Error()
		}
		return c.differs(content.Schema, value, template)
	}
	return ""
}

func matches(template, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool {
		i := slices.Index(a, s)
		return !strings.HasPrefix(s, "{") && s != b[i]
	})
}

func (c contract) differs(s schema, value any, at string) string {
	if s.Ref != "" {
		return c.differs(c.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")], value, at)
	}
	if len(s.OneOf) > 0 {
		var why []string
		for _, one := range s.OneOf {
			d := c.differs(one, value, at)
			if d == "" {
				return ""
			}
			why = append(why, d)
		}
		return strings.Join(why, " and ")
	}
	if !slices.Contains(typesOf(s.Type), kindOf(value)) && (kindOf(value) != "integer" || !slices.Contains(typesOf(s.Type), "number")) && s.Type != nil {
		return fmt.Sprintf("%s is %s, not %v", at, kindOf(value), s.Type)
	}
	if len(s.Enum) > 0 && value != nil && !slices.Contains(s.Enum, value) {
		return fmt.Sprintf("%s is %v, none of %v", at, value, s.Enum)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return at + " lacks " + name
			}
		}
		for name, property := range v {
			inner, ok := s.Properties[name]
			if !ok && s.Properties != nil {
				return at + " has " + name + ", which is not told of"
			}
			if ok {
				if d := c.differs(inner, property, at+"."+name); d != "" {
					return d
				}
			}
		}
	case []any:
		for i, item := range v {
			if s.Items != nil {
				if d := c.differs(*s.Items, item, fmt.Sprintf("%s[%d]", at, i)); d != "" {
					return d
				}
			}
		}
	}
	return ""
}

func typesOf(t any) []string {
	switch v := t.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	default:
		return nil
	}
}

func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	default:
		return "object"
	}
}
