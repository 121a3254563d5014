package io.adhocfs.daemon.cluster;

import io.adhocfs.daemon.storage.KeptBytes;
import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Samples;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;

/** The format of the file with the cluster map, for {@code RecordsFuzzTest}. */
public final class MapFormats {
  private MapFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<>(
            "a map file",
            random -> new Samples(random.nextLong()).of(ClusterMap.class),
            MapFormats::encoded,
            bytes -> Objects.requireNonNull(new MapFile(KeptBytes.signed(bytes)).read()),
            EnumSet.of(FsError.CORRUPT, FsError.NOT_SUPPORTED),
            false));
  }

  private static byte[] encoded(ClusterMap map) throws Exception {
    var file = new KeptBytes(null);
    new MapFile(file).write(map);
    return Objects.requireNonNull(file.read());
  }
}
