// Package deploy checks config/kubernetes and config/helm: what they render is held against the API
// server's own decoding and validation, against rules of ours, and against the real binary.
package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	psapi "k8s.io/pod-security-admission/api"
	pspolicy "k8s.io/pod-security-admission/policy"
)

// Object is one of what was rendered.
type Object struct {
	Kind string
	metav1.ObjectMeta
	// Of k8s.io/api, with the API server's defaults; or a *monitoring.PodMonitor.
	Typed runtime.Object
}

func (o Object) String() string { return o.Kind + "/" + o.Name }

// Workload is an object that makes pods, or is one.
type Workload struct {
	Object
	Template corev1.PodTemplateSpec
}

// Workload of the object; nil: it makes no pods.
func (o Object) Workload() *Workload {
	switch typed := o.Typed.(type) {
	case *appsv1.StatefulSet:
		return &Workload{o, typed.Spec.Template}
	case *batchv1.Job:
		return &Workload{o, typed.Spec.Template}
	case *corev1.Pod:
		return &Workload{o, corev1.PodTemplateSpec{ObjectMeta: typed.ObjectMeta, Spec: typed.Spec}}
	}
	return nil
}

func init() {
	if err := monitoring.AddToScheme(legacyscheme.Scheme); err != nil {
		panic(err)
	}
}

// Decode reads YAML documents as strictly as `kubectl apply --validate=strict`, and validates each as
// the API server does when it is created.
func Decode(text []byte) (objects []Object, findings []string) {
	scheme := legacyscheme.Scheme
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, findings
		}
		if err != nil {
			return objects, append(findings, err.Error())
		}
		if isBlank(document) {
			continue
		}
		typed, kind, err := strict.Decode(document, nil, nil)
		if err != nil {
			findings = append(findings, fmt.Sprintf("%v: in\n%s", err, firstLines(document, 8)))
			if typed == nil {
				continue
			}
		}
		// The scheme knows versions too that only old API servers serve.
		if kind.Version != "v1" {
			findings = append(findings, fmt.Sprintf("%s, %s is not served", kind.Kind, kind.GroupVersion()))
		}
		scheme.Default(typed)
		accessor, ok := typed.(metav1.ObjectMetaAccessor)
		if !ok {
			findings = append(findings, fmt.Sprintf("%v has no metadata", kind))
			continue
		}
		meta := accessor.GetObjectMeta().(*metav1.ObjectMeta)
		object := Object{Kind: kind.Kind, ObjectMeta: *meta, Typed: typed}
		objects = append(objects, object)
		for _, err := range validate(object) {
			findings = append(findings, fmt.Sprintf("%v: %v", object, err))
		}
	}
}

// What the API server would refuse, and what the restricted Pod Security Standard would.
func validate(object Object) []error {
	if _, ok := object.Typed.(*monitoring.PodMonitor); ok {
		return nil
	}
	copied := object.Typed.DeepCopyObject()
	if object.Namespace == "" && object.Kind != "Namespace" {
		copied.(metav1.ObjectMetaAccessor).GetObjectMeta().SetNamespace("default")
	}
	// What the API server adds before it validates.
	if service, ok := copied.(*corev1.Service); ok && service.Spec.ClusterIP == corev1.ClusterIPNone {
		service.Spec.ClusterIPs = []string{corev1.ClusterIPNone}
	}
	if job, ok := copied.(*batchv1.Job); ok {
		labels := map[string]string{"batch.kubernetes.io/controller-uid": "0", "batch.kubernetes.io/job-name": job.Name}
		job.UID = "0"
		job.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": "0"}}
		for key, value := range labels {
			metav1.SetMetaDataLabel(&job.Spec.Template.ObjectMeta, key, value)
		}
		metav1.SetMetaDataLabel(&job.Spec.Template.ObjectMeta, "controller-uid", "0")
		metav1.SetMetaDataLabel(&job.Spec.Template.ObjectMeta, "job-name", job.Name)
	}
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(copied, runtime.InternalGroupVersioner)
	if err != nil {
		return []error{err}
	}
	var list field.ErrorList
	switch internal := internal.(type) {
	case *core.ConfigMap:
		list = corevalidation.ValidateConfigMap(internal)
	case *core.Secret:
		list = corevalidation.ValidateSecret(internal)
	case *core.Service:
		list = corevalidation.ValidateServiceCreate(internal)
	case *core.ServiceAccount:
		list = corevalidation.ValidateServiceAccount(internal)
	case *core.Namespace:
		list = corevalidation.ValidateNamespace(internal)
	case *core.Pod:
		list = corevalidation.ValidatePodCreate(internal, podutil.GetValidationOptionsFromPodSpecAndMeta(&internal.Spec, nil, &internal.ObjectMeta, nil))
	case *apps.StatefulSet:
		list = appsvalidation.ValidateStatefulSet(internal, podutil.GetValidationOptionsFromPodTemplate(&internal.Spec.Template, nil))
	case *batch.Job:
		options := podutil.GetValidationOptionsFromPodTemplate(&internal.Spec.Template, nil)
		list = batchvalidation.ValidateJob(internal, batchvalidation.JobValidationOptions{PodValidationOptions: options, RequirePrefixedLabels: true})
	case *networking.NetworkPolicy:
		list = networkingvalidation.ValidateNetworkPolicy(internal, networkingvalidation.NetworkPolicyValidationOptions{})
	case *policy.PodDisruptionBudget:
		list = policyvalidation.ValidatePodDisruptionBudget(internal, policyvalidation.PodDisruptionBudgetValidationOptions{})
	default:
		return []error{errors.New("no validation is known for this kind")}
	}
	problems := make([]error, 0, len(list))
	for _, err := range list {
		problems = append(problems, err)
	}
	if workload := object.Workload(); workload != nil {
		problems = append(problems, restricted(&workload.Template)...)
	}
	return problems
}

func restricted(template *corev1.PodTemplateSpec) (problems []error) {
	evaluator, err := pspolicy.NewEvaluator(pspolicy.DefaultChecks(), nil)
	if err != nil {
		return []error{err}
	}
	level := psapi.LevelVersion{Level: psapi.LevelRestricted, Version: psapi.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			problems = append(problems, fmt.Errorf("pod security %s: %s (%s)", level.Level, result.ForbiddenReason, result.ForbiddenDetail))
		}
	}
	return problems
}

func isBlank(document []byte) bool {
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		if line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

func firstLines(text []byte, count int) []byte {
	lines := bytes.SplitN(text, []byte("\n"), count+1)
	return bytes.Join(lines[:min(count, len(lines))], []byte("\n"))
}
