package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What programs of one mount write is read by those of another: under locks, while others change
 * the same file, and in every way in which a descriptor that is open can be read.
 */
@ParameterizedClass
@MethodSource("settings")
@org.junit.jupiter.api.TestInstance(Lifecycle.PER_CLASS)
// What is brought up for each setting is there before any test of it.
@SuppressWarnings("NullAway.Init")
class SeenChangesIT {
  private static final int NODES = 3;
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final int ROUNDS = FULL ? 200 : 30;
  private static final String PROGRAM = "seen-changes.py";

  @Parameter private String setting = "";

  private TestInstance instance;
  private Path first;
  private Path second;
  private Path program;

  static List<String> settings() {
    return FULL
        ? List.of("", "profile=checkpoint", "profile=scratch", "profile=posix")
        : List.of("");
  }

  @BeforeParameterizedClassInvocation
  void mount() throws Exception {
    List<String> options = setting.isEmpty() ? List.of() : List.of("--set", setting);
    instance = TestInstance.up(NODES, options.toArray(String[]::new));
    first = instance.mount();
    second = instance.mount();
    program = instance.scratch().resolve(PROGRAM);
    try (InputStream source = SeenChangesIT.class.getResourceAsStream(PROGRAM)) {
      assertThat(source).isNotNull();
      Files.copy(source, program);
    }
  }

  @AfterParameterizedClassInvocation
  void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  private String output(String arguments) throws Exception {
    return instance.bash(instance.scratch(), "python3 " + program + " " + arguments).strip();
  }

  @ParameterizedTest
  @CsvSource({"range, nothing", "range, chmod", "range, direct", "flock, chmod", "flock, direct"})
  void noUpdateUnderALockIsLost(String locks, String besides) throws Exception {
    String arguments = String.join(" ", "counters", first.toString(), second.toString());
    assertThat(output(arguments + " " + locks + " " + besides + " " + ROUNDS).lines())
        .hasSize(2)
        .allSatisfy(line -> {
          String[] words = line.split(" of ", -1);
          assertThat(words[0]).isEqualTo(words[1]);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"reader", "writer"})
  void whatIsWrittenAndClosedIsReadInAllWays(String opensFirst) throws Exception {
    assertThat(output(String.join(" ", "ways", first.toString(), second.toString(), opensFirst)))
        .isEqualTo("done 90");
  }
}
