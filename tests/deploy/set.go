package deploy

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Set is what is applied together, with what is in the namespace already.
type Set []Object

// Workloads in order of appearance.
func (s Set) Workloads() (workloads []Workload) {
	for _, object := range s {
		if workload := object.Workload(); workload != nil {
			workloads = append(workloads, *workload)
		}
	}
	return workloads
}

// Pods is the workloads whose pods a selector matches.
func (s Set) Pods(selector *metav1.LabelSelector) (workloads []Workload) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	for _, workload := range s.Workloads() {
		if parsed.Matches(labels.Set(workload.Template.Labels)) {
			workloads = append(workloads, workload)
		}
	}
	return workloads
}

// Files of a ConfigMap or Secret. The last of a name counts, as when it is applied.
func (s Set) Files(kind, name string) (files map[string]string, isThere bool) {
	for _, object := range s {
		if object.Kind != kind || object.Name != name {
			continue
		}
		files, isThere = map[string]string{}, true
		switch typed := object.Typed.(type) {
		case *corev1.ConfigMap:
			files = maps.Clone(typed.Data)
		case *corev1.Secret:
			for key, value := range typed.Data {
				files[key] = string(value)
			}
			maps.Copy(files, typed.StringData)
		}
	}
	return files, isThere
}

// Has says whether there is an object of this kind and name.
func (s Set) Has(kind, name string) bool {
	return slices.ContainsFunc(s, func(object Object) bool { return object.Kind == kind && object.Name == name })
}

// Containers of a pod, the init containers first.
func Containers(pod *corev1.PodSpec) []corev1.Container {
	return slices.Concat(pod.InitContainers, pod.Containers)
}

// Verb of the binary that a container runs; empty: it runs something else.
func Verb(container *corev1.Container) string {
	verbs := []string{"serve", "migrate", "check"}
	if len(container.Args) > 0 && slices.Contains(verbs, container.Args[0]) {
		return container.Args[0]
	}
	return ""
}

// Engine is the container of a pod that runs `menagerie serve`.
func Engine(pod *corev1.PodSpec) (engine *corev1.Container, isSidecar bool) {
	for index := range pod.InitContainers {
		if Verb(&pod.InitContainers[index]) == "serve" {
			return &pod.InitContainers[index], true
		}
	}
	for index := range pod.Containers {
		if Verb(&pod.Containers[index]) == "serve" {
			return &pod.Containers[index], false
		}
	}
	return nil, false
}

// Replicas of a workload, 1 if it says none.
func (w Workload) Replicas() int {
	if set, ok := w.Typed.(*appsv1.StatefulSet); ok && set.Spec.Replicas != nil {
		return int(*set.Spec.Replicas)
	}
	return 1
}

func hasPort(pod *corev1.PodSpec, port string) bool {
	return slices.ContainsFunc(Containers(pod), func(container corev1.Container) bool {
		return slices.ContainsFunc(container.Ports, func(named corev1.ContainerPort) bool { return named.Name == port })
	})
}
