package io.adhocfs.it.instance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/**
 * Hosts that this machine plays: each has a network namespace with an address of its own, a mount
 * namespace with a disk of its own, a name, and memory that only its own processes share. They are
 * plugged into two switches, and so is this machine, into the first; one cable joins the switches
 * and can be pulled out. Needs root.
 *
 * <p>Programs get there by {@link #remoteShell}. Closing kills what still runs there; a shutdown
 * hook does so if the test JVM ends first.
 */
public final class Hosts implements AutoCloseable {
  /** For benchmarks of networks (RFC 2544): nobody has these addresses. */
  private static final String NETWORK = "198.18.";

  private static final int NETWORKS = 256;
  private static final int FIRST_HOST = 10;

  private final Path directory;
  private final String prefix;
  private final String subnet;
  private final List<Process> holders = new ArrayList<>();
  private final Thread hook = new Thread(this::removeAtExit, "remove-hosts");

  private Hosts(Path directory, String prefix, String subnet) {
    this.directory = directory;
    this.prefix = prefix;
    this.subnet = subnet;
  }

  /**
   * Makes hosts.
   *
   * @param diskMebibytes what each has at {@link #disk}; odd ones are plugged into the second
   *     switch
   */
  public static Hosts make(int... diskMebibytes) throws IOException, InterruptedException {
    int number = claimNetwork();
    var hosts =
        new Hosts(
            Files.createTempDirectory("adhocfs-hosts-"), prefix(number), NETWORK + number + ".");
    Runtime.getRuntime().addShutdownHook(hosts.hook);
    try {
      hosts.plugSwitches();
      for (int disk : diskMebibytes) {
        hosts.add(disk);
      }
      Path script = hosts.remoteShell();
      Files.writeString(
          script,
          """
          #!/bin/sh
          # As ssh: options, a host, a command; of the environment nothing gets there.
          while [ "${1#-}" != "$1" ]; do shift; done
          host=$1
          shift
          exec env -i HOME="$HOME" PATH="$PATH" nsenter --target "$(cat "%s/$host")" \\
            --net --mount --uts --ipc --wd=/ sh -c "$*"
          """
              .formatted(hosts.directory));
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
      return hosts;
    } catch (Throwable e) {
      hosts.close();
      throw e;
    }
  }

  private static String prefix(int network) {
    return "ah%02x".formatted(network);
  }

  /**
   * Makes the first switch of a network in which nobody else plays hosts, and answers the number of
   * the network.
   */
  private static int claimNetwork() throws IOException, InterruptedException {
    int first = ThreadLocalRandom.current().nextInt(NETWORKS);
    for (int i = 0; i < NETWORKS; i++) {
      int number = (first + i) % NETWORKS;
      String answer =
          Commands.bash(
              Path.of("/"),
              Map.of("p", prefix(number), "LC_ALL", "C"),
              "PATH=$PATH:/sbin:/usr/sbin\nip link add ${p}s0 type bridge 2>&1 || true");
      if (answer.isEmpty()) {
        return number;
      }
      if (!answer.contains("File exists")) {
        throw new IOException("cannot make a switch: " + answer);
      }
    }
    throw new IOException("all networks below " + NETWORK + " are taken");
  }

  private void plugSwitches() throws IOException, InterruptedException {
    bash(
        """
        ip link add ${p}s1 type bridge
        ip link add ${p}c0 type veth peer name ${p}c1
        ip link set ${p}c0 master ${p}s0 up
        ip link set ${p}c1 master ${p}s1 up
        ip link set ${p}s0 up
        ip link set ${p}s1 up
        ip address add ${net}1/24 dev ${p}s0
        mkdir disk
        """);
  }

