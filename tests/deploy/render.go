package deploy

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Kustomize is `kustomize build FOLDER`.
func Kustomize(fileSystem filesys.FileSystem, folder string) ([]byte, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fileSystem, folder)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

// Chart is `helm template zoo FOLDER --namespace zoo --values VALUES`, and the notes.
func Chart(folder, values string) (rendered []byte, notes string, err error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, "", err
	}
	var table map[string]any
	if err := yaml.Unmarshal([]byte(values), &table); err != nil {
		return nil, "", err
	}
	if err := chartutil.ProcessDependencies(chart, table); err != nil {
		return nil, "", err
	}
	options := common.ReleaseOptions{Name: "zoo", Namespace: "zoo", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, table, options, common.DefaultCapabilities)
	if err != nil {
		return nil, "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, "", err
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case name == path.Join(chart.Name(), "templates/NOTES.txt"):
			notes = files[name]
		case strings.HasSuffix(name, ".yaml"):
			fmt.Fprintf(&out, "---\n# %s\n%s\n", name, files[name])
		}
	}
	return []byte(out.String()), notes, nil
}
