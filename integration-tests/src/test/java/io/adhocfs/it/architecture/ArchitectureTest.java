package io.adhocfs.it.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final Set<String> NAMES_THAT_SAY_NOTHING =
      Set.of("util", "utils", "common", "impl", "helper", "helpers", "manager", "managers", "misc");

  private static JavaClasses ours;
  private static AllowedDependencies table;

  @BeforeAll
  static void readClassesAndTable() throws IOException {
    ours =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.adhocfs");
    Path page = Path.of(System.getProperty("adhocfs.home", ".."), "docs", "architecture.md");
    table = AllowedDependencies.parse(Files.readAllLines(page));
  }

  @Test
  void everyPackageIsInTheTable() {
    assertThat(packages(name -> !table.lists(name)))
        .as("packages that docs/architecture.md does not list: give each a row, in its place")
        .isEmpty();
  }

  @Test
  void packagesUseOnlyWhatTheTableAllows() {
    var violations = new TreeSet<String>();
    for (JavaClass user : ours) {
      String packageName = user.getPackageName();
      if (!table.lists(packageName)) {
        continue; // everyPackageIsInTheTable reports it
      }
      for (Dependency dependency : user.getDirectDependenciesFromSelf()) {
        JavaClass used = dependency.getTargetClass().getBaseComponentType();
        if (!used.isPrimitive()
            && !table.allows(packageName, used.getPackageName(), used.getName())) {
          violations.add(
              packageName
                  + " may use "
                  + table.row(packageName)
                  + ": "
                  + dependency.getDescription());
        }
      }
    }
    assertThat(violations)
        .as(
            "what docs/architecture.md does not allow: move the code, or change the table and say why")
        .isEmpty();
  }

  @Test
  void everyRowOfTheTableIsOfAPackage() {
    Set<String> packages = packages(name -> true);
    assertThat(table.packages())
        .as("rows of docs/architecture.md whose package is gone, or not there yet")
        .isSubsetOf(packages);
  }

  @Test
  void rocksDbIsKnownOnlyToTheStorage() {
    assertThat(usersOf("org.rocksdb.", Set.of("io.adhocfs.daemon.storage")))
        .as("RocksDB outside daemon.storage: use SlotStore")
        .isEmpty();
  }

  /**
   * An event loop is a thread to run on, not a channel, so the table alone decides who knows it.
   */
  @Test
  void channelsAreKnownOnlyToTheTransport() {
    assertThat(usersOf("io.netty.channel.", Set.of("io.adhocfs.protocol.transport")))
        .filteredOn(use -> !use.endsWith(".EventLoop") && !use.endsWith(".EventLoopGroup"))
        .as("Netty channels outside protocol.transport: use RpcClient or RpcServer")
        .isEmpty();
  }

  @Test
  void packageNamesSayWhatIsInThem() {
    assertThat(
            packages(name ->
                List.of(name.split("\\.")).stream().anyMatch(NAMES_THAT_SAY_NOTHING::contains)))
        .as("package names that say nothing: name the idea instead")
        .isEmpty();
  }

  @Test
  void everyPackageSaysWhatItIsFor() {
    var undocumented = new TreeSet<String>();
    for (JavaClass someClass : ours) {
      if (someClass.getPackage().tryGetAnnotationOfType(NullMarked.class).isEmpty()) {
        undocumented.add(someClass.getPackageName());
      }
    }
    assertThat(undocumented)
        .as("packages without a @NullMarked package-info.java that says what they are for")
        .isEmpty();
  }

  private static Set<String> packages(Predicate<String> wanted) {
    var names = new TreeSet<String>();
    for (JavaClass someClass : ours) {
      if (wanted.test(someClass.getPackageName())) {
        names.add(someClass.getPackageName());
      }
    }
    return names;
  }

  private static Set<String> usersOf(String foreignPackage, Set<String> allowedPackages) {
    var users = new TreeSet<String>();
    for (JavaClass user : ours) {
      if (allowedPackages.contains(user.getPackageName())) {
        continue;
      }
      for (Dependency dependency : user.getDirectDependenciesFromSelf()) {
        String used = dependency.getTargetClass().getBaseComponentType().getName();
        if (used.startsWith(foreignPackage)) {
          users.add(user.getName() + " uses " + used);
        }
      }
    }
    return users;
  }
}
