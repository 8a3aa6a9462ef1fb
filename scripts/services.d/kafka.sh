# shellcheck shell=bash disable=SC2154  # services_dir, cache_dir and library are set by scripts/services
# Apache Kafka: one KRaft node, broker and controller in one JVM, from the jars that Maven brings.

kafka_version=4.1.1

kafka_signal() { echo TERM; }
kafka_address() { echo "127.0.0.1:$1"; }
kafka_marker() { echo "$services_dir/kafka/server.properties"; }
kafka_libs() { echo "$cache_dir/kafka-$kafka_version/libs"; }

kafka_install() {
    local libs staging packages=()
    libs=$(kafka_libs)
    java_is_new_enough || packages+=(default-jre-headless)
    [[ -d $libs ]] || command -v mvn >/dev/null || packages+=(maven)
    ((${#packages[@]} == 0)) || apt_install "Kafka (Java 17 or newer, Maven for its jars)" "${packages[@]}"
    java_is_new_enough || die "Kafka $kafka_version needs Java 17 or newer; found: $(java -version 2>&1 | head -n 1)"
    [[ -d $libs ]] && return
    say "fetching the jars of Kafka $kafka_version with Maven (about 55 MB) to $libs"
    # A folder that exists is complete: it gets its name only after the last jar.
    staging=$libs.incomplete
    rm -rf -- "$staging"
    quietly mvn -q -B -f "$library/kafka/pom.xml" "-Dkafka.version=$kafka_version" \
        dependency:copy-dependencies "-DoutputDirectory=$staging"
    mv -- "$staging" "$libs"
}

java_is_new_enough() {
    local major
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || return 1
    [[ -n $major ]] && ((major >= 17))
}

kafka_launch() {
    local home=$services_dir/kafka port controller_port cluster_id
    port=$(choose_port kafka)
    controller_port=$(choose_port kafka controller_port)
    if [[ ! -f $home/server.properties ]]; then
        kafka_properties "$home/data" "$port" "$controller_port" >"$home/server.properties"
    fi
    if [[ ! -f $home/data/meta.properties ]]; then
        # A "-" at its beginning, as base64 of URLs has it now and then, would be taken for an option.
        cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=')
        java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$(kafka_libs)/*" kafka.tools.StorageTool \
            format -t "$cluster_id" -c "$home/server.properties" >"$(log_of kafka)" 2>&1 </dev/null 9>&- || {
            tail -n 40 "$(log_of kafka)" >&2
            die "formatting Kafka's storage failed"
        }
    fi
    launch kafka java -Xmx768m "-Dlog4j2.configurationFile=$library/kafka/log4j2.properties" \
        -cp "$(kafka_libs)/*" kafka.Kafka "$home/server.properties" \
        --override "broker.session.timeout.ms=${SERVICES_KAFKA_SESSION_MS:-3000}"
}

# The internal topics are kept small: they are created on first use, while a test waits. After kill -9 the
# controller refuses the returning broker until the dead one's session has timed out, by default 9 s; here
# SERVICES_KAFKA_SESSION_MS, by default 3,000.
kafka_properties() {
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$2
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$1
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
PROPERTIES
}

kafka_await() {
    "$library/probe.py" kafka "$(port_of kafka)" "$(cat "$services_dir/kafka/pid")" 120
}

# Brokers here create no topic by themselves, as those of a game would not.
kafka_create_topics() {
    local partitions=$1 topic
    is_alive kafka || die "kafka does not run: scripts/services start kafka"
    for topic in EVENT_TOPIC_CHARACTER_STATUS EVENT_TOPIC_ASSET_STATUS COMMAND_TOPIC_PET COMMAND_TOPIC_PET_MOVEMENT \
        EVENT_TOPIC_PET_STATUS; do
        java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$(kafka_libs)/*" org.apache.kafka.tools.TopicCommand \
            --bootstrap-server "$(kafka_address "$(port_of kafka)")" --create --if-not-exists \
            --topic "$topic" --partitions "$partitions" | { grep -v '^WARNING: ' || true; }
    done
}
