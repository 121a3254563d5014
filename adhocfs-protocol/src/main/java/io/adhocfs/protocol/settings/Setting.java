package io.adhocfs.protocol.settings;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All settings with their defaults: the only table. Settings are given to {@code up}, by file or
 * {@code --set}, and are the same for every process of an instance. {@linkplain #isSwitch Switches}
 * can be changed while the instance is up, for the whole instance or for directories.
 */
public enum Setting {
  CLIENT_DEADLINE(
      "client.deadline",
      Kind.DURATION,
      "60s",
      "how long an operation may wait for a node before it fails; 0 = for ever"),
  CLIENT_DATA_CONNECTIONS(
      "client.data-connections",
      Kind.NUMBER,
      "2",
      "connections for file data from one client to one node"),
  CLIENT_LEASE(
      "client.lease",
      Kind.DURATION,
      "5m",
      "how long a client that is stopped or cut off keeps its locks and open files; 1s or more"),
  CHUNK_SIZE(
      "chunk.size",
      Kind.SIZE,
      "512KiB",
      "size of the pieces in which files are striped; a power of two, 4KiB to 64MiB"),
  INLINE_MAX(
      "inline.max",
      Kind.SIZE,
      "4KiB",
      "files up to this size lie with their metadata; 0 = none, at most 64KiB"),
  DISTRIBUTION(
      "distribution",
      Kind.CHOICE,
      "wide-striping",
      "where the chunks of a new file lie: wide-striping = over all nodes; local-data-global-metadata = on the node of the mount or client that makes the file; local = there too, as does a new directory with its entries and the attributes of its files",
      "wide-striping",
      "local-data-global-metadata",
      "local"),
  FSYNC(
      "fsync",
      Kind.CHOICE,
      "process",
      "what fsync promises: none = nothing, not even the time of the last write; process = survives the death of any daemon; disk = survives a power failure too",
      "none",
      "process",
      "disk"),
  SIZE_UPDATES(
      "size-updates",
      Kind.CHOICE,
      "at-write",
      "when other mounts see that a file has grown: at-write = before the write returns; at-close = at close, fsync or the writer's stat, or after a second",
      "at-write",
      "at-close"),
  WRITES(
      "writes",
      Kind.CHOICE,
      "through",
      "when a write returns: through = when daemons have the bytes; behind = when the mount has the bytes, which it stores with later writes: at close, fsync, another use of the file, or after a second",
      "through",
      "behind"),
  ACCESS(
      "access",
      Kind.CHOICE,
      "read-write",
      "a hint, not enforced, that counts for switches which are not set: read-only = files do not change: as cache=cached for an hour; write-only = no program reads files meanwhile: as size-updates=at-close and writes=behind",
      "read-write",
      "read-only",
      "write-only"),
  ATIME(
      "atime",
      Kind.CHOICE,
      "off",
      "access times: off = reading does not move them; relatime = the first read after a change moves them",
      "off",
      "relatime"),
  DAEMON_DATA_THREADS(
      "daemon.data-threads", Kind.NUMBER, "4", "threads that read and write chunks"),
  DAEMON_MEMORY("daemon.memory", Kind.SIZE, "512MiB", "the largest Java heap of a daemon"),
  DAEMON_SIGTERM(
      "daemon.sigterm",
      Kind.CHOICE,
      "keep",
      "what a daemon does with its data when it gets SIGTERM; remove is the default of instances that are brought up inside a Slurm job, which ends its processes by SIGTERM",
      "keep",
      "remove"),
  DAEMON_METRICS(
      "daemon.metrics",
      Kind.CHOICE,
      "on",
      "whether each daemon serves Prometheus metrics over HTTP on loopback",
      "on",
      "off"),
  DAEMON_RESERVE(
      "daemon.reserve",
      Kind.SIZE,
      "0",
      "space kept for metadata on each disk; 0 = 2% of the disk, at least 16MiB"),
  DAEMON_CAPACITY(
      "daemon.capacity",
      Kind.SIZE,
      "0",
      "the most space that file data may take on each node; 0 = the whole disk"),
  CHECKSUMS(
      "checksums",
      Kind.CHOICE,
      "rest",
      "what is compared with checksums: rest = file data on the network and on disks, where a checksum is made some seconds after the last write; wire = file data on the network only",
      "rest",
      "wire"),
  DIRECTORY_SPREAD_ENTRIES(
      "directory.spread-entries",
      Kind.NUMBER,
      "10000",
      "number of entries from which on a directory is spread over the nodes; 0 = never"),
  FUSE_DRIVER(
      "fuse.driver", Kind.CHOICE, "direct", "how a mount talks to the kernel", "direct", "jnr"),
  FUSE_READERS(
      "fuse.readers", Kind.NUMBER, "2", "threads that take requests from the kernel, 1 to 4"),
  MOUNT_ATTRIBUTE_REUSE(
      "mount.attribute-reuse",
      Kind.DURATION,
      "1ms",
      "how long a mount may give a directory's attributes again without asking the owner; 0 = never"),
  CACHE(
      "cache",
      Kind.CHOICE,
      "strict",
      "what a mount answers by itself: strict = nothing, each use of a name or attribute asks its owner; cached = names and attributes that it got less than cache.timeout ago",
      "strict",
      "cached"),
  CACHE_TIMEOUT(
      "cache.timeout",
      Kind.DURATION,
      "1s",
      "with cache=cached, how long another mount's changes may stay unseen"),
  LOCKS(
      "locks",
      Kind.CHOICE,
      "cluster",
      "how far flock and fcntl locks reach: cluster = all mounts; local = the programs of one mount",
      "cluster",
      "local"),
  PERMISSIONS(
      "permissions",
      Kind.CHOICE,
      "checked",
      "whether mounts check modes and owners: checked = yes; off = no, and only the user who mounts reaches the files",
      "checked",
      "off"),
  RESILIENCE(
      "resilience",
      Kind.CHOICE,
      "none",
      "what the loss of a node's disk costs: none = the node's part of the data; there is no other value yet",
      "none"),
  MOUNT_MEMORY("mount.memory", Kind.SIZE, "256MiB", "the largest Java heap of a mount"),
  LOG_LEVEL(
      "log.level",
      Kind.CHOICE,
      "info",
      "how much daemons and mounts log",
      "error",
      "warn",
      "info",
      "debug",
      "trace"),
  LOG_BYTES(
      "log.bytes",
      Kind.SIZE,
      "16MiB",
      "the most space that the log of a daemon or mount takes, with the earlier log beside it; 0 = no bound"),
  REMOTE_START(
      "remote.start", Kind.TEXT, "ssh {host}", "command that runs a command line on another host");

  /** What a value looks like. */
  public enum Kind {
    DURATION,
    SIZE,
    NUMBER,
    CHOICE,
    TEXT
  }

  private static final Set<Setting> SWITCHES =
      EnumSet.of(
          CHUNK_SIZE,
          INLINE_MAX,
          DISTRIBUTION,
          FSYNC,
          SIZE_UPDATES,
          WRITES,
          ACCESS,
          ATIME,
          CACHE,
          CACHE_TIMEOUT);

  private static final long LOG_BYTES_MIN = 64 << 10;
  private static final long LEASE_NANOS_MIN = 1_000_000_000L;
  private static final Pattern QUANTITY = Pattern.compile("(\\d+)\\s*([a-zA-Z]*)");

  private final String key;
  private final Kind kind;
  private final String defaultValue;
  private final String description;
  private final String choices;

  Setting(String key, Kind kind, String defaultValue, String description, String... choices) {
    this.key = key;
    this.kind = kind;
    this.defaultValue = defaultValue;
    this.description = description;
    this.choices = String.join(", ", choices);
  }

  public String key() {
    return key;
  }

  public Kind kind() {
    return kind;
  }

  /** What values look like, for users. */
  public String unit() {
    return switch (kind) {
      case DURATION -> "a duration in ms, s, m or h";
      case SIZE -> "bytes, or KiB, MiB, GiB, kB, MB, GB";
      case NUMBER -> "a number";
      case CHOICE -> "one of " + choices;
      case TEXT -> "text";
    };
  }

  public String defaultValue() {
    return defaultValue;
  }

  public String description() {
    return description;
  }

  /**
   * Whether this setting can be changed while the instance is up, for the whole instance or for a
   * directory and everything below it. Daemons and mounts read all other settings when they start;
   * these hold for all files.
   */
  public boolean isSwitch() {
    return SWITCHES.contains(this);
  }

  /** The switches, in the order of the table. */
  public static Set<Setting> switches() {
    return Collections.unmodifiableSet(SWITCHES);
  }

  /**
   * The values that a hint implies for other settings that are not set; empty for a setting that is
   * not a hint.
   */
  Map<Setting, String> implied(String value) {
    if (this != ACCESS) {
      return Map.of();
    }
    return switch (value) {
      case "read-only" -> Map.of(CACHE, "cached", CACHE_TIMEOUT, "1h");
      case "write-only" -> Map.of(SIZE_UPDATES, "at-close", WRITES, "behind");
      default -> Map.of();
    };
  }

  /** The setting of this key, or null. */
  public static @Nullable Setting ofKey(String key) {
    for (Setting setting : values()) {
      if (setting.key.equals(key)) {
        return setting;
      }
    }
    return null;
  }

  /**
   * Refuses a value that this setting cannot have.
   *
   * @throws IllegalArgumentException saying what is allowed
   */
  public void check(String value) {
    switch (kind) {
      case DURATION -> parseDurationNanos(value);
      case SIZE -> parseSize(value);
      case NUMBER -> parseNumber(value);
      case CHOICE -> {
        if (!List.of(choices.split(", ")).contains(value)) {
          throw new IllegalArgumentException(
              choices.contains(", ")
                  ? "'" + value + "' is none of " + choices
                  : "'%s' is not there yet, only '%s' is".formatted(value, choices));
        }
      }
      case TEXT -> {}
    }
    switch (this) {
      case CLIENT_LEASE -> {
        if (parseDurationNanos(value) < LEASE_NANOS_MIN) {
          throw new IllegalArgumentException("'" + value + "' is less than 1s");
        }
      }
      case CHUNK_SIZE -> {
        long size = parseSize(value);
        if (Long.bitCount(size) != 1 || size < 4 << 10 || size > 64 << 20) {
          throw new IllegalArgumentException(
              "'" + value + "' is not a power of two from 4KiB to 64MiB");
        }
      }
      case INLINE_MAX -> {
        if (parseSize(value) > 64 << 10) {
          throw new IllegalArgumentException("'" + value + "' is more than 64KiB");
        }
      }
      case LOG_BYTES -> {
        long size = parseSize(value);
        if (size > 0 && size < LOG_BYTES_MIN) {
          throw new IllegalArgumentException("'" + value + "' is less than 64KiB, and not 0");
        }
      }
      case DIRECTORY_SPREAD_ENTRIES -> {
        if (parseNumber(value) < 0) {
          throw new IllegalArgumentException("'" + value + "' is less than 0");
        }
      }
      case FUSE_READERS, CLIENT_DATA_CONNECTIONS, DAEMON_DATA_THREADS -> {
        long number = parseNumber(value);
        long max = this == DAEMON_DATA_THREADS ? 64 : 4;
        if (number < 1 || number > max) {
          throw new IllegalArgumentException("'" + value + "' is not in 1 to " + max);
        }
      }
      default -> {}
    }
  }

  /** A duration such as 500ms, 60s, 5m, 2h or 0, in nanoseconds. A bare number is seconds. */
  public static long parseDurationNanos(String text) {
    Matcher matcher = QUANTITY.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("'" + text + "' is not a duration such as 500ms, 60s, 5m");
    }
    long unit =
        switch (matcher.group(2)) {
          case "", "s" -> 1_000_000_000L;
          case "ms" -> 1_000_000L;
          case "m", "min" -> 60_000_000_000L;
          case "h" -> 3_600_000_000_000L;
          default ->
              throw new IllegalArgumentException(
                  "'" + text + "' is not a duration such as 500ms, 60s, 5m");
        };
    return multiply(text, matcher.group(1), unit);
  }

  /** A size such as 4096, 512KiB, 1MiB, 200MB, in bytes. */
  public static long parseSize(String text) {
    Matcher matcher = QUANTITY.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("'" + text + "' is not a size such as 4096, 512KiB, 10GB");
    }
    long unit =
        switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
          case "", "b" -> 1L;
          case "k", "kib" -> 1L << 10;
          case "m", "mib" -> 1L << 20;
          case "g", "gib" -> 1L << 30;
          case "t", "tib" -> 1L << 40;
          case "kb" -> 1_000L;
          case "mb" -> 1_000_000L;
          case "gb" -> 1_000_000_000L;
          case "tb" -> 1_000_000_000_000L;
          default ->
              throw new IllegalArgumentException(
                  "'" + text + "' is not a size such as 4096, 512KiB, 10GB");
        };
    return multiply(text, matcher.group(1), unit);
  }

  static long parseNumber(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is not a number", e);
    }
  }

  private static long multiply(String text, String number, long unit) {
    try {
      return Math.multiplyExact(Long.parseLong(number), unit);
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is too large", e);
    }
  }
}