  private void add(int diskMebibytes) throws IOException, InterruptedException {
    int number = holders.size();
    Process holder =
        new ProcessBuilder(
                "unshare",
                "--net",
                "--mount",
                "--uts",
                "--ipc",
                "--propagation",
                "private",
                "sleep",
                "infinity")
            .inheritIO()
            .start();
    holders.add(holder);
    Files.writeString(directory.resolve(address(number)), Long.toString(holder.pid()));
    bash(
        """
        # Until it is in its own namespaces.
        while [ "$(readlink /proc/%2$d/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ]; do :; done
        ip link add ${p}h%1$d type veth peer name eth0 netns %2$d
        ip link set ${p}h%1$d master ${p}s%4$d up
        nsenter --target %2$d --net sh -c '
          ip link set lo up; ip address add %5$s/24 dev eth0; ip link set eth0 up'
        nsenter --target %2$d --uts sh -c 'echo %5$s > /proc/sys/kernel/hostname'
        # Copies of this machine's mounts would stay when they are unmounted there.
        nsenter --target %2$d --mount sh -ec "
          umount --all --lazy --types fuse.adhocfs
          mount -t tmpfs -o size=%3$dm none '$PWD/disk'
          mount -t tmpfs none /dev/shm"
        """
            .formatted(number, holder.pid(), diskMebibytes, number % 2, address(number)));
  }

  /** Where host k is; also its name. */
  public String address(int host) {
    return subnet + (FIRST_HOST + host);
  }

  /** A file that names these hosts. */
  public Path file(int... hosts) throws IOException {
    Path file = Files.createTempFile(directory, "hosts-", ".txt");
    Files.write(file, IntStream.of(hosts).mapToObj(this::address).toList());
    return file;
  }

  /** A program that takes the place of ssh: it runs a command on the host of this name. */
  public Path remoteShell() {
    return directory.resolve("on");
  }

  /** What the setting remote.start has to be. */
  public String remoteStart() {
    return remoteShell() + " {host}";
  }

  /** Where each host has its disk. */
  public Path disk() {
    return directory.resolve("disk");
  }

  /** Runs a script on a host. */
  public String on(int host, String script) throws IOException, InterruptedException {
    return Commands.run(
            directory,
            Map.of(),
            Duration.ofMinutes(1),
            List.of(remoteShell().toString(), address(host), script))
        .expectSuccess()
        .output();
  }

  /** Runs a bash script on a host, which ends at its first failing command. */
  public String bash(int host, String script) throws IOException, InterruptedException {
    return Commands.bash(
        directory,
        Map.of("host", address(host), "script", "'" + script.replace("'", "'\\''") + "'"),
        "exec ./on \"$host\" \"exec bash -euo pipefail -c $script\"");
  }

  /**
   * Pulls the cable between the switches out, and plugs it in again after a while; returns then.
   * One program does both: this process could wait for the other side as it starts another one,
   * which closes what is open here, files on a mount too.
   */
  public void pullCableFor(Duration apart) throws IOException, InterruptedException {
    var _ =
        bash(
            "ip link set ${p}c0 down; sleep %d.%03d; ip link set ${p}c0 up"
                .formatted(apart.toSeconds(), apart.toMillisPart()));
  }

  /** Pulls a host's own cable out, or plugs it in again. */
  public void setPlugged(int host, boolean plugged) throws IOException, InterruptedException {
    var _ = bash("ip link set ${p}h%d %s".formatted(host, plugged ? "up" : "down"));
  }

  private String bash(String script) throws IOException, InterruptedException {
    return Commands.bash(
        directory, Map.of("p", prefix, "net", subnet), "PATH=$PATH:/sbin:/usr/sbin\n" + script);
  }

  @Override
  public void close() throws IOException {
    try {
      remove();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }

  private void remove() throws IOException, InterruptedException {
    for (Process holder : holders) {
      // What runs there would keep the namespaces, and the links in them.
      bash(
          "n=$(readlink /proc/%1$d/ns/net); for p in /proc/[0-9]*; do".formatted(holder.pid())
              + " [ \"$(readlink $p/ns/net)\" != \"$n\" ] || kill -9 ${p#/proc/}; done");
    }
    bash(
        "for l in ${p}s0 ${p}s1 ${p}c0; do ! [ -e /sys/class/net/$l ] || ip link del $l; done;"
            + " cd /; rm -rf --one-file-system \"$OLDPWD\"");
  }

  private void removeAtExit() {
    try {
      remove();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
