package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Room between shutdown.grace and SIGKILL.
const minDrainRoom = 5 * time.Second

// Configuration as the binary itself understands it.
type Configuration struct {
	values  map[string]string
	origins map[string]string
}

// Binary holds each container that runs it against the binary itself: whether it takes the
// configuration, files and variables as mounted, and whether what it makes of them fits the pod.
func Binary(set Set, binary string) (findings []string) {
	shards := map[string]string{}
	topics := map[string]string{}
	numServices := 0
	for _, workload := range set.Workloads() {
		report := func(format string, arguments ...any) {
			findings = append(findings, workload.String()+": "+fmt.Sprintf(format, arguments...))
		}
		for _, container := range Containers(&workload.Template.Spec) {
			verb := Verb(&container)
			if verb == "" {
				continue
			}
			_, isSidecar := Engine(&workload.Template.Spec)
			// Standbys are alike; sidecars are a shard each.
			numDifferent := 1
			if isSidecar {
				numDifferent = workload.Replicas()
			}
			for ordinal := range numDifferent {
				configuration, err := understand(set, workload, &container, ordinal, binary)
				if err != nil {
					report("%s: %v", container.Name, err)
					continue
				}
				if verb != "serve" {
					continue
				}
				pod := fmt.Sprintf("%v, pod %d", workload, ordinal)
				for _, problem := range fits(workload, &container, isSidecar, configuration) {
					report("%s: %s", container.Name, problem)
				}
				claim(shards, configuration.text("shard.id"), pod, "the shard", report)
				for _, topic := range []string{"character_status", "asset_status", "pet_command", "pet_movement", "pet_status"} {
					claim(topics, configuration.text("kafka.topics."+topic), pod, "the topic", report)
				}
				if configuration.values["nats.service"] == "true" {
					numServices++
				}
			}
		}
	}
	if numServices > 1 {
		findings = append(findings, "nats.service is on in several shards, and a request would reach any of them")
	}
	return findings
}

func claim(taken map[string]string, name, who, what string, report func(string, ...any)) {
	if other, isTaken := taken[name]; isTaken {
		report("%s %s is that of %s too", what, name, other)
	}
	taken[name] = who
}

