package deploy

import (
	"slices"
	"strings"
	"testing"
)

// A check that cannot fail is none: each defect is put into what is rendered, and has to be found.
func TestDefectsAreFound(t *testing.T) {
	type defect struct{ from, to, finding string }
	for name, defects := range map[string]map[string]defect{
		"standalone": {
			"a field that does not exist":      {"replicas: 2", "replica: 2", `unknown field "spec.replica"`},
			"a value of another type":          {"replicas: 2", `replicas: "2"`, "of type int32"},
			"a field twice":                    {"serviceName: menagerie-pods-world-0", "serviceName: menagerie-pods-world-0\n  serviceName: b", "already set in map"},
			"an API version that is gone":      {"apiVersion: policy/v1", "apiVersion: policy/v1beta1", "policy/v1beta1 is not served"},
			"a probe that is out of range":     {"periodSeconds: 2", "periodSeconds: -2", "periodSeconds"},
			"a name that is too long":          {"name: admin", "name: admin-port-of-the-operator", "must be no more than 15"},
			"a volume that is not there":       {"name: secrets\n        secret:", "name: secret\n        secret:", "Not found"},
			"labels off the selector":          {"menagerie/shard: world-0\n    spec:", "menagerie/shard: world-9\n    spec:", "does not match template `labels`"},
			"root":                             {"runAsNonRoot: true", "runAsNonRoot: false", "restricted"},
			"a privilege":                      {"- ALL", "- NET_RAW", "restricted"},
			"a writable root":                  {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "no readOnlyRootFilesystem"},
			"no memory limit":                  {"limits:\n            memory: 1Gi", "limits:\n            cpu: 1", "requests for cpu and memory"},
			"a request below the limit":        {"requests:\n            cpu: \"1\"\n            memory: 1Gi", "requests:\n            cpu: 1\n            memory: 512Mi", "request and limit are the same"},
			"another probe":                    {"path: /livez", "path: /readyz", "has to get /livez"},
			"no probe":                         {"livenessProbe:\n          failureThreshold: 3\n          httpGet:\n            path: /livez\n            port: admin\n          periodSeconds: 10\n          timeoutSeconds: 3\n", "tty: false\n", "livenessProbe has to get"},
			"a startup that is cut short":      {"failureThreshold: 60", "failureThreshold: 20", "before a startup.timeout of 1m0s"},
			"a drain that is cut short":        {"terminationGracePeriodSeconds: 35", "terminationGracePeriodSeconds: 25", "with a shutdown.grace of 25s"},
			"a token of the API":               {"automountServiceAccountToken: false\n      containers", "containers", "gets a token"},
			"no ServiceAccount":                {"serviceAccountName: menagerie", "serviceAccountName: menagerei", "there is no ServiceAccount/menagerei"},
			"no Secret":                        {"secretName: menagerie", "secretName: menagerei", "there is no Secret/menagerei"},
			"no ConfigMap":                     {"            name: menagerie-shard-world-0-", "            name: menagerie-shard-world-9-", "there is no ConfigMap/"},
			"no key of a Secret":               {"key: database-url", "key: database", "there is no `database` in Secret/menagerie"},
			"a Secret only root can read":      {"fsGroup: 65532", "runAsUser: 65532", "only root can read it"},
			"a Service that leads nowhere":     {"  selector:\n    app.kubernetes.io/component: engine\n", "  selector:\n    app.kubernetes.io/component: motor\n", "matches no pod"},
			"a Service to several shards":      {"    menagerie/shard: world-0\n---", "---", "leads to several shards"},
			"a Service with no port behind it": {"targetPort: http", "targetPort: web", "has no port `web`"},
			"a Service to standbys":            {"targetPort: http\n", "targetPort: http\n  publishNotReadyAddresses: true\n", "leads to standbys"},
			"no headless Service":              {"clusterIP: None", "type: ClusterIP", "is not headless"},
			"no Service of the StatefulSet":    {"serviceName: menagerie-pods-world-0", "serviceName: pods", "there is no Service/pods"},
			"a budget that stops every drain":  {"minAvailable: 1", "minAvailable: 2", "minAvailable has to be 1"},
			"a NetworkPolicy for nobody":       {"  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: menagerie\n", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: zoo\n", "matches no pod"},
			"a NetworkPolicy without port":     {"- port: http", "- port: web", "no pod has the port `web`"},
			"an update that never ends":        {"type: OnDelete", "type: RollingUpdate", "waits forever"},
			"a start that never ends":          {"podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady", "waits forever"},
			"a standby beside the holder":      {"topologyKey: kubernetes.io/hostname", "topologyKey: kubernetes.io/os", "may share the holder's node"},
			"an unknown key of the file":       {"bootstrap_servers =", "bootstrap_server =", "unknown key `kafka.bootstrap_server`"},
			"a value the binary refuses":       {`format = "json"`, `format = "xml"`, "log.format"},
			"an unknown variable":              {"name: MENAGERIE_HTTP__LISTEN", "name: MENAGERIE_HTTP_LISTEN", "unknown key"},
			"a variable that does nothing":     {"COMMAND_TOPIC_PET: world-0", "COMMAND_TOPIC_PETS: world-0", "COMMAND_TOPIC_PETS sets nothing"},
			"a file that is not mounted":       {"value: /run/secrets/menagerie/database-url", "value: /run/secrets/menagerie/database", "database"},
			"a game API without tokens":        {"name: MENAGERIE_AUTH__TOKENS_FILE\n          value: /run/secrets/menagerie/auth-tokens", "name: LOG_LEVEL\n          value: info", "is not loopback"},
			"a game API open to anybody":       {"[kafka]", "allow_anonymous = true\n\n    [kafka]", "whoever reaches it"},
			"probes on loopback":               {`listen = "0.0.0.0:9090"`, `listen = "127.0.0.1:9090"`, "cannot reach admin.listen"},
			"another port":                     {`listen = "0.0.0.0:9090"`, `listen = "0.0.0.0:9091"`, "is not that of admin.listen"},
			"one shard twice":                  {"MENAGERIE_SHARD__ID: world-0", "MENAGERIE_SHARD__ID: world-1", "the shard world-1 is that of"},
			"a topic twice":                    {"COMMAND_TOPIC_PET: world-0.", "COMMAND_TOPIC_PET: world-1.", "the topic world-1.COMMAND_TOPIC_PET is that of"},
			"a service twice":                  {"service = false", "service = true", "nats.service is on in several shards"},
		},
		"sidecar": {
			"no native sidecar":            {"restartPolicy: Always", "# none", "no native sidecar"},
			"the game server's grace only": {"terminationGracePeriodSeconds: 65", "terminationGracePeriodSeconds: 20", "with a shutdown.grace of 25s"},
			"one shard for all pods":       {"valueFrom:\n            fieldRef:\n              fieldPath: metadata.name", "value: world", "the shard world is that of"},
			"topics for all pods":          {"value: $(MENAGERIE_SHARD__ID).COMMAND_TOPIC_PET\n", "value: COMMAND_TOPIC_PET\n", "the topic COMMAND_TOPIC_PET is that of"},
			"a reference to nothing":       {"$(MENAGERIE_SHARD__ID).COMMAND_TOPIC_PET\n", "$(SHARD).COMMAND_TOPIC_PET\n", "refers to SHARD"},
			"an open game API":             {`listen = "127.0.0.1:8080"`, `listen = "0.0.0.0:8080"`, "is not loopback"},
			"a game server without probes": {"livenessProbe:\n          tcpSocket:\n            port: game", "tty: false", "game-server: a livenessProbe"},
			"a Secret only root can read":  {"secretName: menagerie", "secretName: menagerie\n          defaultMode: 288", "only root can read it"},
		},
	} {
		rendered, secret := overlay(t, name), exampleSecret(t)
		for what, defect := range defects {
			t.Run(name+"/"+what, func(t *testing.T) {
				broken := strings.ReplaceAll(rendered, defect.from, defect.to)
				if broken == rendered {
					t.Fatalf("nothing to break: %q is not there", defect.from)
				}
				findings := find(t, broken, secret)
				hits := func(finding string) bool { return strings.Contains(finding, defect.finding) }
				if !slices.ContainsFunc(findings, hits) {
					t.Errorf("no word of %q among %q", defect.finding, findings)
				}
			})
		}
	}
}
