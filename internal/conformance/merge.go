package conformance

import (
	"bytes"
	"encoding/json"
)

// merge lays JSON objects over one another (RFC 7396). Empty ones change nothing.
func merge(layers ...json.RawMessage) (json.RawMessage, error) {
	var merged any = map[string]any{}
	for _, layer := range layers {
		if len(layer) == 0 {
			continue
		}
		// Numbers stay as they are written.
		decoder := json.NewDecoder(bytes.NewReader(layer))
		decoder.UseNumber()
		var patch any
		if err := decoder.Decode(&patch); err != nil {
			return nil, err
		}
		merged = mergeValue(merged, patch)
	}
	return json.Marshal(merged)
}

func mergeValue(target, patch any) any {
	object, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	result, ok := target.(map[string]any)
	if !ok {
		result = map[string]any{}
	}
	for name, value := range object {
		if value == nil {
			delete(result, name)
			continue
		}
		result[name] = mergeValue(result[name], value)
	}
	return result
}
