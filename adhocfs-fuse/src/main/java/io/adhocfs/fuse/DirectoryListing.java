package io.adhocfs.fuse;

import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.fuse.InodeFileSystem.DirectoryReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One reply to readdir: pages are fetched until the reply is full. Of several names with the same
 * hash, all but the last carry the cookie before them, so that no name is left out if the reply
 * ends among these names; a name may then be listed twice.
 *
 * <p>One thread at a time runs it: the thread that starts it, then the threads that bring the
 * pages, one after the other.
 */
final class DirectoryListing {
  private static final byte[] SELF = {'.'};
  private static final byte[] PARENT = {'.', '.'};
  private static final long SELF_COOKIE = 1;
  private static final long PARENT_COOKIE = 2;

  /** Pages of a listing: the first fits a small reply, later ones grow for large replies. */
  private static final int FIRST_PAGE_BYTES = 4 << 10;

  private static final int PAGE_BYTES_MAX = 64 << 10;

  private final InodeOperations inodes;
  private final Answers answers;
  private final DirectoriesSeen directoriesSeen;
  private final Request request;
  private final InodeId directory;
  private final boolean withAttributes;
  private final DirectoryReply reply;
  private int pageBytes = FIRST_PAGE_BYTES;

  DirectoryListing(
      InodeOperations inodes,
      Answers answers,
      DirectoriesSeen directoriesSeen,
      Request request,
      InodeId directory,
      boolean withAttributes,
      DirectoryReply reply) {
    this.inodes = inodes;
    this.answers = answers;
    this.directoriesSeen = directoriesSeen;
    this.request = request;
    this.directory = directory;
    this.withAttributes = withAttributes;
    this.reply = reply;
  }

  /**
   * Lists the entries after a cookie, and answers the request.
   *
   * @param cookie 0 = from the start, which has the entries "." and ".."
   */
  void start(long cookie) {
    if (cookie >= PARENT_COOKIE) {
      // The cookie of ".." is below the hash of every name.
      entriesAfter(cookie);
      return;
    }
    answers.answer(
        request,
        reply,
        () -> inodes.getAttributes(directory),
        attributes -> {
          if (!attributes.isDirectory()) {
            reply.error(FsError.NOT_DIRECTORY);
          } else if ((cookie >= SELF_COOKIE
                  || reply.add(SELF, directory.value(), FileType.DIRECTORY, SELF_COOKIE, null))
              && reply.add(
                  PARENT, attributes.parent().value(), FileType.DIRECTORY, PARENT_COOKIE, null)) {
            entriesAfter(PARENT_COOKIE);
          } else {
            reply.done();
          }
        },
        this::refuseUnlessRemoved);
  }

  /** A removed directory is empty for programs that have it open. */
  private void refuseUnlessRemoved(FsException failure) {
    if (directoriesSeen.removed(directory, failure) == null) {
      answers.refuse(reply, failure);
    } else {
      reply.done();
    }
  }

  private void entriesAfter(long cookie) {
    answers.answer(
        request,
        reply,
        () -> inodes.readDirectory(directory, cookie, pageBytes, withAttributes),
        page -> {
          if (!offer(page, cookie) || page.last()) {
            reply.done();
          } else {
            pageBytes = Math.min(PAGE_BYTES_MAX, 4 * pageBytes);
            entriesAfter(page.nextCookie());
          }
        },
        this::refuseUnlessRemoved);
  }

  private boolean offer(DirectoryPage page, long afterCookie) {
    List<DirectoryItem> items = page.items();
    long before = afterCookie;
    for (int i = 0; i < items.size(); i++) {
      DirectoryItem item = items.get(i);
      boolean lastOfHash = i + 1 == items.size() || items.get(i + 1).cookie() != item.cookie();
      @Nullable FileAttributes attributes = withAttributes ? item.attributes() : null;
      if (!reply.add(
          item.name().bytes(),
          item.inode().value(),
          item.type(),
          lastOfHash ? item.cookie() : before,
          attributes)) {
        return false;
      }
      if (lastOfHash) {
        before = item.cookie();
      }
    }
    return true;
  }
}
