package io.adhocfs.daemon.service;

import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.LockRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Request;
import java.util.function.ToIntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells which dataset a request about metadata concerns: that of its inode, or of the directory in
 * which it names something; 0 = none, or not known here. Metadata thread only.
 */
public final class RequestDatasets implements ToIntFunction<Request> {
  private static final Logger LOG = LoggerFactory.getLogger(RequestDatasets.class);
  private static final int NONE = 0;

  private final MetadataStore store;

  public RequestDatasets(MetadataStore store) {
    this.store = store;
  }

  @Override
  public int applyAsInt(Request request) {
    try {
      return switch (request) {
        case NamespaceRequest named -> of(named);
        case FileRequest file -> ofInode(file.inode());
        case ExtendedAttributeRequest attribute -> ofInode(attribute.inode());
        case LockRequest.SetLock lock -> ofInode(lock.inode());
        case LockRequest.TestLock lock -> ofInode(lock.inode());
        default -> NONE;
      };
    } catch (FsException e) {
      // The request itself will meet the same.
      LOG.debug("the dataset of a {}", request.type(), e);
      return NONE;
    }
  }

  private int of(NamespaceRequest request) throws FsException {
    return switch (request) {
      case NamespaceRequest.Lookup lookup -> ofDirectory(lookup.entry());
      case NamespaceRequest.Create create -> ofDirectory(create.entry());
      case NamespaceRequest.MakeDirectory make -> ofDirectory(make.entry());
      case NamespaceRequest.Unlink unlink -> ofDirectory(unlink.entry());
      case NamespaceRequest.RemoveDirectory remove -> ofDirectory(remove.entry());
      case NamespaceRequest.Link link -> ofDirectory(link.entry());
      case NamespaceRequest.Rename rename -> ofDirectory(rename.from());
      case NamespaceRequest.ReadDirectory read -> ofPart(read.directory(), read.partition());
      case NamespaceRequest.GetShares get -> ofInode(get.directory());
      case NamespaceRequest.GetAttributes get -> ofInode(get.inode());
      case NamespaceRequest.SetAttributes set -> ofInode(set.inode());
      case NamespaceRequest.Truncate truncate -> ofInode(truncate.inode());
      case NamespaceRequest.ReadSymlink read -> ofInode(read.inode());
      case NamespaceRequest.Open open -> ofInode(open.inode());
      case NamespaceRequest.ReadInline read -> ofInode(read.inode());
      case NamespaceRequest.WriteInline write -> ofInode(write.inode());
      case NamespaceRequest.LeaveInline leave -> ofInode(leave.inode());
      case NamespaceRequest.ReportWrite report -> ofInode(report.inode());
      case NamespaceRequest.SyncInode sync -> ofInode(sync.inode());
      case NamespaceRequest.ReleasePins _ -> NONE;
    };
  }

  private int ofInode(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    return attributes == null ? NONE : attributes.layout().policyId();
  }

  private int ofDirectory(EntryKey entry) throws FsException {
    return ofPart(entry.directory(), entry.partition());
  }

  private int ofPart(InodeId directory, int partition) throws FsException {
    if (partition == 0) {
      return ofInode(directory);
    }
    Share share = store.share(directory, partition);
    return share == null ? NONE : share.attributes().layout().policyId();
  }
}
