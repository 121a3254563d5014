package io.adhocfs.protocol.throttle;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Whose traffic a rule is about.
 *
 * @param value which of its kind: a node's number, a job's id, a user's number, a dataset's number,
 *     a kind of traffic; empty for the whole instance
 */
public record Scope(Kind kind, String value) {
  /** All traffic of the instance. */
  public static final Scope INSTANCE = new Scope(Kind.INSTANCE, "");

  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,10}");
  private static final Pattern JOB = Pattern.compile("[A-Za-z0-9_.\\[\\]-]{1,64}");
  private static final Pattern TRAFFIC = Pattern.compile("foreground|migration|staging");

  /** Kinds of scopes, the narrowest first. Codes are part of the wire format. */
  public enum Kind {
    JOB(1, JOB_VALUE),
    USER(2, NUMBER_VALUE),
    DATASET(5, NUMBER_VALUE),
    TRAFFIC(3, TRAFFIC_VALUE),
    NODE(4, NUMBER_VALUE),
    INSTANCE(0, "");

    private final int code;
    private final String meaning;

    Kind(int code, String meaning) {
      this.code = code;
      this.meaning = meaning;
    }

    public int code() {
      return code;
    }

    /** What a value is, for messages. */
    public String meaning() {
      return meaning;
    }

    /** The kind with this code. Throws {@link IllegalArgumentException} where there is none. */
    public static Kind ofCode(int code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      throw new IllegalArgumentException("kind of scope " + code);
    }
  }

  private static final String JOB_VALUE = "a job's id";
  private static final String NUMBER_VALUE = "a number";
  private static final String TRAFFIC_VALUE = "foreground, migration or staging";

  public Scope {
    boolean right =
        switch (kind) {
          case INSTANCE -> value.isEmpty();
          case NODE, USER, DATASET -> NUMBER.matcher(value).matches();
          case JOB -> JOB.matcher(value).matches();
          case TRAFFIC -> TRAFFIC.matcher(value).matches();
        };
    if (!right) {
      throw new IllegalArgumentException(
          "the scope %s:%s: after '%s:' comes %s"
              .formatted(name(kind), value, name(kind), kind.meaning()));
    }
  }

  private static String name(Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /**
   * As people write it, but users, nodes and datasets by number: job:42, user:1000, node:3,
   * dataset:7, instance.
   */
  @Override
  public String toString() {
    return kind == Kind.INSTANCE ? name(kind) : name(kind) + ":" + value;
  }
}
