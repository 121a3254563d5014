package io.adhocfs.fuse.switches;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.InstanceSource;
import io.adhocfs.fuse.SwitchAttributes;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.Datasets;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.settings.Profile;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import java.io.IOException;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Switches through a mount: what the command config does, for callers that know a directory by its
 * inode. One thread does one call after the other, and each call asks the daemons for the agreed
 * state: this is made for people, not for programs that change switches all day.
 */
public final class MountSwitches implements SwitchAttributes, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MountSwitches.class);

  private static final int WAITING_MAX = 256;
  private static final int IDLE_SECONDS = 10;
  private static final int ROOT_USER = 0;

  private final InodeOperations inodes;
  private final InstanceSource source;
  private final int owner;
  private final BackgroundWalks walks = new BackgroundWalks(this::walk);
  private final ThreadPoolExecutor worker =
      new ThreadPoolExecutor(
          1,
          1,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          new ArrayBlockingQueue<>(WAITING_MAX),
          Thread.ofPlatform().daemon().name("adhocfs-switches").factory());

  /**
   * @param inodes the inodes of the mount
   * @param owner the user of the mount, who may change switches, as root may
   */
  public MountSwitches(InodeOperations inodes, InstanceSource source, int owner) {
    this.inodes = inodes;
    this.source = source;
    this.owner = owner;
    worker.allowCoreThreadTimeOut(true);
  }

  @Override
  public CompletableFuture<Void> set(
      int user, InodeId inode, String key, byte[] value, AttributeSetMode mode) {
    return begin(
            () -> {
              requireMayChange(user, owner, key);
              set(inode, key, new String(value, UTF_8).strip(), mode);
              return true;
            })
        .thenApply(_ -> null);
  }

  private void set(InodeId directory, String key, String value, AttributeSetMode mode)
      throws FsException {
    Map<Setting, String> values = values(key, value);
    if (!await(inodes.getAttributes(directory)).isDirectory()) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "%s: switches are set for directories, and inode %s is not a directory"
              .formatted(key, directory));
    }
    try (Controller controller = open()) {
      Setting setting = Setting.ofKey(key);
      requireMode(mode, key, setting != null && isSet(controller, directory, setting));
      Dataset dataset = null;
      if (!directory.equals(InodeId.ROOT)) {
        Datasets datasets = controller.datasets();
        dataset = ofDirectory(datasets, directory);
        if (dataset == null) {
          dataset = datasets.of(directory, text(await(inodes.pathOf(directory))));
        }
      }
      controller.switches().set(dataset, values);
      LOG.info("{}={} has been set for {}", key, value, shown(dataset));
      if (dataset != null) {
        walks.start(dataset);
      }
    }
  }

  @Override
  public CompletableFuture<byte[]> get(InodeId inode, String key) {
    Setting setting = switchOf(key);
    return setting == null
        ? CompletableFuture.failedFuture(none(key))
        : begin(() -> value(inode, setting).getBytes(UTF_8));
  }

  private String value(InodeId inode, Setting setting) throws FsException {
    int number = await(inodes.getAttributes(inode)).layout().dataset();
    try (Controller controller = open()) {
      Dataset dataset = ofDirectory(controller.datasets(), inode);
      if (dataset == null) {
        dataset = latest(controller.datasets(), each -> each.id() == number);
      }
      return controller.switches().values(dataset == null ? null : dataset.path()).stream()
          .filter(value -> value.setting() == setting)
          .findFirst()
          .orElseThrow()
          .text();
    }
  }

  @Override
  public CompletableFuture<Void> remove(int user, InodeId inode, String key) {
    return begin(
            () -> {
              requireMayChange(user, owner, key);
              Setting setting = switchOf(key);
              try (Controller controller = open()) {
                if (setting == null || !isSet(controller, inode, setting)) {
                  throw none(key);
                }
                Dataset dataset = ofDirectory(controller.datasets(), inode);
                controller.switches().unset(dataset, List.of(setting));
                LOG.info("{} has been unset for {}", key, shown(dataset));
              }
              return true;
            })
        .thenApply(_ -> null);
  }

  private void walk(Dataset dataset) throws FsException {
    try (Controller controller = open()) {
      Datasets datasets = controller.datasets();
      Dataset now = latest(datasets, each -> each.id() == dataset.id());
      if (now != null && !now.complete()) {
        datasets.walk(now, _ -> {});
      }
    }
  }

  @Override
  public void close() {
    var _ = worker.shutdownNow();
    walks.close();
  }

  // Requests. -------------------------------------------------------------------------------------

  static void requireMayChange(int user, int owner, String key) throws FsException {
    if (user != ROOT_USER && user != owner) {
      throw new FsException(
          FsError.NOT_PERMITTED,
          "%s: user %d may not change switches, only user %d, who mounted, and root"
              .formatted(key, user, owner));
    }
  }

  /** The switches to set: one, or all of a profile. */
  static Map<Setting, String> values(String key, String value) throws FsException {
    if (switchOf(key) == null && !key.equals(Profile.KEY)) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "%s is not a switch; switches: %s, and %s"
              .formatted(
                  key,
                  Setting.switches().stream().map(Setting::key).collect(Collectors.joining(", ")),
                  Profile.KEY));
    }
    Map<String, String> byKey = new HashMap<>(Map.of(key, value));
    Map<Setting, String> values = new EnumMap<>(Setting.class);
    try {
      Profile.expand(byKey);
      for (Map.Entry<String, String> entry : byKey.entrySet()) {
        Setting setting = Objects.requireNonNull(Setting.ofKey(entry.getKey()));
        values.put(setting, new SettingChange(0, setting, entry.getValue()).value());
      }
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.INVALID, String.valueOf(e.getMessage()), e);
    }
    return values;
  }

  static void requireMode(AttributeSetMode mode, String key, boolean isSet) throws FsException {
    if (mode == AttributeSetMode.CREATE && isSet) {
      throw new FsException(FsError.EXISTS, key + " is set for this directory");
    }
    if (mode == AttributeSetMode.REPLACE && !isSet) {
      throw none(key);
    }
  }

  private static FsException none(String key) {
    return new FsException(FsError.NO_ATTRIBUTE, key + " is not set here");
  }

  private static @Nullable Setting switchOf(String key) {
    Setting setting = Setting.ofKey(key);
    return setting != null && setting.isSwitch() ? setting : null;
  }

  /** The path as text, as datasets store it. */
  static String text(AdhocPath path) throws FsException {
    String text = path.toString();
    try {
      Dataset.requirePath(text);
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.INVALID, String.valueOf(e.getMessage()), e);
    }
    if (!AdhocPath.ofText(text).equals(path)) {
      throw new FsException(FsError.INVALID, "the path '" + text + "' is not text");
    }
    return text;
  }

  // The agreed state. -----------------------------------------------------------------------------

  private Controller open() throws FsException {
    try {
      return Controller.open(source.read());
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED,
          "cannot read the description of the instance: " + e.getMessage(),
          e);
    }
  }

  /** Whether a switch was set for this directory itself. */
  private static boolean isSet(Controller controller, InodeId directory, Setting setting)
      throws FsException {
    Dataset dataset = ofDirectory(controller.datasets(), directory);
    if (dataset == null && !directory.equals(InodeId.ROOT)) {
      return false;
    }
    int number = dataset == null ? SettingChange.WHOLE_INSTANCE : dataset.id();
    return controller.switches().changes().stream()
        .anyMatch(change -> change.dataset() == number && change.setting() == setting);
  }

  /** The dataset of a directory, or null: the root and most directories have none. */
  private static @Nullable Dataset ofDirectory(Datasets datasets, InodeId directory) {
    return latest(datasets, dataset -> dataset.directory().equals(directory));
  }

  /**
   * The latest dataset with this property: a directory that was renamed, and then given switches by
   * its new path, has two datasets, of which the later counts.
   */
  private static @Nullable Dataset latest(Datasets datasets, Predicate<Dataset> condition) {
    return datasets.list().stream()
        .filter(condition)
        .max(Comparator.comparingInt(Dataset::id))
        .orElse(null);
  }

  private static String shown(@Nullable Dataset dataset) {
    return dataset == null ? "the whole instance" : dataset.path();
  }

  // The thread. -----------------------------------------------------------------------------------

  @FunctionalInterface
  private interface Work<T> {
    T run() throws FsException;
  }

  private <T> CompletableFuture<T> begin(Work<T> work) {
    var answer = new CompletableFuture<T>();
    try {
      worker.execute(() -> {
        try {
          answer.complete(work.run());
        } catch (FsException | RuntimeException e) {
          answer.completeExceptionally(e);
        }
      });
    } catch (RejectedExecutionException e) {
      answer.completeExceptionally(
          new FsException(FsError.BUSY, "too many requests for switches at once", e));
    }
    return answer;
  }

  private static <T> T await(CompletableFuture<T> future) throws FsException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw FsException.of(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "the mount is ending", e);
    }
  }
}
