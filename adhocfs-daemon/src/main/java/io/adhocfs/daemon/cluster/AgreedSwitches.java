package io.adhocfs.daemon.cluster;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The switches, as far as this daemon has learnt what was agreed on. Thread-safe. */
public final class AgreedSwitches {
  private record Learnt(List<SettingChange> changes, SwitchTable table) {}

  private volatile Learnt learnt;

  /** Those of an instance in which nothing has been set since it was brought up. */
  public AgreedSwitches(Settings given) {
    learnt = new Learnt(List.of(), new SwitchTable(Epoch.FIRST, given, List.of()));
  }

  /**
   * Takes over what was agreed on, as of an epoch, with what each dataset has from others said of
   * it.
   */
  public void use(Epoch epoch, List<SettingChange> changes) {
    learnt = new Learnt(changes, learnt.table.after(epoch, changes));
  }

  /** What holds for a file or a directory, and for what is made in it. */
  public Switches of(FileAttributes inode) {
    return of(inode.layout().dataset());
  }

  public Switches of(int dataset) {
    return learnt.table.of(dataset);
  }

  /** Whether fsync is to reach the disk anywhere. */
  public boolean anyOnDisk() {
    return learnt.table.anyOnDisk();
  }

  /**
   * The slot that a maker offers for what he makes, or null where it is not wanted or he has none.
   *
   * @param wanted whether the switches want it there
   * @param offered as the request says; {@link Request#NO_SLOT} = none
   * @throws FsException INVALID, for a slot that there is not
   */
  public static @Nullable SlotId offered(boolean wanted, int offered) throws FsException {
    if (!wanted || offered == Request.NO_SLOT) {
      return null;
    }
    if (offered < 0 || offered >= SlotId.COUNT) {
      throw new FsException(FsError.INVALID, "there is no slot " + offered);
    }
    return new SlotId(offered);
  }

  /** The map with what has been set, as clients are told. */
  public Reply.Map told(ClusterMap map) {
    Learnt now = learnt;
    return new Reply.Map(map, now.table.epoch(), now.changes);
  }
}
