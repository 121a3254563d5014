package io.adhocfs.client;

import io.adhocfs.client.core.PathSteps;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An absolute path inside an instance: bytes, not characters. Empty components and "." are dropped
 * when it is made; ".." stays, since what it means depends on symbolic links and is found by
 * walking. Two paths are equal when their components are.
 */
public final class AdhocPath {
  /** PATH_MAX, the terminating NUL of the system calls counted: a path has fewer bytes. */
  public static final int LENGTH_MAX = PathSteps.LENGTH_MAX;

  /** "/". */
  public static final AdhocPath ROOT = new AdhocPath(List.of());

  /** One component; empty = "..". */
  private final List<Optional<EntryName>> steps;

  private AdhocPath(List<Optional<EntryName>> steps) {
    this.steps = steps;
  }

  /**
   * The path that these bytes spell.
   *
   * @throws FsException INVALID when it is not absolute or has a NUL in it, NAME_TOO_LONG for the
   *     whole or a component
   */
  public static AdhocPath of(byte[] bytes) throws FsException {
    if (bytes.length == 0 || bytes[0] != '/') {
      throw new FsException(
          FsError.INVALID, "'" + shown(bytes) + "' is not a path that begins with '/'");
    }
    return new AdhocPath(PathSteps.of(bytes));
  }

  /** The path whose bytes are the UTF-8 form of the text. Errors as {@link #of(byte[])}. */
  public static AdhocPath ofText(String text) throws FsException {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  List<Optional<EntryName>> steps() {
    return steps;
  }

  public boolean isRoot() {
    return steps.isEmpty();
  }

  /** How many components it has, ".." counted. */
  public int depth() {
    return steps.size();
  }

  /**
   * The last component.
   *
   * @throws FsException INVALID for the root and for a path that ends in ".."
   */
  public EntryName name() throws FsException {
    if (steps.isEmpty() || steps.getLast().isEmpty()) {
      throw new FsException(FsError.INVALID, "'" + this + "' does not end in a name");
    }
    return steps.getLast().get();
  }

  /** The path without its last component, which must be a name. Errors as {@link #name()}. */
  public AdhocPath parent() throws FsException {
    EntryName _ = name();
    return new AdhocPath(steps.subList(0, steps.size() - 1));
  }

  /** The path of an entry in the directory that this path names. */
  public AdhocPath resolve(EntryName name) {
    List<Optional<EntryName>> longer = new ArrayList<>(steps);
    longer.add(Optional.of(name));
    return new AdhocPath(List.copyOf(longer));
  }

  /** The absolute path that spells the same components. */
  public byte[] bytes() {
    if (steps.isEmpty()) {
      return new byte[] {'/'};
    }
    var out = new ByteArrayOutputStream();
    for (Optional<EntryName> step : steps) {
      out.write('/');
      out.writeBytes(step.map(EntryName::bytes).orElse(new byte[] {'.', '.'}));
    }
    return out.toByteArray();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AdhocPath path && steps.equals(path.steps);
  }

  @Override
  public int hashCode() {
    return steps.hashCode();
  }

  /** For messages to people only: bytes that are not UTF-8 are shown as U+FFFD. */
  @Override
  public String toString() {
    return shown(bytes());
  }

  private static String shown(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
