package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.wire.Samples;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** The formats of metadata records, for {@code RecordsFuzzTest}. */
public final class MetadataFormats {
  private static final Set<FsError> CORRUPT = EnumSet.of(FsError.CORRUPT);
  private static final InodeId INODE = new InodeId(77);
  private static final long PARTITION = 1;

  private MetadataFormats() {}

  public static List<Format<?>> all() {
    var records = new Records();
    return List.of(
        new Format<>(
            "attributes",
            random -> of(FileAttributes.class, random),
            records::attributes,
            value -> Records.attributes(value, "attributes"),
            CORRUPT,
            false),
        new Format<>(
            "a dentry",
            random -> new Dentry(of(InodeId.class, random), of(FileType.class, random)),
            dentry -> Records.dentry(dentry.inode(), dentry.type()),
            Records::dentry,
            CORRUPT,
            true),
        new Format<>(
            "a reclaim record",
            random -> new Reclaim(INODE, chunked(random), random.nextLong(Long.MAX_VALUE)),
            reclaim -> records.reclaim(reclaim.layout(), reclaim.sizeBytes()),
            value -> Records.reclaim(INODE, value),
            CORRUPT,
            false),
        new Format<>(
            "an end of appends",
            random -> new AppendEnd(random.nextLong(Long.MAX_VALUE), random.nextLong(1000)),
            Records::appendEnd,
            value -> Records.appendEnd(INODE, value),
            CORRUPT,
            true),
        new Format<>(
            "a share",
            MetadataFormats::share,
            records::share,
            value -> Records.share(INODE, PARTITION, value),
            CORRUPT,
            false),
        new Format<>(
            "a pending cut",
            random -> {
              long from = random.nextLong(1L << 40);
              long to = from + 1 + random.nextInt(1000);
              return new PendingCut(INODE, 3, PendingCut.Kind.CUT, chunked(random), from, to);
            },
            records::cut,
            value -> Records.cut(INODE, 3, value),
            CORRUPT,
            false));
  }

  private static Share share(Random random) {
    FileAttributes attributes;
    do {
      attributes = of(FileAttributes.class, random);
    } while (attributes.partitionExponent() == 0);
    return new Share(
        (int) PARTITION,
        attributes,
        random.nextBoolean() ? null : new TransactionId(1 + random.nextInt(1000)));
  }

  private static FileLayout chunked(Random random) {
    FileLayout layout;
    do {
      layout = of(FileLayout.class, random);
    } while (layout.inline());
    return layout;
  }

  private static <T> T of(Class<T> type, Random random) {
    return new Samples(random.nextLong()).of(type);
  }
}
