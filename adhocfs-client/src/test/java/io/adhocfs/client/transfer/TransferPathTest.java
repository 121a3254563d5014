package io.adhocfs.client.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TransferPathTest {

  @Test
  void whatBeginsWithAdhocLiesInTheInstance() throws FsException {
    TransferPath path = TransferPath.ofText("adhoc:/dir/file");
    assertThat(path.place()).isEqualTo(TransferPath.Place.INSTANCE);
    assertThat(path.path()).isEqualTo(bytes("/dir/file"));
    assertThat(path).hasToString("adhoc:/dir/file");
    assertThat(TransferPath.ofText("./adhoc:/x").place()).isEqualTo(TransferPath.Place.HOST);
    assertThat(TransferPath.ofText("adhoc").place()).isEqualTo(TransferPath.Place.HOST);
    assertThat(TransferPath.ofText("/adhoc:/x").place()).isEqualTo(TransferPath.Place.HOST);
  }

  @Test
  void bytesThatAreNoTextStay() throws FsException {
    byte[] argument = {'/', (byte) 0xff, '\n', 'a'};
    TransferPath path = TransferPath.parse(argument);
    assertThat(path.path()).isEqualTo(argument);
    assertThat(path.lastName()).isEqualTo(new byte[] {(byte) 0xff, '\n', 'a'});
    assertThat(path).hasToString("/\\xff\\x0aa");
  }

  @Test
  void theLastComponentNamesACopy() throws FsException {
    assertThat(TransferPath.ofText("a/b").lastName()).isEqualTo(bytes("b"));
    assertThat(TransferPath.ofText("a/b//").lastName()).isEqualTo(bytes("b"));
    assertThat(TransferPath.ofText("b").lastName()).isEqualTo(bytes("b"));
    assertThat(TransferPath.ofText("...").lastName()).isEqualTo(bytes("..."));
    assertThat(TransferPath.ofText("a/b").parent()).isEqualTo(bytes("a/"));
    assertThat(TransferPath.ofText("/b/").parent()).isEqualTo(bytes("/"));
    assertThat(TransferPath.ofText("b").parent()).isEqualTo(bytes("."));
    for (String contents : new String[] {"/", "//", ".", "..", "a/.", "a/../", "adhoc:/"}) {
      assertThat(TransferPath.ofText(contents).lastName()).as(contents).isNull();
    }
  }

  @Test
  void refusesWhatIsNoPath() {
    refused("", FsError.NOT_FOUND);
    refused("adhoc:", FsError.INVALID);
    refused("adhoc:dir", FsError.INVALID);
    refused("a\0b", FsError.INVALID);
    refused("a/".repeat(2049), FsError.NAME_TOO_LONG);
  }

  private static void refused(String argument, FsError error) {
    assertThatThrownBy(() -> TransferPath.ofText(argument))
        .isInstanceOfSatisfying(
            FsException.class, failure -> assertThat(failure.error()).isEqualTo(error));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
