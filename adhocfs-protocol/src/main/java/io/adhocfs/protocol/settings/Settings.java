package io.adhocfs.protocol.settings;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/** The settings of one instance: what was given, and defaults for the rest. Immutable. */
public final class Settings {
  /** Nothing but defaults. */
  public static final Settings DEFAULT = new Settings(Map.of());

  private final EnumMap<Setting, String> given = new EnumMap<>(Setting.class);

  /**
   * Settings by key.
   *
   * @throws IllegalArgumentException naming the key that is unknown or the value that is refused
   */
  public Settings(Map<String, String> byKey) {
    byKey.forEach((key, value) -> {
      Setting setting = Setting.ofKey(key);
      if (setting == null) {
        throw new IllegalArgumentException("there is no setting '" + key + "'");
      }
      try {
        setting.check(value);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(key + ": " + e.getMessage(), e);
      }
      given.put(setting, value);
    });
  }

  private Settings(EnumMap<Setting, String> given) {
    this.given.putAll(given);
  }

  /** The same, with other values of some; they have been checked. */
  public Settings with(Map<Setting, String> others) {
    if (others.isEmpty()) {
      return this;
    }
    var all = new EnumMap<>(given);
    all.putAll(others);
    return new Settings(all);
  }

  /** The same, with what hints say of those that were not given. */
  Settings withImplied() {
    return with(impliedBy(given));
  }

  /** What hints among values that somebody has said mean for those of which nobody has. */
  public static Map<Setting, String> impliedBy(Map<Setting, String> said) {
    var implied = new EnumMap<Setting, String>(Setting.class);
    said.forEach((setting, value) -> implied.putAll(setting.implied(value)));
    implied.keySet().removeAll(said.keySet());
    return implied;
  }

  /** Whether a value was given, and is not the default by silence. */
  public boolean isGiven(Setting setting) {
    return given.containsKey(setting);
  }

  public String text(Setting setting) {
    return given.getOrDefault(setting, setting.defaultValue());
  }

  public Duration duration(Setting setting) {
    return Duration.ofNanos(Setting.parseDurationNanos(text(setting)));
  }

  /** Bytes. */
  public long size(Setting setting) {
    return Setting.parseSize(text(setting));
  }

  public int number(Setting setting) {
    return Math.toIntExact(Setting.parseNumber(text(setting)));
  }

  /** Only what was given, by key; what {@link #Settings(Map)} takes back. */
  public Map<String, String> given() {
    var byKey = new TreeMap<String, String>();
    given.forEach((setting, value) -> byKey.put(setting.key(), value));
    return byKey;
  }
}
