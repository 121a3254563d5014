package io.adhocfs.protocol.model;

import org.jspecify.annotations.Nullable;

/**
 * What can go wrong in the world, by what its receiver must do about it. Codes are part of the wire
 * format; a code that is retired stays listed.
 */
public enum FsError {
  // Answers of a file system, each with the errno that programs expect.
  NOT_FOUND(1),
  EXISTS(2),
  NOT_DIRECTORY(3),
  IS_DIRECTORY(4),
  NOT_EMPTY(5),
  NAME_TOO_LONG(6),
  INVALID(7),
  PERMISSION_DENIED(8),
  NOT_PERMITTED(9),
  NO_SPACE(10),
  TOO_MANY_LINKS(11),
  TOO_MANY_SYMLINKS(12),
  FILE_TOO_BIG(13),
  NOT_SUPPORTED(14),
  BAD_HANDLE(15),
  BUSY(16),
  INTERRUPTED(17),
  READ_ONLY(18),
  CROSS_DEVICE(19),
  /** There is no extended attribute of this name. */
  NO_ATTRIBUTE(24),
  /** An extended attribute's name or value is longer than any may be. */
  ATTRIBUTE_TOO_BIG(25),
  /** Somebody else holds a lock that is in the way. */
  WOULD_BLOCK(26),
  /** To wait for this lock would be to wait for ever. */
  DEADLOCK(27),
  TOO_MANY_LOCKS(28),

  /** Stored bytes or a message do not match their checksum or form. */
  CORRUPT(30),
  /** The storage of a daemon failed. */
  STORAGE_FAILED(31),
  /** The message or version is not known to its receiver. */
  UNKNOWN_MESSAGE(32),
  /** A message that cannot be decoded, or is larger than allowed. */
  BAD_MESSAGE(33),
  /** A defect of ours: the daemon goes on, the request does not. */
  INTERNAL(34),
  /** The bytes were lost with the node that had them. */
  DATA_LOST(36),

  // Answers that the client library deals with and programs never see.
  /** The receiver does not own the slot; the reply's epoch is the newer one. */
  WRONG_OWNER(50),
  /** The data generation of a write or growth is older than the inode's: ask again and redo. */
  STALE_GENERATION(51),
  /** The file's data no longer lies inline: ask for the layout and use chunks. */
  NOT_INLINE(52),
  /** What an operation over several slots was planned on has changed meanwhile: plan again. */
  CHANGED(53),
  /** Too much is queued here: try later. */
  OVERLOADED(54),
  /** It has waited for a limit's tokens for long, and nothing has been done: send it again. */
  THROTTLED(56),
  /**
   * The directory is spread otherwise than the request believes: learn how, and ask anew. Nothing
   * has been done.
   */
  SPREAD_CHANGED(55),

  // What a client finds out itself.
  /** No connection could be made; the request was not sent. */
  UNREACHABLE(70),
  /** The connection was lost after sending: the request may have run. */
  CONNECTION_LOST(71),
  /** The deadline passed; the message names the node. */
  TIMED_OUT(72),
  /** The other side has another secret or is another instance or version. */
  REFUSED(73),
  /** The session's lease ran out, or a newer process took it over. */
  SESSION_EXPIRED(74),
  /** This side has been closed. */
  CLOSED(75);

  private static final @Nullable FsError[] BY_CODE = new @Nullable FsError[128];

  static {
    for (FsError error : values()) {
      BY_CODE[error.code] = error;
    }
  }

  private final int code;

  FsError(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** Whether programs see it: else the client library deals with it, or has found it out itself. */
  public boolean isForPrograms() {
    return code < 50;
  }

  /** The error with this code; {@link #INTERNAL} for one that this version does not know. */
  public static FsError ofCode(int code) {
    FsError error = code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    return error == null ? INTERNAL : error;
  }
}
