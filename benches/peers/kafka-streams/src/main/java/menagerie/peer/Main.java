package menagerie.peer;

import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * The award job with Kafka Streams: exactly_once_v2, a RocksDB store with a changelog and a cache, producers and
 * consumers set for throughput, everything else as it comes, the commit interval of 100 ms among it.
 *
 * <p>Configured by the environment, with the names that the game servers use.
 */
public final class Main {
    public static void main(String[] arguments) throws Exception {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, required("MENAGERIE_KAFKA__GROUP"));
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, required("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS"));
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, optional("PEER_THREADS", "2"));
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, optional("PEER_COMMIT_INTERVAL_MS", "100"));
        config.put(StreamsConfig.STATE_DIR_CONFIG, required("PEER_STATE_DIR"));
        config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        config.put("auto.offset.reset", "earliest");
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, Long.toString(64L << 20));
        config.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        config.put(StreamsConfig.producerPrefix("batch.size"), Integer.toString(256 << 10));
        config.put(StreamsConfig.producerPrefix("buffer.memory"), Long.toString(128L << 20));
        config.put(StreamsConfig.consumerPrefix("max.poll.records"), "10000");
        // With less than a poll brings, partitions are paused and resumed all the time.
        config.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, "10000");
        config.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), Integer.toString(8 << 20));

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(PetProcessor.STORE), Serdes.ByteArray(), Serdes.ByteArray())
                .withCachingEnabled());
        builder.<byte[], byte[]>stream(required("COMMAND_TOPIC_PET"))
                .process(PetProcessor::new, PetProcessor.STORE)
                .to(required("EVENT_TOPIC_PET_STATUS"), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        // Read and left alone, so that its group has an offset on each topic that is sent to.
        builder.<byte[], byte[]>stream(
                        List.of(required("EVENT_TOPIC_CHARACTER_STATUS"), required("COMMAND_TOPIC_PET_MOVEMENT")))
                .foreach((key, value) -> {});

        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        PetsApi api = new PetsApi(streams, Integer.parseInt(required("PEER_PORT")));
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            api.close();
            streams.close();
            ended.countDown();
        }));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("running");
            } else if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(70);
            }
        });
        streams.start();
        ended.await();
    }

    private static String required(String variable) {
        String value = System.getenv(variable);
        if (value == null) {
            System.err.println(variable + " is not set");
            System.exit(64);
        }
        return value;
    }

    private static String optional(String variable, String otherwise) {
        return System.getenv().getOrDefault(variable, otherwise);
    }

    private Main() {}
}
