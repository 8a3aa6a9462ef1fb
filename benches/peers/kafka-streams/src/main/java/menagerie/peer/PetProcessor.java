package menagerie.peer;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Awards closeness and takes pets out: state, event and offset in one transaction of Kafka's. */
final class PetProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "pets";
    private static final String[] ECHOED = {"TENANT_ID", "REGION", "MAJOR_VERSION", "MINOR_VERSION"};

    private static final ObjectMapper JSON =
            new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
    private static final ObjectReader COMMANDS = JSON.readerFor(Command.class);
    private static final ObjectWriter EVENTS = JSON.writerFor(Event.class);

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> pets;

    record Command(String transactionId, int actorId, int petId, String type, Body body) {}

    record Body(int amount) {}

    record Event(int petId, int ownerId, String type, Object body) {}

    record ClosenessChanged(int slot, int closeness, int amount, String transactionId) {}

    record LevelChanged(int slot, int level, int amount) {}

    record SlotChanged(int oldSlot, int newSlot) {}

    record Spawned(
            int templateId, String name, int slot, int level, int closeness, int fullness, int x, int y, int stance,
            int fh) {}

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.pets = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Command command;
        try {
            command = COMMANDS.readValue(record.value());
        } catch (IOException malformed) {
            return;
        }
        UUID tenant = tenant(record.headers());
        byte[] key = Pet.key(tenant, command.petId());
        Pet before = Pet.read(pets.get(key));
        switch (command.type()) {
            case "AWARD_CLOSENESS" -> {
                int amount = command.body().amount();
                Pet after = before.award(amount);
                pets.put(key, after.write());
                if (after.level() != before.level()) {
                    LevelChanged changed =
                            new LevelChanged(after.slot(), after.level(), after.level() - before.level());
                    tell(record, command, "LEVEL_CHANGED", changed);
                }
                ClosenessChanged changed =
                        new ClosenessChanged(after.slot(), after.closeness(), amount, command.transactionId());
                tell(record, command, "CLOSENESS_CHANGED", changed);
            }
            case "SPAWN" -> {
                if (before.slot() >= 0) {
                    return;
                }
                Pet after = before.takeOut();
                pets.put(key, after.write());
                tell(record, command, "SLOT_CHANGED", new SlotChanged(-1, after.slot()));
                Spawned spawned = new Spawned(
                        5_000_017, "Pet", after.slot(), after.level(), after.closeness(), 100, 0, 0, 0, 1);
                tell(record, command, "SPAWNED", spawned);
            }
            default -> {}
        }
    }

    private void tell(Record<byte[], byte[]> cause, Command command, String type, Object body) {
        Headers headers = new RecordHeaders();
        for (String name : ECHOED) {
            Header header = cause.headers().lastHeader(name);
            if (header != null) {
                headers.add(header);
            }
        }
        headers.add("event-id", id().toString().getBytes(StandardCharsets.US_ASCII));
        byte[] owner = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(command.actorId()).array();
        try {
            byte[] value = EVENTS.writeValueAsBytes(new Event(command.petId(), command.actorId(), type, body));
            context.forward(new Record<>(owner, value, cause.timestamp(), headers));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    /** Of version 4, without the lock and the cost of a generator for secrets. */
    private static UUID id() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long high = random.nextLong() & ~0xf000L | 0x4000L;
        long low = random.nextLong() & ~(0b11L << 62) | 0b10L << 62;
        return new UUID(high, low);
    }

    private static UUID tenant(Headers headers) {
        Header tenant = headers.lastHeader("TENANT_ID");
        return tenant == null
                ? new UUID(0, 0)
                : UUID.fromString(new String(tenant.value(), StandardCharsets.US_ASCII));
    }
}
