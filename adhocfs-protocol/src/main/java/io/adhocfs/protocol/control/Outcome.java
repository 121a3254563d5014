package io.adhocfs.protocol.control;

/**
 * What became of a command.
 *
 * @param message why it was refused, for people; empty otherwise
 */
public record Outcome(Verdict verdict, String message) {
  /** Codes are part of the wire format. */
  public enum Verdict {
    /** It has changed the state. */
    OK(0),
    /** What it asks for is so already: it had been applied before. */
    UNCHANGED(1),
    /** It does not fit the state, which is as before. */
    REFUSED(2);

    private final int code;

    Verdict(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    public static Verdict ofCode(int code) {
      return switch (code) {
        case 0 -> OK;
        case 1 -> UNCHANGED;
        case 2 -> REFUSED;
        default -> throw new IllegalArgumentException("verdict " + code);
      };
    }
  }

  public static final Outcome OK = new Outcome(Verdict.OK, "");
  public static final Outcome UNCHANGED = new Outcome(Verdict.UNCHANGED, "");

  public static Outcome refused(String message) {
    return new Outcome(Verdict.REFUSED, message);
  }

  /** Whether what the command asks for is so now. */
  public boolean accepted() {
    return verdict != Verdict.REFUSED;
  }
}
