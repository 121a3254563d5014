package io.adhocfs.protocol.model;

import org.jspecify.annotations.Nullable;

/**
 * What can go wrong in the world, by what its receiver must do about it. Codes are part of the wire
 * format; a code that is retired stays listed.
 */
public enum FsError {
  // Answers of a file system, each with the errno that programs expect.
  NOT_FOUND(1, Category.ANSWER),
  EXISTS(2, Category.ANSWER),
  NOT_DIRECTORY(3, Category.ANSWER),
  IS_DIRECTORY(4, Category.ANSWER),
  NOT_EMPTY(5, Category.ANSWER),
  NAME_TOO_LONG(6, Category.ANSWER),
  INVALID(7, Category.ANSWER),
  PERMISSION_DENIED(8, Category.ANSWER),
  NOT_PERMITTED(9, Category.ANSWER),
  NO_SPACE(10, Category.OF_THE_MOMENT),
  TOO_MANY_LINKS(11, Category.ANSWER),
  TOO_MANY_SYMLINKS(12, Category.ANSWER),
  FILE_TOO_BIG(13, Category.ANSWER),
  NOT_SUPPORTED(14, Category.ANSWER),
  BAD_HANDLE(15, Category.ANSWER),
  BUSY(16, Category.OF_THE_MOMENT),
  INTERRUPTED(17, Category.OF_THE_MOMENT),
  READ_ONLY(18, Category.ANSWER),
  CROSS_DEVICE(19, Category.ANSWER),
  /** There is no extended attribute of this name. */
  NO_ATTRIBUTE(24, Category.ANSWER),
  /** An extended attribute's name or value is longer than any may be. */
  ATTRIBUTE_TOO_BIG(25, Category.ANSWER),
  /** Somebody else holds a lock that is in the way. */
  WOULD_BLOCK(26, Category.OF_THE_MOMENT),
  /** To wait for this lock would be to wait for ever. */
  DEADLOCK(27, Category.OF_THE_MOMENT),
  TOO_MANY_LOCKS(28, Category.ANSWER),

  /** Stored bytes or a message do not match their checksum or form. */
  CORRUPT(30, Category.FAILURE),
  /** The storage of a daemon failed. */
  STORAGE_FAILED(31, Category.FAILURE),
  /** The message or version is not known to its receiver. */
  UNKNOWN_MESSAGE(32, Category.FAILURE),
  /** A message that cannot be decoded, or is larger than allowed. */
  BAD_MESSAGE(33, Category.FAILURE),
  /** A defect of ours: the daemon goes on, the request does not. */
  INTERNAL(34, Category.FAILURE),
  /** The bytes were lost with the node that had them. */
  DATA_LOST(36, Category.FAILURE),

  // Answers that the client library deals with and programs never see.
  /** The receiver does not own the slot; the reply's epoch is the newer one. */
  WRONG_OWNER(50, Category.PASSING, Resend.WITH_NEWER_MAP),
  /** The data generation of a write or growth is older than the inode's: ask again and redo. */
  STALE_GENERATION(51, Category.OUTDATED),
  /** The file's data no longer lies inline: ask for the layout and use chunks. */
  NOT_INLINE(52, Category.OUTDATED),
  /** What an operation over several slots was planned on has changed meanwhile: plan again. */
  CHANGED(53, Category.PASSING),
  /** Too much is queued here: try later. */
  OVERLOADED(54, Category.PASSING, Resend.AFTER_PAUSE),
  /** It has waited for a limit's tokens for long, and nothing has been done: send it again. */
  THROTTLED(56, Category.PASSING, Resend.AFTER_PAUSE),
  /**
   * The directory is spread otherwise than the request believes: learn how, and ask anew. Nothing
   * has been done.
   */
  SPREAD_CHANGED(55, Category.OUTDATED),

  // What a client finds out itself.
  /** No connection could be made; the request was not sent. */
  UNREACHABLE(70, Category.PASSING, Resend.AT_NEWER_ADDRESS),
  /** The connection was lost after sending: the request may have run. */
  CONNECTION_LOST(71, Category.PASSING, Resend.AT_NEWER_ADDRESS),
  /** The deadline passed; the message names the node. */
  TIMED_OUT(72, Category.PASSING),
  /** The other side has another secret or is another instance or version. */
  REFUSED(73, Category.PASSING, Resend.ONLY_AT_ANOTHER_ADDRESS),
  /** The session's lease ran out, or a newer process took it over. */
  SESSION_EXPIRED(74, Category.ENDED),
  /** This side has been closed. */
  CLOSED(75, Category.PASSING);

  private static final @Nullable FsError[] BY_CODE = new @Nullable FsError[128];

  static {
    for (FsError error : values()) {
      BY_CODE[error.code] = error;
    }
  }

  /** What kind of failure it is. */
  public enum Category {
    /** The answer of the file system: to ask again is no use. */
    ANSWER,
    /** An answer too, which may be another one at another moment. */
    OF_THE_MOMENT,
    /** Something is broken, or was lost. */
    FAILURE,
    /** What the sender knows is outdated: it learns anew, and asks otherwise. */
    OUTDATED,
    /** Nobody is to blame: to try again may help. */
    PASSING,
    /** What the request belonged to is over. */
    ENDED
  }

  /**
   * When a request that failed so may be sent again as it is, if it is idempotent or carries its
   * sequence number, so that it does no harm to send it twice.
   */
  public enum Resend {
    /** The failure is the answer. */
    NEVER,
    /** After a pause: the daemon has not taken it, and nothing has been done. */
    AFTER_PAUSE,
    /** Once there is a newer map: at once if there is one, else after a while. */
    WITH_NEWER_MAP,
    /** After a while, to the address that the node has then. */
    AT_NEWER_ADDRESS,
    /** Only if the node has another address now; it was not sent to this one. */
    ONLY_AT_ANOTHER_ADDRESS
  }

  private final int code;
  private final Category category;
  private final Resend resend;

  FsError(int code, Category category) {
    this(code, category, Resend.NEVER);
  }

  FsError(int code, Category category, Resend resend) {
    this.code = code;
    this.category = category;
    this.resend = resend;
  }

  public int code() {
    return code;
  }

  public Category category() {
    return category;
  }

  /** When to send a request again that failed so. */
  public Resend resend() {
    return resend;
  }

  /** Whether programs see it: else the client library deals with it, or has found it out itself. */
  public boolean isForPrograms() {
    return switch (category) {
      case ANSWER, OF_THE_MOMENT, FAILURE -> true;
      case OUTDATED, PASSING, ENDED -> false;
    };
  }

  /** Whether to try again may help. */
  public boolean isPassing() {
    return category == Category.PASSING;
  }

  /** The error with this code; {@link #INTERNAL} for one that this version does not know. */
  public static FsError ofCode(int code) {
    FsError error = code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    return error == null ? INTERNAL : error;
  }
}
