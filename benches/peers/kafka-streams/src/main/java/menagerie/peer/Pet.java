package menagerie.peer;

import java.nio.ByteBuffer;
import java.util.UUID;

/** A pet as it is stored. */
record Pet(short closeness, byte level, byte slot) {
    static final Pet NEW = new Pet((short) 0, (byte) 1, (byte) -1);
    private static final short MAX_CLOSENESS = 30_000;
    /** The closeness from which a pet has the level after that of its position, from 1. */
    private static final int[] THRESHOLDS = {
        1, 3, 6, 14, 31, 60, 108, 181, 287, 434, 632, 891, 1224, 1642, 2161, 2793, 3557, 4467, 5542, 6801, 8263, 9950,
        11882, 14084, 16578, 19391, 22547, 26074, 30000
    };

    static byte[] key(UUID tenant, int pet) {
        return ByteBuffer.allocate(20)
                .putLong(tenant.getMostSignificantBits())
                .putLong(tenant.getLeastSignificantBits())
                .putInt(pet)
                .array();
    }

    static Pet read(byte[] stored) {
        if (stored == null) {
            return NEW;
        }
        ByteBuffer bytes = ByteBuffer.wrap(stored);
        return new Pet(bytes.getShort(), bytes.get(), bytes.get());
    }

    byte[] write() {
        return ByteBuffer.allocate(4).putShort(closeness).put(level).put(slot).array();
    }

    Pet award(int amount) {
        short grown = (short) Math.min(closeness + amount, MAX_CLOSENESS);
        byte reached = level;
        while (reached <= THRESHOLDS.length && grown >= THRESHOLDS[reached - 1]) {
            reached++;
        }
        return new Pet(grown, reached, slot);
    }

    Pet takeOut() {
        return new Pet(closeness, level, (byte) 0);
    }
}
