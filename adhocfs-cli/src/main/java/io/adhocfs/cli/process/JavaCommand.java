package io.adhocfs.cli.process;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Command lines that run this same program in another JVM. */
public final class JavaCommand {
  /** What every command line of this program contains. */
  static final String MAIN_CLASS = "io.adhocfs.cli.Main";

  private JavaCommand() {}

  /**
   * A command line for a process that stays: a daemon or a mount.
   *
   * @param heapBytesMax the largest size of its heap; direct memory may take as much again
   * @param arguments of the program, starting with the command's name
   */
  public static List<String> ofService(long heapBytesMax, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    command.add("-Xms16m");
    command.add("-Xmx" + heapBytesMax);
    command.add("-XX:MaxDirectMemorySize=" + heapBytesMax);
    command.add("-XX:+ExitOnOutOfMemoryError");
    command.add("-XX:-UsePerfData");
    command.add("-Xlog:disable");
    command.add("-Xlog:all=warning:stderr");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-Dio.netty.jfr.enabled=false");
    for (String property :
        List.of("adhocfs.home", "adhocfs.launcher", "adhocfs.cache", "java.library.path")) {
      String value = System.getProperty(property);
      if (value != null) {
        command.add("-D" + property + "=" + value);
      }
    }
    String cache = System.getProperty("adhocfs.cache", "");
    if (!cache.isEmpty() && new File(cache).exists()) {
      command.add("-XX:AOTCache=" + cache);
    }
    String extra = System.getenv().getOrDefault("ADHOCFS_JAVA_OPTS", "").strip();
    if (!extra.isEmpty()) {
      command.addAll(List.of(extra.split("\\s+")));
    }
    command.add("-cp");
    command.add(classPath(System.getProperty("java.class.path")));
    command.add(MAIN_CLASS);
    command.addAll(arguments);
    return command;
  }

  /** The launcher script, which other hosts run. */
  public static String launcher() {
    return System.getProperty("adhocfs.launcher", "adhocfs");
  }

  /** Replaces the jars of a directory by its wildcard, which keeps command lines readable. */
  static String classPath(String expanded) {
    String directory = null;
    for (String entry : expanded.split(File.pathSeparator, -1)) {
      Path parent = entry.endsWith(".jar") ? Path.of(entry).getParent() : null;
      if (parent == null || (directory != null && !directory.equals(parent.toString()))) {
        return expanded;
      }
      directory = parent.toString();
    }
    return directory + File.separator + "*";
  }
}
