package io.adhocfs.it.failure;

import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.TransactionRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Requests about one file of the root that nobody should send: sound ones of every kind, to be
 * damaged on their way, and well-formed ones that make no sense.
 */
final class OddRequests {
  private static final Owner NOBODY = new Owner(0, 0);

  private final ClusterMap map;
  private final String name;
  private final FileAttributes file;
  private final SplittableRandom random;
  private long sequence;

  /**
   * Requests about a file.
   *
   * @param name of the file in the root
   */
  OddRequests(ClusterMap map, String name, FileAttributes file, SplittableRandom random) {
    this.map = map;
    this.name = name;
    this.file = file;
    this.random = random;
  }

  static EntryKey entry(InodeId directory, String name) throws FsException {
    return new EntryKey(directory, 0, EntryName.ofText(name));
  }

  /** Makes an empty file. */
  static NamespaceRequest.Create create(OperationStamp stamp, EntryKey entry) {
    return new NamespaceRequest.Create(
        stamp, entry, NewInode.regularFile(0644, NOBODY), true, 0, Request.NO_SLOT, 1);
  }

  private byte[] cursor() {
    var bytes = new byte[random.nextInt(40)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Sound requests, which should not arrive as they are. */
  List<Request> sound() throws FsException {
    var stamp = new OperationStamp(5, 3);
    EntryKey one = entry(InodeId.ROOT, "one");
    EntryKey two = entry(InodeId.ROOT, "two");
    var transaction = new TransactionId(12345);
    List<ChunkSpan> spans = List.of(new ChunkSpan(0, 0, 10), new ChunkSpan(1, 5, 10));
    return List.of(
        new NamespaceRequest.Lookup(one),
        new NamespaceRequest.GetAttributes(file.id()),
        new NamespaceRequest.SetAttributes(
            stamp, file.id(), AttributeChange.NONE.withMode(0600).at(1)),
        new NamespaceRequest.Truncate(stamp, file.id(), 0, 1),
        create(stamp, one),
        new NamespaceRequest.MakeDirectory(stamp, one, NewInode.directory(0755, NOBODY), 77, 1),
        new NamespaceRequest.Unlink(stamp, entry(InodeId.ROOT, name), 1),
        new NamespaceRequest.RemoveDirectory(stamp, one, 1),
        new NamespaceRequest.Link(stamp, file.id(), two, 1),
        new NamespaceRequest.Rename(stamp, entry(InodeId.ROOT, name), two, 0, 1),
        new NamespaceRequest.ReadSymlink(file.id()),
        new NamespaceRequest.ReadDirectory(InodeId.ROOT, 0, 0, 0, 100, true),
        new NamespaceRequest.Open(file.id(), 7),
        new NamespaceRequest.ReleasePins(List.of(new PinRelease(file.id(), 7))),
        new NamespaceRequest.ReadInline(file.id(), 0, 10),
        new NamespaceRequest.WriteInline(stamp, file.id(), 0, 1),
        new NamespaceRequest.LeaveInline(stamp, file.id()),
        new NamespaceRequest.ReportWrite(file.id(), 0, 0, 10, 1),
        new NamespaceRequest.SyncInode(file.id()),
        new DataRequest.WriteChunks(file.id(), file.layout(), 0, spans),
        new DataRequest.ReadChunks(file.id(), file.layout(), 0, spans),
        new DataRequest.DiscardChunks(file.id(), file.layout(), 1, 0, Long.MAX_VALUE, false),
        new DataRequest.SyncChunks(file.id()),
        new TransactionRequest.Prepare(
            transaction,
            List.of(
                new Change.RemoveEntry(one, file.id(), 1),
                new Change.PutEntry(two, file.id(), FileType.REGULAR, InodeId.NONE, 1),
                new Change.AdjustLinks(file.id(), 0, 1))),
        new TransactionRequest.Decide(transaction, true, List.of(SlotId.ROOT)),
        new TransactionRequest.QueryOutcome(transaction),
        new ControlRequest.InstallMap(map),
        new ControlRequest.Shutdown(true),
        new ControlRequest.ScanInodes(new byte[] {1, 2, 3}, 10),
        new ControlRequest.ScanEntries(new byte[] {1, 2, 3}, 10),
        new ControlRequest.ScanChunks(new byte[] {1, 2, 3}, 10));
  }

  /** Refused, or without effect. */
  List<Request> absurdMetadataRequests() throws FsException {
    var requests = new ArrayList<Request>();
    EntryKey one = entry(InodeId.ROOT, "one");
    EntryKey taken = entry(InodeId.ROOT, name);
    var nowhere = new InodeId(random.nextLong());
    for (int value : new int[] {-1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      requests.add(new NamespaceRequest.ReadDirectory(InodeId.ROOT, 0, 0, 0, value, true));
      requests.add(new NamespaceRequest.ReadDirectory(InodeId.ROOT, value, value, 0, 100, true));
      requests.add(new NamespaceRequest.ReadDirectory(InodeId.ROOT, 0, 0, value, 100, true));
      requests.add(new NamespaceRequest.ReadInline(file.id(), 0, value));
      requests.add(new NamespaceRequest.ReadInline(file.id(), value, 10));
      requests.add(new NamespaceRequest.Rename(stamp(), taken, one, value, 1));
      requests.add(
          new NamespaceRequest.SetAttributes(
              stamp(), file.id(), new AttributeChange(127, value, value, value, 1, 1, 1, value)));
      var directory = new NewInode(FileType.DIRECTORY, value, NOBODY, 0, new byte[0]);
      requests.add(new NamespaceRequest.MakeDirectory(stamp(), one, directory, value, 1));
      requests.add(new ControlRequest.ScanInodes(cursor(), value));
      requests.add(new ControlRequest.ScanEntries(cursor(), value));
      requests.add(new ControlRequest.ScanChunks(cursor(), value));
    }
    for (long value : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      requests.add(new NamespaceRequest.GetAttributes(new InodeId(value)));
      requests.add(new NamespaceRequest.Open(new InodeId(value), value));
      if (value < 0) {
        requests.add(new NamespaceRequest.Truncate(stamp(), file.id(), value, 1));
      }
      requests.add(new NamespaceRequest.Truncate(stamp(), InodeId.ROOT, value, 1));
      requests.add(new NamespaceRequest.WriteInline(stamp(), file.id(), value, 1));
      requests.add(new NamespaceRequest.ReportWrite(file.id(), 5, 0, value, 1));
      requests.add(new NamespaceRequest.ReportWrite(file.id(), value, 0, 100, 1));
      requests.add(new NamespaceRequest.ReportWrite(InodeId.ROOT, 0, 0, value, 1));
      requests.add(new NamespaceRequest.ReportWrite(file.id(), 0, value, 100, 1));
      requests.add(
          new NamespaceRequest.ReleasePins(List.of(new PinRelease(new InodeId(value), value))));
      requests.add(new TransactionRequest.QueryOutcome(new TransactionId(value)));
      requests.add(
          new TransactionRequest.Decide(new TransactionId(value), true, List.of(SlotId.ROOT)));
      requests.add(
          new TransactionRequest.Prepare(
              new TransactionId(value), List.of(new Change.AdjustLinks(nowhere, 1, value))));
    }
    for (FileType type : FileType.values()) {
      requests.add(createOdd(entry(file.id(), "below-a-file"), type, new byte[0]));
      requests.add(createOdd(entry(nowhere, "below-nothing"), type, new byte[0]));
      requests.add(createOdd(taken, type, new byte[0]));
      requests.add(createOdd(one, type, new byte[5000]));
    }
    requests.add(createOdd(one, FileType.DIRECTORY, new byte[0]));
    requests.add(createOdd(one, FileType.SYMLINK, new byte[0]));
    requests.add(
        createOdd(new EntryKey(InodeId.ROOT, 5, one.name()), FileType.REGULAR, new byte[0]));
    requests.add(new NamespaceRequest.Link(stamp(), InodeId.ROOT, one, 1));
    requests.add(new NamespaceRequest.Link(stamp(), InodeId.NONE, one, 1));
    requests.add(new NamespaceRequest.Link(stamp(), nowhere, one, 1));
    requests.add(new NamespaceRequest.Rename(stamp(), entry(nowhere, "x"), one, 0, 1));
    requests.add(new NamespaceRequest.Rename(stamp(), taken, entry(file.id(), "x"), 0, 1));
    requests.add(new NamespaceRequest.ReadSymlink(file.id()));
    requests.add(new NamespaceRequest.ReadSymlink(InodeId.ROOT));
    requests.add(new NamespaceRequest.LeaveInline(stamp(), InodeId.ROOT));
    requests.add(new NamespaceRequest.ReleasePins(List.of()));
    // A promise for a coordinator that knows nothing of it; readers wait until it is settled.
    requests.add(
        new TransactionRequest.Prepare(
            new TransactionId(77), List.of(new Change.AdjustLinks(file.id(), 1, 1))));
    return requests;
  }

  /** Numbers that the session has not used yet. */
  private OperationStamp stamp() {
    sequence++;
    return new OperationStamp(sequence, sequence);
  }

  private NamespaceRequest.Create createOdd(EntryKey entry, FileType type, byte[] symlinkTarget) {
    return new NamespaceRequest.Create(
        stamp(),
        entry,
        new NewInode(type, 0644, new Owner(-1, -1), -1, symlinkTarget),
        true,
        -1,
        Request.NO_SLOT,
        -1);
  }

  /** Refused, or without effect. */
  List<Request> absurdDataRequests() {
    var requests = new ArrayList<Request>();
    var layout = file.layout().chunked();
    var nowhere = new InodeId(random.nextLong());
    int most = Integer.MAX_VALUE;
    // None of the writes has a payload.
    for (ChunkSpan span :
        List.of(
            new ChunkSpan(0, 0, 1),
            new ChunkSpan(0, 0, most),
            new ChunkSpan(0, most, most),
            new ChunkSpan(0, layout.chunkSizeBytes() - 1, 2),
            new ChunkSpan(Long.MAX_VALUE, 0, 10),
            new ChunkSpan(Long.MAX_VALUE / layout.chunkSizeBytes(), 0, 10))) {
      for (long generation : new long[] {0, -1, Long.MAX_VALUE}) {
        requests.add(new DataRequest.WriteChunks(nowhere, layout, generation, List.of(span, span)));
        requests.add(new DataRequest.ReadChunks(nowhere, layout, generation, List.of(span, span)));
      }
    }
    requests.add(new DataRequest.WriteChunks(nowhere, layout, 0, List.of()));
    requests.add(new DataRequest.ReadChunks(nowhere, layout, 0, List.of()));
    for (long value : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE - 1}) {
      requests.add(new DataRequest.DiscardChunks(nowhere, layout, value, value, 5, true));
      requests.add(new DataRequest.DiscardChunks(nowhere, layout, value, 5, value, false));
    }
    requests.add(new DataRequest.SyncChunks(nowhere));
    return requests;
  }
}