// What the configuration asks of the pod.
func fits(workload Workload, container *corev1.Container, isSidecar bool, configuration Configuration) (problems []string) {
	report := func(format string, arguments ...any) {
		problems = append(problems, fmt.Sprintf(format, arguments...))
	}
	grace := configuration.duration("shutdown.grace")
	given := time.Duration(*workload.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	if given < grace+minDrainRoom {
		report("terminationGracePeriodSeconds is %v, with a shutdown.grace of %v", given, grace)
	}
	if probe := container.StartupProbe; probe != nil {
		budget := time.Duration(probe.InitialDelaySeconds+probe.PeriodSeconds*probe.FailureThreshold) * time.Second
		if timeout := configuration.duration("startup.timeout"); budget <= timeout {
			report("the startupProbe gives up after %v, before a startup.timeout of %v", budget, timeout)
		}
	}
	listens := func(key, name string) (isLoopback bool) {
		host, port, err := net.SplitHostPort(configuration.text(key))
		if err != nil {
			report("%s: %v", key, err)
			return false
		}
		isLoopback = net.ParseIP(host).IsLoopback()
		index := slices.IndexFunc(container.Ports, func(named corev1.ContainerPort) bool { return named.Name == name })
		switch {
		case index < 0 && !isLoopback:
			report("%s is open, and there is no port `%s`", key, name)
		case index >= 0 && isLoopback:
			report("the port `%s` leads to %s, which is loopback", name, key)
		case index >= 0 && fmt.Sprint(container.Ports[index].ContainerPort) != port:
			report("the port `%s` is not that of %s, %s", name, key, port)
		}
		return isLoopback
	}
	if listens("admin.listen", "admin") {
		report("the kubelet cannot reach admin.listen on loopback")
	}
	if !listens("http.listen", "http") && isSidecar {
		report("a sidecar's game API stays on loopback")
	}
	if configuration.values["allow_anonymous"] == "true" {
		report("allow_anonymous: whoever reaches it may do everything")
	}
	return problems
}

// Lays out what the container sees, and asks the binary to print it.
func understand(set Set, workload Workload, container *corev1.Container, ordinal int, binary string) (Configuration, error) {
	root, err := os.MkdirTemp("", "menagerie-deploy-")
	if err != nil {
		return Configuration{}, err
	}
	defer os.RemoveAll(root)
	mounts, err := layOut(set, &workload.Template.Spec, container, root)
	if err != nil {
		return Configuration{}, err
	}
	environment, err := environment(set, workload, container, ordinal)
	if err != nil {
		return Configuration{}, err
	}
	arguments := []string{"config", "print"}
	if index := slices.Index(container.Args, "--config"); index >= 0 && index+1 < len(container.Args) {
		arguments = append(arguments, "--config", below(root, mounts, container.Args[index+1]))
	}
	command := exec.Command(binary, arguments...)
	command.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		command.Env = append(command.Env, name+"="+below(root, mounts, environment[name]))
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return Configuration{}, fmt.Errorf("`menagerie config print`: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	configuration := parse(stdout.String())
	origins := slices.Collect(maps.Values(configuration.origins))
	for name := range environment {
		isUsed := func(origin string) bool { return origin == name || strings.HasPrefix(origin, name+",") }
		if !slices.ContainsFunc(origins, isUsed) {
			return Configuration{}, fmt.Errorf("the variable %s sets nothing", name)
		}
	}
	return configuration, nil
}

// Writes the files of the container's volumes below `root`; the paths they have in the container.
func layOut(set Set, pod *corev1.PodSpec, container *corev1.Container, root string) (mounts []string, err error) {
	for _, mount := range container.VolumeMounts {
		index := slices.IndexFunc(pod.Volumes, func(volume corev1.Volume) bool { return volume.Name == mount.Name })
		if index < 0 {
			return nil, fmt.Errorf("there is no volume %s", mount.Name)
		}
		mounts = append(mounts, mount.MountPath)
		var files map[string]string
		var items []corev1.KeyToPath
		switch source := pod.Volumes[index].VolumeSource; {
		case source.ConfigMap != nil:
			files, _ = set.Files("ConfigMap", source.ConfigMap.Name)
			items = source.ConfigMap.Items
		case source.Secret != nil:
			files, _ = set.Files("Secret", source.Secret.SecretName)
			items = source.Secret.Items
		}
		if items != nil {
			chosen := map[string]string{}
			for _, item := range items {
				chosen[item.Path] = files[item.Key]
			}
			files = chosen
		}
		for name, text := range files {
			file := filepath.Join(root, mount.MountPath, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return nil, err
			}
			// Files that the configuration names are there too.
			if strings.HasSuffix(name, ".toml") {
				for _, mount := range container.VolumeMounts {
					text = strings.ReplaceAll(text, `"`+mount.MountPath, `"`+filepath.Join(root, mount.MountPath))
				}
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
	}
	return mounts, nil
}

func below(root string, mounts []string, path string) string {
	for _, mount := range mounts {
		if strings.HasPrefix(path, mount+"/") {
			return filepath.Join(root, path)
		}
	}
	return path
}

var reference = regexp.MustCompile(`\$\(([A-Za-z0-9_]+)\)`)

// The variables of a container, as the kubelet makes them.
func environment(set Set, workload Workload, container *corev1.Container, ordinal int) (map[string]string, error) {
	environment := map[string]string{}
	for _, source := range container.EnvFrom {
		if source.ConfigMapRef != nil {
			files, _ := set.Files("ConfigMap", source.ConfigMapRef.Name)
			maps.Copy(environment, files)
		}
		if source.SecretRef != nil {
			files, _ := set.Files("Secret", source.SecretRef.Name)
			maps.Copy(environment, files)
		}
	}
	for _, variable := range container.Env {
		if _, isSet := environment[variable.Name]; isSet && len(container.EnvFrom) == 0 {
			return nil, fmt.Errorf("the variable %s stands there twice", variable.Name)
		}
		value := variable.Value
		switch from := variable.ValueFrom; {
		case from == nil:
			for _, match := range reference.FindAllStringSubmatch(value, -1) {
				referred, isSet := environment[match[1]]
				if !isSet {
					return nil, fmt.Errorf("the variable %s refers to %s, which does not stand before it", variable.Name, match[1])
				}
				value = strings.ReplaceAll(value, match[0], referred)
			}
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
			value = workload.Name
			if _, ok := workload.Typed.(*appsv1.StatefulSet); ok {
				value = fmt.Sprintf("%s-%d", workload.Name, ordinal)
			}
		case from.SecretKeyRef != nil:
			files, _ := set.Files("Secret", from.SecretKeyRef.Name)
			value = files[from.SecretKeyRef.Key]
		case from.ConfigMapKeyRef != nil:
			files, _ := set.Files("ConfigMap", from.ConfigMapKeyRef.Name)
			value = files[from.ConfigMapKeyRef.Key]
		default:
			return nil, fmt.Errorf("the variable %s comes from where this check cannot look", variable.Name)
		}
		environment[variable.Name] = value
	}
	return environment, nil
}

var line = regexp.MustCompile(`^(?:# )?([a-z0-9_.]+|[a-z_.]+\."[^"]+") (?:= (.*?)|is not set) +# (.*)$`)

func parse(printed string) Configuration {
	configuration := Configuration{map[string]string{}, map[string]string{}}
	for text := range strings.Lines(printed) {
		if match := line.FindStringSubmatch(strings.TrimRight(text, "\n")); match != nil {
			configuration.values[match[1]], configuration.origins[match[1]] = match[2], match[3]
		}
	}
	return configuration
}

func (c Configuration) text(key string) string { return strings.Trim(c.values[key], `"`) }

// Go writes 1m as the binary does; only days are unknown to it, and nobody waits for days.
func (c Configuration) duration(key string) time.Duration {
	duration, err := time.ParseDuration(strings.ReplaceAll(c.text(key), " ", ""))
	if err != nil {
		// Longer than whatever it is compared with, so that it shows.
		return math.MaxInt64 - time.Hour
	}
	return duration
}
