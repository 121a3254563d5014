package io.adhocfs.protocol.settings;

/**
 * What the switches say for the files of one dataset, ready for use.
 *
 * @param chunkSizeBytes of files that are made
 * @param inlineBytesMax files up to this size lie with their metadata
 * @param localData whether the chunks of files that are made lie on their maker's node, where the
 *     maker says which that is; else over all nodes
 * @param localDirectories whether directories that are made lie on their maker's node, in the same
 *     way; else anywhere
 * @param fsync what fsync promises
 * @param tellsSizeLater whether a file that grows is told when the writer closes it, or a second
 *     later, instead of before the write returns
 * @param writesBehind whether a write returns when its client has the bytes
 * @param keepsAccessTimes whether the first read after a change moves the access time
 * @param cacheNanos how long a mount may use names and attributes again without asking; 0 = not at
 *     all
 */
public record Switches(
    int chunkSizeBytes,
    int inlineBytesMax,
    boolean localData,
    boolean localDirectories,
    Fsync fsync,
    boolean tellsSizeLater,
    boolean writesBehind,
    boolean keepsAccessTimes,
    long cacheNanos) {
  /** What fsync promises. */
  public enum Fsync {
    NONE,
    PROCESS,
    DISK
  }

  /** What settings say. */
  public static Switches of(Settings given) {
    Settings settings = given.withImplied();
    return new Switches(
        Math.toIntExact(settings.size(Setting.CHUNK_SIZE)),
        Math.toIntExact(settings.size(Setting.INLINE_MAX)),
        !settings.text(Setting.DISTRIBUTION).equals("wide-striping"),
        settings.text(Setting.DISTRIBUTION).equals("local"),
        switch (settings.text(Setting.FSYNC)) {
          case "none" -> Fsync.NONE;
          case "disk" -> Fsync.DISK;
          default -> Fsync.PROCESS;
        },
        settings.text(Setting.SIZE_UPDATES).equals("at-close"),
        settings.text(Setting.WRITES).equals("behind"),
        settings.text(Setting.ATIME).equals("relatime"),
        settings.text(Setting.CACHE).equals("cached")
            ? settings.duration(Setting.CACHE_TIMEOUT).toNanos()
            : 0);
  }
}
