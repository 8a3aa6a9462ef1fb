package menagerie.peer;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/** As much of the pets API as the load generator asks: to create a pet, and to look one up. */
final class PetsApi implements AutoCloseable {
    private static final Pattern CREATE = Pattern.compile("/api/characters/\\d+/pets");
    private static final Pattern LOOK_UP = Pattern.compile("/api/pets/(\\d+)");

    private final AtomicInteger lastId = new AtomicInteger();
    private final ExecutorService threads = Executors.newFixedThreadPool(4);
    private final KafkaStreams streams;
    private final HttpServer server;

    PetsApi(KafkaStreams streams, int port) throws IOException {
        this.streams = streams;
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 1024);
        server.createContext("/", this::handle);
        server.setExecutor(threads);
        server.start();
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        exchange.getRequestBody().readAllBytes();
        Matcher lookUp = LOOK_UP.matcher(path);
        if (exchange.getRequestMethod().equals("POST") && CREATE.matcher(path).matches()) {
            answer(exchange, 201, "{\"data\":{\"type\":\"pets\",\"id\":\"" + lastId.incrementAndGet() + "\"}}");
        } else if (lookUp.matches()) {
            UUID tenant = UUID.fromString(exchange.getRequestHeaders().getFirst("TENANT_ID"));
            Pet pet = Pet.read(store().get(Pet.key(tenant, Integer.parseInt(lookUp.group(1)))));
            String attributes = "{\"closeness\":" + pet.closeness() + ",\"level\":" + pet.level() + ",\"slot\":"
                    + pet.slot() + "}";
            answer(exchange, 200, "{\"data\":{\"type\":\"pets\",\"attributes\":" + attributes + "}}");
        } else {
            answer(exchange, 404, "{}");
        }
    }

    private ReadOnlyKeyValueStore<byte[], byte[]> store() {
        return streams.store(
                StoreQueryParameters.fromNameAndType(PetProcessor.STORE, QueryableStoreTypes.keyValueStore()));
    }

    private static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/vnd.api+json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdown();
    }
}
