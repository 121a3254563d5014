package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.posix.SystemCallCases.Case;
import io.adhocfs.it.posix.SystemCallCases.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What single system calls do and refuse, for root and for others: tables of cases, each case in a
 * directory of its own. Needs root and gcc.
 */
abstract class SystemCallContract {
  private SystemCalls calls;

  /** An existing directory on the file system under test. */
  abstract Path root();

  /** The tables to try. */
  List<String> tables() {
    return List.of("system-calls.cases", "linux-calls.cases");
  }

  /** Where a case works; made here, and empty, unless the table is of what is there already. */
  Path directory(int number) throws IOException {
    Path directory = Files.createDirectory(root().resolve("case-" + number));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    return directory;
  }

  @BeforeEach
  void startCalls() throws Exception {
    calls = SystemCalls.start();
  }

  @AfterEach
  void endCalls() throws IOException {
    calls.close();
  }

  @TestFactory
  Stream<DynamicTest> systemCalls() throws IOException {
    List<Case> cases = SystemCallCases.read(tables());
    return IntStream.range(0, cases.size())
        .mapToObj(i -> DynamicTest.dynamicTest(cases.get(i).name(), () -> run(i, cases.get(i))));
  }

  private void run(int number, Case tried) throws Exception {
    assertThat(calls.run("begin " + directory(number))).isEqualTo("0");
    for (Step step : tried.steps()) {
      String results = calls.run(step.chain());
      assertThat(step.accepts(results))
          .as("%s%n  returned %s%n  not %s", step.chain(), results, step.expected())
          .isTrue();
    }
  }
}
