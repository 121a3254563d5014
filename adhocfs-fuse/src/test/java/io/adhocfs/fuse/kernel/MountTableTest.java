package io.adhocfs.fuse.kernel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MountTableTest {

  @Test
  void readsOptionalFieldsAndEscapes() {
    String text =
        """
        36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
        42 27 0:39 / /a\\040b\\134c\\011\\012 rw - fuse.adhocfs my\\040fs rw,user_id=0
        27 1 0:22 / / rw - overlay overlay rw
        """;
    assertThat(MountTable.parse(text.getBytes(ISO_8859_1)))
        .containsExactly(
            new MountTable.Mount("98:0", "/mnt2", "ext3", "/dev/root"),
            new MountTable.Mount("0:39", "/a b\\c\t\n", "fuse.adhocfs", "my fs"),
            new MountTable.Mount("0:22", "/", "overlay", "overlay"));
  }

  @Test
  void keepsEveryByteOfAPath() {
    byte[] path = {'/', (byte) 0xff, (byte) 0x80, 'x'};
    byte[] line =
        ("1 0 0:1 / " + new String(path, ISO_8859_1) + " rw - tmpfs none rw\n")
            .getBytes(ISO_8859_1);
    assertThat(MountTable.parse(line)).singleElement().matches(mount -> mount.isAt(path));
  }

  @Test
  void skipsLinesOfAnotherForm() {
    assertThat(MountTable.parse("\nx y\n1 2 3 4 5 6 7 8 9\n".getBytes(ISO_8859_1))).isEmpty();
  }

  @Test
  void showsThisProcessItsRoot() throws Exception {
    assertThat(MountTable.topmostAt(new byte[] {'/'})).isNotNull();
  }
}
