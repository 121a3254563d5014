package io.adhocfs.protocol.settings;

/**
 * A switch that has been set while the instance is up.
 *
 * @param dataset the directory whose files it is about, by the number in their layouts; {@link
 *     #WHOLE_INSTANCE} = all
 * @param value one that the setting takes
 */
public record SettingChange(int dataset, Setting setting, String value) {
  /** Files of no dataset have this number too. */
  public static final int WHOLE_INSTANCE = 0;

  /** A value may be so long. */
  public static final int VALUE_CHARS_MAX = 64;

  /**
   * Checks everything.
   *
   * @throws IllegalArgumentException saying what is allowed
   */
  public SettingChange {
    if (dataset < 0) {
      throw new IllegalArgumentException("dataset " + dataset);
    }
    if (!setting.isSwitch()) {
      throw new IllegalArgumentException(
          setting.key() + " can't be changed while the instance is up");
    }
    if (value.length() > VALUE_CHARS_MAX) {
      throw new IllegalArgumentException(setting.key() + ": a value of more characters than any");
    }
    try {
      setting.check(value);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(setting.key() + ": " + e.getMessage(), e);
    }
  }
}
