{{- define "menagerie.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "menagerie" .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-menagerie" (.Release.Name | trunc 20 | trimSuffix "-") }}
{{- end -}}
{{- end -}}

{{- define "menagerie.selectorLabels" -}}
app.kubernetes.io/name: menagerie
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "menagerie.labels" -}}
{{ include "menagerie.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "menagerie.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "menagerie.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "menagerie.fullname" .) -}}
{{- end -}}

{{- define "menagerie.secretName" -}}
{{- .Values.secret.existingSecret | default (include "menagerie.fullname" .) -}}
{{- end -}}

{{/* A table as TOML. Helm's own toToml writes 8192 as 8192.0, since values are floats; a scalar of JSON is
     one of TOML. */}}
{{- define "menagerie.toml" -}}
{{- $path := .path -}}
{{- range $key, $value := .table }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ $key }} = {{ toRawJson $value }}
{{- end }}
{{- end }}
{{- range $key, $value := .table }}
{{- if kindIs "map" $value }}
{{- $section := empty $path | ternary $key (printf "%s.%s" $path $key) }}

[{{ $section }}]
{{- include "menagerie.toml" (dict "path" $section "table" $value) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The configuration of one shard, as JSON: what the chart sets, over the shard's own, over all shards'. */}}
{{- define "menagerie.shardConfig" -}}
{{- $config := mustMergeOverwrite (deepCopy .root.Values.config) (deepCopy (.shard.config | default dict)) -}}
{{- $id := .shard.id -}}
{{- $kafka := $config.kafka | default dict -}}
{{- $topics := $kafka.topics | default dict -}}
{{- range $key, $name := include "menagerie.topics" . | fromJson -}}
{{- $_ := set $topics $key (get $topics $key | default (printf "%s%s" ($.shard.topicPrefix | default "") $name)) -}}
{{- end -}}
{{- $_ := set $kafka "topics" $topics -}}
{{- $_ := set $kafka "group" ($kafka.group | default (printf "menagerie.%s" $id)) -}}
{{- $_ := set $config "kafka" $kafka -}}
{{- $_ := set $config "shard" (mustMergeOverwrite ($config.shard | default dict) (dict "id" $id)) -}}
{{- include "menagerie.listeners" (dict "config" $config "isOpen" .root.Values.gameApi.enabled) -}}
{{- toJson $config -}}
{{- end -}}

{{/* Of all sidecars; what differs between them comes from the pod's name. */}}
{{- define "menagerie.sidecarConfig" -}}
{{- $config := deepCopy .Values.config -}}
{{- include "menagerie.listeners" (dict "config" $config "isOpen" false) -}}
{{- toJson $config -}}
{{- end -}}

{{/* The kubelet comes from outside the pod. Without a viewer's or operator's token this listener answers
     the probes and the metrics beyond loopback, and nothing else. */}}
{{- define "menagerie.listeners" -}}
{{- $_ := set .config "admin" (dict "listen" "0.0.0.0:9090") -}}
{{- $listen := .isOpen | ternary "0.0.0.0:8080" "127.0.0.1:8080" -}}
{{- $_ := set .config "http" (mustMergeOverwrite (.config.http | default dict) (dict "listen" $listen)) -}}
{{- end -}}

{{- define "menagerie.topics" -}}
{{- dict
  "character_status" "EVENT_TOPIC_CHARACTER_STATUS"
  "asset_status" "EVENT_TOPIC_ASSET_STATUS"
  "pet_command" "COMMAND_TOPIC_PET"
  "pet_movement" "COMMAND_TOPIC_PET_MOVEMENT"
  "pet_status" "EVENT_TOPIC_PET_STATUS" | toJson -}}
{{- end -}}

{{/* shutdown.grace and startup.timeout are whole seconds, by the schema. */}}
{{- define "menagerie.grace" -}}
{{- dig "shutdown" "grace" "25s" . | trimSuffix "s" | int -}}
{{- end -}}

{{- define "menagerie.startupTimeout" -}}
{{- dig "startup" "timeout" "60s" . | trimSuffix "s" | int -}}
{{- end -}}

{{/* Pods start anew when what they read has changed. */}}
{{- define "menagerie.checksum" -}}
{{- printf "%s%s" .config (.root.Values.secret.existingSecret | empty | ternary (toJson .root.Values.secret.values) "") | sha256sum -}}
{{- end -}}

{{- define "menagerie.secretEnv" -}}
{{- range $path, $key := .Values.secret.keys }}
- name: MENAGERIE_{{ $path | replace "." "__" | upper }}_FILE
  value: /run/secrets/menagerie/{{ $key }}
{{- end }}
{{- end -}}

{{- define "menagerie.containerSecurityContext" -}}
runAsNonRoot: true
# The image's user nonroot.
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What both forms' containers have in common, from `image` on. */}}
{{- define "menagerie.container" -}}
image: {{ include "menagerie.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [serve, --config, /etc/menagerie/menagerie.toml]
startupProbe:
  httpGet: {path: /startupz, port: admin}
  periodSeconds: 2
  timeoutSeconds: 2
  # A minute more than startup.timeout: the process says itself what it waited for (exit code 69), and
  # 100,000 online characters are restored in 2 s.
  failureThreshold: {{ div (add (include "menagerie.startupTimeout" .config | int) 60) 2 }}
# Asks the engine's threads only; a service that is away is no reason to restart.
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 1
securityContext:
  {{- include "menagerie.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  {{- include "menagerie.volumeMounts" .root | nindent 2 }}
{{- end -}}

{{- define "menagerie.volumeMounts" -}}
- {name: menagerie-config, mountPath: /etc/menagerie, readOnly: true}
- {name: menagerie-secrets, mountPath: /run/secrets/menagerie, readOnly: true}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The files of a Secret belong to root: without an fsGroup others must be able to read them. */}}
{{- define "menagerie.volumesOf" -}}
- name: menagerie-config
  configMap:
    name: {{ .configName }}
- name: menagerie-secrets
  secret:
    secretName: {{ include "menagerie.secretName" .root }}
    defaultMode: {{ .mode }}
    items:
      {{- range .root.Values.secret.keys | values | uniq | sortAlpha }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* For charts that have this one as a dependency: an entry of `initContainers`, and the pod's volumes. */}}
{{- define "menagerie.sidecar" -}}
{{- $config := include "menagerie.sidecarConfig" . | fromJson -}}
name: menagerie
# Native: it starts before the game server, which waits for /startupz, and ends after it.
restartPolicy: Always
{{ include "menagerie.container" (dict "root" . "config" $config) }}
env:
  # Each pod is a shard of its own, with topics of its own.
  - name: MENAGERIE_SHARD__ID
    valueFrom:
      fieldRef: {fieldPath: metadata.name}
  - name: MENAGERIE_KAFKA__GROUP
    value: menagerie.$(MENAGERIE_SHARD__ID)
  {{- range $key, $name := include "menagerie.topics" . | fromJson }}
  - name: {{ $name }}
    value: $(MENAGERIE_SHARD__ID).{{ $name }}
  {{- end }}
  {{- include "menagerie.secretEnv" . | trim | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  # The game API stays on loopback, which all containers of the pod share.
  - {name: admin, containerPort: 9090}
resources:
  {{- toYaml .Values.sidecar.resources | nindent 2 }}
{{- end -}}

{{- define "menagerie.sidecarVolumes" -}}
{{- include "menagerie.volumesOf" (dict "root" . "configName" (include "menagerie.fullname" .) "mode" "0444") -}}
{{- end -}}

{{- define "menagerie.sidecarGrace" -}}
{{- add .Values.sidecar.stopSeconds (include "menagerie.grace" .Values.config | int) .Values.drainRoom -}}
{{- end -}}
