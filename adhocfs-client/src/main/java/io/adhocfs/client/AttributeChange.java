package io.adhocfs.client;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Which attributes to set; what is empty stays. The change time becomes the caller's clock unless
 * it is given. The size is changed by truncating. A new owner of anything but a directory takes the
 * set-id bits away, unless the mode is set too.
 *
 * @param mode permission, set-id and sticky bits (07777)
 * @param clearsSetId whether the set-id bits go as after a write by somebody who may not keep them;
 *     without effect where the mode is set
 * @param atimeNanos nanoseconds since 1970-01-01T00:00Z, as mtime and ctime
 */
public record AttributeChange(
    OptionalInt mode,
    OptionalInt uid,
    OptionalInt gid,
    OptionalLong atimeNanos,
    OptionalLong mtimeNanos,
    OptionalLong ctimeNanos,
    boolean clearsSetId) {
  /** Changes nothing; to start from. */
  public static final AttributeChange NONE =
      new AttributeChange(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalLong.empty(),
          OptionalLong.empty(),
          OptionalLong.empty(),
          false);

  public AttributeChange {
    if (mode.isPresent() && (mode.getAsInt() & ~07777) != 0) {
      throw new IllegalArgumentException("mode " + Integer.toOctalString(mode.getAsInt()));
    }
  }

  public AttributeChange withMode(int value) {
    return new AttributeChange(
        OptionalInt.of(value), uid, gid, atimeNanos, mtimeNanos, ctimeNanos, clearsSetId);
  }

  public AttributeChange withUid(int value) {
    return new AttributeChange(
        mode, OptionalInt.of(value), gid, atimeNanos, mtimeNanos, ctimeNanos, clearsSetId);
  }

  public AttributeChange withGid(int value) {
    return new AttributeChange(
        mode, uid, OptionalInt.of(value), atimeNanos, mtimeNanos, ctimeNanos, clearsSetId);
  }

  public AttributeChange withAtimeNanos(long value) {
    return new AttributeChange(
        mode, uid, gid, OptionalLong.of(value), mtimeNanos, ctimeNanos, clearsSetId);
  }

  public AttributeChange withMtimeNanos(long value) {
    return new AttributeChange(
        mode, uid, gid, atimeNanos, OptionalLong.of(value), ctimeNanos, clearsSetId);
  }

  public AttributeChange withCtimeNanos(long value) {
    return new AttributeChange(
        mode, uid, gid, atimeNanos, mtimeNanos, OptionalLong.of(value), clearsSetId);
  }

  /** With the set-id bits taken away where a change by somebody else takes them. */
  public AttributeChange withSetIdCleared() {
    return new AttributeChange(mode, uid, gid, atimeNanos, mtimeNanos, ctimeNanos, true);
  }

  public boolean isEmpty() {
    return equals(NONE);
  }
}
