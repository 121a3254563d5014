package io.adhocfs.protocol.settings;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Switches that go together, for a kind of use. A profile says a value for every switch, so it does
 * not matter what held before.
 */
public enum Profile {
  POSIX("as on a local file system, seen by all mounts at once; the defaults", Map.of()),
  CHECKPOINT(
      "many processes write large files of their own, closed before others look: short writes are"
          + " gathered, the size is told at close, data lies in chunks of 1 MiB and never with the"
          + " metadata",
      Map.of(
          Setting.WRITES, "behind",
          Setting.SIZE_UPDATES, "at-close",
          Setting.CHUNK_SIZE, "1MiB",
          Setting.INLINE_MAX, "0")),
  SCRATCH(
      "files of one job that live as long as it: fsync promises nothing, short writes are"
          + " gathered, sizes are told at close, mounts use what they were told for a second; files up to 16 KiB lie with their"
          + " metadata",
      Map.of(
          Setting.FSYNC, "none",
          Setting.WRITES, "behind",
          Setting.SIZE_UPDATES, "at-close",
          Setting.CACHE, "cached",
          Setting.CACHE_TIMEOUT, "1s",
          Setting.INLINE_MAX, "16KiB")),
  READ_ONLY_DATASET(
      "files that nobody changes once they are there: mounts use what they were told for an hour",
      Map.of(Setting.CACHE, "cached", Setting.CACHE_TIMEOUT, "1h", Setting.INLINE_MAX, "16KiB"));

  /** In place of a setting's key. */
  public static final String KEY = "profile";

  private final String description;
  private final Map<Setting, String> differing;

  Profile(String description, Map<Setting, String> differing) {
    this.description = description;
    this.differing = Map.copyOf(differing);
  }

  /** What people call it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public String description() {
    return description;
  }

  /** A value for every switch. */
  public Map<Setting, String> settings() {
    var values = new TreeMap<Setting, String>();
    for (Setting setting : Setting.switches()) {
      values.put(setting, differing.getOrDefault(setting, setting.defaultValue()));
    }
    return values;
  }

  /** The profile of this name, or null. */
  public static @Nullable Profile ofLabel(String label) {
    for (Profile profile : values()) {
      if (profile.label().equals(label)) {
        return profile;
      }
    }
    return null;
  }

  /** All names, for messages. */
  public static String labels() {
    return Arrays.stream(values()).map(Profile::label).collect(Collectors.joining(", "));
  }

  /**
   * Puts the switches of a profile, if one is named under {@link #KEY}, in the place of its name;
   * what is said beside it counts more.
   *
   * @param byKey is changed
   * @throws IllegalArgumentException naming the profiles that there are
   */
  public static void expand(Map<String, String> byKey) {
    String label = byKey.remove(KEY);
    if (label == null) {
      return;
    }
    Profile profile = ofLabel(label);
    if (profile == null) {
      throw new IllegalArgumentException(KEY + " '" + label + "': give " + labels());
    }
    profile.settings().forEach((setting, value) -> byKey.putIfAbsent(setting.key(), value));
  }
}
