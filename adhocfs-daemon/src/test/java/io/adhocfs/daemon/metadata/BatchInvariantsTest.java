package io.adhocfs.daemon.metadata;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.slot.MemorySlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A batch that breaks an invariant is not written, but named. */
class BatchInvariantsTest {
  private static final InodeId DIRECTORY = InodeId.ROOT;
  private static final InodeId FILE = new InodeId(7);

  private MetadataStore store;
  private EntryKey name;

  @BeforeEach
  void start(@TempDir Path directory) throws FsException {
    store =
        new MetadataStore(
            new MemorySlotStore(), NumberLimit.open(SmallFile.at(directory.resolve("numbers"))));
    name = new EntryKey(DIRECTORY, 0, EntryName.ofText("a"));
    Batch batch = store.batch();
    batch.addInode(attributes(DIRECTORY, FileType.DIRECTORY, 2, 0));
    batch.commit();
  }

  private static FileAttributes attributes(InodeId id, FileType type, int links, long size) {
    return new FileAttributes(
        id,
        type,
        0644,
        1,
        2,
        links,
        size,
        0,
        0,
        0,
        0,
        type == FileType.DIRECTORY ? DIRECTORY : InodeId.NONE,
        0,
        0,
        0,
        false,
        new FileLayout(4096, 0, 1, 0, type == FileType.REGULAR));
  }

  private Batch made(int links, long entries) {
    Batch batch = store.batch();
    batch.addInode(attributes(FILE, FileType.REGULAR, links, 0));
    batch.putEntry(name, FILE, FileType.REGULAR);
    batch.putInode(attributes(DIRECTORY, FileType.DIRECTORY, 2, entries));
    batch.whole();
    return batch;
  }

  @Test
  void whatIsCountedRightIsWritten() {
    assertThatCode(() -> made(1, 1).commit()).doesNotThrowAnyException();
  }

  @Test
  void anInodeCountsItsNames() {
    assertThatThrownBy(() -> made(2, 1).commit())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("2 links more, and 1 names more");
  }

  @Test
  void aDirectoryCountsItsEntries() {
    assertThatThrownBy(() -> made(1, 0).commit())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("counts 0 entries");
  }

  @Test
  void inlineDataLieWithinTheSize() {
    Batch batch = store.batch();
    batch.addInode(attributes(FILE, FileType.REGULAR, 0, 3));
    batch.putInlineData(FILE, new byte[4]);
    assertThatThrownBy(batch::commit)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("4 bytes inline and a size of 3");
  }

  @Test
  void onlyItsHolderChangesWhatIsLocked() {
    store.locks(
        new ChangedKeys() {
          @Override
          public @Nullable Object otherHolderOfEntry(
              @Nullable Object holder, InodeId directory, EntryName entry) {
            return "transaction".equals(holder) ? null : "transaction";
          }
        });
    Batch stranger = store.batch();
    stranger.removeEntry(name);
    assertThatThrownBy(stranger::commit)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("transaction has locked");
    Batch own = store.batch("transaction");
    own.removeEntry(name);
    assertThatCode(own::commit).doesNotThrowAnyException();
  }
}
