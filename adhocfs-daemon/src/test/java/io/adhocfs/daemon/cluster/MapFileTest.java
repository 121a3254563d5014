package io.adhocfs.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.adhocfs.daemon.storage.KeptBytes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Samples;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** The file with the cluster map, with a sound checksum over a body that is none. */
final class MapFileTest {
  @Test
  void aBodyThatIsNoMapIsCorrupt() throws Exception {
    var file = new KeptBytes(null);
    ClusterMap map = new Samples(1).of(ClusterMap.class);
    new MapFile(file).write(map);
    byte[] content = Objects.requireNonNull(file.read());
    assertThat(new MapFile(KeptBytes.signed(content)).read()).isEqualTo(map);
    for (int length : new int[] {17, content.length - 1, content.length + 1}) {
      var damaged = new MapFile(KeptBytes.signed(Arrays.copyOf(content, length)));
      assertThat(catchThrowableOfType(FsException.class, damaged::read).error())
          .as("%d bytes", length)
          .isEqualTo(FsError.CORRUPT);
    }
  }
}
