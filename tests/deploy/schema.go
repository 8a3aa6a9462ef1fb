package deploy

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// Keys that the chart sets itself.
var ownedKeys = []string{"shard.id", "http.listen", "admin.listen"}

// Whole seconds, since the chart reckons with them.
var reckonedKeys = []string{"shutdown.grace", "startup.timeout"}

// ConfigDefinition is the part of values.schema.json about `config`: the binary's own schema, without
// secrets and without what the chart sets. Helm 3 reads draft 7 only.
func ConfigDefinition(binary string) (map[string]any, error) {
	text, err := exec.Command(binary, "config", "schema").Output()
	if err != nil {
		return nil, fmt.Errorf("%s config schema: %w", binary, err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	section := plain(schema, "")
	return section, nil
}

func plain(schema map[string]any, path string) map[string]any {
	kept := map[string]any{"type": schema["type"]}
	for _, word := range []string{"enum", "minimum", "maximum", "description"} {
		if value, ok := schema[word]; ok {
			kept[word] = value
		}
	}
	// A key that may be absent: null takes one out of Helm's values anyway.
	if types, ok := schema["type"].([]any); ok {
		kept["type"] = types[0]
	}
	if schema["format"] == "humantime" {
		kept["pattern"] = "^([0-9]+ ?[a-z]+ ?)+$"
	}
	for _, key := range reckonedKeys {
		if path == key {
			kept["pattern"] = "^[1-9][0-9]*s$"
		}
	}
	if path == "nats.url" {
		// With credentials it belongs into the Secret.
		kept["pattern"] = "^[^@]+$"
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return kept
	}
	keptProperties := map[string]any{}
	for name, property := range properties {
		below := strings.TrimPrefix(path+"."+name, ".")
		property := property.(map[string]any)
		isSecret := property["writeOnly"] == true && below != "nats.url"
		if isSecret || isOwned(below) {
			continue
		}
		keptProperties[name] = plain(property, below)
	}
	kept["properties"], kept["additionalProperties"] = keptProperties, false
	return kept
}

func isOwned(path string) bool {
	for _, key := range ownedKeys {
		if path == key {
			return true
		}
	}
	return false
}
