package io.adhocfs.protocol.transport;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class UnprovedConnectionsTest {
  private final UnprovedConnections<String> places = new UnprovedConnections<>(8);

  @Test
  void oneAddressGetsAQuarterOfThePlacesAndItsOldestGiveWay() {
    assertThat(places.add("a", "a1")).isNull();
    assertThat(places.add("a", "a2")).isNull();
    assertThat(places.add("a", "a3")).isEqualTo("a1");
    assertThat(places.add("b", "b1")).isNull();
    assertThat(places.count()).isEqualTo(3);
    assertThat(places.remove("a", "a1")).as("it has lost its place").isFalse();
    assertThat(places.remove("a", "a2")).isTrue();
    assertThat(places.add("a", "a4")).isNull();
    assertThat(places.count()).isEqualTo(3);
  }

  @Test
  void whereAllPlacesAreTakenTheAddressWithMostLosesOne() {
    for (int i = 0; i < 6; i++) {
      assertThat(places.add(i, i + " first")).isNull();
    }
    assertThat(places.add(3, "3 second")).isNull();
    assertThat(places.add(4, "4 only now")).isNull();
    assertThat(places.remove(4, "4 first")).isTrue();
    assertThat(places.add(6, "6 first")).isNull();
    assertThat(places.add(7, "7 first")).isEqualTo("3 first");
    assertThat(places.count()).isEqualTo(8);
  }
}
