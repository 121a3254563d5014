package io.adhocfs.protocol.fuzz;

import com.sun.management.ThreadMXBean;
import io.netty.util.ResourceLeakDetector;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Random;

/**
 * Runs a target over many inputs. Each has a seed of its own, from which all of it follows; {@code
 * scripts/fuzz --seed S TARGET} plays it again.
 */
public final class Fuzz {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final int FULL_FACTOR = 50;
  private static final long FIRST = Long.getLong("adhocfs.seed", 0);
  private static final boolean REPLAY = System.getProperty("adhocfs.seed") != null;

  /** How long to look for an input that breaks something; 0 = a fixed number of inputs. */
  private static final Duration SEARCH =
      Duration.ofMinutes(Integer.getInteger("adhocfs.minutes", 0));

  /** What a decoder may allocate whatever its input, unless its format says otherwise. */
  static final long ALLOCATED_BYTES = 1 << 20;

  private static final long ALLOCATED_BYTES_PER_BYTE = 64;

  /** The rest of a long input follows from its seed. */
  private static final int SHOWN_BYTES = 2048;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** What is done with an input. Returns, also when it refuses the input as it should. */
  @FunctionalInterface
  public interface Check {
    void run(byte[] input) throws Exception;
  }

  /**
   * An input and what it is for.
   *
   * @param what the format, for people
   * @param bytes as they are given to the check
   * @param allocatedBytesMax what the check may allocate beside 64 bytes for each byte of the input
   */
  public record Case(String what, byte[] bytes, Check check, long allocatedBytesMax) {
    public Case(String what, byte[] bytes, Check check) {
      this(what, bytes, check, ALLOCATED_BYTES);
    }
  }

  /** Draws inputs. */
  @FunctionalInterface
  public interface Target {
    Case draw(Random random) throws Exception;
  }

  private Fuzz() {}

  /**
   * Checks so many inputs; with a seed that was given, the one of that seed alone; with minutes
   * that were given, as many as they allow.
   *
   * @param name by which {@code scripts/fuzz} knows the target
   * @throws AssertionError naming target, seed and bytes of the first input that breaks something
   */
  public static void run(String name, int inputs, Target target) throws Exception {
    // Netty's detector records a stack for each use of a buffer that it has picked at random. Such
    // allocations are not the decoder's.
    ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    try {
      search(name, inputs, target);
    } finally {
      ResourceLeakDetector.setLevel(level);
    }
  }

  private static void search(String name, int inputs, Target target) throws Exception {
    boolean replayed = REPLAY && SEARCH.isZero();
    long count = replayed ? 1 : FULL ? (long) inputs * FULL_FACTOR : inputs;
    long endNanos = System.nanoTime() + SEARCH.toNanos();
    long seed = FIRST;
    for (; SEARCH.isZero() ? seed < FIRST + count : System.nanoTime() < endNanos; seed++) {
      Case drawn = target.draw(new Random(seed));
      if (replayed) {
        System.out.printf("%s: %s%n", drawn.what(), shown(drawn.bytes()));
      }
      try {
        check(drawn);
      } catch (Throwable e) {
        throw new AssertionError(finding(name, seed, drawn, e), e);
      }
    }
    System.out.printf("%s: seeds %d to %d found nothing%n", name, FIRST, seed - 1);
  }

  private static void check(Case drawn) throws Exception {
    long allocatedMax = drawn.allocatedBytesMax() + ALLOCATED_BYTES_PER_BYTE * drawn.bytes().length;
    // What is loaded at the first use is allocated then: the second time counts.
    if (allocated(drawn) > allocatedMax) {
      long again = allocated(drawn);
      if (again > allocatedMax) {
        throw new AssertionError(
            again + " bytes allocated for an input of " + drawn.bytes().length + " bytes");
      }
    }
  }

  private static long allocated(Case drawn) throws Exception {
    byte[] input = drawn.bytes().clone();
    long before = THREADS.getCurrentThreadAllocatedBytes();
    drawn.check().run(input);
    return THREADS.getCurrentThreadAllocatedBytes() - before;
  }

  private static String finding(String name, long seed, Case drawn, Throwable e) {
    return "scripts/fuzz --seed %d %s finds, in %s: %s%nbytes: %s"
        .formatted(seed, name, drawn.what(), e, shown(drawn.bytes()));
  }

  private static String shown(byte[] bytes) {
    return bytes.length <= SHOWN_BYTES
        ? HexFormat.of().formatHex(bytes)
        : "%s... (%d bytes in all)"
            .formatted(HexFormat.of().formatHex(bytes, 0, SHOWN_BYTES), bytes.length);
  }
}
