package io.adhocfs.it.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AllowedDependenciesTest {

  private static final AllowedDependencies TABLE =
      parse(
          "| daemon | daemon.chunk, io.netty.buffer., io.netty.channel.EventLoop |",
          "| daemon.chunk | |");

  @Test
  void allowsWhatTheRowNames() {
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon",
                "io.adhocfs.daemon.chunk",
                "io.adhocfs.daemon.chunk.ChunkStore"))
        .isTrue();
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon", "io.netty.buffer.search", "io.netty.buffer.search.Search"))
        .isTrue();
    assertThat(TABLE.allows("io.adhocfs.daemon", "io.netty.channel", "io.netty.channel.EventLoop"))
        .isTrue();
  }

  @Test
  void allowsThePackageItselfAndTheJdk() {
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon.chunk", "io.adhocfs.daemon.chunk", "io.adhocfs.daemon.chunk.X"))
        .isTrue();
    assertThat(TABLE.allows("io.adhocfs.daemon.chunk", "java.util", "java.util.List")).isTrue();
  }

  @Test
  void refusesWhatTheRowDoesNotName() {
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon.chunk", "io.adhocfs.daemon", "io.adhocfs.daemon.Daemon"))
        .isFalse();
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon", "io.netty.channel", "io.netty.channel.EventLoopGroup"))
        .isFalse();
    assertThat(
            TABLE.allows(
                "io.adhocfs.daemon",
                "io.adhocfs.daemon.chunk.file",
                "io.adhocfs.daemon.chunk.file.X"))
        .isFalse();
  }

  @Test
  void listsOnlyPackagesWithARow() {
    assertThat(TABLE.lists("io.adhocfs.daemon.chunk")).isTrue();
    assertThat(TABLE.lists("io.adhocfs.daemon.chunk.file")).isFalse();
    assertThat(TABLE.lists("io.adhocfs")).isFalse();
  }

  @Test
  void refusesATableWhosePackagesUseEachOther() {
    assertThatThrownBy(() -> parse("| client | fuse |", "| fuse | client |"))
        .hasMessageContaining("fuse may use client, which is not further down");
  }

  @Test
  void refusesAPackageWithoutARowOfItsOwn() {
    assertThatThrownBy(() -> parse("| client | fuse |"))
        .hasMessageContaining("which has no row of its own");
  }

  @Test
  void refusesAMissingTable() {
    assertThatThrownBy(() -> AllowedDependencies.parse(List.of("# Architecture")))
        .hasMessageContaining("no table");
  }

  private static AllowedDependencies parse(String... rows) {
    var lines =
        new ArrayList<String>(
            List.of(
                "# Title",
                "",
                "| another | table |",
                AllowedDependencies.HEADING,
                "",
                "| package | may use |",
                "|---|---|"));
    lines.addAll(List.of(rows));
    return AllowedDependencies.parse(lines);
  }
}
