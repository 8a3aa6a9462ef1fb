package deploy

import (
	"fmt"
	"slices"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Where names are no defect: the objects that the namespace has by itself.
const defaultServiceAccount = "default"

// Check holds a set against all rules that need no binary.
func Check(set Set) (findings []string) {
	report := func(object fmt.Stringer, format string, arguments ...any) {
		findings = append(findings, object.String()+": "+fmt.Sprintf(format, arguments...))
	}
	seen := map[string]bool{}
	for _, object := range set {
		if seen[object.String()] {
			report(object, "stands there twice")
		}
		seen[object.String()] = true
		switch typed := object.Typed.(type) {
		case *corev1.Service:
			service(set, object, typed, report)
		case *policyv1.PodDisruptionBudget:
			budget(set, object, typed, report)
		case *networkingv1.NetworkPolicy:
			network(set, object, typed, report)
		case *monitoring.PodMonitor:
			monitor(set, object, typed, report)
		}
	}
	for _, workload := range set.Workloads() {
		for _, container := range Containers(&workload.Template.Spec) {
			hardened(workload, &container, report)
			probed(workload, &container, report)
		}
		referenced(set, workload, report)
		if typed, ok := workload.Typed.(*appsv1.StatefulSet); ok {
			statefulSet(set, workload, typed, report)
		}
	}
	return findings
}

type reporter func(object fmt.Stringer, format string, arguments ...any)

// What leads traffic leads to pods that run for good, all of which have the ports.
func leads(set Set, object Object, selector *metav1.LabelSelector, ports []string, report reporter) {
	pods := set.Pods(selector)
	if len(pods) == 0 {
		report(object, "its selector matches no pod")
	}
	for _, pod := range pods {
		if _, ok := pod.Typed.(*appsv1.StatefulSet); !ok {
			report(object, "its selector matches %v too", pod)
			continue
		}
		for _, port := range ports {
			if !hasPort(&pod.Template.Spec, port) {
				report(object, "%v has no port `%s`", pod, port)
			}
		}
	}
}

func service(set Set, object Object, typed *corev1.Service, report reporter) {
	var ports []string
	for _, port := range typed.Spec.Ports {
		if port.TargetPort.Type != intstr.String {
			report(object, "port %d: targetPort has to be a name, or it is not known whether it is there", port.Port)
			continue
		}
		ports = append(ports, port.TargetPort.StrVal)
	}
	leads(set, object, &metav1.LabelSelector{MatchLabels: typed.Spec.Selector}, ports, report)
	isGame := slices.Contains(ports, "http")
	if isGame && (typed.Spec.PublishNotReadyAddresses || typed.Spec.ClusterIP == corev1.ClusterIPNone) {
		report(object, "leads to standbys: the game API is for the pod that is Ready")
	}
	if isGame && len(set.Pods(&metav1.LabelSelector{MatchLabels: typed.Spec.Selector})) > 1 {
		report(object, "leads to several shards")
	}
}

func budget(set Set, object Object, typed *policyv1.PodDisruptionBudget, report reporter) {
	leads(set, object, typed.Spec.Selector, nil, report)
	numHolders, hasStandby := 0, false
	for _, pod := range set.Pods(typed.Spec.Selector) {
		if engine, isSidecar := Engine(&pod.Template.Spec); engine != nil && !isSidecar {
			numHolders++
			hasStandby = hasStandby || pod.Replicas() > 1
		}
	}
	if numHolders == 0 {
		return
	}
	// Only one pod of a shard is ever Ready, so that percentages and maxUnavailable count wrongly.
	available := typed.Spec.MinAvailable
	if available == nil || available.Type != intstr.Int || available.IntValue() != numHolders-1 {
		report(object, "minAvailable has to be %d: the shards less one", numHolders-1)
	}
}

func network(set Set, object Object, typed *networkingv1.NetworkPolicy, report reporter) {
	pods := set.Pods(&typed.Spec.PodSelector)
	if len(pods) == 0 {
		report(object, "its selector matches no pod")
	}
	for _, rule := range typed.Spec.Ingress {
		for _, port := range rule.Ports {
			isThere := func(pod Workload) bool { return hasPort(&pod.Template.Spec, port.Port.StrVal) }
			if port.Port == nil || port.Port.Type != intstr.String || !slices.ContainsFunc(pods, isThere) {
				report(object, "no pod has the port `%v`", port.Port)
			}
		}
	}
}

func monitor(set Set, object Object, typed *monitoring.PodMonitor, report reporter) {
	var ports []string
	for _, endpoint := range typed.Spec.PodMetricsEndpoints {
		if endpoint.Port == nil || endpoint.Path != "/metrics" {
			report(object, "each endpoint has a port's name and the path /metrics")
			continue
		}
		ports = append(ports, *endpoint.Port)
	}
	leads(set, object, &typed.Spec.Selector, ports, report)
}

// What the restricted Pod Security Standard does not ask for.
func hardened(workload Workload, container *corev1.Container, report reporter) {
	context := container.SecurityContext
	if context == nil || context.ReadOnlyRootFilesystem == nil || !*context.ReadOnlyRootFilesystem {
		report(workload, "%s: no readOnlyRootFilesystem", container.Name)
	}
	requests, limits := container.Resources.Requests, container.Resources.Limits
	if requests.Cpu().IsZero() || requests.Memory().IsZero() || limits.Memory().IsZero() {
		report(workload, "%s: requests for cpu and memory, and a limit of memory, are needed", container.Name)
	}
	if Verb(container) == "serve" && !requests.Memory().Equal(*limits.Memory()) {
		report(workload, "%s: its memory cannot be taken back, so request and limit are the same", container.Name)
	}
}

func probed(workload Workload, container *corev1.Container, report reporter) {
	set, isForGood := workload.Typed.(*appsv1.StatefulSet)
	if !isForGood {
		return
	}
	if Verb(container) != "serve" {
		isOnce := slices.ContainsFunc(set.Spec.Template.Spec.InitContainers, func(init corev1.Container) bool {
			return init.Name == container.Name && init.RestartPolicy == nil
		})
		if !isOnce && (container.LivenessProbe == nil || container.ReadinessProbe == nil) {
			report(workload, "%s: a livenessProbe and a readinessProbe are needed", container.Name)
		}
		return
	}
	probes := []struct {
		name, path string
		probe      *corev1.Probe
	}{
		{"startupProbe", "/startupz", container.StartupProbe},
		{"livenessProbe", "/livez", container.LivenessProbe},
		{"readinessProbe", "/readyz", container.ReadinessProbe},
	}
	for _, wanted := range probes {
		get := func() *corev1.HTTPGetAction {
			if wanted.probe == nil {
				return nil
			}
			return wanted.probe.HTTPGet
		}()
		if get == nil || get.Path != wanted.path || get.Port.StrVal != "admin" {
			report(workload, "%s: the %s has to get %s from the port admin", container.Name, wanted.name, wanted.path)
		}
	}
}

// Everything that a pod names is there.
func referenced(set Set, workload Workload, report reporter) {
	pod := &workload.Template.Spec
	if name := pod.ServiceAccountName; name != "" && name != defaultServiceAccount && !set.Has("ServiceAccount", name) {
		report(workload, "there is no ServiceAccount/%s", name)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		report(workload, "gets a token of the Kubernetes API, which it has no use for")
	}
	needs := func(kind, name, key string) {
		files, isThere := set.Files(kind, name)
		switch _, hasKey := files[key]; {
		case !isThere:
			report(workload, "there is no %s/%s", kind, name)
		case key != "" && !hasKey:
			report(workload, "there is no `%s` in %s/%s", key, kind, name)
		}
	}
	for _, volume := range pod.Volumes {
		var items []corev1.KeyToPath
		var kind, name string
		var optional *bool
		switch {
		case volume.ConfigMap != nil:
			kind, name, items, optional = "ConfigMap", volume.ConfigMap.Name, volume.ConfigMap.Items, volume.ConfigMap.Optional
		case volume.Secret != nil:
			kind, name, items, optional = "Secret", volume.Secret.SecretName, volume.Secret.Items, volume.Secret.Optional
		}
		if kind == "" || optional != nil && *optional {
			continue
		}
		needs(kind, name, "")
		for _, item := range items {
			needs(kind, name, item.Key)
		}
		if mode := volumeMode(&volume); !hasGroup(pod) && mode&0o004 == 0 {
			report(workload, "volume %s: without an fsGroup only root can read it", volume.Name)
		}
	}
	for _, container := range Containers(pod) {
		for _, source := range container.EnvFrom {
			if source.ConfigMapRef != nil {
				needs("ConfigMap", source.ConfigMapRef.Name, "")
			}
			if source.SecretRef != nil {
				needs("Secret", source.SecretRef.Name, "")
			}
		}
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
				needs("Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key)
			} else if from != nil && from.ConfigMapKeyRef != nil {
				needs("ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key)
			}
		}
	}
}

func hasGroup(pod *corev1.PodSpec) bool {
	return pod.SecurityContext != nil && pod.SecurityContext.FSGroup != nil
}

// The API server's default makes it 0644 where nothing is said.
func volumeMode(volume *corev1.Volume) int32 {
	switch {
	case volume.ConfigMap != nil && volume.ConfigMap.DefaultMode != nil:
		return *volume.ConfigMap.DefaultMode
	case volume.Secret != nil && volume.Secret.DefaultMode != nil:
		return *volume.Secret.DefaultMode
	}
	return 0o644
}

func statefulSet(set Set, workload Workload, typed *appsv1.StatefulSet, report reporter) {
	governing := slices.IndexFunc(set, func(object Object) bool {
		return object.Kind == "Service" && object.Name == typed.Spec.ServiceName
	})
	if governing < 0 {
		report(workload, "there is no Service/%s", typed.Spec.ServiceName)
	} else if set[governing].Typed.(*corev1.Service).Spec.ClusterIP != corev1.ClusterIPNone {
		report(workload, "Service/%s is not headless", typed.Spec.ServiceName)
	}
	for _, other := range set.Pods(typed.Spec.Selector) {
		if other.Kind == "StatefulSet" && other.Name != workload.Name {
			report(workload, "its selector matches the pods of %v too", other)
		}
	}
	engine, isSidecar := Engine(&typed.Spec.Template.Spec)
	if engine == nil {
		return
	}
	if isSidecar {
		if engine.RestartPolicy == nil || *engine.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			report(workload, "%s: no native sidecar without restartPolicy Always", engine.Name)
		}
		return
	}
	if *typed.Spec.Replicas > 1 {
		standby(workload, typed, report)
	}
}

// A standby is never Ready: whatever waits for that waits forever.
func standby(workload Workload, typed *appsv1.StatefulSet, report reporter) {
	if typed.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		report(workload, "OrderedReady waits forever for a standby: podManagementPolicy has to be Parallel")
	}
	if typed.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType {
		report(workload, "a RollingUpdate waits forever for a standby: updateStrategy has to be OnDelete")
	}
	affinity := typed.Spec.Template.Spec.Affinity
	if affinity == nil || affinity.PodAntiAffinity == nil {
		report(workload, "the standby may share the holder's node")
		return
	}
	own := Set{workload.Object}
	isApart := slices.ContainsFunc(affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution,
		func(term corev1.PodAffinityTerm) bool {
			return term.TopologyKey == corev1.LabelHostname && len(own.Pods(term.LabelSelector)) == 1
		})
	if !isApart {
		report(workload, "the standby may share the holder's node")
	}
}
