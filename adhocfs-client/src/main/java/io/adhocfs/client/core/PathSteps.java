package io.adhocfs.client.core;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What the bytes of a path say: one component after the other, an empty one for "..". */
public final class PathSteps {
  /** PATH_MAX, the terminating NUL of the system calls counted: a path has fewer bytes. */
  public static final int LENGTH_MAX = 4096;

  private PathSteps() {}

  /**
   * The components of a path, absolute or not, as the target of a symbolic link may be. Empty
   * components and "." are dropped.
   *
   * @throws FsException INVALID when it has a NUL in it, NAME_TOO_LONG for the whole or a component
   */
  public static List<Optional<EntryName>> of(byte[] bytes) throws FsException {
    if (bytes.length >= LENGTH_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG,
          "a path of " + bytes.length + " bytes; at most " + (LENGTH_MAX - 1));
    }
    List<Optional<EntryName>> steps = new ArrayList<>();
    int start = 0;
    for (int i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && bytes[i] != '/') {
        continue;
      }
      int length = i - start;
      boolean dot = length == 1 && bytes[start] == '.';
      boolean dotDot = length == 2 && bytes[start] == '.' && bytes[start + 1] == '.';
      if (dotDot) {
        steps.add(Optional.empty());
      } else if (length > 0 && !dot) {
        steps.add(Optional.of(EntryName.of(Arrays.copyOfRange(bytes, start, i))));
      }
      start = i + 1;
    }
    return List.copyOf(steps);
  }
}
