package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	kubernetes = "../../config/kubernetes"
	chart      = "../../config/helm/menagerie"
)

// MENAGERIE_BINARY, as an absolute path.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MENAGERIE_BINARY")
	if path == "" {
		t.Fatal("MENAGERIE_BINARY is not set: scripts/check-deploy sets it")
	}
	return path
}

// All there is to find about what was rendered; `outside` is what the namespace has already.
func find(t *testing.T, rendered string, outside string) []string {
	t.Helper()
	objects, findings := Decode([]byte(rendered))
	others, more := Decode([]byte(outside))
	findings = append(findings, more...)
	if len(objects) == 0 {
		findings = append(findings, "nothing was rendered")
	}
	set := slices.Concat(Set(objects), Set(others))
	findings = append(findings, Check(set)...)
	return append(findings, Binary(set, binary(t))...)
}

func expectNone(t *testing.T, findings []string) {
	t.Helper()
	for _, finding := range findings {
		t.Error(finding)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func overlay(t *testing.T, name string) string {
	t.Helper()
	rendered, err := Kustomize(filesys.MakeFsOnDisk(), filepath.Join(kubernetes, "overlays", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(rendered)
}

// The Secret that the overlays want, as the example says it looks.
func exampleSecret(t *testing.T) string {
	return read(t, filepath.Join(kubernetes, "secret.example.yaml"))
}

func TestOverlays(t *testing.T) {
	for _, name := range []string{"standalone", "sidecar"} {
		t.Run(name, func(t *testing.T) {
			expectNone(t, find(t, overlay(t, name), exampleSecret(t)))
		})
		t.Run(name+" with monitoring", func(t *testing.T) {
			// Beside the overlay, since a kustomization refers to folders by relative paths.
			folder, err := os.MkdirTemp(filepath.Join(kubernetes, "overlays"), ".check-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(folder) })
			text := "resources: [../" + name + "]\ncomponents: [../../components/monitoring]\n"
			if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			rendered, err := Kustomize(filesys.MakeFsOnDisk(), folder)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(rendered), "kind: PodMonitor") {
				t.Error("there is no PodMonitor")
			}
			expectNone(t, find(t, string(rendered), exampleSecret(t)))
		})
	}
}

func TestChart(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chart, "ci", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no values to try in ci/", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			rendered, notes, err := Chart(chart, read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(notes) == "" || strings.Contains(notes, "<no value>") {
				t.Errorf("the notes are not in order:\n%s", notes)
			}
			expectNone(t, find(t, string(rendered), read(t, "testdata/secrets.yaml")))
		})
	}
}

// The chart as a dependency, its sidecar put into a pod of another chart's.
func TestChartInAnother(t *testing.T) {
	parent := t.TempDir()
	if err := os.CopyFS(parent, os.DirFS("testdata/parent")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(parent, "charts", "menagerie"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	rendered, _, err := Chart(parent, "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(rendered), "image: registry.example.com/game") {
		t.Error("the parent's pod is missing")
	}
	expectNone(t, find(t, string(rendered), read(t, "testdata/secrets.yaml")))
}

// Values that have to be refused, and what must be said about them.
func TestChartRefuses(t *testing.T) {
	const secret = "secret: {existingSecret: zoo-secrets}\n"
	for name, refused := range map[string]struct{ values, reason string }{
		"an unknown value":           {secret + "replica: 3", "replica"},
		"an unknown form":            {secret + "form: daemon", "form"},
		"a number for a name":        {secret + "image: {tag: 1}", "tag"},
		"no standby of minus one":    {secret + "replicas: -1", "replicas"},
		"an unknown key":             {secret + "config: {kafka: {bootstrap_server: a:1}}", "bootstrap_server"},
		"an unknown section":         {secret + "config: {kafak: {}}", "kafak"},
		"a value out of range":       {secret + "config: {engine: {max_round: 0}}", "max_round"},
		"a secret in the config":     {secret + "config: {database: {url: postgres://a:b@c/d}}", "url"},
		"a password in an address":   {secret + "config: {nats: {url: nats://a:b@c}}", "nats"},
		"a listener":                 {secret + "config: {admin: {listen: 127.0.0.1:9090}}", "listen"},
		"a shard's unknown key":      {secret + "shards: [{id: a, config: {log: {colour: red}}}]", "colour"},
		"a shard's name":             {secret + "shards: [{id: World_0}]", "id"},
		"no shard":                   {secret + "shards: []", "shards"},
		"a grace in minutes":         {secret + "config: {shutdown: {grace: 1m}}", "grace"},
		"no limit of memory":         {secret + "resources: {limits: {memory: null}}", "memory"},
		"an unknown secret":          {"secret: {existingSecret: a, keys: {nats.stream: b}}", "nats.stream"},
		"a shard twice":              {secret + "shards: [{id: a}, {id: a, topicPrefix: b.}]", "stands there twice"},
		"topics shared":              {secret + "shards: [{id: a}, {id: b}]", "topicPrefix"},
		"services shared":            {secret + "config: {nats: {service: true}}\nshards: [{id: a}, {id: b, topicPrefix: b.}]", "nats.service"},
		"an open game API":           {"secret: {existingSecret: a, keys: {auth.tokens: null}}", "gameApi"},
		"a secret that is not there": {"secret: {values: {database-url: postgres://a/b}}", "auth-tokens"},
		"no secret at all":           {"", "secret.values"},
		"no database":                {"secret: {existingSecret: a, keys: {database.url: null}}", "database.url"},
		"no game server":             {secret + "form: sidecar", "sidecar.containers"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Chart(chart, refused.values)
			if err == nil || !strings.Contains(err.Error(), refused.reason) {
				t.Errorf("no word of `%s`: %v", refused.reason, err)
			}
		})
	}
}

// What Helm refuses early is what the binary would refuse late.
func TestChartKnowsTheKeys(t *testing.T) {
	path := filepath.Join(chart, "values.schema.json")
	var schema map[string]any
	if err := json.Unmarshal([]byte(read(t, path)), &schema); err != nil {
		t.Fatal(err)
	}
	wanted, err := ConfigDefinition(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	definitions := schema["definitions"].(map[string]any)
	if reflect.DeepEqual(definitions["config"], any(wanted)) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("values.schema.json does not have the binary's keys: UPDATE=1 scripts/check-deploy writes them")
	}
	definitions["config"] = wanted
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadmeNamesEveryValue(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "values.yaml"))), &values); err != nil {
		t.Fatal(err)
	}
	readme := read(t, filepath.Join(chart, "README.md"))
	// A value is named by itself, or is part of one that is.
	var named func(table map[string]any, path string)
	named = func(table map[string]any, path string) {
		for key, value := range table {
			below := strings.TrimPrefix(path+"."+key, ".")
			if strings.Contains(readme, "`"+below+"`") {
				continue
			}
			if table, ok := value.(map[string]any); ok && len(table) > 0 {
				named(table, below)
				continue
			}
			t.Errorf("README.md has no `%s`", below)
		}
	}
	named(values, "")
}
