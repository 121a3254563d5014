package io.adhocfs.cli.arguments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void writesOneLineOrMany() {
    Map<String, Object> value = Map.of("used_bytes", List.of(1L, 2.5, true, "a\"b"));
    assertThat(Json.line(value)).isEqualTo("{\"used_bytes\":[1,2.5,true,\"a\\\"b\"]}");
    assertThat(Json.pretty(value)).contains("\n").contains("\"used_bytes\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"usedBytes", "Used", "used-bytes", "used bytes", "_used", "used_", "a__b", ""})
  void refusesAKeyThatIsNotSnakeCase(String key) {
    assertThatThrownBy(() -> Json.line(List.of(Map.of("nodes", List.of(Map.of(key, 1))))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + key + "'");
  }

  @Test
  void refusesAKeyThatIsNotText() {
    assertThatThrownBy(() -> Json.line(Map.of(1, 1))).isInstanceOf(IllegalArgumentException.class);
  }

  private record Shown(int usedBytes) {}

  @Test
  void refusesObjectsWhoseKeysTheLibraryWouldMake() {
    assertThatThrownBy(() -> Json.pretty(Map.of("node", new Shown(1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Shown");
  }
}
